"""The kit for people who test their own clients: each simulator by a fixture, with its keys, faults and time."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from dari.app.simulators import SIMULATORS

if TYPE_CHECKING:
    from dari.testing import Simulated

pytest_plugins = ["dari.testing"]


def asked(url: str, body: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    request = urllib.request.Request(
        url, None if body is None else json.dumps(body).encode(),
        {"content-type": "application/json", **headers},
    )  # fmt: skip
    with urllib.request.urlopen(request) as reply:
        return dict(json.load(reply))


def price(kis: Simulated) -> dict[str, Any]:
    """Somebody's own client, in a few lines of the standard library."""
    pair = kis.settings["KOREA_INVESTMENT_APP_KEY"], kis.settings["KOREA_INVESTMENT_APP_SECRET"]
    grant = {"grant_type": "client_credentials", "appkey": pair[0], "appsecret": pair[1]}
    if kis.url not in TOKENS:
        TOKENS[kis.url] = asked(f"{kis.url}/real/oauth2/tokenP", grant)["access_token"]
    return asked(
        f"{kis.url}/real/uapi/domestic-stock/v1/quotations/inquire-price"
        "?FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD=005930",
        authorization=f"Bearer {TOKENS[kis.url]}", appkey=pair[0], appsecret=pair[1],
        tr_id="FHKST01010100", custtype="P",
    )  # fmt: skip


TOKENS: dict[str, str] = {}


def test_a_blocking_client_asks_kis_and_sees_the_same_world_each_time(kis_simulator: Simulated) -> None:
    first = price(kis_simulator)
    assert first["rt_cd"] == "0"
    assert int(first["output"]["stck_prpr"]) > 0
    assert price(kis_simulator)["output"] == first["output"]


def test_a_fault_strikes_as_often_as_asked_and_is_gone_after(kis_simulator: Simulated) -> None:
    kis_simulator.fail(server_error=1)
    with pytest.raises(urllib.error.HTTPError) as refused:
        price(kis_simulator)
    assert refused.value.code == 500
    refused.value.close()
    assert price(kis_simulator)["rt_cd"] == "0"
    with pytest.raises(ValueError, match="nothing_like_it"):
        kis_simulator.fail(nothing_like_it=1)
    kis_simulator.fail(server_error=-1)


def test_the_next_test_finds_it_healed(kis_simulator: Simulated) -> None:
    assert price(kis_simulator)["rt_cd"] == "0"
    assert kis_simulator.stats()


def test_kiwoom_signs_in(kiwoom_simulator: Simulated) -> None:
    told = kiwoom_simulator.settings
    body = {
        "grant_type": "client_credentials", "appkey": told["KIWOOM_APP_KEY"], "secretkey": told["KIWOOM_SECRET_KEY"],
    }  # fmt: skip
    assert asked(f"{kiwoom_simulator.url}/mock/oauth2/token", body, **{"api-id": "au10001"})["return_code"] == 0
    kiwoom_simulator.fail(kind="refuse", code="1999", times=1)


def test_naramarket_lists_notices(naramarket_simulator: Simulated) -> None:
    key = quote(naramarket_simulator.settings["NARAMARKET_SERVICE_KEY"], safe="")
    told = asked(
        f"{naramarket_simulator.url}/1230000/ad/BidPublicInfoService/getBidPblancListInfoThng"
        f"?serviceKey={key}&type=json&inqryDiv=1&inqryBgnDt=202611190000&inqryEndDt=202611192359&numOfRows=2&pageNo=1"
    )
    assert told["response"]["header"]["resultCode"] == "00"
    naramarket_simulator.fail(quota={"calls": 0})


def test_the_promised_simulators_have_their_fixtures_and_an_unknown_one_is_refused() -> None:
    from dari import testing  # noqa: PLC0415 -- pytest loads it as a plugin first

    assert {name for name in SIMULATORS if f"{name}_simulator" in testing.__all__} >= {"kis", "kiwoom", "naramarket"}
    with pytest.raises(RuntimeError, match="did not start"), testing.running("emart", now=testing.NOON):
        pass
