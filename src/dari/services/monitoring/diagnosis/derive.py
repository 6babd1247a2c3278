"""A snapshot and its history as facts: rates, ages with the clock's offset taken out, slopes, and what is missing."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final

from dari.services.monitoring.diagnosis.derive_kafka import kafka_facts
from dari.services.monitoring.diagnosis.derive_rates import QUICK, rate_facts
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.history import History
from dari.services.monitoring.probes.snapshot import PROBE_LATE, Snapshot, moment

SKEW: Final = 5.0
"""Seconds a clock may differ from the others."""


def derive(now: Snapshot, history: History, *, window: float) -> Facts:
    """Every fact that can be known. A part that did not answer leaves its facts out; `reachable` says so."""
    values: dict[str, Any] = {"window.seconds": window, "history.samples": len(history)}
    for part, probe in (("app", "app.info"), ("kafka", "kafka"), ("database", "database"), ("redis", "redis")):
        if now.failures.get(probe, ("",))[0] == PROBE_LATE:
            continue
        if probe in now.failures:
            values[f"{part}.reachable"] = part == "app" and _answers(now)
            values[f"{part}.error"] = now.failures[probe][0]
            values[f"{part}.message"] = now.failures[probe][1]
        else:
            values[f"{part}.reachable"] = True
    values.update(_clock(now))
    app_now = now.app_time or now.at
    if now.health is not None:
        values["app.health"] = str(now.health.get("status", "UNKNOWN"))
    if now.info is not None:
        values["app.limits"] = dict(now.info.get("rate_limits", {}))
    values.update(_database(now, history, app_now))
    values.update(_redis(now, history, window))
    values.update(_breakers(now, history, app_now, window))
    values.update(kafka_facts(now, history, window))
    values.update(rate_facts(now, history, window, app_now))
    return Facts(values, now.failures)


def _answers(now: Snapshot) -> bool:
    """Whether another page of the application was there: then it is one page that fails, not the application."""
    return any(page is not None for page in (now.metrics, now.breakers, now.events, now.health))


def _clock(now: Snapshot) -> dict[str, Any]:
    """How far each clock is from the median of all that could be read."""
    read = {"app": now.app_time, "database": now.database_time, "redis": now.redis_time, "monitor": now.at}
    known = {name: at for name, at in read.items() if at is not None}
    if len(known) < 3:
        return {}
    middle = median(at.timestamp() for at in known.values())
    offsets = {name: round(at.timestamp() - middle, 3) for name, at in known.items()}
    return {
        "clock.offsets": offsets,
        "clock.outliers": sorted(name for name, offset in offsets.items() if abs(offset) > SKEW + now.took),
    }


def _usually(part: str, lately: list[float | None], now: float | None) -> dict[str, float]:
    """The median of the last few looks, with the one of now: one answer that came late is no slow part."""
    if now is None:
        return {}
    known = [one for one in lately[-4:] if one is not None]
    return {f"{part}.ms": round(median([*known, now]), 1)}


def _slope(now: Snapshot, line: list[Snapshot]) -> float | None:
    """Events a second by which the outbox grew since the first of these looks; None without one."""
    if not line or not line[0].database or not now.database or now.at <= line[0].at:
        return None
    passed = (now.at - line[0].at).total_seconds()
    return round((now.database.unpublished - line[0].database.unpublished) / passed, 3)


def _age(now: datetime, then: datetime | None) -> float | None:
    return None if then is None else round((now - then).total_seconds(), 3)


def _database(now: Snapshot, history: History, app_now: datetime) -> dict[str, Any]:
    base = now.database
    if base is None:
        return {}
    lock = base.lock or {}
    line = [one for one in history.since(now, 60.0) if one.database is not None]
    return {
        "outbox.slope": _slope(now, line),
        "outbox.slope_lately": _slope(now, [one for one in line if (now.at - one.at).total_seconds() <= QUICK]),
        **_usually("database", [one.database.milliseconds for one in line if one.database], base.milliseconds),
        "outbox.unpublished": base.unpublished,
        "outbox.oldest_age": _age(app_now, base.oldest_unpublished) or 0.0,
        "outbox.by_type": dict(base.unpublished_by_type),
        "outbox.last_published_age": _age(app_now, base.last_published),
        "outbox.last_errors": dict(base.last_errors),
        "outbox.lock_holder": lock.get("locked_by"),
        "outbox.lock_age": _age(app_now, moment(lock.get("locked_at"))),
        "outbox.lock_until_age": _age(app_now, moment(lock.get("lock_at"))),
        "clock.future_rows": dict(base.future_rows),
        "idempotency.rows_within_ttl": base.idem_rows,
        "idempotency.conflicts": [dict(row) for row in base.conflicts],
        "traffic.by_merchant": dict(base.recent_by_merchant),
        "requests.settlement": dict(base.requests["settlement"]),
        "requests.refund": dict(base.requests["refund"]),
        "database.statuses": dict(base.statuses),
    }


def _count(info: Any, name: str) -> int | None:
    """INFO's commandstats, as a mapping or as `calls=1,usec=…` text."""
    said = (info or {}).get(name)
    if isinstance(said, dict):
        return int(said.get("calls", 0))
    if isinstance(said, str) and said.startswith("calls="):
        return int(said[6:].split(",", 1)[0])
    return None


def held_keys(info: Any) -> int:
    """Keys in all databases, by INFO's keyspace."""
    total = 0
    for name, said in (info or {}).items():
        if name.startswith("db") and name[2:].isdigit():
            total += (
                int(said["keys"]) if isinstance(said, dict) else int(str(said).split("keys=", 1)[-1].split(",", 1)[0])
            )
    return total


def _redis(now: Snapshot, history: History, window: float) -> dict[str, Any]:
    if now.redis is None:
        return {}
    keys = held_keys(now.redis)
    values: dict[str, Any] = {
        **_usually("redis", [one.redis_ms for one in history.since(now, 30.0)], now.redis_ms),
        "redis.keys": keys,
        "redis.uptime": int(now.redis.get("uptime_in_seconds", 0)),
        "redis.memory": {name: now.redis.get(name) for name in ("used_memory", "maxmemory", "maxmemory_policy")},
        "redis.role": now.redis.get("role"),
        "limit.counters": now.counters or (),
        "limit.never_ending": [
            {"action": one.action, "merchant": one.merchant, "count": one.count}
            for one in now.counters or ()
            if one.ttl == -1
        ],
    }
    if now.idem_keys is not None:
        values["redis.idem_keys"] = now.idem_keys
    line = [*(one for one in history.since(now, window + 60) if one.redis is not None), now]
    if len(line) < 2:
        return values
    vanished: dict[str, Any] | None = None
    restarted: dict[str, Any] | None = None
    for one, two in itertools.pairwise(line):
        if (now.at - two.at).total_seconds() > window:
            continue
        before, after = one.redis or {}, two.redis or {}
        passed = (two.at - one.at).total_seconds()
        up = int(after.get("uptime_in_seconds", 0)) - int(before.get("uptime_in_seconds", 0))
        # A look that took long may have asked Redis at its beginning or at its end.
        if up < -1 or up < passed - 30 - one.took - two.took:
            restarted = {
                "at": two.at,
                "uptime": int(after.get("uptime_in_seconds", 0)),
                "keys_before": held_keys(before),
            }
            continue
        gone = held_keys(before) - held_keys(after)
        natural = sum(int(after.get(name, 0)) - int(before.get(name, 0)) for name in ("expired_keys", "evicted_keys"))
        flushes = sum(
            (_count(after, f"cmdstat_{c}") or 0) - (_count(before, f"cmdstat_{c}") or 0)
            for c in ("flushall", "flushdb")
        )
        if (gone - natural >= 10 and gone - natural >= held_keys(before) / 2) or flushes > 0:
            vanished = {
                "at": two.at,
                "keys_before": held_keys(before),
                "keys_after": held_keys(after),
                "flush_commands": flushes,
                "uptime": int(after.get("uptime_in_seconds", 0)),
                "idem_keys_after": two.idem_keys,
                "between_seconds": passed,
            }
    first = line[0].redis or {}
    values["redis.vanished"] = vanished or {}
    values["redis.restarted"] = restarted or {}
    values["redis.evicted"] = max(0, int(now.redis.get("evicted_keys", 0)) - int(first.get("evicted_keys", 0)))
    return values


def _breakers(now: Snapshot, history: History, app_now: datetime, window: float) -> dict[str, Any]:
    if now.breakers is None:
        return {}
    values: dict[str, Any] = {}
    transitions = _transitions(now, history)
    for name, said in now.breakers.items():
        mine = [(at, step) for owner, at, step in transitions if owner == name]
        recent = [(at, step) for at, step in mine if at >= app_now - timedelta(seconds=window)]
        values[f"breaker.{name}"] = {
            "state": said["state"],
            "since": mine[-1][0] if mine else None,
            "seconds_in_state": _age(app_now, mine[-1][0]) if mine else None,
            "failed": int(said["numberOfFailedCalls"]),
            "slow": int(said["numberOfSlowCalls"]),
            "buffered": int(said["numberOfBufferedCalls"]),
            "successful": int(said["numberOfSuccessfulCalls"]),
            "failure_rate": percent(said["failureRate"]),
            "slow_rate": percent(said["slowCallRate"]),
            "known_failure_rate": _last_rate(now, history, name, "failureRate"),
            "known_slow_rate": _last_rate(now, history, name, "slowCallRate"),
            "transitions": [{"at": at.isoformat(), "transition": step} for at, step in recent],
            "opened": sum(step.endswith("TO_OPEN") for _, step in recent),
            "reopened": sum(step == "HALF_OPEN_TO_OPEN" for _, step in recent),
            "errors": _errors(now, name, app_now - timedelta(seconds=window)),
        }
    return values


def _last_rate(now: Snapshot, history: History, name: str, rate: str) -> float:
    """The last rate that was known: a breaker that has just gone to HALF_OPEN begins to count anew (-1)."""
    for one in (now, *reversed([*history])):
        said = percent((one.breakers or {}).get(name, {}).get(rate, "-1"))
        if said >= 0:
            return said
    return -1.0


def _errors(now: Snapshot, name: str, since: datetime) -> list[dict[str, Any]]:
    """The breaker's own error events of the window, by class and the place they name (`CODE topic-partition`)."""
    counts: Counter[tuple[str, str]] = Counter()
    for event in now.events or ():
        when = moment(event.get("creationTime"))
        if (
            event.get("type") == "ERROR"
            and event.get("circuitBreakerName") == name
            and when is not None
            and when >= since
        ):
            code, _, place = str(event.get("errorMessage") or "").partition(" ")
            counts[code[:80], place[:120]] += 1
    return [
        {"error": code, "partition": place or None, "count": count} for (code, place), count in counts.most_common(50)
    ]


def percent(text: Any) -> float:
    """Read 12.50% as 12.5, and -1.00% (not enough calls yet) as -1.0."""
    return float(str(text).rstrip("%"))


def _transitions(now: Snapshot, history: History) -> list[tuple[str, datetime, str]]:
    """State changes as the platform logged them; where it logs none, as two samples in a row differ."""
    if now.events is not None:
        found = [
            (str(event["circuitBreakerName"]), at, str(event["stateTransition"]))
            for event in now.events
            if event.get("type") == "STATE_TRANSITION" and (at := moment(event["creationTime"]))
        ]
        return sorted(found, key=lambda one: one[1])
    found = []
    line = [*history, now]
    for one, two in itertools.pairwise(line):
        for name, said in (two.breakers or {}).items():
            was = (one.breakers or {}).get(name, {}).get("state")
            if was and was != said["state"]:
                found.append((name, two.app_time or two.at, f"{was}_TO_{said['state']}"))
    return found
