from collections.abc import AsyncIterator

import httpx2
import pytest

from dari.app.simulators import market_of
from dari.core.clock import ManualClock, RunningClock
from dari.providers.kiwoom.simulator import MOCK_KEY, REAL_KEY, Simulator, create_app
from dari.worlds.market import Market
from tests.unit.kiwoom_simulator.client import NOON, Asker


@pytest.fixture(scope="session")
def market() -> Market:
    return market_of(3)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def world() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def simulator(market: Market, clock: ManualClock, world: ManualClock) -> Simulator:
    return create_app(market, clock=clock, world=world)


@pytest.fixture
async def http(simulator: Simulator) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=simulator)
    async with httpx2.AsyncClient(transport=transport, base_url="http://kiwoom") as client:
        yield client


@pytest.fixture
async def real(http: httpx2.AsyncClient, simulator: Simulator) -> Asker:
    """The real host, signed in, without call limits."""
    simulator.service.limiter.off = True
    one = Asker(http, simulator, REAL_KEY)
    await one.sign_in()
    return one


@pytest.fixture
async def mock(http: httpx2.AsyncClient, simulator: Simulator) -> Asker:
    """The mock host, signed in, without call limits."""
    simulator.service.limiter.off = True
    one = Asker(http, simulator, MOCK_KEY)
    await one.sign_in()
    return one


@pytest.fixture
def still() -> RunningClock:
    """A world that stands still at noon."""
    return RunningClock(NOON, speed=0)
