"""The named metrics: what people call them, and the PromQL that answers; `{step}` is the window of a rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One metric: its id, its names (the first Korean and English ones are shown), its PromQL and unit."""

    id: str
    ko: tuple[str, ...]
    en: tuple[str, ...]
    promql: str
    unit: str


def _metric(name: str, ko: str, en: str, promql: str, unit: str) -> Metric:
    return Metric(id=name, ko=tuple(ko.split("|")), en=tuple(en.split("|")), promql=promql, unit=unit)


_HTTP: Final = "http_server_requests_seconds"
CATALOGUE: Final[tuple[Metric, ...]] = (
    _metric(
        "http_requests",
        "HTTP 요청 수|요청 수|HTTP 요청|요청량|트래픽|초당 요청 수",
        "http requests|request rate|requests per second|rps|traffic",
        f"sum(rate({_HTTP}_count[{{step}}]))",
        "per second",
    ),
    _metric(
        "http_errors",
        "HTTP 오류 수|5xx 수|서버 오류 수|서버 오류|5xx",
        "http errors|server errors|5xx errors",
        f'sum(rate({_HTTP}_count{{{{status=~"5.."}}}}[{{step}}])) or vector(0)',
        "per second",
    ),
    _metric(
        "error_rate",
        "HTTP 오류율|오류율|에러율|에러 비율|오류 비율",
        "http error rate|error rate|error ratio",
        f'100 * (sum(rate({_HTTP}_count{{{{status=~"5.."}}}}[{{step}}])) or vector(0))'
        f" / sum(rate({_HTTP}_count[{{step}}]))",
        "percent",
    ),
    _metric(
        "http_p95",
        "HTTP 응답 시간|응답 시간|응답속도|응답 속도|지연 시간|p95 지연|p95",
        "response time|http latency|latency|p95 latency",
        f"1000 * histogram_quantile(0.95, sum by (le) (rate({_HTTP}_bucket[{{step}}])))",
        "ms, 95th percentile",
    ),
    _metric(
        "http_average",
        "평균 응답 시간|응답 시간 평균|평균 응답속도|평균 지연 시간",
        "average response time|average latency|mean response time|mean latency",
        f"1000 * sum(rate({_HTTP}_sum[{{step}}])) / sum(rate({_HTTP}_count[{{step}}]))",
        "ms, mean",
    ),
    _metric(
        "cpu",
        "CPU 사용률|CPU 사용량|씨피유 사용률",
        "cpu usage|cpu utilization|cpu",
        '100 * (1 - avg(rate(node_cpu_seconds_total{{mode="idle"}}[{step}])))',
        "percent",
    ),
    _metric(
        "memory",
        "메모리 사용률|메모리 사용량|메모리",
        "memory usage|memory utilization|memory",
        "100 * (1 - avg(node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes))",
        "percent",
    ),
    _metric(
        "outbox_published",
        "이벤트 발행 수|발행 이벤트 수|아웃박스 발행 수|발행 수",
        "published events|outbox publishes|event publish rate",
        'sum(rate(outbox_publish_total{{outcome="ok"}}[{step}]))',
        "per second",
    ),
    _metric(
        "outbox_errors",
        "이벤트 발행 실패 수|이벤트 발행 실패|발행 실패 수|발행 오류",
        "publish errors|publish failures",
        'sum(rate(outbox_publish_total{{outcome="error"}}[{step}])) or vector(0)',
        "per second",
    ),
    _metric(
        "publish_p95",
        "카프카 발행 시간|Kafka 발행 시간|발행 지연|카프카 지연|Kafka 지연",
        "publish latency|kafka latency|produce latency",
        "1000 * histogram_quantile(0.95, sum by (le) (rate(outbox_publish_seconds_bucket[{step}])))",
        "ms, 95th percentile",
    ),
    _metric(
        "breaker_failure_rate",
        "서킷 브레이커 실패율|서킷브레이커 실패율|브레이커 실패율",
        "circuit breaker failure rate|breaker failure rate",
        "max by (name) (resilience4j_circuitbreaker_failure_rate)",
        "percent (-1: too few calls)",
    ),
    _metric(
        "breaker_open",
        "서킷 브레이커 상태|서킷브레이커 상태|브레이커 상태",
        "circuit breaker state|breaker state",
        'max by (name) (resilience4j_circuitbreaker_state{{state="open"}})',
        "1 while OPEN",
    ),
    _metric(
        "rate_limited",
        "요청 제한 수|429 수|레이트 리밋 거절 수|제한된 요청 수|429",
        "rate limited requests|429 responses|rate limit rejections",
        "sum(rate(rate_limit_rejected_total[{step}])) or vector(0)",
        "per second",
    ),
    _metric(
        "consumed",
        "소비 이벤트 수|이벤트 소비 수|컨슈머 처리량|소비량",
        "consumed events|consumer throughput",
        "sum by (group) (rate(consumer_events_total[{step}]))",
        "per second",
    ),
    _metric(
        "pg_calls",
        "PG 호출 수|PG사 호출 수|게이트웨이 호출 수",
        "gateway calls|pg calls",
        "sum by (outcome) (rate(pg_calls_total[{step}]))",
        "per second",
    ),
    _metric(
        "db_connections",
        "DB 커넥션 수|DB 연결 수|커넥션 풀 사용량|커넥션 수|DB 커넥션",
        "db connections|database connections|connection pool usage",
        "sum(hikaricp_connections_active)",
        "connections",
    ),
    _metric(
        "db_queries",
        "DB 쿼리 수|쿼리 수|데이터베이스 쿼리 수",
        "db queries|database queries|queries per second",
        "sum(rate(mysql_global_status_queries[{step}]))",
        "per second",
    ),
    _metric(
        "redis_memory",
        "Redis 메모리|레디스 메모리|Redis 메모리 사용량|레디스 메모리 사용량",
        "redis memory|redis memory usage",
        "sum(redis_memory_used_bytes) / 1048576",
        "MiB",
    ),
    _metric(
        "redis_commands",
        "Redis 명령 수|레디스 명령 수|Redis 처리량|레디스 처리량",
        "redis commands|redis throughput",
        "sum(rate(redis_commands_processed_total[{step}]))",
        "per second",
    ),
    _metric(
        "redis_keys",
        "Redis 키 수|레디스 키 수",
        "redis keys",
        "sum(redis_db_keys)",
        "keys",
    ),
)
"""Names are matched longest first, so that 'Redis 메모리' is not read as the machine's memory."""


def promql_of(metric: Metric, step: str = "1m") -> str:
    """The query with its rate window."""
    return metric.promql.replace("{{", "{").replace("}}", "}").replace("{step}", step)
