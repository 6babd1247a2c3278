"""From what a tool tells to the drawing of it: only figures that are there are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from dari.serving.charts.drawing import Box, Candle, Picture, candles, picture, treemap

WIDE: Final = 860
ROW, NAMES, FIGURES = 28, 170, 170
"""Of a bar: its height, and the room of its name and of its figure."""


def candle_rows(told: Mapping[str, Any], most: int) -> list[Candle]:
    """The newest `most` candles of a get_candles answer, oldest first; a row without all four prices is left out."""
    names = list(told.get("columns", ()))
    rows = [dict(zip(names, row, strict=False)) for row in told.get("rows", ())]
    found = []
    for row in sorted(rows, key=lambda one: f"{one.get('date', '')}{one.get('time', '')}")[-most:]:
        prices = [row.get(name) for name in ("open", "high", "low", "close")]
        if all(isinstance(one, int | float) for one in prices):
            found.append(Candle(_day(row), *(float(one) for one in prices if one is not None)))
    return found


def _day(row: Mapping[str, Any]) -> str:
    day = str(row.get("date", ""))
    return f"{day[:4]}-{day[4:6]}-{day[6:8]}" if len(day) == len("20261120") else day


def closes(told: Mapping[str, Any]) -> Sequence[float]:
    """Closing prices of a get_candles answer, oldest first."""
    return [one.close for one in candle_rows(told, len(told.get("rows", ())))]


def candle_chart(told: Mapping[str, Any], most: int) -> Picture:
    """The candles of a get_candles answer."""
    rows = candle_rows(told, most)
    name = f"{told.get('name') or ''} {told.get('symbol', '')}".strip()
    span = f", {rows[0].label} ~ {rows[-1].label}: {rows[-1].close:,.0f}" if rows else ""
    return candles(rows, f"{name}{span}")


def sector_map(told: Mapping[str, Any]) -> Picture:
    """The sectors of a get_sector_volume_ranking answer: area is traded value, colour the mean change."""
    boxes = [
        Box(str(one.get("sector_name", "")), float(one.get("trading_value") or 0), one.get("average_change_rate"))
        for one in told.get("ranking", ())
    ]
    said = ", ".join(f"{one.label} {one.change:+.2f}%" for one in boxes[:5] if one.change is not None)
    return treemap(boxes, said or "–")


def ranking_chart(told: Mapping[str, Any]) -> Picture:
    """The rows of a get_volume_ranking answer as bars of traded value, in 억원 (10⁸ won)."""
    rows = [one for one in told.get("ranking", ()) if one.get("trading_value") is not None]
    most = max((float(one["trading_value"]) for one in rows), default=1.0) or 1.0
    body = []
    for place, one in enumerate(rows):
        top, change = place * ROW, one.get("change_rate")
        wide = float(one["trading_value"]) / most * (WIDE - NAMES - FIGURES)
        kind = "flat" if not change else "up" if change > 0 else "down"
        moved = "" if change is None else f" {change:+.2f}%"
        body.append(
            f'<text class="on" x="0" y="{top + 19}">{one["rank"]}. {escape(str(one["stock_name"]))}</text>'
            f'<rect class="{kind}" fill-opacity="0.5" x="{NAMES}" y="{top + 5}" width="{wide:.1f}" '
            f'height="{ROW - 10}"/>'
            f'<text x="{NAMES + wide + 8:.1f}" y="{top + 19}">{_hundred_million(one["trading_value"])}{moved}</text>'
        )
    said = ", ".join(f"{one['rank']}. {one['stock_name']} {_hundred_million(one['trading_value'])}" for one in rows[:5])
    return picture(WIDE, max(len(rows), 1) * ROW, f"거래대금 {said}" if rows else "–", body)


def _hundred_million(won: float) -> str:
    return f"{won / 1e8:,.0f}억원"


def crawl_chart(told: Mapping[str, Any]) -> Picture:
    """A crawl_status answer: its windows as one bar, green read, red left; the rows and what is missing."""
    windows, crawl = told.get("windows") or {}, told.get("crawl") or {}
    total, done = int(windows.get("total") or 0), int(windows.get("done") or 0)
    share = done / total if total else 0.0
    gaps = [one for one in told.get("receipts", ()) if one.get("state") == "gap"]
    read = f"{done}/{total} 구간 windows, {told.get('rows', 0):,}건 rows, 빈 곳 gaps {len(gaps)}"
    label = f"{crawl.get('endpoint', '')} {told.get('state', '')}: {read}"
    kind, wide = "up" if gaps else "down", (WIDE - 2) * share
    body = [
        f'<text class="title" x="0" y="20">{escape(label)}</text>',
        f'<rect class="grid" x="0.5" y="34.5" width="{WIDE - 1}" height="22"/>',
        f'<rect class="{kind}" fill-opacity="0.6" x="1" y="35" width="{wide:.1f}" height="21"/>',
        f'<text class="on" x="8" y="50">{share:.0%}</text>',
    ]
    for place, one in enumerate(gaps[:5]):
        said = f"{str(one.get('start', ''))[:10]} {one.get('gap', '')}"
        body.append(f'<text x="0" y="{76 + place * 16}">{escape(said)}</text>')
    return picture(WIDE, 66 + 16 * min(len(gaps), 5), label, body)


def incident_chart(told: Mapping[str, Any]) -> Picture:
    """An incident_snapshot answer: unpublished events as a line, each move of a breaker as a mark, the cause above."""
    samples = [one for one in told.get("samples", ()) if one.get("unpublished") is not None]
    verdict = told.get("verdict") or {}
    cause = verdict.get("root_cause") or verdict.get("status") or "unknown"
    most = max((float(one["unpublished"]) for one in samples), default=0.0)
    label = f"{cause}: 미발행 unpublished {most:,.0f} (최대 most)"
    if samples:
        label += f", {_clock(samples[0])} ~ {_clock(samples[-1])}, 지금 now {samples[-1]['unpublished']:,.0f}"
    body = [
        f'<text class="title" x="0" y="18">{escape(label)}</text>',
        f'<line class="grid" x1="0" x2="{WIDE}" y1="200" y2="200"/>',
    ]
    if len(samples) > 1:
        step = WIDE / (len(samples) - 1)
        points = " ".join(
            f"{place * step:.1f},{200 - float(one['unpublished']) / (most or 1) * 150:.1f}"
            for place, one in enumerate(samples)
        )
        body.append(f'<polyline class="line up" fill="none" points="{points}"/>')
        at = [str(one.get("at", "")) for one in samples]
        for move in told.get("transitions", ()):
            place = sum(one <= str(move.get("at", "")) for one in at)
            x = min(max(place - 1, 0), len(samples) - 1) * step
            said = f"{move.get('circuit_breaker_name', '')} {move.get('transition', '')}"
            anchor = "end" if x > WIDE / 2 else "start"
            body.append(
                f'<line class="down" x1="{x:.1f}" x2="{x:.1f}" y1="40" y2="200"/>'
                f'<text x="{x:.1f}" y="38" text-anchor="{anchor}">{escape(said)}</text>'
            )
    for place, one in ((0, samples[:1]), (WIDE, samples[-1:])):
        for sample in one:
            anchor = "end" if place else "start"
            body.append(f'<text x="{place}" y="216" text-anchor="{anchor}">{_clock(sample)}</text>')
    return picture(WIDE, 224, label, body)


def _clock(sample: Mapping[str, Any]) -> str:
    return escape(str(sample.get("at", ""))[11:19])
