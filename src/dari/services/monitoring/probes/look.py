"""All probes at once, each with its own deadline; what fails is named in `failures` and stays unknown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

from dari.core.clock import Clock
from dari.services.monitoring.exposition import Exposition, parse
from dari.services.monitoring.ports import Page, Platform, Ports, ProbeFailed, Topic
from dari.services.monitoring.probes import database_probe, kafka_probe
from dari.services.monitoring.probes.pulse import Pulse
from dari.services.monitoring.probes.snapshot import PROBE_LATE, Counter, Snapshot, moment

BREAKERS: Final = ("kafka-publisher", "pg-auth-api")
PUBLISHER: Final = BREAKERS[0]
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "payment-consumer": ("payment.captured", "payment.refunded"),
    "settlement-worker-group": ("payment.capture-requested",),
    "refund-worker-group": ("payment.refund-requested",),
}
TOPICS: Final = (
    "payment.authorized",
    "payment.capture-requested",
    "payment.captured",
    "payment.refund-requested",
    "payment.refunded",
    "payment.dlq",
    "settlement.dlq",
    "refund.dlq",
)
KEYS_READ: Final = 2_000
STRANGERS: Final = 16
"""Groups that are none of the platform's and are watched all the same."""
OK: Final = 200
LATE: Final = 0.5
"""A deadline of which more than this share was our own lateness says nothing about the part."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """Deadlines and windows in seconds."""

    deadline: float = 1.2
    window: float = 240.0
    """What counts as recent: shorter than the five minutes after which a recovered platform must be quiet."""
    retry_limit: int = 10
    keys: int = KEYS_READ


class Looker:
    """Takes snapshots."""

    def __init__(self, ports: Ports, clock: Clock, probing: Probing | None = None) -> None:
        self.ports = ports
        self.clock = clock
        self.probing = probing or Probing()

    async def look(self) -> Snapshot:
        """One snapshot. Never raises for a part that is away."""
        async with Pulse(self.clock) as pulse:
            return await self._look(pulse)

    async def _look(self, pulse: Pulse) -> Snapshot:
        failures: dict[str, tuple[str, str]] = {}
        at, began = self.clock.now(), self.clock.monotonic()
        ports = self.ports
        info = await self._try("app.info", self._json(ports.platform, "/actuator/info"), failures)
        app_time = moment(info.get("time")) if info else None
        ttl = int(info.get("idempotency_ttl_seconds", 600)) if info else 600
        wanted = groups_of(info)
        # gather's types end at six: what each part is, Snapshot says.
        said: list[Any] = await asyncio.gather(
            self._try("app.metrics", self._metrics(), failures),
            self._try("app.breakers", self._breakers(), failures),
            self._try("app.events", self._events(), failures),
            self._try("app.health", self._health(), failures),
            self._try("kafka", self._kafka(at, wanted), failures, pulse),
            self._try("database.time", ports.database.now(), failures, pulse),
            self._try("database", self._database(app_time, ttl, pulse), failures, pulse),
            self._try("redis", self._redis(pulse), failures, pulse),
        )
        metrics, breakers, events, health, kafka, database_time, database, redis = said
        return Snapshot(
            at=at,
            failures=failures,
            took=self.clock.monotonic() - began,
            info=info,
            app_time=app_time,
            database_time=database_time,
            health=health,
            metrics=metrics,
            breakers=breakers,
            events=events,
            database=database,
            **(kafka or {}),
            **(redis or {}),
        )

    async def _try(
        self, name: str, asked: Awaitable[_T], failures: dict[str, tuple[str, str]], pulse: Pulse | None = None
    ) -> _T | None:
        before = pulse.late if pulse else 0.0
        try:
            return await asyncio.wait_for(asked, self.probing.deadline * self.ports.patience)
        except ProbeFailed as failed:
            failures[name] = (failed.error_class, failed.message)
        except TimeoutError:
            failures[name] = ("Timeout", f"no answer within {self.probing.deadline} s")
        except (KeyError, ValueError, TypeError, AttributeError) as odd:
            failures[name] = ("Malformed", f"{type(odd).__name__}: {odd}"[:300])
        ours = pulse.late - before if pulse else 0.0
        if failures[name][0] == "Timeout" and ours > LATE * self.probing.deadline:
            failures[name] = (PROBE_LATE, f"this process was itself {ours:.1f} s late: what the part did is not known")
        return None

    async def _json(self, platform: Platform, path: str) -> Any:
        return json.loads(_good(await platform.get(path), path))

    async def _metrics(self) -> Exposition:
        read = [parse(_good(await self.ports.platform.get("/actuator/prometheus"), "/actuator/prometheus"))]
        pages = [await instance.get("/actuator/prometheus") for instance in self.ports.instances.values()]
        read.extend(parse(_good(page, "/actuator/prometheus")) for page in pages)
        return read[0] if len(read) == 1 else _merged(read)

    def _platforms(self, name: str = "") -> list[Platform]:
        """The API and its workers; the publisher's breaker is the workers', where they have processes of their own."""
        workers = list(self.ports.instances.values())
        return workers if workers and name == PUBLISHER else [self.ports.platform, *workers]

    async def _breakers(self) -> dict[str, Any]:
        found = {}
        for name in BREAKERS:
            page = await self._platforms(name)[0].get(f"/circuit-breaker/{name}")
            if page.status == OK:
                found[name] = json.loads(page.text)
        if not found:
            raise ProbeFailed("app", "NotFound", "no circuit breaker is exposed")
        return found

    async def _events(self) -> tuple[Mapping[str, Any], ...]:
        said = [await self._json(one, "/actuator/circuitbreakerevents") for one in self._platforms()]
        return tuple(event for one in said for event in one["circuitBreakerEvents"])

    async def _health(self) -> Mapping[str, Any]:
        page = await self.ports.platform.get("/actuator/health")
        return {"http": page.status, **json.loads(page.text)}

    async def _kafka(self, at: datetime, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
        kafka = self.ports.kafka
        cluster = await kafka.cluster()
        topics: list[Topic] = await kafka.topics()
        groups = await kafka.groups()
        strangers = sorted({group.group for group in groups} - wanted.keys())
        names = {*wanted, *strangers[:STRANGERS]}
        return {
            "cluster": cluster,
            "topics": tuple(topics),
            "groups": tuple(groups),
            "committed": await kafka_probe.offsets(kafka, names),
            "letters": await kafka_probe.letters(kafka, topics, at, self.probing.window),
        }

    async def _database(self, app_time: datetime | None, ttl: int, pulse: Pulse) -> Any:
        probing = self.probing
        return await database_probe.look(
            self.ports.database,
            self.clock,
            pulse,
            app_now=app_time,
            window=probing.window,
            ttl=ttl,
            limit=probing.retry_limit,
        )

    async def _redis(self, pulse: Pulse) -> dict[str, Any]:
        redis = self.ports.redis
        began, late = self.clock.monotonic(), pulse.late
        info = await redis.info()
        milliseconds = pulse.since(began, late)
        rates, _ = await redis.keys("rate:*", self.probing.keys)
        idem, complete = await redis.keys("idem:*", 20_000)
        held = await redis.values(rates)
        counters = []
        for key, value in held.items():
            _, action, merchant = key.split(":", 2)
            if value.value is not None and value.value.isdigit():
                counters.append(Counter(action, merchant, int(value.value), value.ttl))
        return {
            "redis": info,
            "redis_ms": milliseconds,
            "redis_time": await redis.now(),
            "counters": tuple(sorted(counters, key=lambda one: -one.count)),
            "idem_keys": len(idem) if complete else None,
        }


def groups_of(info: Mapping[str, Any] | None) -> dict[str, tuple[str, ...]]:
    """The consumer groups the platform says it has, or those of the original."""
    told = (info or {}).get("groups")
    return {group: tuple(topics) for group, topics in told.items()} if told else dict(GROUPS)


def topics_of(info: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The topics the platform says it needs, or the original's eight."""
    return tuple((info or {}).get("topics") or TOPICS)


def _good(page: Page, path: str) -> str:
    if page.status != OK:
        raise ProbeFailed("app", f"HTTP {page.status}", path)
    return page.text


def _merged(read: list[Exposition]) -> Exposition:
    series: dict[str, dict[Any, float]] = {}
    for one in read:
        for name, rows in one.series.items():
            for labels, value in rows.items():
                mine = series.setdefault(name, {})
                mine[labels] = mine.get(labels, 0.0) + value
    return Exposition(series)
