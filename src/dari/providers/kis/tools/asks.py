"""The questions several ranking tools ask, in our words: each is one call of one endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from dari.core.krx import board
from dari.core.market import Market
from dari.core.together import together
from dari.core.tool import Upstream
from dari.core.values import must, text
from dari.providers.kis.models import (
    Day,
    Listed,
    Ranked,
    Trades,
    days,
    index_value,
    listed,
    market_trades,
    program_of_market,
    program_of_stock,
    ranked,
    rows,
    trades,
)
from dari.providers.kis.spec import master_files

VENUE: Final = "KRX"
MARKETS: Final[Mapping[str, tuple[Market, ...]]] = {
    "ALL": ("KOSPI", "KOSDAQ"),
    "KOSPI": ("KOSPI",),
    "KOSDAQ": ("KOSDAQ",),
}
INDEX: Final = {"KOSPI": "0001", "KOSDAQ": "1001"}
BOARD: Final = {"KOSPI": "K", "KOSDAQ": "Q"}
INVESTOR_MARKET: Final = {"KOSPI": "KSP", "KOSDAQ": "KSQ"}
FUNDS: Final = frozenset({"EF", "FE", "EW", "EN", "BC", "MF"})
"""증권그룹구분 of what is not a company: ETF, foreign ETF, ELW, ETN, beneficiary certificates, investment companies."""

RANK: Final = "domestic_stock.volume_rank"
PRICE: Final = "domestic_stock.inquire_price"
INDEX_PRICE: Final = "domestic_stock.inquire_index_price"
CHART: Final = "domestic_stock.inquire_daily_itemchartprice"
NEWS: Final = "domestic_stock.news_title"
MULTI: Final = "domestic_stock.intstock_multprice"
INVESTOR: Final = "domestic_stock.inquire_investor"
MARKET_INVESTOR: Final = "domestic_stock.inquire_investor_time_by_market"
PROGRAM: Final = "domestic_stock.program_trade_by_stock"
PROGRAM_SUMS: Final = "domestic_stock.comp_program_trade_today"
VI: Final = "domestic_stock.inquire_vi_status"

AT_ONCE: Final = 30
"""Issues of one 관심종목 multi-quote."""
SLOW_SECONDS: Final = 300.0
"""How old figures may be that move once a day: PER, foreign holdings, finished bars."""


def head(upstream: Upstream) -> dict[str, Any]:
    """What every ranking begins with: now, the moment its figures speak of, and the state of the market."""
    now = upstream.now()
    at = board(now)
    return {
        "timestamp": now.isoformat(timespec="seconds"),
        "as_of": at.as_of.isoformat(timespec="seconds"),
        "market_status": at.status,
    }


def trading_day(upstream: Upstream) -> date:
    """The day the figures on the board belong to."""
    return board(upstream.now()).day


async def volume_rank(
    upstream: Upstream, where: str, order: str, *, low: int | None = None, high: int | None = None
) -> list[Ranked]:
    """거래량순위 of a market or sector code, at most 30 rows. `order`: 1 growth of volume, 3 value, 0 volume."""
    parameters = {
        "FID_COND_MRKT_DIV_CODE": "J",
        "FID_COND_SCR_DIV_CODE": "20171",
        "FID_INPUT_ISCD": where,
        "FID_DIV_CLS_CODE": "0",
        "FID_BLNG_CLS_CODE": order,
        "FID_TRGT_CLS_CODE": "111111111",
        "FID_TRGT_EXLS_CLS_CODE": "0000000000",
        "FID_INPUT_PRICE_1": "" if low is None else str(low),
        "FID_INPUT_PRICE_2": "" if high is None else str(high),
        "FID_VOL_CNT": "",
        "FID_INPUT_DATE_1": "",
    }
    reply = await upstream.ask(RANK, parameters, venue=VENUE)
    return [ranked(row) for row in rows(reply.body, "output", "Output")]


async def index_values(upstream: Upstream, markets: Iterable[str] = INDEX) -> dict[str, int]:
    """거래대금 of each market in won."""

    async def one(market: str) -> int:
        parameters = {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": INDEX[market]}
        reply = await upstream.ask(INDEX_PRICE, parameters, venue=VENUE)
        return index_value(rows(reply.body, "output")[0])

    names = tuple(markets)
    return dict(zip(names, await together(*map(one, names)), strict=True))


async def price(upstream: Upstream, code: str) -> Mapping[str, Any]:
    """주식현재가 of one issue, for what moves slowly in it."""
    parameters = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code}
    reply = await upstream.ask(PRICE, parameters, venue=VENUE, max_age=SLOW_SECONDS)
    return rows(reply.body, "output")[0]


async def prices(upstream: Upstream, codes: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """주식현재가 of several issues, one call each."""
    return dict(zip(codes, await together(*(price(upstream, code) for code in codes)), strict=True))


async def values(upstream: Upstream, codes: Sequence[str]) -> dict[str, int]:
    """거래대금 in won of issues, thirty a call (관심종목 멀티종목 시세)."""

    async def one(some: Sequence[str]) -> list[Mapping[str, Any]]:
        parameters = {}
        for place, code in enumerate(some, start=1):
            parameters[f"FID_COND_MRKT_DIV_CODE_{place}"] = "J"
            parameters[f"FID_INPUT_ISCD_{place}"] = code
        reply = await upstream.ask(MULTI, parameters, venue=VENUE)
        return [row for row in rows(reply.body, "output") if text(row, "inter_shrn_iscd")]

    groups = [codes[at : at + AT_ONCE] for at in range(0, len(codes), AT_ONCE)]
    return {
        text(row, "inter_shrn_iscd"): must(row, "acml_tr_pbmn")
        for group in await together(*map(one, groups))
        for row in group
    }


async def before(upstream: Upstream, code: str, count: int) -> tuple[Day | None, list[Day]]:
    """Today's bar (None before the first trade) and the `count` finished days before it, newest first."""
    today = trading_day(upstream)
    parameters = {
        "FID_COND_MRKT_DIV_CODE": "J",
        "FID_INPUT_ISCD": code,
        "FID_INPUT_DATE_1": f"{today - timedelta(days=2 * count + 20):%Y%m%d}",
        "FID_INPUT_DATE_2": f"{today:%Y%m%d}",
        "FID_PERIOD_DIV_CODE": "D",
        "FID_ORG_ADJ_PRC": "0",
    }
    reply = await upstream.ask(CHART, parameters, venue=VENUE, max_age=SLOW_SECONDS)
    bars = days(reply.body)
    running = next((bar for bar in bars if bar.day == today), None)
    return running, [bar for bar in bars if bar.day < today][:count]


async def news_counts(upstream: Upstream, codes: Sequence[str], on: date | None = None) -> dict[str, int]:
    """How many titles of 종합 시황/공시 name each issue on a day (the board's): a call an issue, at most 40."""
    day = f"{on or trading_day(upstream):%Y%m%d}"

    async def one(code: str) -> int:
        parameters = {
            "FID_NEWS_OFER_ENTP_CODE": "",
            "FID_COND_MRKT_CLS_CODE": "",
            "FID_INPUT_ISCD": code,
            "FID_TITL_CNTT": "",
            "FID_INPUT_DATE_1": day,
            "FID_INPUT_HOUR_1": "235959",
            "FID_RANK_SORT_CLS_CODE": "",
            "FID_INPUT_SRNO": "",
        }
        reply = await upstream.ask(NEWS, parameters, max_age=SLOW_SECONDS)
        return sum(1 for row in rows(reply.body, "output", "Output") if text(row, "data_dt") == day)

    return dict(zip(codes, await together(*map(one, codes)), strict=True))


async def interruptions(upstream: Upstream, code: str, on: date | None = None) -> int:
    """How often 변동성완화장치 VI stopped an issue on a day (the board's)."""
    parameters = {
        "FID_DIV_CLS_CODE": "0",
        "FID_COND_SCR_DIV_CODE": "20139",
        "FID_MRKT_CLS_CODE": "0",
        "FID_INPUT_ISCD": code,
        "FID_RANK_SORT_CLS_CODE": "0",
        "FID_INPUT_DATE_1": f"{on or trading_day(upstream):%Y%m%d}",
        "FID_TRGT_CLS_CODE": "",
        "FID_TRGT_EXLS_CLS_CODE": "",
    }
    reply = await upstream.ask(VI, parameters, venue=VENUE, max_age=SLOW_SECONDS)
    return sum(1 for row in rows(reply.body, "output") if text(row, "mksc_shrn_iscd"))


async def investor_trades(upstream: Upstream, code: str, who: str) -> Trades | None:
    """What one kind of investor traded of an issue on the board's day; None until KIS tells it after the close."""
    parameters = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code}
    reply = await upstream.ask(INVESTOR, parameters, venue=VENUE, max_age=SLOW_SECONDS)
    today = f"{trading_day(upstream):%Y%m%d}"
    for row in rows(reply.body, "output"):
        if text(row, "stck_bsop_date") == today:
            return trades(row, who)
    return None


async def program_trades(upstream: Upstream, code: str) -> Trades | None:
    """Program trading 프로그램매매 of an issue so far, by its newest execution; None before the first."""
    parameters = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code}
    reply = await upstream.ask(PROGRAM, parameters, venue=VENUE)
    found = rows(reply.body, "output")
    return program_of_stock(found[0]) if found else None


async def program_sums(upstream: Upstream, markets: Sequence[str]) -> Trades:
    """Program trading of these markets today, in won."""

    async def one(market: str) -> Trades:
        parameters = {
            "FID_COND_MRKT_DIV_CODE": "J",
            "FID_MRKT_CLS_CODE": BOARD[market],
            "FID_SCTN_CLS_CODE": "",
            "FID_INPUT_ISCD": "",
            "FID_COND_MRKT_DIV_CODE1": "",
            "FID_INPUT_HOUR_1": "",
        }
        reply = await upstream.ask(PROGRAM_SUMS, parameters, venue=VENUE)
        found = rows(reply.body, "output1", "output")
        return program_of_market(found[0]) if found else Trades(0, 0, 0)

    told = await together(*map(one, markets))
    return Trades(sum(one.bought for one in told), sum(one.sold for one in told), sum(one.net for one in told))


async def market_investor(upstream: Upstream, market: str, sector: str) -> Mapping[str, Any]:
    """시장별 투자자매매동향 of a market or one of its sectors, running."""
    parameters = {"fid_input_iscd": INVESTOR_MARKET[market], "fid_input_iscd_2": sector}
    reply = await upstream.ask(MARKET_INVESTOR, parameters, venue=VENUE)
    return rows(reply.body, "output")[0]


async def market_sums(upstream: Upstream, markets: Sequence[str], who: str) -> Trades:
    """What one kind of investor traded in these markets today, in won."""
    told = await together(*(market_investor(upstream, market, INDEX[market]) for market in markets))
    sums = [market_trades(row, who) for row in told]
    return Trades(sum(one.bought for one in sums), sum(one.sold for one in sums), sum(one.net for one in sums))


async def master(upstream: Upstream, market: str) -> list[Listed]:
    """Every issue of a market, from its master file."""
    name = market.lower()
    reply = await upstream.ask(f"master.{name}")
    layout = master_files()["layouts"][name]
    return [listed(line, layout) for line in reply.body["lines"] if line.strip()]
