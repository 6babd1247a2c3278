"""The order desk: reads the eighteen order endpoints, checks, books and executes against the world's book."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from dari.core import krx
from dari.providers.kis.simulator.accounts.ledger import (
    BRANCH,
    MARGINED,
    ZERO,
    Account,
    Ledger,
    Order,
    Product,
    Reservation,
    Side,
    Thing,
)
from dari.providers.kis.simulator.answers.plain import contract
from dari.providers.kis.simulator.exchange import Ask, Refusal, wrong
from dari.providers.kis.simulator.sights import Share, Sight, Subject
from dari.providers.kis.simulator.writing import row
from dari.worlds.market.instruments import Kind

DONE: Final = "APBK0013"
_PRODUCTS: Final[Mapping[str, Product]] = {
    "domestic_stock": "stock",
    "overseas_stock": "overseas",
    "domestic_bond": "bond",
    "domestic_futureoption": "future",
    "overseas_futureoption": "overseas_future",
}
CODES: Final[Mapping[Product, frozenset[str]]] = {
    "stock": frozenset({"01", "22", "29"}),
    "overseas": frozenset({"01"}),
    "bond": frozenset({"01"}),
    "future": frozenset({"03"}),
    "overseas_future": frozenset({"08"}),
}
"""ACNT_PRDT_CD a product is traded under."""


def product_of(ask: Ask) -> Product:
    """The product an account endpoint is about."""
    return _PRODUCTS[ask.endpoint.id.partition(".")[0]]


def account_of(ask: Ask, ledger: Ledger) -> Account:
    """The account a request names. Raises Refusal for one the key does not own or of another product."""
    number, code = ask.parameters.get("CANO", ""), ask.parameters.get("ACNT_PRDT_CD", "")
    if (number, code) not in ask.key.accounts:
        raise Refusal("OPSQ2000", 200, "2", "ERROR : INPUT INVALID_CHECK_ACNO")
    if code not in CODES[product_of(ask)]:
        raise Refusal("IGW00002", 200, "1")
    return ledger.accounts[number]


def refused(code: str, text: str) -> Refusal:
    """An order the ledger declines: HTTP 200, rt_cd 7."""
    return Refusal(code, 200, "7", text)


def _when(ask: Ask) -> Mapping[str, Any]:
    """What the request's tr_id says beyond its endpoint: side, action, market."""
    for variant in ask.endpoint.wire["variants"]:
        if ask.tr_id == variant.get(ask.key.mode):
            told: Mapping[str, Any] = variant.get("when", {})
            for name, allowed in told.get("parameters", {}).items():
                if ask.parameters.get(name) not in allowed:
                    raise wrong(f"ERROR INVALID {name}")
            return told
    return {}


def _side(ask: Ask) -> Side:
    told = _when(ask).get("side")
    if told is None:
        told = {"01": "sell", "02": "buy"}.get(ask.parameters.get("SLL_BUY_DVSN_CD", ""))
    if ask.endpoint.id in {"domestic_bond.buy", "domestic_bond.sell"}:
        told = ask.endpoint.id.rpartition(".")[2]
    if told is None:
        raise wrong("ERROR INVALID SLL_BUY_DVSN_CD")
    return "buy" if told == "buy" else "sell"


def _amount(ask: Ask, *names: str) -> Decimal:
    for name in names:
        text = ask.parameters.get(name, "").strip()
        if text:
            try:
                return Decimal(text)
            except InvalidOperation:
                raise wrong(f"ERROR INVALID {name}") from None
    return ZERO


def subject_of_thing(ask: Ask, product: Product, symbol: str, exchange: str = "") -> Subject | None:
    """What can be quoted behind a symbol of a product."""
    if product == "stock":
        issue = ask.market.by_code.get(symbol)
        return Share(ask.market, issue, ask.at) if issue else None
    kinds: Mapping[Product, Kind] = {"overseas": "overseas", "bond": "bond", "overseas_future": "overseas_future"}
    kind: Kind = kinds.get(product, "option" if symbol[:1] in {"2", "3", "B", "C"} else "future")
    return contract(ask.market, kind, symbol, ask.at, exchange)


def thing_of(ask: Ask, product: Product, symbol: str, exchange: str = "") -> tuple[Thing, Sight]:
    """A thing and how it stands now. Raises Refusal for a symbol nobody trades."""
    symbol = symbol.strip()
    subject = subject_of_thing(ask, product, symbol, exchange)
    if subject is None:
        raise refused("APBK0918", "해당종목정보가 없습니다")
    sight = subject.now()
    currency = str(sight.extra.get("crc_cd", "KRW"))
    unit = Decimal(1)
    if product == "bond":
        unit = Decimal("0.1")  # a price is for a face value of 10,000, a quantity counts thousands
    elif product in MARGINED:
        unit = Decimal(str(sight.extra["ctrt_size"]))
    place = str(sight.extra.get("excd", exchange or "KRX"))
    etp = product == "stock" and ask.market.by_code[symbol].etp
    return Thing(product, sight.code, sight.name, currency, place, unit, etp), sight


def match(ledger: Ledger, account: Account, order: Order, sight: Sight) -> None:
    """Execute what the book allows: a market order all of it, a limit order up to its price."""
    levels = list(sight.asks if order.side == "buy" else sight.bids)
    for price, quantity in levels:
        if not order.open or not price:
            break
        if order.price and (price > order.price if order.side == "buy" else price < order.price):
            break
        ledger.execute(account, order, min(order.open, quantity), price, order.at)
    if order.open and not order.price and levels:
        ledger.execute(account, order, order.open, levels[-1][0], order.at)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to trade; price 0 at the market."""

    side: Side
    quantity: int
    price: Decimal


def _check(account: Account, thing: Thing, sight: Sight, wish: Wish) -> None:
    side, quantity, price = wish.side, wish.quantity, wish.price
    if quantity <= 0:
        raise refused("APBK0918", "주문수량을 확인하십시오")
    if price < 0:
        raise refused("APBK0918", "주문단가를 확인하십시오")
    if thing.product == "stock" and price:
        if not krx.on_tick(int(price), etp=thing.etp) or price != int(price):
            raise refused("APBK0918", "호가단위를 확인하십시오")
        if (
            sight.low_limit is not None
            and sight.high_limit is not None
            and not sight.low_limit <= price <= sight.high_limit
        ):
            raise refused("APBK0918", "상하한가를 벗어난 주문단가입니다")
    if thing.product in MARGINED:
        if quantity > sum(account.orderable(thing, side, price or sight.high_limit or sight.price)):
            raise refused("APBK0919", "주문가능금액을 초과하였습니다")
        return
    if side == "sell" and quantity > account.free_quantity(thing):
        raise refused("APBK1234", "주문가능수량이 부족합니다")
    cost = (price or sight.high_limit or sight.price) * quantity * thing.unit
    if side == "buy" and cost > account.free_cash(thing.currency):
        raise refused("APBK0919", "주문가능금액을 초과하였습니다")


def _opened(ask: Ask, product: Product) -> None:
    if product != "stock":
        return
    times = krx.session(ask.at.date())
    venue = ask.parameters.get("EXCG_ID_DVSN_CD") or "KRX"
    if ask.key.mode == "paper" and venue != "KRX":
        raise wrong("ERROR INVALID EXCG_ID_DVSN_CD")
    start, end = (None, None) if times is None else (times.opens, times.closes)
    if times is not None and venue != "KRX":
        start, end = times.nxt_pre, times.nxt_closes
    if start is None or end is None or not start <= ask.at < end:
        raise refused("APBK0918", "장운영시간이 아닙니다")


def place(ask: Ask, ledger: Ledger) -> Order:
    """A new order. Raises Refusal when the ledger declines it; then nothing has changed."""
    account, product, side = account_of(ask, ledger), product_of(ask), _side(ask)
    symbol = next(
        (ask.parameters[name] for name in ("PDNO", "SHTN_PDNO", "OVRS_FUTR_FX_PDNO") if ask.parameters.get(name)), ""
    )
    thing, sight = thing_of(ask, product, symbol, ask.parameters.get("OVRS_EXCG_CD", ""))
    _opened(ask, product)
    kind = next(
        (ask.parameters[name] for name in ("ORD_DVSN", "ORD_DVSN_CD", "PRIC_DVSN_CD") if ask.parameters.get(name)), "00"
    )
    quantity = int(_amount(ask, "ORD_QTY", "ORD_QTY2", "FM_ORD_QTY"))
    price = _amount(ask, "ORD_UNPR", "OVRS_ORD_UNPR", "UNIT_PRICE", "FM_LIMIT_ORD_PRIC", "BOND_ORD_UNPR")
    market_kind = {"stock": "01", "future": "02", "overseas_future": "2"}.get(product)
    if kind == market_kind:
        price = ZERO
    elif price <= 0:
        raise refused("APBK0918", "주문단가를 확인하십시오")
    _check(account, thing, sight, Wish(side, quantity, price))
    order = ledger.accept(
        account,
        thing=thing,
        side=side,
        kind=kind,
        quantity=quantity,
        price=price,
        at=ask.at,
        tr_id=ask.tr_id,
        venue=ask.parameters.get("EXCG_ID_DVSN_CD") or "KRX",
    )
    match(ledger, account, order, sight)
    return order


def change(ask: Ask, ledger: Ledger) -> Order:
    """An amendment or cancellation of an open order: a new number that names the old one."""
    account, product = account_of(ask, ledger), product_of(ask)
    said = ask.parameters.get("ORGN_ODNO", "").strip().lstrip("0")
    original = next((one for one in account.orders.values() if one.number.lstrip("0") == said), None)
    branch = ask.parameters.get("KRX_FWDG_ORD_ORGNO")
    if original is None or original.thing.product != product or branch not in (None, BRANCH):
        raise refused("APBK0918", "원주문번호가 존재하지 않습니다")
    cancel = (
        _when(ask).get("action") or {"01": "amend", "02": "cancel"}.get(ask.parameters.get("RVSE_CNCL_DVSN_CD", ""))
    ) == "cancel"
    everything = ask.parameters.get("QTY_ALL_ORD_YN", ask.parameters.get("RMN_QTY_YN", "Y")) != "N"
    asked = int(_amount(ask, "ORD_QTY", "ORD_QTY2"))
    quantity = original.open if everything or not asked else asked
    if not original.open or quantity > original.open:
        raise refused("APBK0918", "정정취소 가능수량이 없습니다")
    price = _amount(ask, "ORD_UNPR", "OVRS_ORD_UNPR", "UNIT_PRICE", "FM_LIMIT_ORD_PRIC", "BOND_ORD_UNPR")
    thing, sight = thing_of(ask, product, original.thing.symbol, original.thing.exchange)
    if not cancel:
        if price <= 0:
            raise refused("APBK0918", "주문단가를 확인하십시오")
        original.cancelled += quantity
        try:
            _check(account, thing, sight, Wish(original.side, quantity, price))
        except Refusal:
            original.cancelled -= quantity
            raise
    else:
        original.cancelled += quantity
    order = ledger.accept(
        account,
        thing=original.thing,
        side=original.side,
        kind=original.kind,
        quantity=quantity,
        price=ZERO if cancel else price,
        at=ask.at,
        tr_id=ask.tr_id,
        venue=original.venue,
        action="cancel" if cancel else "amend",
        original=original.number,
    )
    if not cancel:
        match(ledger, account, order, sight)
    return order


def _reply(ask: Ask, values: Mapping[str, Any]) -> dict[str, Any]:
    """The named blocks filled by lower-case names."""
    reply: dict[str, Any] = {"msg_cd": DONE}
    for block in ask.endpoint.blocks:
        filled = row(
            block, {one.name: str(values[one.name.lower()]) for one in block.fields if one.name.lower() in values}
        )
        if block.name is None:
            reply |= filled
        else:
            reply[block.name] = [filled] if block.kind == "array" else filled
    return reply


def _told(ask: Ask, order: Order) -> dict[str, Any]:
    return _reply(
        ask,
        {
            "krx_fwdg_ord_orgno": BRANCH,
            "odno": order.number,
            "ord_tmd": f"{order.at:%H%M%S}",
            "ord_dt": f"{order.at:%Y%m%d}",
            "ord_gno_brno": BRANCH,
            "orgn_odno": order.original,
            "acnt_name": "시뮬",
            "item_name": order.thing.name,
            "trad_dvsn_name": "매수" if order.side == "buy" else "매도",
        },
    )


def _reserve(ask: Ask, ledger: Ledger) -> dict[str, Any]:
    account, product = account_of(ask, ledger), product_of(ask)
    if ask.parameters.get("RVSE_CNCL_DVSN_CD") == "02":
        return _unreserve(ask, ledger)
    thing, _ = thing_of(ask, product, ask["PDNO"], ask.parameters.get("OVRS_EXCG_CD", ""))
    quantity, price = int(_amount(ask, "ORD_QTY", "FT_ORD_QTY")), _amount(ask, "ORD_UNPR", "FT_ORD_UNPR3")
    if quantity <= 0:
        raise refused("APBK0918", "주문수량을 확인하십시오")
    kind = ask.parameters.get("ORD_DVSN_CD") or ask.parameters.get("ORD_DVSN") or "00"
    one = ledger.reserve(
        account,
        thing=thing,
        side=_side(ask),
        kind=kind,
        quantity=quantity,
        price=price,
        at=ask.at,
        ends=ask.parameters.get("RSVN_ORD_END_DT", ""),
    )
    return _reserved(ask, one)


def _reserved(ask: Ask, one: Reservation) -> dict[str, Any]:
    """The number and the day of a reservation, however the sheet of the reply calls them."""
    return _reply(
        ask,
        {
            "rsvn_ord_seq": one.number,
            "odno": one.number,
            "ovrs_rsvn_odno": one.number,
            "rsvn_ord_rcit_dt": f"{one.at:%Y%m%d}",
            "nrml_prcs_yn": "Y",
            "msg": "",
        },
    )


def _unreserve(ask: Ask, ledger: Ledger) -> dict[str, Any]:
    account = account_of(ask, ledger)
    asked = (ask.parameters.get("RSVN_ORD_SEQ") or ask.parameters.get("OVRS_RSVN_ODNO") or "").strip().lstrip("0")
    one = next((one for one in account.reservations.values() if asked and one.number.lstrip("0") == asked), None)
    if one is None or one.cancelled or one.order:
        raise refused("APBK0918", "예약주문이 존재하지 않습니다")
    if _when(ask).get("action") == "amend":
        one.quantity = int(_amount(ask, "ORD_QTY")) or one.quantity
        one.price = _amount(ask, "ORD_UNPR") or one.price
    else:
        one.cancelled = True
    return _reserved(ask, one)


Desk = Callable[[Ask, Ledger], Mapping[str, Any]]


def _new(ask: Ask, ledger: Ledger) -> Mapping[str, Any]:
    return _told(ask, place(ask, ledger))


def _changed(ask: Ask, ledger: Ledger) -> Mapping[str, Any]:
    return _told(ask, change(ask, ledger))


DESKS: Final[Mapping[str, Desk]] = {
    "domestic_stock.order_cash": _new,
    "domestic_stock.order_credit": _new,
    "domestic_stock.order_rvsecncl": _changed,
    "domestic_stock.order_resv": _reserve,
    "domestic_stock.order_resv_rvsecncl": _unreserve,
    "domestic_futureoption.order": _new,
    "domestic_futureoption.order_rvsecncl": _changed,
    "overseas_stock.order": _new,
    "overseas_stock.order_rvsecncl": _changed,
    "overseas_stock.daytime_order": _new,
    "overseas_stock.daytime_order_rvsecncl": _changed,
    "overseas_stock.order_resv": _reserve,
    "overseas_stock.order_resv_ccnl": _unreserve,
    "overseas_futureoption.order": _new,
    "overseas_futureoption.order_rvsecncl": _changed,
    "domestic_bond.buy": _new,
    "domestic_bond.sell": _new,
    "domestic_bond.order_rvsecncl": _changed,
}
"""The order endpoints."""
