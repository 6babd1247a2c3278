"""Attributes of products, asked once: kept in the book until the catalogue's feed of changes names the product."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from dari.core.sealing import opened
from dari.providers.naramarket.crawler.book import SPELL, Book

FEED: Final = "ThngListInfoService02.getLsfgdNdPrdlstChghstlnfoSttus02"
ATTRIBUTES: Final = "ThngListInfoService02.getPrdctIndvAtrbInfoList02"

SEALED: Final = "sealed:"
"""Stands before what is sealed, in base64; no JSON begins so."""

Told = Mapping[str, str]
"""Attribute → value."""


class Attributes:
    """What the book keeps of products."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def known(self, numbers: Iterable[str]) -> dict[str, Told]:
        """What is kept of these products."""
        asked = "SELECT told FROM attributes WHERE product=?"
        found = ((number, self._book.told(asked, number)) for number in numbers)
        return {number: self._opened(number, rows[0][0]) for number, rows in found if rows}

    def _opened(self, number: str, kept: str) -> Told:
        if not kept.startswith(SEALED):
            return dict(json.loads(kept))
        plain = opened(self._book.sealing, base64.b64decode(kept.removeprefix(SEALED)), f"product {number}")
        return dict(json.loads(plain))

    def _spelt(self, number: str, told: Told) -> str:
        plain, sealing = SPELL(dict(told)), self._book.sealing
        if sealing is None:
            return plain
        return SEALED + base64.b64encode(sealing.sealed(plain.encode(), f"product {number}")).decode("ascii")

    def keep(self, number: str, told: Told, *, now: datetime) -> None:
        """Keep a product's attributes."""
        with self._book.together() as book:
            book.execute(
                "INSERT OR REPLACE INTO attributes VALUES (?,?,?)",
                (number, self._spelt(number, told), now.isoformat()),
            )
            book.execute("INSERT OR IGNORE INTO feeds VALUES (?,?)", (FEED, now.isoformat()))

    def read_to(self) -> datetime | None:
        """Up to when the feed has been read; None while nothing is kept."""
        found = self._book.told("SELECT read_to FROM feeds WHERE name=?", FEED)
        return datetime.fromisoformat(found[0][0]) if found else None

    def forget(self, *, read_to: datetime) -> None:
        """Forget every product: the feed was left unread for too long."""
        with self._book.together() as book:
            book.execute("DELETE FROM attributes")
            book.execute("INSERT OR REPLACE INTO feeds VALUES (?,?)", (FEED, read_to.isoformat()))

    def changed(self, numbers: Iterable[str], *, read_to: datetime) -> int:
        """Forget what has changed, and that the feed has been read so far; how many were forgotten."""
        count = 0
        with self._book.together() as book:
            for number in numbers:
                count += book.execute("DELETE FROM attributes WHERE product=?", (number,)).rowcount
            book.execute("INSERT OR REPLACE INTO feeds VALUES (?,?)", (FEED, read_to.isoformat()))
        return count
