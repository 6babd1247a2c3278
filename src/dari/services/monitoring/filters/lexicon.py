"""Every surface of the vocabulary with its kinds, ready to be looked up."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from dari.services.monitoring.filters import numerals, statuses
from dari.services.monitoring.filters.reading import STATUSES
from dari.services.monitoring.filters.vocabulary import FILLER, MONTHS, UNITS, WEEKDAYS, WORDS
from dari.services.monitoring.filters.vocabulary import PHRASES as SPELLED

Entry = tuple[str, Any]

PHRASES: Final[dict[str, Entry]] = {
    phrase: (kind, value) for kind, value, phrases in SPELLED for phrase in phrases.split("|")
}


def build() -> dict[str, tuple[Entry, ...]]:
    """Surface → its possible kinds (처리 is a filler, 일 a unit and a numeral …)."""
    table: dict[str, list[Entry]] = {}

    def add(surfaces: Iterable[str], entry: Entry) -> None:
        for surface in surfaces:
            table.setdefault(surface, [])
            if entry not in table[surface]:
                table[surface].append(entry)

    add(FILLER.split(), ("FILL", None))
    for unit, names in UNITS.items():
        add(names.split(), ("UNIT", unit))
    for kind, value, surfaces in WORDS:
        add(surfaces.split(), (kind, value))
    for quality, said in statuses.QUALITIES.items():
        add(said, ("QUALITY", quality))
    for noun, said in statuses.NOUNS.items():
        add(said, ("NOUN", noun))
    for status, made in statuses.MADE.items():
        add(made, ("MADE", status))
    for code in STATUSES:
        if "_" in code:
            add((code.lower(),), ("MADE", code))
    for index, month in enumerate(MONTHS, start=1):
        add((month, *((month[:3],) if month != "may" else ()), *(("sept",) if month == "september" else ())),
            ("MONTH", index))  # fmt: skip
    for index, (day, sign) in enumerate(zip(WEEKDAYS, "월화수목금토일", strict=True)):
        add((day, day[:3], sign + "요일", *(("tues",) if day == "tuesday" else ())), ("WEEKDAY", index))
    add([word for word in numerals.NATIVE if word != "한"], ("NATIVE", None))
    add(("한",), ("NATIVE", None))
    add(numerals.ENGLISH, ("ENGNUM", None))
    return {surface: tuple(entries) for surface, entries in table.items()}


TABLE: Final = build()
LONGEST: Final = max(len(surface) for surface in TABLE)
