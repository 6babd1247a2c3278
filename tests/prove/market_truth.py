"""What a seeded market truly is, for the six rankings: told from the world, by nobody's endpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from dari.core import krx
from dari.worlds.market import Market, Side, partition, percent
from dari.worlds.market.closed import closed_days
from dari.worlds.market.filings import disclosures
from dari.worlds.market.flows import investors, program

CENT = Decimal("0.01")
BOARDS = {"ALL": ("KOSPI", "KOSDAQ"), "KOSPI": ("KOSPI",), "KOSDAQ": ("KOSDAQ",)}
FIGURES: Mapping[str, Callable[[Side], int]] = {
    "net": lambda side: side.net_value,
    "sold_net": lambda side: -side.net_value,
    "bought": lambda side: side.bought_value,
    "sold": lambda side: side.sold_value,
}
GROUPS = {"FOREIGN": ("foreigner",), "INSTITUTION": ("institution",), "INDIVIDUAL": ("individual",)}


def published(now: datetime) -> date:
    """The newest day the exchange has published: at 08:00 of the next trading day."""
    today = now.date()
    if not krx.is_trading_day(today) or now.hour < 8:
        today = krx.previous_trading_day(today)
    return krx.previous_trading_day(today)


def columns(world: Market, day: date, count: int, market: str, name: str) -> dict[str, list[int]]:
    """A column of every share's bars, newest first."""
    days = [closed_days(world).bars(one) for one in krx.trading_days(day, count)]
    return {
        issue.code: [getattr(bars[issue.code], name) for bars in days]
        for issue in world.issues
        if issue.counted and issue.board in BOARDS[market]
    }


def mean(amounts: Sequence[int]) -> float:
    return float((Decimal(sum(amounts)) / len(amounts)).quantize(CENT, ROUND_HALF_UP))


def change(world: Market, code: str, day: date) -> float:
    """등락률 of a day in percent."""
    bar = closed_days(world).bars(day)[code]
    return float(percent(bar.close - bar.base, bar.base))


def growth(world: Market, now: datetime, market: str, span: int, count: int) -> list[dict[str, Any]]:
    """거래대금 증가율 of the newest published day over the mean of the days before."""
    day = published(now)
    rows = []
    for code, values in columns(world, day, span + 1, market, "value").items():
        past = values[1:]
        if sum(past):
            rate = float(percent(values[0] * span - sum(past), sum(past)))
            rows.append((-rate, code, values[0], mean(past), rate))
    rows.sort()
    return [
        {
            "rank": place,
            "stock_code": code,
            "stock_name": world.by_code[code].name,
            "current_volume": value,
            "previous_volume": before,
            "volume_change_rate": rate,
            "trading_value": value,
            "price_change_rate": change(world, code, day),
            "news_count": min(40, len(world.news(code, now, day))),
            "disclosure_count": disclosures(world).count(code, day, now),
        }
        for place, (_, code, value, before, rate) in enumerate(rows[:count], start=1)
    ]


def unusual(world: Market, now: datetime, days: int, threshold: float, count: int) -> list[dict[str, Any]]:
    """이상 거래량 of the newest published day against the mean of the 20 days before."""
    day = published(now)
    told = []
    for code, volumes in columns(world, day, days, "ALL", "volume").items():
        window = volumes[1:21]
        ratio = float(percent(volumes[0] * 20, sum(window))) if sum(window) else 0.0
        if ratio >= threshold:
            told.append((-ratio, code, volumes))
    told.sort()
    rows = []
    for ratio, code, volumes in told[:count]:
        streak = 0
        while streak < days - 20 and volumes[streak] * 2000 >= Decimal(str(threshold)) * sum(
            volumes[streak + 1 : streak + 21]
        ):
            streak += 1
        issue = world.by_code[code]
        filed = disclosures(world).count(code, day, now)
        news = min(40, len(world.news(code, now, day)))
        reasons = {
            "major_disclosure": filed > 0,
            "news_coverage": news > 0,
            "market_warning": issue.warning > 0,
            "short_term_overheated": issue.overheated,
        }
        rows.append(
            {
                "stock_code": code,
                "stock_name": issue.name,
                "current_volume": volumes[0],
                "average_volume": mean(volumes[1:21]),
                "volume_ratio": -ratio,
                "price_change_rate": change(world, code, day),
                "trading_value": closed_days(world).bars(day)[code].value,
                "consecutive_days": streak,
                "reasons": {name for name, holds in reasons.items() if holds},
            }
        )
    return rows


def sizes(world: Market, now: datetime, market: str, count: int) -> list[dict[str, Any]]:
    """Capitalisations now, with what the newest published close and the companies' reports say."""
    day = published(now)
    bars = closed_days(world).bars(day)
    shares = [one for one in world.issues if one.counted and one.board in BOARDS[market]]
    caps = {one.code: bars[one.code].close * one.shares for one in shares}
    totals = {
        board: sum(bars[one.code].close * one.shares for one in world.issues if one.counted and one.board == board)
        for board in ("KOSPI", "KOSDAQ")
    }
    quotes = world.snapshot(now).quotes
    ordered = sorted(shares, key=lambda one: (-quotes[one.code].market_cap, one.code))
    before = places(caps)
    by_value = places({code: bars[code].value for code in caps})
    rows = []
    for place, one in enumerate(ordered[:count], start=1):
        quote, held = quotes[one.code], disclosures(world).holding(one.code, now)
        rows.append(
            {
                "rank": place,
                "stock_code": one.code,
                "stock_name": one.name,
                "market_cap": quote.market_cap,
                "market_cap_rank_change": before[one.code] - place,
                "current_price": quote.price,
                "trading_value": quote.value,
                "trading_value_rank": by_value.get(one.code),
                "weight_in_index": float(percent(caps[one.code], totals[one.board])),
                "foreign_ownership": float(quote.foreign_ratio),
                "treasury_stock_ratio": None if held is None else round(100.0 * held.closing / held.issued, 2),
            }
        )
    return rows


def places(figures: Mapping[str, int]) -> dict[str, int]:
    ordered = sorted(figures, key=lambda code: (-figures[code], code))
    return {code: place for place, code in enumerate(ordered, start=1)}


def sectors(world: Market, now: datetime, market: str, count: int) -> list[dict[str, Any]]:
    """Industries by value now; their plain means and leaders at the newest published close."""
    day = published(now)
    bars = closed_days(world).bars(day)
    rows: list[dict[str, Any]] = []
    for sector in partition("KOSPI" if market == "KOSPI" else "KOSDAQ"):
        index, flows = world.index(sector.code, now), world.index_flows(sector.code, now)
        members = [bars[one.code] for one in world.members[sector.code]]
        codes = [one.code for one in world.members[sector.code]]
        rates = [percent(bar.close - bar.base, bar.base) for bar in members]
        leaders = sorted(codes, key=lambda code: (-bars[code].value, code))[:3]
        whole = sum(bar.value for bar in members)
        foreign = flows["foreigner"].net_value + flows["resident_foreigner"].net_value
        rows.append(
            {
                "sector_code": sector.code,
                "sector_name": sector.name,
                "trading_value": cut(index.value),
                "trading_volume": index.volume // 1000 * 1000,
                "stock_count": len(members),
                "average_change_rate": float((sum(rates, Decimal(0)) / len(rates)).quantize(CENT, ROUND_HALF_UP)),
                "leading_stocks": [(code, float(percent(bars[code].value, whole))) for code in leaders],
                "foreign_net_buy": cut(foreign),
                "institution_net_buy": cut(flows["institution"].net_value),
            }
        )
    rows.sort(key=lambda row: (-row["trading_value"], row["sector_code"]))
    return [{"rank": place, **row} for place, row in enumerate(rows[:count], start=1)]


def cut(amount: int) -> int:
    """To whole million won, towards zero."""
    return int(Decimal(amount) / 1_000_000) * 1_000_000


def sides(world: Market, now: datetime, market: str, investor: str) -> dict[str, Side]:
    """Every issue's side of one investor on the board's day so far, exchange-traded products included."""
    found = {}
    for quote in world.snapshot(now).of(market):
        day = f"{quote.as_of:%Y%m%d}"
        if investor == "PROGRAM":
            found[quote.code] = program(world.seed, quote.code, day, quote.volume, quote.value).whole
        else:
            told = investors(world.seed, quote.code, day, quote.volume, quote.value)
            parts = [told[group] for group in GROUPS[investor]]
            found[quote.code] = parts[0] if len(parts) == 1 else parts[0] + parts[1]
    return found


def traded(world: Market, now: datetime, investor: str, by: str, count: int) -> list[tuple[str, Side]]:
    """Issues by an investor's net value ("net", "sold_net") or by what was "bought" or "sold"; of equals by code.

    What is published in million won is ranked by that: program trading, and what was bought and sold.
    """
    exact = by in {"net", "sold_net"} and investor != "PROGRAM"
    whole = FIGURES[by]

    def figure(side: Side) -> int:
        return whole(side) if exact else cut(whole(side))

    found = sides(world, now, "ALL", investor)
    ordered = sorted(found, key=lambda code: (-figure(found[code]), code))
    return [(code, found[code]) for code in ordered[:count] if figure(found[code]) > 0]
