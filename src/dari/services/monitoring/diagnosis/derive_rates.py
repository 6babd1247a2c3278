"""Facts out of counters: answers by status, publishes by outcome, refusals by merchant, and what is usual."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from dari.services.monitoring.exposition import Exposition, Labels, minus, quantile
from dari.services.monitoring.history import History
from dari.services.monitoring.probes import kafka_probe
from dari.services.monitoring.probes.look import groups_of, topics_of
from dari.services.monitoring.probes.snapshot import Snapshot

NOW: Final = 60.0
"""Seconds that count as now for a rate."""
QUICK: Final = 20.0
USUAL: Final = 60.0
"""Seconds before which the past counts as usual."""
AUTHORIZE: Final = "/payments/authorize"


def rate_facts(now: Snapshot, history: History, window: float, app_now: datetime) -> dict[str, Any]:
    """Empty without metrics now; facts of growth need one earlier sample."""
    if now.metrics is None:
        return {}
    values: dict[str, Any] = {}
    last = now.metrics.total("outbox_poller_last_run_timestamp_seconds")
    if last > 0:
        values["poller.age"] = round(app_now.timestamp() - last, 3)
    if now.metrics.has("hikaricp_connections_max"):
        values["pool"] = {
            part: now.metrics.total(f"hikaricp_connections_{part}") for part in ("active", "pending", "max")
        }
        values["pool.usage"] = values.pop("pool")
    span = history.span(now, NOW)
    if span is None or span <= 0:
        return values
    values["http.span"] = span
    values.update(_http(now, history))
    values.update(_publish(now, history, window))
    values.update(_outcomes(now, history, window))
    values.update(_limits(now, history, window))
    values.update(_usual(now, history))
    for name, wrong in WRONG.items():
        began = history.onset(now, wrong)
        if began is not None and began.metrics is not None:
            values[f"since.{name}"] = _since(now, began)
    return values


def _lacks_topic(one: Snapshot) -> bool | None:
    if one.topics is None or one.info is None:
        return None
    return bool(set(topics_of(one.info)) - {topic.name for topic in one.topics})


def _lacks_replicas(one: Snapshot) -> bool | None:
    if one.topics is None:
        return None
    return any(
        part.leader is not None and len(part.isr) < int(topic.configs.get("min.insync.replicas", 1))
        for topic in one.topics
        for part in topic.partitions
    )


def _lacks_leader(one: Snapshot) -> bool | None:
    if one.topics is None:
        return None
    return any(part.leader is None for topic in one.topics for part in topic.partitions)


def kafka_wrong(one: Snapshot) -> bool | None:
    """Whether the cluster itself was away, or lacked a topic, a leader or replicas; None where none of it was told."""
    said = [wrong(one) for wrong in (WRONG["kafka"], _lacks_topic, _lacks_replicas, _lacks_leader)]
    return True if True in said else (False if False in said and one.topics is not None else None)


WRONG: Final[Mapping[str, Callable[[Snapshot], bool | None]]] = {
    "redis": lambda one: "redis" in one.failures,
    "database": lambda one: "database" in one.failures,
    "kafka": lambda one: "kafka" in one.failures,
    "topics": _lacks_topic,
    "replicas": _lacks_replicas,
}
"""What has an onset, after which evidence counts."""


def _since(now: Snapshot, began: Snapshot) -> dict[str, Any]:
    """What grew since the last sample that was still right."""
    assert now.metrics is not None
    assert began.metrics is not None

    def grown(name: str, *labels: str) -> Counter[tuple[str, ...]]:
        return _by(minus(now.metrics or Exposition(), began.metrics or Exposition(), name), *labels)

    answers = {
        s: n for (uri, s), n in grown("http_server_requests_seconds_count", "uri", "status").items() if uri == AUTHORIZE
    }
    total = sum(answers.values())
    share = {
        kind: round(100 * sum(n for s, n in answers.items() if s.startswith(kind)) / total, 2) if total else None
        for kind in "25"
    }
    published = grown("outbox_publish_total", "topic", "outcome", "error")
    tried = sum(published.values())
    return {
        "at": began.at.isoformat(),
        "seconds": round((now.at - began.at).total_seconds(), 3),
        "authorize": answers,
        "ok_percent": share["2"],
        "error_percent": share["5"],
        "fail_open": sum(grown("rate_limit_fail_open_total", "action").values()),
        "lookups": {source: n for (source,), n in grown("idempotency_lookup_total", "source").items()},
        "dead_lettered": sum(
            n for (what,), n in grown("consumer_events_total", "outcome").items() if what == "dead_lettered"
        ),
        "tried": tried,
        "published": {topic: n for (topic, outcome, _), n in published.items() if outcome == "ok"},
        "refused": [
            {"topic": t, "error": e, "count": n} for (t, outcome, e), n in published.most_common() if outcome == "error"
        ],
    }


def _by(grown: dict[Labels, float], *names: str) -> Counter[tuple[str, ...]]:
    said: Counter[tuple[str, ...]] = Counter()
    for labels, value in grown.items():
        known = dict(labels)
        if value:
            said[tuple(known.get(name, "") for name in names)] += round(value)
    return said


def _p95(grown: dict[Labels, float]) -> float | None:
    buckets: dict[float, float] = defaultdict(float)
    for labels, value in grown.items():
        buckets[float(dict(labels)["le"].replace("+Inf", "inf"))] += value
    found = quantile(0.95, buckets)
    return None if found is None else round(found * 1000, 1)


def _http(now: Snapshot, history: History) -> dict[str, Any]:
    grown = history.growth(now, "http_server_requests_seconds_count", NOW) or {}
    answers = {status: n for (uri, status), n in _by(grown, "uri", "status").items() if uri == AUTHORIZE}
    everything: Counter[str] = Counter()
    for (status,), n in _by(grown, "status").items():
        everything[status] += n
    total = sum(answers.values())
    good = sum(n for status, n in answers.items() if status.startswith("2"))
    buckets = history.growth(now, "http_server_requests_seconds_bucket", NOW) or {}
    mine = {labels: value for labels, value in buckets.items() if dict(labels).get("uri") == AUTHORIZE}
    quick = history.growth(now, "http_server_requests_seconds_count", QUICK) or {}
    lately = sum(
        n for (uri, status), n in _by(quick, "uri", "status").items() if uri == AUTHORIZE and status.startswith("2")
    )
    return {
        "http.authorize": answers,
        "http.authorize_total": total,
        "http.authorize_ok_share": round(good / total, 4) if total else None,
        "http.authorize_ok_lately": lately,
        "http.errors": sum(n for status, n in everything.items() if status.startswith("5")),
        "http.too_many": everything.get("429", 0),
        "http.p95_ms": _p95(mine),
        "http.writes": [_writes(now, history, seconds) for seconds in (QUICK, NOW)],
    }


def _writes(now: Snapshot, history: History, seconds: float) -> dict[str, int] | None:
    """Authorizations that failed, and payments written meanwhile; None without a look at both then and now.

    An answer of 2xx alone tells of no write: a repeated request is answered from what was kept.
    """
    line = [one for one in history.since(now, seconds) if one.metrics is not None and one.database is not None]
    if not line or line[0].metrics is None or line[0].database is None or now.metrics is None or now.database is None:
        return None
    answers = _by(minus(now.metrics, line[0].metrics, "http_server_requests_seconds_count"), "uri", "status")
    written = sum(now.database.statuses.values()) - sum(line[0].database.statuses.values())
    failed = sum(n for (uri, status), n in answers.items() if uri == AUTHORIZE and status in {"500", "503"})
    return {"failed": failed, "written": max(0, written)}


def _grown(now: Snapshot, history: History, name: str, seconds: float, after: Snapshot | None) -> dict[Labels, float]:
    """What each series grew by in these seconds, and not before `after`."""
    if after is None or (now.at - after.at).total_seconds() >= seconds:
        return history.growth(now, name, seconds) or {}
    return minus(now.metrics or Exposition(), after.metrics or Exposition(), name) if after.metrics else {}


def _publish(now: Snapshot, history: History, window: float) -> dict[str, Any]:
    outcomes = _by(history.growth(now, "outbox_publish_total", NOW) or {}, "outcome")
    longer = history.growth(now, "outbox_publish_total", window) or {}
    quick = history.growth(now, "outbox_publish_total", QUICK) or {}
    # What failed or timed out while the cluster had a fault of its own, now over, says nothing of it as it is. Where
    # nothing failed the fault was our own look's alone.
    right = history.recovery(now, NOW, kafka_wrong) if outcomes["error",] else None
    name, timer = "outbox_publish_total", "outbox_publish_seconds_bucket"

    def listed(rows: dict[Labels, float]) -> list[dict[str, Any]]:
        return [
            {"topic": topic, "error": error, "count": n}
            for (topic, outcome, error), n in _by(rows, "topic", "outcome", "error").most_common()
            if outcome == "error"
        ]

    return {
        "publish.ok": outcomes.get(("ok",), 0),
        "publish.errors": outcomes.get(("error",), 0),
        "publish.skipped": outcomes.get(("skipped",), 0),
        "publish.ok_lately": _by(quick, "outcome").get(("ok",), 0),
        "publish.ok_lately_by_topic": {
            t: n for (t, outcome), n in _by(quick, "topic", "outcome").items() if outcome == "ok"
        },
        "publish.errors_lately": _by(_grown(now, history, name, QUICK, right), "outcome").get(("error",), 0),
        "publish.errors_by": listed(_grown(now, history, name, NOW, right)),
        "publish.errors_by_window": listed(longer),
        "publish.ok_window": _by(longer, "outcome").get(("ok",), 0),
        "publish.ok_by_topic": {
            topic: n
            for (topic, outcome), n in _by(history.growth(now, name, NOW) or {}, "topic", "outcome").items()
            if outcome == "ok"
        },
        "publish.p95_ms": _p95(_grown(now, history, timer, NOW, right)),
        "publish.lately_p95_ms": _p95(_grown(now, history, timer, QUICK, right)),
    }


def _outcomes(now: Snapshot, history: History, window: float) -> dict[str, Any]:
    consumed = _by(history.growth(now, "consumer_events_total", NOW) or {}, "group", "outcome")
    duplicates = _by(history.growth(now, "consumer_events_total", window) or {}, "outcome")
    calls = _by(history.growth(now, "pg_calls_total", NOW) or {}, "operation", "outcome")
    seconds = history.growth(now, "pg_call_seconds_bucket", NOW) or {}
    gateway: dict[str, Any] = {}
    for operation in sorted({operation for operation, _ in calls}):
        mine = {labels: value for labels, value in seconds.items() if dict(labels).get("operation") == operation}
        total = sum(n for (name, _), n in calls.items() if name == operation)
        gateway[operation] = {
            "calls": total,
            "error": calls.get((operation, "error"), 0),
            "declined": calls.get((operation, "declined"), 0),
            "ok": calls.get((operation, "ok"), 0),
            "p95_ms": _p95(mine),
        }
    lookups = _by(history.growth(now, "idempotency_lookup_total", NOW) or {}, "source")
    return {
        "consume.outcomes": {f"{group}:{outcome}": n for (group, outcome), n in consumed.items()},
        "consume.duplicates": duplicates.get(("duplicate",), 0),
        "pg.operations": gateway,
        "idempotency.lookups": {source: n for (source,), n in lookups.items()},
    }


def _limits(now: Snapshot, history: History, window: float) -> dict[str, Any]:
    """Who was refused: counted over the whole window, but only while somebody was refused in the last minute."""
    lately = _by(history.growth(now, "rate_limit_rejected_total", NOW) or {}, "merchant", "action")
    refused = (
        _by(history.growth(now, "rate_limit_rejected_total", window) or {}, "merchant", "action") if lately else lately
    )
    total = sum(refused.values())
    opened = _by(history.growth(now, "rate_limit_fail_open_total", NOW) or {}, "action")
    rows = []
    limits = (now.info or {}).get("rate_limits", {})
    # A window that has just ended leaves no counter: then the last one seen within a minute speaks.
    counters = {(one.merchant, one.action): one for past in history.since(now, NOW) for one in past.counters or ()}
    counters |= {(one.merchant, one.action): one for one in now.counters or ()}
    for (merchant, action), n in refused.most_common(20):
        counter = counters.get((merchant, action))
        rows.append(
            {
                "merchant": merchant,
                "action": action,
                "refused": n,
                "share": round(n / total, 4),
                "count": counter.count if counter else None,
                "capacity": limits.get(action, {}).get("capacity"),
                "window_seconds": limits.get(action, {}).get("window_seconds"),
                "reset_seconds": counter.ttl if counter else None,
            }
        )
    return {
        "limit.refused": rows,
        "limit.refused_total": total,
        "limit.refused_merchants": len({merchant for merchant, _ in refused}),
        "limit.fail_open": sum(opened.values()),
        **_uncounted(now, history),
    }


def _uncounted(now: Snapshot, history: History) -> dict[str, Any]:
    """Requests that passed the limiter uncounted in the part of the last minute in which Redis answered every look."""
    if now.redis is None or now.metrics is None:
        return {}
    line: list[Snapshot] = []
    for one in reversed(history.since(now, NOW)):
        if one.redis is None:
            break
        if one.metrics is not None:
            line.append(one)
    # One beat may hold the end of an outage.
    if len(line) < 2:
        return {}
    first = line[-1]
    grown = minus(now.metrics, first.metrics or Exposition(), "rate_limit_fail_open_total")
    asked = minus(now.metrics, first.metrics or Exposition(), "http_server_requests_seconds_count")
    return {
        "limit.uncounted": {
            "passed": round(sum(grown.values())),
            "requests": round(sum(asked.values())),
            "seconds": round((now.at - first.at).total_seconds(), 3),
        }
    }


def _usual(now: Snapshot, history: History) -> dict[str, Any]:
    """Requests a second now against the lower quartile of the past; usual is absent while the past is short or idle."""
    name = "http_server_requests_seconds_count"

    def rate(seconds: float) -> float:
        grown = history.growth(now, name, seconds) or {}
        span = history.span(now, seconds) or seconds
        return sum(n for (uri,), n in _by(grown, "uri").items() if uri == AUTHORIZE) / max(span, 1.0)

    quick, steady = rate(QUICK), rate(NOW)
    # A minute tells a rate best, unless it is still rising or falling through that minute.
    rps = quick if not 0.75 <= quick / max(steady, 1e-9) <= 1.33 else steady
    line = [one for one in history if one.metrics is not None and (now.at - one.at).total_seconds() >= USUAL]
    rates, backlog = [], []
    for one, two in itertools.pairwise(line):
        passed = (two.at - one.at).total_seconds()
        if passed > 0 and one.metrics and two.metrics:
            step = sum(n for (uri,), n in _by(minus(two.metrics, one.metrics, name), "uri").items() if uri == AUTHORIZE)
            rates.append((passed, step / passed))
        backlog.append(_backlog(two))
    busy = [(passed, rate) for passed, rate in rates if rate > 0]
    values: dict[str, Any] = {"traffic.rps": round(rps, 2)}
    if sum(passed for passed, _ in busy) >= 30:
        usual = _lower_quartile([rate for _, rate in busy])
        values["traffic.usual_rps"] = round(usual, 2)
        values["traffic.ratio"] = round(rps / usual, 2) if usual > 0 else None
        buckets = (
            minus(line[-1].metrics, line[0].metrics, "http_server_requests_seconds_bucket")
            if line[-1].metrics and line[0].metrics
            else {}
        )
        values["http.usual_p95_ms"] = _p95(
            {labels: v for labels, v in buckets.items() if dict(labels).get("uri") == AUTHORIZE}
        )
    known = [count for count in backlog if count is not None]
    lately = [count for one in [*history.since(now, 30.0), now] if (count := _backlog(one)) is not None]
    if known and lately:
        values["traffic.usual_backlog"] = round(_lower_quartile([float(count) for count in known]), 2)
        values["traffic.backlog"] = round(sum(lately) / len(lately), 2)
    return values


def _lower_quartile(figures: list[float]) -> float:
    """What is usual: a surge that lasts must not become the habit."""
    return sorted(figures)[(len(figures) - 1) // 4]


def _backlog(one: Snapshot) -> int | None:
    """Events on their way: unpublished, and not yet consumed."""
    if one.database is None or one.topics is None or one.committed is None:
        return None
    topics = {topic.name: topic for topic in one.topics}
    return one.database.unpublished + sum(
        kafka_probe.waiting(group, wanted, topics, one.committed) for group, wanted in groups_of(one.info).items()
    )
