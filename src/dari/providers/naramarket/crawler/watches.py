"""Saved searches: what came new or changed since the first look, and when the next look fits into the quota."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dari.core.clock import midnight_after
from dari.core.errors import Hint, InvalidInput, NotFound
from dari.providers.naramarket.crawler.book import SPELL, Book
from dari.providers.naramarket.crawler.rows import OWN
from dari.providers.naramarket.models import natural_key
from dari.providers.naramarket.spec import SPEC

MOST_NAME: Final = 60
MOST_NEWS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Watch:
    """One saved search. Rows up to the leaf `seen` were there at the first look; None before it has ended.

    Each round reads the last `days` days, so that a row which changes later is seen again, by at most `most_calls`.
    """

    name: str
    endpoint: str
    way: str
    filters: Mapping[str, str]
    days: int
    most_calls: int
    seen: int | None
    ran_at: str | None
    crawl: str | None

    @property
    def shelf(self) -> str:
        """Where its rows are kept."""
        return f"{self.endpoint}{OWN}{self.name}"


@dataclass(frozen=True, slots=True)
class News:
    """One row that came after the first look; `change` is "new" or "changed" (an older version was known)."""

    change: str
    key: str
    row: Mapping[str, str]


class Watches:
    """The saved searches of a book."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def save(self, watch: Watch, *, now: datetime) -> None:
        """Keep a saved search; one of that name that asks the same keeps what it has seen. Raises InvalidInput."""
        if not watch.name.strip() or len(watch.name) > MOST_NAME or set(watch.name) & set(f"{OWN}/?&\n\r\t"):
            raise InvalidInput(
                "a saved search needs a short name without / ? # &",
                hint=Hint("예: 서버-구매", "For example: server-purchases"),
            )
        known = self._found(watch.name)
        same = known and (known.endpoint, known.way, dict(known.filters)) == (
            watch.endpoint,
            watch.way,
            dict(watch.filters),
        )
        with self._book.together() as book:
            if known and not same:
                self._book.drop(known.shelf)
            kept = (known.seen, known.ran_at, known.crawl) if known and same else (None, None, None)
            book.execute(
                "INSERT OR REPLACE INTO watches (name, endpoint, way, filters, days, most_calls, made_at,"
                " seen, ran_at, crawl) VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    watch.name,
                    watch.endpoint,
                    watch.way,
                    SPELL(dict(watch.filters)),
                    watch.days,
                    watch.most_calls,
                    now.isoformat(),
                    *kept,
                ),
            )

    def _found(self, name: str) -> Watch | None:
        return next((one for one in self.all() if one.name == name), None)

    def one(self, name: str) -> Watch:
        """A saved search by its name. Raises NotFound with the names there are."""
        found = self._found(name)
        if found is None:
            names = ", ".join(one.name for one in self.all()) or "-"
            raise NotFound(
                f"there is no saved search {name[:MOST_NAME]!r}", hint=Hint(f"저장된 검색: {names}", f"Saved: {names}")
            )
        return found

    def all(self) -> list[Watch]:
        """Every saved search, by name."""
        found = self._book.told(
            "SELECT name, endpoint, way, filters, days, most_calls, seen, ran_at, crawl FROM watches ORDER BY name"
        )
        return [
            Watch(name, endpoint, way, json.loads(filters), days, most, seen, ran, crawl)
            for name, endpoint, way, filters, days, most, seen, ran, crawl in found
        ]

    def remove(self, name: str) -> None:
        """Forget a saved search and its rows. Raises NotFound."""
        watch = self.one(name)
        with self._book.together() as book:
            self._book.drop(watch.shelf)
            book.execute("DELETE FROM watches WHERE name=?", (name,))

    def begun(self, name: str, crawl: str) -> None:
        """A round has begun."""
        with self._book.together() as book:
            book.execute("UPDATE watches SET crawl=? WHERE name=?", (crawl, name))

    def ended(self, name: str, *, whole: bool, now: datetime) -> None:
        """A round has ended; what the first whole one has found is the ground that news stand out from."""
        with self._book.together() as book:
            book.execute("UPDATE watches SET ran_at=? WHERE name=?", (now.isoformat(), name))
            if whole:
                book.execute("UPDATE watches SET crawl=NULL WHERE name=?", (name,))
                last = self._book.last_leaf()
                book.execute("UPDATE watches SET seen=? WHERE name=? AND seen IS NULL", (last, name))

    def told(self, name: str, *, after: int | None = None) -> tuple[Watch, list[News]]:
        """A saved search with its news. Raises NotFound."""
        return self.one(name), self.news(name, after=after)

    def news(self, name: str, *, after: int | None = None) -> list[News]:
        """What came after the first look (or after the leaf `after`), the newest last. Raises NotFound."""
        watch = self.one(name)
        if watch.seen is None:
            return []
        endpoint, since = SPEC.endpoint(watch.endpoint), max(watch.seen, after or 0)
        rows = [(natural_key(endpoint, row), row) for row in self._book.rows(watch.shelf, after=since)]
        first = self._book.first_seen(watch.shelf, [key for key, _ in rows])
        told = [News("changed" if first.get(key, since + 1) <= since else "new", key, row) for key, row in rows]
        return told[-MOST_NEWS:]


def next_look(now: datetime, *, every: float, cost: int, left: int) -> float:
    """Seconds until the next round: `every`, or later where rounds of `cost` calls would not last until midnight."""
    midnight = midnight_after(now)
    rest = (midnight - now).total_seconds()
    rounds = left // max(1, cost)
    return rest + 1.0 if rounds < 1 else max(every, math.ceil(rest / (rounds + 1)))


def told(watch: Watch) -> dict[str, Any]:
    """A saved search for a person or a program."""
    return {
        "name": watch.name,
        "operation": watch.endpoint,
        "by": watch.way,
        "filters": dict(watch.filters),
        "days": watch.days,
        "most_calls": watch.most_calls,
        "looked_at": watch.ran_at,
    }
