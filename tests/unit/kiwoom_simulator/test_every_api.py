"""All 208 APIs answer from their sheets, and what they tell that is not the world's is said."""

import pytest

from dari.core.endpoint import Effect
from dari.providers.kiwoom.simulator.exchange import ANSWERS
from dari.providers.kiwoom.simulator.frames import STOCK_TYPES, frame_values
from dari.providers.kiwoom.simulator.own_tales import NOT_FROM_THE_WORLD
from dari.providers.kiwoom.simulator.realtime import realtime_types
from dari.providers.kiwoom.spec import SPEC
from dari.worlds.market import Market
from tests.unit.kiwoom_simulator.client import NOON, WARRANT, Asker, sample

READS = [
    one for one in SPEC.ids() if SPEC.endpoint(one).transport == "rest" and SPEC.endpoint(one).effect is Effect.READ
]
EMPTY_AT_NOON = {
    # lists that hold nothing at the moment asked, or for an account that has not traded
    *("ka10011", "ka10017", "ka10040", "ka10053", "ka10054"),
    *("ka10072", "ka10073", "ka10074", "ka10075", "ka10076", "ka10077", "ka10088", "ka10170"),
    *("kt00001", "kt00007", "kt00008", "kt00009", "kt00015", "kt50020", "kt50030", "kt50031", "kt50032", "kt50075"),
    *("ka30002", "ka10016", "ka10024"),
}
ITEMS = {"0J": "001", "0U": "101", "0I": "MGD", "0m": WARRANT, "0u": WARRANT, "1h": "005930"}


def fund_of(market: Market) -> str:
    return next(one.code for one in market.issues if one.etp)


@pytest.mark.parametrize("api_id", READS)
async def test_a_read_answers_with_every_field_of_its_sheet(real: Asker, market: Market, api_id: str) -> None:
    endpoint = SPEC.endpoint(api_id)
    told = await real.ask(api_id, endpoint.path, **sample(endpoint, fund_of(market)))
    for block in endpoint.blocks:
        names = [one.name for one in block.fields]
        if block.name is None:
            assert set(names) <= set(told)
            assert all(isinstance(told[name], str) for name in names)
            continue
        rows = told[block.name]
        assert rows or api_id in EMPTY_AT_NOON, f"{api_id} told nothing"
        for row in rows:
            assert list(row) == names
            assert all(isinstance(value, str) for value in row.values())
    lists = {block.name for block in endpoint.blocks if block.name}
    top = {one.name for block in endpoint.blocks if block.name is None for one in block.fields}
    assert set(told) == lists | top | {"return_code", "return_msg"}


def test_every_rest_api_has_an_answer() -> None:
    rest = {one for one in SPEC.ids() if SPEC.endpoint(one).transport == "rest" and SPEC.endpoint(one).scope != "auth"}
    assert set(ANSWERS) == rest


def test_what_is_not_the_worlds_is_told_and_is_little() -> None:
    assert set(NOT_FROM_THE_WORLD) <= set(SPEC.ids())
    assert all(NOT_FROM_THE_WORLD.values())
    assert len(NOT_FROM_THE_WORLD) / len(SPEC.ids()) <= 0.2


@pytest.mark.parametrize("kind", sorted(realtime_types() - {"00", "04", "0s"}))
def test_a_market_type_tells_every_field_number(market: Market, kind: str) -> None:
    item = fund_of(market) if kind == "0G" else ITEMS.get(kind, "005930")
    values = frame_values(market, kind, item, NOON)
    assert values is not None
    assert list(values) == [one.name for one in SPEC.endpoint(kind).blocks[0].fields]
    if "10" in values:
        assert int(values["10"].lstrip("+-").replace(".", "")) > 0


def test_nineteen_types_are_known() -> None:
    assert len(realtime_types()) == 19
    assert realtime_types() >= STOCK_TYPES


def test_an_item_that_does_not_exist_has_no_frame(market: Market) -> None:
    for kind in realtime_types() - {"00", "04", "0s"}:
        assert frame_values(market, kind, "nothing", NOON) is None
    assert frame_values(market, "0G", "005930", NOON) is None
