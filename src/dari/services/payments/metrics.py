"""The platform's numbers for Prometheus, under Micrometer's and Resilience4j's names where those exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from dari.services.payments.breaker import Breaker, State

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.085, 0.1, 0.15, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


class Metrics:
    """One registry per platform, so that several may live in one process."""

    def __init__(self, breakers: Mapping[str, Breaker], pool: Callable[[], tuple[int, int, int]]) -> None:
        registry = self._registry = CollectorRegistry()
        self._breakers = breakers
        self._pool = pool

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(name, text, labels, registry=registry)

        def histogram(name: str, text: str, *labels: str) -> Histogram:
            return Histogram(name, text, labels, registry=registry, buckets=SECONDS)

        self.http = histogram("http_server_requests_seconds", "Requests", "method", "uri", "status")
        self.published = counter("outbox_publish_total", "Events sent", "topic", "outcome", "error")
        self.publish_seconds = histogram("outbox_publish_seconds", "Send to acknowledgement", "topic")
        self.rejected = counter("rate_limit_rejected_total", "Refused with 429", "merchant", "action")
        self.fail_open = counter("rate_limit_fail_open_total", "Let through uncounted", "action")
        self.lookups = counter("idempotency_lookup_total", "Where a key was found", "source")
        self.conflicts = counter("idempotency_conflict_total", "Key re-used otherwise", "merchant", "kind")
        self.consumed = counter("consumer_events_total", "Records by outcome", "group", "topic", "outcome")
        self.pg_calls = counter("pg_calls_total", "Gateway calls", "operation", "outcome")
        self.pg_seconds = histogram("pg_call_seconds", "Gateway time", "operation")
        self.poller_run = Gauge("outbox_poller_last_run_timestamp_seconds", "Last poll", registry=registry)
        self.started = Gauge("process_start_time_seconds", "Start", registry=registry)
        self._state = Gauge("resilience4j_circuitbreaker_state", "1: in it", ("name", "state"), registry=registry)
        self._failure = Gauge("resilience4j_circuitbreaker_failure_rate", "%", ("name",), registry=registry)
        self._slow = Gauge("resilience4j_circuitbreaker_slow_call_rate", "%", ("name",), registry=registry)
        self._buffered = Gauge(
            "resilience4j_circuitbreaker_buffered_calls", "In the window", ("name", "kind"), registry=registry
        )
        self._refused = Gauge(
            "resilience4j_circuitbreaker_not_permitted_calls_total", "Refused", ("name",), registry=registry
        )
        self._hikari = {
            part: Gauge(f"hikaricp_connections_{part}", "Connections", registry=registry)
            for part in ("active", "pending", "max")
        }

    def value(self, name: str, **labels: str) -> float:
        """One sample as it stands; 0 where it was never counted."""
        return self._registry.get_sample_value(name, labels) or 0.0

    def text(self) -> str:
        """The exposition; the library's own `_created` series are the machine's time and are left out."""
        for name, breaker in self._breakers.items():
            now, seen = breaker.state, breaker.snapshot()
            for state in State:
                self._state.labels(name, state.value.lower()).set(1.0 if state is now else 0.0)
            self._failure.labels(name).set(breaker.failure_rate)
            self._slow.labels(name).set(breaker.slow_call_rate)
            self._buffered.labels(name, "failed").set(seen["numberOfFailedCalls"])
            self._buffered.labels(name, "successful").set(seen["numberOfSuccessfulCalls"])
            self._refused.labels(name).set(breaker.not_permitted_total)
        for part, value in zip(("active", "pending", "max"), self._pool(), strict=True):
            self._hikari[part].set(value)
        lines = generate_latest(self._registry).decode().splitlines()
        return "\n".join(line for line in lines if "_created" not in line) + "\n"
