"""Saved searches: one look at what is new or changed, and a document of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Annotated, Any, Final
from urllib.parse import quote, unquote

from pydantic import Field

from dari.core.endpoint import Effect
from dari.core.exchange import Answer, Gap
from dari.core.shelf import Resource, Shelf
from dari.core.tool import Query, Tool
from dari.providers.naramarket.crawler.desk import Desk, Procurement
from dari.providers.naramarket.crawler.watches import News, Watch, Watches, next_look, told
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools.operations import named
from dari.providers.naramarket.tools.shapes import OBJECT, ROWS, SURE, WHOLE, WHOLE_NUMBER, schema, shown, text

SHOWN: Final = 50
ADDRESS: Final = "naramarket://watch/{name}"


class WatchSearch(Query):
    """Arguments of watch_search: with an operation a search is saved; without, a saved one is looked at again."""

    name: str
    operation: str | None = None
    by: str | None = None
    filters: dict[str, str] = Field(default_factory=dict)
    days: Annotated[int, Field(ge=1, le=31), WHOLE_NUMBER] = 7
    most_calls: Annotated[int, Field(ge=1, le=1000), WHOLE_NUMBER] = 20


async def saved(desk: Desk, query: WatchSearch) -> None:
    """Keep the search. Raises InvalidInput for parameters its operation does not know."""
    endpoint = named(query.operation or "").id
    now = desk.now()
    plan = await desk.plan(endpoint, query.by, now.date(), now.date(), query.filters)
    watch = Watch(query.name, endpoint, plan.way, query.filters, query.days, query.most_calls, None, None, None)
    await desk.on(lambda book: Watches(book).save(watch, now=now))


async def looked(desk: Desk, name: str) -> dict[str, Any]:
    """One round: {watch, success, state, news, lines, count, truncated, calls}. Raises NotFound."""
    before = await desk.on(lambda book: book.last_leaf())
    last = None
    async with aclosing(desk.look(name)) as rounds:
        async for progress in rounds:
            last = progress
    watch, news = await desk.on(lambda book: Watches(book).told(name, after=before))
    rows = lines(watch, news[-SHOWN:])
    return {
        "watch": told(watch),
        "success": last is not None and last.state == "done",
        "state": last.state if last else "not begun",
        "news": rows,
        "lines": [said(one) for one in rows],
        "count": len(news),
        "truncated": len(news) > SHOWN,
        "calls": last.calls if last else 0,
        "simulated": desk.simulated,
    }


async def watch_search(query: WatchSearch, upstream: Procurement) -> Answer:
    """Save a search, or look again; what is new and changed since the look before. Raises NotFound, InvalidInput."""
    if query.operation:
        await saved(upstream.desk, query)
    data = await looked(upstream.desk, query.name)
    gaps = () if data["success"] else (Gap("news", f"this look is not whole yet ({data['state']})", "look again"),)
    said_ = data.pop("lines")
    return Answer(data, (), gaps, text([f"{query.name}: {data['count']} new or changed", *said_]))


def lines(watch: Watch, news: Sequence[News]) -> list[dict[str, Any]]:
    """News as values by our names, without people."""
    rows, _ = shown(SPEC.endpoint(watch.endpoint), [one.row for one in news])
    return [{"change": one.change, "key": one.key, **row} for one, row in zip(news, rows, strict=True)]


def said(row: Mapping[str, Any]) -> str:
    """One line for a person."""
    title = next((row[name] for name in row if name.endswith(("_title", "_name"))), "")
    return f"[{row['change']}] {row['key']} {title}"


# --- for whoever looks again and again ---


async def names(desk: Desk) -> list[str]:
    """The names of the saved searches."""
    return [one.name for one in await desk.on(lambda book: Watches(book).all())]


async def remove(desk: Desk, name: str) -> None:
    """Forget a saved search. Raises NotFound."""
    await desk.on(lambda book: Watches(book).remove(name))


async def until_next(desk: Desk, rounds: Sequence[Mapping[str, Any]], *, every: float) -> float:
    """Seconds to the next round, so that the calls of every operation last until midnight."""
    now = desk.now()
    spent = await desk.on(lambda book: book.spent(now))
    cost: dict[str, int] = {}
    for one in rounds:
        operation = one["watch"]["operation"]
        cost[operation] = cost.get(operation, 0) + one["calls"]
    waits = [
        next_look(now, every=every, cost=calls, left=SPEC.endpoint(name).wire["quota"] - spent.get(name, 0))
        for name, calls in cost.items()
    ]
    return max(waits, default=every)


# --- documents ---


async def document(desk: Desk, name: str) -> str:
    """What is new and changed since a search was saved, as text. Raises NotFound."""
    watch, news = await desk.on(lambda book: Watches(book).told(unquote(name)))
    rows = lines(watch, news[-SHOWN:])
    title = SPEC.endpoint(watch.endpoint).title
    head = [f"# {watch.name}", f"{title} {dict(watch.filters)}; looked at {watch.ran_at or 'never'}"]
    if desk.simulated:
        head.append("simulated: not real")
    head.append(f"{len(news)} new or changed since the first look" + (f", the last {SHOWN}" * (len(news) > SHOWN)))
    return "\n".join([*head, "", *(f"- {said(one)}" for one in reversed(rows))])


def shelf(desk: Desk) -> Shelf:
    """A document a saved search; they come and go with the searches."""
    about = "저장된 검색에서 새로 올라왔거나 바뀐 것: new and changed of a saved search"

    async def found() -> tuple[Resource, ...]:
        return tuple(
            Resource(
                address=ADDRESS.replace("{name}", quote(name, safe="")),
                name=name,
                description=about,
                read=partial(document, desk, name),
                own=True,
            )
            for name in await names(desk)
        )

    anyone = Resource(address=ADDRESS, name="saved search", description=about, read=partial(document, desk), own=True)
    return Shelf(resources=(anyone,), found=found)


TOOLS: Final = (
    Tool(
        name="watch_search",
        title="저장된 검색",
        description="Save a search over an operation, or (name only) look again: what is new or changed. "
        "Also a resource.",
        query=WatchSearch,
        output=schema(watch=OBJECT, success=SURE, news=ROWS, count=WHOLE, calls=WHOLE),
        run=watch_search,
        effect=Effect.CHANGE,
        own=True,
        toolset="crawl",
        deadline=300.0,
    ),
)
