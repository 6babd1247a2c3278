"""Facts of the cluster: who is absent, what is missing, which group moves and which only grows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from dari.services.monitoring.diagnosis.derive_rates import kafka_wrong
from dari.services.monitoring.history import History
from dari.services.monitoring.ports import Topic
from dari.services.monitoring.probes import kafka_probe
from dari.services.monitoring.probes.look import groups_of, topics_of
from dari.services.monitoring.probes.snapshot import Letter, Snapshot

INFRASTRUCTURE: Final = ("Operational", "Unreachable", "Timeout", "Connection", "Transient", "DataAccess", "SQLError")
"""Error types of a dead letter that speak of a part that was away, not of the record."""
TEXT: Final = 120


def kafka_facts(now: Snapshot, history: History, window: float) -> dict[str, Any]:
    """Empty when the cluster did not answer, but for what earlier samples tell of its size."""
    values: dict[str, Any] = {}
    seen = [one.cluster for one in history if one.cluster is not None]
    expected = {broker for cluster in seen for broker in cluster.brokers}
    for one in [*[one for one in history if one.topics][-1:], now]:
        expected |= {broker for topic in one.topics or () for part in topic.partitions for broker in part.replicas}
    if now.cluster is None:
        values["kafka.brokers_expected"] = sorted(expected)
        return values
    values["kafka.brokers"] = list(now.cluster.brokers)
    values["kafka.brokers_expected"] = sorted(expected | set(now.cluster.brokers))
    values["kafka.absent"] = sorted(expected - set(now.cluster.brokers))
    topics = {topic.name: topic for topic in now.topics or ()}
    wanted = topics_of(now.info)
    values["topics.expected"] = list(wanted)
    values["topics.missing"] = sorted(set(wanted) - set(topics))
    values.update(_partitions(topics, (now.info or {}).get("min_insync_replicas")))
    values["partitions.leaderless"] = sorted(_leaderless([*history.since(now, window), now]))
    right = history.recovery(now, window, kafka_wrong)
    if right is not None:
        values["kafka.right_seconds"] = round((now.at - right.at).total_seconds(), 3)
    values.update(_groups(now, history, topics, window))
    values["letters.new"] = [letter_row(letter) for letter in now.letters or ()]
    values["letters.total"] = sum(
        part.end - part.begin
        for name in kafka_probe.DEAD_LETTER_TOPICS
        if name in topics
        for part in topics[name].partitions
        if part.end is not None and part.begin is not None
    )
    return values


def _partitions(topics: Mapping[str, Topic], default: Any) -> dict[str, Any]:
    offline, few, behind = [], [], []
    for topic in topics.values():
        least = int(topic.configs.get("min.insync.replicas", default or 1))
        for part in topic.partitions:
            row = {
                "topic": topic.name,
                "partition": part.partition,
                "replicas": list(part.replicas),
                "isr": list(part.isr),
                "min": least,
            }
            if part.leader is None:
                offline.append(row)
            elif len(part.isr) < least:
                few.append(row)
            if set(part.isr) < set(part.replicas):
                behind.append(row)
    return {"partitions.offline": offline, "partitions.under_min": few, "partitions.under_replicated": behind}


def _leaderless(line: list[Snapshot]) -> set[str]:
    """topic-partition, and the topic alone (for errors that tell no partition), of those without a leader in a look."""
    return {
        place
        for one in line
        for topic in one.topics or ()
        for part in topic.partitions
        if part.leader is None
        for place in (topic.name, f"{topic.name}-{part.partition}")
    }


def _groups(now: Snapshot, history: History, topics: Mapping[str, Topic], window: float) -> dict[str, Any]:
    values: dict[str, Any] = {}
    committed = now.committed or {}
    for group, wanted in groups_of(now.info).items():
        total, rows = kafka_probe.lag(group, wanted, topics, committed)
        waits = kafka_probe.waiting(group, wanted, topics, committed)
        line = _line(now, history, group, wanted, window)
        values[f"groups.{group}"] = {
            "members": kafka_probe.members(group, now.groups or (), committed.get(group, ())),
            "state": next((one.state for one in now.groups or () if one.group == group), "UNKNOWN_GROUP"),
            "lag": total,
            "waiting": waits,
            "partitions": [row for row in rows if row["lag"] != 0],
            "unchanged_seconds": _unchanged(line) if waits else 0.0,
            "trend": [{"seconds_ago": round(ago), "waiting": w} for ago, w, _ in line[-12:]],
            "growth": _growth(line),
        }
    return values


def _line(
    now: Snapshot, history: History, group: str, wanted: tuple[str, ...], window: float
) -> list[tuple[float, int, int]]:
    """(seconds ago, records waiting, sum of committed offsets) of each sample with the group in it, oldest first."""
    line = []
    for one in [*history.since(now, window), now]:
        if one.committed is None or one.topics is None or group not in one.committed:
            continue
        topics = {topic.name: topic for topic in one.topics}
        done = sum(row.offset or 0 for row in one.committed[group])
        line.append(
            ((now.at - one.at).total_seconds(), kafka_probe.waiting(group, wanted, topics, one.committed), done)
        )
    return line


def _unchanged(line: list[tuple[float, int, int]]) -> float:
    """For how many seconds nothing was committed although something waited."""
    if not line:
        return 0.0
    last, since = line[-1][2], 0.0
    for ago, waits, done in reversed(line):
        if done != last or waits == 0:
            break
        since = ago
    return since


def _growth(line: list[tuple[float, int, int]]) -> float | None:
    """Records a second by which the waiting grew over the last minute, or None with fewer than three samples."""
    recent = [one for one in line if one[0] <= 60]
    if len(recent) < 3 or recent[0][0] <= 0:
        return None
    return round((recent[-1][1] - recent[0][1]) / recent[0][0], 3)


def letter_row(letter: Letter) -> dict[str, Any]:
    """A dead letter with its errorType and source, where its own text says so."""
    try:
        said = json.loads(letter.message.value)
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    kind = str(said.get("errorType") or said.get("pgResponseCode") or "Unreadable")[:TEXT]
    return {
        "topic": letter.topic,
        "partition": letter.message.partition,
        "offset": letter.message.offset,
        "at": letter.message.timestamp.isoformat() if letter.message.timestamp else None,
        "errorType": kind,
        "originalTopic": str(said.get("originalTopic") or "")[:TEXT],
        "origin": [said.get("originalTopic"), said.get("partition"), said.get("offset")],
        "paymentId": _payment(said.get("payload")),
        "infrastructure": any(word.lower() in kind.lower() for word in INFRASTRUCTURE),
    }


def _payment(payload: Any) -> int | None:
    """The payment that a dead record is about, where it says so."""
    try:
        number = json.loads(payload)["paymentId"]
    except (TypeError, ValueError, KeyError):
        return None
    return number if isinstance(number, int) else None


def grouped(letters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Letters by errorType and original topic, with offsets and first and last time."""
    counts = Counter((letter["errorType"], letter["originalTopic"]) for letter in letters)
    rows = []
    for (kind, topic), count in counts.most_common():
        mine = [letter for letter in letters if (letter["errorType"], letter["originalTopic"]) == (kind, topic)]
        times = sorted(letter["at"] for letter in mine if letter["at"])
        rows.append(
            {
                "errorType": kind,
                "originalTopic": topic,
                "count": count,
                "offsets": [f"{letter['topic']}-{letter['partition']}@{letter['offset']}" for letter in mine[:20]],
                "first": times[0] if times else None,
                "last": times[-1] if times else None,
            }
        )
    return rows
