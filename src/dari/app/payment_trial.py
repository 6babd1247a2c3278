"""The trial of the diagnosis on real parts: a private stack, a monitor that sees as an operator does.

`real`: MariaDB, Redis and three Kafka brokers as programs. `local`: the same, but the brokers speak Kafka's protocol
from this process (`services/stack/kafka_simulator`), so neither Java nor a cluster is needed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from dari.app.payment_stack import stack_of
from dari.settings import Settings

BROKERS: Final = 3
FOLDERS: Final = {"real": "trial", "local": "local-trial"}
NEEDED: Final = ("mariadb", "redis", "kafka")


async def real_trial(
    names: Sequence[str],
    settings: Settings,
    *,
    seed: int,
    profile: str = "real",
    folder: Path | None = None,
    pace: float = 1.0,
    told: Callable[[Mapping[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Play the scenarios on MariaDB, Redis and three Kafka brokers of a private stack, which is started and stopped.

    Raises StackError (a SetupError) where a part is not installed.
    """
    from dari.services.payments.faults.real.play import run  # noqa: PLC0415 -- an extra

    stack = stack_of(settings, folder or stack_of(settings).folder.with_name(f"{FOLDERS[profile]}-stack"), BROKERS)
    async with _parts(stack, profile) as parts, AsyncExitStack() as closing:
        watch = _watching(parts, closing)
        return await run(parts, watch, names=names, seed=seed, profile=profile, pace=pace, told=told)


@asynccontextmanager
async def _parts(stack: Any, profile: str) -> AsyncIterator[Any]:
    """The stack itself, or with brokers of this process; stopped at the end."""
    if profile == "local":
        from dari.services.stack.local_parts import LocalParts  # noqa: PLC0415 -- an extra

        with LocalParts(stack) as local:
            yield local
        return
    try:
        await asyncio.to_thread(stack.up, NEEDED)
        yield stack
    finally:
        await asyncio.to_thread(stack.down)


def _watching(stack: Any, closing: AsyncExitStack) -> Any:
    from dari.services.monitoring.adapters.connect import Addresses, connect  # noqa: PLC0415 -- an extra
    from dari.services.monitoring.monitor import Monitor  # noqa: PLC0415 -- as above
    from dari.services.monitoring.probes.look import Probing  # noqa: PLC0415 -- as above

    where = stack.addresses()
    parts = Addresses(
        database=stack.reading_url,
        redis=where["DARI_PAYMENTS_REDIS_URL"],
        kafka=where["DARI_PAYMENTS_KAFKA_BOOTSTRAP"],
    )

    class Watching:
        """The monitor of one platform."""

        def __init__(self, monitor: Monitor) -> None:
            self._monitor = monitor

        async def look(self) -> None:
            await self._monitor.sample()

        async def diagnose(self) -> Mapping[str, Any]:
            return await self._monitor.diagnose()

    async def watch(system: Any, recent: float) -> Watching:
        # Of the scenario before nothing is left: neither its platform nor what was remembered of it.
        await closing.aclose()
        ports, close = connect(parts, system.world_clock, platform=system.app())
        closing.push_async_callback(close)
        return Watching(Monitor(ports, system.world_clock, Probing(window=recent)))

    return watch
