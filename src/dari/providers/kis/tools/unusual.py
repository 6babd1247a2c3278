"""이상 거래량: issues that trade a multiple of their 20-day mean, since how many days, and what may be behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer, Gap
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.core.values import percent, text, whole
from dari.providers.kis.models import Day, Ranked
from dari.providers.kis.tools.asks import (
    CHART,
    NEWS,
    PRICE,
    RANK,
    VI,
    before,
    head,
    interruptions,
    news_counts,
    prices,
    trading_day,
)
from dari.providers.kis.tools.change_ranking import candidates, mean
from dari.providers.kis.tools.shapes import INTEGER, NUMBER, OBJECT, TEXT, answer_of, eok, rows_of, signed

MEAN_DAYS: Final = 20
LOOK_BACK: Final = 2 * MEAN_DAYS
WARNINGS: Final = {"01": "투자주의", "02": "투자경고", "03": "투자위험"}


class UnusualVolume(Query):
    """Arguments of get_unusual_volume. `threshold` is percent of the 20-day mean, `min_price` won."""

    market: Literal["ALL", "KOSPI", "KOSDAQ"] = "ALL"
    threshold: float = Field(default=200.0, gt=0, le=100_000, allow_inf_nan=False)
    min_price: int | None = Field(default=None, ge=0)
    count: int = Field(default=20, ge=1, le=50)


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
        evidence=OBJECT,
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """An issue with its history: today's volume against the 20 whole days before, ratio in percent."""

    row: Ranked
    past: Sequence[int]
    ratio: float

    @property
    def z_score(self) -> float | None:
        """(today - mean) / standard deviation of the 20 days (population), two places; None without deviation."""
        window = self.past[:MEAN_DAYS]
        average = Decimal(sum(window)) / len(window)
        variance = sum(((Decimal(one) - average) ** 2 for one in window), Decimal(0)) / len(window)
        if not variance:
            return None
        return float(((Decimal(self.row.volume) - average) / variance.sqrt()).quantize(Decimal("0.01"), ROUND_HALF_UP))

    def streak(self, threshold: float) -> int:
        """Days in a row, today first, that reach the threshold against their own 20 days before."""
        volumes = [self.row.volume, *self.past]
        count = 0
        for place in range(len(volumes) - MEAN_DAYS):
            total = sum(volumes[place + 1 : place + 1 + MEAN_DAYS])
            if not total or volumes[place] * MEAN_DAYS * 100 < Decimal(str(threshold)) * total:
                break
            count += 1
        return count


async def get_unusual_volume(query: UnusualVolume, upstream: Upstream) -> Answer:
    """`threshold` tests the ratio to the 20-day mean alone; the z-score is reported beside it.

    Costs a chart a candidate (30 a market), and for each issue shown its price, its news and its VI.
    Raises what the upstream's policies raise.
    """
    found = await candidates(upstream, query.market, low=query.min_price)
    bars = await together(*(before(upstream, row.code, LOOK_BACK) for row in found))
    findings = [
        finding
        for row, (_, days) in zip(found, bars, strict=True)
        if (finding := _finding(row, days)) and finding.ratio >= query.threshold
    ]
    findings.sort(key=lambda one: (-one.ratio, one.row.code))
    shown = findings[: query.count]
    codes = [one.row.code for one in shown]
    details = await prices(upstream, codes)
    news = await news_counts(upstream, codes)
    stops = dict(zip(codes, await together(*(interruptions(upstream, code) for code in codes)), strict=True))
    today = f"{trading_day(upstream):%Y%m%d}"
    stocks = [
        _told(one, query.threshold, _evidence(details[code], news[code], stops[code], today))
        for code, one in zip(codes, shown, strict=True)
    ]
    data = {
        **head(upstream),
        "market": query.market,
        "detection_criteria": {
            "threshold": query.threshold,
            "comparison_period": f"{MEAN_DAYS}D",
            "min_price": query.min_price,
        },
        "unusual_stocks": stocks,
    }
    gaps = (
        Gap("unusual_stocks[].possible_reasons", "major_disclosure cannot be told: KIS has no 공시", "DART_API_KEY"),
        Gap("unusual_stocks", "candidates are the 30 a market whose shares grew most over yesterday", "KRX_AUTH_KEY"),
    )
    lines = [f"이상 거래량 {query.market}: 20일 평균의 {query.threshold:g}% 이상 (KRX) {len(stocks)}종목"]
    lines += [
        f"{one['stock_code']} {one['stock_name'][:12]} {one['volume_ratio']:,.0f}% {signed(one['price_change_rate'])} "
        f"{eok(one['trading_value'])} {one['consecutive_days']}일째 {','.join(one['possible_reasons'])}"
        for one in stocks
    ]
    return Answer(data, upstream.sources, gaps, "\n".join(lines))


def _finding(row: Ranked, days: Sequence[Day]) -> Finding | None:
    """None where there are no 20 days to compare with (a new listing), or nothing was traded in them."""
    past = [bar.volume for bar in days]
    window = past[:MEAN_DAYS]
    ratio = percent(row.volume * MEAN_DAYS, sum(window)) if len(window) == MEAN_DAYS else None
    return None if ratio is None else Finding(row, past, ratio)


def _told(one: Finding, threshold: float, evidence: Mapping[str, str]) -> dict[str, Any]:
    row = one.row
    return {
        "stock_code": row.code,
        "stock_name": row.name,
        "current_volume": row.volume,
        "average_volume": mean(one.past[:MEAN_DAYS]),
        "volume_ratio": one.ratio,
        "z_score": one.z_score,
        "price_change_rate": row.change_rate,
        "trading_value": row.value,
        "consecutive_days": one.streak(threshold),
        "possible_reasons": list(evidence),
        "evidence": evidence,
    }


def _evidence(detail: Mapping[str, Any], news: int, stops: int, today: str) -> dict[str, str]:
    """Each reason of the document's list, with what speaks for it."""
    found = {}
    if news:
        found["news_coverage"] = f"{news} titles today"
    high, day = whole(detail, "w52_hgpr"), text(detail, "w52_hgpr_date")
    if day == today:
        found["technical_breakout"] = f"52-week high {high:,} won today"
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
        description="Stocks trading >= threshold % of their 20-day mean volume 이상 거래량, with likely reasons.",
        query=UnusualVolume,
        output=OUTPUT,
        run=get_unusual_volume,
        toolset="ranking",
        endpoints=(RANK, CHART, PRICE, NEWS, VI),
    ),
)
