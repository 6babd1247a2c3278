"""payment-system-health: every part at once, figures, the diagnosis, an incident's snapshot, the policy, two plans."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.acts import Acting
from dari.core.errors import NotFound
from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Tool, Upstream
from dari.providers.payments.tools.acts import PLAN_OUTPUT, REPUBLISH_EVENTS, RESET_BREAKER, propose
from dari.providers.payments.tools.asking import (
    FIGURE,
    FLAG,
    NAMES,
    OBJECT,
    ROWS,
    SURE,
    TEXT,
    WORD,
    Nothing,
    answer,
    clock,
    failed,
    figure,
    page,
    shape,
    won,
)
from dari.providers.payments.tools.books import evidence

MARKS: Final = {"healthy": "✅", "degraded": "⚠️", "down": "🔴", "unknown": "❔"}


class Minutes(Query):
    """Arguments of incident_snapshot."""

    minutes: int = Field(30, ge=1, le=60)


class Figures(Query):
    """Arguments of query_metrics: a question or PromQL, and a window where the question names none."""

    question: str | None = Field(None, max_length=300, description="지난 1시간 HTTP 요청 수는?")
    promql: str | None = Field(None, max_length=1000)
    since: datetime | None = None
    until: datetime | None = None


class Republish(Query):
    """Arguments of plan_outbox_republish: all events of the payment, or some of them."""

    payment_id: int = Field(ge=1)
    event_ids: list[int] = Field([], max_length=20)


class Breaker(Query):
    """Arguments of plan_breaker_reset."""

    name: Literal["kafka-publisher", "pg-auth-api"] = "kafka-publisher"


async def query_metrics(query: Figures, upstream: Upstream) -> Answer:
    """Figures of one metric over a window, by Prometheus; what is not understood is asked back, never guessed."""
    asked = {name: getattr(query, name) for name in ("question", "promql")}
    asked |= {name: at.isoformat() for name in ("since", "until") if (at := getattr(query, name)) is not None}
    said = await page(upstream, "metrics.query", **{name: value for name, value in asked.items() if value is not None})
    if said["status"] == "needs_clarification":
        names = ", ".join(f"{one['ko']}({one['en']})" for one in said["metrics"][:12])
        return answer(upstream, said, f"❔ 다시 물어봐 주세요 please ask again ({said['problem']})\n{names}")
    lines = [f"📈 {said['metric'] or 'PromQL'} {said['since'][:16]} ~ {said['until'][:16]}", said["promql"]]
    for one in said["series"]:
        label = ", ".join(f"{name}={text}" for name, text in one["labels"].items()) or "전체 all"
        figures = " · ".join(f"{name} {one[name]:g}" for name in ("min", "avg", "p95", "max", "last"))
        lines.append(f"{label}: {figures} {said['unit'] or ''}".rstrip())
    why = "Prometheus has no samples in this window"
    if said["status"] == "unknown":
        why = f"no Prometheus is asked: {said['reason']}"
        lines.append(f"❔ 확인 불가 unknown: {why}")
    gaps = [] if said["series"] else [Gap("series", why)]
    return answer(upstream, said, "\n".join(lines), *gaps)


async def check_all_services(_: Nothing, upstream: Upstream) -> Answer:
    """Each part with what its state rests on; a part that could not be read is unknown."""
    said = await page(upstream, "system.services")
    said["status"] = said["overall"]
    gaps = [
        Gap(f"services.{name}", f"probe failed: {one.get('error_class', 'unknown')}")
        for name, one in said["services"].items()
        if one["status"] == "unknown"
    ]
    lines = [f"{MARKS.get(said['overall'], '❔')} 전체 overall: {said['overall']}"]
    lines += [f"{MARKS.get(one['status'], '❔')} {name}: {one['message']}" for name, one in said["services"].items()]
    return answer(upstream, said, "\n".join(lines), *gaps)


async def get_system_overview(_: Nothing, upstream: Upstream) -> Answer:
    """Today's business and the system's main figures; what could not be read is null."""
    said = await page(upstream, "system.overview")
    today, outbox = said["today"], said["outbox"]
    lines = [
        f"📊 오늘 총 {figure(today['count'], '건')}, {won(today['amount'])}",
        (
            f"요청 {figure(said['requests_per_second'], '/s')} · 승인 p95 {figure(said['authorize_p95_ms'], 'ms')} · "
            f"Outbox 미발행 {figure(outbox['unpublished'])} · DLQ 새 메시지 {figure(said['new_dead_letters'])} · "
            f"Redis 키 {figure(said['redis_keys'])}"
        ),
        "Lag " + ", ".join(f"{name} {figure(lag)}" for name, lag in said["lag"].items()),
        "Circuit Breaker " + ", ".join(f"{name} {state or 'unknown'}" for name, state in said["breakers"].items()),
    ]
    if said["unknown"]:
        lines.append(f"❔ 확인 불가 unknown: {', '.join(said['unknown'])}")
    return answer(upstream, said, "\n".join(lines), *(Gap(name, "probe failed") for name in said["unknown"]))


async def diagnose_issues(_: Nothing, upstream: Upstream) -> Answer:
    """The causes with evidence, what would disprove them, the next step; or that no verdict is possible."""
    said = await page(upstream, "system.diagnose")
    return answer(upstream, said, "\n".join(verdict_lines(said)))


def verdict_lines(said: dict[str, Any]) -> list[str]:
    """A verdict for a person."""
    mark = {"healthy": "✅", "cause_found": "🔴", "symptoms_only": "⚠️"}.get(said["status"], "❔")
    summary = said.get("summary") or {}
    lines = [f"{mark} {summary.get('ko', said['status'])}", str(summary.get("en", ""))]
    for one in said["causes"]:
        lines.append(f"• {one['id']} ({one['component']}): {one['ko']}")
        lines.append(f"  근거 evidence: {evidence(one['evidence'])}")
        if one["explains"]:
            lines.append(f"  설명되는 증상 explains: {', '.join(one['explains'])}")
        lines.append(f"  반증 disproof: {one['disproof']}")
        lines.append(f"  다음 확인 next: {one['next_step']}")
    lines += [f"⚠️ {one['id']}: {one['ko']} {one['en']}" for one in said["unexplained_symptoms"]]
    lines += [f"🌓 {', '.join(one['causes'])}: {one['ko']} {one['en']}" for one in said.get("masked", [])]
    lines += [f"❔ {one['probe']}: {one['error_class']}" for one in said["unknown"]]
    return [line for line in lines if line]


async def incident_snapshot(query: Minutes, upstream: Upstream) -> Answer:
    """Verdict, transitions and a line of samples: what one would paste into an incident's page."""
    said = await page(upstream, "system.incident", minutes=query.minutes)
    lines = verdict_lines({**said["verdict"], "summary": said["summary"]})
    lines += [
        f"{clock(one['at'])} {one['circuit_breaker_name']} {one['transition']}" for one in said["transitions"][-10:]
    ]
    lines += [
        f"{clock(one['at'])} 미발행 {figure(one['unpublished'])} 브로커 {figure(one['brokers'])} "
        f"breaker {one['breaker'] or 'unknown'}"
        for one in said["samples"][-10:]
    ]
    return answer(upstream, said, "\n".join(lines))


async def show_policy(_: Nothing, upstream: Upstream) -> Answer:
    """What may be done here and by whom: reach, arming, the service's limits, and what always only plans."""
    said = await page(upstream, "operator.policy")
    here, load = said["server"], said["load_test"]
    lines = [
        f"reach {here['reach']} (기본 read) · 실행 armed {'예' if here['armed'] else '아니오'}: {here['arming']}",
        f"서비스 operator token {'있음' if said['operator'] else '없음: 어떤 실행도 받지 않음'}",
        f"부하 load: {', '.join(load['targets']) or '대상 없음'} · {load['max_rate']}/s, {load['max_seconds']}초",
        "실행은 plan → apply_plan뿐: " + ", ".join(here["acts"]),
    ]
    return answer(upstream, said, "\n".join(lines))


async def plan_outbox_republish(query: Republish, upstream: Acting) -> Answer:
    """Plan to publish a payment's events again."""
    said = await page(upstream, "database.timeline", paymentId=query.payment_id)
    events = sorted({one["event_id"] for one in said["steps"] if one["store"] == "outbox"})
    chosen = [one for one in query.event_ids or events if one in events]
    if not chosen:
        raise NotFound(f"payment {query.payment_id} has the outbox events {events}")
    sent = {"paymentId": query.payment_id, "eventIds": chosen}
    return await propose(REPUBLISH_EVENTS, f"payment {query.payment_id}", sent, upstream)


async def plan_breaker_reset(query: Breaker, upstream: Acting) -> Answer:
    """Plan to close a breaker by hand."""
    said = await page(upstream, "breaker.status", name=query.name)
    return await propose(RESET_BREAKER, query.name, {"name": query.name, "expectedState": said["state"]}, upstream)


TOOLS: Final = (
    Tool(
        name="check_all_services",
        title="전체 서비스 상태",
        description="Health of every part 전체 상태: breaker, Kafka, consumers, Redis, database, outbox, ledger.",
        query=Nothing,
        output=shape(overall=TEXT, status=TEXT, services=OBJECT, checked_at=TEXT),
        run=check_all_services,
        endpoints=("system.services",),
        failed=failed,
    ),
    Tool(
        name="get_system_overview",
        title="시스템 개요",
        description="Main figures 시스템 개요: today's payments and won, traffic, lag, outbox, dead letters, breakers.",
        query=Nothing,
        output=shape(today=OBJECT, requests_per_second=FIGURE, authorize_p95_ms=FIGURE, outbox=OBJECT, lag=OBJECT,
                     new_dead_letters=FIGURE, redis_keys=FIGURE, breakers=OBJECT, unknown=NAMES),
        run=get_system_overview,
        endpoints=("system.overview",),
        failed=failed,
    ),
    Tool(
        name="diagnose_issues",
        title="자동 진단",
        description="Diagnosis 문제 진단: ranked causes with evidence, disproof and next step; or unknown.",
        query=Nothing,
        output=shape(status=TEXT, root_cause=WORD, causes=ROWS, explained=ROWS, unexplained_symptoms=ROWS,
                     unknown=ROWS, undecided=ROWS, masked=ROWS, summary=OBJECT, checked_at=TEXT),
        run=diagnose_issues,
        endpoints=("system.diagnose",),
        failed=failed,
    ),
    Tool(
        name="incident_snapshot",
        title="장애 기록",
        description="Snapshot of an incident 장애 기록: verdict, breaker transitions, a line of samples.",
        query=Minutes,
        output=shape(verdict=OBJECT, summary=OBJECT, transitions=ROWS, samples=ROWS),
        run=incident_snapshot,
        endpoints=("system.incident",),
        failed=failed,
    ),
    Tool(
        name="query_metrics",
        title="지표 질의",
        description="Metrics over time 지표 추이 by question (ko/en) or PromQL: min, avg, p95, max; PromQL shown.",
        query=Figures,
        output=shape(status=TEXT, metric=WORD, unit=WORD, promql=WORD, step_seconds=FIGURE, since=WORD, until=WORD,
                     series=ROWS, total=FIGURE, truncated=FLAG, problem=WORD, leftover=NAMES, metrics=ROWS),
        run=query_metrics,
        endpoints=("metrics.query",),
        failed=failed,
    ),
    Tool(
        name="show_policy",
        title="운영 정책",
        description="What may be done here 운영 정책: reach, arming, limits, which acts only plan.",
        query=Nothing,
        output=shape(server=OBJECT, operator=SURE, load_test=OBJECT),
        run=show_policy,
        endpoints=("operator.policy",),
        failed=failed,
    ),
    Tool(
        name="plan_outbox_republish",
        title="Outbox 재발행 계획",
        description="Plan to publish a payment's outbox events again 재발행 계획. apply_plan does it.",
        query=Republish,
        output=PLAN_OUTPUT,
        run=plan_outbox_republish,
        endpoints=("database.timeline",),
        failed=failed,
    ),
    Tool(
        name="plan_breaker_reset",
        title="브레이커 초기화 계획",
        description="Plan to close a circuit breaker by hand 초기화 계획. apply_plan does it.",
        query=Breaker,
        output=PLAN_OUTPUT,
        run=plan_breaker_reset,
        endpoints=("breaker.status",),
        failed=failed,
    ),
)  # fmt: skip
