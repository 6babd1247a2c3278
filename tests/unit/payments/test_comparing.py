"""A difference of two load tests is called one only where it is larger than what runs or requests scatter."""

from __future__ import annotations

from typing import Any

import pytest

from dari.providers.payments.tools.comparing import confidence

SETTING = {"scenario": "full-flow", "runner": "k6", "target": "t", "rate": 200, "seconds": 60, "capture": True}


def result(
    name: str, p95: float | None, *, success: float = 100.0, requests: int = 12_000, **run: Any
) -> dict[str, Any]:
    return {
        "file": name,
        "response_time": {"p95": None if p95 is None else f"{p95:.2f} ms"},
        "percentiles": {} if p95 is None else {"p90": p95 * 0.8, "p95": p95, "p99": p95 * 2},
        "success_rate": success,
        "requests": requests,
        "run": {**SETTING, "refund": True, **run},
    }


@pytest.mark.parametrize(
    ("after", "verdict"), [(100.5, "not_distinguishable"), (120.0, "worse"), (80.0, "better"), (None, "unknown")]
)
def test_two_runs_are_compared_by_their_requests(after: float | None, verdict: str) -> None:
    one, two = result("a", 100.0), result("b", after)
    said = confidence(one, two, [two, one])
    assert (said["p95_ms"]["verdict"], said["p95_ms"]["by"]) == (verdict, "requests")
    assert "3회" in said["said"]


def test_fewer_requests_make_a_wider_interval() -> None:
    many, few = (
        confidence(result("a", 100.0, requests=n), result("b", 110.0, requests=n), [])["p95_ms"]["interval_95"]
        for n in (40_000, 400)
    )
    assert few[0] < many[0] < many[1] < few[1]


@pytest.mark.parametrize(("after", "verdict"), [(130.0, "not_distinguishable"), (200.0, "worse"), (20.0, "better")])
def test_three_like_runs_tell_how_runs_scatter(after: float, verdict: str) -> None:
    like = [result(name, p95) for name, p95 in (("a", 90.0), ("b", 100.0), ("c", 110.0))]
    other = result("d", 500.0, rate=50)
    last = result("e", after)
    said = confidence(like[-1], last, [last, other, *like])
    # 4.303 × 10 ms × sqrt(4/3) around the mean of 100 ms
    assert said["p95_ms"] == {
        "verdict": verdict,
        "difference": after - 100,
        "interval_95": [round(after - 149.687, 3), round(after - 50.313, 3)],
        "by": "3 runs",
    }


def test_a_share_is_told_by_its_counts() -> None:
    worse = confidence(result("a", 100.0, success=99.9), result("b", 100.0, success=99.0), [])["success_rate"]
    same = confidence(result("a", 100.0, success=99.9), result("b", 100.0, success=99.88), [])["success_rate"]
    assert (worse["verdict"], same["verdict"]) == ("worse", "not_distinguishable")


@pytest.mark.parametrize(
    ("before", "said"),
    [(result("a", 90.0, rate=50), "설정이 다릅니다"), ({**result("a", 90.0), "run": None}, "설정을 모르는")],
)
def test_what_is_not_alike_is_said(before: dict[str, Any], said: str) -> None:
    assert said in confidence(before, result("b", 90.0), [])["said"]
