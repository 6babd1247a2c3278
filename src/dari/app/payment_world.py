"""A payment platform and its monitoring service in this process, in virtual time, for `--simulated`."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from dari.core.clock import Clock
from dari.services.monitoring.adapters.in_process import ports_of
from dari.services.monitoring.adapters.operator_hands import hands_of, operator_client, runners_of
from dari.services.monitoring.api.shared import Service
from dari.services.monitoring.app import create_app
from dari.services.monitoring.monitor import Monitor
from dari.services.monitoring.operating import Operator
from dari.services.payments.sandbox import Sandbox

PAST: Final = 60.0
"""Seconds of ordinary life before the first question."""
RATE: Final = 1.0
LOOK: Final = 5.0
LONGEST: Final = 20.0
"""Seconds of its life that one question waits for; a system that nobody asked stood still meanwhile."""
PLATFORM: Final = "http://platform"


class LivingSystem:
    """An ASGI app that begins to live with the first question and lives on as long as time passes between them."""

    def __init__(self, clock: Clock, seed: int, operator_token: str = "") -> None:
        self._clock = clock
        self._token = operator_token
        self.sandbox = Sandbox(seed, start=clock.now() - timedelta(seconds=PAST))
        self.monitor: Monitor | None = None
        self.results: Path | None = None
        self._app: Any = None
        self._seen = 0.0
        self._lock = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async with self._lock:
            if self._app is None:
                await self._begin()
                self._seen = self._clock.monotonic()
            elif (passed := self._clock.monotonic() - self._seen) >= 1.0:
                await self.sandbox.run(min(passed, LONGEST))
                self._seen = self._clock.monotonic()
        await self._app(scope, receive, send)

    async def _begin(self) -> None:
        sandbox = await self._stack.enter_async_context(self.sandbox)
        platform = sandbox.app()
        ports = ports_of(platform, PLATFORM)
        self.monitor = monitor = Monitor(ports, sandbox.world_clock)

        async def look() -> None:
            await monitor.sample()

        sandbox.schedule.every(LOOK, look, "monitor")
        sandbox.traffic(RATE, refunds=0.1)
        await sandbox.run(PAST)
        client = operator_client(PLATFORM, app=platform)
        self._stack.push_async_callback(client.aclose)
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="dari-payments-")))
        self.results = folder
        operator = Operator(
            token=self._token, platform=hands_of(client), runners=runners_of(None, client), targets=(PLATFORM,)
        )
        service = Service(monitor=monitor, results=folder, operator=operator if self._token else None, sandbox=True)
        self._app = create_app(service, beat=False)

    async def close(self) -> None:
        """End its life."""
        await self._stack.aclose()
