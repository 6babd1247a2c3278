"""`dari days`: filled, looked at, refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dari.app.doctoring import examined
from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.core.locks import take
from dari.core.shared_state import private_folder
from tests.support import exits


def test_days_are_filled_once_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits("days", "status", "--simulated", "--json") == 1
    empty = json.loads(capsys.readouterr().out)
    assert (empty["days"], empty["newest"], empty["simulated"]) == (0, None, True)
    assert exits("days", "fill", "--days", "1", "--simulated", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["days"], told["calls"], told["missing"]) == (1, 2, [])
    assert told["newest"] == told["published"]
    assert exits("days", "fill", "--days", "1", "--simulated") == 0
    said = capsys.readouterr()
    assert "1 days kept" in said.out
    assert exits("days", "status", "--simulated") == 1
    assert "missing 59" in capsys.readouterr().out


def test_a_fill_under_way_elsewhere_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits("days", "status", "--simulated", "--json") == 1
    folder = json.loads(capsys.readouterr().out)["folder"]
    lock = take(private_folder(Path(folder)) / "filling.lock")
    assert exits("days", "fill", "--days", "1", "--simulated") == 2
    lock.release()
    assert "another process" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("--days", "0"), ("--days", "5000"), ("--from", "elsewhere")])
def test_a_mistake_is_told_before_a_call_is_spent(words: tuple[str, ...]) -> None:
    assert exits("days", "fill", *words, "--simulated") == 2


def test_without_a_key_it_says_how_to_do_without(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits("days", "fill") == 1
    assert "--from kis" in capsys.readouterr().err


async def test_doctor_tells_how_far_it_is() -> None:
    async with Runtime(settings_of(), simulated=True) as runtime:
        checks = {one.what: one for one in await examined(runtime, "krx")}
        assert checks["one read"].state == "ok"
        assert checks["days"].state == "absent"
        async for _ in runtime.joining.days.fill(1):
            pass
        (days,) = [one for one in await examined(runtime, "krx") if one.what == "days"]
    assert (days.state, days.found[:6]) == ("warning", "1 days")
