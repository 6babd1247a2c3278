"""Drawings of a payment system: only what was told is drawn, a count nobody could make is a hole, words say it all."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from dari.serving.charts.operating import (
    WIDE,
    breaker_spans,
    breaker_timeline,
    lag_bars,
    ledger_bars,
    waiting_line,
)


def at(minute: int) -> str:
    return f"2026-11-20T10:{minute:02}:00+09:00"


def moved(minute: int, transition: str, name: str = "kafka") -> dict[str, Any]:
    return {"at": at(minute), "circuit_breaker_name": name, "transition": transition}


def test_a_breaker_is_in_one_state_at_every_time_and_in_the_last_one_now() -> None:
    history = {
        "samples": {"since": at(0)},
        "transitions": [moved(20, "OPEN_TO_HALF_OPEN"), moved(5, "CLOSED_TO_OPEN")],
    }
    spans = breaker_spans(history, {"breakers": {"kafka": "HALF_OPEN", "pg": "CLOSED"}, "checked_at": at(30)})
    assert [(one.name, one.state, one.since.minute, one.until.minute) for one in spans] == [
        ("kafka", "CLOSED", 0, 5), ("kafka", "OPEN", 5, 20), ("kafka", "HALF_OPEN", 20, 30), ("pg", "CLOSED", 0, 30),
    ]  # fmt: skip
    drawn = breaker_timeline(spans)
    widths = {one: float(wide) for one, wide in re.findall(r"<title>kafka (\w+) .*?width=\"([\d.]+)\"", drawn.body)}
    assert round(widths["OPEN"] / widths["CLOSED"], 1) == 3.0
    assert drawn.label == "kafka HALF_OPEN (10:20:00~), pg CLOSED (10:00:00~)"


def test_a_transition_before_the_first_sample_and_an_unknown_state_are_told_as_they_are() -> None:
    history = {"samples": {"since": at(10)}, "transitions": [moved(5, "CLOSED_TO_OPEN")]}
    spans = breaker_spans(history, {"breakers": {"kafka": "OPEN", "pg": None}, "checked_at": at(30)})
    assert [(one.state, one.since) for one in spans] == [
        ("OPEN", datetime.fromisoformat(at(5))),
        ("", datetime.fromisoformat(at(10))),
    ]
    assert "pg ? " in breaker_timeline(spans).label


def test_without_times_nothing_is_drawn() -> None:
    assert breaker_spans({}, {"breakers": {"kafka": "OPEN"}, "checked_at": at(1)}) == []
    assert breaker_timeline([]).body == ""
    assert waiting_line({"samples": [{"at": at(1), "unpublished": 3}]}).body == ""
    assert (
        waiting_line({"samples": [{"at": at(1), "unpublished": None}, {"at": at(2), "unpublished": None}]}).body == ""
    )


def test_a_count_nobody_could_make_is_a_hole_in_the_line() -> None:
    counts = [0, 4, None, 2, None]
    drawn = waiting_line({"samples": [{"at": at(place), "unpublished": one} for place, one in enumerate(counts)]})
    lines = re.findall(r'<polyline[^>]*points="([^"]+)"', drawn.body)
    assert [len(one.split()) for one in lines] == [2, 2]
    assert [one.split(",")[1] for one in lines[0].split()] == ["120.0", "10.0"]  # none, and the most
    assert drawn.label == "10:00:00 ~ 10:04:00: 4 ↑, ? ●"


def test_lag_is_as_long_as_it_is_large_and_a_dash_where_it_is_not_known() -> None:
    drawn = lag_bars({"<a>": 40, "b": 10, "c": None, "d": 0})
    widths = [float(one) for one in re.findall(r'<rect[^>]*width="([\d.]+)"', drawn.body)]
    assert widths[0] == 4 * widths[1]
    assert widths[2:] == [1.0, 1.0]
    assert drawn.label == "<a> 40, b 10, c –, d 0"
    assert "<a>" not in drawn.body
    assert lag_bars({}).label == "–"


def test_both_sides_of_the_ledger_end_where_they_end() -> None:
    told = {
        "total_debits": 1000, "debit_accounts": [{"debit_account": "merchant_receivable", "total": 900},
                                                 {"debit_account": "fee", "total": 100}],
        "total_credits": 500, "credit_accounts": [{"credit_account": "cash", "total": 500}],
    }  # fmt: skip
    drawn = ledger_bars(told)
    rects = re.findall(r'<rect[^>]*x="([\d.]+)"[^>]*width="([\d.]+)"', drawn.body)
    ends = [round(float(left) + float(wide) + 1) for left, wide in rects]
    assert ends[1] == WIDE  # the larger side fills the room
    assert WIDE - ends[2] > 300  # and what is missing on the other is seen
    assert drawn.label == "차변 debits 1,000, 대변 credits 500"
    assert ledger_bars({}).label == "차변 debits –, 대변 credits –"
