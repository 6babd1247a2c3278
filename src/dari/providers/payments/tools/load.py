"""payment-loadtest: results graded and compared, scenarios, and a planned run with limits on target, rate and time."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.acts import Acting
from dari.core.errors import Hint, InvalidInput, NotAllowed, NotFound
from dari.core.exchange import Answer, Gap
from dari.core.progress import tell
from dari.core.tool import Query, Tool, Upstream
from dari.providers.payments.tools.acts import LOAD_TEST, PLAN_OUTPUT, STOP_LOAD, propose
from dari.providers.payments.tools.asking import (
    FIGURE,
    MAYBE,
    OBJECT,
    ROWS,
    SURE,
    WORD,
    Nothing,
    answer,
    clock,
    failed,
    figure,
    page,
    shape,
)
from dari.providers.payments.tools.comparing import confidence, p95

MARKS: Final = {"EXCELLENT": "🏆", "GOOD": "✅", "FAIR": "⚠️", "POOR": "🔴"}
LOOK_SECONDS: Final = 0.5
NO_RESULT: Final = "결과가 없습니다. run_load_test로 계획하고 apply_plan으로 실행하세요 no result yet"


class Run(Query):
    """Arguments of run_load_test."""

    enable_capture: bool = False
    enable_refund: bool = False
    scenario: Literal["authorize-only", "full-flow", "spike", "soak"] = "authorize-only"
    rate: int = Field(200, ge=1, le=1000, description="per second")
    duration_seconds: int = Field(480, ge=1, le=600)
    target: str | None = Field(None, max_length=200)
    runner: Literal["auto", "k6", "builtin"] = "auto"


class Progress(Query):
    """Arguments of load_test_progress: the testId that apply_plan gave."""

    test_id: str = Field(max_length=64)
    follow: bool = Field(default=False, description="wait for its end")


class Stop(Query):
    """Arguments of stop_load_test."""

    test_id: str = Field(max_length=64)


class Past(Query):
    """Arguments of get_test_history."""

    limit: int = Field(5, ge=1, le=50)


class Two(Query):
    """Arguments of compare_load_tests: file names of the history; the last two when left out."""

    before: str | None = Field(None, max_length=200)
    after: str | None = Field(None, max_length=200)


async def run_load_test(query: Run, upstream: Acting) -> Answer:
    """Plan a load test within the service's limits. Only apply_plan starts it."""
    load = (await page(upstream, "operator.policy"))["load_test"]
    target = query.target or next(iter(load["targets"]), None)
    if target is None or target not in load["targets"]:
        raise NotAllowed(
            f"load may go to {', '.join(load['targets']) or 'no target at all'}, not to {target}",
            hint=Hint("DARI_PAYMENTS_LOADTEST_TARGETS에 사람이 추가합니다.", "A person adds targets there."),
        )
    if query.rate > load["max_rate"] or query.duration_seconds > load["max_seconds"]:
        raise NotAllowed(f"at most {load['max_rate']} a second for {load['max_seconds']} s")
    if query.runner not in {"auto", *load["runners"]}:
        raise NotAllowed(
            f"the service has {', '.join(load['runners'])}, not {query.runner}",
            hint=Hint("모니터링 서비스가 있는 기계의 PATH에 k6을 두세요.", "Put k6 on PATH where the service runs."),
        )
    if query.enable_refund and not query.enable_capture:
        raise InvalidInput("enable_refund needs enable_capture")
    sent: dict[str, Any] = {"target": target, "rate": query.rate, "seconds": query.duration_seconds}
    sent |= {"capture": query.enable_capture, "refund": query.enable_refund}
    sent |= {"scenario": query.scenario, "runner": query.runner}
    return await propose(LOAD_TEST, target, sent, upstream)


async def load_test_progress(query: Progress, upstream: Upstream) -> Answer:
    """How far a load test is; with `follow` at its end, telling how far it is on the way."""
    while True:
        said = await page(upstream, "operator.load_progress", actId=query.test_id)
        tell({name: said.get(name) for name in ("status", "planned", "begun", "answered", "failed", "p95_ms")})
        if not query.follow or said["status"] not in {"running", "checking"}:
            break
        await asyncio.sleep(LOOK_SECONDS)
    said["test_id"] = query.test_id
    line = f"{said['status']} {said['begun']:,}/{said['planned']:,} · 실패 failed {said['failed']:,}"
    if said.get("ledger"):
        line += f" · 원장 ledger {said['ledger']['status']}, {said['ledger']['findings']}건"
    return answer(upstream, said, line)


async def stop_load_test(query: Stop, upstream: Acting) -> Answer:
    """Plan to end a load test early. Only apply_plan ends it."""
    return await propose(STOP_LOAD, query.test_id, {"testId": query.test_id}, upstream)


async def get_latest_result(_: Nothing, upstream: Upstream) -> Answer:
    """The newest result: its metrics and grade."""
    said = await page(upstream, "loadtest.latest")
    if not said["found"]:
        return answer(upstream, said, NO_RESULT)
    return answer(upstream, said, f"{said['file_path']} {clock(said.get('at'))}\n{_graded(said.get('analysis') or {})}")


async def analyze_performance(_: Nothing, upstream: Upstream) -> Answer:
    """Grade of the newest result, and what to do."""
    said = await page(upstream, "loadtest.analyze")
    if not said["found"]:
        return answer(upstream, said, NO_RESULT)
    found = said["analysis"]
    return answer(upstream, said, "\n".join([_graded(found), *found.get("recommendations", [])]))


def _graded(found: dict[str, Any]) -> str:
    grade, times = found.get("performance_grade", "unknown"), found.get("response_time") or {}
    return (
        f"{MARKS.get(grade, '❔')} {grade} - p95: {times.get('p95') or 'unknown'}, "
        f"성공률 {figure(found.get('success_rate'), '%')}, 처리량 {figure(found.get('throughput'), '/s')}"
    )


async def list_scenarios(_: Nothing, upstream: Upstream) -> Answer:
    """What can be run, and within which limits."""
    said = await page(upstream, "loadtest.scenarios")
    said["scenarios"] = [one if isinstance(one, dict) else {"name": one} for one in said["scenarios"]]
    lines = [f"{one['name']}: {one.get('description', '')}" for one in said["scenarios"]]
    return answer(upstream, said, "\n".join(lines))


async def get_test_history(query: Past, upstream: Upstream) -> Answer:
    """Past results, newest first, and the last against the one before."""
    said = await page(upstream, "loadtest.history", limit=query.limit)
    rows = said["history"]
    lines = [f"{clock(one.get('at'))} {one.get('file')} {_graded(one)}" for one in rows] or [NO_RESULT]
    if len(rows) > 1:
        said["change"] = compared(rows[1], rows[0])
        lines.append(_change(said["change"]))
    return answer(upstream, said, "\n".join(lines))


async def compare_load_tests(query: Two, upstream: Upstream) -> Answer:
    """Two results side by side."""
    rows = (await page(upstream, "loadtest.history", limit=50))["history"]
    by_name = {one["file"]: one for one in rows}
    names = [
        query.before or (rows[1]["file"] if len(rows) > 1 else ""),
        query.after or (rows[0]["file"] if rows else ""),
    ]
    if missing := [name for name in names if name not in by_name]:
        raise NotFound(f"no result {missing[0]!r}; there are {', '.join(list(by_name)[:10]) or 'none'}")
    before, after = (by_name[name] for name in names)
    change = compared(before, after)
    sure = confidence(before, after, rows)
    data = {"before": before, "after": after, "change": change, "confidence": sure}
    gaps = [Gap(f"change.{name}", "a result lacks the figure") for name, one in change.items() if one is None]
    text = f"{names[0]} → {names[1]}\n{_change(change)}\n{_sure(sure)}"
    return answer(upstream, data, text, *gaps)


def compared(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """p95 in ms, success rate and throughput: `{before, after, percent}`, or None where one of the two lacks it."""
    found: dict[str, Any] = {}
    for name, read in (("p95_ms", p95), ("success_rate", "success_rate"), ("throughput", "throughput")):
        first, second = (read(one) if callable(read) else one.get(read) for one in (before, after))
        if first is None or second is None:
            found[name] = None
            continue
        share = round(100 * (second - first) / first, 1) if first else None
        found[name] = {"before": first, "after": second, "percent": share}
    return found


def _sure(found: dict[str, Any]) -> str:
    one = found["p95_ms"]
    words = {
        "worse": "확실히 악화 clearly worse",
        "better": "확실히 개선 clearly better",
        "not_distinguishable": "구별되지 않음 not distinguishable",
        "unknown": "판단할 수 없음 unknown",
    }
    span = f" [{one['interval_95'][0]:+g}, {one['interval_95'][1]:+g}] ms" if one["interval_95"] else ""
    return f"95%: {words[one['verdict']]}{span} ({one['by']}). {found['said']}"


def _change(change: dict[str, Any]) -> str:
    one = change["p95_ms"]
    if one is None:
        return "비교할 p95가 없습니다 no p95 to compare"
    share = one["percent"]
    word = "변화 없음 same" if not share else "개선 better" if share < 0 else "악화 worse"
    return f"📈 {word}: p95 {one['before']:g}ms → {one['after']:g}ms ({0 if share is None else share:+g}%)"


TOOLS: Final = (
    Tool(
        name="run_load_test",
        title="부하 테스트 계획",
        description="Plan a load test 부하 테스트 계획 within limits; apply_plan starts it. spike: 순간 급증.",
        query=Run,
        output=PLAN_OUTPUT,
        run=run_load_test,
        endpoints=("operator.policy",),
        failed=failed,
    ),
    Tool(
        name="load_test_progress",
        title="부하 테스트 진행",
        description="How far an applied load test is 진행.",
        query=Progress,
        output=shape(
            test_id=WORD, status=WORD, planned=FIGURE, begun=FIGURE, failed=FIGURE, p95_ms=FIGURE, ledger=MAYBE
        ),
        run=load_test_progress,
        endpoints=("operator.load_progress",),
        failed=failed,
        deadline=700.0,
    ),
    Tool(
        name="stop_load_test",
        title="부하 테스트 중지 계획",
        description="Plan to end a running load test 중지. apply_plan ends it.",
        query=Stop,
        output=PLAN_OUTPUT,
        run=stop_load_test,
        endpoints=("operator.load_progress",),
        failed=failed,
    ),
    Tool(
        name="get_latest_result",
        title="최근 결과",
        description="The latest load test result 최근 결과: k6 metrics of either shape, graded.",
        query=Nothing,
        output=shape(found=SURE, summary=MAYBE, analysis=MAYBE, file_path=WORD, at=WORD),
        run=get_latest_result,
        endpoints=("loadtest.latest",),
        failed=failed,
    ),
    Tool(
        name="analyze_performance",
        title="성능 분석",
        description="Performance analysis 성능 분석 of the latest result: grade, p95, success rate, advice.",
        query=Nothing,
        output=shape(found=SURE, analysis=MAYBE, file_path=WORD),
        run=analyze_performance,
        endpoints=("loadtest.analyze",),
        failed=failed,
    ),
    Tool(
        name="list_scenarios",
        title="시나리오 목록",
        description="Load test scenarios 시나리오 that can be planned.",
        query=Nothing,
        output=shape(count=FIGURE, scenarios=ROWS),
        run=list_scenarios,
        endpoints=("loadtest.scenarios",),
        failed=failed,
    ),
    Tool(
        name="get_test_history",
        title="테스트 기록",
        description="Past load tests 과거 기록, newest first, with the change between the last two.",
        query=Past,
        output=shape(count=FIGURE, total=FIGURE, history=ROWS, change=OBJECT),
        run=get_test_history,
        endpoints=("loadtest.history",),
        failed=failed,
    ),
    Tool(
        name="compare_load_tests",
        title="테스트 비교",
        description="Two load tests side by side 비교, and how sure the difference is; the last two by default.",
        query=Two,
        output=shape(before=OBJECT, after=OBJECT, change=OBJECT, confidence=OBJECT),
        run=compare_load_tests,
        endpoints=("loadtest.history",),
        failed=failed,
    ),
)  # fmt: skip
