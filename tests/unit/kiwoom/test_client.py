"""`from dari.kiwoom import KiwoomClient, KiwoomError`: the document's methods, for people who write programs."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from dari.core.clock import ManualClock
from dari.core.errors import BadSetting, Unreachable
from dari.core.provider import Request, Response
from dari.kiwoom import KiwoomClient, KiwoomError
from dari.upstream.wire import Wire
from tests.unit.kiwoom.doubles import NOON, Kiwoom, quote, refusal
from tests.unit.kiwoom.test_tools import ACCOUNT


@pytest.fixture
def kiwoom(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kiwoom:
    clock = ManualClock(NOON)
    clock.advance(100.0)
    double = Kiwoom(clock, **ACCOUNT, ka10095={"atn_stk_infr": [quote()]})

    async def send(_: Wire, request: Request) -> Response:
        return await double.send(request)

    monkeypatch.setattr(Wire, "send", send)
    monkeypatch.setenv("DARI_HOME", str(tmp_path))
    monkeypatch.setenv("DARI_DOTENV", str(tmp_path / "no.env"))
    for name in ("KIWOOM_APP_KEY", "KIWOOM_SECRET_KEY", "KIWOOM_MODE", "KIWOOM_SAMPLE_FALLBACK"):
        monkeypatch.delenv(name, raising=False)
    return double


DOCUMENTED = {
    "connect_to_kiwoom": ["app_key", "app_secret", "account_no"],
    "get_stock_price": ["stock_code"],
    "get_account_info": [],
    "get_stock_info": ["stock_code"],
    "get_market_status": [],
    "get_stock_history": ["stock_code", "days"],
}


@pytest.mark.parametrize("method", DOCUMENTED)
def test_the_methods_have_the_documents_signatures(method: str) -> None:
    function = getattr(KiwoomClient, method)
    assert inspect.iscoroutinefunction(function)
    assert list(inspect.signature(function).parameters)[1:] == DOCUMENTED[method]


async def test_connecting_checks_whose_account_the_key_is(kiwoom: Kiwoom) -> None:
    async with KiwoomClient(clock=kiwoom.clock) as client:
        assert await client.connect_to_kiwoom("k", "s" * 40, "12345678-90") is True
        assert await client.connect_to_kiwoom("k2", "s" * 40, "9999999999") is False
    assert kiwoom.asked[0].url.startswith("https://mockapi.kiwoom.com")


async def test_the_documents_fields_come_back_as_they_are(kiwoom: Kiwoom) -> None:
    async with KiwoomClient(clock=kiwoom.clock, app_key="k", secret_key="s" * 40) as client:
        price = await client.get_stock_price("005930")
        account = await client.get_account_info()
        status = await client.get_market_status()
    assert {"stock_code", "price", "change", "change_rate", "volume", "timestamp"} <= set(price)
    assert price["price"] == 70100
    assert {"account_no", "balance", "total_value", "profit_loss", "timestamp"} <= set(account)
    assert {"market_open", "current_time", "market_type", "status"} <= set(status)


async def test_a_failure_is_a_kiwoom_error_with_its_cause(kiwoom: Kiwoom) -> None:
    kiwoom.said["ka10095"] = refusal("8010", 3)
    async with KiwoomClient(clock=kiwoom.clock, app_key="k", secret_key="s" * 40) as client:
        with pytest.raises(KiwoomError, match="another IP address") as caught:
            await client.get_stock_price("005930")
        assert (caught.value.code, caught.value.executed) == ("sign_in_refused", False)
        assert "IP" in caught.value.hint
        with pytest.raises(KiwoomError) as wrong:
            await client.get_stock_price("삼성전자")
        assert wrong.value.code == "invalid_input"
    kiwoom.said["ka00001"] = refusal("8010", 3)
    async with KiwoomClient(clock=kiwoom.clock) as client:
        with pytest.raises(KiwoomError, match="another IP address"):
            await client.connect_to_kiwoom("k", "s" * 40, "1234567890")


async def test_without_keys_the_setting_is_named(kiwoom: Kiwoom) -> None:
    async with KiwoomClient(clock=kiwoom.clock) as client:
        with pytest.raises(KiwoomError) as caught:
            await client.get_stock_price("005930")
    assert caught.value.code == "missing_credential"
    assert "KIWOOM_APP_KEY" in caught.value.hint


async def test_the_documents_numbers_are_settings(kiwoom: Kiwoom) -> None:
    kiwoom.said["ka10095"] = Unreachable("down", executed=False)
    async with KiwoomClient(clock=kiwoom.clock, app_key="k", secret_key="s" * 40, attempts=2) as client:
        with pytest.raises(KiwoomError):
            await client.get_stock_price("005930")
    assert len(kiwoom.bodies("ka10095")) == 2


async def test_a_sample_must_be_asked_for(kiwoom: Kiwoom) -> None:
    kiwoom.said["ka10095"] = Unreachable("down", executed=False)
    async with KiwoomClient(clock=kiwoom.clock, app_key="k", secret_key="s" * 40, sample_fallback=1) as client:
        price = await client.get_stock_price("005930")
    assert (price["price"], price["is_sample"], price["note"]) == (50000, True, "샘플 데이터 (API 호출 실패)")


@pytest.mark.parametrize("wrong", [{"mode": "live"}, {"attempts": 0}, {"sample_fallback": "yes"}])
async def test_a_setting_outside_its_list_stops_the_start(kiwoom: Kiwoom, wrong: dict[str, object]) -> None:
    client = KiwoomClient(clock=kiwoom.clock, app_key="k", secret_key="s" * 40, **wrong)
    with pytest.raises(BadSetting):
        await client.get_stock_price("005930")
    await client.close()


async def test_samples_and_real_orders_do_not_go_together(kiwoom: Kiwoom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARI_ORDER_ACCOUNT", "1234567890")
    keys = {"app_key": "k", "secret_key": "s" * 40, "sample_fallback": 1}
    with pytest.raises(BadSetting, match="real orders"):
        await KiwoomClient(clock=kiwoom.clock, mode="real", **keys).get_stock_price("005930")
    async with KiwoomClient(clock=kiwoom.clock, mode="mock", **keys) as client:
        assert (await client.get_stock_price("005930"))["price"] == 70100
