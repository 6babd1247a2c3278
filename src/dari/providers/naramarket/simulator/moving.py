"""Lists that move while they are read, and totals that lie about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dari.providers.naramarket.simulator.faults import Faults
from dari.providers.naramarket.simulator.listing import Place
from dari.worlds.procurement import Ref


def mixed(place: Place, position: int) -> int:
    """A figure from 0 to 9,999 that stays with a row however the list is cut."""
    if isinstance(place, Ref):
        return (place.nth * 40_503 + place.day * 9_973 + place.part * 7_919 + len(place.source) * 131) % 10_000
    return position * 40_503 % 10_000


def stage(faults: Faults, calls: int) -> tuple[int, ...]:
    """What has happened to an operation's lists after so many calls: equal stages show equal lists."""
    arrivals, first, vanish = (faults.get(name) for name in ("arrivals", "arrivals_first", "vanish"))
    return (
        sum(calls >= after for after in arrivals["after"]) if arrivals else -1,
        int(calls >= first["after"]) if first else -1,
        int(calls >= vanish["after"]) if vanish else -1,
    )


def visible(places: Sequence[Place], faults: Faults, calls: int) -> Sequence[Place]:
    """The rows that are there after so many calls of their operation."""
    arrivals, first, vanish = (faults.get(name) for name in ("arrivals", "arrivals_first", "vanish"))
    if arrivals is None and first is None and vanish is None:
        return places
    shown: list[Place] = list(places)
    if arrivals:
        shown = [p for at, p in enumerate(shown) if _arrived(mixed(p, at), arrivals, calls)]
    if vanish and calls >= vanish["after"]:
        shown = [p for at, p in enumerate(shown) if mixed(p, at) < 10_000 * (1 - vanish["share"])]
    if first and calls < first["after"]:
        shown = shown[min(first["rows"], len(shown) // 2) :]
    return shown


def _arrived(figure: int, arrivals: Mapping[str, Any], calls: int) -> bool:
    """Late rows are shared out among the stages."""
    if figure >= 10_000 * arrivals["share"]:
        return True
    after = arrivals["after"]
    return bool(calls >= after[figure % len(after)])


def total(true: int, faults: Faults, call: int) -> int:
    """What totalCount says."""
    if faults.get("total_zero") is not None:
        return 0
    said = true
    if high := faults.get("total_high"):
        said += max(1, int(true * high["share"])) if true else 0
    if low := faults.get("total_low"):
        said -= int(true * low["share"])
    if jitter := faults.get("total_jitter"):
        said += faults.lot("total_jitter", call) % (2 * jitter["by"] + 1) - jitter["by"] if true else 0
    return max(0, said)


def cut(places: Sequence[Place], number: int, size: int, faults: Faults, *, again: bool, call: int) -> list[Place]:
    """The rows of a page. `again` says that this very page was asked for before."""
    start = (number - 1) * size
    rows = [places[at] for at in range(start, min(start + size, len(places)))]
    if number > 1 and rows:
        if overlap := faults.get("overlap"):
            rows = [places[at] for at in range(start - min(overlap["rows"], size), start)] + rows
        if faults.get("unstable") is not None and not again:
            rows[0] = places[start - 1]
        if not again and faults.strikes("hollow", call):
            return []
    if not again and faults.strikes("short", call):
        rows = rows[: max(0, len(rows) - faults.on()["short"]["rows"])]
    return rows
