"""A platform on real parts, fresh for one scenario: empty database, empty Redis, new topics, its own traffic."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Final, Protocol, Self

from fastapi import FastAPI

from dari.core.clock import SystemClock
from dari.services.payments.adapters.kafka_hands import KafkaHands
from dari.services.payments.adapters.slow_line import SlowLine
from dari.services.payments.adapters.sql import Database
from dari.services.payments.deployment import Addresses, Deployment, deploy
from dari.services.payments.names import PARTITIONS
from dari.services.payments.replies import AuthorizeRequest, RefundRequest, Reply
from dari.services.payments.settings import PlatformSettings
from dari.services.payments.virtual import SkewedClock

REAL: Final = PlatformSettings(poll_interval=0.2, consume_interval=0.2, work_interval=0.25)
REPEATED: Final = 0.02
RECENT: Final = 200
SENT: Final = 200
LOG: Final = logging.getLogger("dari.payments.faults")


class Parts(Protocol):
    """Programs that can be started, killed and paused by name; `stack.Stack` is one."""

    brokers: int

    @property
    def ports(self) -> Mapping[str, int]: ...

    def addresses(self) -> dict[str, str]: ...

    def up(self, names: Sequence[str] = ()) -> Any: ...

    def down(self, names: Sequence[str] = (), *, hard: bool = False) -> Any: ...

    def pause(self, names: Sequence[str]) -> Any: ...

    def resume(self, names: Sequence[str]) -> Any: ...


class RealSystem:
    """`async with RealSystem(parts, seed)`: a platform that runs, with a slow line before each broker."""

    def __init__(
        self, parts: Parts, seed: int, settings: PlatformSettings | None = None, *, delivery_timeout: float = 5.0
    ) -> None:
        self.parts = parts
        self.seed = seed
        self.random = random.Random(seed)  # noqa: S311 — a replayable run, not a secret
        self.world_clock = SystemClock()
        self.app_clock = SkewedClock(self.world_clock)
        self.brokers = tuple(range(1, parts.brokers + 1))
        names = ["kafka"] if parts.brokers == 1 else [f"kafka-{number}" for number in self.brokers]
        self.broker_names: Final = tuple(names)
        ports = parts.ports
        self.lines = {
            number: SlowLine(ports[f"{name}-line"], ports[f"{name}-client"])
            for number, name in zip(self.brokers, names, strict=True)
        }
        self.hands = KafkaHands(parts.addresses()["DARI_PAYMENTS_KAFKA_BOOTSTRAP"])
        self._settings = settings or REAL
        self._timeout = delivery_timeout
        self._stack = AsyncExitStack()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._flying: set[asyncio.Task[None]] = set()
        self._number = 0
        self.made: Deployment

    async def __aenter__(self) -> Self:
        await self.mend()
        for line in self.lines.values():
            await line.start()
            self._stack.push_async_callback(line.close)
        where = self.parts.addresses()
        await self._empty(where["DARI_PAYMENTS_DB_URL"])
        await self.hands.clear()
        await self.hands.make(PARTITIONS, min(3, len(self.brokers)))
        addresses = Addresses(
            database=where["DARI_PAYMENTS_DB_URL"],
            redis=where["DARI_PAYMENTS_REDIS_URL"],
            kafka=",".join(f"127.0.0.1:{line.port}" for line in self.lines.values()),
            replication=min(3, len(self.brokers)),
            delivery_timeout=self._timeout,
        )
        running = deploy(addresses, self._settings, clock=self.app_clock, seed=self.seed)
        self.made = await self._stack.enter_async_context(running)
        await self.keys.flush()
        return self

    async def __aexit__(self, *_: object) -> None:
        for name in list(self._tasks):
            await self.stop(name)
        # A refund that comes later would go to the platform of the next scenario: the address is the same.
        for task in self._flying:
            task.cancel()
        await asyncio.gather(*self._flying, return_exceptions=True)
        await self.mend()
        await self._stack.aclose()

    async def mend(self) -> None:
        """Every part runs again."""
        await asyncio.to_thread(self.parts.up, ["mariadb", "redis", "kafka"])
        for line in self.lines.values():
            line.delay, line.cut = 0.0, False

    @staticmethod
    async def _empty(url: str) -> None:
        database = Database(url, timeout=20.0)
        async with database.bare() as connection:
            await connection.exec_driver_sql("DROP DATABASE IF EXISTS paydb")
            await connection.exec_driver_sql("CREATE DATABASE paydb CHARACTER SET utf8mb4")
        await database.close()

    # -- its faces, by the names of the sandbox --------------------------------------------------------------------

    @property
    def platform(self) -> Any:
        """The platform itself."""
        return self.made.platform

    @property
    def database(self) -> Database:
        """Its database."""
        return self.made.database

    @property
    def keys(self) -> Any:
        """Its Redis."""
        return self.made.keys

    @property
    def runner(self) -> Any:
        """What takes its programs' steps."""
        return self.made.runner

    def app(self) -> FastAPI:
        """Its HTTP face."""
        return self.made.app

    # -- traffic ---------------------------------------------------------------------------------------------------

    async def authorize(self, merchant: str, amount: int, key: str | None = None) -> Reply:
        """One payment; a key of its own unless one is given."""
        self._number += 1
        name = key or f"r{self.seed}-{self._number}"
        request = AuthorizeRequest(merchantId=merchant, amount=amount, currency="KRW", idempotencyKey=name)
        reply: Reply = await self.platform.ingest.authorize(request)
        return reply

    def spawn(self, name: str, work: Any) -> None:
        """Let something run beside, until `stop`."""
        self._tasks[name] = asyncio.create_task(work, name=name)

    async def stop(self, name: str) -> None:
        """End it."""
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()
            ended = await asyncio.gather(task, return_exceptions=True)
            if ended and isinstance(ended[0], Exception):
                LOG.error("%s ended with %r", name, ended[0])

    def traffic(self, rate: float, *, merchants: int = 20, refunds: float = 0.0, name: str = "traffic") -> None:
        """`rate` payments a second at their due times, some of them sent twice, some refunded later."""

        async def send() -> None:
            loop = asyncio.get_running_loop()
            begun, number, flying = loop.time(), 0, self._flying
            sent: deque[tuple[str, int, str]] = deque(maxlen=RECENT)
            while True:
                number += 1
                if (wait := begun + number / rate - loop.time()) > 0:
                    await asyncio.sleep(wait)
                self._number += 1
                order = (f"MERCHANT-{self.random.randint(1, merchants)}", 1000 * self.random.randint(1, 50))
                key = f"t{self.seed}-{self._number}"
                refund = self.random.random() < refunds
                twice = sent[self.random.randrange(len(sent))] if sent and self.random.random() < REPEATED else None
                sent.append((*order, key))
                task = asyncio.create_task(self._one(*order, key, refund=refund))
                flying.add(task)
                task.add_done_callback(flying.discard)
                if twice is not None:
                    again = asyncio.create_task(self._one(*twice, refund=False))
                    flying.add(again)
                    again.add_done_callback(flying.discard)

        self.spawn(name, send())

    async def _one(self, merchant: str, amount: int, key: str, *, refund: bool) -> None:
        reply = await self.authorize(merchant, amount, key)
        if refund and reply.status == SENT:
            await asyncio.sleep(8 + 6 * self.random.random())
            number = json.loads(reply.body)["paymentId"]
            await self.platform.ingest.refund(number, RefundRequest(merchantId=merchant, reason="customer request"))


def calmer(**changes: Any) -> PlatformSettings:
    """The settings of real parts with these changes."""
    return replace(REAL, **changes)
