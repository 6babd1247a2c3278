"""get_market_calendar, get_news, find_symbol: the days, the headlines, and what things are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final, Literal

from pydantic import Field

from dari.core import krx
from dari.core.clock import KST
from dari.core.errors import DariError, InvalidInput, WrongMode
from dari.core.exchange import Answer, Gap
from dari.core.together import together
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kis.models import rows
from dari.providers.kis.spec import SPEC, master_files
from dari.providers.kis.tools.trade.asking import completed
from dari.providers.kis.tools.trade.issues import issue_of
from dari.providers.kis.tools.trade.shaping import text_of

HOLIDAY: Final = "domestic_stock.chk_holiday"
NEWS: Final = "domestic_stock.news_title"
NEWS_ABROAD: Final = "overseas_stock.news_title"
A_DAY: Final = 24 * 3600.0
HOME: Final = ("kospi", "kosdaq")
ABROAD: Final = ("overseas_nas", "overseas_nys", "overseas_ams")
INITIALS: Final = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
FIRST, LAST, EACH = 0xAC00, 0xD7A3, 588


class GetMarketCalendar(Query):
    """Arguments of get_market_calendar."""

    start: str = Field(default="", pattern=r"^(\d{8})?$", description="YYYYMMDD; today if empty")
    days: int = Field(default=7, ge=1, le=24)


class GetNews(Query):
    """Arguments of get_news."""

    symbol: str = Field(default="", max_length=32)
    limit: int = Field(default=20, ge=1, le=40)


class FindSymbol(Query):
    """Arguments of find_symbol."""

    query: str = Field(min_length=1)
    market: Literal["KR", "US", "all"] = "KR"
    limit: int = Field(default=10, ge=1, le=30)


def _day(text: str) -> date:
    try:
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        raise InvalidInput(f"there is no day {text[:8]!r}") from None


async def get_market_calendar(query: GetMarketCalendar, upstream: Upstream) -> Answer:
    """Whether and when the exchange opens; KIS's own word on holidays where the key may ask for it (real keys)."""
    today = upstream.now().date()
    start = _day(query.start) if query.start else today
    gaps: list[Gap] = []
    told: dict[str, str] = {}
    try:
        asked = completed(SPEC.endpoint(HOLIDAY), {"BASS_DT": f"{start:%Y%m%d}"}, "real", today)
        reply = await upstream.ask(HOLIDAY, asked, max_age=A_DAY)
        told = {str(row["bass_dt"]): str(row["opnd_yn"]) for row in rows(reply.body, "output")}
    except WrongMode:
        gaps.append(Gap("days[].kis_open", "KIS tells holidays to real keys only; open is by the exchange's calendar"))
    days = []
    for place in range(query.days):
        day = start + timedelta(days=place)
        times = krx.session(day)
        said = told.get(f"{day:%Y%m%d}")
        one: dict[str, Any] = {
            "date": day.isoformat(),
            "open": krx.is_trading_day(day) if said is None else said == "Y",
        }
        if said is not None and (said == "Y") is not krx.is_trading_day(day):
            gaps.append(Gap(f"days[{place}].open", "the exchange's calendar says otherwise; KIS's word is told"))
        if name := krx.holiday_name(day):
            one["holiday"] = name
        if times is not None:
            one |= {
                "krx": f"{times.opens:%H:%M}-{times.closes:%H:%M}",
                "nxt": f"{times.nxt_pre:%H:%M}-{times.nxt_closes:%H:%M}",
            }
        days.append(one)
    status = {"KRX": krx.board(upstream.now(), "KRX").status, "NXT": krx.board(upstream.now(), "NXT").status}
    lines = [
        f"{one['date']} {'개장' if one['open'] else '휴장'} {one.get('holiday', '')} {one.get('krx', '')}"
        for one in days
    ]
    now = upstream.now().astimezone(KST).isoformat(timespec="seconds")
    return Answer({"now": now, "status": status, "days": days}, upstream.sources, tuple(gaps), text_of("거래일", lines))


async def get_news(query: GetNews, upstream: Upstream) -> Answer:
    """Headlines, newest first: of an issue, or of the market."""
    issue = issue_of(query.symbol) if query.symbol else None
    now = upstream.now()
    if issue is not None and issue.kind == "overseas":
        endpoint = NEWS_ABROAD
        given = {"INFO_GB": "", "CLASS_CD": "", "NATION_CD": "US", "EXCHANGE_CD": issue.exchange, "SYMB": issue.code}
        given |= {"DATA_DT": "", "DATA_TM": ""}
    else:
        endpoint = NEWS
        given = {"FID_INPUT_ISCD": issue.code if issue else "", "FID_INPUT_DATE_1": "", "FID_INPUT_HOUR_1": ""}
    row = SPEC.endpoint(endpoint)
    asked = {**{one.name: one.fixed or "" for one in row.parameters if one.required}, **given}
    reply = await upstream.ask(endpoint, asked)
    news = [_headline(one) for one in rows(reply.body, "output", "outblock1")][: query.limit]
    lines = [f"{one['time']} {one['title']}" for one in news]
    title = f"뉴스 {issue.code if issue else ''} {now:%Y-%m-%d %H:%M}"
    return Answer(
        {"symbol": query.symbol, "endpoint": endpoint, "news": news}, upstream.sources, text=text_of(title, lines)
    )


def _headline(row: Mapping[str, Any]) -> dict[str, str]:
    def first(*names: str) -> str:
        return next((str(row[name]).strip() for name in names if str(row.get(name, "")).strip()), "")

    return {
        "time": f"{first('data_dt')} {first('data_tm')}".strip(),
        "title": first("hts_pbnt_titl_cntt", "title"),
        "source": first("dorg", "source"),
    }


# --- names ----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=20_000)
def initials(name: str) -> str:
    """The initial consonants 초성 of a name: 삼성전자 → ㅅㅅㅈㅈ; what is no syllable stays."""
    return "".join(
        INITIALS[(ord(one) - FIRST) // EACH] if FIRST <= ord(one) <= LAST else one.upper() for one in name if one != " "
    )


async def find_symbol(query: FindSymbol, upstream: Upstream) -> Answer:
    """Issues by name, initial consonants or code, from the day's master files (no key is needed)."""
    files = {"KR": HOME, "US": ABROAD, "all": (*HOME, *ABROAD)}[query.market]
    gaps = []
    listed: list[dict[str, str]] = []
    for name, found in zip(files, await together(*(_file(upstream, one) for one in files)), strict=True):
        if isinstance(found, DariError):
            gaps.append(Gap("rows", f"the file {name} could not be read: {found.message}"))
        else:
            listed += found
    wanted = query.query.replace(" ", "").upper()
    ranked = sorted(((place, one) for one in listed if (place := _place(wanted, one)) is not None), key=_by_place)
    rows_ = [[one["symbol"], one["name"], one["market"], one["group"]] for _, one in ranked[: query.limit]]
    data = {"columns": ["symbol", "name", "market", "group"], "rows": rows_, "total": len(ranked)}
    lines = [" ".join(filter(None, one)) for one in rows_]
    return Answer(data, upstream.sources, tuple(gaps), text_of(f"종목 {len(ranked)}건", lines))


def _by_place(ranked: tuple[int, Mapping[str, str]]) -> tuple[int, int, str]:
    place, one = ranked
    return place, len(one["name"]), one["symbol"]


def _place(wanted: str, one: Mapping[str, str]) -> int | None:
    """How well an issue fits: 0 its code, 1 its whole name, 2 its beginning, 3 initials, 4 within; None not at all."""
    name, english = one["name"].replace(" ", "").upper(), one["english"].replace(" ", "").upper()
    code = one["symbol"].partition(":")[2] or one["symbol"]
    if wanted == code:
        return 0
    if wanted in {name, english}:
        return 1
    if name.startswith(wanted) or english.startswith(wanted):
        return 2
    if any(letter in INITIALS for letter in wanted) and initials(one["name"]).startswith(wanted):
        return 3
    return 4 if wanted in name or wanted in english else None


async def _file(upstream: Upstream, name: str) -> list[dict[str, str]] | DariError:
    try:
        reply = await upstream.ask(f"master.{name}")
    except DariError as error:
        return error
    layout = master_files()["layouts"]["overseas" if name in ABROAD else name]
    lines = [line for line in reply.body["lines"] if line.strip()]
    return list(_abroad(lines, layout) if name in ABROAD else _home(lines, layout, name))


def _home(lines: Iterable[str], layout: Mapping[str, Any], market: str) -> Iterable[dict[str, str]]:
    tail, groups = layout["tail_width"], master_files()["group_codes"]
    for line in lines:
        head, rest = line[: len(line) - tail], line[len(line) - tail :]
        group = groups.get(rest[:2], rest[:2])
        yield {
            "symbol": head[:9].strip(),
            "name": head[21:].strip(),
            "english": "",
            "market": market.upper(),
            "group": group,
        }


def _abroad(lines: Iterable[str], layout: Mapping[str, Any]) -> Iterable[dict[str, str]]:
    names = [english for _, english in layout["columns"]]
    kinds = layout["codes"]["kind"]
    for line in lines:
        row = dict(zip(names, line.split(layout["separator"]), strict=False))
        place = row.get("exchange_code", "").strip()
        yield {
            "symbol": f"{place}:{row.get('symbol', '').strip()}",
            "name": row.get("name", "").strip(),
            "english": row.get("english_name", "").strip(),
            "market": place,
            "group": kinds.get(row.get("kind", ""), ""),
        }


LIST: Final = {"type": "array"}
TEXT: Final = {"type": "string"}

TOOLS: Final = (
    Tool(
        name="get_market_calendar",
        title="거래일",
        description="Trading days 거래일·휴장일 and hours of KRX and NXT, and whether they are open now.",
        query=GetMarketCalendar,
        output={"type": "object", "properties": {"now": TEXT, "status": {"type": "object"}, "days": LIST}},
        run=get_market_calendar,
        toolset="market",
    ),
    Tool(
        name="get_news",
        title="뉴스",
        description="Headlines 뉴스·공시 of an issue or of the market (text of strangers), newest first.",
        query=GetNews,
        output={"type": "object", "properties": {"symbol": TEXT, "news": LIST}},
        run=get_news,
        toolset="market",
    ),
    Tool(
        name="find_symbol",
        title="종목 찾기",
        description="Symbols by name 삼성전자, initials 초성 ㅅㅅㅈㅈ, English name or code; KR or US.",
        query=FindSymbol,
        output={"type": "object", "properties": {"columns": LIST, "rows": LIST, "total": {"type": "integer"}}},
        run=find_symbol,
        toolset="market",
    ),
)
