"""Kafka in this process: brokers, partitions with leaders and in-sync replicas, groups with committed offsets."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from dari.core.clock import Clock
from dari.services.payments.names import GROUP_TOPICS, PARTITIONS
from dari.services.payments.ports import Delivery, LogError, Message, Record

UNKNOWN_TOPIC: Final = "UNKNOWN_TOPIC_OR_PART"
NO_LEADER: Final = "LEADER_NOT_AVAILABLE"
FEW_REPLICAS: Final = "NOT_ENOUGH_REPLICAS"
TIMED_OUT: Final = "_MSG_TIMED_OUT"
TRANSPORT: Final = "_TRANSPORT"

Place = tuple[str, int]


@dataclass(slots=True)
class MemoryPartition:
    """One partition: the replicas it should have and its records, offset by offset."""

    replicas: tuple[int, ...]
    records: list[Record] = field(default_factory=list)


@dataclass(slots=True)
class MemoryTopic:
    """One topic and its configuration."""

    name: str
    partitions: list[MemoryPartition]
    configs: dict[str, str]


@dataclass(slots=True)
class MemoryGroup:
    """One consumer group: its members with what they subscribed to, and how far it got."""

    members: dict[str, tuple[str, ...]] = field(default_factory=dict)
    committed: dict[Place, int] = field(default_factory=dict)
    generation: int = 0


class MemoryLog:
    """A cluster of `brokers`. Faults are set on it: `down` (broker ids), `hang`, `rtt`, `refuse`."""

    def __init__(
        self,
        clock: Clock,
        *,
        brokers: int = 3,
        min_insync: int = 2,
        rtt: float = 0.004,
        delivery_timeout: float = 5.0,
    ) -> None:
        self.brokers = tuple(range(1, brokers + 1))
        self.down: set[int] = set()
        self.hang = False
        self.rtt = rtt
        self.delivery_timeout = delivery_timeout
        self.refuse: Callable[[str, int], str | None] | None = None
        self.topics: dict[str, MemoryTopic] = {}
        self.groups: dict[str, MemoryGroup] = {}
        self._clock = clock
        self.min_insync = min(min_insync, brokers)
        self._round = 0
        for name, count in PARTITIONS.items():
            self.create_topic(name, count)

    # -- the cluster ---------------------------------------------------------------------------------------------

    def create_topic(self, name: str, partitions: int) -> None:
        """Make a topic with a replica of each partition on every broker."""
        size = len(self.brokers)
        made = [
            MemoryPartition(tuple(self.brokers[(at + step) % size] for step in range(size))) for at in range(partitions)
        ]
        configs = {"min.insync.replicas": str(self.min_insync), "retention.ms": "604800000"}
        self.topics[name] = MemoryTopic(name, made, configs)

    def in_sync(self, partition: MemoryPartition) -> tuple[int, ...]:
        """The replicas that are on a live broker."""
        return tuple(broker for broker in partition.replicas if broker not in self.down)

    def leader(self, partition: MemoryPartition) -> int | None:
        """The first live replica."""
        return next(iter(self.in_sync(partition)), None)

    def alive(self) -> tuple[int, ...]:
        """The brokers that answer. Raises LogError when none does."""
        live = tuple(broker for broker in self.brokers if broker not in self.down)
        if self.hang:
            raise LogError("_TIMED_OUT", "no broker answers in time")
        if not live:
            raise LogError(TRANSPORT, f"{len(self.brokers)}/{len(self.brokers)} brokers are down")
        return live

    # -- producing -----------------------------------------------------------------------------------------------

    def place_of(self, topic: MemoryTopic, key: str | None) -> int:
        """The partition of a key (librdkafka's crc32), or the next one for a record without a key."""
        if key is None:
            self._round += 1
            return self._round % len(topic.partitions)
        return zlib.crc32(key.encode()) % len(topic.partitions)

    def _send(self, message: Message) -> Delivery:
        if self.hang or len(self.down) == len(self.brokers):
            return Delivery(self.delivery_timeout, error=TIMED_OUT)
        topic = self.topics.get(message.topic)
        if topic is None:
            return Delivery(self.rtt, error=UNKNOWN_TOPIC)
        number = self.place_of(topic, message.key)
        partition = topic.partitions[number]
        error = self.refuse(message.topic, number) if self.refuse is not None else None
        if error is None and self.leader(partition) is None:
            error = NO_LEADER
        if error is None and len(self.in_sync(partition)) < int(topic.configs["min.insync.replicas"]):
            error = FEW_REPLICAS
        if error is not None:
            return Delivery(self.rtt, number, error=error)
        return Delivery(self.rtt, number, self.append(message, number))

    def append(self, message: Message, number: int) -> int:
        """Write a record to a partition as its leader does; the offset it got."""
        records = self.topics[message.topic].partitions[number].records
        stamp = int(self._clock.now().timestamp() * 1000)
        offset = len(records)
        records.append(
            Record(message.topic, number, offset, message.value, message.key, stamp, dict(message.headers)),
        )
        return offset

    async def publish(self, messages: Sequence[Message]) -> list[Delivery]:
        deliveries = [self._send(message) for message in messages]
        if deliveries:
            await self._clock.sleep(max(delivery.seconds for delivery in deliveries))
        return deliveries

    # -- consuming -----------------------------------------------------------------------------------------------

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> MemorySubscription:
        joined = self.groups.setdefault(group, MemoryGroup())
        joined.members[member] = tuple(topics)
        joined.generation += 1
        return MemorySubscription(self, group, member)

    def assigned(self, group: str, member: str) -> list[Place]:
        """The partitions of a member: each topic is dealt out in turn among the members that want it."""
        members = self.groups[group].members
        mine: list[Place] = []
        for topic in members.get(member, ()):
            if topic not in self.topics:
                continue
            sharers = sorted(name for name, wanted in members.items() if topic in wanted)
            at = sharers.index(member)
            mine += [(topic, number) for number in range(at, len(self.topics[topic].partitions), len(sharers))]
        return mine

    def records(self, topic: str) -> list[Record]:
        """Every record of a topic, by partition."""
        found = self.topics.get(topic)
        return [record for partition in found.partitions for record in partition.records] if found else []

    def lag(self, group: str) -> int:
        """Records of the group's topics that it has not committed."""
        held = self.groups.get(group, MemoryGroup())
        wanted = {topic for topics in held.members.values() for topic in topics}
        topics = wanted | {topic for topic, _ in held.committed} | set(GROUP_TOPICS.get(group, ()))
        places = [(t, n) for t in topics if t in self.topics for n in range(len(self.topics[t].partitions))]
        return sum(len(self.topics[t].partitions[n].records) - held.committed.get((t, n), 0) for t, n in places)

    async def close(self) -> None:
        """Nothing is held open."""


class MemorySubscription:
    """One member of one group; a rebalance sends it back to the committed offsets."""

    def __init__(self, log: MemoryLog, group: str, member: str) -> None:
        self._log = log
        self._group = log.groups[group]
        self._name = group
        self._member = member
        self._generation = -1
        self._position: dict[Place, int] = {}

    def _rejoin(self) -> None:
        if self._generation != self._group.generation:
            self._generation = self._group.generation
            self._position.clear()

    async def fetch(self, limit: int) -> list[Record]:
        self._log.alive()
        self._rejoin()
        taken: list[Record] = []
        for place in self._log.assigned(self._name, self._member):
            partition = self._log.topics[place[0]].partitions[place[1]]
            if self._log.leader(partition) is None:
                continue
            start = self._position.get(place, self._group.committed.get(place, 0))
            found = partition.records[start : start + limit - len(taken)]
            if found:
                self._position[place] = start + len(found)
                taken += found
        return taken

    async def commit(self, records: Sequence[Record]) -> None:
        self._log.alive()
        for record in records:
            place = (record.topic, record.partition)
            self._group.committed[place] = max(self._group.committed.get(place, 0), record.offset + 1)

    async def rewind(self) -> None:
        self._position.clear()

    async def close(self) -> None:
        if self._group.members.pop(self._member, None) is not None:
            self._group.generation += 1
