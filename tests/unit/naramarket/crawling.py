"""Runs a crawl against a simulator and holds its book against the truth."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from dari.core.exchange import Call, Reply
from dari.providers.naramarket.crawler import Book, Crawler, Progress, planned, success, whole
from dari.providers.naramarket.spec import SPEC
from tests.unit.naramarket.conftest import Sim


@dataclass
class Ended:
    """What a crawl left behind."""

    book: Book
    crawl: str
    last: Progress
    endpoint: str

    @property
    def receipts(self) -> list[dict[str, Any]]:
        return self.book.receipts(self.crawl)

    @property
    def success(self) -> bool:
        return success(self.receipts)

    @property
    def keys(self) -> set[str]:
        return self.book.keys(self.endpoint)

    @property
    def calls(self) -> int:
        return sum(self.book.calls(self.crawl).values())


def begun(
    book: Book, sim: Sim, endpoint: str, start: date, end: date, *, way: str | None = None, **filters: str
) -> str:
    """A crawl in the book, not yet run."""
    row = SPEC.endpoint(endpoint)
    way = way or next(word for word, told in row.wire["by"].items() if "from" in told)
    _, days = book.learned(endpoint)
    windows = planned(whole(start, end), row.wire["by"][way], most_days=days)
    return book.begin(endpoint, way, filters, windows, now=sim.clock.now())


async def run(book: Book, sim: Sim, crawl: str, send: Any = None) -> Progress:
    """Run a crawl to its end."""
    told = book.crawl(crawl)

    async def dialect(call: Call) -> Reply:
        sim.dialect.check(call)
        return await sim.dialect(call)

    crawler = Crawler(
        book=book, send=send or dialect, clock=sim.clock, endpoint=SPEC.endpoint(told.endpoint), crawl=told
    )
    async with aclosing(crawler.run()) as progress:
        return [one async for one in progress][-1]


async def crawl(sim: Sim, folder: Path, endpoint: str, start: date, end: date, **filters: str) -> Ended:
    """Plan and run."""
    book = Book(folder / "book.sqlite")
    begin = begun(book, sim, endpoint, start, end, **filters)
    return Ended(book, begin, await run(book, sim, begin), endpoint)


async def truth(sim: Sim, endpoint: str, start: date, end: date, way: str | None = None) -> set[str]:
    """Every key there is."""
    row = SPEC.endpoint(endpoint)
    way = way or next(word for word, told in row.wire["by"].items() if "from" in told)
    told: Mapping[str, Any] = row.wire["by"][way]
    first, last = whole(start, end).spelled(told["format"])
    return set(await sim.truth(endpoint, {**told["send"], told["from"]: first, told["to"]: last}))
