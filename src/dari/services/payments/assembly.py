"""The platform put together: its parts by their ports, its programs as steps that a runner or a simulation takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from dari.core.clock import Clock
from dari.services.payments.adapters.sql import Database
from dari.services.payments.bookkeeper import Bookkeeper
from dari.services.payments.breaker import KAFKA_PUBLISHER, PG_AUTH_API, Breaker
from dari.services.payments.ingest import Ingest, Parts
from dari.services.payments.intake import Handler, Intake
from dari.services.payments.metrics import Metrics
from dari.services.payments.names import CONSUMER_GROUP, GROUP_TOPICS, PARTITIONS, REFUND_GROUP, SETTLEMENT_GROUP
from dari.services.payments.outbox import OutboxPoller
from dari.services.payments.ports import Gateway, KeyValue, MessageLog
from dari.services.payments.settings import PlatformSettings
from dari.services.payments.workers import REFUND, SETTLEMENT, GatewayWorker

POLLER: Final = "outbox-poller"
CONSUMER: Final = "consumer-worker"
SETTLER: Final = "settlement-worker"
REFUNDER: Final = "refund-worker"
PROGRAMS: Final = (POLLER, CONSUMER, SETTLER, REFUNDER)
LOG: Final = logging.getLogger("dari.payments")
Step = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Program:
    """One of the platform's programs: a step, and the seconds between two of them.

    A step that did `full` of its work left some behind: in real time the next one follows at once.
    """

    name: str
    step: Step
    interval: float
    full: int


class PaymentPlatform:
    """Everything of one deployment. `clock` is the application's own, which may be wrong; that is a fault."""

    def __init__(
        self,
        *,
        settings: PlatformSettings,
        clock: Clock,
        database: Database,
        keys: KeyValue,
        log: MessageLog,
        gateway: Gateway,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.database = database
        self.keys = keys
        self.log = log
        self.gateway = gateway
        self.started_at = clock.now()
        self.running: tuple[str, ...] | None = None
        """The programs that run in this process; None: all of them."""
        self.breakers: Mapping[str, Breaker] = {
            "kafka-publisher": Breaker("kafka-publisher", KAFKA_PUBLISHER, clock),
            "pg-auth-api": Breaker("pg-auth-api", PG_AUTH_API, clock),
        }
        self.metrics = Metrics(self.breakers, lambda: (database.active, database.pending, database.pool))
        self.metrics.started.set(self.started_at.timestamp())
        self.ingest = Ingest(
            Parts(
                settings=settings,
                clock=clock,
                database=database,
                keys=keys,
                gateway=gateway,
                pg_breaker=self.breakers["pg-auth-api"],
                metrics=self.metrics,
            ),
        )
        common: dict[str, Any] = {
            "database": database,
            "clock": clock,
            "metrics": self.metrics,
            "settings": settings,
        }
        self.poller = OutboxPoller(log=log, breaker=self.breakers["kafka-publisher"], **common)
        self.settlement = GatewayWorker(SETTLEMENT, gateway=gateway, **common)
        self.refunds = GatewayWorker(REFUND, gateway=gateway, **common)
        self.bookkeeper = Bookkeeper(clock, settings)
        self.intakes = {
            CONSUMER: self.intake(CONSUMER_GROUP, CONSUMER, self.bookkeeper.handle),
            SETTLER: self.intake(SETTLEMENT_GROUP, SETTLER, self.settlement.handle),
            REFUNDER: self.intake(REFUND_GROUP, REFUNDER, self.refunds.handle),
        }

    def intake(self, group: str, member: str, handler: Handler) -> Intake:
        """A member of one of the platform's groups."""
        return Intake(
            group=group,
            member=f"{member}-1",
            log=self.log,
            database=self.database,
            clock=self.clock,
            metrics=self.metrics,
            handler=handler,
        )

    def programs(self) -> list[Program]:
        """What must run beside the API."""
        settings = self.settings

        def worker(name: str, gateway: GatewayWorker) -> Program:
            async def step() -> int:
                taken = await self.intakes[name].step(settings.work_batch)
                return taken + await gateway.step()

            return Program(name, step, settings.work_interval, settings.work_batch)

        async def consume() -> int:
            return await self.intakes[CONSUMER].step(settings.consume_batch)

        return [
            Program(POLLER, self.poller.step, settings.poll_interval, settings.poll_batch),
            Program(CONSUMER, consume, settings.consume_interval, settings.consume_batch),
            worker(SETTLER, self.settlement),
            worker(REFUNDER, self.refunds),
        ]

    def info(self) -> dict[str, Any]:
        """What /actuator/info says."""
        settings = self.ingest.settings
        return {
            "service": "ingest-service",
            "instance": settings.instance,
            "time": self.clock.now().isoformat(timespec="milliseconds"),
            "started_at": self.started_at.isoformat(timespec="milliseconds"),
            "rate_limits": {
                action: {"capacity": capacity, "window_seconds": settings.rate_window}
                for action, capacity in settings.rate_limits.items()
            },
            "idempotency_ttl_seconds": settings.idempotency_ttl,
            "topics": list(PARTITIONS),
            "groups": {group: list(topics) for group, topics in GROUP_TOPICS.items()},
            "outbox": {"poll_interval_ms": round(settings.poll_interval * 1000)},
            "compat": settings.compat,
            "programs": list(PROGRAMS if self.running is None else self.running),
            "min_insync_replicas": getattr(self.log, "min_insync", 1),
        }

    async def close(self) -> None:
        """Leave the groups and let go of every connection."""
        for intake in self.intakes.values():
            await intake.close()
        await self.log.close()
        await self.keys.close()
        await self.database.close()


class Runner:
    """Takes the programs' steps in real time, each in its own task, until closed."""

    def __init__(self, platform: PaymentPlatform, only: frozenset[str] | None = None) -> None:
        self._platform = platform
        self._only = only
        self._tasks: list[asyncio.Task[None]] = []
        self._paused: set[str] = set()

    def pause(self, name: str) -> None:
        """Take no further step of this program."""
        self._paused.add(name)

    def resume(self, name: str) -> None:
        """Take its steps again."""
        self._paused.discard(name)

    def start(self) -> None:
        """Begin."""
        for program in self._platform.programs():
            if self._only is None or program.name in self._only:
                self._tasks.append(asyncio.create_task(self._run(program), name=program.name))

    async def _run(self, program: Program) -> None:
        while True:
            done = 0
            if program.name not in self._paused:
                try:
                    done = await program.step()
                except Exception:
                    # A bug of ours must not end the program; it is told, and the next step tries again.
                    LOG.exception("a step of %s failed", program.name)
            await self._platform.clock.sleep(0.0 if done >= program.full else program.interval)

    async def close(self) -> None:
        """Stop after the step under way is given up."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()
