"""Answers in a terminal: columns in line whatever their letters, ticks for a series, nothing else for programs."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from dari.cli import crawling, operating
from dari.cli.operating import Played
from dari.cli.showing import grids, series, show, sparkline
from tests.support import exits

CANDLES = {
    "symbol": "005930", "columns": ["date", "open", "close"],
    "rows": [["20261103", 30, 40], ["20261102", 20, None], ["20261101", 10, 10]],
}  # fmt: skip
RANKING = {
    "simulated": True, "market": "ALL", "summary": {"total": 1234567},
    "ranking": [
        {"rank": 1, "stock_name": "삼성전자", "change_rate": 1.5, "nested": {"a": 1}, "empty": None},
        {"rank": 2, "stock_name": "LG [bold]", "change_rate": -2.0, "nested": {"a": 2}, "empty": None},
    ],
    "gaps": [{"field": "per", "reason": "no key"}], "provenance": [{"provider": "kis", "endpoint": "rank"}],
}  # fmt: skip


def terminal(width: int = 100, **more: Any) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, **more)


def shown(told: dict[str, Any], console: Console) -> str:
    assert show(told, "the text", console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_columns_stand_in_line_whatever_their_letters() -> None:
    lines = shown(RANKING, terminal(no_color=True, color_system=None)).splitlines()
    table = [line for line in lines if line.startswith(("┏", "┃", "│", "└"))]
    assert len({cell_len(line) for line in table}) == 1
    assert any("삼성전자" in line and "1.5" in line for line in table)
    assert any("LG [bold]" in line for line in table)  # what an upstream says is no markup
    text = "\n".join(lines)
    assert "nested" not in text
    assert "empty" not in text
    for said in ("모의 데이터 simulated", "market ALL", "summary: total 1,234,567", "– per: no key", "← kis rank"):
        assert said in text


def test_up_is_red_and_down_is_blue_and_without_colour_nothing_is(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = shown(RANKING, terminal(color_system="standard"))
    assert "\x1b[31m" in coloured
    assert "\x1b[34m" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[3" not in shown(RANKING, terminal(color_system="standard"))


def test_what_does_not_fit_is_counted() -> None:
    text = shown(RANKING, terminal(28, color_system=None))
    assert "+1 columns: --json" in text
    assert "change_rate" not in text
    assert all(cell_len(line) <= 28 for line in text.splitlines())


def test_a_series_is_drawn_oldest_first_with_its_holes() -> None:
    (grid,) = grids(CANDLES)
    assert series(grid) == "close ▁ █ 10 ~ 40 (20261101 → 20261103)"
    assert series(grid) in shown(CANDLES, terminal(color_system=None))
    assert sparkline([1, 2, 3, 4, 5, 6, 7, 8]) == "▁▂▃▄▅▆▇█"
    assert sparkline([5, 5]) == "▁▁"
    assert sparkline(range(100), 3) == "▁▅█"
    assert sparkline([None, None]) == ""
    assert series(grids({"rows": [{"date": "1", "name": "x"}, {"date": "2", "name": "y"}]})[0]) == ""
    assert series(grids({"rows": [{"date": "1", "close": "x"}, {"date": "2", "close": "y"}]})[0]) == ""


@pytest.mark.parametrize("told", [{"price": 1}, {"rows": []}, {"rows": [1, 2]}, {**RANKING, "code": "unreachable"}])
def test_an_answer_without_a_table_and_an_error_are_their_text(told: dict[str, Any]) -> None:
    assert shown(told, terminal(color_system=None)) == "the text\n"


def test_who_is_no_terminal_reads_the_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert not show(RANKING, "the text", Console(file=io.StringIO()))
    assert exits("call", "volume-ranking", "get_volume_ranking", "count=2", "--simulated") == 0
    told = capsys.readouterr().out
    assert "1. 005930 삼성전자" in told
    assert "\x1b" not in told


def test_a_terminal_reads_a_table_and_a_program_the_same_document(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    words = ("call", "volume-ranking", "get_volume_ranking", "count=2", "--simulated")
    assert exits(*words) == 0
    assert "stock_name" in capsys.readouterr().out
    assert exits(*words, "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["ranking"]) == 2


# --- dari crawl ---


@pytest.mark.parametrize("where", ["terminal", "pipe"])
def test_receipts_are_a_table_in_a_terminal_and_lines_elsewhere(
    where: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if where == "terminal":
        monkeypatch.setenv("FORCE_COLOR", "1")
    receipt = {"start": "2026-11-01T00:00", "end": "2026-11-03T23:59", "state": "done", "distinct": 1174}
    shown_receipts = [{**receipt, "expected": 1174}, {**receipt, "state": "gap", "gap": "[why]"}]
    told = {"crawl": "c", "state": "done", "rows": 1174, "calls": {"page": 2}, "success": True, "reason": "",
            "receipts": shown_receipts, "resume_not_before": None}  # fmt: skip
    crawling._shown(told)  # what a person sees after a long crawl, without one
    out = capsys.readouterr().out
    assert "c: done, 1,174 rows, 2 calls" in out
    assert "[why]" in out
    assert ("┏" in out) is (where == "terminal")
    assert ("2026-11-01 ~ 2026-11-03  done     1,174 of 1,174" in out) is (where == "pipe")


# --- dari faults ---

CASES = [
    {"scenario": "F01", "passed": True, "found": ["KAFKA_UNREACHABLE"], "seconds": 3.2},
    {"scenario": "F02", "passed": False, "found": [], "seconds": 1.0},
]


def test_faults_grow_as_a_table_in_a_terminal() -> None:
    console = terminal(color_system=None, height=20)
    with Played(console) as played:
        for case in CASES:
            played.told(case)
        console.print(played.table())
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    assert "KAFKA_UNREACHABLE" in text
    assert "2 played, 1 as expected" in text


def test_faults_are_lines_elsewhere_and_nothing_beside_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def trial(*_: Any, told: Any, **__: Any) -> dict[str, Any]:
        for case in CASES:
            told(case)
        rows = [{**case, "expected": [], "missing": {"causes": ["X"]}, "wrong": []} for case in CASES]
        return {"passed": 1, "masked": 0, "total": 2, "false_alarms": 0, "scenarios": rows}

    monkeypatch.setattr(operating, "trial", trial)
    assert exits("faults", "run", "F01") == 1
    out, err = capsys.readouterr()
    assert "1/2 faults named" in out
    assert err.splitlines() == ["✅ F01 KAFKA_UNREACHABLE 3", "❌ F02 — 1"]
    assert exits("faults", "run", "F01", "--json") == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["total"] == 2
    assert err == ""
