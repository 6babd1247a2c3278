"""When a window has been read: a pure account of the pages heard so far, what to ask next, and the verdict.

Totals lie, pages come short, lists move while they are read. A window is complete when one reading agrees with its
total on every page; where it does not, when two whole readings agree with each other. Anything else is a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

MOST_READINGS: Final = 6
Key = bytes


@dataclass(slots=True)
class Page:
    """One page as last heard. `asked` counts how often it answered in this reading."""

    keys: tuple[Key, ...]
    total: int
    asked: int = 1


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a window ended: `gap` is None where everything is there; `note` tells what had to be put up with."""

    expected: int | None
    distinct: int
    duplicates: int
    withdrawn: int
    readings: int
    gap: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Past:
    """A whole reading, as remembered."""

    keys: frozenset[Key]
    totals: frozenset[int]


@dataclass(slots=True)
class Reading:
    """The account of one window. `doubt`: this operation was caught lying, so one reading is never enough."""

    size: int
    doubt: bool = False
    seen: set[Key] = field(default_factory=set)
    verdict: Verdict | None = None
    number: int = 1
    gained: bool = False
    """Asking a page again brought rows that it had kept back."""
    cap: int | None = None
    """The service gives no more rows at a time than this, whether it says so or not."""
    _pages: dict[int, Page] = field(default_factory=dict)
    _totals: set[int] = field(default_factory=set)
    _heard: int = 0
    _past: _Past | None = None
    _assumed: int = 0

    @property
    def untouched(self) -> bool:
        """Whether nothing has been heard yet."""
        return not self._pages and self.number == 1

    # --- hearing ---

    def hear(self, number: int, size: int, told: int | None, total: int | None, keys: tuple[Key, ...]) -> None:
        """Take in one page: asked with `size`, which the reply repeats or corrects as `told`."""
        if self.verdict is not None:
            return
        self.seen.update(keys)
        self._heard += len(keys)
        if size != self.size:
            return  # of a reading that was given up: its rows count, its place does not
        if told is not None and 0 < told < size:
            self.size = self.cap = told
            if number != 1:
                self._pages.clear()  # cut differently from the page that was asked for
                self._totals.clear()
                return
        if number > 1 and keys and self._assumed == size:
            self.cap = size
        total = total or 0
        self._totals.add(total)
        before = self._pages.get(number)
        if before is None:
            self._pages[number] = Page(keys, total)
            return
        self.gained |= len(keys) > len(before.keys) and total == before.total
        self._pages[number] = Page(tuple(dict.fromkeys((*before.keys, *keys))), total, before.asked + 1)

    def resize(self, size: int) -> None:
        """Begin anew with smaller pages; what was heard stays seen."""
        self.size = size
        self._past = None
        self._pages.clear()
        self._totals.clear()

    # --- asking ---

    def wants(self) -> list[int]:
        """The pages to ask now, in any order; none where the window is done (`verdict`)."""
        while self.verdict is None:
            if pages := self._wanted():
                return pages
            self._complete()
        return []

    def _wanted(self) -> list[int]:
        first = self._pages.get(1)
        if first is None or (first.asked == 1 and self._short_of_total(first)):
            return [1]
        if first.keys and self._short_of_total(first):
            self.size = self._assumed = len(first.keys)  # perhaps the service gives no more at a time, and says nothing
        last = max(1, -(-max(self._totals) // max(1, self.size)))
        empty = min((n for n, page in self._pages.items() if not page.keys and page.asked > 1), default=None)
        reach = last if empty is None else min(last, empty - 1)
        hollow = min((n for n, page in self._pages.items() if not page.keys and page.asked == 1), default=None)
        if hollow is not None and 1 < hollow <= reach:  # whether the list ends there is asked before what lies beyond
            return [*(n for n in range(2, hollow) if n not in self._pages), hollow]
        if missing := [n for n in range(2, reach + 1) if n not in self._pages]:
            return missing
        if again := [n for n in range(2, reach + 1) if self._doubtful(n, last)]:
            return again
        return self._end_wanted()

    def _short_of_total(self, first: Page) -> bool:
        """A first page that is not full, and is not all there is either."""
        return len(first.keys) < self.size and len(first.keys) != first.total

    def _doubtful(self, number: int, last: int) -> bool:
        """A page before the last that is not full, heard once."""
        page = self._pages[number]
        return page.asked == 1 and len(page.keys) < self.size and number < last

    def _end_wanted(self) -> list[int]:
        """What must be asked until the end of the list is sure."""
        filled = [n for n, page in self._pages.items() if page.keys]
        if not filled:
            return []
        last = max(filled)
        page, after = self._pages[last], self._pages.get(last + 1)
        others = {key for n in filled if n != last for key in self._pages[n].keys}
        if last > max(1, -(-max(self._totals) // max(1, self.size))) and others.issuperset(page.keys):
            return []  # beyond its total the service repeats itself: it would do so for ever
        agreed = self._totals == {len(self._distinct())}
        if agreed and (len(page.keys) < self.size or (after is not None and not after.keys)):
            return []
        if page.asked == 1 and len(page.keys) < self.size and last > 1:
            return [last]
        if after is None or (after.asked == 1 and not agreed):
            return [last + 1]
        return []

    def _distinct(self) -> set[Key]:
        return {key for page in self._pages.values() for key in page.keys}

    # --- judging ---

    def _complete(self) -> None:
        """One whole reading is there: accept it, compare it with the one before, or read once more."""
        now = _Past(frozenset(self._distinct()), frozenset(self._totals or {0}))
        past = self._past
        perfect = now.totals == {len(now.keys)}
        agree = past is not None and past.keys == now.keys
        if perfect and (agree or not (self.doubt or self.gained)):
            self._judge(now, expected=len(now.keys))
            return
        if agree:
            totals = now.totals | (past.totals if past else frozenset())
            most, least = max(totals), min(totals)
            if least > len(now.keys) and len(self.seen) < most:
                gap = f"the service counts {most}, its pages give {len(now.keys)}, in two readings alike"
                self._judge(now, expected=most, gap=gap)
            else:
                told = str(most) if most == least else f"{least} to {most}"
                note = f"total unreliable ({told}); two readings gave the same {len(now.keys)}"
                self._judge(now, expected=None, note=note)
            return
        if self.number >= MOST_READINGS:
            gap = f"no two of {self.number} readings gave the same rows"
            self._judge(now, expected=max(now.totals), gap=gap)
            return
        self._past = now
        self.number += 1
        self._pages.clear()
        self._totals.clear()

    def _judge(self, now: _Past, *, expected: int | None, gap: str | None = None, note: str = "") -> None:
        distinct = len(self.seen)
        if self.gained and not note:
            note = "pages came short when first asked"
        self.verdict = Verdict(
            expected=expected,
            distinct=distinct,
            duplicates=self._heard - distinct,
            withdrawn=len(self.seen - now.keys),
            readings=self.number,
            gap=gap,
            note=note,
        )
