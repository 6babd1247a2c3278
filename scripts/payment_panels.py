"""The panels of the payment system's dashboard: title, unit, PromQL, legend."""

from __future__ import annotations

from typing import Final

Panel = tuple[str, str, str, str]
_HTTP: Final = "http_server_requests_seconds"
_PAID: Final = f'{_HTTP}_bucket{{uri="/payments/authorize"}}'


RATES: Final = (
    "label_replace(max by (name) (resilience4j_circuitbreaker_failure_rate), 'kind', 'failed', '', '')"
    " or label_replace(max by (name) (resilience4j_circuitbreaker_slow_call_rate), 'kind', 'slow', '', '')"
)


def _p95(bucket: str, *by: str) -> str:
    return f"histogram_quantile(0.95, sum by ({', '.join(('le', *by))}) (rate({bucket}[1m])))"


PAYMENT_PANELS: Final[tuple[Panel, ...]] = (
    ("Requests a second 초당 요청", "reqps", f"sum by (uri, status) (rate({_HTTP}_count[1m]))", "{{uri}} {{status}}"),
    ("Authorize p95 승인 p95", "s", _p95(_PAID), "p95"),
    ("Authorize errors 승인 5xx", "percentunit", "payments:authorize_errors:ratio1m", "5xx"),
    (
        "Circuit breakers 서킷 브레이커",
        "none",
        'max by (name, state) (resilience4j_circuitbreaker_state{state!="closed"})',
        "{{name}} {{state}}",
    ),
    (
        "Breaker rates 실패율·지연율",
        "percent",
        RATES,
        "{{name}} {{kind}}",
    ),
    (
        "Events published 이벤트 발행",
        "ops",
        "sum by (outcome, error) (rate(outbox_publish_total[1m]))",
        "{{outcome}} {{error}}",
    ),
    ("Publish p95 발행 p95", "s", _p95("outbox_publish_seconds_bucket", "topic"), "{{topic}}"),
    (
        "Poller silent for 폴러 마지막 실행",
        "s",
        "time() - max(outbox_poller_last_run_timestamp_seconds > 0)",
        "seconds",
    ),
    (
        "Records consumed 소비",
        "ops",
        "sum by (group, outcome) (rate(consumer_events_total[1m]))",
        "{{group}} {{outcome}}",
    ),
    (
        "Dead letters, 1 h",
        "short",
        'sum by (group, topic) (increase(consumer_events_total{outcome="dead_lettered"}[1h]))',
        "{{group}} {{topic}}",
    ),
    (
        "Refused with 429 한도 초과",
        "reqps",
        "topk(10, sum by (merchant) (rate(rate_limit_rejected_total[1m])))",
        "{{merchant}}",
    ),
    (
        "Let through uncounted 한도 미집계",
        "reqps",
        "sum by (action) (rate(rate_limit_fail_open_total[1m]))",
        "{{action}}",
    ),
    ("Idempotency 멱등 키 조회", "ops", "sum by (source) (rate(idempotency_lookup_total[1m]))", "{{source}}"),
    ("Keys used otherwise 키 오용", "ops", "sum by (kind) (rate(idempotency_conflict_total[5m]))", "{{kind}}"),
    (
        "Gateway calls PG 호출",
        "ops",
        "sum by (operation, outcome) (rate(pg_calls_total[1m]))",
        "{{operation}} {{outcome}}",
    ),
    ("Gateway p95 PG p95", "s", _p95("pg_call_seconds_bucket", "operation"), "{{operation}}"),
    ("Database connections DB 연결", "short", "hikaricp_connections_active", "active {{instance}}"),
    ("Waiting for a connection 연결 대기", "short", "hikaricp_connections_pending", "waiting {{instance}}"),
    ("MariaDB threads", "short", "mysql_global_status_threads_running", "running"),
    ("Redis memory 메모리", "bytes", "redis_memory_used_bytes", "used"),
    ("CPU", "percentunit", '1 - avg(rate(node_cpu_seconds_total{mode="idle"}[1m]))', "busy"),
    ("Targets that answer 응답하는 대상", "short", "up", "{{job}} {{instance}}"),
)
"""The last four are the exporters' and Prometheus' own; all others are told by the platform."""
