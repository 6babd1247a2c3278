"""One order of an account, whatever list of KIS it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "number": ("odno", "rsvn_ord_seq", "ovrs_rsvn_odno"),
    "original": ("orgn_odno",),
    "branch": ("ord_gno_brno",),
    "date": ("ord_dt", "rsvn_ord_ord_dt", "rsvn_ord_rcit_dt"),
    "time": ("ord_tmd", "thco_ord_tmd", "rsvn_ord_rcit_tmd"),
    "symbol": ("pdno", "shtn_pdno", "ovrs_futr_fx_pdno"),
    "name": ("prdt_name", "prdt_abrv_name", "kor_item_shtn_name"),
    "side": ("sll_buy_dvsn_cd",),
    "kind": ("ord_dvsn_cd", "nmpr_type_cd", "pric_dvsn_cd"),
    "venue": ("excg_id_dvsn_cd", "excg_id_dvsn_Cd", "ovrs_excg_cd"),
    "currency": ("tr_crcy_cd",),
    "note": ("rjct_rson_name", "prcs_stat_name", "prcs_rslt", "ovrs_rsvn_ord_stat_cd_name"),
    "cancelled": ("cncl_yn",),
    "change": ("rvse_cncl_dvsn_cd", "rvse_cncl_dvsn"),
}
FIGURES: Final[Mapping[str, tuple[str, ...]]] = {
    "quantity": ("ord_qty", "ft_ord_qty", "fm_ord_qty", "ord_rsvn_qty"),
    "price": ("ord_unpr", "ft_ord_unpr3", "fm_ord_pric", "bond_ord_unpr", "ord_idx", "ord_idx4", "ord_rsvn_unpr"),
    "filled": ("tot_ccld_qty", "ft_ccld_qty", "fm_ccld_qty"),
    "average": ("avg_prvs", "ft_ccld_unpr3", "fm_ccld_pric", "bond_avg_unpr", "avg_idx"),
    "left": ("rmn_qty", "psbl_qty", "nccs_qty", "fm_ord_rmn_qty", "qty"),
    "refused": ("rjct_qty",),
    "cancel_confirmed": ("cnc_cfrm_qty",),
}
SIDES: Final = {"01": "sell", "02": "buy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order. `left` is what may still execute (None: the list does not tell); price 0 is a market order.

    `kind` is KIS's order division; `raw` the row as KIS wrote it.
    """

    number: str
    original: str
    branch: str
    date: str
    time: str
    symbol: str
    name: str
    side: str
    kind: str
    venue: str
    currency: str
    note: str
    change: str
    cancelled: bool
    quantity: Decimal | None
    price: Decimal | None
    filled: Decimal | None
    average: Decimal | None
    left: Decimal | None
    refused: Decimal | None
    raw: Mapping[str, Any]

    @property
    def status(self) -> str:
        """open, partly, filled, cancelled, rejected or unknown."""
        if self.refused and self.refused == self.quantity:
            return "rejected"
        if self.cancelled and not self.left:
            return "cancelled"
        if self.filled and self.filled == self.quantity:
            return "filled"
        if self.left:
            return "partly" if self.filled else "open"
        return "closed" if self.left is not None else "unknown"

    def told(self) -> dict[str, Any]:
        """The order for an answer, without what the list does not tell."""
        said: dict[str, Any] = {
            "order_number": self.number,
            "original": self.original or None,
            "status": self.status,
            "symbol": self.symbol,
            "name": self.name,
            "side": self.side,
            "quantity": plain(self.quantity),
            "price": plain(self.price),
            "filled": plain(self.filled),
            "average_price": plain(self.average) if self.filled else None,
            "left": plain(self.left),
            "venue": self.venue,
            "time": " ".join(filter(None, (self.date, self.time))),
            "note": self.note or None,
        }
        return {name: value for name, value in said.items() if value not in {None, ""}}


def plain(value: Decimal | None) -> int | float | None:
    """A figure for an answer."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def same(number: str) -> str:
    """An order number as it is compared: KIS pads it with zeros in some lists."""
    return number.strip().lstrip("0")


def order(row: Mapping[str, Any]) -> Order:
    """A row of any list of orders."""
    texts = {name: _first(row, names) for name, names in NAMES.items()}
    figures = {name: _figure(_first(row, names)) for name, names in FIGURES.items()}
    left = figures["left"]
    if left is None and figures["quantity"] is not None and figures["filled"] is not None:
        gone = (figures["cancel_confirmed"] or 0) + (figures["refused"] or 0)
        left = max(figures["quantity"] - figures["filled"] - gone, Decimal(0))
    numbers = (str(row.get(name, "")).strip() for name in NAMES["number"])
    return Order(
        number=next(filter(same, numbers), ""),  # KIS writes 0 where there is none
        original=texts["original"] if same(texts["original"]) else "",
        branch=texts["branch"],
        date=texts["date"],
        time=texts["time"],
        symbol=texts["symbol"],
        name=texts["name"],
        side=SIDES.get(texts["side"], ""),
        kind=texts["kind"],
        venue=texts["venue"],
        currency=texts["currency"],
        note=texts["note"],
        change=texts["change"],
        cancelled=texts["cancelled"].upper() == "Y",
        quantity=figures["quantity"],
        price=figures["price"],
        filled=figures["filled"],
        average=figures["average"],
        left=left,
        refused=figures["refused"],
        raw=row,
    )


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        text = str(row.get(name, "")).strip()
        if text:
            return text
    return ""


def _figure(text: str) -> Decimal | None:
    try:
        return Decimal(text.replace(",", "")) if text else None
    except InvalidOperation:
        return None
