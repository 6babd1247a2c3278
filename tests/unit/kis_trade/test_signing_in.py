"""The four sign-in endpoints, through grants and `dari doctor`; with them no REST endpoint of KIS is left out."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from dari.app import doctoring
from dari.app.checkup.findings import Check
from dari.cli import examining
from dari.core.endpoint import Effect
from dari.core.errors import InvalidInput, Refused
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.lines import LINES
from tests.support import Asker, StillClock, exits, simulated
from tests.unit.kis_trade.test_endpoints import READS, call
from tests.unit.kis_trade.trading import simulator_of

SIGNING = {row.id: row for row in SPEC if row.scope == "auth"}
PRICE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}


async def doctor(trade: Asker, *, renewed: bool = False) -> list[Check]:
    checks = doctoring.upstream_checks(trade.runtime, "kis", renewed=renewed)
    return [one async for one in checks if one.what != "clock"]


def pass_a_minute(trade: Asker) -> None:
    assert isinstance(trade.clock, StillClock)
    trade.clock.at = trade.clock.now() + timedelta(seconds=90)
    trade.clock.advance(90)


def kept(folder: Path) -> str:
    return "".join(path.read_text() for path in (folder / "home").rglob("*.json"))


def test_every_rest_endpoint_is_read_ordered_or_signed_with() -> None:
    ordered = {one for line in LINES.values() for one in (line.buy, line.sell, line.change)}
    walked = [*(row.id for row in READS), *ordered, *SIGNING]
    assert (len(READS), len(ordered), len(SIGNING)) == (256, 18, 4)
    assert sorted(walked) == sorted(row.id for row in SPEC if row.transport == "rest")


async def test_doctor_walks_all_four_and_renews_the_token(tmp_path: Path) -> None:
    async with simulated("kis-trade", tmp_path) as trade:
        assert {one.state for one in await doctor(trade)} == {"ok"}
        simulator, client = simulator_of(trade), trade.runtime.client_of("kis")
        first = await client.grants.get("default", "real")
        assert first is not None
        pass_a_minute(trade)
        checks = await doctor(trade, renewed=True)
        assert {one.state for one in checks} == {"ok"}, checks
        assert "new token" in next(one.found for one in checks if one.what == "sign-in")
        assert {row.path for row in SIGNING.values()} <= set(simulator.calls)
        assert simulator.calls["/oauth2/revokeP"] == 2  # real and paper
        assert simulator.calls["/oauth2/Approval"] == 2  # kept from the first look
        old = simulator.keyring.find(first.token)
        assert old is not None
        assert old.revoked
        assert first.token not in kept(tmp_path)
        await call(trade, "domestic_stock.inquire_price", PRICE)


async def test_another_process_takes_the_new_token_at_its_next_call(tmp_path: Path) -> None:
    async with simulated("kis-trade", tmp_path) as trade:
        await call(trade, "domestic_stock.inquire_price", PRICE)
        client = trade.runtime.client_of("kis")
        other = type(client.grants)(client.dialect, client.state, client.clock)
        pass_a_minute(trade)
        new = await other.renew("default", "real")
        issued = simulator_of(trade).calls["/oauth2/tokenP"]
        told = await call(trade, "domestic_stock.inquire_price", {**PRICE, "FID_INPUT_ISCD": "000660"})
        assert told["fields"]["output"]["price"] > 0
        assert await client.grants.get("default", "real") == new
        assert simulator_of(trade).calls["/oauth2/tokenP"] == issued


async def test_hashkey_is_asked_with_the_body_as_it_is(tmp_path: Path) -> None:
    async with simulated("kis-trade", tmp_path) as trade:
        asking = trade.runtime.client_of("kis").asking()
        reply = await asking.ask("auth.hashkey", {"CANO": "00000000"}, mode="paper")
        assert reply.body["BODY"] == {"CANO": "00000000"}
        assert len(reply.body["HASH"]) == 64


async def test_signing_out_is_no_ordinary_call(tmp_path: Path) -> None:
    async with simulated("kis-trade", tmp_path) as trade:
        for one in SIGNING:
            outcome = await trade.outcome("call_endpoint", endpoint=one, parameters={})
            assert outcome.error == "not_allowed"
    assert [one for one, row in SIGNING.items() if row.effect is Effect.READ] == ["auth.hashkey"]


async def test_a_token_that_is_too_young_stays(tmp_path: Path) -> None:
    async with simulated("kis-trade", tmp_path) as trade:
        await doctor(trade)
        checks = await doctor(trade, renewed=True)
        assert {one.fault for one in checks if one.state == "wrong"} == {"token_too_soon"}
        assert simulator_of(trade).calls["/oauth2/revokeP"] == 0
        await call(trade, "domestic_stock.inquire_price", PRICE)


async def test_trouble_with_the_other_keys_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with simulated("kis-trade", tmp_path) as trade:

        async def refused(*_: object) -> None:
            raise Refused("no approval today")

        monkeypatch.setattr(trade.runtime.client_of("kis").push_grants, "get", refused)
        checks = await doctor(trade)
        (one,) = [one for one in checks if one.state != "ok" and one.subject == "kis real"]
        assert (one.state, one.what) == ("warning", "websocket key, hashkey")
        assert doctoring.verdict(checks)["ok"] is True


async def test_only_a_token_of_kis_is_revoked(capsys: pytest.CaptureFixture[str]) -> None:
    for subject in (None, "kiwoom", "cursor"):
        with pytest.raises(InvalidInput):
            await examining.doctor(subject, as_json=True, fresh_token=True)
    assert capsys.readouterr().out == ""


def test_the_command_takes_a_new_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def checks(*_: object, renewed: bool) -> list[Check]:
        return [Check(subject="kis real", what="sign-in", state="ok", found=f"renewed: {renewed}")]

    monkeypatch.setenv("DARI_HOME", str(tmp_path))
    monkeypatch.setattr(doctoring, "examined", checks)
    for asked in (True, False):
        assert exits("doctor", "kis", "--json", *(["--fresh-token"] if asked else [])) == 0
        assert json.loads(capsys.readouterr().out)["checks"][-1]["found"] == f"renewed: {asked}"
