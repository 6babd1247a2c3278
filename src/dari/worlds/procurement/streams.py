"""Streams: the same happenings in the order of one of their dates, counted and addressed without making them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Final, NamedTuple

from dari.worlds.procurement.goods import CLASSES
from dari.worlds.procurement.traits import PERIOD, Moment, Trait, first_index, trait

DEFENCE_CYCLE: Final = 6
DEFENCE_PLACE: Final = 4

Told = Iterable[tuple[int, Moment, Moment]]
"""(part, when it counts in this stream, when it can first be seen)."""


class Slot(NamedTuple):
    """One part of all purchases of one residue: the minute it counts at, and from when it is seen."""

    minute: int
    lag: int
    residue: int
    part: int
    seen: int
    """Minutes from the midnight that starts the day it counts on (business days of 1,440 minutes), may be negative."""


class Ref(NamedTuple):
    """One row's origin: the nth happening of business day `day` of a source, and which part of it."""

    source: str
    day: int
    nth: int
    part: int


FIRST: Final = Moment(0, 0)
CLASS_CYCLE: Final = len(CLASSES)
"""In the mall the class of a product follows from its residue, so that one class can be counted alone."""


def _after(minute: int = 30) -> Callable[[Trait], Told]:
    return lambda t: [(part, at.later(minute), at.later(minute)) for part, at in enumerate(t.notices)]


def _children(count: Callable[[Trait], int]) -> Callable[[Trait], Told]:
    return lambda t: [
        (part * 100 + child, at, at) for part, at in enumerate(t.notices) for child in range(1, count(t) + 1)
    ]


def _changes(t: Trait) -> Told:
    return [(part * 100 + child, at, at) for part, at in enumerate(t.notices) if part for child in (1, 2)]


def _openings(at: Callable[[Trait, Moment], Moment]) -> Callable[[Trait], Told]:
    return lambda t: [(part, at(t, opened), opened.later(60)) for part, opened in enumerate(t.openings)]


def _reserves(at: Callable[[Trait, Moment], Moment]) -> Callable[[Trait], Told]:
    return lambda t: [
        (part * 100 + child, at(t, opened), opened.later(60))
        for part, opened in enumerate(t.openings)
        for child in range(1, t.reserve_prices + 1)
    ]


def _bidders(t: Trait) -> Told:
    if not t.openings:
        return []
    last = t.openings[-1]
    return [(rank, last, last.later(60)) for rank in range(1, t.bidders + 1)]


def _one(
    when: Callable[[Trait], Moment | None], at: Callable[[Trait], Moment] | None = None, part: int = 0
) -> Callable[[Trait], Told]:
    def told(t: Trait) -> Told:
        seen = when(t)
        return [] if seen is None else [(part, at(t) if at else seen, seen)]

    return told


def _defence(told: Callable[[Trait], Told]) -> Callable[[Trait], Told]:
    """What the defence procurer buys: one purchase in six."""
    return lambda t: told(t) if t.residue % DEFENCE_CYCLE == DEFENCE_PLACE else []


def _flat(parts: Callable[[Trait], int] = lambda _: 1) -> Callable[[Trait], Told]:
    def told(t: Trait) -> Told:
        at = t.notices[0]
        return [(part, at, at) for part in range(parts(t))]

    return told


STREAMS: Final[Mapping[str, Callable[[Trait], Told]]] = {
    "notice.posted": lambda t: [(part, at, at) for part, at in enumerate(t.notices)],
    "notice.changed": lambda t: [(part, at, at) for part, at in enumerate(t.notices) if part],
    "notice.opened": lambda t: [(part, t.opening, at) for part, at in enumerate(t.notices)],
    "basis.entered": _after(),
    "licence.registered": _children(lambda t: t.licences),
    "region.registered": _children(lambda t: t.regions),
    "item.posted": _children(lambda t: t.items),
    "file.registered": _children(lambda t: t.files),
    "change.changed": _changes,
    "opening.entered": _openings(lambda _, opened: opened.later(60)),
    "opening.posted": _openings(lambda t, _: t.notices[0]),
    "opening.opened": _openings(lambda _, opened: opened),
    "reserve.entered": _reserves(lambda _, opened: opened.later(60)),
    "reserve.posted": _reserves(lambda t, _: t.notices[0]),
    "reserve.opened": _reserves(lambda _, opened: opened),
    "award.registered": _one(lambda t: t.award),
    "award.posted": _one(lambda t: t.award, lambda t: t.notices[0]),
    "award.opened": _one(lambda t: t.award, lambda t: t.openings[-1]),
    "bidder.opened": _bidders,
    "contract.registered": _one(lambda t: t.contract),
    "contract.signed": _one(lambda t: t.contract, lambda t: Moment(t.contract.lag if t.contract else 0, 0)),
    "contract.changed": _one(lambda t: t.contract_changed, part=1),
    "contract.deleted": _one(lambda t: t.contract_deleted),
    "contract_item.registered": lambda t: (
        [(child, t.contract, t.contract) for child in range(1, t.items + 1)] if t.contract else []
    ),
    "prespec.registered": _one(lambda t: t.prespec),
    "prespec.changed": _one(
        lambda t: Moment(t.prespec.lag + 1, 600) if t.prespec and t.prespec_changed else None, part=1
    ),
    "opinion.received": lambda t: (
        [(n, at, at) for n in range(1, t.opinions + 1) for at in [Moment(t.prespec.lag + 1, 610 + n)]]
        if t.prespec
        else []
    ),
    "request.entered": _one(lambda t: t.request),
    "request_item.entered": lambda t: (
        [(child, t.request, t.request) for child in range(1, t.items + 1)] if t.request else []
    ),
    "plan.planned": _one(lambda t: t.plan, lambda _: FIRST),
    "plan.posted": _one(lambda t: t.plan),
    "plan_file.posted": lambda t: [(n, t.plan, t.plan) for n in range(1, t.files + 1)] if t.plan else [],
    "flat.registered": _flat(),
    "flat.changed": _one(lambda t: Moment(3, t.notices[0].minute) if t.residue % 5 == 0 else None, part=1),
    "flat.items": _flat(lambda t: t.items + t.files - 1),
    "defence.posted": _defence(lambda t: [(part, at, at) for part, at in enumerate(t.notices)]),
    "defence.opened": _defence(lambda t: [(part, t.opening, at) for part, at in enumerate(t.notices)]),
    "defence.planned": _defence(_one(lambda t: t.plan, lambda _: FIRST)),
    "defence.result": _defence(_one(lambda t: t.openings[-1].later(60) if t.openings else None, lambda t: t.opening)),
    "defence.signed": _defence(_one(lambda t: t.contract)),
    "defence.bidders": _defence(_bidders),
    "defence.reserves": _defence(_reserves(lambda _, opened: opened)),
    "defence.items": _defence(_children(lambda t: t.items)),
}
"""Stream name → what a trait contributes."""


@cache
def slots(stream: str) -> tuple[Slot, ...]:
    """The slots of a stream in the order of their minute. `stream@n` holds only what belongs to item class n."""
    name, _, item = stream.partition("@")
    if item:
        return tuple(slot for slot in slots(name) if slot.residue % CLASS_CYCLE == int(item))
    found = []
    for residue in range(PERIOD):
        for part, at, seen in STREAMS[stream](trait(residue)):
            since = (seen.lag - at.lag) * 1440 + seen.minute
            found.append(Slot(at.minute, at.lag, residue, part, since))
    return tuple(sorted(found))


@cache
def latest_sight(stream: str) -> int:
    """After how many business days every row of a day of this stream can surely be seen."""
    return max((slot.seen // 1440 for slot in slots(stream)), default=0) + 1


def matching(count: int, day: int, residue: int) -> int:
    """How many of `count` purchases of a business day have this residue."""
    return max(0, (count - first_index(day, residue) + PERIOD - 1) // PERIOD)


@dataclass(frozen=True, slots=True)
class Segment:
    """The rows of one stream day: slots with rows, and how many rows lie before each."""

    source: str
    day: int
    slots: tuple[Slot, ...]
    before: tuple[int, ...]
    total: int

    def ref(self, position: int) -> Ref:
        """The row at a position of this day."""
        at = bisect_right(self.before, position) - 1
        slot = self.slots[at]
        origin = self.day - slot.lag
        return Ref(
            self.source,
            origin,
            first_index(origin, slot.residue) + PERIOD * (position - self.before[at]),
            slot.part,
        )


class Window:
    """The rows of a stream between two moments, in its order."""

    def __init__(self, segments: Iterable[Segment]) -> None:
        self._segments = [segment for segment in segments if segment.total]
        self._before = [0, *accumulate(segment.total for segment in self._segments)]
        self.total = self._before[-1]

    def ref(self, position: int) -> Ref:
        """The row at a position (0 … total - 1)."""
        at = bisect_right(self._before, position) - 1
        return self._segments[at].ref(position - self._before[at])

    def __iter__(self) -> Iterator[Ref]:
        for segment in self._segments:
            for position in range(segment.total):
                yield segment.ref(position)


class Cut(NamedTuple):
    """What of a day is asked for: from minute `low` to minute `high`, as far as seen `sight` minutes after midnight."""

    low: int
    high: int
    sight: int


EVERYTHING: Final = Cut(0, 1440, 1 << 60)


def segment(source: str, stream: str, day: int, count: Callable[[int], int], cut: Cut) -> Segment:
    """The rows of one day of a stream; `count` tells how many happenings a business day has."""
    chosen, before, total = [], [], 0
    for slot in slots(stream):
        if cut.low <= slot.minute <= cut.high and slot.seen <= cut.sight:
            rows = matching(count(day - slot.lag), day - slot.lag, slot.residue)
            if rows:
                chosen.append(slot)
                before.append(total)
                total += rows
    return Segment(source, day, tuple(chosen), tuple(before), total)
