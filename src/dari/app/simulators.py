"""The simulators, ready to be served or to be asked in this process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from dari.core.clock import Clock, RunningClock
from dari.core.errors import Hint, NotFound
from dari.providers.dart.simulator import create_app as create_dart
from dari.providers.kis.simulator import create_app as create_kis
from dari.providers.kiwoom.simulator import create_app as create_kiwoom
from dari.providers.krx.simulator import create_app as create_krx
from dari.providers.naramarket.simulator import create_app as create_naramarket
from dari.worlds.market import Market
from dari.worlds.procurement import World as Procurement


@lru_cache(maxsize=2)
def market_of(seed: int) -> Market:
    """The market of `seed`: one for all simulators of this process, since it tells the same to everybody."""
    return Market(seed)


def kis_simulator(*, world: Clock, seed: int, clock: Clock | None = None) -> Any:
    """The ASGI app of the KIS simulator: the market of `seed` at the time `world` tells, limits counted by `clock`."""
    return create_kis(market_of(seed), clock=clock, world=world)


def kiwoom_simulator(*, world: Clock, seed: int, clock: Clock | None = None) -> Any:
    """The ASGI app of the Kiwoom simulator, over the same market."""
    return create_kiwoom(market_of(seed), clock=clock, world=world)


def krx_simulator(*, world: Clock, seed: int, clock: Clock | None = None) -> Any:
    """The ASGI app of the KRX Open API's simulator, over the same market: its closed days."""
    return create_krx(market_of(seed), clock=clock, world=world)


def dart_simulator(*, world: Clock, seed: int, clock: Clock | None = None) -> Any:
    """The ASGI app of the OpenDART simulator, over the same market: its companies' disclosures."""
    return create_dart(market_of(seed), clock=clock, world=world)


def naramarket_simulator(*, world: Clock, seed: int, origin: str = "https://www.g2b.go.kr") -> Any:
    """The ASGI app of the procurement simulator: what was posted by the time `world` tells."""
    return create_naramarket(Procurement(seed), clock=world, origin=origin)


SIMULATORS: Final[MappingProxyType[str, Callable[..., Any]]] = MappingProxyType(
    {
        "kis": kis_simulator,
        "kiwoom": kiwoom_simulator,
        "krx": krx_simulator,
        "dart": dart_simulator,
        "naramarket": naramarket_simulator,
    }
)


def simulator(provider: str, *, seed: int, now: datetime | None, speed: float) -> Any:
    """A provider's simulator from `now` (None: the present) on, its market's time running at `speed`."""
    make = SIMULATORS.get(provider)
    if make is None:
        names = ", ".join(SIMULATORS)
        raise NotFound(
            f"there is no simulator {provider[:40]!r}", hint=Hint(f"있는 것: {names}", f"There are: {names}")
        )
    return make(world=RunningClock(now, speed), seed=seed)
