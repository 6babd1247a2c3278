"""For people who write programs: `from dari.kis import KisClient`, any reading endpoint of KIS by its id.

Keys, cache, pacing, retry and provenance are those of the servers: this is a door, like the others. Orders are not
asked here: they go by plan → apply.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.core.clock import Clock
from dari.core.endpoint import Effect
from dari.core.errors import NotAllowed
from dari.core.exchange import Reply

__all__ = ["KisClient"]

PAGES = 10
"""Pages asked at most, unless told otherwise."""


class KisClient:
    """KIS, asked in Python: `async with KisClient() as kis: reply = await kis.ask("domestic_stock.inquire_price", …)`.

    Keys come from the settings. Keyword arguments are settings by their names (`DARI_KIS_URL="http://…"`);
    `simulated` asks the simulator in this process.
    """

    def __init__(self, *, simulated: bool = False, clock: Clock | None = None, **settings: object) -> None:
        self._runtime = Runtime(
            settings_of({name: str(value) for name, value in settings.items()}), simulated=simulated, clock=clock
        )

    async def __aenter__(self) -> Self:
        await self._runtime.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runtime.__aexit__()

    async def ask(
        self, endpoint: str, parameters: Mapping[str, str], *, mode: str | None = None, cursor: str | None = None
    ) -> Reply:
        """One page. Raises a DariError (`dari.core.errors`); NotAllowed for an order."""
        client = self._runtime.client_of("kis")
        if client.spec.endpoint(endpoint).effect is Effect.COMMIT:
            raise NotAllowed(f"{endpoint} places or changes an order: orders go by plan → apply")
        return await client.asking().ask(endpoint, parameters, mode=mode, cursor=cursor)

    async def pages(
        self, endpoint: str, parameters: Mapping[str, str], *, mode: str | None = None, limit: int = PAGES
    ) -> AsyncIterator[Reply]:
        """Page after page, as long as KIS says that more follows, `limit` at most."""
        cursor: str | None = None
        for _ in range(limit):
            reply = await self.ask(endpoint, parameters, mode=mode, cursor=cursor)
            yield reply
            cursor = reply.cursor
            if cursor is None:
                return

    @staticmethod
    def rows(reply: Reply, fields: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
        """The rows of a reply under other names: `fields` maps block → upstream name → name. Values stay text."""
        found = []
        for block, names in fields.items():
            rows = reply.body.get(block, reply.body.get(block.lower(), ())) if block else reply.body
            for row in [rows] if isinstance(rows, Mapping) else rows:
                known = {name.lower(): value for name, value in row.items()}
                found.append({name: known.get(upstream.lower()) for upstream, name in names.items()})
        return found
