"""주문: plan a cash, credit or gold order; the hand that does it once, and finds it in 미체결·체결 when in doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from dari.core.acts import Act, Acting, Holder, holder
from dari.core.errors import Hint, InvalidInput, Malformed, NotFound, PlanRefused
from dari.core.exchange import Answer
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kiwoom.models import head, table
from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools.account import EXECUTIONS, NUMBER, OPEN_ORDERS
from dari.providers.kiwoom.tools.envelope import failing
from dari.providers.kiwoom.tools.quotes import QUOTES

Action = Literal["buy", "sell", "amend", "cancel"]
Account = Literal["cash", "credit", "gold"]
ENDPOINTS: Final[Mapping[str, Mapping[str, str]]] = {
    "cash": {"buy": "kt10000", "sell": "kt10001", "amend": "kt10002", "cancel": "kt10003"},
    "credit": {"buy": "kt10006", "sell": "kt10007", "amend": "kt10008", "cancel": "kt10009"},
    "gold": {"buy": "kt50000", "sell": "kt50001", "amend": "kt50002", "cancel": "kt50003"},
}
ACTS: Final[Mapping[str, tuple[str, str]]] = {
    endpoint: (account, action) for account, actions in ENDPOINTS.items() for action, endpoint in actions.items()
}
TYPES: Final[Mapping[str, str]] = {
    "limit": "0",
    "market": "3",
    "conditional": "5",
    "best": "6",
    "top": "7",
    "limit_ioc": "10",
    "market_ioc": "13",
    "best_ioc": "16",
    "limit_fok": "20",
    "market_fok": "23",
    "best_fok": "26",
    "stop": "28",
    "mid": "29",
    "mid_ioc": "30",
    "mid_fok": "31",
    "pre_open": "61",
    "evening": "62",
    "post_close": "81",
}
"""매매구분. stop is 스톱지정가, mid 중간가, pre_open and post_close 장전·장후 시간외, evening 시간외단일가."""
GOLD_TYPES: Final[Mapping[str, str]] = {"limit": "00", "limit_ioc": "10", "limit_fok": "20"}
PRICED: Final = frozenset({"limit", "conditional", "limit_ioc", "limit_fok", "stop", "evening"})
STOP: Final = "stop"
ALL_OF_A_LOAN: Final = "99"
"""융자합: a credit sale over every loan of the stock."""
GOLD_ORDERS: Final = "kt50030"
JOURNAL: Final = "kt00007"
MOVED_PERCENT: Final = 2.0
"""A price that moved further than this since the plan is another market for an order without a price."""

SIDES: Final[Mapping[str, str]] = {"buy": "매수", "sell": "매도", "amend": "정정", "cancel": "취소"}
ACCOUNTS: Final[Mapping[str, str]] = {"cash": "현금", "credit": "신용", "gold": "금현물"}
HAND: Final = "kiwoom order"


def _known(kind: str) -> str:
    if kind not in TYPES:
        raise ValueError(f"one of {', '.join(TYPES)}")
    return kind


OrderType = Annotated[str, AfterValidator(_known)]
"""A kind of order; the list is told when it is missed, and costs no client its room."""


class PlanOrder(Query):
    """Arguments of plan_order."""

    action: Action
    stock_code: str = Field(pattern=r"^([0-9A-Z]{6}|M[0-9]{8})$")
    quantity: int = Field(ge=0, le=1_000_000, description="0 cancels the whole rest")
    price: int | None = Field(default=None, gt=0)
    order_type: OrderType = Field(default="limit", description="market, best, stop, mid, *_ioc, *_fok …")
    stop_price: int | None = Field(default=None, gt=0)
    account: Account = "cash"
    venue: Literal["KRX", "NXT", "SOR"] = "KRX"
    order_no: str | None = Field(default=None, pattern=r"^[0-9]{7}$", description="to amend or cancel")

    @model_validator(mode="after")
    def _of_one_piece(self) -> PlanOrder:
        fault = _fault(self)
        if fault:
            raise ValueError(fault)
        return self


def _fault(query: PlanOrder) -> str | None:
    fresh = query.action in {"buy", "sell"}
    priced = query.action == "amend" or (fresh and query.order_type in PRICED)
    needed = "a price is needed" if priced else "no price may be given"
    gold = query.account == "gold"
    faults = (
        (fresh == (query.order_no is not None), "order_no names the order to amend or cancel, and only that"),
        (query.quantity == 0 and query.action != "cancel", "quantity is at least 1"),
        (priced != (query.price is not None), f"{query.action} {query.order_type}: {needed}"),
        (
            (query.stop_price is not None) != (fresh and query.order_type == STOP),
            "stop_price goes with order_type stop, and only with it",
        ),
        (gold and query.order_type not in GOLD_TYPES, "gold takes limit, limit_ioc and limit_fok"),
        (gold and query.venue != "KRX", "gold is traded on KRX"),
    )
    return next((words for wrong, words in faults if wrong), None)


async def plan_order(query: PlanOrder, upstream: Acting) -> Answer:
    """Plan one order: nothing is sent. Its amount is price times quantity, at the upper limit where it has no price.

    Raises NotAllowed where a local cap forbids it, PlanRefused on a price that is old, InvalidInput outside the limits.
    """
    owner = await _owner(upstream)
    facts = await _facts(query.stock_code, query.order_no, ENDPOINTS[query.account][query.action], upstream)
    _within(query, facts)
    price = query.price or facts.get("limit_up")
    amount = 0 if query.action == "cancel" else price * query.quantity if price else None
    act = Act(
        hand=HAND,
        holder=owner,
        subject=query.stock_code,
        amount=amount,
        likeness=" ".join(
            map(
                str,
                (
                    query.account,
                    query.action,
                    query.stock_code,
                    query.quantity,
                    query.price,
                    query.stop_price,
                    query.order_no,
                ),
            )
        ),
        sent={"endpoint": ENDPOINTS[query.account][query.action], "parameters": _parameters(query)},
        facts=facts,
        told={
            "price": query.price,
            "stop_price": query.stop_price,
            "quantity": query.quantity,
            "order_type": query.order_type,
            "venue": query.venue,
        },
    )
    told = await upstream.plans.propose(act)
    data = {"success": True, "data": told, "message": f"주문 계획: {told['effect']}"}
    text = f"계획만 세웠고 보내지 않았습니다: {told['effect']}\n{told['next']}"
    return Answer(data, upstream.sources, text=text)


def _parameters(query: PlanOrder) -> dict[str, str]:
    """The body, word for word."""
    number = {"orig_ord_no": query.order_no} if query.order_no else {}
    body = {**number, "stk_cd": query.stock_code}
    if query.account != "gold":
        body = {"dmst_stex_tp": query.venue, **body}
    price = str(query.price) if query.price else ""
    if query.action == "cancel":
        return {**body, "cncl_qty": str(query.quantity)}
    if query.action == "amend":
        return {**body, "mdfy_qty": str(query.quantity), "mdfy_uv": price}
    types = GOLD_TYPES if query.account == "gold" else TYPES
    body |= {"ord_qty": str(query.quantity), "ord_uv": price, "trde_tp": types[query.order_type]}
    if not price:
        del body["ord_uv"]
    if query.stop_price:
        body["cond_uv"] = str(query.stop_price)
    if query.account == "credit" and query.action == "sell":
        body["crd_deal_tp"] = ALL_OF_A_LOAN
    return body


async def _owner(upstream: Upstream) -> Holder:
    """The account the key belongs to: Kiwoom is never told a number, it tells it."""
    standing = await upstream.standing()
    reply = await upstream.ask(NUMBER)
    account = head(SPEC.endpoint(NUMBER), reply.body).rows[0]["account_no"]
    if not account:
        raise Malformed("Kiwoom did not tell whose account the key is")
    return holder(standing.mode, str(account))


async def _facts(code: str, order_no: str | None, endpoint: str, upstream: Upstream) -> dict[str, Any]:
    """What a plan stands on: the price and its limits, and of an order that is changed what is still open of it."""
    gold = ACTS[endpoint][0] == "gold"
    found: dict[str, Any] = {}
    if not gold:
        reply = await upstream.ask(QUOTES, {"stk_cd": code}, fresh=True, venue="KRX")
        rows = table(SPEC.endpoint(QUOTES), reply.body).rows
        if not rows or rows[0]["price"] is None:
            raise NotFound(f"Kiwoom has no quote of {code}")
        if reply.stale:
            raise PlanRefused("the price is an old one: Kiwoom does not answer now", reason="changed")
        found = {name: rows[0][name] for name in ("price", "limit_up", "limit_down")}
    if order_no is not None:
        orders = await _orders(code, gold=gold, upstream=upstream)
        open_ = next((one for one in orders if one["order_no"] == order_no and one["open"]), None)
        if open_ is None:
            raise NotFound(f"order {order_no} of {code} is not open")
        found["open"] = open_["open"]
    return found


def _within(query: PlanOrder, facts: Mapping[str, Any]) -> None:
    low, high = facts.get("limit_down"), facts.get("limit_up")
    for price in filter(None, (query.price, query.stop_price)):
        if low and high and not low <= price <= high:
            raise InvalidInput(
                f"{price:,} won is outside today's limits, {low:,} to {high:,}",
                hint=Hint("상·하한가 안의 가격을 지정하세요.", "Give a price inside the limits."),
            )
    if query.order_no is not None and query.quantity > facts["open"]:
        raise InvalidInput(
            f"{facts['open']} shares of order {query.order_no} are open, {query.quantity} were asked for"
        )


async def _orders(code: str, *, gold: bool, upstream: Upstream) -> list[dict[str, Any]]:
    """Today's orders of one stock: `{order_no, original, side, quantity, price, open, executed}`, open or executed."""
    if gold:
        today = upstream.now().strftime("%Y%m%d")
        asked = {"ord_dt": today, "mrkt_deal_tp": "5", "stk_bond_tp": "0", "slby_tp": "0", "stk_cd": code}
        return _told(await _every(GOLD_ORDERS, asked, upstream))
    waiting = {"all_stk_tp": "1", "trde_tp": "0", "stex_tp": "0", "stk_cd": code}
    done = {"qry_tp": "1", "sell_tp": "0", "stex_tp": "0", "stk_cd": code}
    found = _told(await _every(OPEN_ORDERS, waiting, upstream))
    known = {one["order_no"] for one in found}
    return found + [one for one in _told(await _every(EXECUTIONS, done, upstream)) if one["order_no"] not in known]


async def _traces(code: str, endpoint: str, upstream: Upstream) -> list[dict[str, Any]]:
    """Everything today's orders of a stock have left: 미체결, 체결, and the journal kt00007.

    The journal alone tells amendments, cancellations, and an IOC or FOK order that was taken and filled nothing.
    """
    gold = ACTS[endpoint][0] == "gold"
    found = await _orders(code, gold=gold, upstream=upstream)
    if gold:
        return found
    asked = {"qry_tp": "1", "stk_bond_tp": "0", "sell_tp": "0", "stk_cd": code, "fr_ord_no": "", "dmst_stex_tp": "%"}
    return found + _told(await _every(JOURNAL, asked, upstream))


async def _every(endpoint: str, asked: Mapping[str, str], upstream: Upstream) -> list[dict[str, Any]]:
    """All pages: an order that stands on the last one must be found."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        reply = await upstream.ask(endpoint, asked, cursor=cursor)
        rows += table(SPEC.endpoint(endpoint), reply.body).rows
        cursor = reply.cursor
        if cursor is None:
            return rows


def _told(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "order_no": row["order_no"],
            "original": row.get("original_order_no"),
            "side": row.get("order_kind") or "",
            "quantity": row["order_qty"],
            "price": row["order_price"] or 0,
            "open": row.get("open_qty") or 0,
            "executed": row.get("trade_qty") or 0,
        }
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class OrderHand:
    """Does planned orders (dari.core.acts.Hand). An order has no key of ours at Kiwoom: its traces tell it."""

    name: str = HAND

    def describe(self, act: Act) -> str:
        endpoint, body = act.sent["endpoint"], act.sent["parameters"]
        account, action = ACTS[endpoint]
        quantity = body.get("ord_qty") or body.get("mdfy_qty") or body.get("cncl_qty")
        price = body.get("ord_uv") or body.get("mdfy_uv")
        kinds = GOLD_TYPES if account == "gold" else TYPES
        kind = next((name for name, code in kinds.items() if code == body.get("trde_tp")), "")
        mode = "실전 real" if act.holder.mode == "real" else "모의 mock"
        amount = "남은 수량 전부" if action == "cancel" and quantity == "0" else f"{int(quantity):,}주"
        parts = [mode, ACCOUNTS[account], SIDES[action], body["stk_cd"], amount, kind]
        if price:
            parts.append(f"{int(price):,}원")
        if stop := body.get("cond_uv"):
            parts.append(f"조건단가 {int(stop):,}원")
        if number := body.get("orig_ord_no"):
            parts.append(f"원주문 {number}")
        parts.append(body.get("dmst_stex_tp", "KRX"))
        return " ".join(filter(None, parts))

    async def recheck(self, act: Act, upstream: Upstream) -> Mapping[str, Any]:
        if (await _owner(upstream)).name != act.holder.name:
            raise PlanRefused("the key belongs to another account now", reason="changed")
        endpoint, body = act.sent["endpoint"], act.sent["parameters"]
        code, number = body["stk_cd"], body.get("orig_ord_no")
        facts = await _facts(code, number, endpoint, upstream)
        changed = [name for name in ("limit_up", "limit_down", "open") if facts.get(name) != act.facts.get(name)]
        price = act.facts.get("price")
        if ACTS[endpoint][1] in {"buy", "sell"} and not body.get("ord_uv") and price:
            moved = abs(facts["price"] - price) * 100.0 / price
            changed += ["price"] if moved > MOVED_PERCENT else []
        if changed:
            raise PlanRefused(f"since it was planned, {', '.join(changed)} has changed", reason="changed")
        known = await _traces(code, endpoint, upstream)
        return {"orders": sorted({one["order_no"] for one in known})}

    async def execute(self, act: Act, upstream: Upstream) -> Mapping[str, Any]:
        endpoint = act.sent["endpoint"]
        reply = await upstream.ask(endpoint, act.sent["parameters"])
        row = head(SPEC.endpoint(endpoint), reply.body).rows[0]
        if not row["order_no"]:
            raise Malformed("Kiwoom took the order without telling its number")
        return {"order_no": row["order_no"], "root_order_no": row.get("root_order_no")}

    async def look_up(self, act: Act, before: Mapping[str, Any], upstream: Upstream) -> Mapping[str, Any] | None:
        endpoint, body = act.sent["endpoint"], act.sent["parameters"]
        receipt = (before.get("receipt") or {}).get("order_no")
        known = set(before.get("orders") or ())
        for one in await _traces(body["stk_cd"], endpoint, upstream):
            new = receipt is None and one["order_no"] not in known
            if one["order_no"] == receipt or (new and _alike(one, ACTS[endpoint][1], body)):
                return one
        return None


def _alike(one: Mapping[str, Any], action: str, body: Mapping[str, str]) -> bool:
    """Whether an order that was not there before is the one we sent."""
    number = body.get("orig_ord_no")
    if number is not None:
        return bool(one["original"] == number and (SIDES[action] in one["side"] or not one["side"]))
    same_price = not body.get("ord_uv") or one["price"] == int(body["ord_uv"])
    changes = (SIDES["amend"], SIDES["cancel"])
    fresh = SIDES[action] in one["side"] and not any(word in one["side"] for word in changes)
    return fresh and one["quantity"] == int(body["ord_qty"]) and same_price


HANDS: Final = (OrderHand(),)
TOOLS: Final = (
    Tool(
        name="plan_order",
        title="주문 계획",
        description="Plan an order 주문 계획 without sending it: buy, sell, amend 정정, cancel 취소; cash, credit 신용 "
        "or gold 금현물. apply_plan does it.",
        query=PlanOrder,
        output={
            "type": "object",
            "properties": {
                "success": {"type": "boolean"},
                "data": {
                    "type": "object",
                    "properties": {
                        "plan_id": {"type": "string"},
                        "fingerprint": {"type": "string"},
                        "effect": {"type": "string"},
                        "mode": {"type": "string"},
                        "account": {"type": "string"},
                        "amount_krw": {"type": "integer"},
                        "expires_at": {"type": "string"},
                    },
                },
                "message": {"type": "string"},
            },
        },
        run=plan_order,
        toolset="plans",
        endpoints=(NUMBER, QUOTES, OPEN_ORDERS, EXECUTIONS, GOLD_ORDERS, JOURNAL),
        failed=failing("주문 계획", "stock_code"),
    ),
)
