"""The right to something a key has once, held by one process at a time: another one learns who holds it."""

from __future__ import annotations

import os
import platform
import secrets

from dari.core.clock import Clock
from dari.core.errors import Hint, NotAllowed
from dari.core.shared_state import SharedState


def holder_name() -> str:
    """Who we are, for whoever finds our lease: another process, or another client of this one."""
    return f"process {os.getpid()} on {platform.node() or 'this machine'} ({secrets.token_hex(2)})"


class Lease:
    """The right to the one session of a key, held in shared state and renewed while it is used."""

    def __init__(self, name: str, state: SharedState, clock: Clock, *, seconds: float, holder: str) -> None:
        self._name = f"live {name}"
        self._state = state
        self._clock = clock
        self._seconds = seconds
        self._holder = holder

    async def take(self) -> None:
        """Take or renew it. Raises NotAllowed naming who holds it."""
        async with self._state.lock(self._name):
            held = await self._state.get(self._name)
            if held is not None and held["holder"] != self._holder:
                raise NotAllowed(
                    f"the one realtime session of this key is held by {held['holder']} since {held['since']}",
                    hint=Hint(
                        "그 프로세스의 실시간 조회가 끝난 뒤 다시 시도하세요 (앱키마다 세션은 하나입니다).",
                        "Try again when that process has finished: a key has one session.",
                    ),
                    details={"holder": held["holder"], "since": held["since"]},
                )
            since = held["since"] if held else self._clock.now().isoformat(timespec="seconds")
            value = {"holder": self._holder, "since": since}
            await self._state.put(self._name, value, seconds=self._seconds)

    async def drop(self) -> None:
        """Give it back, if it is ours."""
        async with self._state.lock(self._name):
            held = await self._state.get(self._name)
            if held is not None and held["holder"] == self._holder:
                await self._state.drop(self._name)
