"""A tool's answer in a terminal: its tables with wide letters in line, and ticks where it is a series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

COLUMNS: Final = 9
"""As many as one reads beside each other; --json has them all."""
TICKS: Final = "▁▂▃▄▅▆▇█"
WIDEST: Final = 60
BETWEEN: Final = 3
"""What stands between two columns."""
TIMES: Final = ("date", "day", "at", "time", "month", "year")
SERIES: Final = ("close", "price", "value", "unpublished", "waiting", "rows", "count")
"""Columns that tell when a row was, and those that are drawn, the first that is there."""
ASIDE: Final = frozenset({"provenance", "gaps", "simulated", "columns"})
SCALAR: Final = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of an answer: where it stood, its columns and rows."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def grids(told: Mapping[str, Any]) -> list[Grid]:
    """The tables of an answer: `columns` with `rows`, and every list of objects at its top."""
    found = []
    columns = told.get("columns")
    for name, value in told.items():
        if name in ASIDE or not isinstance(value, list) or not value:
            continue
        if name == "rows" and columns and all(isinstance(row, list) for row in value):
            found.append(Grid(name, tuple(map(str, columns)), tuple(map(tuple, value))))
        elif all(isinstance(row, Mapping) for row in value):
            names = tuple(dict.fromkeys(str(key) for row in value for key in row))
            found.append(Grid(name, names, tuple(tuple(row.get(key) for key in names) for row in value)))
    return [one for grid in found if (one := _readable(grid)).columns]


def _readable(grid: Grid) -> Grid:
    """Without the columns no cell can show (objects, lists), and those that are empty in every row."""
    kept = [
        place
        for place in range(len(grid.columns))
        if all(isinstance(row[place], SCALAR) for row in grid.rows)
        and any(row[place] not in (None, "") for row in grid.rows)
    ]
    return Grid(
        grid.name,
        tuple(grid.columns[place] for place in kept),
        tuple(tuple(row[place] for place in kept) for row in grid.rows),
    )


def _fitting(grid: Grid, width: int) -> int:
    """How many columns stand beside each other without a fold; one at least."""
    left, most = width - 1, min(COLUMNS, len(grid.columns))
    for place, name in enumerate(grid.columns[:most]):
        left -= max(cell_len(one) for one in (name, *(_cell(row[place]) for row in grid.rows))) + BETWEEN
        if left < 0:
            return max(place, 1)
    return most


def sparkline(values: Sequence[float | None], most: int = WIDEST) -> str:
    """The newest `most` values as ticks, oldest first; a space where there is none."""
    last = values[-most:]
    known = [one for one in last if one is not None]
    if not known:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1.0
    top = len(TICKS) - 1
    return "".join(" " if one is None else TICKS[round((one - low) / span * top)] for one in last)


def series(grid: Grid, most: int = WIDEST) -> str:
    """`close ▂▄█ 66,100 ~ 74,000 (20260601 → 20261120)`; "" where rows are no series."""
    times = [place for place, name in enumerate(grid.columns) if name in TIMES]
    named = [name for name in SERIES if name in grid.columns]
    if not times or not named or len(grid.rows) < 2:  # noqa: PLR2004 -- a line has two ends
        return ""
    drawn = grid.columns.index(named[0])
    rows = sorted(grid.rows, key=lambda row: [str(row[place]) for place in times])[-most:]
    values = [row[drawn] if _is_number(row[drawn]) else None for row in rows]
    known = [one for one in values if one is not None]
    if not known:
        return ""
    first, last = (" ".join(str(row[place]) for place in times) for row in (rows[0], rows[-1]))
    return f"{named[0]} {sparkline(values)} {_cell(min(known))} ~ {_cell(max(known))} ({first} → {last})"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if _is_number(value) else str(value)


def _styled(name: str, value: Any) -> Text:
    """A Korean board: up is red, down is blue, and the sign stands in the change itself."""
    moves = "change" in name and _is_number(value)
    return Text(_cell(value), style="red" if moves and value > 0 else "blue" if moves and value < 0 else "")


def drawn(grid: Grid, width: int) -> Iterator[RenderableType]:
    """The table, and below it the line of a series and how many columns had no room."""
    columns = grid.columns[: _fitting(grid, width)]
    table = Table(title=Text(grid.name, style="bold"), title_justify="left")
    for place, name in enumerate(columns):
        right = all(_is_number(row[place]) or row[place] is None for row in grid.rows)
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in grid.rows:
        table.add_row(*(_styled(name, value) for name, value in zip(columns, row, strict=False)))
    yield table
    if ticks := series(grid, min(WIDEST, max(8, width - 50))):
        yield Text(ticks)
    if more := len(grid.columns) - len(columns):
        yield Text(f"+{more} columns: --json", style="dim")


def answer(told: Mapping[str, Any], text: str, width: int) -> RenderableType:
    """The answer for a person at a terminal; its text as it is where it holds no table."""
    found = grids(told)
    if not found or "code" in told:
        return Text(text)
    return Group(*_lines(told, found, width))


def _lines(told: Mapping[str, Any], found: Sequence[Grid], width: int) -> Iterator[RenderableType]:
    if told.get("simulated"):
        yield Text("[모의 데이터 simulated: 실제 값이 아닙니다]", style="bold yellow")
    facts = {name: value for name, value in told.items() if name not in ASIDE and isinstance(value, SCALAR)}
    if facts:
        yield Text(" · ".join(f"{name} {_cell(value)}" for name, value in facts.items()))
    for name, value in told.items():
        if isinstance(value, Mapping) and value and all(isinstance(one, SCALAR) for one in value.values()):
            yield Text(f"{name}: " + " · ".join(f"{key} {_cell(one)}" for key, one in value.items()))
    for grid in found:
        yield from drawn(grid, width)
    for gap in told.get("gaps") or ():
        yield Text(f"– {gap.get('field', '')}: {gap.get('reason', '')}", style="dim")
    sources = dict.fromkeys(f"{one.get('provider', '')} {one.get('endpoint', '')}" for one in told["provenance"]
                            ) if told.get("provenance") else {}  # fmt: skip
    if sources:
        yield Text(f"← {', '.join(sources)}", style="dim")


def show(told: Mapping[str, Any], text: str, console: Console | None = None) -> bool:
    """Show an answer, if there is a terminal to show it on; NO_COLOR is heard. Whether it was shown."""
    console = console or Console()
    if not console.is_terminal:
        return False
    console.print(answer(told, text, console.width))
    return True
