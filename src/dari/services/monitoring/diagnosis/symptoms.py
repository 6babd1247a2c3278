"""What an operator sees; each is accounted for by a cause, or stays on the list as unexplained."""

from __future__ import annotations

from typing import Final

from dari.services.monitoring.diagnosis.common import PUBLISHER, breaker, known, outbox
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.diagnosis.rule import Symptom, so

_KAFKA: Final = frozenset(
    {
        "KAFKA_UNREACHABLE",
        "KAFKA_SLOW",
        "UNDER_MIN_ISR",
        "TOPIC_MISSING",
        "PARTITION_OFFLINE",
        "PUBLISH_REFUSED",
        "BREAKER_FLAPPING",
        "BREAKER_FORCED",
        "BREAKER_STUCK_HALF_OPEN",
        "APP_UNREACHABLE",
    }
)
_WORKERS: Final = frozenset(
    f"{name}_{what}" for name in ("CONSUMER", "SETTLEMENT_WORKER", "REFUND_WORKER") for what in ("STOPPED", "STUCK")
)
OLD: Final = 45.0


def _slow_api(f: Facts) -> bool:
    usual, now = f["http.usual_p95_ms"], f["http.p95_ms"]
    return bool(usual and now and now > 500 and now >= 3 * usual)


def _lagging(f: Facts) -> bool:
    return any(
        f[f"groups.{name}"]["waiting"] > max(200.0, 20 * known(f, "traffic.rps", 0.0))
        for name in ("payment-consumer", "settlement-worker-group", "refund-worker-group")
    )


SYMPTOMS: Final[tuple[Symptom, ...]] = (
    Symptom(
        id="BREAKER_OPEN",
        ko="Kafka 발행 서킷 브레이커가 열려 있습니다.",
        en="The publisher's circuit breaker is not closed.",
        shows=so("state is not CLOSED", lambda f: f[PUBLISHER]["state"] in {"OPEN", "HALF_OPEN", "FORCED_OPEN"}),
        report=lambda f: {"breaker": breaker(f)},
        causes=_KAFKA,
    ),
    Symptom(
        id="GATEWAY_BREAKER_OPEN",
        ko="PG 서킷 브레이커가 열려 있습니다.",
        en="The gateway's circuit breaker is not closed.",
        shows=so(
            "state is not CLOSED", lambda f: f["breaker.pg-auth-api"]["state"] in {"OPEN", "HALF_OPEN", "FORCED_OPEN"}
        ),
        report=lambda f: {"state": f["breaker.pg-auth-api"]["state"]},
        causes=frozenset({"PG_UNREACHABLE", "PG_SLOW", "PG_BREAKER_FORCED"}),
    ),
    Symptom(
        id="OUTBOX_AGE",
        ko="발행되지 않은 이벤트가 쌓였습니다.",
        en="Events wait unpublished for long.",
        shows=so(
            "the oldest waits longer than 45 s", lambda f: f["outbox.unpublished"] > 0 and f["outbox.oldest_age"] > OLD
        ),
        report=outbox,
        causes=_KAFKA
        | {"OUTBOX_STUCK", "OUTBOX_SLOW", "DB_UNREACHABLE", "CLOCK_SKEW", "TRAFFIC_SURGE", "DB_WRITES_FAILING"},
    ),
    Symptom(
        id="LAG",
        ko="컨슈머 Lag이 큽니다.",
        en="A consumer group lags.",
        shows=so("more than twenty seconds of traffic wait", _lagging),
        report=lambda f: {
            name: f[f"groups.{name}"]["waiting"]
            for name in ("payment-consumer", "settlement-worker-group", "refund-worker-group")
        },
        causes=_WORKERS
        | {
            "CONSUMER_SLOW",
            "TRAFFIC_SURGE",
            "DB_UNREACHABLE",
            "KAFKA_SLOW",
            "PARTITION_OFFLINE",
            "TOPIC_MISSING",
            "DB_WRITES_FAILING",
            "DB_SLOW",
        },
    ),
    Symptom(
        id="SERVER_ERRORS",
        ko="API가 5xx를 반환합니다.",
        en="The API answers 5xx.",
        shows=so(
            "5xx in the last minute",
            lambda f: f["http.errors"] >= 3 and f["http.errors"] > 0.01 * max(1, f["http.authorize_total"]),
        ),
        report=lambda f: {"errors": f["http.errors"], "authorizeByStatus": f["http.authorize"]},
        causes=frozenset(
            {
                "DB_UNREACHABLE",
                "DB_WRITES_FAILING",
                "PG_UNREACHABLE",
                "PG_SLOW",
                "PG_BREAKER_FORCED",
                "DB_POOL_EXHAUSTED",
                "DB_SLOW",
            }
        ),
    ),
    Symptom(
        id="TOO_MANY_REQUESTS",
        ko="429 응답이 있습니다.",
        en="Requests are refused with 429.",
        shows=so("429 in the last minute", lambda f: f["http.too_many"] > 0),
        report=lambda f: {"count": f["http.too_many"]},
        causes=frozenset({"RATE_LIMITED_MERCHANT", "RATE_LIMIT_TOO_LOW", "RATE_KEY_NEVER_EXPIRES"}),
    ),
    Symptom(
        id="SLOW_API",
        ko="API 응답이 평소보다 느립니다.",
        en="The API is slower than usual.",
        shows=so("p95 three times the usual", _slow_api),
        report=lambda f: {"p95Ms": f["http.p95_ms"], "usualP95Ms": f["http.usual_p95_ms"]},
        causes=frozenset(
            {
                "DB_SLOW",
                "DB_UNREACHABLE",
                "REDIS_UNREACHABLE",
                "REDIS_SLOW",
                "PG_SLOW",
                "PG_UNREACHABLE",
                "TRAFFIC_SURGE",
                "DB_POOL_EXHAUSTED",
            }
        ),
    ),
    Symptom(
        id="FAIL_OPEN",
        ko="요청 제한이 열린 채로 통과합니다.",
        en="The rate limiter lets requests through uncounted.",
        shows=so("fail-open grew", lambda f: f["limit.fail_open"] > 0),
        report=lambda f: {"count": f["limit.fail_open"]},
        causes=frozenset({"REDIS_UNREACHABLE", "REDIS_WRITES_FAILING", "REDIS_SLOW", "REDIS_RESTARTED"}),
    ),
    Symptom(
        id="PUBLISH_ERRORS",
        ko="이벤트 발행이 실패합니다.",
        en="Publishing events fails.",
        shows=so("publish errors lately", lambda f: f["publish.errors_lately"] > 0),
        report=lambda f: {"errors": f["publish.errors_by"]},
        causes=_KAFKA,
    ),
    Symptom(
        id="LEDGER_GAP",
        ko="캡처되었으나 원장에 없는 결제가 있습니다.",
        en="Captured payments have no ledger entry yet.",
        shows=so("captured without entry for over a minute", lambda f: f["ledger.overdue"] > 0),
        report=lambda f: {"count": f["ledger.overdue"]},
        causes=_WORKERS
        | _KAFKA
        | {
            "POISON_MESSAGE",
            "POISON_INFRASTRUCTURE",
            "DB_UNREACHABLE",
            "OUTBOX_STUCK",
            "OUTBOX_SLOW",
            "CONSUMER_SLOW",
            "EVENT_LOST",
            "LEDGER_TAMPERED",
            "TRAFFIC_SURGE",
            "CLOCK_SKEW",
        },
    ),
)
