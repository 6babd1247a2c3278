import pytest

from dari.core.clock import ManualClock
from dari.providers.kiwoom.simulator import Simulator
from tests.unit.kiwoom_simulator.client import ACNT, STKINFO, Asker


@pytest.fixture
def limited(real: Asker, mock: Asker, simulator: Simulator) -> tuple[Asker, Asker]:
    simulator.service.limiter.off = False
    return real, mock


async def passes(asker: Asker, api_id: str = "ka00001", path: str = ACNT, **body: str) -> bool:
    return (await asker.send(api_id, path, body)).status_code == 200


async def test_mock_takes_one_a_second_and_two_at_once(limited: tuple[Asker, Asker], clock: ManualClock) -> None:
    _, mock = limited
    assert [await passes(mock) for _ in range(4)] == [True, True, False, False]
    clock.advance(1.0)
    assert [await passes(mock) for _ in range(2)] == [True, False]
    clock.advance(10)
    assert [await passes(mock) for _ in range(3)] == [True, True, False]


async def test_real_takes_five_a_second(limited: tuple[Asker, Asker], clock: ManualClock) -> None:
    real, _ = limited
    assert sum([await passes(real) for _ in range(8)]) == 5
    clock.advance(0.2)
    assert [await passes(real) for _ in range(2)] == [True, False]


async def test_api_ids_do_not_disturb_each_other(limited: tuple[Asker, Asker]) -> None:
    real, _ = limited
    assert sum([await passes(real) for _ in range(6)]) == 5
    assert await passes(real, "ka10001", STKINFO, stk_cd="005930")


async def test_a_refusal_tells_the_quota_on_real_and_nothing_on_mock(limited: tuple[Asker, Asker]) -> None:
    real, mock = limited
    for _ in range(5):
        await passes(real)
    for _ in range(2):
        await passes(mock)
    told = (await real.send("ka00001", ACNT, {})).json()
    assert told["return_code"] == 5
    assert "[1700:" in told["return_msg"]
    assert "유량=5, API ID=ka00001" in told["return_msg"]
    told = (await mock.send("ka00001", ACNT, {})).json()
    assert (told["return_code"], told["return_msg"]) == (5, "허용된 요청 개수를 초과하였습니다")


async def test_a_quota_may_lift_once_it_has_been_told(limited: tuple[Asker, Asker], clock: ManualClock) -> None:
    real, _ = limited
    await real.switch("limits", real={"per_second": 1, "burst": 2, "told": True, "lifts_to": 5})
    assert [await passes(real) for _ in range(2)] == [True, True]
    assert "유량=5" in (await real.send("ka00001", ACNT, {})).json()["return_msg"]
    clock.advance(1.0)
    assert sum([await passes(real) for _ in range(8)]) == 5


async def test_arrivals_are_counted(limited: tuple[Asker, Asker], clock: ManualClock) -> None:
    real, _ = limited
    for _ in range(6):
        await passes(real)
        clock.advance(0.01)
    told = (await real.http.get("/__sim__/stats")).json()
    mine = [one["outcome"] for one in told["arrivals"] if one["api_id"] == "ka00001"]
    assert mine == ["passed"] * 5 + ["1700"]
    assert told["calls"]["real ka00001"] == 6
    assert told["refusals"] == {"1700": 1}
