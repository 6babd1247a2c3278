"""The identifiers of the world: each says where its purchase is, and no two kinds ever share digits."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

SOURCES: Final = ("goods", "services", "works", "foreign", "other", "p_goods", "p_services", "p_works", "p_other")
"""Where purchases come from; those with p_ are private bodies' (누리장터). The order is part of the numbers."""

PER_DAY: Final = 8_000
"""The most purchases of one source on one business day."""
YEAR: Final = 261
"""Business days of a year: the year of a number may be off by a day or two at its turn."""

KINDS: Final = ("BK", "BD", "DD", "TA", "PE")
"""통합입찰 notice, 사전규격 pre-specification, 발주계획 plan, 계약 contract, 조달요청 request."""
KIND_STEP: Final = 19_000_000

FORM: Final = re.compile(r"R(\d\d)(BK|BD|DD|TA|PE)(\d{8})")


class Origin(NamedTuple):
    """Whose number it is: the nth purchase of business day `day` (of its first notice) of a source."""

    kind: str
    source: str
    day: int
    nth: int


def spelled(kind: str, source: str, day: int, index: int) -> str:
    """`R`, the year, the kind and eight digits."""
    year, offset = divmod(day, YEAR)
    running = (offset * len(SOURCES) + SOURCES.index(source)) * PER_DAY + index
    return f"R{year:02d}{kind}{running + KIND_STEP * KINDS.index(kind):08d}"


def read(number: str) -> Origin | None:
    """What a number says, or None if it is none of ours."""
    found = FORM.fullmatch(number)
    if not found:
        return None
    slot, index = divmod(int(found[3]) - KIND_STEP * KINDS.index(found[2]), PER_DAY)
    offset, source = divmod(slot, len(SOURCES))
    if not 0 <= offset < YEAR:
        return None
    return Origin(found[2], SOURCES[source], int(found[1]) * YEAR + offset, index)
