"""How sure a difference of two load tests is: by the spread of like runs where there are three, else by the requests.

The normal interval of two shares; the large-sample error of a quantile, sqrt(p(1-p)/n) over the density there, which is
read from p90 and p99; Student's t for the next run after n like ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import mean, stdev
from typing import Any, Final

Row = Mapping[str, Any]
LIKE: Final = ("scenario", "runner", "target", "rate", "seconds", "capture", "refund")
ENOUGH_RUNS: Final = 3
NORMAL_95: Final = 1.96
STUDENT_95: Final = {2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 10: 2.228}
"""Two-sided 95 %, by degrees of freedom; above ten, 2.2 (never too narrow)."""
ONE_RUN: Final = (
    "한 번씩의 실행만 비교했습니다. 요청은 서로 독립이 아니고 실행 사이의 차이는 모릅니다: 같은 설정으로 3회 이상 "
    "반복하세요 "
    "one run each: requests of a run are not independent and the spread between runs is unknown; repeat each 3 times"
)
LIKE_RUNS: Final = "같은 설정의 지난 실행들과 비교했습니다 against earlier runs of the same setting"
OTHER_SETTING: Final = "두 실행의 설정이 다릅니다. 차이는 설정 때문일 수 있습니다 the settings of the two runs differ"
UNKNOWN_SETTING: Final = "설정을 모르는 결과입니다 a result does not say how it was run"


def confidence(before: Row, after: Row, rows: Sequence[Row]) -> dict[str, Any]:
    """`{p95_ms, success_rate: {verdict, difference, interval_95, by}, said}`; `rows` are the whole history.

    Verdicts: better, worse, not_distinguishable, unknown.
    """
    setting = _setting(before)
    like = [row for row in rows if setting and _setting(row) == setting and row["file"] != after["file"]]
    known = [value for row in like if (value := p95(row)) is not None]
    told = [LIKE_RUNS if len(known) >= ENOUGH_RUNS else ONE_RUN]
    if not setting or not _setting(after):
        told.append(UNKNOWN_SETTING)
    elif setting != _setting(after):
        told.append(OTHER_SETTING)
    return {
        "p95_ms": _by_runs(known, p95(after)) if len(known) >= ENOUGH_RUNS else _by_requests(before, after),
        "success_rate": _shares(before, after),
        "said": ". ".join(told),
    }


def p95(row: Mapping[str, Any]) -> float | None:
    """Milliseconds, or None."""
    text = (row.get("response_time") or {}).get("p95")
    return None if not text else float(str(text).split()[0])


def _setting(row: Mapping[str, Any]) -> tuple[Any, ...]:
    run = row.get("run") or {}
    return tuple(run.get(name) for name in LIKE) if run else ()


def _verdict(difference: float, room: float, by: str, *, more_is_worse: bool) -> dict[str, Any]:
    clear = abs(difference) > room
    word = "worse" if (difference > 0) is more_is_worse else "better"
    return {
        "verdict": word if clear else "not_distinguishable",
        "difference": round(difference, 3),
        "interval_95": [round(difference - room, 3), round(difference + room, 3)],
        "by": by,
    }


def _nothing(by: str) -> dict[str, Any]:
    return {"verdict": "unknown", "difference": None, "interval_95": None, "by": by}


def _by_runs(known: Sequence[float], after: float | None) -> dict[str, Any]:
    """Where the next run may lie after these, were nothing changed."""
    by = f"{len(known)} runs"
    if after is None:
        return _nothing(by)
    room = STUDENT_95.get(len(known) - 1, 2.2) * stdev(known) * sqrt(1 + 1 / len(known))
    return _verdict(after - mean(known), room, by, more_is_worse=True)


def _by_requests(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    errors = [_error(row) for row in (before, after)]
    first, second = p95(before), p95(after)
    if first is None or second is None or None in errors:
        return _nothing("requests")
    room = NORMAL_95 * sqrt(sum(error * error for error in errors if error is not None))
    return _verdict(second - first, room, "requests", more_is_worse=True)


def _error(row: Mapping[str, Any]) -> float | None:
    """The standard error of a run's p95 in ms, as if its requests were independent."""
    times, count = row.get("percentiles") or {}, row.get("requests")
    if not count or times.get("p90") is None or times.get("p99") is None:
        return None
    width = float(times["p99"]) - float(times["p90"])
    return sqrt(0.95 * 0.05 / float(count)) * width / (0.99 - 0.90)


def _shares(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Percentage points of success, after minus before."""
    rates = [row.get("success_rate") for row in (before, after)]
    counts = [row.get("requests") for row in (before, after)]
    if None in rates or not all(counts):
        return _nothing("requests")
    first, second = (float(rate) for rate in rates if rate is not None)
    # One request more of each kind: a run without a failure does not promise that there is none.
    noise = [
        (share := (rate * count / 100 + 1) / (count + 2)) * (1 - share) / (count + 2)
        for rate, count in zip((first, second), counts, strict=True)
        if count is not None
    ]
    return _verdict(second - first, 100 * NORMAL_95 * sqrt(sum(noise)), "requests", more_is_worse=False)
