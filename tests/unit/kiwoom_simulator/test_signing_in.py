from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from dari.core.clock import KST, ManualClock
from dari.providers.kiwoom.simulator import MOCK_KEY, REAL_KEY
from tests.unit.kiwoom_simulator.client import ACNT, NOON, Asker


def wanted(**other: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "appkey": REAL_KEY.app_key,
        "secretkey": REAL_KEY.secret_key,
        **other,
    }


async def issue(http: httpx2.AsyncClient, body: dict[str, str], mode: str = "real") -> dict[str, Any]:
    told: dict[str, Any] = (await http.post(f"/{mode}/oauth2/token", json=body)).json()
    return told


async def test_a_token_lives_a_day_and_says_so_in_korean_time(http: httpx2.AsyncClient) -> None:
    told = await issue(http, wanted())
    ends = datetime.strptime(told["expires_dt"], "%Y%m%d%H%M%S").replace(tzinfo=KST)
    assert ends == NOON + timedelta(hours=24)
    assert (told["token_type"], told["return_code"]) == ("bearer", 0)
    assert set(told) == {"token", "token_type", "expires_dt", "return_code", "return_msg"}


async def test_asking_again_gives_the_same_token_and_its_first_expiry(
    http: httpx2.AsyncClient, clock: ManualClock
) -> None:
    first = await issue(http, wanted())
    clock.advance(6 * 3600)
    again = await issue(http, wanted())
    assert (again["token"], again["expires_dt"]) == (first["token"], first["expires_dt"])


async def test_another_process_may_end_the_old_token(real: Asker) -> None:
    old = real.token
    await real.switch("grants", reissue="replace")
    await real.sign_in()
    assert real.token != old
    await real.ask("ka00001", ACNT)
    real.token = old
    code, message = await real.refused("ka00001", ACNT, {})
    assert code == 3
    assert "[8005:" in message


async def test_a_token_can_be_forgotten_behind_the_back(real: Asker) -> None:
    assert (await real.switch("grants", forget=REAL_KEY.app_key))["ended"] == 1
    assert "[8005:" in (await real.refused("ka00001", ACNT, {}))[1]


async def test_an_expired_token_is_refused_and_a_new_one_comes(real: Asker, clock: ManualClock) -> None:
    old = real.token
    clock.advance(24 * 3600 + 1)
    assert "[8005:" in (await real.refused("ka00001", ACNT, {}))[1]
    await real.sign_in()
    assert real.token != old


@pytest.mark.parametrize(
    ("body", "mode", "code"),
    [
        (wanted(grant_type=""), "real", "8011"),
        (wanted(grant_type="password"), "real", "8012"),
        (wanted(appkey=""), "real", "8020"),
        (wanted(appkey="nobody"), "real", "8001"),
        (wanted(secretkey="wrong"), "real", "8002"),
        (wanted(), "mock", "8030"),
        (wanted(appsecret="x"), "real", "1517"),
    ],
)
async def test_wrong_keys_are_told_apart(http: httpx2.AsyncClient, body: dict[str, str], mode: str, code: str) -> None:
    told = await issue(http, body, mode)
    assert f"[{code}:" in told["return_msg"]
    assert "token" not in told


async def test_a_token_of_the_other_mode_is_refused(real: Asker, http: httpx2.AsyncClient) -> None:
    reply = await http.post(
        f"/mock{ACNT}", json={}, headers={"api-id": "ka00001", "authorization": f"Bearer {real.token}"}
    )
    assert "[8031:" in reply.json()["return_msg"]


async def test_a_revoked_token_is_gone(real: Asker, http: httpx2.AsyncClient) -> None:
    body = {"appkey": REAL_KEY.app_key, "secretkey": REAL_KEY.secret_key, "token": real.token}
    assert (await http.post("/real/oauth2/revoke", json=body)).json()["return_code"] == 0
    assert "[8005:" in (await real.refused("ka00001", ACNT, {}))[1]
    assert "[8015:" in (await http.post("/real/oauth2/revoke", json=body)).json()["return_msg"]
    assert "[8016:" in (await http.post("/real/oauth2/revoke", json={**body, "token": ""})).json()["return_msg"]


async def test_each_key_has_its_own_account(real: Asker, mock: Asker) -> None:
    assert (await real.ask("ka00001", ACNT))["acctNo"] == REAL_KEY.account
    assert (await mock.ask("ka00001", ACNT))["acctNo"] == MOCK_KEY.account


async def test_another_key_can_be_let_in(real: Asker) -> None:
    await real.switch("keys", app_key="second", secret_key="s", mode="real", account="5100000099")
    real.key = next(one for one in real.simulator.service.ring.keys if one.app_key == "second")
    await real.sign_in()
    assert (await real.ask("ka00001", ACNT))["acctNo"] == "5100000099"
