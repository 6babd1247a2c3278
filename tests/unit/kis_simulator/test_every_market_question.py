"""Every market endpoint answers from its sheet, and all but a listed few tell the world's figures."""

import httpx2
import pytest

from dari.core.clock import ManualClock, RunningClock
from dari.core.endpoint import Endpoint, Parameter
from dari.providers.kis.simulator import REAL, create_app
from dari.providers.kis.simulator.answers.plain import kind_of
from dari.providers.kis.simulator.answers.untied import CALENDAR, UNTIED
from dari.providers.kis.spec import SPEC
from dari.worlds.market import Market
from tests.unit.kis_simulator.client import NOON, Client

READS = [one.id for one in SPEC if one.transport == "rest" and one.scope == "market"]
SYMBOLS = {
    "elw": "510A00",
    "future": "101W12",
    "option": "201W12350",
    "bond": "KR2033022D33",
    "overseas_index": "SPX",
    "overseas": "AAPL",
    "overseas_future": "ESZ26",
    "overseas_option": "DXFZ24",
}


def symbol(sheet: Endpoint) -> str:
    division = next(
        (p.fixed or next(iter(p.codes), "") for p in sheet.parameters if p.name.lower() == "fid_cond_mrkt_div_code"), ""
    )
    return "0001" if division == "U" else SYMBOLS.get(kind_of(sheet, "", division) or "", "005930")


def asked(sheet: Endpoint, one: Parameter) -> str:
    name = one.name.lower()
    given = {"fid_cond_mrkt_div_code_1": "J", "symb_01": "AAPL", "excd_01": "NAS", "excd": "NAS"}
    if "multprice" in sheet.id:
        given["fid_input_iscd_1"] = "005930"
    told = one.sample or "" if one.required else ""
    if one.fixed is not None:
        told = one.fixed
    elif name in given:
        told = given[name]
    elif name in {"fid_input_iscd", "mksc_shrn_iscd", "sht_cd", "symb", "srs_cd", "pdno"} and not one.codes:
        told = symbol(sheet)
    elif any(word in name for word in ("date_1", "strt_dt", "f_dt", "start_date")):
        told = "20261101"
    elif any(word in name for word in ("date_2", "end_dt", "t_dt", "bass_dt", "trad_dt", "end_date", "bymd")):
        told = "20261120"
    elif one.codes and one.required:
        told = next(iter(one.codes))
    return told


async def answer(client: Client, name: str) -> httpx2.Response:
    sheet = SPEC.endpoint(name)
    query = {one.name: asked(sheet, one) for one in sheet.parameters}
    if name == "domestic_stock.inquire_vi_status":
        query |= {"FID_INPUT_DATE_1": "20261119", "FID_INPUT_ISCD": ""}
    return await client.get(name, query)


@pytest.mark.parametrize("name", READS)
async def test_the_reply_has_the_sheets_blocks_and_fields(client: Client, name: str) -> None:
    body = (await answer(client, name)).json()
    assert body["rt_cd"] == "0", body
    for block in SPEC.endpoint(name).blocks:
        told = body[block.name or "output"]
        rows = told if isinstance(told, list) else [told]
        assert all(list(row) == [field.name for field in block.fields] for row in rows)
        assert all(isinstance(value, str) for row in rows for value in row.values())


async def test_all_but_the_listed_tell_the_world(client: Client) -> None:
    """What reads the same in two worlds is not of the world; the list of those is complete, true and short."""
    other = create_app(Market(5), clock=ManualClock(NOON), world=RunningClock(NOON, speed=0))
    transport = httpx2.ASGITransport(app=other)
    async with httpx2.AsyncClient(transport=transport, base_url="http://kis") as http:
        second = Client(http, other)
        await second.sign_in(REAL)
        same = [name for name in READS if (await answer(client, name)).json() == (await answer(second, name)).json()]
    assert set(same) == UNTIED.keys() | CALENDAR
    assert len(UNTIED) <= 0.2 * len(SPEC.ids())
