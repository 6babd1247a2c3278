"""payment-circuit-breaker: state, diagnosis with causes, Kafka's health, failures by class, history of transitions."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from pydantic import Field

from dari.core.errors import InvalidInput
from dari.core.exchange import Answer
from dari.core.tool import Query, Tool, Upstream
from dari.providers.payments.tools.asking import (
    FIGURE,
    FLAG,
    NAMES,
    NUMBERS,
    OBJECT,
    ROWS,
    TEXT,
    WORD,
    Nothing,
    answer,
    clock,
    failed,
    figure,
    gap,
    look,
    page,
    shape,
)

MARKS: Final = {"HEALTHY": "✅", "DEGRADED": "⚠️", "RECOVERING": "⚠️", "UNHEALTHY": "🔴"}
MINUTES: Final = {"m": 1, "h": 60, "d": 1440}


class Named(Query):
    """Arguments of get_circuit_breaker_status."""

    name: str = Field("kafka-publisher", max_length=60, description="or pg-auth-api")


class Pattern(Query):
    """Arguments of analyze_failure_pattern."""

    time_range: str = Field("1h", pattern=r"^\d{1,4}[mhd]$", description="30m, 1h, 1d")


class History(Query):
    """Arguments of breaker_history."""

    since: datetime | None = None
    until: datetime | None = None
    name: str | None = Field(None, max_length=60)
    limit: int = Field(30, ge=1, le=100)


async def get_circuit_breaker_status(query: Named, upstream: Upstream) -> Answer:
    """State, rates, since when; `state` null and status unknown where the application does not answer."""
    said, missing = await look(upstream, "breaker.status", name=query.name)
    if missing:
        data = {"name": query.name, "state": None, "status": "unknown", "health": None, "unknown": [missing]}
        return answer(upstream, data, _unknown("서킷 브레이커", missing), *gap(missing, "state", "health"))
    said["status"], said["health"] = said["state"], said.pop("health_status", None)
    rate = said.get("failure_rate_percent")
    shown = "아직 집계 전 not yet counted" if rate is None or rate < 0 else f"{rate:g} %"
    mark = MARKS.get(str(said["health"]), "❔")
    text = (
        f"{mark} {said['state']} {said['health']} · 실패율 failure rate {shown} · "
        f"실패 {said.get('number_of_failed_calls')}/{said.get('number_of_buffered_calls')}건"
    )
    if said.get("since"):
        text += f" · {clock(said['since'])}부터"
    return answer(upstream, said, text)


async def diagnose_circuit_breaker(_: Nothing, upstream: Upstream) -> Answer:
    """The breaker with the causes that move it, and its last transitions."""
    said = await page(upstream, "breaker.diagnose")
    causes = said.get("causes", [])
    lines = [f"{said['state']} · 실패율 {said['failure_rate']}"]
    lines += [f"🔴 {one['id']}: {one['ko']} / {one['en']}" for one in causes]
    lines += [f"   다음 확인 next: {one['next_step']}" for one in causes]
    if not causes:
        lines.append(
            "판단 보류 no verdict: 확인하지 못한 부분이 있습니다"
            if said.get("status") == "unknown"
            else "원인이 될 이상이 없습니다 nothing wrong was found"
        )
    lines += [
        f"{clock(one['at'])} {one['circuit_breaker_name']} {one['transition']}" for one in said["transitions"][-6:]
    ]
    return answer(upstream, said, "\n".join(lines))


async def check_kafka_health(_: Nothing, upstream: Upstream) -> Answer:
    """Brokers, partitions and the publisher's breaker; healthy is null where either could not be read."""
    kafka, away = await look(upstream, "kafka.health")
    breaker, silent = await look(upstream, "breaker.status")
    state = breaker.get("state")
    missing = [one for one in (away, silent) if one]
    sick = kafka.get("healthy") is False or (state is not None and state != "CLOSED")
    healthy = False if sick else None if missing else True
    status = "unhealthy" if sick else "unknown" if missing else "healthy"
    data = {**kafka, "healthy": healthy, "status": status, "breaker_state": state, "unknown": missing}
    mark = {True: "✅ YES", False: "🔴 NO", None: "❔ unknown"}[healthy]
    parts = [f"{mark} 정상" if healthy else mark]
    parts.append(str(kafka.get("message")) if not away else _unknown("Kafka", away))
    parts.append(f"Circuit Breaker {state or 'unknown'}")
    gaps = [
        one for lost, name in ((away, "broker_count"), (silent, "breaker_state")) if lost for one in gap(lost, name)
    ]
    return answer(upstream, data, " · ".join(parts), *gaps)


async def analyze_failure_pattern(query: Pattern, upstream: Upstream) -> Answer:
    """Publish errors of a window by class and topic, and the breaker's moves in it."""
    minutes = int(query.time_range[:-1]) * MINUTES[query.time_range[-1]]
    if not 1 <= minutes <= MINUTES["d"]:
        raise InvalidInput("time_range is 1m to 1d")
    said = await page(upstream, "breaker.failures", minutes=minutes)
    sent, lost = said.get("sent"), said.get("failed")
    lines = [
        (
            f"최근 {query.time_range} (기록 {figure(said.get('window_seconds'), '초')}): "
            f"{figure(sent)}건 중 {figure(lost)}건 실패"
        )
    ]
    lines += [f"{one['error']} {one['topic']} {one['count']}건" for one in said["errors"][:10]]
    lines += [
        f"{clock(one['at'])} {one['circuit_breaker_name']} {one['transition']}" for one in said["transitions"][-10:]
    ]
    return answer(upstream, {**said, "time_range": query.time_range}, "\n".join(lines))


async def breaker_history(query: History, upstream: Upstream) -> Answer:
    """When which breaker opened and closed."""
    said = await page(upstream, "breaker.history", **query.model_dump())
    lines = [f"{clock(one['at'])} {one['circuit_breaker_name']} {one['transition']}" for one in said["transitions"]]
    return answer(upstream, said, "\n".join(lines) or "그 기간에 상태 전이가 없습니다 no transition in that time")


def _unknown(what: str, missing: dict[str, Any]) -> str:
    return f"❔ {what} 확인 불가 unknown: {missing['component']} {missing['error_class']}"


KAFKA_HEALTH: Final = Tool(
    name="check_kafka_health",
    title="Kafka 상태",
    description="Is Kafka healthy? 정상 여부: brokers, partitions below min ISR, the publisher's breaker.",
    query=Nothing,
    output=shape(
        healthy=FLAG, status=TEXT, broker_count=FIGURE, absent_brokers=NUMBERS, offline_partitions=FIGURE,
        under_min_isr_partitions=FIGURE, breaker_state=WORD, unknown=ROWS,
    ),
    run=check_kafka_health,
    endpoints=("kafka.health", "breaker.status"),
    failed=failed,
)  # fmt: skip

TOOLS: Final = (
    Tool(
        name="get_circuit_breaker_status",
        title="서킷 브레이커 상태",
        description="Circuit breaker now 현재 상태: CLOSED, OPEN or HALF_OPEN, failure and slow rates, since when.",
        query=Named,
        output=shape(name=TEXT, state=WORD, status=TEXT, health=WORD, failure_rate_percent=FIGURE, since=WORD,
                     slow_call_rate_percent=FIGURE, breakers=OBJECT, unknown=ROWS),
        run=get_circuit_breaker_status,
        endpoints=("breaker.status",),
        failed=failed,
    ),
    Tool(
        name="diagnose_circuit_breaker",
        title="서킷 브레이커 진단",
        description="Why the breaker is as it is 진단: causes with evidence, next step, last transitions.",
        query=Nothing,
        output=shape(state=TEXT, status=TEXT, failure_rate=TEXT, causes=ROWS, recommendations=NAMES, transitions=ROWS),
        run=diagnose_circuit_breaker,
        endpoints=("breaker.diagnose",),
        failed=failed,
    ),
    KAFKA_HEALTH,
    Tool(
        name="analyze_failure_pattern",
        title="실패 패턴 분석",
        description="Publish failures of a window 실패 패턴: by error class and topic, with the breaker's transitions.",
        query=Pattern,
        output=shape(time_range=TEXT, sent=FIGURE, failed=FIGURE, failure_rate_percent=FIGURE, errors=ROWS,
                     transitions=ROWS, window_seconds=FIGURE),
        run=analyze_failure_pattern,
        endpoints=("breaker.failures",),
        failed=failed,
    ),
    Tool(
        name="breaker_history",
        title="상태 전이 기록",
        description="When breakers opened and closed 상태 전이 기록, e.g. why at 2 pm; naive times are Seoul's.",
        query=History,
        output=shape(count=FIGURE, transitions=ROWS, samples=OBJECT),
        run=breaker_history,
        endpoints=("breaker.history",),
        failed=failed,
    ),
)  # fmt: skip
