"""What one reader of a pushed session has not read yet: nothing lost without a word, nothing out of order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from dari.core.errors import DariError
from dari.core.live import Happening, Overrun, Tick, Topic

KEPT_FOR_A_READER: Final = 20_000
"""Ticks that wait for a slow reader; what comes beyond is dropped and counted."""


class Feed:
    """What one reader has not read yet: an async iterator of ticks and marks, in the order they came."""

    def __init__(self, topics: frozenset[Topic]) -> None:
        self.topics = topics
        self._waiting: deque[Happening] = deque()
        self._lost = 0
        self._error: DariError | None = None
        self._news = asyncio.Event()

    def tell(self, what: Happening) -> None:
        """Keep it for the reader; a tick too many is dropped, and counted where it would have stood."""
        if isinstance(what, Tick) and len(self._waiting) >= KEPT_FOR_A_READER:
            self._lost += 1
        else:
            if self._lost:
                self._waiting.append(Overrun(self._lost))
                self._lost = 0
            self._waiting.append(what)
        self._news.set()

    def end(self, error: DariError) -> None:
        """Nothing more will come; said after what waits."""
        self._error = error
        self._news.set()

    def __aiter__(self) -> AsyncIterator[Happening]:
        return self

    async def __anext__(self) -> Happening:
        while not self._waiting:
            if self._lost:
                lost, self._lost = self._lost, 0
                return Overrun(lost)
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()
