"""Pictures of figures as SVG, drawn on this side: a browser needs no script for them, and a strict policy lets them in.

Every number that is drawn is one that was given; nothing is smoothed or filled in. Rising is red and falling is blue,
as Korean boards show it; the colours come from the page's style sheet by class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from types import MappingProxyType
from typing import Final

from dari.core.errors import Hint, MissingExtra

PALETTES: Final = MappingProxyType(
    {
        "light": {"text": "#59636e", "up": "#c9252d", "down": "#0550ae", "flat": "#59636e", "grid": "#d1d9e0",
                  "paper": "#ffffff", "ink": "#1f2328"},
        "dark": {"text": "#9da7b1", "up": "#ff8182", "down": "#79b8ff", "flat": "#9da7b1", "grid": "#30363d",
                 "paper": "#0d1117", "ink": "#e6edf3"},
    }
)  # fmt: skip
FONT: Final = "NanumGothicCoding, 'Apple SD Gothic Neo', 'Malgun Gothic', 'Noto Sans KR', system-ui, sans-serif"
FAINT, DEEP, FULL = 0.15, 0.5, 3.0
"""How strong the colour of a box is: from unchanged to FULL percent. Text stays readable on the deepest."""


@dataclass(frozen=True, slots=True)
class Candle:
    """One period: its name, and prices."""

    label: str
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True)
class Box:
    """One box of a treemap: its area, and the change in percent that gives its colour (None: unknown)."""

    label: str
    size: float
    change: float | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing of this size in pixels, with a text for who does not see it."""

    width: int
    height: int
    label: str
    body: str

    def marked(self, mark: str) -> Picture:
        """The same with a remark that goes wherever the picture goes."""
        height = self.height + 18
        line = f'<text x="{self.width}" y="{height - 5}" text-anchor="end">{escape(mark)}</text>'
        return replace(self, height=height, label=f"[{mark}] {self.label}", body=f"{self.body}{line}")

    def inline(self) -> str:
        """The SVG for a page, whose style sheet gives the colours (a strict policy lets no style stand in it)."""
        return self._svg("", ' class="picture"')

    def document(self, theme: str = "light", *, paper: bool = False) -> str:
        """The SVG as a document of its own, in the colours of `theme` ("": as whoever shows it prefers).

        With `paper` it is not see-through.
        """
        of = PALETTES.get(theme, PALETTES["light"])
        style = _style(of) if theme else f"{_style(of)}@media(prefers-color-scheme:dark){{{_style(PALETTES['dark'])}}}"
        back = f'<rect width="{self.width}" height="{self.height}" fill="{of["paper"]}"/>' if paper else ""
        return self._svg(f"<style>{style}</style>{back}", "")

    def _svg(self, before: str, attributes: str) -> str:
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" width="{self.width}" '
            f'height="{self.height}" role="img" aria-label="{escape(self.label, quote=True)}"{attributes}>'
            f"{before}{self.body}</svg>"
        )


def _style(of: Mapping[str, str]) -> str:
    return (
        f"text{{font:11px {FONT};fill:{of['text']}}}.up{{fill:{of['up']};stroke:{of['up']}}}"
        f".down{{fill:{of['down']};stroke:{of['down']}}}.flat{{fill:{of['flat']};stroke:{of['flat']}}}"
        f".grid{{stroke:{of['grid']};fill:none}}.line{{fill:none;stroke-width:1.5}}"
        f"text.on{{fill:{of['ink']};font-weight:600}}text.title{{font-size:14px;fill:{of['ink']};font-weight:600}}"
    )


def picture(width: int, height: int, label: str, body: Iterable[str]) -> Picture:
    """A drawing of these parts."""
    return Picture(width, height, label, "".join(body))


def _kind(change: float | None) -> str:
    return "flat" if not change else "up" if change > 0 else "down"


def sparkline(values: Sequence[float], label: str, *, width: int = 120, height: int = 28) -> Picture:
    """A line through the values, oldest first; flat and grey where there are fewer than two."""
    if len(values) < 2:  # noqa: PLR2004 -- a line has two ends
        return picture(width, height, label, ())
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    points = " ".join(
        f"{2 + place * (width - 4) / (len(values) - 1):.1f},{height - 3 - (one - low) * (height - 6) / span:.1f}"
        for place, one in enumerate(values)
    )
    kind = _kind(values[-1] - values[0])
    return picture(width, height, label, [f'<polyline class="line {kind}" fill="none" points="{points}"/>'])


def candles(rows: Sequence[Candle], label: str, *, width: int = 860, height: int = 320) -> Picture:
    """Candles, oldest first, with a price scale at the right and the first, middle and last label below."""
    if not rows:
        return picture(width, height, label, ())
    low, high = min(one.low for one in rows), max(one.high for one in rows)
    span = (high - low) or 1.0
    right, below = 70, 22
    wide, tall = width - right, height - below

    def y(price: float) -> float:
        return 8 + (high - price) * (tall - 16) / span

    body = []
    for step in range(5):
        price = low + span * step / 4
        body.append(f'<line class="grid" x1="0" x2="{wide}" y1="{y(price):.1f}" y2="{y(price):.1f}"/>')
        body.append(f'<text x="{wide + 6}" y="{y(price) + 4:.1f}">{price:,.0f}</text>')
    each = wide / len(rows)
    for place, one in enumerate(rows):
        middle, kind = (place + 0.5) * each, _kind(one.close - one.open)
        top, bottom = y(max(one.open, one.close)), y(min(one.open, one.close))
        body.append(
            f'<g class="{kind}"><title>{escape(one.label)} {one.open:,.0f} {one.high:,.0f} {one.low:,.0f} '
            f'{one.close:,.0f}</title><line x1="{middle:.1f}" x2="{middle:.1f}" y1="{y(one.high):.1f}" '
            f'y2="{y(one.low):.1f}"/><rect x="{middle - each * 0.35:.1f}" y="{top:.1f}" width="{each * 0.7:.1f}" '
            f'height="{max(bottom - top, 1):.1f}"/></g>'
        )
    for place in sorted({0, len(rows) // 2, len(rows) - 1}):
        anchor = "start" if place == 0 else "end" if place == len(rows) - 1 else "middle"
        x = 0 if place == 0 else wide if place == len(rows) - 1 else (place + 0.5) * each
        body.append(f'<text x="{x:.1f}" y="{height - 6}" text-anchor="{anchor}">{escape(rows[place].label)}</text>')
    return picture(width, height, label, body)


def treemap(boxes: Sequence[Box], label: str, *, width: int = 860, height: int = 320) -> Picture:
    """Boxes whose areas are as their sizes, the largest first. A colour says rising or falling, its strength how much.

    Raises MissingExtra without squarify.
    """
    try:
        import squarify  # noqa: PLC0415 -- an extra: only who draws a treemap pays for it
    except ImportError:
        hint = Hint("pip install 'dari[charts]'", "pip install 'dari[charts]'")
        raise MissingExtra("a treemap needs the extra dari[charts]", hint=hint) from None
    rows = sorted((one for one in boxes if one.size > 0), key=lambda one: one.size, reverse=True)
    if not rows:
        return picture(width, height, label, ())
    places = squarify.squarify(squarify.normalize_sizes([one.size for one in rows], width, height), 0, 0, width, height)
    body = []
    for one, at in zip(rows, places, strict=True):
        strength = FAINT + min(abs(one.change or 0.0), FULL) / FULL * (DEEP - FAINT)
        body.append(
            f'<g><title>{escape(one.label)} {_percent(one.change)}</title><rect class="{_kind(one.change)}" '
            f'fill-opacity="{strength:.2f}" stroke="none" x="{at["x"] + 1:.1f}" y="{at["y"] + 1:.1f}" '
            f'width="{max(at["dx"] - 2, 0):.1f}" height="{max(at["dy"] - 2, 0):.1f}"/>'
        )
        room = max(12 * len(one.label), 7 * len(_percent(one.change))) + 16
        if at["dx"] > room and at["dy"] > 34:  # noqa: PLR2004 -- room for two lines of this text
            body.append(f'<text class="on" x="{at["x"] + 8:.1f}" y="{at["y"] + 18:.1f}">{escape(one.label)}</text>')
            body.append(f'<text class="on" x="{at["x"] + 8:.1f}" y="{at["y"] + 32:.1f}">{_percent(one.change)}</text>')
        body.append("</g>")
    return picture(width, height, label, body)


def _percent(change: float | None) -> str:
    return "" if change is None else f"{change:+.2f}%"
