"""A value that never prints itself: what holds one cannot leak it by a log, an error, a template or a dump."""

from __future__ import annotations

import hmac
import re
from typing import Final, NoReturn

HIDDEN: Final = "…"


class Secret:
    """A secret text. Only `reveal()` gives it, where it is sent; whatever else is done with it shows `…` or fails."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text, for the one place that sends it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return f"Secret({HIDDEN})"

    def __str__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written down")


PERSONAL: Final = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"  # e-mail
    r"|(?<!\d)0(?:2|\d{2})-?\d{3,4}-?\d{4}(?!\d)"  # telephone 전화번호
    r"|(?<!\d)\d{6}-[1-8]\d{6}(?!\d)"  # resident number 주민등록번호
    r"|(?<!\d)\d{8}-\d{2}(?!\d)"  # account 계좌번호
    r"|(?<!\d)(?:\d{4}-){3}\d{4}(?!\d)"  # card 카드번호
)
"""What is about a person, wherever it stands in a text."""


def impersonal(text: str) -> str:
    """The text without what is about a person."""
    return PERSONAL.sub(HIDDEN, text)
