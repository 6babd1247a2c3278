"""One simulated upstream: understands a call, finds its page, and spells it, with whatever fault is on."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from dari.core.clock import Clock
from dari.core.endpoint import Endpoint
from dari.providers.naramarket.simulator import envelopes, moving
from dari.providers.naramarket.simulator.asked import Question, Refusal, understand
from dari.providers.naramarket.simulator.bindings import bound
from dari.providers.naramarket.simulator.envelopes import SHAPES, Page, Spelled
from dari.providers.naramarket.simulator.faults import Faults
from dari.providers.naramarket.simulator.listing import Place, listed, values_of
from dari.providers.naramarket.simulator.rows.spelling import sheet
from dari.worlds.procurement import Ref, World

MOST_LISTINGS: Final = 256
MOST_BYTES: Final = 400_000_000
"""How much of spelled rows is kept."""
UNSETTLED: Final = timedelta(days=100)
"""Windows that end this near to the present may still change with the clock."""


@dataclass(slots=True)
class Limits:
    """How fast and how slow: `rate` calls a second after `burst`, `concurrency` at once, seconds a call and a row."""

    rate: float | None = None
    burst: float = 30
    concurrency: int | None = None
    base: float = 0.0
    row: float = 0.0
    quota: int | None = None


@dataclass(slots=True)
class Stats:
    """What has been asked so far."""

    received: int = 0
    answered: int = 0
    rows: int = 0
    bytes: int = 0
    at_once: int = 0
    most_at_once: int = 0
    seconds: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    after_quota: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)

    def told(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "received": self.received,
            "answered": self.answered,
            "rows": self.rows,
            "bytes": self.bytes,
            "most_at_once": self.most_at_once,
            "seconds_answering": round(self.seconds, 6),
            "refused": dict(self.refused),
            "operations": dict(self.operations),
            "after_quota": dict(self.after_quota),
            "struck": dict(self.struck),
        }


def _name(place: Place) -> Any:
    """What tells one place from another: tables have rows, not places."""
    return place if isinstance(place, Ref) else id(place)


class RowStore:
    """Spelled rows, the oldest forgotten first."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._rows: OrderedDict[tuple[str, bool, Ref], bytes] = OrderedDict()
        self._most, self._size = most, 0

    def get(self, key: tuple[str, bool, Ref]) -> bytes | None:
        """A row that is kept."""
        return self._rows.get(key)

    def put(self, key: tuple[str, bool, Ref], row: bytes) -> None:
        """Keep a row."""
        self._rows[key] = row
        self._size += len(row)
        while self._size > self._most:
            _, old = self._rows.popitem(last=False)
            self._size -= len(old)


class Engine:
    """The state of one simulator; `now` comes from its clock alone."""

    def __init__(self, world: World, clock: Clock, limits: Limits, origin: str = "") -> None:
        self.world, self.clock, self.limits, self._origin = world, clock, limits, origin
        self.faults = Faults(world.seed)
        self.stats = Stats()
        self._rows = RowStore()
        self._listings: OrderedDict[tuple[Any, ...], Sequence[Place]] = OrderedDict()
        self._asked: set[tuple[Any, ...]] = set()
        self._calls: Counter[str] = Counter()
        self._left: dict[tuple[Any, ...], tuple[Question, int]] = {}

    def forget(self) -> None:
        """Start counting anew; the world and what is spelled stay."""
        self.stats = Stats()
        self._asked.clear()
        self._calls.clear()
        self._left.clear()

    def _standing(self, question: Question) -> Sequence[Place]:
        """The rows of a question if nothing moved but the clock."""
        now = self.clock.now()
        settled = question.end is not None and question.end < now - UNSETTLED
        key = (*question.window, settled or f"{now:%Y%m%d%H%M}")
        return self._remembered(key, lambda: listed(self.world, question, now))

    def listing(self, question: Question, calls: int) -> Sequence[Place]:
        """The rows of a question after so many calls of its operation."""
        places = self._standing(question)
        steps = moving.stage(self.faults, calls)
        if max(steps) < 0:
            return places
        key = (*question.window, len(places), f"{self.clock.now():%Y%m%d%H%M}", steps, repr(self.faults.on()))
        return self._remembered(key, lambda: moving.visible(places, self.faults, calls))

    def _remembered(self, key: tuple[Any, ...], make: Any) -> Sequence[Place]:
        found = self._listings.get(key)
        if found is None:
            found = self._listings[key] = make()
            if len(self._listings) > MOST_LISTINGS:
                self._listings.popitem(last=False)
        else:
            self._listings.move_to_end(key)
        return found

    def spelled_row(self, endpoint_id: str, place: Place, *, as_json: bool) -> bytes:
        """A row as bytes, from the store where it is kept."""
        kept = (endpoint_id, as_json, place) if isinstance(place, Ref) else None
        row = self._rows.get(kept) if kept else None
        if row is None:
            filled = sheet(endpoint_id)
            told = filled.row(values_of(self.world, bound(endpoint_id), place))
            for name in filled.urls:
                if told[name].startswith("/files/"):
                    told[name] = self._origin + told[name]
            row = envelopes.row_json(told) if as_json else envelopes.row_xml(told)
            if kept:
                self._rows.put(kept, row)
        return row

    def keys(self, question: Question) -> list[str]:
        """The natural keys of everything a crawler could have seen, each once, in order.

        A row counts as it was when its window, or the narrowest part of it that was asked, was last asked for: what
        arrived after a crawler had left is not held against it. Parts nobody asked for count as of now.
        """
        told, binding = sheet(question.endpoint.id), bound(question.endpoint.id)
        places = self._could_be_seen(question)
        return list(dict.fromkeys(told.key(told.row(values_of(self.world, binding, place))) for place in places))

    def _could_be_seen(self, question: Question) -> Sequence[Place]:
        every = self._standing(question)
        if max(moving.stage(self.faults, 0)) < 0:
            return every
        asked: set[Any] = set()
        seen: set[Any] = set()
        parts = [part for part in self._left.values() if part[0].lies_in(question)]
        for part, calls in sorted(parts, key=lambda one: one[0].width):
            own = set(map(_name, self._standing(part))) - asked
            seen |= own & set(map(_name, moving.visible(self._standing(part), self.faults, calls)))
            asked |= own
        left = max(0, self._calls[question.endpoint.id] - 1)
        now = set(map(_name, moving.visible(every, self.faults, left)))
        return [place for place in every if _name(place) in (seen if _name(place) in asked else now)]

    def warm(self, question: Question) -> int:
        """Spell every row of a question beforehand."""
        places = self.listing(question, self._calls[question.endpoint.id])
        for place in places:
            self.spelled_row(question.endpoint.id, place, as_json=question.json)
        return len(places)

    def question(self, endpoint: Endpoint, query: Mapping[str, str], *, bounded: bool = False) -> Question:
        """Understand a query; where it is `bounded`, under the window limits that are on."""
        narrow = self.faults.get("narrow")
        return understand(endpoint, query, narrower={"days": narrow["days"]} if narrow else None, bounded=bounded)

    def page(self, endpoint: Endpoint, query: Mapping[str, str], call: int) -> tuple[Spelled, int]:
        """The reply to a call that the gateway let through, and how many rows it carries."""
        wants_json = query.get("type", query.get("TYPE", "")).lower() == "json" and "json" in endpoint.wire["answers"]
        try:
            question = self.question(endpoint, query, bounded=True)
        except Refusal as refusal:
            self.stats.refused[refusal.code] += 1
            return envelopes.service_error(refusal.code, as_json=wants_json), 0
        if (big := self.faults.get("big_pages")) and question.rows > big["rows"]:
            self.stats.refused["http504"] += 1
            return envelopes.plain(504, "Gateway Time-out"), 0
        calls = self._calls[endpoint.id]
        self._calls[endpoint.id] += 1
        self._left[question.window] = (question, calls)
        places = self.listing(question, calls)
        size = told_size = question.rows
        if cap := self.faults.get("cap"):
            size = told_size = min(size, cap["rows"])
        if silent := self.faults.get("cap_silent"):
            size = min(size, silent["rows"])
        place = (*question.window, question.page, question.rows)
        chosen = moving.cut(places, question.page, size, self.faults, again=place in self._asked, call=call)
        self._asked.add(place)
        if not places and self.faults.get("no_data") is not None:
            self.stats.refused["03"] += 1
            return envelopes.service_error("03", as_json=question.json), 0
        as_json = question.json and not self._struck("xml_for_json", call)
        page = Page(
            rows=[self.spelled_row(endpoint.id, place, as_json=as_json) for place in chosen],
            size=told_size,
            number=question.page,
            total=moving.total(len(places), self.faults, call),
        )
        shape = SHAPES[call % len(SHAPES)] if self.faults.get("shapes") is not None else "list"
        spelled = envelopes.page_json(page, shape) if as_json else envelopes.page_xml(page, shape)
        return spelled, len(chosen)

    def _struck(self, name: str, call: int) -> bool:
        hit = self.faults.strikes(name, call)
        if hit:
            self.stats.struck[name] += 1
        return hit

    def passing_failure(self, call: int, *, as_json: bool) -> Spelled | None:
        """A failure that has nothing to do with what was asked, if one strikes this call."""
        if self._struck("http_5xx", call):
            status = (500, 502, 503, 504)[self.faults.lot("http_5xx", call) % 4]
            return envelopes.plain(status, "upstream failure")
        if self._struck("garbage", call):
            return Spelled(200, "text/html", b"<html><body><h1>Service Temporarily Unavailable</h1></body></html>")
        if self._struck("gateway_xml", call):
            return envelopes.gateway_error("04", as_json=False, message="HTTP_ERROR")
        if self._struck("service_error", call):
            code = ("01", "02", "04", "05")[self.faults.lot("service_error", call) % 4]
            return envelopes.service_error(code, as_json=as_json)
        return None

    def seconds(self, rows: int) -> float:
        """How long the upstream takes for so many rows."""
        slow = self.faults.get("slow")
        base, row = (slow["base"], slow["row"]) if slow else (self.limits.base, self.limits.row)
        return float(base + row * rows)

    def floor(self, question: Question, size: int) -> dict[str, Any]:
        """The least calls and seconds in which all rows of a question can be had."""
        rows = len(self.listing(question, self._calls[question.endpoint.id]))
        calls = max(1, -(-rows // size))
        one = self.seconds(min(rows, size))
        waits = [one * (1 if calls == 1 else 2)]
        if self.limits.rate:
            waits.append(one + max(0.0, calls - self.limits.burst) / self.limits.rate + (one if calls > 1 else 0))
        if self.limits.concurrency:
            waits.append(one + one * -(-(calls - 1) // self.limits.concurrency))
        return {"rows": rows, "calls": calls, "seconds": round(max(waits), 6), "seconds_of_a_page": one}
