"""The payment platform and its monitoring service as programs of their own, and the trial of the diagnosis."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from dari.app.payment_trial import real_trial
from dari.app.places import Places
from dari.core.clock import SystemClock
from dari.core.errors import Hint, MissingExtra, NotFound
from dari.settings import Settings

PORTS: Final = {"monitoring": 8082, "payments": 8090}
ROLES: Final = ("all", "api", "workers")
PROFILES: Final = ("sim", "local", "real")
LOOK_SECONDS: Final = 5.0
EXTRA: Final = Hint("pip install 'dari[payments]'", "pip install 'dari[payments]'")


def port_of(name: str) -> int:
    """The port a service listens on where no other is given. Raises NotFound."""
    if name not in PORTS:
        names = ", ".join(PORTS)
        raise NotFound(f"there is no service {name[:40]!r}", hint=Hint(f"있는 것: {names}", f"There are: {names}"))
    return PORTS[name]


@asynccontextmanager
async def service(name: str, settings: Settings, *, seed: int, switches: bool, role: str = "all") -> AsyncIterator[Any]:
    """The ASGI app of a service, alive while the block runs. Raises NotFound or MissingExtra.

    `role`, of the payment platform: `all` in one process, or `api` and `workers` in one each, on real parts.
    """
    port_of(name)
    if role not in ROLES:
        names = ", ".join(ROLES)
        raise NotFound(f"there is no role {role[:40]!r}", hint=Hint(f"있는 것: {names}", f"There are: {names}"))
    try:
        if name == "monitoring":
            yield monitoring(settings)
            return
        from dari.services.payments.adapters.sql import MEMORY  # noqa: PLC0415 -- as above
        from dari.services.payments.assembly import PROGRAMS  # noqa: PLC0415 -- as above
        from dari.services.payments.deployment import Addresses, deploy  # noqa: PLC0415 -- an extra
        from dari.services.payments.settings import PlatformSettings, for_load  # noqa: PLC0415 -- as above
    except ImportError as missing:
        raise MissingExtra(f"{missing.name} is not installed", hint=EXTRA) from None
    addresses = Addresses(
        database=settings.text("DARI_PAYMENTS_DB_URL") or MEMORY,
        redis=settings.text("DARI_PAYMENTS_REDIS_URL") or None,
        kafka=settings.text("DARI_PAYMENTS_KAFKA_BOOTSTRAP") or None,
    )
    only = {"all": None, "api": frozenset[str](), "workers": frozenset(PROGRAMS)}[role]
    told = PlatformSettings(instance="ingest-all") if role == "all" else for_load(role)
    async with deploy(addresses, told, seed=seed, switches=switches, only=only) as made:
        yield made.app


def _listed(settings: Settings, name: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in settings.text(name).split(",") if one.strip())


def monitoring(settings: Settings) -> Any:
    """The monitoring service of the platform the settings name; it samples while it is served."""
    from dari.services.monitoring.adapters.connect import Addresses  # noqa: PLC0415 -- an extra
    from dari.services.monitoring.app import serve_at  # noqa: PLC0415 -- as above

    data = Places.of(settings.text("DARI_HOME")).data / "payments"
    results = settings.text("DARI_PAYMENTS_LOADTEST_RESULTS")
    targets = _listed(settings, "DARI_PAYMENTS_LOADTEST_TARGETS")
    return serve_at(
        Addresses(
            platform=settings.text("DARI_PAYMENTS_URL"),
            database=settings.text("DARI_PAYMENTS_DB_URL") or None,
            redis=settings.text("DARI_PAYMENTS_REDIS_URL") or None,
            kafka=settings.text("DARI_PAYMENTS_KAFKA_BOOTSTRAP") or None,
            prometheus=settings.text("DARI_PAYMENTS_PROMETHEUS_URL") or None,
            instances={f"worker-{at}": url for at, url in enumerate(_listed(settings, "DARI_PAYMENTS_WORKERS"), 1)},
        ),
        SystemClock(),
        results=data.joinpath("results") if not results else data.joinpath(results),
        operator_token=settings.text("DARI_PAYMENTS_OPERATOR_TOKEN") or None,
        targets=targets,
        journal=data / "acts.jsonl",
    )


async def trial(
    names: Sequence[str],
    settings: Settings,
    *,
    profile: str = "sim",
    seed: int,
    healthy: int = 0,
    pairs: int = 0,
    told: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Play faults before the monitor: `{profile, seed, passed, masked, total, false_alarms, controls, scenarios}`.

    `names` are scenarios ("F04"), several at once ("F04+F06"), controls ("C1") or root causes; none: all of them, or
    with `pairs` so many pairs chosen by the seed. `masked` counts cases in which one fault hides something of another,
    the report says so, and nothing is wrong; `passed` counts strictly.
    `healthy` runs of random ordinary life follow; a cause that is named in one is a false alarm as well.
    `told` hears each scenario as it ends. Raises NotFound; SetupError where a part of `local` or `real` is missing.
    """
    chosen = _chosen([*names, *_sampled(seed, pairs)])
    if profile == "sim":
        return await _simulated(chosen, seed=seed, healthy=healthy, told=told)
    if profile in {"local", "real"}:
        return await real_trial(chosen, settings, seed=seed, profile=profile, told=told)
    known = ", ".join(PROFILES)
    raise NotFound(f"there is no profile {profile[:40]!r}", hint=Hint(f"있는 것: {known}", f"There are: {known}"))


def _sampled(seed: int, count: int) -> list[str]:
    from dari.services.payments.faults.theatre import pairs  # noqa: PLC0415 -- an extra

    return pairs(seed, count)


def _chosen(names: Sequence[str]) -> list[str]:
    from dari.services.payments.faults.catalogue import EVERYTHING, SCENARIOS  # noqa: PLC0415 -- an extra

    by_cause = {scenario.root_cause: key for key, scenario in SCENARIOS.items()}
    chosen = ["+".join(by_cause.get(part, part) for part in name.upper().split("+")) for name in names]
    for part in (part for name in chosen for part in name.split("+")):
        if part not in EVERYTHING:
            known = ", ".join(EVERYTHING)
            raise NotFound(f"there is no scenario {part[:40]!r}", hint=Hint(f"있는 것: {known}", f"There are: {known}"))
    return chosen


async def _simulated(
    chosen: Sequence[str], *, seed: int, healthy: int, told: Callable[[Mapping[str, Any]], None] | None
) -> dict[str, Any]:
    from dari.services.monitoring.adapters.in_process import ports_of  # noqa: PLC0415 -- an extra
    from dari.services.monitoring.monitor import Monitor  # noqa: PLC0415 -- as above
    from dari.services.payments.faults.run import run  # noqa: PLC0415 -- as above

    class Watching:
        """The monitor of one sandbox, which it knows by its ASGI app and a clock."""

        def __init__(self, sandbox: Any) -> None:
            self._monitor = Monitor(ports_of(sandbox.app()), sandbox.world_clock)

        async def look(self) -> None:
            await self._monitor.sample()

        async def diagnose(self) -> Mapping[str, Any]:
            return await self._monitor.diagnose()

    async def watch(sandbox: Any) -> Watching:
        return Watching(sandbox)

    said = await run(watch, names=chosen, seed=seed, told=told)
    for number in range(healthy):
        case = await _ordinary_life(watch, seed * 1000 + number)
        said["scenarios"].append(case)
        said["false_alarms"] += len(case["found"])
        if told is not None:
            told(case)
    return {**said, "healthy": healthy}


async def _ordinary_life(watch: Callable[[Any], Any], seed: int) -> dict[str, Any]:
    """A minute or three of traffic as it may be on any day; nothing may be found in it."""
    from dari.services.payments.sandbox import Sandbox  # noqa: PLC0415 -- an extra

    dice, began = random.Random(seed), time.perf_counter()  # noqa: S311 -- a replayable run, not a secret
    async with Sandbox(seed) as sandbox:
        watcher = await watch(sandbox)
        sandbox.schedule.every(LOOK_SECONDS, watcher.look, "observer")
        rate, merchants, refunds = dice.choice((0.2, 1.0, 3.0, 8.0)), dice.randint(1, 200), dice.choice((0.0, 0.1, 0.3))
        sandbox.traffic(rate, merchants=merchants, refunds=refunds)
        await sandbox.run(dice.randint(60, 180))
        await watcher.look()
        verdict = await watcher.diagnose()
    found = [cause["id"] for cause in verdict["causes"]]
    return {
        "case": f"{seed:x}",
        "scenario": "healthy",
        "expected": [],
        "found": found,
        "missing": {},
        "wrong": found,
        "passed": not found,
        "seconds": round(time.perf_counter() - began, 2),
        "rate": rate,
        "merchants": merchants,
    }
