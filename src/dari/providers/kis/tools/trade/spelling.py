"""An order in our words, spelt for one of KIS's eighteen order endpoints and held against its sheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, InvalidInput, WrongMode
from dari.providers.kis.models.orders import Order, same
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.asking import TR_ID, completed, offered
from dari.providers.kis.tools.trade.lines import NONE, US, Line, line_of

CODES: Final = {"sell": "01", "buy": "02"}
AMEND, CANCEL = "01", "02"
DECIDED: Final = frozenset(
    {
        "RVSE_CNCL_DVSN_CD",
        "SLL_BUY_DVSN_CD",
        "NMPR_TYPE_CD",
        "KRX_NMPR_CNDT_CD",
        "ORD_PRCS_DVSN_CD",
        "OVRS_RSVN_ODNO",
        "ORGN_ODNO",
        "FM_LQD_LMT_ORD_PRIC",
    }
)
"""Parameters that would make another order of it than the one that is checked."""
PRODUCT_TYPES: Final[Mapping[str, str]] = {
    "TKSE": "515", "SEHK": "501", "HASE": "507", "VNSE": "508", "SHAA": "551", "SZAA": "552",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A new order as asked for. `price` None is at the market; `kind` an order division by code or meaning."""

    product: str
    side: str
    symbol: str
    quantity: int
    price: Decimal | None
    kind: str = ""
    exchange: str = ""
    more: Mapping[str, str] = field(default_factory=lambda: NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """An amendment (`price`) or a cancellation (None) of `quantity` of a listed order."""

    product: str
    original: Order
    quantity: int
    price: Decimal | None


def new_order(wish: Wish, mode: str, today: date) -> tuple[Endpoint, dict[str, str]]:
    """The endpoint and every parameter of a new order. Raises InvalidInput or WrongMode."""
    line = line_of(wish.product)
    row = SPEC.endpoint(line.buy if wish.side == "buy" else line.sell)
    offered(row, mode)
    told = {name: value for name, value in line.defaults.items() if _takes(row, name)}
    told |= {line.symbol: wish.symbol, line.quantity: str(wish.quantity), line.price: _price(wish.price)}
    if line.kind and _takes(row, line.kind):
        told[line.kind] = wish.kind or _kind(row, line, wish)
    if line.side:
        told[line.side] = CODES[wish.side]
    if line.exchange:
        told[line.exchange] = wish.exchange
    if wish.product == "overseas" and wish.side == "sell" and wish.exchange in US:
        told["SLL_TYPE"] = "00"
    if wish.product == "overseas_reservation" and wish.exchange not in US:
        told |= {"SLL_BUY_DVSN_CD": CODES[wish.side], "PRDT_TYPE_CD": PRODUCT_TYPES.get(wish.exchange, "")}
        told.pop(line.kind, None)
    _beside(row, line, told, wish.more)
    return row, _chosen(row, {**told, **wish.more}, mode, today, side=wish.side, session=_session(wish.product))


def _beside(row: Endpoint, line: Line, told: Mapping[str, str], more: Mapping[str, str]) -> None:
    """What is given beside our words may not say otherwise: caps and checks go by our words. Raises InvalidInput."""
    ours = {name.lower() for name in told} - {name.lower() for name in line.defaults.keys() - DECIDED}
    ours |= {name.lower() for name in (*DECIDED, TR_ID, line.side, line.kind, line.exchange)}
    for name in more:
        if name.lower() in ours:
            raise InvalidInput(
                f"more: {name[:40]} is decided by side, symbol, quantity, price, type, product or exchange",
                hint=Hint("해당 인자로 지정하세요.", "Say it with that argument."),
                details={"endpoint": row.id, "parameter": name[:40]},
            )


def at_limit(row: Endpoint, line: Line, sent: Mapping[str, str]) -> bool:
    """Whether the order can never execute at a worse price than it carries."""
    code = sent.get(line.kind, line.limit)
    if code == line.limit:
        return True
    meaning = _codes(row, line.kind).get(code, "")
    return "지정가" in meaning and not any(word in meaning for word in ("조건부", "최유리", "최우선"))


def _kind(row: Endpoint, line: Line, wish: Wish) -> str:
    if wish.price is not None:
        return line.limit
    if not line.at_market:
        raise InvalidInput(
            f"{row.id} takes no order at the market: give a price",
            hint=Hint("지정가를 주거나 type에 호가유형을 지정하세요.", "Give a price, or an order type."),
            details={"parameter": "price", "allowed": dict(_codes(row, line.kind))},
        )
    return line.at_market


def change_order(wish: Change, mode: str, today: date) -> tuple[Endpoint, dict[str, str]]:
    """The endpoint and every parameter of an amendment or cancellation. Raises InvalidInput or WrongMode."""
    product, original, action = wish.product, wish.original, CANCEL if wish.price is None else AMEND
    line = line_of(product)
    us = original.venue in US or not original.venue
    row = SPEC.endpoint(line.change if product != "overseas_reservation" or us else line.buy)
    offered(row, mode)
    price = "0" if wish.price is None else _price(wish.price)
    told = {
        "ORGN_ODNO": original.number,
        "KRX_FWDG_ORD_ORGNO": original.branch,
        "ORGN_ORD_DT": original.date,
        "RVSE_CNCL_DVSN_CD": action,
        "PDNO": original.symbol,
        "QTY_ALL_ORD_YN": "Y" if _whole(wish) else "N",
        "RMN_QTY_YN": "Y" if _whole(wish) else "N",
        "EXCG_ID_DVSN_CD": original.venue,
        "OVRS_EXCG_CD": original.venue or "NASD",
        line.quantity: str(wish.quantity),
        line.price: price,
    }
    if line.kind:
        told[line.kind] = original.kind or line.limit
    if product == "reservation":
        told |= {"RSVN_ORD_SEQ": original.number, "RSVN_ORD_ORD_DT": original.date}
        told |= {"SLL_BUY_DVSN_CD": CODES[original.side], "ORD_OBJT_CBLC_DVSN_CD": "10"}
        told[line.price] = _price(original.price) if wish.price is None else price
    if product == "overseas_reservation":
        if wish.price is not None:
            raise InvalidInput(
                "KIS amends no reserved order abroad: cancel it and plan a new one",
                hint=Hint("예약주문은 취소 후 다시 내세요.", "Cancel it and plan a new one."),
            )
        told |= {"OVRS_RSVN_ODNO": original.number, "RSYN_ORD_RCIT_DT": original.date}
        told |= {"RSVN_ORD_RCIT_DT": original.date, "PRDT_TYPE_CD": PRODUCT_TYPES.get(original.venue, "")}
    known = {name: value for name, value in {**line.change_defaults, **told}.items() if _takes(row, name)}
    known = {name: value for name, value in known.items() if value or _required(row, name)}
    word = "cancel" if action == CANCEL else "amend"
    return row, _chosen(row, known, mode, today, action=word, session=_session(product))


def _whole(wish: Change) -> bool:
    return wish.original.left is None or wish.quantity >= wish.original.left


def _chosen(row: Endpoint, told: Mapping[str, str], mode: str, today: date, **when: str) -> dict[str, str]:
    """Completed by the sheet, with the tr_id of the variant meant. Raises WrongMode where this mode has none."""
    sent = completed(row, {name: value for name, value in told.items() if name != TR_ID}, mode, today)
    sent.pop(TR_ID, None)
    for one in row.wire["variants"]:
        wanted: Mapping[str, Any] = one["when"]
        allowed: Mapping[str, list[str]] = wanted.get("parameters", {})
        fits = all(sent.get(name) in values for name, values in allowed.items())
        if fits and all(when[name] == wanted[name] for name in ("side", "action", "session") if name in wanted):
            code = one.get(mode)
            if code:
                return {**sent, TR_ID: str(code)}
            raise WrongMode(f"KIS does not offer {row.id} ({one['label']}) in {mode} mode")
    if not row.wire["variants"]:
        return sent
    raise InvalidInput(
        f"{row.id} has no variant for this order",
        hint=Hint("시장과 취소/정정 여부를 확인하세요.", "Check the market, and whether it may be amended there."),
        details={"endpoint": row.id, "allowed": [one["label"] for one in row.wire["variants"]]},
    )


def _session(product: str) -> str:
    return "night" if product == "future_night" else "day"


def _price(price: Decimal | None) -> str:
    return "0" if price is None else f"{price.normalize():f}"


def _takes(row: Endpoint, name: str) -> bool:
    return any(one.name == name for one in row.parameters)


def _required(row: Endpoint, name: str) -> bool:
    return any(one.name == name and one.required for one in row.parameters)


def _codes(row: Endpoint, name: str) -> Mapping[str, str]:
    return next((one.codes for one in row.parameters if one.name == name), {})


def find(listed: list[Order], number: str) -> Order | None:
    """The order of that number."""
    return next((one for one in listed if same(one.number) == same(number)), None)
