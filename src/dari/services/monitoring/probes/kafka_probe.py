"""What the cluster shows: brokers, topics, groups, offsets, and the dead letters of a window."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from dari.services.monitoring.ports import Broker, Committed, Group, Topic
from dari.services.monitoring.probes.snapshot import Letter

DEAD_LETTER_TOPICS: Final = ("payment.dlq", "settlement.dlq", "refund.dlq")
LETTERS_READ: Final = 200
"""Newest letters read a partition; more are counted by offset, not read."""


async def offsets(kafka: Broker, groups: Iterable[str]) -> dict[str, tuple[Committed, ...]]:
    """Committed offsets of each group. Raises ProbeFailed."""
    names = sorted(set(groups))
    said = await asyncio.gather(*(kafka.committed(name) for name in names))
    return {name: tuple(rows) for name, rows in zip(names, said, strict=True)}


async def letters(kafka: Broker, topics: Iterable[Topic], now: datetime, window: float) -> tuple[Letter, ...]:
    """Dead letters not older than `window` seconds, oldest first. Raises ProbeFailed."""
    since = now - timedelta(seconds=window)
    found: list[Letter] = []
    for topic in topics:
        if topic.name not in DEAD_LETTER_TOPICS:
            continue
        for place in topic.partitions:
            if place.end is None or place.begin is None or place.end <= place.begin:
                continue
            start = max(place.begin, place.end - LETTERS_READ)
            found.extend(
                Letter(topic.name, message)
                for message in await kafka.messages(topic.name, place.partition, start, LETTERS_READ)
                if message.timestamp is None or message.timestamp >= since
            )
    return tuple(sorted(found, key=lambda letter: letter.message.timestamp or since))


def lag(
    group: str, wanted: Iterable[str], topics: Mapping[str, Topic], committed: Mapping[str, tuple[Committed, ...]]
) -> tuple[int | None, list[dict[str, int | str | None]]]:
    """A group's lag in all and by partition: None where it never committed on a partition that holds records.

    A partition it never committed on and that is empty has lag 0.
    """
    done = {(one.topic, one.partition): one.offset for one in committed.get(group, ())}
    rows: list[dict[str, int | str | None]] = []
    total: int | None = 0
    for name in sorted({*wanted, *(topic for topic, _ in done)}):
        topic = topics.get(name)
        for place in topic.partitions if topic else ():
            offset = done.get((name, place.partition))
            if place.end is None or place.begin is None:
                behind = None
            elif offset is None:
                behind = 0 if place.end == place.begin else None
            else:
                behind = max(0, place.end - offset)
            total = None if total is None or behind is None else total + behind
            rows.append(
                {
                    "topic": name,
                    "partition": place.partition,
                    "currentOffset": offset,
                    "endOffset": place.end,
                    "lag": behind,
                }
            )
    return total, rows


def waiting(
    group: str, wanted: Iterable[str], topics: Mapping[str, Topic], committed: Mapping[str, tuple[Committed, ...]]
) -> int:
    """Records the group has not done, counting a partition it never committed on from its beginning."""
    done = {(one.topic, one.partition): one.offset for one in committed.get(group, ())}
    count = 0
    for name in wanted:
        topic = topics.get(name)
        for place in topic.partitions if topic else ():
            if place.end is not None and place.begin is not None:
                offset = done.get((name, place.partition))
                count += max(0, place.end - (place.begin if offset is None else offset))
    return count


def members(group: str, groups: Iterable[Group], committed: Iterable[Committed]) -> int | None:
    """How many members the group has; 0 when the cluster does not know it.

    None for a group that has committed offsets and is not listed: then the cluster does not tell its groups.
    """
    listed = next((len(one.members) for one in groups if one.group == group), None)
    if listed is None and any(one.offset is not None for one in committed):
        return None
    return listed or 0
