"""The platform as a program of its own: parts in this process by default, real ones by address; port 8090."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from fastapi import FastAPI

from dari.core.clock import Clock, SystemClock
from dari.services.payments.adapters.listening import listen
from dari.services.payments.adapters.sql import MEMORY, Database
from dari.services.payments.api import create_app
from dari.services.payments.assembly import PaymentPlatform, Runner
from dari.services.payments.gateway import GatewayConfig, RuleGateway
from dari.services.payments.memory_keys import MemoryKeys
from dari.services.payments.memory_log import MemoryLog
from dari.services.payments.ports import KeyValue, MessageLog
from dari.services.payments.probe import create_probe
from dari.services.payments.settings import PlatformSettings
from dari.services.payments.switches import add_switches

PORT: Final = 8090


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the real parts are; None: one in this process. `replication` is of topics that have to be made.

    `delivery_timeout` is how many seconds a send to Kafka may take.
    """

    database: str = MEMORY
    redis: str | None = None
    kafka: str | None = None
    replication: int = 1
    delivery_timeout: float = 5.0


@dataclass(slots=True)
class Deployment:
    """One running platform and what it runs on."""

    platform: PaymentPlatform
    runner: Runner
    database: Database
    keys: KeyValue
    log: MessageLog
    gateway: RuleGateway
    app: FastAPI = field(init=False)


async def _log(addresses: Addresses, clock: Clock) -> MessageLog:
    if addresses.kafka is None:
        return MemoryLog(clock)
    from dari.services.payments.adapters.kafka_log import KafkaLog  # noqa: PLC0415 — a wheel of megabytes, seldom asked

    log = KafkaLog(addresses.kafka, delivery_timeout=addresses.delivery_timeout)
    await log.create_topics(addresses.replication)
    return log


def _keys(addresses: Addresses, clock: Clock, gather: float) -> KeyValue:
    if addresses.redis is None:
        return MemoryKeys(clock)
    from dari.services.payments.adapters.redis_keys import RedisKeys  # noqa: PLC0415 — as above

    return RedisKeys(addresses.redis, gather=gather)


@asynccontextmanager
async def deploy(
    addresses: Addresses | None = None,
    settings: PlatformSettings | None = None,
    *,
    clock: Clock | None = None,
    seed: int = 0,
    gateway: GatewayConfig | None = None,
    switches: bool = False,
    only: frozenset[str] | None = None,
) -> AsyncIterator[Deployment]:
    """Start a platform in this event loop, and stop it at the end.

    With every part in this process its app has `/__probe__`; with `switches` also `/__faults__`, which breaks it.
    `only` of its programs run here (none: all of them); the others run in a process of their own, on real parts.
    Raises StoreError, LogError where a real part does not answer at the start.
    """
    where, time = addresses or Addresses(), clock or SystemClock()
    database = Database(where.database)
    await database.create()
    told = settings or PlatformSettings()
    keys, log, pg = _keys(where, time, told.gather / 2), await _log(where, time), RuleGateway(seed, gateway)
    platform = PaymentPlatform(settings=told, clock=time, database=database, keys=keys, log=log, gateway=pg)
    made = Deployment(platform, Runner(platform, only), database, keys, log, pg)
    platform.running = None if only is None else tuple(sorted(only))
    made.app = create_app(platform)
    if isinstance(keys, MemoryKeys) and isinstance(log, MemoryLog):
        made.app.mount("/__probe__", create_probe(database, keys, log, time))
        if switches:
            add_switches(made.app, platform, made.runner, keys, log)
    made.runner.start()
    try:
        yield made
    finally:
        await made.runner.close()
        await platform.close()


async def serve(
    addresses: Addresses | None = None,
    settings: PlatformSettings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    seed: int = 0,
    switches: bool = False,
) -> None:
    """Serve until told to stop (SIGINT, SIGTERM)."""
    async with deploy(addresses, settings, seed=seed, switches=switches) as made:
        await listen(made.app, host, port)
