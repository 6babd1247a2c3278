"""SQLite in memory on the event loop's own thread: it waits for nothing, and a thread would cost more than the work."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import aiosqlite


class _AtOnce:
    """In the place of aiosqlite's queue to its thread: what is put in is done before `put_nowait` returns."""

    @staticmethod
    def put_nowait(asked: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, function = asked
        try:
            result = function()
        except BaseException as error:
            if future is None:
                raise
            future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class _Connection(aiosqlite.Connection):
    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._tx = _AtOnce()  # type: ignore[assignment]  # of a queue aiosqlite uses nothing else

    def __await__(self) -> Generator[Any, None, aiosqlite.Connection]:
        return self._connect().__await__()  # its thread is never started


def in_this_thread(database: str, **options: Any) -> aiosqlite.Connection:
    """What SQLAlchemy takes as `async_creator_fn`: a connection whose every call is done at once, in order.

    Raises sqlite3.Error. Virtual time then does not depend on how two threads happen to be scheduled.
    """
    return _Connection(partial(sqlite3.connect, database, **options))
