"""Causes that are Redis' own: away, refusing writes, emptied, restarted, full, slow."""

from __future__ import annotations

from typing import Final

from dari.services.monitoring.diagnosis.common import known, over_limit, redis_down
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.diagnosis.rule import Rule, so

UNCOUNTED: Final = 0.5
"""The share of requests that pass uncounted where Redis takes no writes; a hiccup between two looks is less."""
FEW: Final = 3


def _platform_feels_redis(f: Facts) -> bool:
    return bool(known(f, "limit.fail_open", 0) > 0 or known(f, "http.authorize_ok_lately", 0) == 0)


def _lookups(f: Facts) -> dict[str, int]:
    since = f.get("since.redis") or {"lookups": f.get("idempotency.lookups") or {}}
    return dict(since["lookups"])


def _uncounted(f: Facts) -> bool:
    said = f["limit.uncounted"]
    return bool(said["passed"] >= FEW and said["passed"] >= UNCOUNTED * said["requests"])


def _full(f: Facts) -> bool | None:
    """Whether it holds all it may; None where it has no bound or does not say."""
    said = f.get("redis.memory") or {}
    if not said.get("maxmemory") or said.get("used_memory") is None:
        return None
    return bool(int(said["used_memory"]) >= int(said["maxmemory"]))


REDIS: Final[tuple[Rule, ...]] = (
    Rule(
        id="REDIS_UNREACHABLE",
        component="redis",
        ko="Redis에 연결할 수 없습니다. 요청 제한이 열린 채로 통과합니다.",
        en="Redis cannot be reached; the rate limiter lets everything through.",
        requires=(redis_down, so("the platform feels it too", _platform_feels_redis)),
        report=lambda f: {
            "pingError": f.get("redis.error"),
            "limiterFailOpen": (f.get("since.redis") or {}).get("fail_open", f.get("limit.fail_open")),
            "sinceSeconds": (f.get("since.redis") or {}).get("seconds"),
            "merchantsAboveLimit": over_limit(f),
            "authorizeP95Ms": f.get("http.p95_ms"),
            "authorizeP95UsualMs": f.get("http.usual_p95_ms"),
            "idempotencyServedByDatabase": _lookups(f).get("db", 0),
            "idempotencyLookedUpInDatabase": sum(_lookups(f).get(where, 0) for where in ("db", "none")),
        },
        disproof="PING answers, or rate_limit_fail_open_total does not grow while payments arrive.",
        next_step="cache_stats",
        explains=frozenset({"REDIS_FLUSHED", "REDIS_RESTARTED", "REDIS_SLOW", "LATENCY"}),
    ),
    Rule(
        id="REDIS_WRITES_FAILING",
        component="redis",
        ko="Redis가 응답하지만 플랫폼의 쓰기가 실패합니다. 요청 제한이 열린 채로 통과합니다.",
        en="Redis answers, but the platform's writes to it fail; the rate limiter lets requests through uncounted.",
        requires=(
            so("redis answers", lambda f: f["redis.reachable"]),
            so("requests pass uncounted while it answers", _uncounted),
        ),
        report=lambda f: {
            "passedUncounted": f["limit.uncounted"]["passed"],
            "requests": f["limit.uncounted"]["requests"],
            "seconds": f["limit.uncounted"]["seconds"],
            "full": _full(f),
            **(f.get("redis.memory") or {}),
            "role": f.get("redis.role"),
            "merchantsAboveLimit": over_limit(f),
        },
        disproof="INCR of a key succeeds, or rate_limit_fail_open_total does not grow while payments arrive.",
        next_step="cache_stats",
        explains=frozenset({"REDIS_SLOW", "LATENCY"}),
    ),
    Rule(
        id="REDIS_FLUSHED",
        component="redis",
        ko="Redis의 키가 지워졌습니다(서버는 재시작되지 않음).",
        en="Redis' keys were deleted; the server itself was not restarted.",
        requires=(
            so("keys vanished between two samples that expiry does not explain", lambda f: bool(f["redis.vanished"])),
        ),
        forbids=(so("the server restarted", lambda f: bool(f["redis.restarted"])),),
        report=lambda f: {
            "keysBefore": f["redis.vanished"]["keys_before"],
            "keysAfter": f["redis.vanished"]["keys_after"],
            "keysNow": f.get("redis.keys"),
            "flushCommands": f["redis.vanished"]["flush_commands"],
            "at": f["redis.vanished"]["at"].isoformat(),
            "idempotencyKeysAfter": f["redis.vanished"]["idem_keys_after"],
            "idempotencyKeysNow": f.get("redis.idem_keys"),
            "idempotencyRowsInDatabaseWithinTtl": f.get("idempotency.rows_within_ttl"),
            "uptimeSeconds": f.get("redis.uptime"),
            "restarted": False,
            "rateCountersRestarted": True,
            "idempotencyHeldBy": "database",
        },
        disproof="uptime_in_seconds fell (a restart), or evicted_keys/expired_keys account for the loss.",
        next_step="ttl_analysis",
    ),
    Rule(
        id="REDIS_RESTARTED",
        component="redis",
        severity="warning",
        ko="Redis가 재시작되었습니다.",
        en="Redis was restarted.",
        requires=(so("uptime fell between two samples", lambda f: bool(f["redis.restarted"])),),
        report=lambda f: {
            **f["redis.restarted"],
            "at": f["redis.restarted"]["at"].isoformat(),
            "keysNow": f.get("redis.keys"),
        },
        disproof="uptime_in_seconds grew without a break.",
        next_step="cache_stats",
    ),
    Rule(
        id="REDIS_EVICTING",
        component="redis",
        severity="warning",
        ko="Redis 메모리가 가득 차 키를 내보내고 있습니다.",
        en="Redis is full and evicts keys.",
        requires=(so("keys are evicted", lambda f: f["redis.evicted"] > 0),),
        report=lambda f: {"evicted": f["redis.evicted"], **(f.get("redis.memory") or {})},
        disproof="evicted_keys stands still.",
        next_step="cache_stats",
    ),
    Rule(
        id="REDIS_SLOW",
        component="redis",
        severity="warning",
        ko="Redis 응답이 느립니다.",
        en="Redis answers slowly.",
        requires=(so("INFO takes 200 ms or more", lambda f: f["redis.ms"] >= 200),),
        report=lambda f: {"infoMs": f.get("redis.ms"), "authorizeP95Ms": f.get("http.p95_ms")},
        disproof="INFO answers in milliseconds.",
        next_step="cache_stats",
        explains=frozenset({"LATENCY"}),
    ),
)
