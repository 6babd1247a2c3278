"""The ten kinds of order KIS takes, in our words: which endpoint, which parameter is what, where they are listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator

PRODUCTS: Final = (
    "stock",
    "credit",
    "reservation",
    "overseas",
    "overseas_daytime",
    "overseas_reservation",
    "future",
    "future_night",
    "overseas_future",
    "bond",
)


def _known(product: str) -> str:
    if product not in PRODUCTS:
        raise ValueError(f"one of {', '.join(PRODUCTS)}")
    return product


Product = Annotated[str, AfterValidator(_known)]
"""A kind of order; the list is told when it is missed, and costs no client its room."""
NONE: Final[Mapping[str, str]] = MappingProxyType({})
NIGHT_LIST: Final = "domestic_futureoption.inquire_ngt_ccnl"
DOMESTIC: Final = ("KRX", "NXT", "SOR")
US: Final = frozenset({"NASD", "NYSE", "AMEX"})
CURRENCIES: Final[Mapping[str, str]] = {
    "NASD": "USD", "NYSE": "USD", "AMEX": "USD", "SEHK": "HKD", "SHAA": "CNY", "SZAA": "CNY", "TKSE": "JPY",
    "HASE": "VND", "VNSE": "VND",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One kind of order.

    `buy` and `sell` are the endpoints of a new order, `change` of an amendment or cancellation; `symbol`, `quantity`,
    `price`, `kind` name their parameters, `at_market` the code of a market order ("" where there is none) and `limit`
    that of a limit order. `side` is the parameter that says sell 01 or buy 02 (else the tr_id says it). `defaults` are
    sent unless the caller says otherwise. `session` chooses the tr_id where it hangs on the time of day.
    """

    buy: str
    sell: str
    change: str
    lists: tuple[str, ...]
    symbol: str = "PDNO"
    quantity: str = "ORD_QTY"
    price: str = "ORD_UNPR"
    kind: str = "ORD_DVSN"
    limit: str = "00"
    at_market: str = ""
    side: str = ""
    exchange: str = ""
    session: str = ""
    decimals: int = 0
    defaults: Mapping[str, str] = field(default_factory=lambda: NONE)
    change_defaults: Mapping[str, str] = field(default_factory=lambda: NONE)


LINES: Final[Mapping[str, Line]] = {
    "stock": Line(
        buy="domestic_stock.order_cash",
        sell="domestic_stock.order_cash",
        change="domestic_stock.order_rvsecncl",
        lists=("domestic_stock.inquire_daily_ccld",),
        at_market="01",
        exchange="EXCG_ID_DVSN_CD",
    ),
    "credit": Line(
        buy="domestic_stock.order_credit",
        sell="domestic_stock.order_credit",
        change="domestic_stock.order_rvsecncl",
        lists=("domestic_stock.inquire_daily_ccld",),
        at_market="01",
        exchange="EXCG_ID_DVSN_CD",
    ),
    "reservation": Line(
        buy="domestic_stock.order_resv",
        sell="domestic_stock.order_resv",
        change="domestic_stock.order_resv_rvsecncl",
        lists=("domestic_stock.order_resv_ccnl",),
        kind="ORD_DVSN_CD",
        at_market="01",
        side="SLL_BUY_DVSN_CD",
        defaults=MappingProxyType({"ORD_OBJT_CBLC_DVSN_CD": "10"}),
    ),
    "overseas": Line(
        buy="overseas_stock.order",
        sell="overseas_stock.order",
        change="overseas_stock.order_rvsecncl",
        lists=("overseas_stock.inquire_ccnl",),
        price="OVRS_ORD_UNPR",
        exchange="OVRS_EXCG_CD",
        decimals=4,
    ),
    "overseas_daytime": Line(
        buy="overseas_stock.daytime_order",
        sell="overseas_stock.daytime_order",
        change="overseas_stock.daytime_order_rvsecncl",
        lists=("overseas_stock.inquire_ccnl",),
        price="OVRS_ORD_UNPR",
        exchange="OVRS_EXCG_CD",
        decimals=4,
        change_defaults=MappingProxyType({"CTAC_TLNO": "", "MGCO_APTM_ODNO": ""}),
    ),
    "overseas_reservation": Line(
        buy="overseas_stock.order_resv",
        sell="overseas_stock.order_resv",
        change="overseas_stock.order_resv_ccnl",
        lists=("overseas_stock.order_resv_list",),
        quantity="FT_ORD_QTY",
        price="FT_ORD_UNPR3",
        exchange="OVRS_EXCG_CD",
        decimals=4,
        defaults=MappingProxyType({"RVSE_CNCL_DVSN_CD": "00"}),
    ),
    "future": Line(
        buy="domestic_futureoption.order",
        sell="domestic_futureoption.order",
        change="domestic_futureoption.order_rvsecncl",
        lists=("domestic_futureoption.inquire_ccnl",),
        symbol="SHTN_PDNO",
        price="UNIT_PRICE",
        kind="ORD_DVSN_CD",
        limit="01",
        at_market="02",
        side="SLL_BUY_DVSN_CD",
        session="day",
        decimals=2,
        defaults=MappingProxyType({"ORD_PRCS_DVSN_CD": "02", "NMPR_TYPE_CD": "01", "KRX_NMPR_CNDT_CD": "0"}),
        change_defaults=MappingProxyType({"ORD_PRCS_DVSN_CD": "02", "NMPR_TYPE_CD": "01", "KRX_NMPR_CNDT_CD": "0"}),
    ),
    "overseas_future": Line(
        buy="overseas_futureoption.order",
        sell="overseas_futureoption.order",
        change="overseas_futureoption.order_rvsecncl",
        lists=("overseas_futureoption.inquire_ccld",),
        symbol="OVRS_FUTR_FX_PDNO",
        quantity="FM_ORD_QTY",
        price="FM_LIMIT_ORD_PRIC",
        kind="PRIC_DVSN_CD",
        limit="1",
        at_market="2",
        side="SLL_BUY_DVSN_CD",
        decimals=6,
        defaults=MappingProxyType({"FM_STOP_ORD_PRIC": "", "CCLD_CNDT_CD": "6", "CPLX_ORD_DVSN_CD": "0"}),
    ),
    "bond": Line(
        buy="domestic_bond.buy",
        sell="domestic_bond.sell",
        change="domestic_bond.order_rvsecncl",
        lists=("domestic_bond.inquire_daily_ccld",),
        quantity="ORD_QTY2",
        price="BOND_ORD_UNPR",
        kind="",
        decimals=1,
        defaults=MappingProxyType({"SAMT_MKET_PTCI_YN": "N", "BOND_RTL_MKET_YN": "N", "CTAC_TLNO": ""}),
        change_defaults=MappingProxyType({"CTAC_TLNO": ""}),
    ),
}
"""By product; `future_night` is `future` at night."""


def line_of(product: str) -> Line:
    """The line of a product."""
    return LINES["future" if product == "future_night" else product]


def list_questions(
    product: str, first: str, last: str, venues: Sequence[str] = ("KRX",)
) -> tuple[tuple[str, dict[str, str]], ...]:
    """The questions that together list every order of a product between two days (YYYYMMDD), at these venues."""
    days = {"ORD_STRT_DT": first, "ORD_END_DT": last}
    between = {"INQR_STRT_DT": first, "INQR_END_DT": last}
    both = ("01", "02")
    stock = {**between, "SLL_BUY_DVSN_CD": "00", "ORD_GNO_BRNO": "", "CCLD_DVSN": "00", "INQR_DVSN": "00"}
    stock |= {"INQR_DVSN_1": "", "INQR_DVSN_3": "00"}
    reserved = {"RSVN_ORD_ORD_DT": first, "RSVN_ORD_END_DT": last, "RSVN_ORD_SEQ": "", "PRCS_DVSN_CD": "0"}
    reserved |= {"CNCL_YN": "", "PDNO": "", "SLL_BUY_DVSN_CD": ""}
    abroad = {**days, "PDNO": "%", "SLL_BUY_DVSN": "00", "CCLD_NCCS_DVSN": "00", "OVRS_EXCG_CD": "%", "SORT_SQN": "DS"}
    places = ({"PRDT_TYPE_CD": "512", "OVRS_EXCG_CD": "NASD"}, {"PRDT_TYPE_CD": "501", "OVRS_EXCG_CD": "SEHK"})
    bonds = {**between, "SORT_SQN_DVSN": "02", "PDNO": "%", "NCCS_YN": "N"}
    futures = {"STRT_ORD_DT": first, "END_ORD_DT": last, "SLL_BUY_DVSN_CD": "00", "SORT_SQN": "DS", "PDNO": ""}
    futures |= {"CCLD_NCCS_DVSN": "00"}
    questions: dict[str, tuple[dict[str, str], ...]] = {
        # orders at NXT and SOR stand in lists of their own (모의투자 knows KRX alone)
        "stock": tuple(stock | {"EXCG_ID_DVSN_CD": one} for one in venues),
        "reservation": (reserved,),
        "overseas": (abroad | {"ODNO": ""},),
        "overseas_reservation": tuple({**between, "INQR_DVSN_CD": "00", **one} for one in places),
        "bond": tuple(bonds | {"SLL_BUY_DVSN_CD": one} for one in both),
        "overseas_future": tuple({"CCLD_NCCS_DVSN": "01", "FUOP_DVSN": "00", "SLL_BUY_DVSN_CD": one} for one in both),
        "future": (futures | {"STRT_ODNO": ""},),
        "future_night": tuple(futures | {"FUOP_DVSN_CD": one} for one in both),
    }
    asked = questions[{"credit": "stock", "overseas_daytime": "overseas"}.get(product, product)]
    endpoint = NIGHT_LIST if product == "future_night" else line_of(product).lists[0]
    return tuple((endpoint, one) for one in asked)
