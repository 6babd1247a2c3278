"""The long tail: find any of the 237 operations, read what it takes and gives, and call it."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from pydantic import Field

from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, InvalidInput
from dari.core.exchange import Answer
from dari.core.tool import Query, Tool, Upstream
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools.asking import Ask, by_period, gather, listed
from dari.providers.naramarket.tools.shapes import (
    LISTED,
    OBJECT,
    ROWS,
    TEXT,
    WHOLE,
    Day,
    Limit,
    Page,
    gaps_of,
    schema,
    shown,
    text,
)

WORD: Final = re.compile(r"[0-9a-z]+|[가-힣]+")
MOST_FIELDS: Final = 120
STATISTICS: Final = "PubPrcrmntStatInfoService."
TOTAL: Final = STATISTICS + "getTotlPubPrcrmntSttus"


class SearchOperations(Query):
    """Arguments of search_operations."""

    query: str
    limit: Limit = 8


class DescribeOperation(Query):
    """Arguments of describe_operation."""

    operation: str


class CallOperation(Query):
    """Arguments of call_operation. `by` names one of the operation's ways of asking, instead of inqryDiv."""

    operation: str
    by: str | None = None
    start: Day | None = None
    end: Day | None = None
    parameters: dict[str, str] = Field(default_factory=dict)
    limit: Limit = 20
    page: Page = 1


class Statistics(Query):
    """Arguments of get_statistics."""

    subject: str = "전체 공공조달 현황"
    start: Day | None = None
    end: Day | None = None


def _grams(text_: str) -> set[str]:
    found: set[str] = set()
    for word in WORD.findall(text_.lower()):
        if word.isascii() or len(word) == 1:
            found.add(word)
        else:
            found |= {word[at : at + 2] for at in range(len(word) - 1)}
    return found


@cache
def _index() -> tuple[tuple[Endpoint, frozenset[str], frozenset[str]], ...]:
    rows = [SPEC.endpoint(one) for one in SPEC.ids()]
    titles = {one.id: one.title for one in SPEC.services().values()}
    return tuple(
        (
            row,
            frozenset(_grams(f"{row.title} {row.title_en} {titles[row.wire['service']]}")),
            frozenset(
                _grams(" ".join([*(one.label for one in row.parameters), *(one.label for one in row.blocks[0].fields)]))
            ),
        )
        for row in rows
    )


def best(query: str, limit: int, within: str = "") -> list[Endpoint]:
    """The operations whose titles, then labels, share most with the query, in Korean or English."""
    wanted = _grams(query)
    scored = [
        (3 * len(wanted & titles) + len(wanted & labels) + 2 * len(wanted & titles) / (1 + len(titles)), row)
        for row, titles, labels in _index()
        if row.id.startswith(within)
    ]
    found = sorted((one for one in scored if one[0] > 0), key=lambda one: (-one[0], one[1].id))
    return [row for _, row in found[:limit]]


def named(operation: str) -> Endpoint:
    """An operation by `Service.operation`, or by its own name alone. Raises NotFound."""
    if "." not in operation:
        alone = [one for one in SPEC.ids() if one.rpartition(".")[2] == operation]
        if len(alone) == 1:
            return SPEC.endpoint(alone[0])
    return SPEC.endpoint(operation)


async def search_operations(query: SearchOperations, upstream: Upstream) -> Answer:
    """Operations by what they are about."""
    rows = [{"id": row.id, "title": row.title, "by": [*row.wire["by"]]} for row in best(query.query, query.limit)]
    return Answer(
        {"operations": rows, "count": len(rows)},
        upstream.sources,
        (),
        text(f"{one['id']} {one['title']}" for one in rows),
    )


async def describe_operation(query: DescribeOperation, upstream: Upstream) -> Answer:
    """What one operation takes and gives. Raises NotFound with the nearest names."""
    row = named(query.operation)
    ways = {
        word: {
            "needs": list(way["requires"]),
            **({"window": dict(way["window"])} if way.get("window") else {}),
            **({"format": way["format"]} if way.get("format") else {}),
        }
        for word, way in row.wire["by"].items()
    }
    parameters = [
        {
            "name": one.name,
            "label": one.label,
            **({"required": True} if one.required else {}),
            **({"codes": dict(list(one.codes.items())[:24])} if one.codes and one.name != "inqryDiv" else {}),
            **({"sample": one.sample} if one.sample else {}),
        }
        for one in row.parameters
        if one.name != "inqryDiv"
    ]
    english = row.wire["english"]
    fields = {english[one.name]: one.label for one in row.blocks[0].fields[:MOST_FIELDS]}
    data = {
        "id": row.id,
        "title": row.title,
        "by": ways,
        "parameters": parameters,
        "gives": fields,
        "key": [english[one] for one in row.wire["key"]],
        "calls_a_day": row.wire["quota"],
        "source": row.source,
    }
    lines = [f"{row.id} {row.title}", f"by: {', '.join(ways)}"]
    lines += [f"{one['name']}{'!' if one.get('required') else ''} {one['label']}" for one in parameters]
    return Answer(data, upstream.sources, (), text(lines))


async def call_operation(query: CallOperation, upstream: Upstream) -> Answer:
    """One page of any operation. Raises NotFound, InvalidInput."""
    row = named(query.operation)
    ways = row.wire["by"]
    parameters = {name: value for name, value in query.parameters.items() if value != ""}
    way = query.by or (None if "inqryDiv" in parameters else _guessed(row, parameters, dated=query.start is not None))
    if way is not None and way not in ways:
        raise InvalidInput(
            f"{row.id} is asked by {', '.join(ways)}", hint=Hint("by를 고르세요.", "Choose one as `by`.")
        )
    if way is not None and query.start and "from" in ways[way]:
        asks = by_period(row.id, way, query.start, query.end or query.start, parameters)
    else:
        asks = [Ask(row.id, {**(ways[way]["send"] if way else {}), **parameters})]
    found = await gather(upstream, asks, limit=query.limit, page=query.page)
    return listed(
        upstream, found, page=query.page, line=lambda one: " | ".join(str(value) for value in list(one.values())[:6])
    )


def _guessed(row: Endpoint, parameters: dict[str, str], *, dated: bool) -> str:
    """The way whose needs are met by what was given; a period asks for the first way that has one."""
    ways = row.wire["by"]
    for word, way in ways.items():
        edges = {way.get("from"), way.get("to")}
        needs = [name for name in way["requires"] if not (dated and name in edges)]
        if (
            way["requires"]
            and all(parameters.get(name) for name in needs)
            and (dated or "from" not in way or not edges - set(parameters))
        ):
            return str(word)
    return "all" if "all" in ways else str(next(iter(ways)))


async def get_statistics(query: Statistics, upstream: Upstream) -> Answer:
    """공공조달통계: the table that fits the subject best, for months or a year. Raises InvalidInput."""
    now = upstream.now()
    row = next(iter(best(query.subject, 1, STATISTICS)), SPEC.endpoint(TOTAL))
    names = {one.name for one in row.parameters}
    end = query.end or now.date()
    start = query.start or end.replace(month=1, day=1)
    asked = {"srchBssYear": f"{end:%Y}", "srchBssYmBgn": f"{start:%Y%m}", "srchBssYmEnd": f"{end:%Y%m}"}
    reply = await upstream.ask(row.id, {**{k: v for k, v in asked.items() if k in names}, "numOfRows": "100"})
    rows, typed = shown(row, reply.body["rows"])
    data = {"operation": row.id, "title": row.title, "rows": rows, "total": reply.body["total"]}
    lines = [row.title, *(" | ".join(str(value) for value in one.values()) for one in rows)]
    return Answer(data, upstream.sources, tuple(gaps_of(typed, "rows[]")), text(lines))


TOOLS: Final = (
    Tool(
        name="get_statistics",
        title="공공조달 통계",
        description="Procurement statistics 공공조달통계: totals, by region limit, enterprise, method, institution.",
        query=Statistics,
        output=schema(operation=TEXT, title=TEXT, rows=ROWS, total=WHOLE),
        run=get_statistics,
        toolset="search",
        endpoints=(TOTAL,),
    ),
    Tool(
        name="search_operations",
        title="오퍼레이션 검색",
        description="Search all 237 procurement operations (나라장터, 누리장터, 국방); then describe, call.",
        query=SearchOperations,
        output=schema(operations=ROWS, count=WHOLE),
        run=search_operations,
        toolset="search",
        open_world=False,
    ),
    Tool(
        name="describe_operation",
        title="오퍼레이션 설명",
        description="Parameters, ways of asking, limits and fields of one operation.",
        query=DescribeOperation,
        output=schema(id=TEXT, by=OBJECT, parameters=ROWS, gives=OBJECT),
        run=describe_operation,
        toolset="search",
        open_world=False,
    ),
    Tool(
        name="call_operation",
        title="오퍼레이션 호출",
        description="Call any operation by one of its ways (`by`), with days or parameters.",
        query=CallOperation,
        output=LISTED,
        run=call_operation,
        toolset="search",
    ),
)
