"""The payment platform as it is run for load: API and workers as processes of their own, on a private stack."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from dari.core.clock import SystemClock
from dari.services.monitoring.adapters.connect import Addresses, connect
from dari.services.monitoring.monitor import Monitor
from dari.services.payments.adapters.sql import Database
from dari.services.stack.adapters.doors import free_ports
from dari.services.stack.stack import Stack
from scripts.provision import JARS

ROLES: Final = {"api": "platform", "workers": "monitoring"}
"""Each role's port, by the name the stack keeps it under."""
WAITING: Final = (
    "SELECT (SELECT COUNT(*) FROM outbox_event WHERE published = 0) AS a,"
    " (SELECT COUNT(*) FROM payment WHERE status IN ('CAPTURE_REQUESTED', 'REFUND_REQUESTED')) AS b,"
    " (SELECT COUNT(*) FROM outbox_event WHERE event_type IN ('PAYMENT_CAPTURED', 'PAYMENT_REFUNDED'))"
    " - (SELECT COUNT(*) FROM ledger_entry) AS c"
)


class Running:
    """A stack and the two processes of the platform; `start` and `kill` are by role."""

    def __init__(self, stack: Stack, home: str) -> None:
        self.stack = stack
        self.port = stack.ports["platform"]
        self._places = {
            **os.environ,
            **stack.addresses(),
            "DARI_HOME": home,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        self._programs: dict[str, Process] = {}

    async def start(self, role: str) -> None:
        command = ["-m", "dari", "service", "payments", "--role", role, "--port", str(self.stack.ports[ROLES[role]])]
        made = await asyncio.create_subprocess_exec(sys.executable, *command, env=self._places, stdout=PIPE)
        self._programs[role] = made
        assert made.stdout is not None
        assert await made.stdout.readline(), f"{role} did not start"

    async def end(self, role: str, *, hard: bool = False) -> None:
        made = self._programs.pop(role, None)
        if made is not None and made.returncode is None:
            (made.kill if hard else made.terminate)()
            await made.wait()

    @asynccontextmanager
    async def monitoring(self) -> AsyncIterator[str]:
        """The monitoring service as a process of its own; its address."""
        workers = {"DARI_PAYMENTS_WORKERS": f"http://127.0.0.1:{self.stack.ports[ROLES['workers']]}"}
        port = free_ports(1)[0]
        command = ["-m", "dari", "service", "monitoring", "--port", str(port)]
        places = {**self._places, **workers, "DARI_PAYMENTS_DB_URL": self.stack.reading_url}
        made = await asyncio.create_subprocess_exec(sys.executable, *command, env=places, stdout=PIPE)
        assert made.stdout is not None
        assert await made.stdout.readline(), "monitoring did not start"
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            made.terminate()
            await made.wait()

    def monitor(self, deadline: float = 30.0) -> tuple[Monitor, Callable[[], Awaitable[None]]]:
        """A monitor of it all, with the read-only user; and what closes it."""
        where = self.stack.addresses()
        workers = f"http://127.0.0.1:{self.stack.ports[ROLES['workers']]}"
        parts = Addresses(
            platform=where["DARI_PAYMENTS_URL"],
            database=self.stack.reading_url,
            redis=where["DARI_PAYMENTS_REDIS_URL"],
            kafka=where["DARI_PAYMENTS_KAFKA_BOOTSTRAP"],
            instances={"workers": workers},
            deadline=deadline,
        )
        ports, close = connect(parts, SystemClock())
        return Monitor(ports, SystemClock()), close

    async def drained(self, longest: float = 600.0) -> float:
        """Seconds until nothing waits any more: events unpublished, captures and refunds on their way; inf: never."""
        loop = asyncio.get_running_loop()
        database, start = Database(self.stack.addresses()["DARI_PAYMENTS_DB_URL"], timeout=30), loop.time()
        try:
            while loop.time() - start < longest:
                if not any((await database.rows(WAITING))[0].values()):
                    return loop.time() - start
                await asyncio.sleep(0.5)
        finally:
            await database.close()
        return float("inf")


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    """Everything up while the block runs, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="dari-prove-") as home:
        stack = Stack(Path(home) / "stack", JARS)
        await asyncio.to_thread(stack.up, ["mariadb", "redis", "kafka"])
        here = Running(stack, home)
        try:
            for role in ROLES:
                await here.start(role)
            yield here
        finally:
            for role in ROLES:
                await here.end(role)
            await asyncio.to_thread(stack.down)
