"""Ports from addresses: real parts where an address is given, the platform's `/__probe__` pages where none is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from dari.core.clock import Clock
from dari.core.errors import Hint, MissingExtra
from dari.services.monitoring.adapters.in_process import ProbePages, ports_over
from dari.services.monitoring.ports import Ports

EXTRA = Hint("pip install 'dari[payments]'", "pip install 'dari[payments]'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Where the parts are; passwords live in the URLs and are never printed."""

    platform: str = "http://127.0.0.1:8090"
    database: str | None = field(default=None, repr=False)
    redis: str | None = field(default=None, repr=False)
    kafka: str | None = None
    prometheus: str | None = None
    instances: Mapping[str, str] = field(default_factory=dict)
    deadline: float = 1.0


def connect(addresses: Addresses, clock: Clock, *, platform: Any = None) -> tuple[Ports, Callable[[], Awaitable[None]]]:
    """Ports and what closes them; `platform` is its ASGI app where it lives in this process.

    Raises MissingExtra when a client library is not installed.
    """
    transport = None if platform is None else httpx2.ASGITransport(app=platform)
    client = httpx2.AsyncClient(base_url=addresses.platform, timeout=addresses.deadline, transport=transport)
    closers: list[Callable[[], Awaitable[None]]] = [client.aclose]
    ports = ports_over(client)
    try:
        if addresses.database:
            from dari.services.monitoring.adapters.relational import RelationalDatabase  # noqa: PLC0415 — loaded only when it is needed

            database = RelationalDatabase(addresses.database, clock, deadline=addresses.deadline)
            ports, closers = replace(ports, database=database), [*closers, database.close]
        if addresses.redis:
            from dari.services.monitoring.adapters.keystore import RedisKeys  # noqa: PLC0415 — loaded only when it is needed

            keys = RedisKeys(addresses.redis, deadline=addresses.deadline)
            ports, closers = replace(ports, redis=keys), [*closers, keys.close]
        if addresses.kafka:
            from dari.services.monitoring.adapters.kafka_admin import KafkaAdmin  # noqa: PLC0415 — loaded only when it is needed

            cluster = KafkaAdmin(addresses.kafka, clock, deadline=addresses.deadline)
            ports, closers = replace(ports, kafka=cluster), [*closers, cluster.close]
    except ImportError as missing:
        raise MissingExtra(f"{missing.name} is not installed", hint=EXTRA) from missing
    if addresses.prometheus:
        from dari.services.monitoring.adapters.prometheus_api import PrometheusApi  # noqa: PLC0415 — loaded only when it is needed

        metrics = PrometheusApi(addresses.prometheus)
        ports, closers = replace(ports, metrics=metrics), [*closers, metrics.close]
    instances = {}
    for name, url in addresses.instances.items():
        other = httpx2.AsyncClient(base_url=url, timeout=addresses.deadline)
        instances[name] = ProbePages(other)
        closers.append(other.aclose)

    async def close() -> None:
        for closer in closers:
            await closer()

    return replace(ports, instances=instances), close
