"""The rows of the crawl book: every version of every row once, by operation, packed by the page that brought it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from dari.core.sealing import Sealing
from dari.core.sealing import opened as opened_with
from dari.providers.naramarket.crawler.leaves import ABSENT, BETWEEN, NEXT, Leaf, unpacked
from dari.providers.naramarket.crawler.schema import opened

OWN: Final = "#"
"""Stands between an operation and the saved search whose rows these are: they are kept apart from crawled ones."""
SEEN: Final = "UPDATE rows SET last_page=max(last_page, ?) WHERE endpoint=? AND key=? AND digest=?"


def _leaf(number: int) -> str:
    """What a sealed leaf is bound to."""
    return f"leaf {number}"


class Rows:
    """The part of the book that holds rows. Whoever writes does so within `together`."""

    def __init__(self, path: Path, sealing: Sealing | None = None) -> None:
        self.path = path
        self.sealing = sealing
        """What seals the rows of a page, and attributes; what lies open is older than the key."""
        self._book = opened(path)
        self._endpoints: dict[str, int] = {}
        self._headings: dict[tuple[str, ...], int] = {}

    def close(self) -> None:
        """Close the file."""
        self._book.close()

    @contextmanager
    def together(self) -> Iterator[sqlite3.Connection]:
        """All or nothing."""
        self._book.execute("BEGIN IMMEDIATE")
        try:
            yield self._book
        except BaseException:
            self._book.execute("ROLLBACK")
            self._endpoints.clear()
            self._headings.clear()
            raise
        self._book.execute("COMMIT")

    def _endpoint(self, name: str) -> int:
        if name not in self._endpoints:
            self._book.execute("INSERT OR IGNORE INTO endpoints (name) VALUES (?)", (name,))
            (self._endpoints[name],) = self._book.execute("SELECT id FROM endpoints WHERE name=?", (name,)).fetchone()
        return self._endpoints[name]

    def _heading(self, names: tuple[str, ...]) -> int:
        if names not in self._headings:
            told = BETWEEN.join(names)
            self._book.execute("INSERT OR IGNORE INTO headings (names) VALUES (?)", (told,))
            (self._headings[names],) = self._book.execute("SELECT id FROM headings WHERE names=?", (told,)).fetchone()
        return self._headings[names]

    def told(self, asked: str, *values: Any) -> list[Any]:
        """What a SELECT finds."""
        return self._book.execute(asked, values).fetchall()

    # --- writing ---

    def _kept(self, shelf: str, leaf: Leaf) -> int:
        """Keep a page's rows: of a version that is there already, only that it was seen again. The leaf's id."""
        book, here = self._book, self._endpoint(shelf)
        (last,) = book.execute("SELECT coalesce(max(id), 0) FROM leaves").fetchone()
        number, before = int(last) + 1, book.total_changes
        book.executemany(
            "INSERT OR IGNORE INTO rows VALUES (?,?,?,?,?,?)",
            [
                (here, key, digest, number, at, number)
                for at, (key, digest) in enumerate(zip(leaf.keys, leaf.digests, strict=True))
            ],
        )
        new = None if book.total_changes - before == len(leaf.keys) else self._seen(here, leaf, number)
        headings = {one: self._heading(one) for one in set(leaf.names)}
        months = ",".join(sorted(set(leaf.months)))
        packed = leaf.packed(headings, new) if leaf.keys and (new is None or new) else b""
        if packed and self.sealing is not None:
            packed = self.sealing.sealed(packed, _leaf(number))
        book.execute("INSERT INTO leaves VALUES (?,?,?,?)", (number, here, months if packed else "", packed))
        return number

    def _seen(self, here: int, leaf: Leaf, number: int) -> set[int]:
        """Mark what was known before as seen again; the places of what is new."""
        named = [(here, key, digest) for key, digest in zip(leaf.keys, leaf.digests, strict=True)]
        self._book.executemany(SEEN, [(number, *one) for one in named])
        ask = "SELECT place FROM rows WHERE endpoint=? AND key=? AND digest=? AND leaf=?"
        found = (self._book.execute(ask, (*one, number)).fetchone() for one in named)
        return {place for one in found if one for place in one}

    def drop(self, shelf: str) -> None:
        """Forget every row of a shelf; numbers of leaves are not given again."""
        here = self._endpoint(shelf)
        self._book.execute("DELETE FROM rows WHERE endpoint=?", (here,))
        self._book.execute("UPDATE leaves SET months='', packed=x'' WHERE endpoint=?", (here,))

    # --- reading ---

    def stored(self) -> dict[str, dict[str, Any]]:
        """What the book holds by operation: {rows (distinct keys), versions, from, to (months)}."""
        told = {}
        for name, here in self._book.execute("SELECT name, id FROM endpoints ORDER BY name").fetchall():
            keys, versions = self._book.execute(
                "SELECT count(DISTINCT key), count(*) FROM rows WHERE endpoint=?", (here,)
            ).fetchone()
            if versions and OWN not in name:
                months = self.months(name)
                told[name] = {"rows": keys, "versions": versions, "from": months[0], "to": months[-1]}
        return told

    def holds(self, endpoint: str) -> bool:
        """Whether there is any row of an operation."""
        found = self._book.execute("SELECT 1 FROM rows WHERE endpoint=? LIMIT 1", (self._endpoint(endpoint),))
        return found.fetchone() is not None

    def months(self, endpoint: str) -> list[str]:
        """The months an operation has rows of."""
        found = self._book.execute("SELECT DISTINCT months FROM leaves WHERE endpoint=?", (self._endpoint(endpoint),))
        return sorted({month for (told,) in found for month in told.split(",") if month})

    def keys(self, endpoint: str) -> set[str]:
        """The distinct natural keys of an operation."""
        found = self._book.execute("SELECT DISTINCT key FROM rows WHERE endpoint=?", (self._endpoint(endpoint),))
        return {key for (key,) in found}

    def chunks(
        self, endpoint: str, *, month: str | None = None, history: bool = False, most: int = 5_000, after: int = 0
    ) -> Iterator[tuple[list[str], str]]:
        """Rows by (field names, bodies): the newest version of each key, or with `history` all, oldest first.

        The bodies of a chunk (at least `most`, but for the last of a heading) are joined by NEXT. `after` leaves out
        what was there when the leaf of that number was written.
        """
        names = {i: told.split(BETWEEN) for i, told in self._book.execute("SELECT id, names FROM headings")}
        left: list[str] = []
        count, before = 0, 0
        for heading, size, text in self._texts(self._endpoint(endpoint), month, after, history=history):
            if left and (heading != before or count >= most):
                yield names[before], NEXT.join(left)
                left, count = [], 0
            before, count = heading, count + size
            left.append(text)
        if left:
            yield names[before], NEXT.join(left)

    def _texts(self, here: int, month: str | None, after: int, *, history: bool) -> Iterator[tuple[int, int, str]]:
        """Bodies that stand together under one heading, leaf by leaf: (heading, how many, joined by NEXT)."""
        older = {} if history else self._superseded(here)
        leaves = self._book.execute(
            "SELECT id, months, packed FROM leaves WHERE endpoint=? AND id>? AND packed<>x'' ORDER BY id", (here, after)
        )
        for leaf, told, packed in leaves:
            if month is not None and month not in told:
                continue
            months, headings, text = unpacked(opened_with(self.sealing, packed, _leaf(leaf)))
            if leaf not in older and (month is None or told == month) and len(headings) == 1 and ABSENT not in text:
                yield headings[0], text.count(NEXT) + 1, text
                continue
            skipped = older.get(leaf, set())
            for at, body in enumerate(text.split(NEXT)):
                if body == ABSENT or at in skipped or (month is not None and months[at % len(months)] != month):
                    continue
                yield headings[at % len(headings)], 1, body

    def _superseded(self, here: int) -> dict[int, set[int]]:
        """Places of versions that a newer one of the same key has replaced, by leaf."""
        found = self._book.execute(
            "SELECT key, leaf, place FROM rows WHERE endpoint=?1 AND key IN"
            " (SELECT key FROM rows WHERE endpoint=?1 GROUP BY key HAVING count(*) > 1) ORDER BY key, last_page, place",
            (here,),
        )
        told: dict[int, set[int]] = {}
        before: tuple[str, int, int] | None = None
        for one in found:
            if before and before[0] == one[0]:
                told.setdefault(before[1], set()).add(before[2])
            before = one
        return told

    def rows(
        self, endpoint: str, *, month: str | None = None, history: bool = False, after: int = 0
    ) -> Iterator[dict[str, str]]:
        """The same rows, one by one, as {field: text}."""
        for names, bodies in self.chunks(endpoint, month=month, history=history, after=after):
            for body in bodies.split(NEXT):
                yield dict(zip(names, body.split(BETWEEN), strict=True))

    def first_seen(self, endpoint: str, keys: Sequence[str]) -> Mapping[str, int]:
        """The number of the leaf in which each of these keys first came."""
        here, told = self._endpoint(endpoint), {}
        for key in keys:
            (leaf,) = self._book.execute(
                "SELECT min(leaf) FROM rows WHERE endpoint=? AND key=?", (here, key)
            ).fetchone()
            if leaf is not None:
                told[key] = int(leaf)
        return told

    def last_leaf(self) -> int:
        """The number of the newest leaf."""
        return int(self._book.execute("SELECT coalesce(max(id), 0) FROM leaves").fetchone()[0])
