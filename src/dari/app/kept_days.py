"""The day store with whoever fills it: what tools read (core.market.Days), and what `dari days` works with."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import date
from typing import Final

from dari.app.parts import Parts
from dari.core.errors import DariError, Hint, InvalidInput, MissingCredential, MissingExtra, UpstreamError
from dari.core.market import MARKETS, ChartSource, DaySource, History
from dari.stores.days import DayStore, published
from dari.stores.filling import Filler, Filling, Progress

WINDOW: Final = 60
"""Trading days that are kept from the first use on."""
AT_ONCE_PARTS: Final = 3 * len(MARKETS)
"""So many missing parts are fetched before an answer: a long weekend. More is a first fill, which takes minutes."""
PUBLISHED_HOUR: Final = 8
"""A day is out at 08:00 of the next trading day (KRX Open API)."""
AGAIN_SECONDS: Final = 600.0
"""How long nobody asks again for a day that was not published, or from a source that failed."""
ON_FIRST_USE: Final = "auto"
NO_KEY: Final = Hint(
    "openapi.krx.co.kr에서 키를 받거나, KIS 일봉으로 채우세요: dari days fill --from kis",
    "Get a key on openapi.krx.co.kr, or fill from KIS's daily charts: dari days fill --from kis",
)


class KeptDays:
    """The days kept on this machine, filled from `source` where there is one."""

    def __init__(
        self,
        parts: Parts,
        source: Callable[[], DaySource] | None,
        origin: str,
        charts: Callable[[], ChartSource] | None = None,
    ) -> None:
        mark = f"-{hashlib.sha256(f'{origin} {parts.seed}'.encode()).hexdigest()[:8]}" if origin else ""
        self.store = DayStore(parts.places.data / f"days{mark}", parts.clock, parts.sealing())
        self.simulated = parts.simulated
        self._clock = parts.clock
        self._source = source
        self._charts = charts
        # a simulated answer is often all its process does: it is not made to wait for sixty days
        self._auto = parts.settings.text("DARI_DAYS_FILL") == ON_FIRST_USE and not parts.simulated
        self._first: asyncio.Task[None] | None = None
        self._not_before = float("-inf")
        self._lacking = ""
        self._reading = asyncio.Lock()
        parts.closing.push_async_callback(self.close)

    def newest(self) -> date:
        """The newest day that is published now."""
        return published(self._clock.now(), PUBLISHED_HOUR)

    @property
    def lacking(self) -> str:
        return self._lacking

    @property
    def filled_by(self) -> str:
        if self._source is None:
            return "KRX_AUTH_KEY"
        return "time" if self._auto else "dari days fill"

    async def history(self, count: int) -> History | None:
        """The newest days that are kept; what was published since is fetched first, a first fill is begun."""
        await self._up_to_date(count)
        async with self._reading:  # the first reading of a day takes most of a second: not in the event loop
            try:
                return await asyncio.to_thread(self.store.history, count)
            except MissingExtra as error:
                self._lacking = error.message
                return None

    async def _up_to_date(self, count: int) -> None:
        """Fetch what is missing where that is little, begin a fill where it is much, and say what is lacking."""
        newest = self.newest()
        missing = self.store.missing(newest, WINDOW)
        self._lacking = ""
        if missing and self._source is not None and self._clock.monotonic() >= self._not_before:
            if len(missing) <= AT_ONCE_PARTS:
                await self._fill(WINDOW)
            elif self._auto and (self._first is None or self._first.done()):
                self._first = asyncio.create_task(self._fill(WINDOW))
        days = len({day for day, _ in self.store.missing(newest, count)})
        if days and self._first is not None and not self._first.done():
            there = len(self.store.days())
            self._lacking = f"the day store is being filled ({there} of {WINDOW} days): ask again in a minute"
        elif days and not self._lacking:
            self._lacking = f"the day store lacks {days} of the {count} days up to {newest}: dari days fill"

    async def _fill(self, days: int) -> None:
        """Fill quietly: an answer does not fail for what it can do without; the gap says what is missing."""
        try:
            async for told in self.fill(days):
                if told.unpublished:
                    self._not_before = self._clock.monotonic() + AGAIN_SECONDS
        except Filling:
            return  # another process is at it
        except UpstreamError as error:
            self._not_before = self._clock.monotonic() + AGAIN_SECONDS
            self._lacking = f"the day store could not be filled: {error.message}"
        except DariError as error:
            self._lacking = f"the day store could not be filled: {error.message}"

    def fill(self, days: int) -> AsyncIterator[Progress]:
        """Fill from the source. Raises Filling and what the source raises; RuntimeError without a source."""
        if self._source is None:
            raise RuntimeError("nobody to fill from")
        return Filler(self.store).from_days(self._source(), self.newest(), days)

    def filling(self, source: str, days: int) -> AsyncIterator[Progress]:
        """Fill as a person asks. Raises InvalidInput, MissingCredential, and what filling raises."""
        if source == "krx":
            if self._source is None:
                raise MissingCredential("there is no KRX_AUTH_KEY to fill from", hint=NO_KEY)
            return self.fill(days)
        if source == "kis" and self._charts is not None:
            return Filler(self.store).from_charts(self._charts(), self.newest(), days)
        raise InvalidInput("days are filled from krx or from kis")

    async def close(self) -> None:
        """Stop a fill that is under way; what was committed stays."""
        if self._first is not None and not self._first.done():
            self._first.cancel()
            with suppress(asyncio.CancelledError):
                await self._first
