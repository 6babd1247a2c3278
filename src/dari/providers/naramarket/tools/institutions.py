"""Buying institutions by name over all years: the store where the register was taken, else as far as calls reach."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from dari.core.errors import Hint, InvalidInput, Refused
from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Tool
from dari.providers.naramarket.crawler import Span, whole
from dari.providers.naramarket.crawler.desk import Procurement
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools.asking import Ask, Found, by_number, by_period, gather, listed
from dari.providers.naramarket.tools.shapes import LISTED, Day, Limit, Page, period, shown

INSTITUTIONS: Final = "UsrInfoService02.getDminsttInfo02"
INSTITUTION: Final = ("dminsttCd", "dminsttNm", "bizno", "jrsdctnDivNm", "rgnNm", "toplvlInsttNm", "adrs")
FIRST: Final = date(2002, 1, 1)
"""나라장터 opened in 2002: no institution was registered before."""
RECENT: Final = 28
MOST_MONTHS: Final = 12
TOO_WIDE: Final = "07"


class FindInstitution(Query):
    """Arguments of find_institution. `start`: registered or changed since then; left out, of all years."""

    name: str
    start: Day | None = None
    limit: Limit = 20
    page: Page = 1


async def find_institution(query: FindInstitution, upstream: Procurement) -> Answer:
    """수요기관 by name, or by business number of ten digits. Raises InvalidInput for more than a year of `start`."""
    digits, span = query.name.replace("-", ""), None
    if digits.isdigit():
        asks = [by_number(INSTITUTIONS, "business_number", digits)]
        found = await gather(upstream, asks, limit=query.limit, page=query.page, only=INSTITUTION)
    elif query.start:
        span = period(query.start, None, upstream.now(), RECENT)
        asks = _since(query.name, span)
        if len(asks) > 2 * MOST_MONTHS:
            hint = Hint("start를 빼면 전체 기간에서 찾습니다.", "Leave out start to search all years.")
            raise InvalidInput("at most a year of registrations", hint=hint)
        found = await gather(upstream, asks, limit=query.limit, page=query.page, only=INSTITUTION)
    else:
        found = await _of_all_years(query, upstream)
    found.rows = list({str(row.get("demand_institution_code")): row for row in found.rows}.values())[: query.limit]
    return listed(upstream, found, page=query.page, period=span, line=_line)


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row.get('demand_institution_code')} {row.get('demand_institution_name')} | "
        f"{row.get('region_name', '-')} | {row.get('business_number', '-')}"
    )


def _since(name: str, span: tuple[date, date]) -> list[Ask]:
    asks = by_period(INSTITUTIONS, "registered", *span, {"dminsttNm": name})
    return asks + by_period(INSTITUTIONS, "changed", *span, {"dminsttNm": name})


async def _of_all_years(query: FindInstitution, upstream: Procurement) -> Found:
    """One call where the service permits it; else the register in the store and what came since; else a gap."""
    wide = await _in_one_call(query, upstream)
    if wide is not None:
        return wide
    desk, today = upstream.desk, upstream.now().date()
    taken = await desk.on(
        lambda book: [
            row.end.date()
            for row in book.crawls(200)
            if (row.endpoint, row.way, dict(row.filters), row.state) == (INSTITUTIONS, "registered", {}, "done")
            and row.start and row.end and row.start.date() <= FIRST
        ]
    )  # fmt: skip
    since = max(taken) if taken else today - timedelta(days=RECENT - 1)
    found = await gather(upstream, _since(query.name, (since, today)), limit=query.limit, only=INSTITUTION)
    held = await desk.apart(
        lambda book: [row for row in book.rows(INSTITUTIONS) if query.name in row.get("dminsttNm", "")]
    )
    first = (query.page - 1) * query.limit
    rows, _ = shown(SPEC.endpoint(INSTITUTIONS), held[first : first + query.limit], only=INSTITUTION)
    found.rows = [*rows, *found.rows]
    found.total += len(held)
    found.more = len(held) > first + query.limit
    if not taken:
        gap = Gap(
            "rows",
            f"only of the last {RECENT} days and of what the store holds: the service permits no wider period",
            f"start_crawl(operation={INSTITUTIONS!r}, by='registered', start='{FIRST}'), once; about a call a month",
        )
        found.gaps.append(gap)
    return found


async def _in_one_call(query: FindInstitution, upstream: Procurement) -> Found | None:
    """All years at once; None where that is known, or turns out, to be too wide."""
    desk = upstream.desk
    _, most_days = await desk.on(lambda book: book.learned(INSTITUTIONS))
    if most_days is not None:
        return None
    way = SPEC.endpoint(INSTITUTIONS).wire["by"]["registered"]
    span: Span = whole(FIRST, upstream.now().date())
    first, last = span.spelled(way["format"])
    ask = Ask(INSTITUTIONS, {**way["send"], way["from"]: first, way["to"]: last, "dminsttNm": query.name})
    try:
        return await gather(upstream, [ask], limit=query.limit, page=query.page, only=INSTITUTION)
    except Refused as error:
        if error.upstream_code != TOO_WIDE:
            raise
    await desk.on(lambda book: book.learn(INSTITUTIONS, most_days=31))
    return None


TOOLS: Final = (
    Tool(
        name="find_institution",
        title="수요기관 찾기",
        description="Find a buying institution 수요기관 by name (all years) or business number.",
        query=FindInstitution,
        output=LISTED,
        run=find_institution,
        toolset="search",
        endpoints=(INSTITUTIONS,),
    ),
)
