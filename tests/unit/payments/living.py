"""The six servers over a platform and a monitoring service in this process, whose parts a test may break."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from dari.app import payment_world
from dari.app.payment_world import LivingSystem
from dari.app.runtime import Runtime
from dari.services.payments.ports import KeyValueError, StoreError
from dari.serving.dispatch import Dispatch, Outcome
from dari.settings import resolve
from tests.support import MORNING, StillClock, settings

TOKEN = "operator-of-the-test"
ARMED = {"DARI_REACH": "commit", "DARI_PAYMENTS_OPERATE": "localhost:8082", "DARI_PAYMENTS_OPERATOR_TOKEN": TOKEN}


class System:
    """Servers by name, and the sandbox under them."""

    def __init__(self, runtime: Runtime, living: list[LivingSystem]) -> None:
        self.runtime = runtime
        self._living = living
        self._dispatches: dict[str, Dispatch] = {}

    async def ask(self, server: str, tool: str, **arguments: Any) -> Outcome:
        if server not in self._dispatches:
            self._dispatches[server] = self.runtime.server(server)[1]
        return await self._dispatches[server].call(tool, arguments, self.runtime.caller())

    async def told(self, server: str, tool: str, **arguments: Any) -> Mapping[str, Any]:
        outcome = await self.ask(server, tool, **arguments)
        assert outcome.error is None, (tool, outcome.text)
        return outcome.structured

    @property
    def living(self) -> LivingSystem:
        return self._living[0]

    async def begun(self) -> LivingSystem:
        await self.told("payment-kafka", "list_topics")
        return self.living

    async def pass_time(self, seconds: float) -> None:
        await self.living.sandbox.run(seconds)

    def database_away(self, *, away: bool = True) -> None:
        self.living.sandbox.database.outage = StoreError("OperationalError", "(2003, 'gone')") if away else None

    def redis_away(self, *, away: bool = True) -> None:
        self.living.sandbox.keys.outage = KeyValueError("ConnectionError", "refused") if away else None

    def kafka_away(self, *, away: bool = True) -> None:
        log = self.living.sandbox.log
        log.down = set(log.brokers) if away else set()

    async def checksum(self) -> str:
        """Everything a read could have changed: rows of every table, keys with values, records and offsets."""
        sandbox = self.living.sandbox
        tables = [
            *("payment", "ledger_entry", "ledger_line", "ledger_account", "outbox_event", "idem_response_cache"),
            *("settlement_request", "refund_request", "payment_history", "consumer_inbox", "idempotency_conflict"),
        ]
        rows = {name: await sandbox.database.rows(f"SELECT * FROM {name}") for name in tables}
        names, _ = sandbox.keys.keys("*", 100_000)
        keys = {name: sandbox.keys.peek(name) for name in sorted(names)}
        ends = {name: [len(one.records) for one in topic.partitions] for name, topic in sandbox.log.topics.items()}
        offsets = {name: sorted(map(str, group.committed.items())) for name, group in sandbox.log.groups.items()}
        breakers = {name: one.snapshot() for name, one in sandbox.platform.breakers.items()}
        whole = json.dumps([rows, keys, ends, offsets, breakers], default=str, sort_keys=True)
        return hashlib.sha256(whole.encode()).hexdigest()


@asynccontextmanager
async def system(folder: Path, past: float = 30.0, /, **environment: str) -> AsyncIterator[System]:
    """Begin with `past` seconds of ordinary life; time then stands still unless a test lets it pass."""
    living: list[LivingSystem] = []

    class Seen(LivingSystem):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            living.append(self)

    clock = StillClock(MORNING)
    clock.at = MORNING
    clock.advance(1.0)
    found = resolve(environment=settings(folder, **environment), home=folder)
    with mock.patch.object(payment_world, "LivingSystem", Seen), mock.patch.object(payment_world, "PAST", past):
        async with Runtime(found, simulated=True, seed=3, clock=clock) as runtime:
            yield System(runtime, living)
