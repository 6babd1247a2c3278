"""품목개별속성 of products by the official operation: from the book where the feed of changes allows, else asked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from pydantic import Field

from dari.core.errors import Hint, InvalidInput, UpstreamError
from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Tool
from dari.providers.naramarket.crawler import Span, planned
from dari.providers.naramarket.crawler.attributes import ATTRIBUTES, FEED, Attributes, Told
from dari.providers.naramarket.crawler.desk import Procurement
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools.asking import by_number
from dari.providers.naramarket.tools.shapes import OBJECT, SURE, schema

AT_ONCE: Final = 8
MOST_ROWS: Final = 999
FRESH: Final = timedelta(hours=6)
"""How long what the feed said is good; a product that changed meanwhile is seen at the next reading."""
OLD: Final = timedelta(days=92)
"""A feed unread for longer costs more than asking anew."""


class GetAttributes(Query):
    """Arguments of get_detailed_attributes: a row of crawl_list."""

    api_item: dict[str, Any] = Field(default_factory=dict)


async def refresh(upstream: Procurement) -> None:
    """Read the feed of changes since the last time, and forget the products it names. Raises UpstreamError."""
    desk, now = upstream.desk, upstream.now()
    since = await desk.on(lambda book: Attributes(book).read_to())
    if since is None or now - since < FRESH:
        return
    if now - since > OLD:
        await desk.on(lambda book: Attributes(book).forget(read_to=now))
        return
    way = SPEC.endpoint(FEED).wire["by"]["changed"]
    changed: set[str] = set()
    for span in planned(Span(since - timedelta(days=1), now), way):
        first, last = span.spelled(way["format"])
        cursor: str | None = "1"
        while cursor:
            asked = {**way["send"], way["from"]: first, way["to"]: last, "numOfRows": str(MOST_ROWS)}
            reply = await upstream.ask(FEED, asked | {"pageNo": cursor}, fresh=True)
            changed |= {row.get("prdctIdntNo", "") for row in reply.body["rows"]}
            cursor = reply.cursor
    await desk.on(lambda book: Attributes(book).changed(changed, read_to=now))


async def attributes_of(upstream: Procurement, numbers: Sequence[str]) -> tuple[dict[str, Told], int]:
    """Attributes by product number, each product asked once; and how many failed."""
    desk = upstream.desk
    wanted = list(dict.fromkeys(numbers))
    try:
        await refresh(upstream)
        told = await desk.on(lambda book: Attributes(book).known(wanted))
    except UpstreamError:
        told = {}  # what may have changed is asked anew
    gate, failed = asyncio.Semaphore(AT_ONCE), 0

    async def one(number: str) -> None:
        nonlocal failed
        async with gate:
            ask = by_number(ATTRIBUTES, "number", number)
            try:
                reply = await upstream.ask(ask.endpoint, {**ask.parameters, "numOfRows": str(MOST_ROWS)}, fresh=True)
            except UpstreamError:
                failed += 1
                return
            found = {row.get("attrNm", ""): row.get("attrVal", "") for row in reply.body["rows"]}
            told[number] = found
            await desk.on(lambda book: Attributes(book).keep(number, found, now=upstream.now()))

    await asyncio.gather(*(one(number) for number in wanted if number not in told))
    return told, failed


async def get_detailed_attributes(query: GetAttributes, upstream: Procurement) -> Answer:
    """품목개별속성 of one product. Raises InvalidInput without a product number, UpstreamError where none answers."""
    number = str(query.api_item.get("prdctIdntNo") or query.api_item.get("product_number") or "").strip()
    if not number:
        raise InvalidInput(
            "api_item has no prdctIdntNo", hint=Hint("crawl_list의 행을 넘기세요.", "Pass a row of crawl_list.")
        )
    found, failed = await attributes_of(upstream, [number])
    told = found.get(number)
    if told is None:
        raise UpstreamError(
            f"the attributes of {number} did not come", hint=Hint("잠시 후 다시 하세요.", "Try again later.")
        )
    data = {"success": not failed, "api_item": query.api_item, "attributes": dict(told)}
    gaps = () if upstream.sources else (Gap("provenance", "from the local book; the feed of changes names no change"),)
    lines = "\n".join(f"{name}: {value}" for name, value in told.items())
    return Answer(data | {"simulated": upstream.desk.simulated}, upstream.sources, gaps, lines or "속성이 없습니다")


TOOLS: Final = (
    Tool(
        name="get_detailed_attributes",
        title="품목 속성",
        description="Attributes of one product: a row of crawl_list, or {prdctIdntNo}.",
        query=GetAttributes,
        output=schema(success=SURE, api_item=OBJECT, attributes=OBJECT),
        run=get_detailed_attributes,
        toolset="crawl",
        endpoints=(ATTRIBUTES, FEED),
    ),
)
