"""Many rows in one statement, spelled once per table: SQLAlchemy works it out anew for every row of every batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

PARAMETERS: Final = 20_000
"""Values in one statement: SQLite takes 32,766, MariaDB a packet of 16 MB."""
Bind = Callable[[Any], Any] | None


@lru_cache(maxsize=128)
def _spelled(dialect: sa.Dialect, table: sa.Table, names: tuple[str, ...]) -> tuple[str, str, list[tuple[str, Bind]]]:
    """Words before the rows, the words of one row, and its values' names in order with what prepares them."""
    made = table.insert().inline().compile(dialect=dialect, column_keys=list(names))
    head, values, row = str(made).partition(" VALUES ")
    order = made.positiontup or []
    binds: list[tuple[str, Bind]] = [
        (name, table.c[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in order
    ]
    return head + values, row, binds


async def insert(
    connection: AsyncConnection,
    table: sa.Table,
    rows: Sequence[Mapping[str, Any]],
    returning: Sequence[str] = (),
) -> list[Any]:
    """Insert `rows` (all with the same columns); the `returning` columns of each, in no promised order."""
    if not rows:
        return []
    head, one, binds = _spelled(connection.dialect, table, tuple(rows[0]))
    tail = f" RETURNING {', '.join(returning)}" if returning else ""
    most, found = PARAMETERS // len(binds), list[Any]()
    for at in range(0, len(rows), most):
        part = rows[at : at + most]
        values = tuple(row[name] if prepare is None else prepare(row[name]) for row in part for name, prepare in binds)
        said = await connection.exec_driver_sql(head + ", ".join([one] * len(part)) + tail, values)
        if returning:
            found += said.all()
    return found


async def update_alike(
    connection: AsyncConnection, table: sa.Table, rows: Sequence[Mapping[str, Any]], *, own: str
) -> None:
    """Write rows known by `id`: those that differ in nothing but the text in `own` are one statement."""
    alike: dict[tuple[Any, ...], dict[int, str | None]] = {}
    for row in rows:
        same = tuple((name, value) for name, value in row.items() if name not in {"id", own})
        alike.setdefault(same, {})[row["id"]] = row[own]
    mark = "%s" if connection.dialect.paramstyle == "format" else "?"
    for same, texts in alike.items():
        known = {at: text for at, text in texts.items() if text is not None}
        cases = f" CASE id {' '.join([f'WHEN {mark} THEN {mark}'] * len(known))} END" if known else " NULL"
        told = ", ".join(f"{name} = {mark}" for name, _ in same)
        rest = ", ".join([mark] * len(texts))
        values = [_prepared(connection.dialect, table.c[name], value) for name, value in same]
        values += [word for pair in known.items() for word in pair]
        statement = f"UPDATE {table.name} SET {told}, {own} ={cases} WHERE id IN ({rest})"  # noqa: S608 — names of ours
        await connection.exec_driver_sql(statement, (*values, *texts))


def _prepared(dialect: sa.Dialect, column: sa.Column[Any], value: Any) -> Any:
    prepare = column.type.dialect_impl(dialect).bind_processor(dialect)
    return value if prepare is None else prepare(value)
