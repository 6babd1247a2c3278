"""The terms of statements: what the many names for an order's, a holding's or a reservation's figures mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from dari.providers.kis.simulator.accounts.ledger import BRANCH, MARGINED, Account, Order, Position, Reservation
from dari.worlds.market.abroad import ALIASES

CENT: Final = Decimal("0.01")
EXCHANGE: Final = {home: code for code, home in reversed(ALIASES.items())}
"""Quote exchange → the code orders and balances use."""


def plain_number(value: Decimal) -> str:
    """A figure without an exponent or needless zeros."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


CURRENCIES: Final = {
    "USD": ("840", "미국", "미국달러"),
    "HKD": ("344", "홍콩", "홍콩달러"),
    "CNY": ("156", "중국", "중국위안화"),
    "JPY": ("392", "일본", "일본엔화"),
    "VND": ("704", "베트남", "베트남동"),
}
"""Currency → (NATN_CD, country, name)."""


@dataclass(frozen=True, slots=True)
class Holding:
    """A position and what it is worth now."""

    position: Position
    price: Decimal
    free: int
    account: Account
    rate: Decimal = Decimal(1)
    """The won one piece of the thing's currency costs."""
    in_won: bool = False
    """Whether the statement was asked in won (원화), not in the thing's currency (외화)."""

    @property
    def paid(self) -> Decimal:
        """매입금액."""
        return self.position.average * abs(self.position.quantity) * self.position.thing.unit

    @property
    def worth(self) -> Decimal:
        """평가금액."""
        return self.price * abs(self.position.quantity) * self.position.thing.unit

    @property
    def gain(self) -> Decimal:
        """평가손익금액."""
        return (self.worth - self.paid) * (1 if self.position.quantity >= 0 else -1)


def rate_told(rate: Decimal) -> str:
    """An exchange rate as statements write it (1349.40000000): won for one piece of the currency, whichever it is."""
    return f"{rate:.8f}"


def percent_of(part: Decimal, whole: Decimal) -> str:
    """A share in percent, two places."""
    return str((part * 100 / whole).quantize(CENT)) if whole else "0.00"


def holding_field(one: Holding, name: str) -> Any:
    """A field of a holding by what its name means; None for a name that means nothing here."""
    position, thing = one.position, one.position.thing
    told = one.rate if one.in_won else Decimal(1)
    readers: Mapping[str, Callable[[], Any]] = {
        "code": lambda: thing.symbol,
        "name": lambda: thing.name,
        "quantity": lambda: abs(position.quantity),
        "free": lambda: max(one.free, 0) if thing.product not in MARGINED else abs(position.quantity),
        "average": lambda: plain_number((position.average * told).quantize(Decimal("0.0001"))),
        "paid": lambda: plain_number((one.paid * told).quantize(CENT)),
        "price": lambda: plain_number(one.price * told),
        "worth": lambda: plain_number((one.worth * told).quantize(CENT)),
        "gain": lambda: plain_number((one.gain * told).quantize(CENT)),
        "gain_rate": lambda: percent_of(one.gain, one.paid),
        "bought": lambda: position.bought,
        "sold": lambda: position.sold,
        "side": lambda: "02" if position.quantity >= 0 else "01",
        "side_name": lambda: "매수" if position.quantity >= 0 else "매도",
        "currency": lambda: thing.currency,
        "exchange": lambda: EXCHANGE.get(thing.exchange, thing.exchange),
        "rate": lambda: rate_told(one.rate),
        "rate_unit": lambda: "1",
        "paid_won": lambda: str(int(one.paid * one.rate)),
    }
    for meaning, names in HOLDING_NAMES.items():
        if name in names:
            return readers[meaning]()
    return None


def words(text: str) -> frozenset[str]:
    """The names in a line."""
    return frozenset(text.split())


HOLDING_NAMES: Final[Mapping[str, frozenset[str]]] = {
    "code": words("pdno shtn_pdno ovrs_pdno std_pdno ovrs_futr_fx_pdno"),
    "name": words("prdt_name ovrs_item_name item_name"),
    "quantity": words("hldg_qty cblc_qty ovrs_cblc_qty cblc_qty13 ccld_qty_smtl1 fm_ustl_qty agrx_qty"),
    "free": words("ord_psbl_qty ord_psbl_qty1 slpsb_qty lqd_psbl_qty fm_lqd_psbl_qty nsvg_qty"),
    "average": words("pchs_avg_pric avg_unpr3 ccld_avg_unpr1 fm_ccld_avg_pric buy_unpr excc_unpr pchs_unpr"),
    "paid": words("pchs_amt frcr_pchs_amt frcr_pchs_amt1 buy_amt"),
    "price": words("prpr now_pric now_pric2 ovrs_now_pric1 fm_now_pric idx_clpr"),
    "worth": words("evlu_amt ovrs_stck_evlu_amt frcr_evlu_amt2"),
    "gain": words("evlu_pfls_amt frcr_evlu_pfls_amt evlu_pfls_amt2 fm_evlu_pfls_amt"),
    "gain_rate": words("evlu_pfls_rt evlu_erng_rt evlu_pfls_rt1"),
    "bought": words("thdt_buyqty thdt_buy_ccld_qty1"),
    "sold": words("thdt_sll_qty thdt_sll_ccld_qty1"),
    "side": words("sll_buy_dvsn_cd"),
    "side_name": words("sll_buy_dvsn_name trad_dvsn_name"),
    "currency": words("tr_crcy_cd crcy_cd buy_crcy_cd"),
    "exchange": words("ovrs_excg_cd"),
    "rate": words("bass_exrt"),
    "rate_unit": words("unit_amt"),
    "paid_won": words("pchs_rmnd_wcrc_amt"),
}

ORDER_NAMES: Final[Mapping[str, Callable[[Order], Any]]] = {
    "odno": lambda one: one.number,
    "orgn_odno": lambda one: one.original,
    "ord_dt": lambda one: f"{one.at:%Y%m%d}",
    "dt": lambda one: f"{one.at:%Y%m%d}",
    "dmst_ord_dt": lambda one: f"{one.at:%Y%m%d}",
    "trad_dt": lambda one: f"{one.at:%Y%m%d}",
    "ord_tmd": lambda one: f"{one.at:%H%M%S}",
    "thco_ord_tmd": lambda one: f"{one.at:%H%M%S}",
    "ord_gno_brno": lambda _: BRANCH,
    "pdno": lambda one: one.thing.symbol,
    "shtn_pdno": lambda one: one.thing.symbol,
    "ovrs_futr_fx_pdno": lambda one: one.thing.symbol,
    "prdt_name": lambda one: one.thing.name,
    "prdt_abrv_name": lambda one: one.thing.name,
    "item_name": lambda one: one.thing.name,
    "sll_buy_dvsn_cd": lambda one: "02" if one.side == "buy" else "01",
    "sll_buy_dvsn_cd_name": lambda one: "매수" if one.side == "buy" else "매도",
    "trad_dvsn_name": lambda one: "매수" if one.side == "buy" else "매도",
    "ord_dvsn_cd": lambda one: one.kind,
    "ord_dvsn_name": lambda one: "지정가" if one.price else "시장가",
    "rvse_cncl_dvsn_name": lambda one: {"new": "", "amend": "정정", "cancel": "취소"}[one.action],
    "rvse_cncl_dvsn_cd": lambda one: {"new": "00", "amend": "01", "cancel": "02"}[one.action],
    "rvse_cncl_dvsn": lambda one: {"new": "00", "amend": "01", "cancel": "02"}[one.action],
    "cncl_yn": lambda one: "Y" if one.action == "cancel" or one.cancelled == one.quantity else "N",
    "ord_qty": lambda one: one.quantity,
    "ft_ord_qty": lambda one: one.quantity,
    "fm_ord_qty": lambda one: one.quantity,
    "ord_unpr": lambda one: plain_number(one.price),
    "ft_ord_unpr3": lambda one: plain_number(one.price),
    "fm_ord_pric": lambda one: plain_number(one.price),
    "bond_ord_unpr": lambda one: plain_number(one.price),
    "ord_idx": lambda one: plain_number(one.price),
    "ord_idx4": lambda one: plain_number(one.price),
    "nmpr_type_cd": lambda one: one.kind,
    "nmpr_type_name": lambda one: "Limit Order" if one.price else "Market Order",
    "tot_ccld_qty": lambda one: one.filled,
    "ft_ccld_qty": lambda one: one.filled,
    "fm_ccld_qty": lambda one: one.filled,
    "avg_prvs": lambda one: plain_number(one.average.quantize(CENT)),
    "ft_ccld_unpr3": lambda one: plain_number(one.average.quantize(Decimal("0.0001"))),
    "fm_ccld_pric": lambda one: plain_number(one.average.quantize(Decimal("0.0001"))),
    "avg_idx": lambda one: plain_number(one.average.quantize(CENT)),
    "bond_avg_unpr": lambda one: plain_number(one.average.quantize(CENT)),
    "tot_ccld_amt": lambda one: plain_number(one.amount.quantize(CENT)),
    "ft_ccld_amt3": lambda one: plain_number(one.amount.quantize(CENT)),
    "fm_ccld_amt": lambda one: plain_number(one.amount.quantize(CENT)),
    "rmn_qty": lambda one: one.open,
    "nccs_qty": lambda one: one.open,
    "psbl_qty": lambda one: one.open,
    "qty": lambda one: one.open,
    "ord_psbl_qty": lambda one: one.open,
    "fm_ord_rmn_qty": lambda one: one.open,
    "cnc_cfrm_qty": lambda one: one.quantity if one.action == "cancel" else one.cancelled,
    "rjct_qty": lambda _: 0,
    "excg_id_dvsn_cd": lambda one: one.venue,
    "ovrs_excg_cd": lambda one: EXCHANGE.get(one.thing.exchange, one.thing.exchange),
    "tr_crcy_cd": lambda one: one.thing.currency,
    "tr_crcy": lambda one: one.thing.currency,
    "crcy_cd": lambda one: one.thing.currency,
    "prcs_stat_name": lambda one: "완료" if not one.open else "접수",
}

RESERVATION_NAMES: Final[Mapping[str, Callable[[Reservation], Any]]] = {
    "rsvn_ord_seq": lambda one: one.number,
    "ovrs_rsvn_odno": lambda one: one.number,
    "odno": lambda one: one.order,
    "rsvn_ord_ord_dt": lambda one: f"{one.at:%Y%m%d}",
    "rsvn_ord_rcit_dt": lambda one: f"{one.at:%Y%m%d}",
    "ord_dt": lambda one: f"{one.at:%Y%m%d}",
    "pdno": lambda one: one.thing.symbol,
    "prdt_name": lambda one: one.thing.name,
    "kor_item_shtn_name": lambda one: one.thing.name,
    "sll_buy_dvsn_cd": lambda one: "02" if one.side == "buy" else "01",
    "ord_dvsn_cd": lambda one: one.kind,
    "ord_rsvn_qty": lambda one: one.quantity,
    "ft_ord_qty": lambda one: one.quantity,
    "ord_rsvn_unpr": lambda one: plain_number(one.price),
    "ft_ord_unpr3": lambda one: plain_number(one.price),
    "cncl_yn": lambda one: "Y" if one.cancelled else "N",
    "prcs_rslt": lambda one: "취소" if one.cancelled else "처리" if one.order else "대기",
    "rsvn_end_dt": lambda one: one.ends,
    "ovrs_excg_cd": lambda one: EXCHANGE.get(one.thing.exchange, one.thing.exchange),
}
