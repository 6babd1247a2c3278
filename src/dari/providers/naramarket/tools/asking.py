"""Several lists asked at once for one answer: what some of them do not give is a gap, not a failure of the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from dari.core.errors import Hint, InvalidInput, UpstreamError
from dari.core.exchange import Answer, Gap
from dari.core.tool import Upstream
from dari.providers.naramarket.crawler import planned, whole
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools.shapes import gaps_of, shown, text

MOST_CALLS: Final = 12
"""What one question may cost; beyond it a crawl is the honest way."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One list: the operation, what is asked, and how its rows are marked (business: goods …)."""

    endpoint: str
    parameters: Mapping[str, str]
    mark: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """What all lists together gave."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    total: int = 0
    more: bool = False
    gaps: list[Gap] = field(default_factory=list)
    raw: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)


def by_period(endpoint: str, way: str, start: date, end: date, filters: Mapping[str, str], **mark: str) -> list[Ask]:
    """The questions for a period: one for each window the operation permits."""
    told = SPEC.endpoint(endpoint).wire["by"][way]
    asks = []
    for span in planned(whole(start, end), told):
        first, last = span.spelled(told["format"])
        asks.append(Ask(endpoint, {**told["send"], **filters, told["from"]: first, told["to"]: last}, mark))
    return asks


def by_number(endpoint: str, way: str, number: str, **mark: str) -> Ask:
    """The question for a number."""
    told = SPEC.endpoint(endpoint).wire["by"][way]
    return Ask(endpoint, {**told["send"], told["number"]: number}, mark)


async def gather(
    upstream: Upstream, asks: Sequence[Ask], *, limit: int = 100, page: int = 1, only: Sequence[str] = ()
) -> Found:
    """Ask all lists; `limit` rows are shared among them. Raises the first failure where none answers."""
    if len(asks) > MOST_CALLS:
        raise InvalidInput(
            f"that would cost {len(asks)} calls at once; {MOST_CALLS} are the most",
            hint=Hint(
                "기간이나 업무구분을 좁히거나 start_crawl로 수집하세요.",
                "Narrow the period or the business, or take it all with start_crawl.",
            ),
        )
    share = str(max(1, limit // max(1, len(asks))))
    found, failures = Found(), []
    sent = [upstream.ask(one.endpoint, {"numOfRows": share, "pageNo": str(page), **one.parameters}) for one in asks]
    for one, reply in zip(asks, await asyncio.gather(*sent, return_exceptions=True), strict=True):
        if isinstance(reply, UpstreamError):
            failures.append(reply)
            mark = one.mark.get("business", one.endpoint.rpartition(".")[2])
            found.gaps.append(Gap(f"rows[{mark}]", f"{reply.code}: {reply.message}", "ask again later"))
            continue
        if isinstance(reply, BaseException):
            raise reply
        endpoint, rows = SPEC.endpoint(one.endpoint), reply.body["rows"]
        told, typed = shown(endpoint, rows, only=only)
        found.rows += [{**one.mark, **row} for row in told]
        found.raw += [(one.endpoint, row) for row in rows]
        found.gaps += gaps_of(typed, "rows[]")
        found.total += max(reply.body["total"] or 0, len(rows))
        found.more |= reply.cursor is not None
    if failures and len(failures) == len(asks):
        raise failures[0]
    found.gaps = list(dict.fromkeys(found.gaps))
    return found


def listed(
    upstream: Upstream, found: Found, *, page: int, line: Any, newest: str = "", period: tuple[date, date] | None = None
) -> Answer:
    """The answer of a list tool: rows, total, next page, and a line each for a person."""
    if newest:
        found.rows.sort(key=lambda row: str(row.get(newest, "")), reverse=True)
    data: dict[str, Any] = {
        "rows": found.rows,
        "total": found.total,
        "page": page,
        "next_page": page + 1 if found.more else None,
        "truncated": found.more,
    }
    if period:
        data["period"] = {"start": period[0].isoformat(), "end": period[1].isoformat()}
    head = f"{found.total:,}건 중 {len(found.rows)}건" + (f" ({period[0]} ~ {period[1]})" if period else "")
    return Answer(data, upstream.sources, tuple(found.gaps), text([head, *(line(row) for row in found.rows)]))
