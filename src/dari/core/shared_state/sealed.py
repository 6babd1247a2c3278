"""Shared state that keeps what an upstream has told (replies, lists, grants) sealed; our own counts lie open."""

from __future__ import annotations

import base64
import json
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from dari.core.errors import BadSetting
from dari.core.sealing import Sealing
from dari.core.shared_state import SharedState

REPLIES: Final = ("reply ", "last ")
OPEN: Final = ("grant refused ", "counts ", "live ", "spent ", "cancel ", "job ")
"""Names of what is our own: waits, counts, who holds a session, quotas, works. Whatever else is kept is sealed."""
SEALED: Final = "sealed"


class SealedState:
    """A SharedState around a SharedState.

    What is not sealed is older than the key, and forgotten. A reply that another key has sealed raises BadSetting;
    all else of another key (a grant, a day's list) is taken for none: it is asked for again.
    """

    def __init__(self, inner: SharedState, sealing: Sealing) -> None:
        self._inner = inner
        self._sealing = sealing

    async def get(self, name: str) -> dict[str, Any] | None:
        kept = await self._inner.get(name)
        if kept is None or name.startswith(OPEN):
            return kept
        if SEALED not in kept:
            await self._inner.drop(name)
            return None
        try:
            plain = self._sealing.opened(base64.b64decode(kept[SEALED]), name)
        except BadSetting:
            if name.startswith(REPLIES):
                raise
            return None
        value: dict[str, Any] = json.loads(plain)
        return value

    async def put(
        self, name: str, value: dict[str, Any], *, seconds: float | None = None, durable: bool = False
    ) -> None:
        if not name.startswith(OPEN):
            plain = json.dumps(value, ensure_ascii=False).encode()
            value = {SEALED: base64.b64encode(self._sealing.sealed(plain, name)).decode("ascii")}
        await self._inner.put(name, value, seconds=seconds, durable=durable)

    async def drop(self, name: str) -> None:
        await self._inner.drop(name)

    async def drop_matching(self, pattern: str) -> int:
        return await self._inner.drop_matching(pattern)

    async def names(self, pattern: str = "*") -> dict[str, float | None]:
        return await self._inner.names(pattern)

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        return self._inner.lock(name)
