"""The axes that tell near-twins apart: what an endpoint is on each, what a question wants, and how well they agree."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from dari.core.endpoint import Effect, Endpoint

NAMES: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {
        "korean_stock": (("region", "domestic"), ("product", "stock")),
        "us_stock": (("region", "overseas"), ("product", "stock")),
        "korean_etf": (("region", "domestic"), ("product", "etf")),
        "korean_bond": (("region", "domestic"), ("product", "bond")),
        "overseas_index": (("region", "overseas"), ("product", "index")),
        "overseas_future": (("region", "overseas"), ("product", "future")),
        "kospi_future": (("region", "domestic"), ("product", "future"), ("product", "index_future")),
    }
)
"""What naming an issue says about where it trades and what it is."""

KINDS_OF: Final = MappingProxyType(
    {
        "index_future": "future",
        "stock_future": "future",
        "commodity_future": "future",
        "index_option": "option",
        "stock_option": "option",
        "etn": "etf",
        "sector": "index",
    }
)
MARKED: Final = ("session", "stage", "account", "reserve", "venue")
"""Axes on which an endpoint is special: asked for only when named."""

_DERIVATIVE_STREAMS: Final = (
    ("index_futures", "index_future"),
    ("index_option", "index_option"),
    ("commodity_futures", "commodity_future"),
    ("stock_futures", "stock_future"),
    ("stock_option", "stock_option"),
    ("ngt_futures", "future"),
    ("ngt_option", "option"),
    ("futures_exp", "stock_future"),
    ("option_exp", "stock_option"),
    ("display_board_futures", "future"),
    ("display_board_option", "option"),
    ("display_board_callput", "option"),
)
_PERIODS: Final = (
    ("tick", r"틱"),
    ("second", r"\(초\)"),
    ("minute", r"분봉|\(분\)|분별"),
    ("day", r"일별|일자별|일간|\(일|일/|기간별시세|일봉"),
    ("week", r"주/|주간\)"),
    ("month", r"월/|월간"),
    ("year", r"년\)"),
)
_RANKED: Final = re.compile(r"순위|상위|급증|급등락|급변|신고/신저|상승율/하락율|포착|매매종목|시장가치")
_DAY_WEEK_MONTH: Final = frozenset({"domestic_stock.inquire_daily_price", "overseas_stock.dailyprice"})


@dataclass(frozen=True, slots=True)
class Slots:
    """Values on each axis; an empty set says nothing."""

    region: frozenset[str] = frozenset()
    product: frozenset[str] = frozenset()
    period: frozenset[str] = frozenset()
    ws: bool = False
    rank: bool = False
    act: str = "query"
    marked: frozenset[tuple[str, str]] = frozenset()


def of_endpoint(row: Endpoint) -> Slots:
    """Where an endpoint stands on each axis, out of its id, title, group and effect."""
    category, _, name = row.id.partition(".")
    region = {"overseas"} if category.startswith("overseas") else {"domestic"} if category != "auth" else set()
    return Slots(
        region=frozenset(region),
        product=_products(category, name),
        period=frozenset(_periods(row)),
        ws=row.transport == "websocket",
        rank=row.wire["group"] == "순위분석" or bool(_RANKED.search(row.title)),
        act=_act(row),
        marked=frozenset(_marks(row)),
    )


_WHOLE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {"elw": frozenset({"elw"}), "etfetn": frozenset({"etf", "etn"}), "auth": frozenset({"stock"})}
)
_ONE_BY_ONE: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "domestic_bond.bond_index_ccnl": frozenset({"bond", "index"}),
        "domestic_stock.inquire_elw_price": frozenset({"elw"}),
        "domestic_stock.market_time": frozenset({"future", "option"}),
        "domestic_stock.comp_interest": frozenset({"rate", "bond"}),
        "domestic_stock.profit_asset_index": frozenset({"stock"}),
        "domestic_stock.inquire_investor_daily_by_market": frozenset({"stock", "index"}),
        "domestic_stock.inquire_investor_time_by_market": frozenset({"stock", "index"}),
        "overseas_stock.inquire_daily_chartprice": frozenset({"index", "fx", "rate", "stock"}),
        "overseas_stock.industry_price": frozenset({"stock", "index"}),
        "overseas_stock.industry_theme": frozenset({"stock", "index"}),
    }
)
_OVERSEAS_FUTURES: Final = frozenset(
    [
        "inquire_price",
        "stock_detail",
        "inquire_asking_price",
        "inquire_time_futurechartprice",
        "tick_ccnl",
        "weekly_ccnl",
        "daily_ccnl",
        "monthly_ccnl",
        "search_contract_detail",
        "investor_unpd_trend",
    ]
)


def _products(category: str, name: str) -> frozenset[str]:
    known = _ONE_BY_ONE.get(f"{category}.{name}") or _WHOLE.get(category)
    if known is None and category == "overseas_futureoption":
        known = _overseas_futures(name)
    elif known is None and category == "domestic_futureoption":
        known = frozenset(product for part, product in _DERIVATIVE_STREAMS if part in name)
        known = known or frozenset({"future", "option"})
    elif known is None:
        known = frozenset({"bond" if category == "domestic_bond" else "index" if "index" in name else "stock"})
    return known


def _overseas_futures(name: str) -> frozenset[str]:
    if name.startswith("opt_") or name in {"search_opt_detail", "inquire_time_optchartprice"}:
        return frozenset({"option"})
    return frozenset({"future"}) if name in _OVERSEAS_FUTURES else frozenset({"future", "option"})


def _periods(row: Endpoint) -> set[str]:
    if row.id in _DAY_WEEK_MONTH:
        return {"day", "week", "month"}
    found = {period for period, pattern in _PERIODS if re.search(pattern, row.title)}
    if "분봉" in row.title:
        found = {"minute"}
    return found


def _act(row: Endpoint) -> str:
    if row.effect is not Effect.COMMIT:
        return "query"
    return "change" if "rvsecncl" in row.id or row.id == "overseas_stock.order_resv_ccnl" else "place"


def _marks(row: Endpoint) -> set[tuple[str, str]]:
    title, name = row.title, row.id.partition(".")[2]
    marks = {
        ("session", "overtime"): "시간외" in title,
        ("session", "night"): "야간" in title,
        ("session", "daytime"): "주간정정" in title or "주간주문" in title,
        ("stage", "expected"): "예상체결" in title,
        ("account", "pension"): "퇴직연금" in title,
        ("account", "credit"): "신용)" in title or "신용매수" in title or "신용가능" in title,
        ("reserve", "yes"): "예약" in title,
        ("venue", "nxt"): name.endswith("_nxt"),
        ("venue", "total"): name.endswith("_total") and row.transport == "websocket",
    }
    return {mark for mark, holds in marks.items() if holds}


_QUERYING: Final = frozenset(
    [
        "possible",
        "history",
        "unfilled",
        "netbuy",
        "orderbook",
        "rank",
        "notice",
        "balance",
        "opinion",
        "program",
        "trend",
        "afterqty",
        "buysellvol",
        "investor",
        "member",
        "transaction",
        "profitloss",
        "volume",
        "tvalue",
        "lp",
        "power",
        "sellable",
        "ordno",
        "listof",
        "foreignfirm",
        "surge",
        "fee",
        "updown",
        "bulk",
        "margin",
        "ourfirm",
        "price",
        "news",
        "short",
        "condsearch",
        "creditable",
        "assets",
        "collateral",
        "deposit",
        "cftc",
        "byamount",
        "execbasis",
    ]
)
"""What makes a sentence with buy or sell a question about the market or the account, not an order."""


_OF_AN_INDEX: Final = frozenset(
    [
        "kospi",
        "kosdaq",
        "domestic",
        "current",
        "today",
        "price",
        "candle",
        "period",
        "day",
        "week",
        "month",
        "year",
        "minute",
        "second",
        "tick",
        "ws",
        "trend",
        "bytime",
        "rest",
        "expected",
        "krx",
        "search",
    ]
)
"""With nothing else said, a market's name means its index."""


def of_question(
    concepts: Mapping[str, float], names: set[str], axes: Mapping[str, tuple[tuple[str, str], ...]]
) -> Slots:
    """What a question wants on each axis."""
    pairs = [pair for concept in concepts for pair in axes.get(concept, ())]
    named = [pair for name in names for pair in NAMES.get(name, ())]
    region = {value for axis, value in pairs if axis == "region"}
    product = {value for axis, value in pairs if axis == "product"}
    if not region:
        region = {value for axis, value in named if axis == "region"}
    elif "overseas" in region and region & {value for axis, value in named if axis == "region"}:
        region = {value for axis, value in named if axis == "region"} | (
            {"overseas"} if "overseas" in concepts else set()
        )
    if not product - {"stock"}:
        product |= {value for axis, value in named if axis == "product"}
    if product - {"stock"}:
        product.discard("stock")
    if not product and {"kospi", "kosdaq"} & set(concepts) and not set(concepts) - _OF_AN_INDEX:
        product = {"index"}
    if {"future", "option"} & {KINDS_OF.get(one, one) for one in product}:
        product -= {"index"}
    marked = {(axis, value) for axis, value in pairs if axis in MARKED}
    return Slots(
        region=frozenset(region),
        product=frozenset(product),
        period=frozenset(value for axis, value in pairs if axis == "period"),
        ws=any(pair == ("transport", "ws") for pair in pairs) or "notice" in concepts,
        rank="rank" in concepts,
        act=_wanted_act(set(concepts)),
        marked=frozenset(marked),
    )


def _wanted_act(concepts: set[str]) -> str:
    changing = concepts & {"cancel", "modify"}
    asking = concepts & _QUERYING
    if changing and not asking & {"possible", "history", "unfilled", "notice"}:
        return "change"
    if asking:
        return "query"
    if concepts & {"order", "buy", "sell", "ordertype"}:
        return "place"
    if "reserve" in concepts:
        return "place"
    return "query"


@dataclass(frozen=True, slots=True)
class Weights:
    """What agreement (plus) and disagreement (minus) on each axis is worth, in the unit of the rarest word."""

    region: float = 0.9
    wrong_region: float = -2.6
    unasked_overseas: float = -1.1
    product: float = 1.0
    wrong_product: float = -2.0
    unasked_product: float = -1.1
    ws: float = 1.2
    missing_ws: float = -1.4
    unasked_ws: float = -1.6
    period: float = 1.2
    wrong_period: float = -1.2
    missing_period: float = -0.3
    rank: float = 0.8
    missing_rank: float = -0.8
    unasked_rank: float = -0.65
    act: float = 1.2
    wrong_act: float = -1.2
    unasked_act: float = -1.2
    mark: float = 1.0
    missing_mark: float = -1.2
    unasked_mark: float = -1.0


def agreement(wanted: Slots, there: Slots, weigh: Weights) -> float:
    """How well an endpoint stands where the question wants it."""
    total = _product(wanted.product, there.product, weigh) + _region(wanted, there, weigh)
    total += _yes_no(wanted.ws, there.ws, (weigh.ws, weigh.missing_ws, weigh.unasked_ws))
    total += _yes_no(wanted.rank, there.rank, (weigh.rank, weigh.missing_rank, weigh.unasked_rank))
    if wanted.period and there.period:
        total += weigh.period if wanted.period & there.period else weigh.wrong_period
    elif wanted.period:
        total += weigh.missing_period
    if wanted.act != "query":
        total += weigh.act if wanted.act == there.act else weigh.wrong_act
    elif there.act != "query":
        total += weigh.unasked_act
    total += weigh.mark * len(wanted.marked & there.marked)
    total += weigh.missing_mark * len(wanted.marked - there.marked)
    return total + weigh.unasked_mark * len(there.marked - wanted.marked)


def _region(wanted: Slots, there: Slots, weigh: Weights) -> float:
    if wanted.region:
        return weigh.region if wanted.region & there.region or not there.region else weigh.wrong_region
    return weigh.unasked_overseas if "overseas" in there.region else 0.0


def _yes_no(wanted: bool, there: bool, worth: tuple[float, float, float]) -> float:  # noqa: FBT001 -- two equal sides
    """`worth`: asked and there, asked and not there, there and not asked."""
    if wanted:
        return worth[0] if there else worth[1]
    return worth[2] if there else 0.0


def _product(wanted: frozenset[str], there: frozenset[str], weigh: Weights) -> float:
    if not wanted:
        return 0.0 if "stock" in there or not there else weigh.unasked_product
    if not there:
        return 0.0
    if wanted & there:
        return weigh.product * len(wanted & there) / len(wanted)
    broad = {KINDS_OF.get(one, one) for one in wanted}
    if broad & there:
        return weigh.product * 0.8
    if broad & {KINDS_OF.get(one, one) for one in there}:
        return weigh.product * 0.5
    return weigh.wrong_product
