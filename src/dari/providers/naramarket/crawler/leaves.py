"""The rows of one page as one packed leaf: text columns side by side, deflated, so that a million rows stay small."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from dari.core.endpoint import Endpoint
from dari.providers.naramarket.models import natural_key

BETWEEN: Final = "\x1f"
NEXT: Final = "\x1e"
PART: Final = "\x1d"
"""Between the values of a row, between rows, between columns. No service sends them; who did would get blanks."""
ABSENT: Final = "\x1c"
"""Stands for a row that is kept in an earlier leaf."""
BLANKS: Final = str.maketrans(dict.fromkeys((BETWEEN, NEXT, PART, ABSENT), " "))
KEY_BYTES: Final = 8
MONTH: Final = 6

Row = Mapping[str, str]


def key_hash(key: str) -> bytes:
    """A row's key, short: what a page receipt holds of each of its rows."""
    return hashlib.blake2b(key.encode(), digest_size=KEY_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Leaf:
    """A page's rows, column by column. A body is the values of a row in the order of its names, joined by BETWEEN."""

    keys: list[str]
    digests: list[bytes]
    months: list[str]
    names: list[tuple[str, ...]]
    text: bytes

    def packed(self, headings: Mapping[tuple[str, ...], int], places: set[int] | None = None) -> bytes:
        """As kept: only the rows at `places` (None: all) leave more than a mark."""
        text = self.text
        if places is not None:
            bodies = text.split(NEXT.encode())
            text = NEXT.encode().join(one if at in places else ABSENT.encode() for at, one in enumerate(bodies))
        told = (_alike(self.months), _alike([str(headings[one]) for one in self.names]))
        return zlib.compress(PART.encode().join((*(one.encode() for one in told), text)), 1)


def _alike(values: list[str]) -> str:
    return values[0] if values.count(values[0]) == len(values) else NEXT.join(values)


def unpacked(blob: bytes) -> tuple[list[str], list[int], str]:
    """Months, headings and bodies of a leaf; one month or heading stands for all.

    The bodies are joined by NEXT, that of a row which is kept elsewhere is ABSENT.
    """
    months, headings, bodies = zlib.decompress(blob).decode("utf-8", "surrogatepass").split(PART)
    return months.split(NEXT), [int(one) for one in headings.split(NEXT)], bodies


def leaf(endpoint: Endpoint, rows: Sequence[Row], *, dated: str, otherwise: str) -> Leaf:
    """The leaf of a page; `dated` names the field whose month counts, `otherwise` the month of rows without it."""
    names = list(map(tuple, rows))
    text = _joined([row.values() for row in rows], sum(map(len, names)) - len(names))
    marks = {one: hashlib.blake2b("\0".join(one).encode(), digest_size=16).digest() for one in set(names)}
    digests = [
        hashlib.blake2b(body, digest_size=KEY_BYTES, key=marks[one]).digest()
        for body, one in zip(text.split(NEXT.encode()), names, strict=False)
    ]
    keys = [key if key.strip("|") else digest.hex() for key, digest in zip(_keys(endpoint, rows), digests, strict=True)]
    known: dict[str, str] = {}
    months = []
    for row in rows:
        day = row.get(dated, "")[: MONTH + 1]
        month = known.get(day)
        if month is None:
            month = known[day] = _month(day, otherwise)
        months.append(month)
    return Leaf(keys, digests, months, names, text)


def _joined(rows: Sequence[Iterable[str]], between: int) -> bytes:
    """All bodies in one; `between` is how many marks stand between values if no value holds one."""
    text = NEXT.join(map(BETWEEN.join, rows))
    next_ = max(0, len(rows) - 1)
    if text.count(BETWEEN) != between or text.count(NEXT) != next_ or PART in text or ABSENT in text:
        text = NEXT.join(BETWEEN.join(value.translate(BLANKS) for value in row) for row in rows)
    return text.encode("utf-8", "surrogatepass")


def _keys(endpoint: Endpoint, rows: Sequence[Row]) -> list[str]:
    fields: tuple[str, ...] = endpoint.wire["key"]
    if len(fields) > 1:
        told: Callable[[Row], tuple[str, ...]] = itemgetter(*fields)
        try:
            return ["|".join(told(row)) for row in rows]
        except KeyError:
            pass  # a row lacks a field of its key: the careful way
    return [natural_key(endpoint, row) for row in rows]


def _month(day: str, otherwise: str) -> str:
    digits = day.replace("-", "")[:MONTH]
    return f"{digits[:4]}-{digits[4:]}" if len(digits) == MONTH and digits.isdigit() else otherwise
