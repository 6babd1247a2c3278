from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dari.services.payments.faults.run import run, run_one
from dari.services.payments.faults.score import REQUIRED, judge
from dari.services.payments.faults.theatre import Truth
from dari.services.payments.sandbox import Sandbox

LIMITED = Truth(
    "F07",
    "RATE_LIMITED_MERCHANT",
    {
        "merchant": "M",
        "action": "authorize",
        "count": 700,
        "capacity": 600,
        "reset_seconds": 9,
        "refused": 100,
        "share_percent": 100.0,
        "refused_others": 0,
    },
    (),
)
EVIDENCE = {
    "merchant": "M",
    "action": "authorize",
    "count": 700,
    "capacity": 600,
    "reset_seconds": 9,
    "refused": 100,
    "share429Percent": 100.0,
    "others429": 0,
}


def report(*causes: tuple[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "root_cause": causes[0][0] if causes else None,
        "causes": [{"id": name, "evidence": evidence} for name, evidence in causes],
    }


def test_every_scenario_has_required_figures() -> None:
    assert set(REQUIRED) == {f"F{number:02d}" for number in range(1, 17)}


def test_a_complete_report_passes() -> None:
    score = judge([LIMITED], report(("RATE_LIMITED_MERCHANT", EVIDENCE)))[0]
    assert score.passed
    assert score.missing == score.wrong == ()


@pytest.mark.parametrize("name", sorted(EVIDENCE))
@pytest.mark.parametrize("change", ["absent", "wrong"])
def test_a_figure_that_is_absent_or_wrong_fails(name: str, change: str) -> None:
    evidence = {key: value for key, value in EVIDENCE.items() if key != name}
    if change == "wrong":
        evidence[name] = "other" if isinstance(EVIDENCE[name], str) else -1
    score = judge([LIMITED], report(("RATE_LIMITED_MERCHANT", evidence)))[0]
    assert not score.passed
    assert len(score.missing) == 1


def test_another_cause_beside_the_right_one_fails_and_so_does_none() -> None:
    both = judge([LIMITED], report(("RATE_LIMITED_MERCHANT", EVIDENCE), ("DB_UNREACHABLE", {})))[0]
    assert (both.passed, both.wrong) == (False, ("DB_UNREACHABLE",))
    assert not judge([LIMITED], report())[0].passed
    assert not judge([LIMITED], {"causes": [{"id": "RATE_LIMITED_MERCHANT", "evidence": None}]})[0].passed


def test_the_right_cause_must_come_first() -> None:
    said = report(("RATE_LIMITED_MERCHANT", EVIDENCE)) | {"root_cause": "TRAFFIC_SURGE"}
    assert judge([LIMITED], said)[0].missing == ("top-1",)


def test_a_control_passes_only_in_silence() -> None:
    quiet = Truth("C1", None, {}, ())
    assert judge([quiet], report())[0].passed
    assert not judge([quiet], report(("TRAFFIC_SURGE", {})))[0].passed


class _Oracle:
    """A watcher that was told the answer."""

    looks = 0

    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    async def look(self) -> None:
        _Oracle.looks += 1

    async def diagnose(self) -> dict[str, Any]:
        return self._answer


async def test_a_run_counts_what_was_found_and_what_was_alarmed() -> None:
    async def alarmist(_: Sandbox) -> _Oracle:
        return _Oracle(report(("REDIS_FLUSHED", {"restarted": False})))

    said = await run(alarmist, names=["F05", "C1"], seed=4)
    assert (said["passed"], said["total"], said["false_alarms"], said["controls"]) == (0, 1, 1, 1)
    assert said["scenarios"][0]["missing"] == {"F05": ["keys before", "idempotency keys", "rows within ttl"]}
    assert _Oracle.looks > 20
    with pytest.raises(KeyError):
        await run_one(["F99"], 0, alarmist)
