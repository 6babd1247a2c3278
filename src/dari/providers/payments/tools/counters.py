"""payment-redis: rate limits against the live configuration, idempotency keys, figures, expiry, a planned clearing."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field

from dari.core.acts import Acting
from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Tool, Upstream
from dari.providers.payments.tools.acts import CLEAR_RATE_LIMIT, PLAN_OUTPUT, propose
from dari.providers.payments.tools.asking import (
    FIGURE,
    OBJECT,
    ROWS,
    SHOWN_ROWS,
    SURE,
    TEXT,
    Nothing,
    answer,
    failed,
    figure,
    page,
    shape,
)

Action = Literal["authorize", "capture", "refund"]


class Limit(Query):
    """Arguments of check_rate_limit and clear_rate_limit."""

    merchant_id: str = Field(min_length=1, max_length=32)
    action: Action = "authorize"


class Key(Query):
    """Arguments of idempotency_lookup."""

    idempotency_key: str = Field(min_length=1, max_length=64)
    merchant_id: str | None = Field(None, max_length=32)


class Listing(Query):
    """Arguments of list_rate_limit_keys."""

    limit: int = Field(30, ge=1, le=200)


class Near(Query):
    """Arguments of find_merchants_hitting_limits."""

    threshold_percentage: float = Field(80, ge=0, le=100)


class Expiry(Query):
    """Arguments of ttl_analysis."""

    soon_seconds: int = Field(60, ge=1, le=86_400)


async def check_rate_limit(query: Limit, upstream: Upstream) -> Answer:
    """How much of a merchant's limit is used; status unknown where the limit is not known."""
    said = await page(upstream, "redis.rate_limit", merchantId=query.merchant_id, action=query.action)
    mark = {"OK": "✅", "RATE_LIMITED": "🔴"}.get(said["status"], "❔")
    text = (
        f"{mark} {said['status']} · {said['merchant_id']} {said['action']} "
        f"{figure(said['current_count'])}/{figure(said['limit'])} 사용 ({figure(said.get('used_percent'), '%')})"
    )
    if said.get("never_expires"):
        text += " · ⚠️ TTL 없음: 저절로 풀리지 않습니다 never expires"
    elif said.get("ttl_seconds") is not None:
        text += f" · 리셋까지 {said['ttl_seconds']}초"
    gaps = [] if said["limit"] is not None else [Gap("limit", "the platform does not tell its limits")]
    return answer(upstream, said, text, *gaps)


async def clear_rate_limit(query: Limit, upstream: Acting) -> Answer:
    """Plan the clearing of one counter. Only apply_plan does it."""
    said = await page(upstream, "redis.rate_limit", merchantId=query.merchant_id, action=query.action)
    sent = {"merchantId": query.merchant_id, "action": query.action, "expectedCount": said["current_count"]}
    return await propose(CLEAR_RATE_LIMIT, f"{query.action}:{query.merchant_id}", sent, upstream)


async def idempotency_lookup(query: Key, upstream: Upstream) -> Answer:
    """A key in Redis and in the database; the database holds when Redis has forgotten."""
    said = await page(upstream, "redis.idempotency", key=query.idempotency_key, merchantId=query.merchant_id)
    if said["exists"]:
        text = f"✅ 발견 found · 결제 #{said['payment_id']} {said.get('merchant_id', '')} · TTL {said['ttl_seconds']}초"
    else:
        text = f"캐시에 없음 not cached · {said['message']}"
    stored = said.get("in_database") or []
    if stored:
        text += " · DB " + ", ".join(f"#{one['payment_id']} {one['status']}" for one in stored[:5])
    return answer(upstream, said, text)


async def cache_stats(_: Nothing, upstream: Upstream) -> Answer:
    """Memory, hit rate, keys."""
    said = await page(upstream, "redis.stats")
    memory = said.get("used_memory_bytes")
    text = (
        f"Used: {'unknown' if memory is None else f'{int(memory) / 1_048_576:.1f} MB'}, "
        f"Hit Rate: {figure(said.get('hit_rate_percent'), '%')}, Keys: {figure(said.get('total_keys'))} "
        f"(rate {said['rate_limit_keys']}, idem {said['idempotency_keys']}) · "
        f"evicted {figure(said.get('evicted_keys'))}"
    )
    return answer(upstream, said, text)


async def list_rate_limit_keys(query: Listing, upstream: Upstream) -> Answer:
    """Counters in use, the fullest first."""
    said = await page(upstream, "redis.rate_limits", limit=query.limit)
    lines = [f"Rate Limit 키 {said['count']}개"]
    lines += [_counter(one) for one in said["rate_limits"][:SHOWN_ROWS]]
    return answer(upstream, said, "\n".join(lines))


def _counter(one: dict[str, object]) -> str:
    used = f"{one['current_count']}/{figure(one['limit'])} ({figure(one['used_percent'], '%')})"
    return f"{one['merchant_id']} {one['action']} {used} {one['status']}"


async def find_merchants_hitting_limits(query: Near, upstream: Upstream) -> Answer:
    """Merchants at or above a share of their limit; unknown where the limits are."""
    said = await page(upstream, "redis.near", thresholdPercentage=query.threshold_percentage)
    if said.get("status") == "unknown":
        return answer(
            upstream, said, f"❔ {said['message']}", Gap("merchants", "the platform does not tell its limits")
        )
    said["status"] = "ok"
    lines = [f"{'⚠️' if said['count'] else '✅'} {query.threshold_percentage:g}% 이상 {said['count']}곳"]
    return answer(upstream, said, "\n".join([*lines, *map(_counter, said["merchants"][:SHOWN_ROWS])]))


async def ttl_analysis(query: Expiry, upstream: Upstream) -> Answer:
    """How long keys live, by prefix; those that never expire are named."""
    said = await page(upstream, "redis.ttl", soon=query.soon_seconds)
    lines = [f"키 {said['total_keys']}개"]
    lines += [
        f"{prefix}: {one['count']}개, 평균 TTL {figure(one['avg_ttl_seconds'], '초')}, "
        f"{query.soon_seconds}초 안 만료 {one['expiring_soon']}, 만료 없음 {one['never_expire']}"
        for prefix, one in said["analysis"].items()
    ]
    return answer(upstream, said, "\n".join(lines))


TOOLS: Final = (
    Tool(
        name="check_rate_limit",
        title="Rate Limit 확인",
        description="Rate limit of a merchant 한도 상태: used, capacity from the live configuration, seconds to reset.",
        query=Limit,
        output=shape(merchant_id=TEXT, action=TEXT, status=TEXT, current_count=FIGURE, limit=FIGURE, remaining=FIGURE,
                     used_percent=FIGURE, ttl_seconds=FIGURE, never_expires=SURE),
        run=check_rate_limit,
        endpoints=("redis.rate_limit",),
        failed=failed,
    ),
    Tool(
        name="idempotency_lookup",
        title="멱등성 키 조회",
        description="An idempotency key 멱등성 키: payment, TTL in the cache, and what the database holds.",
        query=Key,
        output=shape(exists=SURE, payment_id=FIGURE, merchant_id=TEXT, ttl_seconds=FIGURE, in_database=ROWS),
        run=idempotency_lookup,
        endpoints=("redis.idempotency",),
        failed=failed,
    ),
    Tool(
        name="cache_stats",
        title="Redis 통계",
        description="Redis figures 통계: memory, hit rate, keys by kind, evictions, slow commands.",
        query=Nothing,
        output=shape(total_keys=FIGURE, used_memory_bytes=FIGURE, hit_rate_percent=FIGURE, rate_limit_keys=FIGURE,
                     idempotency_keys=FIGURE, evicted_keys=FIGURE, uptime_seconds=FIGURE, slowlog=ROWS),
        run=cache_stats,
        endpoints=("redis.stats",),
        failed=failed,
    ),
    Tool(
        name="clear_rate_limit",
        title="Rate Limit 초기화 계획",
        description="Plan to clear a merchant's counter 초기화 계획. Changes nothing: apply_plan does it.",
        query=Limit,
        output=PLAN_OUTPUT,
        run=clear_rate_limit,
        endpoints=("redis.rate_limit",),
        failed=failed,
    ),
    Tool(
        name="list_rate_limit_keys",
        title="Rate Limit 키 목록",
        description="Active rate limit counters 활성 키 목록, the fullest first.",
        query=Listing,
        output=shape(count=FIGURE, rate_limits=ROWS, truncated=SURE),
        run=list_rate_limit_keys,
        endpoints=("redis.rate_limits",),
        failed=failed,
    ),
    Tool(
        name="find_merchants_hitting_limits",
        title="한도 근접 가맹점",
        description="Merchants at or above a share of their rate limit 한계치 도달 가맹점.",
        query=Near,
        output=shape(status=TEXT, count=FIGURE, merchants=ROWS, threshold_percentage=FIGURE, truncated=SURE),
        run=find_merchants_hitting_limits,
        endpoints=("redis.near",),
        failed=failed,
    ),
    Tool(
        name="ttl_analysis",
        title="TTL 분석",
        description="Expiry of Redis keys 만료 분석 by prefix: average TTL, soon to expire, never expiring.",
        query=Expiry,
        output=shape(total_keys=FIGURE, analysis=OBJECT, soon_seconds=FIGURE, complete=SURE),
        run=ttl_analysis,
        endpoints=("redis.ttl",),
        failed=failed,
    ),
)  # fmt: skip
