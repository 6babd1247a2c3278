"""Group commit: requests that arrive while a transaction runs share the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
LIMIT: Final = 500


class Batch(Generic[T, R]):
    """Collects items and hands them to `run` in order, at most `limit` at once; `run` answers each in its place.

    An answer that is an exception is raised to its submitter; an exception of `run` itself, to all of the batch.
    """

    def __init__(
        self,
        run: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        limit: int = LIMIT,
        *,
        gather: float = 0.0,
    ) -> None:
        self._run = run
        self._limit = limit
        self._gather = gather
        """Seconds from the begin of one batch to the next one's: who comes alone does not wait."""
        self._begun = float("-inf")
        self._queue: deque[tuple[T, asyncio.Future[R]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, item: T) -> R:
        """The answer to `item`."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._queue.append((item, future))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._drain())
        return await future

    async def _wait(self) -> None:
        now = asyncio.get_running_loop().time()
        if (left := self._begun + self._gather - now) > 0:
            await asyncio.sleep(left)
        self._begun = now + max(0.0, left)

    async def _drain(self) -> None:
        while self._queue:
            if self._gather:
                await self._wait()
            taken = [self._queue.popleft() for _ in range(min(self._limit, len(self._queue)))]
            try:
                answers = await self._run([item for item, _ in taken])
            except Exception as error:  # noqa: BLE001 — it is told to everybody who waits for it
                answers = [error] * len(taken)
            for (_, future), answer in zip(taken, answers, strict=True):
                if future.done():
                    continue
                if isinstance(answer, Exception):
                    future.set_exception(answer)
                else:
                    future.set_result(answer)
