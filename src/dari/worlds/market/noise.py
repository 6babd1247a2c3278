"""Chance that can be looked up: the same (seed, label, place) always gives the same number, whoever asks first."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import Final

_CELLS: Final = 4096
_CLIP: Final = 2.5
SCALE: Final = 65536
"""Columns hold integers in 0 … SCALE-1."""


def _normal_table() -> tuple[float, ...]:
    normal = NormalDist()
    raw = (normal.inv_cdf((cell + 0.5) / _CELLS) for cell in range(_CELLS))
    return tuple(max(-_CLIP, min(_CLIP, value)) for value in raw)


NORMAL: Final = _normal_table()
"""`NORMAL[x >> 4]` turns a column's integer into a standard normal draw, clipped at ±2.5."""


@lru_cache(maxsize=6000)
def columns(seed: int, label: str, place: int, rows: int, width: int) -> tuple[Sequence[int], ...]:
    """`width` columns of `rows` integers for one place of one label (a label is a use, a place mostly a day)."""
    raw = hashlib.shake_128(f"{seed}/{label}/{place}".encode()).digest(2 * rows * width)
    values = array("H")
    values.frombytes(raw)
    return tuple(values[column * rows : (column + 1) * rows] for column in range(width))


def draw(seed: int, label: str, *places: object) -> int:
    """One integer in 0 … 2**64-1 for a single use."""
    text = "/".join(str(place) for place in (seed, label, *places))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def smooth(seed: int, label: str, ordinal: int, step: int, rows: int) -> tuple[Sequence[int], Sequence[int], float]:
    """The two lattice columns around `ordinal` and the eased weight of the second: noise in steps of `step` days."""
    block, rest = divmod(ordinal, step)
    part = rest / step
    eased = part * part * (3.0 - 2.0 * part)
    (left,) = columns(seed, label, block, rows, 1)
    (right,) = columns(seed, label, block + 1, rows, 1)
    return left, right, eased
