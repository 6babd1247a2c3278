"""From what a tool tells to the drawing of it: only figures that are there are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dari.serving.charts.drawing import Box, Candle, Picture, candles, treemap


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
