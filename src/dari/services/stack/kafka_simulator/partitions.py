"""What a cluster holds: topics of partitions of record batches, kept as they came; brokers that are there or not."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

HEAD: Final = 61
"""Bytes of a record batch before its records (https://kafka.apache.org/documentation/#recordbatch)."""
REMEMBERED: Final = 5
"""Batches of one producer that a broker knows again, as the original does."""


class Bad(Exception):
    """Bytes that are no record batch of magic 2."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One record batch: where it begins, how many records, and its bytes with that place written into them."""

    base: int
    count: int
    newest: int
    data: bytes


@dataclass(slots=True)
class Partition:
    """One partition. `replicas` in the order in which they lead."""

    replicas: tuple[int, ...]
    batches: list[Batch] = field(default_factory=list)
    known: deque[tuple[tuple[int, int, int], int]] = field(default_factory=lambda: deque(maxlen=64))

    @property
    def end(self) -> int:
        """The offset after the last record."""
        return self.batches[-1].base + self.batches[-1].count if self.batches else 0

    def append(self, data: bytes) -> int:
        """Keep the batches of a request and say the first's offset; one that is known is not kept twice.

        A sequence with a gap is taken (the original refuses it). Raises Bad.
        """
        first: int | None = None
        at = 0
        while at < len(data):
            if len(data) - at < HEAD or data[at + 16] != 2:  # noqa: PLR2004 — the magic of this format
                raise Bad
            (length,) = struct.unpack_from(">i", data, at + 8)
            batch = data[at : at + 12 + length]
            at += 12 + length
            (newest,) = struct.unpack_from(">q", batch, 35)
            producer, epoch, sequence, count = struct.unpack_from(">qhii", batch, 43)
            name = (producer, epoch, sequence)
            base = next((base for known, base in self.known if known == name), None) if producer >= 0 else None
            if base is None:
                base = self.end
                # The place is not under the checksum: the broker writes it in.
                self.batches.append(Batch(base, count, newest, struct.pack(">q", base) + batch[8:]))
                self.known.append((name, base))
            first = base if first is None else first
        return self.end if first is None else first

    def read(self, offset: int, most: int) -> bytes:
        """Whole batches from the one that holds `offset`: at least one, then up to `most` bytes."""
        found = bytearray()
        for batch in self.batches:
            if batch.base + batch.count <= offset:
                continue
            if found and len(found) + len(batch.data) > most:
                break
            found += batch.data
        return bytes(found)

    def at_time(self, milliseconds: int) -> tuple[int, int]:
        """(timestamp, offset) of the first batch with a record as new as that; (-1, -1) where there is none."""
        for batch in self.batches:
            if batch.newest >= milliseconds:
                return batch.newest, batch.base
        return -1, -1


@dataclass(slots=True)
class Topic:
    """One topic; `least` replicas in sync are needed to write."""

    partitions: list[Partition]
    least: int
    configs: dict[str, str]


class Topics:
    """All topics of brokers 1 to `count`, and which of these are there."""

    def __init__(self, count: int) -> None:
        self.brokers: Final = tuple(range(1, count + 1))
        self.there: set[int] = set(self.brokers)
        self.topics: dict[str, Topic] = {}

    @property
    def least(self) -> int:
        """Replicas in sync that a write needs: two, unless there is but one broker."""
        return min(2, len(self.brokers))

    def create(self, name: str, count: int, copies: int, configs: dict[str, Any] | None = None) -> None:
        """Make a topic; its leaders are spread over the brokers."""
        wanted = min(len(self.brokers), copies if copies > 0 else len(self.brokers))
        turn = len(self.topics)
        places = [
            Partition(tuple(self.brokers[(turn + at + step) % len(self.brokers)] for step in range(wanted)))
            for at in range(count)
        ]
        told = {"min.insync.replicas": str(self.least), "retention.ms": "604800000", "cleanup.policy": "delete"}
        told |= {key: str(value) for key, value in (configs or {}).items()}
        self.topics[name] = Topic(places, int(told["min.insync.replicas"]), told)

    def in_sync(self, partition: Partition) -> list[int]:
        """Replicas whose broker is there: here a copy is never behind."""
        return [broker for broker in partition.replicas if broker in self.there]

    def leader(self, partition: Partition) -> int:
        """The first replica in sync; -1 without any."""
        return next(iter(self.in_sync(partition)), -1)

    def place(self, topic: str, index: int) -> Partition | None:
        """A partition, if there is one."""
        found = self.topics.get(topic)
        return found.partitions[index] if found is not None and 0 <= index < len(found.partitions) else None
