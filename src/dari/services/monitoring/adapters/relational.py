"""The payment database through SQLAlchemy, read-only, each statement with a deadline that holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from dari.core.clock import Clock
from dari.services.monitoring.ports import ProbeFailed, Row
from dari.services.monitoring.probes.snapshot import moment

ROWS: Final = 100_000
_OPENINGS: Final = ("SELECT", "WITH")


class RelationalDatabase:
    """MariaDB (`mysql+aiomysql://…`) or SQLite (`sqlite+aiosqlite://…`). Use a user that may only SELECT."""

    def __init__(self, url: str, clock: Clock, *, deadline: float = 1.0, pool: int = 4) -> None:
        self._clock = clock
        self._deadline = deadline
        self._sqlite = url.startswith("sqlite")
        # autocommit: a pooled REPEATABLE READ transaction would show yesterday's rows for ever.
        options: dict[str, Any] = {"pool_pre_ping": False, "isolation_level": "AUTOCOMMIT"}
        if not self._sqlite:
            options |= {
                "pool_size": pool,
                "max_overflow": 0,
                "pool_recycle": 600,
                "connect_args": {"connect_timeout": 1},
            }
        self._engine: AsyncEngine = create_async_engine(url, **options)

    async def select(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of one SELECT. Raises ProbeFailed with the driver's error class, `Timeout` when nothing comes."""
        if not statement.lstrip().upper().startswith(_OPENINGS) or ";" in statement:
            raise ProbeFailed("database", "NotAllowed", "one SELECT, nothing else")
        try:
            return await asyncio.wait_for(self._rows(statement, dict(parameters or {})), self._deadline)
        except TimeoutError as error:
            raise ProbeFailed("database", "Timeout", f"no answer within {self._deadline} s") from error
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise ProbeFailed("database", type(cause).__name__, str(cause)) from error
        except OSError as error:
            raise ProbeFailed("database", type(error).__name__, str(error)) from error

    async def _rows(self, statement: str, parameters: dict[str, Any]) -> list[Row]:
        async with self._engine.connect() as connection:
            if not self._sqlite:
                # The server gives up too, where the client's patience cannot reach it.
                await connection.execute(
                    text(f"SET SESSION max_statement_time = {self._deadline:.3f}, time_zone = '+00:00'")
                )
                await connection.execute(text("SET SESSION TRANSACTION READ ONLY"))
            result = await connection.execute(text(statement), parameters)
            return [dict(row) for row in result.mappings().fetchmany(ROWS)]

    async def now(self) -> datetime:
        """The server's own clock; SQLite has none but the machine's. Raises ProbeFailed."""
        if self._sqlite:
            await self.select("SELECT 1 AS one")
            return self._clock.now()
        rows = await self.select("SELECT UTC_TIMESTAMP(3) AS at")
        found = moment(rows[0]["at"])
        if found is None:
            raise ProbeFailed("database", "Malformed", "no time")
        return found

    async def close(self) -> None:
        """Let go of the connections."""
        await self._engine.dispose()
