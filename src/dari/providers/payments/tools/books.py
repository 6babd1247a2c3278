"""payment-database: payments by parameters or a sentence, ledger, outbox, re-used keys, statistics, reconciliation."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.errors import InvalidInput, Malformed
from dari.core.exchange import Answer
from dari.core.tool import Query, Tool, Upstream
from dari.providers.payments.tools.asking import (
    FIGURE,
    FLAG,
    INTEGER,
    MAYBE,
    MAYBE_ROWS,
    NAMES,
    OBJECT,
    ROWS,
    SHOWN_ROWS,
    SURE,
    TEXT,
    WORD,
    Nothing,
    answer,
    clock,
    failed,
    figure,
    page,
    rows_of,
    shape,
    won,
)

Order = Literal["newest", "oldest", "largest", "smallest"]
STATUSES: Final = 13


class Payments(Query):
    """Arguments of query_payments. Parameters and the sentence must agree; naive times are Seoul's."""

    filter: str | None = Field(None, max_length=500, description="ko/en: 지난 1시간 실패한 결제")
    status: list[str] = Field([], max_length=STATUSES)
    merchant_id: str | None = Field(None, max_length=32)
    payment_id: int | None = None
    idempotency_key: str | None = Field(None, max_length=64)
    min_amount: int | None = None
    max_amount: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    order: Order | None = None
    limit: int | None = Field(None, ge=1, le=100, description="default 10")
    cursor: str | None = Field(None, max_length=200)
    now: datetime | None = None


class Ledgers(Query):
    """Arguments of query_ledgers."""

    query_type: Literal["by_payment", "by_merchant"] | None = None
    payment_id: int | None = None
    merchant_id: str | None = Field(None, max_length=32)
    limit: int = Field(20, ge=1, le=100)


class Outbox(Query):
    """Arguments of check_outbox_status."""

    max_age_minutes: float = Field(5, ge=0, le=100_000)
    limit: int = Field(20, ge=1, le=100)


class Duplicates(Query):
    """Arguments of find_duplicate_idempotency."""

    merchant_id: str | None = Field(None, max_length=32)
    hours: float = Field(24, gt=0, le=8760)
    limit: int = Field(20, ge=1, le=100)


class Statistics(Query):
    """Arguments of payment_statistics."""

    time_range: Literal["today", "last_hour", "last_24h", "all"] = "today"


class Reconciliation(Query):
    """Arguments of reconciliation_check."""

    limit: int = Field(20, ge=1, le=100, description="findings")


class OnePayment(Query):
    """Arguments of payment_timeline."""

    payment_id: int = Field(ge=1)


async def query_payments(query: Payments, upstream: Upstream) -> Answer:
    """Payments that fit; nothing is run where a word was not understood."""
    said = await page(upstream, "database.payments", **query.model_dump())
    if "understood" not in said:
        # The original service runs what it did not understand without any constraint.
        raise Malformed("the service does not tell what it understood, so its rows may not be what was asked for")
    said.pop("filter", None)
    said.pop("message", None)
    if said["status"] != "ok":
        lines = ["확인이 필요합니다. 아무것도 조회하지 않았습니다 needs clarification: nothing was run"]
        lines += [f'"{one["words"]}": {one["ko"]} {one["en"]}' for one in said.get("needs_clarification", [])]
        return answer(upstream, said, "\n".join([*lines, "예 e.g. " + " / ".join(said.get("examples", []))]))
    lines = [f"📊 결제 {said['count']}건{' (더 있음 more: cursor)' if said.get('truncated') else ''} · {_read(said)}"]
    lines += [
        f"#{one['payment_id']} {one['merchant_id']} {won(one['amount'])} {one['status']} {clock(one['requested_at'])}"
        for one in said["payments"][:SHOWN_ROWS]
    ]
    return answer(upstream, said, "\n".join(lines))


def _read(said: dict[str, Any]) -> str:
    """What was understood, for people."""
    known = {name: value for name, value in said["understood"].items() if value not in (None, [], "")}
    parts = [f"{name}={','.join(value) if isinstance(value, list) else value}" for name, value in known.items()]
    return "조건 " + (" ".join(parts) or "없음 none")


async def query_ledgers(query: Ledgers, upstream: Upstream) -> Answer:
    """Entries of one payment or of a merchant, with totals per pair of accounts."""
    by_merchant = query.query_type == "by_merchant" or (query.query_type is None and query.payment_id is None)
    given = {"merchantId": query.merchant_id} if by_merchant else {"paymentId": query.payment_id}
    if None in given.values():
        raise InvalidInput("merchant_id is needed" if by_merchant else "payment_id is needed")
    said = await page(upstream, "database.ledger", **given, limit=query.limit)
    lines = [f"원장 {said['count']}건 · 총 환불 refunds {won(said.get('refund_total'))} ({said.get('refund_count')}건)"]
    lines += [
        f"{one['debit_account']} ← {one['credit_account']}: {won(one['total_amount'])} ({one['entry_count']}건)"
        for one in said.get("totals", [])
    ]
    lines += [
        f"#{one['entry_id']} 결제 {one['payment_id']} {won(one['amount'])} {clock(one['occurred_at'])}"
        for one in said["entries"][:SHOWN_ROWS]
    ]
    return answer(upstream, said, "\n".join(lines))


async def check_outbox_status(query: Outbox, upstream: Upstream) -> Answer:
    """Events older than a bound that are not published, and who holds the poller's lock."""
    said = await page(upstream, "database.outbox", maxAgeMinutes=query.max_age_minutes, limit=query.limit)
    said["status"] = "healthy" if said["healthy"] else "unhealthy"
    lines = [f"{'✅' if said['healthy'] else '⚠️'} {said['message']}"]
    if not said["healthy"]:
        lines.append(
            f"가장 오래된 것 oldest {clock(said['oldest'])} · "
            f"poller {figure(said.get('poller_heartbeat_age_seconds'), '초 전')}"
        )
        lines += [
            f"#{one['event_id']} {one['event_type']} 결제 {one['aggregate_id']} {one['age_minutes']}분"
            for one in said["events"][:10]
        ]
    return answer(upstream, said, "\n".join(lines))


async def find_duplicate_idempotency(query: Duplicates, upstream: Upstream) -> Answer:
    """Keys used with other bodies or at once, and whether anybody was charged twice."""
    said = await page(
        upstream, "database.duplicates", merchantId=query.merchant_id, hours=query.hours, limit=query.limit
    )
    lines = [f"재사용된 키 {said['count']}개 · 이중 결제 double charges {len(said['double_charges'])}건"]
    lines += [
        f"{one['merchant_id']} {one['idempotency_key']} {one['kind']} 거절 {one['refused']}회, "
        f"본문 {one['distinct_bodies']}종"
        for one in said["keys"][:SHOWN_ROWS]
    ]
    return answer(upstream, said, "\n".join(lines))


async def payment_statistics(query: Statistics, upstream: Upstream) -> Answer:
    """Counts and sums of a period, by status, and the largest merchants."""
    said = await page(upstream, "database.statistics", timeRange=query.time_range)
    total = said["overall"]
    lines = [
        (
            f"📊 {query.time_range}: 총 {total['total_count']:,}건, {won(total['total_amount'] or 0)} "
            f"(평균 {won(total['avg_amount'])})"
        )
    ]
    lines += [f"{one['status']} {one['count']:,}건 {won(one['total_amount'])}" for one in said["by_status"]]
    lines += [
        f"{one['merchant_id']} {one['transaction_count']:,}건 {won(one['total_amount'])}"
        for one in said["top_merchants"]
    ]
    return answer(upstream, said, "\n".join(lines))


async def reconciliation_check(query: Reconciliation, upstream: Upstream) -> Answer:
    """Ledger against payments, outbox, topics, settlement and refund; every contradiction with its rows."""
    said = await page(upstream, "database.reconciliation", limit=query.limit)
    for name in ("invariants", "judged_elsewhere", "conservation"):
        said.pop(name, None)
    mark = {True: "✅ BALANCED", False: "🔴 불일치 INCONSISTENT", None: "❔ 확인 불가 unknown"}[said["balanced"]]
    lines = [f"{mark} · {said['message']}"]
    if said.get("total_debits") is not None:
        lines.append(f"차변 {won(said['total_debits'])} · 대변 {won(said['total_credits'])}")
    lines += [
        f"{one['invariant']} {one['kind']} 결제 {one.get('payment_id')} {', '.join(one['rows'])}"
        for one in said["findings"][:10]
    ]
    lines += [f"확인 불가 unknown: {one['probe']} {one['reason']}" for one in said["unknown"]]
    return answer(upstream, said, "\n".join(lines))


async def payment_timeline(query: OnePayment, upstream: Upstream) -> Answer:
    """One payment's steps in five stores, what it waits for, and the cause where it waits."""
    said = await page(upstream, "database.timeline", paymentId=query.payment_id)
    waits = said.get("waiting_for")
    verdict = await page(upstream, "system.diagnose") if waits else {"causes": [], "status": None}
    said["causes"] = [_short(one) for one in verdict["causes"]]
    said["diagnosis"] = verdict["status"]
    said["unknown"] = [*said["unknown"], *verdict.get("unknown", [])]
    lines = [f"결제 #{said['payment_id']} {said['merchant_id']} {won(said['amount'])} {said['status']}"]
    if waits:
        lines.append(f"⏳ 대기 waits for: {waits}")
    for one in said["causes"]:
        lines.append(f"🔴 원인 cause {one['id']}: {one['ko']} / {one['en']}")
        lines.append(f"   근거 evidence: {evidence(one['evidence'])}")
        lines.append(f"   다음 확인 next: {one['next_step']} · 반증 disproof: {one['disproof']}")
    if waits and not said["causes"]:
        lines.append(f"원인으로 볼 이상은 없습니다 no cause found: {verdict['status']}")
    lines += [f"{clock(one['at'])} {one['store']}: {one['what']}" for one in said["steps"][:SHOWN_ROWS]]
    return answer(upstream, said, "\n".join(lines))


def _short(cause: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "component", "severity", "ko", "en", "evidence", "disproof", "next_step")
    return {name: cause.get(name) for name in names}


def evidence(facts: dict[str, Any], longest: int = 400) -> str:
    """Evidence in one line: figures first, lists by their length."""
    parts = []
    for name, value in facts.items():
        if isinstance(value, dict):
            parts.append(f"{name}({evidence(value, 120)})")
        elif isinstance(value, list):
            plain = len(value) <= 3 and all(isinstance(one, str | int) for one in value)  # noqa: PLR2004 -- short
            parts.append(f"{name}={'/'.join(map(str, value))}" if plain else f"{name}: {len(value)}건")
        elif value is not None:
            parts.append(f"{name}={value}")
    return ", ".join(parts)[:longest]


async def event_conservation(_: Nothing, upstream: Upstream) -> Answer:
    """Outbox published = in the topics = processed + dead + waiting, topic by topic."""
    said = await page(upstream, "kafka.conservation")
    lines = [
        (
            f"이벤트 보존: {said['status']} · 미발행 {figure(said['unpublished'])} · "
            f"소비 대기 {figure(said['waiting_in_consumers'])}"
        )
    ]
    lines += [evidence(one) for one in said["topics"] or []]
    lines += [f"확인 불가 unknown: {one['probe']} {one['reason']}" for one in said["unknown"]]
    return answer(upstream, said, "\n".join(lines))


TOOLS: Final = (
    Tool(
        name="query_payments",
        title="결제 조회",
        description="Find payments 결제 조회 by parameters or a Korean/English sentence. The reply says what was "
        "understood; an unclear sentence is not run.",
        query=Payments,
        output=shape(
            status=TEXT, count=FIGURE, understood=OBJECT, ignored=NAMES, needs_clarification=ROWS, now=TEXT,
            payments=rows_of(payment_id=INTEGER, merchant_id=TEXT, amount=INTEGER, status=TEXT, requested_at=TEXT),
            truncated=SURE, next_cursor=WORD,
        ),
        run=query_payments,
        endpoints=("database.payments",),
        failed=failed,
    ),
    Tool(
        name="query_ledgers",
        title="원장 조회",
        description="Ledger entries 원장 of a payment or merchant, with totals and the sum of refunds.",
        query=Ledgers,
        output=shape(count=FIGURE, entries=ROWS, totals=ROWS, refund_total=FIGURE, refund_count=FIGURE, truncated=SURE),
        run=query_ledgers,
        endpoints=("database.ledger",),
        failed=failed,
    ),
    Tool(
        name="check_outbox_status",
        title="미발행 이벤트",
        description="Outbox events not published 미발행 이벤트 for max_age_minutes or longer.",
        query=Outbox,
        output=shape(healthy=FLAG, status=TEXT, count=FIGURE, oldest=WORD, events=ROWS, truncated=SURE,
                     poller_heartbeat_age_seconds=FIGURE, lock_holder=WORD),
        run=check_outbox_status,
        endpoints=("database.outbox",),
        failed=failed,
    ),
    Tool(
        name="find_duplicate_idempotency",
        title="중복 멱등성 키",
        description="Re-used idempotency keys 중복 멱등성 키: who re-used which, and double charges.",
        query=Duplicates,
        output=shape(count=FIGURE, keys=ROWS, double_charges=ROWS, since=TEXT, truncated=SURE),
        run=find_duplicate_idempotency,
        endpoints=("database.duplicates",),
        failed=failed,
    ),
    Tool(
        name="payment_statistics",
        title="결제 통계",
        description="Payment counts and sums 결제 통계, 매출, by status, with top merchants.",
        query=Statistics,
        output=shape(time_range=TEXT, overall=OBJECT, by_status=ROWS, top_merchants=ROWS, since=WORD, until=WORD),
        run=payment_statistics,
        endpoints=("database.statistics",),
        failed=failed,
    ),
    Tool(
        name="reconciliation_check",
        title="원장 대사",
        description="Double-entry check 복식부기 검증: entries vs payments, events, settlement, hash chain.",
        query=Reconciliation,
        output=shape(balanced=FLAG, status=TEXT, finding_count=FIGURE, findings=ROWS, by_invariant=OBJECT,
                     total_debits=FIGURE, total_credits=FIGURE, first_broken_link=MAYBE, unknown=ROWS),
        run=reconciliation_check,
        endpoints=("database.reconciliation",),
        failed=failed,
    ),
    Tool(
        name="payment_timeline",
        title="결제 한 건의 경로",
        description="One payment across five stores 왜 캡처가 안 됐나: steps, what it waits for, and the cause.",
        query=OnePayment,
        output=shape(payment_id=INTEGER, status=TEXT, amount=INTEGER, steps=ROWS, waiting_for=WORD, causes=ROWS,
                     diagnosis=WORD, findings=ROWS, unknown=ROWS),
        run=payment_timeline,
        endpoints=("database.timeline", "system.diagnose"),
        failed=failed,
    ),
    Tool(
        name="event_conservation",
        title="이벤트 보존",
        description="No event lost 이벤트 보존: published = in topics = processed + dead + waiting.",
        query=Nothing,
        output=shape(status=TEXT, topics=MAYBE_ROWS, unpublished=FIGURE, waiting_in_consumers=FIGURE, findings=ROWS,
                     unknown=ROWS),
        run=event_conservation,
        endpoints=("kafka.conservation",),
        failed=failed,
    ),
)  # fmt: skip
