"""Every simulator the registry names is made by its name, over one market, and a name it does not know is refused."""

from __future__ import annotations

from datetime import datetime

import httpx2
import pytest

from dari.app.simulators import SIMULATORS, simulator
from dari.core.clock import KST
from dari.core.errors import NotFound

NOW = datetime(2026, 6, 17, 14, 0, tzinfo=KST)


@pytest.mark.parametrize("name", sorted(SIMULATORS))
async def test_each_simulator_is_made_and_answers(name: str) -> None:
    app = simulator(name, seed=7, now=NOW, speed=0)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://simulator") as client:
        answer = await client.get("/no/such/path")
    assert answer.status_code < 500


def test_an_unknown_simulator_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(NotFound) as told:
        simulator("nasdaq", seed=7, now=NOW, speed=1)
    assert told.value.hint is not None
    assert {"krx", "dart"} <= {name.strip(" .") for name in told.value.hint.en.removeprefix("There are: ").split(",")}
