"""The database: SQLite in this process by default, MariaDB by setting, one transaction shape for both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import StaticPool

from dari.services.payments.adapters.same_thread import in_this_thread
from dari.services.payments.ports import StoreConflict, StoreError
from dari.services.payments.tables import metadata, trigger_statements

MEMORY: Final = "sqlite+aiosqlite:///:memory:"
POOL: Final = 20
FRESH: Final = 1.0
"""Seconds a connection is taken to live after it was used."""
LOST_RACES: Final = frozenset({1205, 1213})
"""MariaDB: lock wait timeout, deadlock."""


def _code(error: DBAPIError) -> Any:
    """The server's own number of an error, where the driver gives one first."""
    return next(iter(getattr(error.orig, "args", ())), None)


def _ping_what_rested(engine: AsyncEngine) -> None:
    """Ask a connection whether it lives, unless it has answered a moment ago: `pool_pre_ping` asks every time."""

    @sa.event.listens_for(engine.sync_engine, "checkin")
    def _used(_: Any, record: Any) -> None:
        record.info["used"] = time.monotonic()

    @sa.event.listens_for(engine.sync_engine, "checkout")
    def _wake(connection: Any, record: Any, _: Any) -> None:
        if time.monotonic() - record.info.get("used", float("inf")) < FRESH:
            return
        try:
            alive = engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error:
            alive = False
        if not alive:
            raise sa.exc.DisconnectionError("the connection is gone")


class Database:
    """Transactions over one engine. `outage` (set by the fault injector) makes every one of them fail or hang."""

    def __init__(self, url: str = MEMORY, *, timeout: float = 5.0, pool: int = POOL) -> None:
        self.dialect = sa.make_url(url).get_backend_name()
        self.timeout = timeout
        self.pool = pool
        self.active = 0
        self.pending = 0
        self.outage: StoreError | None = None
        self._lock: asyncio.Lock | None = None
        self._engine = self._make(url)

    def _make(self, url: str) -> AsyncEngine:
        if self.dialect == "sqlite":
            # One connection and a lock: SQLite has one writer anyway, and an in-memory database is its connection.
            how: dict[str, Any] = {"check_same_thread": False}
            if url == MEMORY:
                how["async_creator_fn"] = in_this_thread
            engine = create_async_engine(url, poolclass=StaticPool, connect_args=how)
            self._lock = asyncio.Lock()

            @sa.event.listens_for(engine.sync_engine, "connect")
            def _prepare(connection: Any, _: Any) -> None:
                cursor = connection.cursor()
                for pragma in ("foreign_keys=ON", "synchronous=OFF", "temp_store=MEMORY"):
                    cursor.execute(f"PRAGMA {pragma}")
                cursor.close()

            return engine
        engine = create_async_engine(
            url,
            pool_size=self.pool,
            max_overflow=0,
            # `transaction` has committed or rolled back by then; one more ROLLBACK would be one more round trip.
            pool_reset_on_return=None,
            pool_timeout=self.timeout,
            isolation_level="READ COMMITTED",
            connect_args={"connect_timeout": 2, "init_command": "SET time_zone = '+00:00'"},
        )
        _ping_what_rested(engine)
        return engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end, rolled back on any error. Raises StoreError."""
        if self.outage is not None:
            raise self.outage
        self.pending += 1
        waiting = True
        try:
            # Neither driver gives up by itself on a server that hangs.
            limit = self.timeout if self._lock is None else None
            async with asyncio.timeout(limit), self._lock or nullcontext(), self._engine.begin() as connection:
                self.pending -= 1
                waiting = False
                self.active += 1
                yield connection
        except DBAPIError as error:
            lost = isinstance(error, IntegrityError) or _code(error) in LOST_RACES
            kind = StoreConflict if lost else StoreError
            raise kind(type(error.orig or error).__name__, str(error.orig)[:200]) from error
        except (TimeoutError, OSError, sa.exc.SQLAlchemyError) as error:
            raise StoreError(type(error).__name__, str(error)[:200]) from error
        finally:
            if waiting:
                self.pending -= 1
            else:
                self.active -= 1

    @asynccontextmanager
    async def bare(self) -> AsyncIterator[AsyncConnection]:
        """One connection where each statement stands by itself, for what no transaction may hold."""
        async with self._lock or nullcontext(), self._engine.connect() as connection:
            yield await connection.execution_options(isolation_level="AUTOCOMMIT")

    async def create(self) -> None:
        """Make the tables and the append-only triggers where they are missing."""
        async with self.transaction() as connection:
            await connection.run_sync(metadata.create_all)
            await self.run(connection, trigger_statements(self.dialect))

    async def rows(self, statement: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of one SELECT, as they are in the table."""
        async with self.transaction() as connection:
            result = await connection.execute(sa.text(statement), parameters or {})
            return [dict(row) for row in result.mappings()]

    async def do(self, statement: str, parameters: dict[str, Any] | None = None) -> int:
        """Run one statement that changes rows: how many."""
        async with self.transaction() as connection:
            return int((await connection.execute(sa.text(statement), parameters or {})).rowcount)

    async def read_only(self, statement: str, parameters: dict[str, Any], limit: int) -> list[dict[str, Any]]:
        """As `rows`, at most `limit` of them, where SQLite itself refuses to write (MariaDB has users for that)."""
        async with self.transaction() as connection:
            await connection.exec_driver_sql("PRAGMA query_only=ON")
            try:
                result = await connection.execute(sa.text(statement), parameters)
                return [dict(row) for row in result.mappings().fetchmany(limit)]
            finally:
                await connection.exec_driver_sql("PRAGMA query_only=OFF")

    @staticmethod
    async def run(connection: AsyncConnection, statements: Sequence[str]) -> None:
        """Run plain statements in order."""
        for statement in statements:
            await connection.exec_driver_sql(statement)

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
