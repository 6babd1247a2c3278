from datetime import timedelta

import pytest

from dari.providers.kis.simulator import NEWCOMER, PAPER, REAL, Key, create_app
from dari.worlds.market import Market
from tests.unit.kis_simulator.client import Client

PRICE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
PRICE_PATH = "/uapi/domestic-stock/v1/quotations/inquire-price"


async def test_a_token_comes_once_a_minute_and_stays_the_same_for_six_hours(client: Client) -> None:
    first = client.tokens[REAL.appkey]
    refused = await client.sign_in(REAL)
    assert refused.status_code == 403
    assert refused.json()["error_code"] == "EGW00133"
    client.clock.advance(61)
    again = await client.sign_in(REAL)
    assert again.json()["access_token"] == first
    assert again.json()["expires_in"] == 86_400 - 61
    assert again.json()["access_token_token_expired"] == "2026-11-21 11:00:00"
    client.clock.advance(6 * 3600)
    assert (await client.sign_in(REAL)).json()["access_token"] != first


async def test_tokens_die_after_a_day_when_revoked_and_when_spoiled(client: Client) -> None:
    assert (await client.get("inquire_price", PRICE)).status_code == 200
    client.clock.advance(timedelta(days=1).total_seconds())
    late = await client.get("inquire_price", PRICE)
    assert (late.status_code, late.json()["msg_cd"]) == (500, "EGW00123")
    await client.sign_in(REAL)
    assert (await client.http.post("/__sim__/expire-tokens")).json()["expired"] >= 1
    assert (await client.get("inquire_price", PRICE)).json()["msg_cd"] == "EGW00123"
    await client.sign_in(REAL)
    body = {"appkey": REAL.appkey, "appsecret": REAL.appsecret, "token": client.tokens[REAL.appkey]}
    assert (await client.http.post("/real/oauth2/revokeP", json=body)).json()["code"] == 200
    assert (await client.get("inquire_price", PRICE)).json()["msg_cd"] == "EGW00121"


@pytest.mark.parametrize(
    ("path", "change", "code"),
    [
        ("/real/oauth2/tokenP", {"grant_type": None}, "EGW00115"),
        ("/real/oauth2/tokenP", {"grant_type": "password"}, "EGW00116"),
        ("/real/oauth2/tokenP", {"appkey": None}, "EGW00102"),
        ("/real/oauth2/tokenP", {"appkey": PAPER.appkey}, "EGW00103"),
        ("/real/oauth2/tokenP", {"appsecret": None}, "EGW00104"),
        ("/real/oauth2/tokenP", {"appsecret": "x"}, "EGW00105"),
        ("/real/oauth2/revokeP", {}, "EGW00121"),
        ("/real/oauth2/Approval", {}, "EGW00104"),  # it wants `secretkey`
    ],
)
async def test_sign_in_refusals(client: Client, path: str, change: dict[str, str | None], code: str) -> None:
    body = {"grant_type": "client_credentials", "appkey": REAL.appkey, "appsecret": REAL.appsecret} | change
    reply = await client.http.post(path, json={name: value for name, value in body.items() if value is not None})
    assert (reply.status_code, reply.json()["error_code"]) == (403, code)


async def test_an_approval_key(client: Client) -> None:
    body = {"grant_type": "client_credentials", "appkey": REAL.appkey, "secretkey": REAL.appsecret}
    reply = await client.http.post("/real/oauth2/Approval", json=body)
    assert len(reply.json()["approval_key"]) == 36


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"appkey": ""}, 500, "EGW00102"),
        ({"appkey": "nobody"}, 500, "EGW00103"),
        ({"appsecret": ""}, 500, "EGW00104"),
        ({"appsecret": "x"}, 500, "EGW00105"),
        ({"custtype": "X"}, 500, "EGW00208"),
        ({"authorization": ""}, 500, "EGW00122"),
        ({"authorization": "abc"}, 500, "EGW00205"),
        ({"authorization": "Bearer abc"}, 500, "EGW00121"),
        ({"tr_id": ""}, 200, "OPSQ9999"),
        ({"tr_id": "FHPST01710000"}, 500, "EGW00310"),
    ],
)
async def test_header_refusals(client: Client, headers: dict[str, str], status: int, code: str) -> None:
    reply = await client.get("inquire_price", PRICE, headers=headers)
    assert (reply.status_code, reply.json()["msg_cd"], reply.json()["rt_cd"] != "0") == (status, code, True)


async def test_modes_do_not_mix(client: Client) -> None:
    paper = client.headers("FHKST01010100", PAPER)
    real = client.headers("FHKST01010100", REAL)
    assert (await client.http.get("/real" + PRICE_PATH, params=PRICE, headers=paper)).json()["msg_cd"] == "EGW02004"
    assert (await client.http.get("/paper" + PRICE_PATH, params=PRICE, headers=real)).json()["msg_cd"] == "EGW00103"
    assert (await client.http.get("/paper" + PRICE_PATH, params=PRICE, headers=paper)).json()["rt_cd"] == "0"
    client.clock.advance(1.0)
    ranking = await client.get("volume_rank", {}, key=PAPER, headers={"tr_id": "FHPST01710000"})
    assert ranking.json()["msg_cd"] == "EGW02006"


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"FID_COND_MRKT_DIV_CODE": "K"}, "ERROR INVALID FID_COND_MRKT_DIV_CODE"),
        ({"FID_COND_MRKT_DIV_CODE": ""}, "ERROR INVALID FID_COND_MRKT_DIV_CODE"),
        ({"FID_INPUT_ISCD": "0" * 13}, "ERROR INPUT FIELD SIZE [FID_INPUT_ISCD]"),
    ],
)
async def test_parameters_are_checked_behind_http_200(client: Client, parameters: dict[str, str], text: str) -> None:
    reply = await client.get("inquire_price", PRICE | parameters)
    assert reply.status_code == 200
    assert reply.json()["rt_cd"] == "2"
    assert reply.json()["msg1"].strip() == text


async def test_a_parameter_in_the_wrong_case_is_missing(client: Client) -> None:
    wrong = {name.lower(): value for name, value in PRICE.items()}
    reply = await client.http.get("/real" + PRICE_PATH, params=wrong, headers=client.headers("FHKST01010100"))
    assert reply.json()["msg1"].strip() == "ERROR INPUT FIELD NOT FOUND [FID_COND_MRKT_DIV_CODE]"


@pytest.mark.parametrize(("key", "limit"), [(REAL, 18), (PAPER, 1), (NEWCOMER, 3)])
async def test_windows_are_strict_and_slide(client: Client, key: Key, limit: int) -> None:
    await client.sign_in(key)
    headers = client.headers("FHKST01010100", key)

    async def ask() -> str:
        return str((await client.http.get(f"/{key.mode}{PRICE_PATH}", params=PRICE, headers=headers)).json()["msg_cd"])

    assert [await ask() for _ in range(limit)] == ["MCA00000"] * limit
    assert await ask() == "EGW00201"
    client.clock.advance(0.75)
    assert await ask() == "EGW00201"
    client.clock.advance(0.25)
    assert await ask() == "MCA00000"


async def test_an_unknown_path_and_a_wrong_method(client: Client) -> None:
    reply = await client.http.get("/real/uapi/no/such", headers=client.headers("X"))
    assert (reply.status_code, reply.json()["msg_cd"]) == (404, "EGW00300")
    reply = await client.http.post("/real" + PRICE_PATH, json=PRICE, headers=client.headers("FHKST01010100"))
    assert (reply.status_code, reply.json()["msg_cd"]) == (405, "EGW00101")


async def test_faults_strike_as_often_as_told(client: Client) -> None:
    await client.http.post("/__sim__/faults", json={"html_502": 1, "rate": 1, "only": "inquire-price"})
    assert (await client.get("inquire_price", PRICE)).status_code == 502
    assert (await client.get("inquire_price", PRICE)).json()["msg_cd"] == "EGW00201"
    assert (await client.get("inquire_price", PRICE)).json()["rt_cd"] == "0"
    await client.http.post("/__sim__/faults", json={"fail_percent": 40, "seed": 5})
    codes = [(await client.get("inquire_price", PRICE)).json()["msg_cd"] for _ in range(60)]
    assert 12 <= codes.count("EGW00001") <= 36
    assert (await client.http.delete("/__sim__/faults")).json()["fail_percent"] == 0
    assert (await client.http.post("/__sim__/faults", json={"typo": 1})).status_code == 400


async def test_a_token_refusal_on_demand_and_a_clock_that_is_ahead(client: Client) -> None:
    client.clock.advance(3600)
    await client.http.post("/__sim__/faults", json={"token_refusals": 1, "clock_offset": 600})
    assert (await client.sign_in(REAL)).json()["error_code"] == "EGW00133"
    reply = await client.sign_in(REAL)
    assert reply.headers["date"] == "Fri, 20 Nov 2026 03:10:00 GMT"
    assert reply.json()["access_token_token_expired"] == "2026-11-21 11:10:00"


async def test_counters(client: Client) -> None:
    await client.get("inquire_price", PRICE)
    await client.get("inquire_price", PRICE, headers={"tr_id": "nonsense"})
    stats = (await client.http.get("/__sim__/stats")).json()
    assert stats["calls"]["FHKST01010100"] == 1
    assert stats["refusals"] == {"EGW00310": 1}
    assert stats["tokens_issued"] == {REAL.appkey[-8:]: 1, PAPER.appkey[-8:]: 1}
    assert [one["what"] for one in stats["arrivals"]][-2:] == ["FHKST01010100", "nonsense"]
    await client.http.delete("/__sim__/stats")
    assert (await client.http.get("/__sim__/stats")).json()["calls"] == {}


def test_an_app_needs_nothing_but_a_world(market: Market) -> None:
    assert create_app(market).clock.now().utcoffset() is not None
