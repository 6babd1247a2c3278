"""The `sim` profile: one platform in this process, in virtual time, from one seed; the same seed is the same run."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from fastapi import FastAPI

from dari.core.clock import KST, Clock
from dari.services.payments.adapters.sql import MEMORY, Database
from dari.services.payments.api import create_app
from dari.services.payments.assembly import PaymentPlatform
from dari.services.payments.gateway import GatewayConfig, RuleGateway
from dari.services.payments.memory_keys import MemoryKeys
from dari.services.payments.memory_log import MemoryLog
from dari.services.payments.names import CONSUMER_GROUP, REFUND_GROUP, SETTLEMENT_GROUP
from dari.services.payments.probe import create_probe
from dari.services.payments.replies import AuthorizeRequest, RefundRequest, Reply
from dari.services.payments.settings import PlatformSettings
from dari.services.payments.virtual import Schedule, SkewedClock, VirtualClock

START: Final = datetime(2026, 3, 2, 10, 0, tzinfo=KST)
GROUPS: Final = (CONSUMER_GROUP, SETTLEMENT_GROUP, REFUND_GROUP)
SIM: Final = PlatformSettings(poll_interval=1.0, consume_interval=1.0, work_interval=1.0)
"""Calmer than a deployment: an empty poll costs real time."""
TICK: Final = 1.0
"""Seconds of traffic that arrive at once."""

RECENT, REPEATED = 200, 0.02
"""Two requests of a hundred are sent again, among the last two hundred."""


class Sandbox:
    """`async with Sandbox(seed)`: the platform's programs run while `run(seconds)` lets virtual time pass."""

    def __init__(
        self,
        seed: int = 0,
        *,
        settings: PlatformSettings | None = None,
        gateway: GatewayConfig | None = None,
        start: datetime = START,
        database_url: str = MEMORY,
        keys: Callable[[Clock], MemoryKeys] = MemoryKeys,
        log: Callable[[Clock], MemoryLog] = MemoryLog,
    ) -> None:
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311 — a replayable run, not a secret
        self.world_clock = VirtualClock(start)
        self.app_clock = SkewedClock(self.world_clock)
        self.schedule = Schedule(self.world_clock)
        self.database = Database(database_url)
        self.keys = keys(self.world_clock)
        self.log = log(self.world_clock)
        self.gateway = RuleGateway(seed, gateway)
        self.platform = PaymentPlatform(
            settings=settings or SIM,
            clock=self.app_clock,
            database=self.database,
            keys=self.keys,
            log=self.log,
            gateway=self.gateway,
        )
        self.answers: Counter[tuple[str, int]] = Counter()
        self._number = 0

    async def __aenter__(self) -> Self:
        await self.database.create()
        for program in self.platform.programs():
            self.schedule.every(program.interval, program.step, program.name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.platform.close()

    def app(self) -> FastAPI:
        """The platform's HTTP face, with `/__probe__` for its in-process parts."""
        app = create_app(self.platform)
        app.mount("/__probe__", create_probe(self.database, self.keys, self.log, self.world_clock))
        return app

    async def run(self, seconds: float) -> None:
        """Let virtual time pass."""
        await self.schedule.run(seconds)

    async def authorize(self, merchant: str, amount: int, key: str | None = None, currency: str = "KRW") -> Reply:
        """One payment; a key of its own unless one is given."""
        name = key or self._key()
        request = AuthorizeRequest(merchantId=merchant, amount=amount, currency=currency, idempotencyKey=name)
        reply = await self.platform.ingest.authorize(request)
        self.answers["authorize", reply.status] += 1
        return reply

    def _key(self) -> str:
        self._number += 1
        return f"s{self.seed}-{self._number}"

    async def refund(self, payment_id: int, merchant: str, reason: str = "customer request") -> Reply:
        """Ask for a refund."""
        reply = await self.platform.ingest.refund(payment_id, RefundRequest(merchantId=merchant, reason=reason))
        self.answers["refund", reply.status] += 1
        return reply

    def merchant(self, merchants: int = 20) -> str:
        """A merchant by the run's own dice."""
        return f"MERCHANT-{self.random.randint(1, merchants)}"

    def traffic(self, rate: float, *, merchants: int = 20, refunds: float = 0.0, name: str = "traffic") -> None:
        """From now on `rate` payments a second, by the run's own dice; a share of them is refunded later."""
        pause = TICK
        owed = 0.0
        sent: deque[tuple[str, int, str]] = deque(maxlen=RECENT)

        async def step() -> None:
            nonlocal owed
            owed += rate * pause
            count, owed = int(owed), owed - int(owed)
            # The amount is the k6 script's: 1,000 to 50,000 won in thousands.
            orders = [(self.merchant(merchants), 1000 * self.random.randint(1, 50), self._key()) for _ in range(count)]
            again = [self.random.choice(sent) for _ in orders if sent and self.random.random() < REPEATED]
            replies = await asyncio.gather(*(self.authorize(*order) for order in orders))
            # Some clients did not hear the answer and ask once more.
            await asyncio.gather(*(self.authorize(*order) for order in again))
            sent.extend(orders)
            for (merchant, _, _), reply in zip(orders, replies, strict=True):
                if reply.status == 200 and self.random.random() < refunds:  # noqa: PLR2004 — HTTP
                    self._refund_later(json.loads(reply.body)["paymentId"], merchant)

        self.schedule.every(pause, step, name)

    def _refund_later(self, payment_id: int, merchant: str) -> None:
        async def step() -> None:
            await self.refund(payment_id, merchant)

        self.schedule.once(10 + 20 * self.random.random(), step, "refund")

    async def settle(self, longest: float = 900.0) -> bool:
        """Let time pass until nothing is under way any more; False if that took longer than `longest` seconds."""
        passed = 0.0
        while passed < longest:
            await self.run(5.0)
            passed += 5.0
            if await self.quiet():
                return True
        return False

    async def quiet(self) -> bool:
        """Nothing unpublished, no lag, no request open or waiting for its next try."""
        limit = self.platform.settings.retry_limit
        open_request = f"status = 'PENDING' OR (status = 'FAILED' AND retry_count < {limit})"
        found = await self.database.rows(
            "SELECT (SELECT COUNT(*) FROM outbox_event WHERE published = 0) AS unpublished,"  # noqa: S608 — an own number
            f" (SELECT COUNT(*) FROM settlement_request WHERE {open_request}) AS settling,"
            f" (SELECT COUNT(*) FROM refund_request WHERE {open_request}) AS refunding",
        )
        return not any(found[0].values()) and not any(self.log.lag(group) for group in GROUPS)
