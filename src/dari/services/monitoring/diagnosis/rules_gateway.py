"""Causes that are the payment gateway's: away, declining, slow, or shut off by an operator's hand on its breaker."""

from __future__ import annotations

from math import exp, lgamma, log
from typing import Any, Final

from dari.services.monitoring.diagnosis.common import app_up, known
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.diagnosis.rule import Rule, so

BREAKER: Final = "breaker.pg-auth-api"
RATE: Final = 50.0
"""Per cent of calls, failed or slow, at which the breaker opens."""
GATEWAY_SHARE: Final = 0.2
USUAL_SHARE: Final = 0.05
"""What a gateway declines on an ordinary day."""
BY_CHANCE: Final = 0.00001
"""What happens by chance less often than this in a minute is no chance."""
GATEWAY_SLOW_MS: Final = {"authorize": 2000.0, "settle": 6000.0, "refund": 6000.0}


def _gateway(f: Facts, outcome: str) -> dict[str, Any]:
    """Operations of which more than a fifth ended so, at least three calls, and more than a bad minute brings.

    While nothing new arrives only retries are counted: four of seventeen are one in a hundred such minutes, no cause.
    """
    return {
        name: said
        for name, said in f["pg.operations"].items()
        if said[outcome] >= 3
        and said[outcome] / max(1, said["calls"]) > GATEWAY_SHARE
        and by_chance(round(said["calls"]), round(said[outcome]), USUAL_SHARE) < BY_CHANCE
    }


def by_chance(calls: int, ended: int, share: float) -> float:
    """How likely `ended` or more of `calls` end so, when each does with probability `share`."""
    most = lgamma(calls + 1)
    whole = 0.0
    for n in range(ended, calls + 1):
        # In logarithms: the ways to choose are more than a float holds from a thousand calls on.
        part = exp(most - lgamma(n + 1) - lgamma(calls - n + 1) + n * log(share) + (calls - n) * log(1 - share))
        whole += part
        if n > calls * share and part <= whole * 1e-12:
            break
    return whole


def _failing(f: Facts) -> dict[str, Any]:
    """Operations that end in errors, without those that only the API's breaker refused."""
    said = known(f, BREAKER, None)
    own = said is None or said["errors"] or said["failed"] or said["known_failure_rate"] > 0
    return {name: one for name, one in _gateway(f, "error").items() if own or name != "authorize"}


def _open_over(f: Facts, rate: str, other: str) -> bool:
    """The breaker is not closed, and this rate, not the other, had reached its threshold when it was last known."""
    said = known(f, BREAKER, None)
    return bool(said and said["state"] in {"OPEN", "HALF_OPEN"} and said[rate] >= RATE > said[other])


def _open_for_errors(f: Facts) -> bool:
    return _open_over(f, "known_failure_rate", "known_slow_rate") and not _gateway_slow(f)


def _open_for_slowness(f: Facts) -> bool:
    return _open_over(f, "known_slow_rate", "known_failure_rate")


def _forced(f: Facts) -> bool:
    return f[BREAKER]["state"] in {"FORCED_OPEN", "DISABLED"}


def _gateway_slow(f: Facts) -> dict[str, Any]:
    return {
        name: said
        for name, said in f["pg.operations"].items()
        if said["p95_ms"] is not None and said["p95_ms"] >= GATEWAY_SLOW_MS.get(name, 6000.0)
    }


def _pg_breaker(f: Facts) -> dict[str, Any] | None:
    said = f.get("breaker.pg-auth-api")
    return (
        {"state": said["state"], "failureRate": said["failure_rate"], "slowCallRate": said["slow_rate"]}
        if said
        else None
    )


GATEWAY: Final[tuple[Rule, ...]] = (
    Rule(
        id="PG_UNREACHABLE",
        component="payment-gateway",
        ko="PG(결제 대행)가 응답하지 않습니다.",
        en="The payment gateway fails.",
        requires=(
            app_up,
            so("calls to the gateway end in errors", lambda f: bool(_failing(f)) or _open_for_errors(f)),
        ),
        report=lambda f: {
            "operations": _failing(f) or f.get("pg.operations"),
            "breaker": _pg_breaker(f),
            "authorizeByStatus": f.get("http.authorize"),
        },
        disproof="pg_calls_total{outcome=error} does not grow.",
        next_step="get_circuit_breaker_status",
        explains=frozenset({"DEAD_REQUESTS", "PG_SLOW", "DB_WRITES_FAILING", "LATENCY"}),
    ),
    Rule(
        id="PG_DECLINING",
        component="payment-gateway",
        severity="warning",
        ko="PG가 비정상적으로 많이 거절합니다.",
        en="The payment gateway declines far more than usual.",
        requires=(app_up, so("more than a fifth is declined", lambda f: bool(_gateway(f, "declined")))),
        report=lambda f: {
            "operations": _gateway(f, "declined"),
            "settlement": f.get("requests.settlement"),
            "refund": f.get("requests.refund"),
        },
        disproof="pg_calls_total{outcome=declined} is below a fifth of the calls.",
        next_step="payment_statistics",
        explains=frozenset({"DEAD_REQUESTS"}),
    ),
    Rule(
        id="PG_SLOW",
        component="payment-gateway",
        severity="warning",
        ko="PG 응답이 느립니다.",
        en="The payment gateway is slow.",
        requires=(
            app_up,
            so(
                "p95 is far above normal, or the breaker opened over it",
                lambda f: bool(_gateway_slow(f)) or _open_for_slowness(f),
            ),
        ),
        report=lambda f: {
            "operations": _gateway_slow(f) or f.get("pg.operations"),
            "breaker": _pg_breaker(f),
            "authorizeP95Ms": f.get("http.p95_ms"),
        },
        disproof="pg_call_seconds p95 is below 2 s (authorize) or 6 s (settle, refund).",
        next_step="get_system_overview",
        explains=frozenset({"LATENCY"}),
    ),
    Rule(
        id="PG_BREAKER_FORCED",
        component="payment-gateway-breaker",
        severity="warning",
        ko="PG 서킷 브레이커가 운영자에 의해 강제 상태입니다.",
        en="An operator has forced the state of the payment gateway's circuit breaker.",
        requires=(app_up, so("FORCED_OPEN or DISABLED", _forced)),
        report=lambda f: {"breaker": _pg_breaker(f), "authorizeByStatus": f.get("http.authorize")},
        disproof="The state is CLOSED, OPEN or HALF_OPEN.",
        next_step="get_circuit_breaker_status",
        explains=frozenset({"DB_WRITES_FAILING"}),
    ),
)
