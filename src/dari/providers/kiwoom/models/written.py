"""Numbers, dates and codes as Kiwoom writes them: every value a string, and "" where there is none."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Final

from dari.core.clock import KST
from dari.core.errors import Malformed

SIGN: Final = re.compile(r"[+-]*")
PLAIN: Final = re.compile(r"[0-9]+(\.[0-9]*)?|\.[0-9]+", re.ASCII)
GROUPED: Final = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?", re.ASCII)
LONGEST: Final = 40
"""Digits and all: the longest padded amount has 16; a longer string is not a number of Kiwoom's."""

SATURATED: Final = frozenset({"4294967295", "2147483647", "-2147483"})
"""What a counter of Kiwoom's shows when it ran over: not a value."""

DIRECTIONS: Final = {"1": "limit_up", "2": "up", "3": "unchanged", "4": "limit_down", "5": "down"}
"""대비기호: how a price stands to the previous close."""

VENUE_OF_SUFFIX: Final = {"": "KRX", "_NX": "NXT", "_AL": "KRX+NXT"}
ACCOUNT_PREFIXES: Final = frozenset("AJQ")
CODE_LENGTH: Final = 6
BLANK_DATE: Final = re.compile(r"0*")


def number(written: str) -> Decimal | None:
    """The number that was written; None for an empty or run-over one. Raises Malformed for anything else.

    Known ways to write: zero padding ("-00000000196888"), signs ("+70000", and "--23722054", which is one minus),
    commas by thousands ("20,190"), a point or none. A mixed sign ("+-5") means nothing and is refused.
    """
    text = written.strip()
    if not text or text in SATURATED:
        return None
    signs = SIGN.match(text)
    assert signs is not None  # the pattern takes the empty string too
    sign, digits = signs.group(), text[signs.end() :]
    plain = PLAIN.fullmatch(digits) is not None
    if len(text) > LONGEST or len(set(sign)) > 1 or not (plain or GROUPED.fullmatch(digits)):
        raise Malformed("not a number as Kiwoom writes them", upstream_text=text)
    value = Decimal(digits.replace(",", ""))
    return -value if sign.startswith("-") else value


def is_saturated(written: str) -> bool:
    """Whether the upstream's counter ran over."""
    return written.strip() in SATURATED


def day(written: str) -> str | None:
    """`YYYYMMDD` as an ISO date; None for a blank; text that is no date stays as it came."""
    text = written.strip()
    if BLANK_DATE.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=KST).date().isoformat()
    except ValueError:
        return text


def clock_time(written: str) -> str | None:
    """`HHmmss` or `HH:mm:ss` as `HH:MM:SS`; None for a blank; marks such as 888888 stay as they came."""
    text = written.strip()
    if not text:
        return None
    try:
        return datetime.strptime(text.replace(":", ""), "%H%M%S").replace(tzinfo=KST).time().isoformat()
    except ValueError:
        return text


def moment(written: str) -> str | None:
    """`YYYYMMDDHHmmss` as ISO 8601 in KST; None for a blank; other text stays as it came."""
    text = written.strip()
    if BLANK_DATE.fullmatch(text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=KST).isoformat()
    except ValueError:
        return text


def code(written: str, *, prefixed: bool = False) -> str | None:
    """A stock code without its venue suffix and, where the endpoint writes one, without the A, J or Q before it."""
    text = written.strip().partition("_")[0]
    if prefixed and len(text) == CODE_LENGTH + 1 and text[0] in ACCOUNT_PREFIXES:
        text = text[1:]
    return text or None


def plain(value: Decimal) -> int | float:
    """A Decimal as a program wants it: a whole number where it is one."""
    return int(value) if value == value.to_integral_value() else float(value)
