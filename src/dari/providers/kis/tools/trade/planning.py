"""plan_order, plan_modify, plan_cancel: everything is checked and nothing is sent; apply_plan sends it."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Any, Final, Literal

from pydantic import Field, WithJsonSchema

from dari.core.acts import Act, Acting, Holder
from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, InvalidInput, NotFound
from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Tool
from dari.providers.kis.models.orders import Order
from dari.providers.kis.tools.trade.buying import afford, exchange_rate
from dari.providers.kis.tools.trade.checks import (
    Standing,
    check_price,
    check_session,
    facts_of,
    standing,
    wrong,
)
from dari.providers.kis.tools.trade.elsewhere import Rules, check, rules_of
from dari.providers.kis.tools.trade.hand import NAME
from dari.providers.kis.tools.trade.ledger import orders
from dari.providers.kis.tools.trade.lines import CURRENCIES, DOMESTIC, Product, line_of
from dari.providers.kis.tools.trade.shaping import text_of
from dari.providers.kis.tools.trade.spelling import Change, Wish, at_limit, change_order, find, new_order

Price = Annotated[Decimal, Field(gt=0, allow_inf_nan=False), WithJsonSchema({"type": "number"})]
UNBOUNDED: Final = Decimal("1.3")
"""What a price may rise to where no rule bounds it, for the caps: as much as it could at home."""
More = Annotated[dict[str, str], Field(default_factory=dict)]


class PlanOrder(Query):
    """Arguments of plan_order."""

    side: Literal["buy", "sell"]
    symbol: str
    quantity: int = Field(ge=1)
    price: Price | None = None
    product: Product = "stock"
    exchange: str = ""
    type: str = ""
    more: More


class PlanModify(Query):
    """Arguments of plan_modify."""

    order_number: str
    price: Price
    quantity: int | None = Field(default=None, ge=1)
    product: Product = "stock"


class PlanCancel(Query):
    """Arguments of plan_cancel."""

    order_number: str
    quantity: int | None = Field(default=None, ge=1)
    product: Product = "stock"


async def plan_order(query: PlanOrder, upstream: Acting) -> Answer:
    """Check a new order and keep it as a plan. Raises InvalidInput, NotAllowed (caps), WrongMode, or as upstream does.

    Asks the quote, and what may be bought or sold; nothing is sent.
    """
    product, line = query.product, line_of(query.product)
    exchange = _exchange(product, query.exchange.upper())
    symbol = query.symbol.strip().upper()
    holder = upstream.holder(line.buy)
    if holder.mode == "paper" and exchange in {"NXT", "SOR"}:
        raise wrong("exchange", "paper trading knows KRX alone", "모의투자는 KRX만 됩니다.", allowed=["KRX"])
    wish = Wish(
        product=product,
        side=query.side,
        symbol=symbol,
        quantity=query.quantity,
        price=query.price,
        kind=query.type,
        exchange=exchange,
        more=query.more,
    )
    row, sent = new_order(wish, holder.mode, upstream.now().date())
    check_session(product, exchange, upstream)
    now = await standing(upstream, product, symbol, exchange)
    if now.halted:
        raise wrong("symbol", "trading of it is halted", "거래정지 종목입니다.")
    if query.quantity % now.lot:
        raise wrong("quantity", f"the lot is {now.lot}", f"매매수량단위는 {now.lot}입니다.", allowed=[now.lot])
    check_price(product, query.price, now, line.decimals)
    rules = await rules_of(upstream, product, symbol, exchange, now)
    check(rules, query.price, query.quantity)
    gaps = [*await afford(wish, sent, upstream), *rules.gaps]
    worst = query.price if at_limit(row, line, sent) and query.price else _worst(query, now)
    worth = await _worth(wish, worst, rules, upstream)
    facts = {
        "does": "new",
        "product": product,
        "symbol": symbol,
        "side": query.side,
        "quantity": query.quantity,
        "price": None if query.price is None else str(query.price),
        "venue": exchange,
        "original": None,
        **facts_of(product, now, upstream),
    }
    told = {"product": product, "side": query.side, "symbol": symbol, "name": now.name, "quantity": query.quantity}
    told |= {"price": query.price and str(query.price), "exchange": exchange, "price_now": now.price and str(now.price)}
    return await _proposed(_act(row, sent, holder, facts, told=told, worth=worth), upstream, gaps)


async def plan_modify(query: PlanModify, upstream: Acting) -> Answer:
    """Check an amendment of an open order and keep it as a plan. Raises NotFound with the open orders."""
    original, holder = await _open_order(query.product, query.order_number, upstream)
    line = line_of(query.product)
    now = await standing(upstream, query.product, original.symbol, original.venue)
    check_session(query.product, original.venue or "KRX", upstream)
    check_price(query.product, query.price, now, line.decimals)
    rules = await rules_of(upstream, query.product, original.symbol, original.venue, now)
    check(rules, query.price, 0)  # what is left of an order may be no whole lot
    quantity = _quantity(query.quantity, original)
    wish = Change(product=query.product, original=original, quantity=quantity, price=query.price)
    row, sent = change_order(wish, holder.mode, upstream.now().date())
    asked = Wish(
        product=query.product,
        side=original.side,
        symbol=original.symbol,
        quantity=quantity,
        price=query.price,
        exchange=original.venue,
    )
    worth = await _worth(asked, query.price, rules, upstream)
    facts = _change_facts("modify", query.product, original, quantity) | facts_of(query.product, now, upstream)
    facts["price"] = str(query.price)
    told = {"change": original.told(), "quantity": quantity, "price": str(query.price)}
    return await _proposed(_act(row, sent, holder, facts, told=told, worth=worth), upstream, list(rules.gaps))


async def plan_cancel(query: PlanCancel, upstream: Acting) -> Answer:
    """Check a cancellation of an open order and keep it as a plan. Raises NotFound with the open orders."""
    original, holder = await _open_order(query.product, query.order_number, upstream)
    quantity = _quantity(query.quantity, original)
    wish = Change(product=query.product, original=original, quantity=quantity, price=None)
    row, sent = change_order(wish, holder.mode, upstream.now().date())
    facts = _change_facts("cancel", query.product, original, quantity)
    told = {"cancel": original.told(), "quantity": quantity}
    return await _proposed(_act(row, sent, holder, facts, told=told, worth=(0, "")), upstream, [])


def _worst(query: PlanOrder, now: Standing) -> Decimal | None:
    """The worst price an order without a limit of its own may execute at, as far as the market's rules bound it."""
    if query.side == "sell":
        return max(filter(None, (query.price, now.price)), default=None)
    bound = now.high or (None if now.price is None else now.price * UNBOUNDED)
    return max(filter(None, (query.price, bound)), default=None)


async def _worth(wish: Wish, price: Decimal | None, rules: Rules, upstream: Acting) -> tuple[int | None, str]:
    """(what it comes to in won, or None; then what it comes to abroad, with its currency), at the worst price."""
    if price is None or rules.unit is None:
        return None, ""
    amount = price * wish.quantity * rules.unit
    if wish.product == "overseas_future":
        return None, f"{amount.normalize():f} {rules.currency}"
    if wish.product.startswith("overseas"):
        rate = await exchange_rate(upstream, wish.exchange, wish.symbol, price)
        foreign = f"{amount} {CURRENCIES.get(wish.exchange, 'USD')}"
        return (None if rate is None else int((amount * rate).to_integral_value(ROUND_CEILING))), foreign
    return int(amount), ""


def _exchange(product: str, asked: str) -> str:
    if product in {"stock", "credit"}:
        allowed: tuple[str, ...] = DOMESTIC
    elif product.startswith("overseas") and product != "overseas_future":
        allowed = tuple(CURRENCIES)
    else:
        return ""
    exchange = asked or ("KRX" if allowed is DOMESTIC else "")
    if exchange not in allowed:
        raise wrong("exchange", f"one of {', '.join(allowed)}", f"{', '.join(allowed)} 중 하나", allowed=list(allowed))
    return exchange


async def _open_order(product: str, number: str, upstream: Acting) -> tuple[Order, Holder]:
    """The open order of that number, from today's lists of every venue."""
    holder = upstream.holder(line_of(product).change)
    today = f"{upstream.now():%Y%m%d}"
    venues = ("KRX",) if holder.mode == "paper" else DOMESTIC
    listed = await orders(upstream, product, today, today, venues)
    found = find(listed, number)
    if found is None or found.cancelled or found.left == 0:
        open_ = [one.number for one in listed if one.left and not one.cancelled]
        raise NotFound(
            f"there is no open {product} order {number}" + ("" if found is None else f" (it is {found.status})"),
            hint=Hint(f"미체결 주문: {', '.join(open_) or '없음'}", f"Open orders: {', '.join(open_) or 'none'}"),
            details={"open": open_[:20]},
        )
    return found, holder


def _quantity(asked: int | None, original: Order) -> int:
    left = int(original.left or original.quantity or 0)
    if asked is not None and asked > left:
        raise InvalidInput(
            f"quantity: only {left} of the order are left",
            hint=Hint(f"남은 수량은 {left}입니다.", f"{left} are left."),
            details={"parameter": "quantity", "allowed": [left]},
        )
    return asked or left


def _change_facts(does: str, product: str, original: Order, quantity: int) -> dict[str, Any]:
    return {
        "does": does,
        "product": product,
        "symbol": original.symbol,
        "side": original.side,
        "quantity": quantity,
        "price": None,
        "venue": original.venue,
        "original": original.number,
    }


def _act(
    row: Endpoint,
    sent: dict[str, str],
    holder: Holder,
    facts: dict[str, Any],
    *,
    told: dict[str, Any],
    worth: tuple[int | None, str],
) -> Act:
    about = (facts[name] for name in ("product", "symbol", "side", "quantity", "price"))
    return Act(
        hand=NAME,
        holder=holder,
        subject=facts["symbol"],
        amount=worth[0],
        foreign=worth[1],
        likeness=f"change {facts['original']}" if facts["original"] else f"new {' '.join(map(str, about))}",
        sent={"endpoint": row.id, "parameters": sent, "mode": holder.mode},
        facts=facts,
        told={name: value for name, value in told.items() if value is not None},
    )


async def _proposed(act: Act, upstream: Acting, gaps: list[Gap]) -> Answer:
    plan = await upstream.plans.propose(act)
    lines = [
        plan["effect"],
        f"{plan['mode']} {plan['account']} · {plan['amount_krw']:,}원",
        f"plan_id {plan['plan_id']} · fingerprint {plan['fingerprint']} · {plan['expires_at']}까지",
        str(plan["next"]),
    ]
    return Answer(plan, upstream.sources, tuple(gaps), text_of("주문 계획 (아직 보내지 않음)", lines))


TEXT: Final = {"type": "string"}
OUTPUT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("plan_id", "fingerprint", "expires_at", "effect", "mode", "account", "next"), TEXT),
        "amount_krw": {"type": "integer"},
        "order": {"type": "object"},
        "armed": {"type": "boolean"},
    },
}

TOOLS: Final = (
    Tool(
        name="plan_order",
        title="주문 계획",
        description="Check and plan an order 주문 (nothing is sent; then apply_plan). No price: at the market. product "
        "credit, reservation, overseas, future, bond …; exchange NXT, SOR, NASD …",
        query=PlanOrder,
        output=OUTPUT,
        run=plan_order,
        toolset="orders",
    ),
    Tool(
        name="plan_modify",
        title="정정 계획",
        description="Plan a new price for an open order 정정 (nothing is sent). Then apply_plan.",
        query=PlanModify,
        output=OUTPUT,
        run=plan_modify,
        toolset="orders",
    ),
    Tool(
        name="plan_cancel",
        title="취소 계획",
        description="Plan the cancellation of an open order 취소 (nothing is sent). Then apply_plan.",
        query=PlanCancel,
        output=OUTPUT,
        run=plan_cancel,
        toolset="orders",
    ),
)
