"""The payment platform and its monitoring service as programs of their own, and the trial of the diagnosis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from dari.app.places import Places
from dari.core.clock import SystemClock
from dari.core.errors import Hint, MissingExtra, NotFound
from dari.settings import Settings

PORTS: Final = {"monitoring": 8082, "payments": 8090}
EXTRA: Final = Hint("pip install 'dari[payments]'", "pip install 'dari[payments]'")


def port_of(name: str) -> int:
    """The port a service listens on where no other is given. Raises NotFound."""
    if name not in PORTS:
        names = ", ".join(PORTS)
        raise NotFound(f"there is no service {name[:40]!r}", hint=Hint(f"있는 것: {names}", f"There are: {names}"))
    return PORTS[name]


@asynccontextmanager
async def service(name: str, settings: Settings, *, seed: int, switches: bool) -> AsyncIterator[Any]:
    """The ASGI app of a service, alive while the block runs. Raises NotFound or MissingExtra."""
    port_of(name)
    try:
        if name == "monitoring":
            yield monitoring(settings)
            return
        from dari.services.payments.adapters.sql import MEMORY  # noqa: PLC0415 -- as above
        from dari.services.payments.deployment import Addresses, deploy  # noqa: PLC0415 -- an extra
    except ImportError as missing:
        raise MissingExtra(f"{missing.name} is not installed", hint=EXTRA) from None
    addresses = Addresses(
        database=settings.text("DARI_PAYMENTS_DB_URL") or MEMORY,
        redis=settings.text("DARI_PAYMENTS_REDIS_URL") or None,
        kafka=settings.text("DARI_PAYMENTS_KAFKA_BOOTSTRAP") or None,
    )
    async with deploy(addresses, seed=seed, switches=switches) as made:
        yield made.app


def monitoring(settings: Settings) -> Any:
    """The monitoring service of the platform the settings name; it samples while it is served."""
    from dari.services.monitoring.adapters.connect import Addresses  # noqa: PLC0415 -- an extra
    from dari.services.monitoring.app import serve_at  # noqa: PLC0415 -- as above

    data = Places.of(settings.text("DARI_HOME")).data / "payments"
    results = settings.text("DARI_PAYMENTS_LOADTEST_RESULTS")
    targets = (one.strip() for one in settings.text("DARI_PAYMENTS_LOADTEST_TARGETS").split(","))
    return serve_at(
        Addresses(
            platform=settings.text("DARI_PAYMENTS_URL"),
            database=settings.text("DARI_PAYMENTS_DB_URL") or None,
            redis=settings.text("DARI_PAYMENTS_REDIS_URL") or None,
            kafka=settings.text("DARI_PAYMENTS_KAFKA_BOOTSTRAP") or None,
            prometheus=settings.text("DARI_PAYMENTS_PROMETHEUS_URL") or None,
        ),
        SystemClock(),
        results=data.joinpath("results") if not results else data.joinpath(results),
        operator_token=settings.text("DARI_PAYMENTS_OPERATOR_TOKEN") or None,
        targets=tuple(one for one in targets if one),
        journal=data / "acts.jsonl",
    )


async def trial(
    names: Sequence[str], *, seed: int, told: Callable[[Mapping[str, Any]], None] | None = None
) -> dict[str, Any]:
    """Play faults before the monitor and count: `{profile, seed, passed, total, false_alarms, controls, scenarios}`.

    `names` are scenarios ("F04"), several at once ("F04+F06"), controls ("C1") or root causes; none: all of them.
    `told` hears each scenario as it ends. Raises NotFound.
    """
    from dari.services.monitoring.adapters.in_process import ports_of  # noqa: PLC0415 -- an extra
    from dari.services.monitoring.monitor import Monitor  # noqa: PLC0415 -- as above
    from dari.services.payments.faults.catalogue import EVERYTHING, SCENARIOS  # noqa: PLC0415 -- as above
    from dari.services.payments.faults.run import run  # noqa: PLC0415 -- as above

    by_cause = {scenario.root_cause: key for key, scenario in SCENARIOS.items()}
    chosen = ["+".join(by_cause.get(part, part) for part in name.upper().split("+")) for name in names]
    for part in (part for name in chosen for part in name.split("+")):
        if part not in EVERYTHING:
            known = ", ".join(EVERYTHING)
            raise NotFound(f"there is no scenario {part[:40]!r}", hint=Hint(f"있는 것: {known}", f"There are: {known}"))

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

    return await run(watch, names=chosen, seed=seed, told=told)
