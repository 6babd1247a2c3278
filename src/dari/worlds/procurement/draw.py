"""Draws: numbers that depend on nothing but the seed and what they are asked about."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from struct import unpack
from typing import Final, TypeVar

T = TypeVar("T")

DRAWS: Final = 12
TOP: Final = 1 << 32


def draws(seed: int, *about: object) -> tuple[int, ...]:
    """Twelve numbers below 2**32 about one thing."""
    said = f"{seed}:{':'.join(map(str, about))}".encode()
    return unpack("<12I", blake2b(said, digest_size=4 * DRAWS).digest())


def share(number: int) -> float:
    """A draw as a share from 0 up to, not including, 1."""
    return number / TOP


def pick(number: int, choices: Sequence[T]) -> T:
    """The choice a draw falls on."""
    return choices[number % len(choices)]


def business_number(nine: int) -> str:
    """A 사업자등록번호 of ten digits whose last digit checks (weights 1 3 7 1 3 7 1 3 5, with the tens of the last).

    `nine` are its first nine digits.
    """
    digits = [int(digit) for digit in f"{nine:09d}"]
    total = sum(digit * weight for digit, weight in zip(digits, (1, 3, 7, 1, 3, 7, 1, 3, 5), strict=True))
    total += digits[8] * 5 // 10
    return f"{nine:09d}{-total % 10}"
