"""A payment system's state as drawings: breakers over time, waiting events, lag by group, both sides of the ledger.

Each takes what a tool tells, draws only figures that are there, and says in words what it shows; a figure nobody could
read is a hole in a line, or a dash, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any, Final

from dari.serving.charts.drawing import Picture, picture

WIDE: Final = 860
NAMES: Final = 190
LANE, BAR = 30, 22
TALL: Final = 120
LETTER: Final = 8
"""Room of one letter, so that a word stands only where it fits."""
KINDS: Final = {"CLOSED": "flat", "OPEN": "up", "HALF_OPEN": "down"}
STRENGTH: Final = {"CLOSED": 0.18, "OPEN": 0.65, "HALF_OPEN": 0.45}


@dataclass(frozen=True, slots=True)
class Span:
    """A breaker was in `state` from `since` until `until`; `state` "" is not known."""

    name: str
    state: str
    since: datetime
    until: datetime


def breaker_spans(history: Mapping[str, Any], now: Mapping[str, Any]) -> list[Span]:
    """From a breaker_history answer, and get_system_overview's for what is now: each breaker's states, oldest first.

    A time before the first transition has the state that transition left. Empty where nothing tells the times.
    """
    states = dict(now.get("breakers") or {})
    moves: dict[str, list[tuple[datetime, str, str]]] = {name: [] for name in states}
    for one in sorted(history.get("transitions") or (), key=lambda one: str(one.get("at", ""))):
        was, _, then = str(one.get("transition", "")).partition("_TO_")
        moves.setdefault(str(one.get("circuit_breaker_name", "")), []).append((_at(one["at"]), was, then))
    begun, ended = (history.get("samples") or {}).get("since"), now.get("checked_at")
    if not begun or not ended:
        return []
    found = []
    for name, steps in moves.items():
        since, state = _at(begun), steps[0][1] if steps else str(states.get(name) or "")
        if steps:
            since = min(since, steps[0][0])
        for at, _, then in steps:
            if at > since:
                found.append(Span(name, state, since, at))
            since, state = at, then
        found.append(Span(name, state, since, max(since, _at(ended))))
    return found


def breaker_timeline(spans: Sequence[Span]) -> Picture:
    """A lane a breaker: when it was closed, open or half-open, in words where there is room."""
    if not spans:
        return picture(WIDE, LANE, "–", ())
    names = list(dict.fromkeys(one.name for one in spans))
    begun, ended = min(one.since for one in spans), max(one.until for one in spans)
    whole = (ended - begun).total_seconds() or 1.0

    def x(at: datetime) -> float:
        return NAMES + (at - begun).total_seconds() / whole * (WIDE - NAMES)

    body = [f'<text class="on" x="0" y="{place * LANE + 19}">{escape(name)}</text>' for place, name in enumerate(names)]
    for one in spans:
        top, left, wide = names.index(one.name) * LANE + 4, x(one.since), x(one.until) - x(one.since)
        said = f"{one.name} {one.state or '?'} {one.since:%H:%M:%S}–{one.until:%H:%M:%S}"
        body.append(
            f'<g><title>{escape(said)}</title><rect class="{KINDS.get(one.state, "grid")}" stroke="none" '
            f'fill-opacity="{STRENGTH.get(one.state, 0.0)}" x="{left:.1f}" y="{top}" width="{max(wide, 2):.1f}" '
            f'height="{BAR}"/>'
        )
        if wide > LETTER * len(one.state or "?") + LETTER:
            body.append(f'<text class="on" x="{left + 6:.1f}" y="{top + 15}">{escape(one.state or "?")}</text>')
        body.append("</g>")
    low = len(names) * LANE + 14
    body += [
        f'<text x="{NAMES}" y="{low}">{begun:%H:%M:%S}</text>',
        f'<text x="{WIDE}" y="{low}" text-anchor="end">{ended:%H:%M:%S}</text>',
    ]
    last = {one.name: one for one in spans}
    said = ", ".join(f"{name} {one.state or '?'} ({one.since:%H:%M:%S}~)" for name, one in last.items())
    return picture(WIDE, low + 4, said, body)


def waiting_line(incident: Mapping[str, Any]) -> Picture:
    """The events an incident_snapshot answer saw unpublished, over time; holes where nobody could count them."""
    samples = list(incident.get("samples") or ())
    known = [float(one["unpublished"]) for one in samples if one.get("unpublished") is not None]
    if len(samples) < 2 or not known:  # noqa: PLR2004 -- a line has two ends
        return picture(WIDE, LANE, "–", ())
    most, step = max(known), (WIDE - 50) / (len(samples) - 1)
    body = [
        f'<line class="grid" x1="40" x2="{WIDE}" y1="{y}" y2="{y}"/><text x="34" y="{y + 4}" text-anchor="end">'
        f"{value:,.0f}</text>"
        for y, value in ((10, most), (TALL, 0.0)) if value or y == TALL
    ]  # fmt: skip
    for run in _runs(samples):
        points = " ".join(
            f"{45 + place * step:.1f},{TALL - value / (most or 1.0) * (TALL - 10):.1f}" for place, value in run
        )
        body.append(f'<polyline class="line up" fill="none" points="{points}"/>')
    first, last = _clock(samples[0]), _clock(samples[-1])
    body += [
        f'<text x="40" y="{TALL + 16}">{first}</text>',
        f'<text x="{WIDE}" y="{TALL + 16}" text-anchor="end">{last}</text>',
    ]
    now = samples[-1].get("unpublished")
    said = f"{first} ~ {last}: {most:,.0f} ↑, {'?' if now is None else f'{now:,.0f}'} ●"
    return picture(WIDE, TALL + 20, said, body)


def _runs(samples: Sequence[Mapping[str, Any]]) -> list[list[tuple[float, float]]]:
    """The stretches without a hole; a single count is a short stroke."""
    runs: list[list[tuple[float, float]]] = [[]]
    for place, one in enumerate(samples):
        if one.get("unpublished") is None:
            runs.append([])
        else:
            runs[-1].append((place, float(one["unpublished"])))
    return [run if len(run) > 1 else [*run, (run[0][0] + 0.3, run[0][1])] for run in runs if run]


def lag_bars(lag: Mapping[str, Any]) -> Picture:
    """Messages that wait for each consumer group; a dash where nobody could count them."""
    most = max((float(one) for one in lag.values() if one is not None), default=0.0) or 1.0
    body, said = [], []
    for place, (name, waiting) in enumerate(lag.items()):
        top = place * LANE
        told = "–" if waiting is None else f"{waiting:,}"
        wide = 0.0 if waiting is None else float(waiting) / most * (WIDE - NAMES - 80)
        kind = "up" if waiting else "flat"
        body.append(
            f'<text class="on" x="0" y="{top + 19}">{escape(name)}</text><rect class="{kind}" stroke="none" '
            f'fill-opacity="0.5" x="{NAMES}" y="{top + 4}" width="{max(wide, 1.0):.1f}" height="{BAR}"/>'
            f'<text x="{NAMES + wide + 8:.1f}" y="{top + 19}">{told}</text>'
        )
        said.append(f"{name} {told}")
    return picture(WIDE, max(len(lag), 1) * LANE, ", ".join(said) or "–", body)


def ledger_bars(ledger: Mapping[str, Any]) -> Picture:
    """The two sides of a reconciliation_check answer, by account: equally long where the ledger balances."""
    sides = [
        ("차변 debits", ledger.get("total_debits"), ledger.get("debit_accounts") or (), "debit_account", "down"),
        ("대변 credits", ledger.get("total_credits"), ledger.get("credit_accounts") or (), "credit_account", "flat"),
    ]
    most = max((float(total) for _, total, *_ in sides if total), default=0.0) or 1.0
    body, said = [], []
    for place, (name, total, accounts, key, kind) in enumerate(sides):
        top, left, room = place * LANE, float(NAMES), WIDE - NAMES
        told = "–" if total is None else f"{total:,}"
        body.append(f'<text class="on" x="0" y="{top + 19}">{name} {told}</text>')
        for one in accounts:
            wide, label = float(one["total"]) / most * room, f"{one[key]} {one['total']:,}"
            body.append(
                f'<g><title>{escape(label)}</title><rect class="{kind}" stroke="none" fill-opacity="0.35" '
                f'x="{left:.1f}" y="{top + 4}" width="{max(wide - 1, 0):.1f}" height="{BAR}"/>'
            )
            if wide > LETTER * len(label):
                body.append(f'<text class="on" x="{left + 6:.1f}" y="{top + 19}">{escape(label)}</text>')
            body.append("</g>")
            left += wide
        said.append(f"{name} {told}")
    return picture(WIDE, len(sides) * LANE, ", ".join(said), body)


def _at(text: Any) -> datetime:
    return datetime.fromisoformat(str(text))


def _clock(sample: Mapping[str, Any]) -> str:
    return escape(str(sample.get("at", ""))[11:19])
