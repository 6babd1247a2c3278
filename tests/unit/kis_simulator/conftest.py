from collections.abc import AsyncIterator

import httpx2
import pytest

from dari.app.simulators import market_of
from dari.core.clock import ManualClock, RunningClock
from dari.providers.kis.simulator import PAPER, REAL, Simulator, create_app
from dari.worlds.market import Market
from tests.unit.kis_simulator.client import NOON, Client


@pytest.fixture(scope="session")
def market() -> Market:
    return market_of(3)


@pytest.fixture
def simulator(market: Market) -> Simulator:
    return create_app(market, clock=ManualClock(NOON), world=RunningClock(NOON, speed=0))


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[Client]:
    transport = httpx2.ASGITransport(app=simulator)
    async with httpx2.AsyncClient(transport=transport, base_url="http://kis") as http:
        one = Client(http, simulator)
        await one.sign_in(REAL)
        await one.sign_in(PAPER)
        yield one
