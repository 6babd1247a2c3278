"""The door for people: what a command prints, as text and as JSON, and the code it leaves with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from dari.app import demonstration
from dari.app.setting_up import settings_of
from dari.cli import calling, examining, measuring, serving
from dari.cli.bench.shared import Measured
from dari.core.errors import BadSetting, DariError, InvalidInput, NotAllowed, NotFound
from dari.serving.mcp_door import listening
from tests.support import exits


def test_tools_weigh_themselves(capsys: pytest.CaptureFixture[str]) -> None:
    calling.tools("volume-ranking", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["server"] == "volume-ranking"
    assert told["tools_list_chars"] <= 3_500
    assert {"name", "description", "inputSchema", "annotations", "outputSchema"} == set(told["tools"][0])
    calling.tools("volume-ranking", as_json=False)
    assert "get_volume_ranking  [readOnlyHint]" in capsys.readouterr().out
    with pytest.raises(NotFound):
        calling.tools("nothing", as_json=False)


def test_a_call_prints_text_or_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("call", "volume-ranking", "get_volume_ranking", "count=2", "include_details=false", "--simulated")
    assert exits(*words) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("[모의 데이터")
    assert exits(*words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (len(told["ranking"]), told["simulated"]) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("get_volume_ranking", "count=51"), 2, "invalid_input"),
        (("get_volume_ranking", "colour=red"), 2, "invalid_input"),
        (("get_volume_ranking", "count"), 2, "invalid_input"),
        (("get_market_cap_ranking", "filter_by={"), 2, "invalid_input"),
        (("get_market_cap_ranking", 'filter_by={"sector": "abc"}'), 2, "invalid_input"),
        (("get_nothing",), 2, "not_found"),
        (("get_volume_ranking",), 1, "missing_credential"),
    ],
)
def test_a_call_that_fails_says_why_and_whose_fault_it_is(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, said: str
) -> None:
    assert exits("call", "volume-ranking", *words, "--json") == code
    assert json.loads(capsys.readouterr().out)["code"] == said


def test_an_unknown_server_is_a_mistake_told_with_the_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits("call", "nothing", "get_volume_ranking") == 2
    assert "volume-ranking" in capsys.readouterr().err


async def test_a_swapped_or_missing_key_is_told_before_any_call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARI_KIS_URL", "http://127.0.0.1:1")  # nobody listens: a network call would end otherwise
    monkeypatch.setenv("KOREA_INVESTMENT_APP_KEY", "s" * 180)
    monkeypatch.setenv("KOREA_INVESTMENT_APP_SECRET", "k" * 36)
    code = await calling.call("volume-ranking", "get_volume_ranking", [], as_json=True, simulated=False, seed=1)
    told = json.loads(capsys.readouterr().out)
    assert (code, told["code"], "swapped" in told["message"]) == (1, "sign_in_refused", True)


async def test_paper_keys_alone_are_told_what_paper_cannot_read(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARI_KIS_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("KOREA_INVESTMENT_PAPER_APP_KEY", "k" * 36)
    monkeypatch.setenv("KOREA_INVESTMENT_PAPER_APP_SECRET", "s" * 180)
    await calling.call("volume-ranking", "get_volume_ranking", [], as_json=True, simulated=False, seed=1)
    assert json.loads(capsys.readouterr().out)["code"] == "wrong_mode"


@pytest.fixture
async def kis(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The simulators on loopback, and settings that point at them."""
    simulators = demonstration.simulators(1)
    async with listening.serving(simulators["kis"]) as one, listening.serving(simulators["kiwoom"]) as other:
        for name, value in demonstration.flags({"kis": one, "kiwoom": other}).items():
            if name != "DARI_HOME":
                monkeypatch.setenv(name, value)
        yield one


@pytest.mark.usefixtures("kis")
async def test_doctor_finds_everything_well_and_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert await examining.doctor("kis", as_json=True) == 0
    written = capsys.readouterr().out
    told = json.loads(written)
    assert told["ok"] is True
    assert told["answered"] == ["kis real", "kis paper"]
    assert {one["what"] for one in told["checks"]} == {"key", "sign-in", "one read", "clock", "websocket key, hashkey"}
    assert await examining.doctor(None, as_json=False) == 0
    written += capsys.readouterr().out
    assert "PSsimulatedReal" not in written
    assert "present" in written


@pytest.mark.usefixtures("kis")
async def test_doctor_names_what_is_wrong_and_the_next_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOREA_INVESTMENT_APP_SECRET", "w" * 180)
    assert await examining.doctor("kis", as_json=True) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["wrong"] == ["kis real: sign-in"]
    (check,) = [one for one in told["checks"] if one["state"] == "wrong"]
    assert check["next_step"]
    with pytest.raises(NotFound):
        await examining.doctor("nobody", as_json=True)


async def test_doctor_without_keys_or_network(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await examining.doctor("kis", as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert {one["state"] for one in told["checks"]} == {"absent"}
    monkeypatch.setenv("DARI_KIS_URL", "https://somewhere.example")
    assert await examining.doctor("kis", as_json=False) == 1
    assert "DARI_TRUSTED_HOSTS" in capsys.readouterr().out


@pytest.mark.usefixtures("kis")
async def test_the_cache_shows_what_is_kept_and_forgets_it(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        await calling.call("volume-ranking", "get_volume_ranking", ["count=1"], as_json=True, simulated=False, seed=1)
    capsys.readouterr()
    await examining.cache("kis", clear=None, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert len(told["entries"]) == 5
    assert told["counts"]["misses"] == 5
    assert told["counts"]["hits"] == told["counts"]["l2_hits"] == 5
    await examining.cache("kis", clear="*volume_rank*", as_json=False)
    assert "volume_rank" not in capsys.readouterr().out
    await examining.cache("kis", clear="*", as_json=True)
    assert json.loads(capsys.readouterr().out)["entries"] == []


@pytest.mark.parametrize(
    ("names", "options", "kind"),
    [
        ((), {}, InvalidInput),
        (("nothing",), {}, NotFound),
        (("volume-ranking", "kiwoom"), {}, InvalidInput),
        (("volume-ranking",), {"http": True, "host": "0.0.0.0"}, NotAllowed),
    ],
)
async def test_serving_refuses_what_it_should_not_do(
    names: tuple[str, ...], options: dict[str, object], kind: type[DariError]
) -> None:
    given = {"http": False, "host": "127.0.0.1", "port": 0, "simulated": True, "seed": 1} | options
    with pytest.raises(kind):
        await serving.serve(names, **given)  # type: ignore[arg-type]  # the table above


@pytest.mark.parametrize(("provider", "now", "kind"), [("nobody", None, NotFound), ("kis", "yesterday", InvalidInput)])
async def test_simulate_refuses_what_it_does_not_know(provider: str, now: str | None, kind: type[DariError]) -> None:
    with pytest.raises(kind):
        await serving.simulate(provider, port=0, seed=1, now=now, speed=1.0)


async def test_a_bench_tells_its_figures_and_fails_outside_its_limit(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFound):
        await measuring.bench("nothing", as_json=True, long=False)

    async def measure(*, long: bool) -> list[Measured]:
        del long
        return [
            Measured(name="x", figure=2.0, unit="s", floor=1.0, ratio=2.0, limit=1.5, within=False),
            Measured(name="y", figure=1.0, unit="s", floor=1.0, ratio=1.0, limit=1.5, within=True),
        ]

    monkeypatch.setattr("dari.cli.bench.single_flight.measure", measure)
    assert await measuring.bench("single-flight", as_json=True, long=False) == 1
    assert [one["within"] for one in json.loads(capsys.readouterr().out)["figures"]] == [False, True]
    assert await measuring.bench("single-flight", as_json=False, long=False) == 1
    assert "✗" in capsys.readouterr().out


def test_a_bad_setting_stops_every_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIS_MODE", "pretend")
    assert exits("call", "volume-ranking", "get_volume_ranking") == 1
    assert "KIS_MODE" in capsys.readouterr().err
    with pytest.raises(BadSetting):
        settings_of()
