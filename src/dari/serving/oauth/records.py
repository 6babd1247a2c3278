"""What the authorization server keeps: small records by kind and id, in SQLite or another SQL database."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, Connection, Float, Integer, MetaData, String, Table, Text, create_engine, event, text
from sqlalchemy import delete as deleting
from sqlalchemy import insert as inserting
from sqlalchemy import select as selecting
from sqlalchemy import update as updating
from sqlalchemy.exc import IntegrityError

from dari.core.errors import BadSetting
from dari.core.shared_state import PRIVATE_FILE, private_folder

VERSION: Final = 1
"""Of the table's shape; an older file is migrated, a newer one is refused."""

_META: Final = MetaData()
_TABLE: Final = Table(
    "dari_auth",
    _META,
    Column("kind", String(16), primary_key=True),
    Column("id", String(190), primary_key=True),
    Column("parent", String(190), index=True),
    Column("body", Text, nullable=False),
    Column("ends", Float, index=True),
    Column("used", Integer, nullable=False, default=0),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """One record: `parent` is what it belongs to, `ends` when it is over (epoch seconds), `used` whether spent."""

    kind: str
    id: str
    body: Mapping[str, Any]
    parent: str | None = None
    ends: float | None = None
    used: bool = False


class Records:
    """The records. Blocking: called in a thread. Raises what SQLAlchemy raises where the database is lost."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, pool_pre_ping=True)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _sqlite_manners)
        self._ready = False

    @classmethod
    def of(cls, folder: Path, url: str = "") -> Records:
        """Those of a configured database, or of a private file below `folder`."""
        if url:
            return cls(url)
        path = private_folder(folder) / "auth.sqlite"
        path.touch(PRIVATE_FILE)
        return cls(f"sqlite:///{path}")

    @contextmanager
    def _at(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            if not self._ready:
                self._prepare(connection)
                self._ready = True
            yield connection

    def _prepare(self, connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            found = connection.execute(text("PRAGMA user_version")).scalar_one()
            if found > VERSION:
                raise BadSetting(f"auth.sqlite is of version {found}, which is newer than this Dari knows ({VERSION})")
            connection.execute(text(f"PRAGMA user_version = {VERSION}"))
        _META.create_all(connection)

    def get(self, kind: str, id: str) -> Kept | None:  # noqa: A002 -- the column's name
        """The record, also one that is spent or over: who asks judges."""
        row = _TABLE.c
        with self._at() as at:
            found = at.execute(selecting(_TABLE).where(row.kind == kind, row.id == id)).first()
        return None if found is None else _kept(found)

    def find(self, kind: str, *, parent: str | None = None) -> list[Kept]:
        """Every record of a kind, or those that belong to `parent`, by id."""
        asked = selecting(_TABLE).where(_TABLE.c.kind == kind).order_by(_TABLE.c.id)
        if parent is not None:
            asked = asked.where(_TABLE.c.parent == parent)
        with self._at() as at:
            return [_kept(row) for row in at.execute(asked)]

    def put(self, one: Kept) -> None:
        """Keep the record, in place of one of its kind and id."""
        values = _values(one)
        with self._at() as at:
            done = at.execute(_this(one.kind, one.id, updating(_TABLE)).values(**values))
            if not done.rowcount:
                at.execute(inserting(_TABLE).values(**values))

    def add(self, one: Kept) -> bool:
        """Keep a record that is not there yet; False where it is."""
        try:
            with self._at() as at:
                at.execute(inserting(_TABLE).values(**_values(one)))
        except IntegrityError:
            return False
        return True

    def spend(self, kind: str, id: str) -> bool:  # noqa: A002 -- the column's name
        """Mark it used; of several who try, one hears True."""
        with self._at() as at:
            asked = _this(kind, id, updating(_TABLE)).where(_TABLE.c.used == 0).values(used=1)
            return bool(at.execute(asked).rowcount)

    def drop(self, kind: str, id: str) -> bool:  # noqa: A002 -- the column's name
        """Forget it; False where there was none."""
        with self._at() as at:
            return bool(at.execute(_this(kind, id, deleting(_TABLE))).rowcount)

    def sweep(self, now: float) -> int:
        """Forget what is over; returns how many."""
        with self._at() as at:
            return int(at.execute(deleting(_TABLE).where(_TABLE.c.ends < now)).rowcount)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _this(kind: str, id: str, asked: Any) -> Any:  # noqa: A002 -- the column's name
    return asked.where(_TABLE.c.kind == kind, _TABLE.c.id == id)


def _values(one: Kept) -> dict[str, Any]:
    body = json.dumps(dict(one.body), ensure_ascii=False, separators=(",", ":"))
    values = {"kind": one.kind, "id": one.id, "parent": one.parent, "body": body, "ends": one.ends}
    return {**values, "used": int(one.used)}


def _kept(row: Any) -> Kept:
    return Kept(row.kind, row.id, json.loads(row.body), row.parent, row.ends, bool(row.used))


def _sqlite_manners(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")  # readers do not wait for a writer
    connection.execute("PRAGMA busy_timeout=5000")
