"""이상 거래량: issues that trade a multiple of their 20-day mean, since how many days, and what may be behind it.

Over the whole market at the last close out of the days that are kept; live among the issues KIS shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer, Gap
from dari.core.market import Disclosure, History, Series, neighbours_of
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.core.values import text, whole
from dari.providers.kis.models import Listed
from dari.providers.kis.tools import whole_market
from dari.providers.kis.tools.asks import (
    CHART,
    MARKETS,
    NEWS,
    PRICE,
    RANK,
    VI,
    before,
    head,
    interruptions,
    master,
    news_counts,
    prices,
    trading_day,
)
from dari.providers.kis.tools.change_ranking import candidates, disclosed
from dari.providers.kis.tools.shapes import INTEGER, NUMBER, OBJECT, TEXT, answer_of, eok, rows_of, signed
from dari.providers.kis.tools.whole_market import MEAN_DAYS, Volumes, compared

LOOK_BACK: Final = 2 * MEAN_DAYS
BUDGET: Final = 12
"""Calls of an answer beside one a row: what single rows ask for beyond their news comes out of it."""
VI_BAND: Final = 10
"""A static VI 정적 변동성완화장치 comes where the price leaves the last auction's by so many percent."""
SHORT: Final = 10
"""Up to so many issues have room for titles, prices and z-scores; more of them come without."""
BREAKOUT: Final = "technical_breakout"
WARNINGS: Final = {"01": "투자주의", "02": "투자경고", "03": "투자위험"}


class UnusualVolume(Query):
    """Arguments of get_unusual_volume. `threshold` is percent of the 20-day mean, `min_price` won."""

    market: Literal["ALL", "KOSPI", "KOSDAQ"] = "ALL"
    threshold: float = Field(default=200.0, gt=0, le=100_000, allow_inf_nan=False)
    min_price: int | None = Field(default=None, ge=0)
    count: int = Field(default=20, ge=1, le=50)
    basis: Literal["close", "live"] = "close"


OUTPUT: Final = answer_of(
    detection_criteria=OBJECT,
    unusual_stocks=rows_of(
        stock_code=TEXT,
        stock_name=TEXT,
        current_volume=INTEGER,
        average_volume=NUMBER,
        volume_ratio=NUMBER,
        z_score=NUMBER,
        price_change_rate=NUMBER,
        trading_value=INTEGER,
        consecutive_days=INTEGER,
        possible_reasons={"type": "array", "items": TEXT},
        evidence={"type": "array", "items": TEXT},
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """An issue that was found: what it is called, what it trades, and how that compares."""

    code: str
    name: str
    change_rate: float | None
    value: int
    found: Volumes


async def get_unusual_volume(query: UnusualVolume, upstream: Upstream) -> Answer:
    """`threshold` tests the ratio to the 20-day mean alone; the z-score is reported beside it.

    At the last close: one call a row for its news, and few for all. Live, or without the days: a chart a candidate
    (30 a market), and for each issue shown its price, its news and its VI. Raises what the upstream's policies raise.
    """
    history, gaps = None, list[Gap]()
    if query.basis == "close":
        history, gaps = await whole_market.kept_days(neighbours_of(upstream), LOOK_BACK + 1)
        if history is not None and len(history.days) <= MEAN_DAYS:
            history = None
    if history is not None:
        return await _at_close(query, upstream, history, gaps)
    return await _live(query, upstream, gaps)


# ── at the last close ──


async def _at_close(query: UnusualVolume, upstream: Upstream, history: History, gaps: list[Gap]) -> Answer:
    day = history.days[0]
    found = whole_market.unusual(history, query.market, query.threshold, query.min_price or 0)
    shown = found[: query.count]
    codes = [one.row.code for one, _ in shown]
    told, unknown = await disclosed(neighbours_of(upstream), codes, day, "unusual_stocks[].possible_reasons")
    warned = {
        one.code: one
        for some in await together(*(master(upstream, at) for at in MARKETS[query.market]))
        for one in some
    }
    left = BUDGET - sum(one.calls for one in upstream.sources if not one.cached)
    highs, stops = await _asked_within(upstream, [one for one, _ in shown], day, left)
    news = await news_counts(upstream, codes, day)
    stocks, roomy = [], len(shown) <= SHORT
    for one, volumes in shown:
        row = one.row
        reasons = {
            **_disclosures(told.get(row.code, ()), titled=roomy),
            **_news(news[row.code]),
            **_breakout(one, day, highs.get(row.code), len(history.days), titled=roomy),
            **_stopped(one, stops.get(row.code)),
            **_warnings(warned.get(row.code)),
        }
        finding = Finding(row.code, row.name, row.change_rate, row.value, volumes)
        stocks.append(_told(finding, query.threshold, reasons, scored=roomy))
    data = {**whole_market.head(history, upstream), **_criteria(query), "total": len(found), "unusual_stocks": stocks}
    title = (
        f"이상 거래량 {query.market}: 20일 평균의 {query.threshold:g}% 이상 ({day} 마감, 전 종목, KRX) {len(found)}종목"
    )
    sources = (*upstream.sources, whole_market.source(history, upstream))
    return Answer(data, sources, (*gaps, *unknown), _text(title, stocks))


async def _asked_within(
    upstream: Upstream, shown: Sequence[Series], day: date, left: int
) -> tuple[dict[str, tuple[int, str]], dict[str, int]]:
    """52-week highs of those at the highest of the kept days, then VI of those that left the band, while calls last."""
    high = [one.row.code for one in shown if one.row.high and one.row.high >= max(one.highs)][: max(0, left)]
    stopped = [one.row.code for one in shown if _reach(one) >= VI_BAND][: max(0, left - len(high))]
    details = await prices(upstream, high)
    counts = await together(*(interruptions(upstream, code, day) for code in stopped))
    highs = {code: (whole(row, "w52_hgpr") or 0, text(row, "w52_hgpr_date")) for code, row in details.items()}
    return highs, dict(zip(stopped, counts, strict=True))


def _reach(one: Series) -> float:
    """How far the day's range went from the close before, percent."""
    base = one.row.close - one.row.change
    if base <= 0 or not one.row.high:
        return 0.0
    return 100.0 * max(one.row.high - base, base - one.row.low) / base


def _breakout(one: Series, day: date, high: tuple[int, str] | None, days: int, *, titled: bool) -> dict[str, str]:
    """The highest of the kept days: of the year, where KIS was asked and says so."""
    if not one.row.high or one.row.high < max(one.highs):
        return {}
    of_year = high is not None and high[1] == f"{day:%Y%m%d}"
    price = f" {one.row.high:,}" if titled else ""
    return {BREAKOUT: f"{'52-week' if of_year else f'{days}-day'} high{price}"}


def _stopped(one: Series, count: int | None) -> dict[str, str]:
    if count is None:
        reach = _reach(one)
        return {"volatility_interruption": f"range {reach:.0f}%"} if reach >= VI_BAND else {}
    return {"volatility_interruption": f"VI {count}x"} if count else {}


def _disclosures(told: Sequence[Disclosure], *, titled: bool) -> dict[str, str]:
    """The newest by its number at DART, and how many more; with its title where there is room."""
    if not told:
        return {}
    title = f" {told[0].title.strip()[:20]}" if titled else ""
    more = f" +{len(told) - 1}" if len(told) > 1 else ""
    return {"major_disclosure": f"{told[0].number}{title}{more}"}


def _news(count: int) -> dict[str, str]:
    return {"news_coverage": f"{count} titles"} if count else {}


def _warnings(one: Listed | None) -> dict[str, str]:
    """Flags of the master file, which tells today's."""
    if one is None:
        return {}
    warning = WARNINGS.get(one.warning)
    return ({"market_warning": warning} if warning else {}) | (
        {"short_term_overheated": "단기과열"} if one.overheated else {}
    )


# ── live ──


async def _live(query: UnusualVolume, upstream: Upstream, lacking: Sequence[Gap]) -> Answer:
    neighbours = neighbours_of(upstream)
    found = await candidates(upstream, query.market, low=query.min_price)
    bars = await together(*(before(upstream, row.code, LOOK_BACK) for row in found))
    findings = [
        Finding(row.code, row.name, row.change_rate, row.value, volumes)
        for row, (_, days) in zip(found, bars, strict=True)
        if (volumes := compared((row.volume, *(bar.volume for bar in days)))) and volumes.ratio >= query.threshold
    ]
    findings.sort(key=lambda one: (-one.found.ratio, one.code))
    shown = findings[: query.count]
    codes = [one.code for one in shown]
    details = await prices(upstream, codes)
    news = await news_counts(upstream, codes)
    stops = dict(zip(codes, await together(*(interruptions(upstream, code) for code in codes)), strict=True))
    day = trading_day(upstream)
    told, unknown = await disclosed(neighbours, codes, day, "unusual_stocks[].possible_reasons")
    stocks = [
        _told(
            one,
            query.threshold,
            _disclosures(told.get(one.code, ()), titled=len(shown) <= SHORT)
            | _evidence(details[one.code], news[one.code], stops[one.code], f"{day:%Y%m%d}"),
        )
        for one in shown
    ]
    data = {**head(upstream), **_criteria(query), "unusual_stocks": stocks}
    narrow = "candidates are the 30 a market whose shares grew most over yesterday"
    gaps = [*unknown, Gap("unusual_stocks", narrow, neighbours.keys["days"])]
    if query.basis == "close":
        gaps += whole_market.no_days(neighbours, "unusual_stocks", "not over the whole market", lacking)
    title = f"이상 거래량 {query.market}: 20일 평균의 {query.threshold:g}% 이상 (KRX) {len(stocks)}종목"
    return Answer(data, upstream.sources, tuple(gaps), _text(title, stocks))


def _criteria(query: UnusualVolume) -> dict[str, Any]:
    return {
        "market": query.market,
        "detection_criteria": {
            "threshold": query.threshold,
            "comparison_period": f"{MEAN_DAYS}D",
            "min_price": query.min_price,
        },
    }


def _text(title: str, stocks: Sequence[Mapping[str, Any]]) -> str:
    return "\n".join(
        [
            title,
            *(
                f"{one['stock_code']} {one['stock_name'][:12]} {one['volume_ratio']:,.0f}% "
                f"{signed(one['price_change_rate'])} {eok(one['trading_value'])} {one['consecutive_days']}일째 "
                f"{','.join(one['possible_reasons'])}"
                for one in stocks
            ),
        ]
    )


def _told(one: Finding, threshold: float, evidence: Mapping[str, str], *, scored: bool = True) -> dict[str, Any]:
    return {
        "stock_code": one.code,
        "stock_name": one.name,
        "current_volume": one.found.volumes[0],
        "average_volume": one.found.average,
        "volume_ratio": one.found.ratio,
        **({"z_score": one.found.z_score} if scored else {}),
        "price_change_rate": one.change_rate,
        "trading_value": one.value,
        "consecutive_days": one.found.streak(threshold),
        "possible_reasons": list(evidence),
        "evidence": list(evidence.values()),
    }


def _evidence(detail: Mapping[str, Any], news: int, stops: int, today: str) -> dict[str, str]:
    """Each reason of the document's list, with what speaks for it."""
    found = _news(news)
    high, day = whole(detail, "w52_hgpr"), text(detail, "w52_hgpr_date")
    if day == today:
        found[BREAKOUT] = f"52-week high {high:,} won today"
    if stops:
        found["volatility_interruption"] = f"VI {stops}x today"
    warning = WARNINGS.get(text(detail, "mrkt_warn_cls_code"))
    if warning:
        found["market_warning"] = warning
    if text(detail, "short_over_yn") == "Y":
        found["short_term_overheated"] = "단기과열"
    return found


TOOLS: Final = (
    Tool(
        name="get_unusual_volume",
        title="이상 거래량",
        description="Stocks trading >= threshold % of their 20-day mean volume, with reasons: all stocks, last close. "
        "live: fewer.",
        query=UnusualVolume,
        output=OUTPUT,
        run=get_unusual_volume,
        toolset="ranking",
        endpoints=(RANK, CHART, PRICE, NEWS, VI),
    ),
)
