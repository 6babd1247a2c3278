"""The face that tests know of the simulated log, over the real one: whatever it says was asked of a real broker.

Publishing, subscribing, fetching, committing go through `KafkaLog`, as in a deployment. What is added is patience: in
virtual time a record that was acknowledged is there for the next fetch, so a fetch waits until it has come.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dari.core.clock import Clock
from dari.services.payments.adapters.kafka_log import KafkaLog, KafkaSubscription
from dari.services.payments.names import GROUP_TOPICS, PARTITIONS
from dari.services.payments.ports import Delivery, Message, Record
from tests.unit.services_payments.real_cluster import PATIENCE, Cluster, Place

QUICK: Final[dict[str, Any]] = {
    "fetch.wait.max.ms": 20,
    "heartbeat.interval.ms": 100,
    "socket.timeout.ms": 2000,
    "retry.backoff.ms": 5,
    "retry.backoff.max.ms": 20,
    "topic.metadata.propagation.max.ms": 100,
}
GIVES_UP: Final = 0.3
"""Seconds after which a send is given up while the broker is away; librdkafka looks every second."""
PAUSE: Final = 0.003
LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class Group:
    """What the broker says of a group."""

    members: dict[str, list[Place]]
    committed: dict[Place, int]


class Kept:
    """The records that are kept of one partition."""

    def __init__(self, log: RealLog, place: Place) -> None:
        self._log, self._place = log, place

    def __iter__(self) -> Iterator[Record]:
        return iter(self._log.read([self._place]))

    def clear(self) -> None:
        """Their time of retention is over."""
        self._log.forget(self._place)

    def extend(self, records: Iterable[Record]) -> None:
        """Write them once more, as of when they were written."""
        for one in records:
            self._log.append(Message(one.topic, one.value, one.key, one.headers), one.partition, one.timestamp)


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition."""

    records: Kept


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic."""

    partitions: list[Partition]


class Topics(MutableMapping[str, Topic]):
    """The topics that the broker has; to delete one is to have it deleted."""

    def __init__(self, log: RealLog, cluster: Cluster) -> None:
        self._log, self._cluster = log, cluster

    def __getitem__(self, name: str) -> Topic:
        return Topic([Partition(Kept(self._log, (name, at))) for at in range(self._cluster.topics()[name])])

    def __setitem__(self, name: str, topic: Topic) -> None:
        raise NotImplementedError

    def __delitem__(self, name: str) -> None:
        self._cluster.delete(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._cluster.topics())

    def __len__(self) -> int:
        return len(self._cluster.topics())


class RealLog:
    """One test's view: offsets before its beginning are nobody's business."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self.cluster = cluster
        self.brokers = (1,)
        self.min_insync = 1
        self.rtt = 0.0
        self.delivery_timeout = GIVES_UP
        self.topics = Topics(self, cluster)
        self.ends = cluster.begin()
        """Where what was acknowledged ends, as far as this test knows."""
        self.done = dict(self.ends)
        """Up to where its group is done with each partition."""
        self.members: dict[str, list[RealSubscription]] = {group: [] for group in GROUP_TOPICS}
        self._begin = dict(self.ends)
        self._clock = clock
        self._log = KafkaLog(cluster.bootstrap, **QUICK)
        self._hasty: KafkaLog | None = None
        self._down: set[int] = set()
        self._refuse: Callable[[str, int], str | None] | None = None
        self._refused: set[str] = set()

    # -- faults ----------------------------------------------------------------------------------------------------

    @property
    def down(self) -> set[int]:
        """The brokers that are away: there is one, and it is paused when any is named."""
        return self._down

    @down.setter
    def down(self, brokers: Collection[int]) -> None:
        if brokers and not self._down:
            self.cluster.pause()
        elif self._down and not brokers:
            self.cluster.resume()
            self.ends = self.cluster.ends(self.ends)  # what was given up may have come all the same
        self._down = set(brokers)

    @property
    def refuse(self) -> Callable[[str, int], str | None] | None:
        """Which topics the broker refuses to write to: the word must be the one it gives for that."""
        return self._refuse

    @refuse.setter
    def refuse(self, asked: Callable[[str, int], str | None] | None) -> None:
        said = {name: asked(name, 0) for name in PARTITIONS} if asked is not None else {}
        assert {word for word in said.values() if word} <= {"MSG_SIZE_TOO_LARGE"}
        now = {name for name, word in said.items() if word}
        for name in now ^ self._refused:
            self.cluster.refuse(name, refused=name in now)
        self._refuse, self._refused = asked, now

    def heal(self) -> None:
        """As at the beginning."""
        self.down = set()
        self.refuse = None

    def alive(self) -> None:
        """Raises LogError when the broker does not answer."""
        self.cluster.alive(1.0)

    # -- the port --------------------------------------------------------------------------------------------------

    async def publish(self, messages: Sequence[Message]) -> list[Delivery]:
        deliveries = await self._sent(messages)
        for message, said in zip(messages, deliveries, strict=True):
            if said.error is None:
                self._reach((message.topic, said.partition), said.offset + 1)
        if deliveries:
            await self._clock.sleep(max(said.seconds for said in deliveries))
        return deliveries

    async def _sent(self, messages: Sequence[Message]) -> list[Delivery]:
        if self.down:
            if self._hasty is None:
                self._hasty = KafkaLog(self.cluster.bootstrap, delivery_timeout=GIVES_UP, **QUICK)
            return await self._hasty.publish(messages)
        if not self.rtt:
            return await self._log.publish(messages)
        self.cluster.pause()  # for as long as a round trip shall take
        sending = asyncio.create_task(self._log.publish(messages))
        await asyncio.sleep(self.rtt)
        self.cluster.resume()
        return await sending

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> RealSubscription:
        made = RealSubscription(self, group, await self._log.subscribe(group, topics, member))
        self.members[group].append(made)
        return made

    async def close(self) -> None:
        self.heal()
        for members in self.members.values():
            for left in list(members):  # of a test that failed
                await left.close()
        await self._log.close()
        if self._hasty is not None:
            await self._hasty.close()

    # -- what tests ask --------------------------------------------------------------------------------------------

    def _reach(self, place: Place, end: int) -> None:
        self.ends[place] = max(self.ends.get(place, 0), end)

    def append(self, message: Message, number: int, timestamp: int = 0) -> int:
        """Write a record to a partition; the offset it got."""
        offset = self.cluster.append(message, number, timestamp)
        self._reach((message.topic, number), offset + 1)
        return offset

    def forget(self, place: Place) -> None:
        """The records of a partition are gone, and nobody waits for them."""
        self.done[place] = self.cluster.ends([place])[place]
        self.cluster.forget({place: self.done[place]})

    def read(self, places: Collection[Place]) -> list[Record]:
        """What was written to these partitions since the test began and is kept."""
        first = self.cluster.begins(places)
        return self.cluster.read(
            {place: max(first[place], self._begin[place]) for place in places}, self.cluster.ends(places)
        )

    def records(self, topic: str) -> list[Record]:
        """Every record of a topic, by partition."""
        return self.read([(topic, number) for number in range(self.cluster.topics().get(topic, 0))])

    def lag(self, group: str) -> int:
        """Records of the group's topics that it has not committed."""
        places = [place for place in self.ends if place[0] in GROUP_TOPICS[group]]
        first, committed = self.cluster.begins(places), self.cluster.committed(group)
        ends = self.cluster.ends(places)
        return sum(ends[place] - max(first[place], committed.get(place, 0)) for place in places)

    @property
    def groups(self) -> dict[str, Group]:
        """Every group of the platform."""
        return {name: Group(self.cluster.members(name), self.cluster.committed(name)) for name in GROUP_TOPICS}

    def assigned(self, group: str, member: str) -> list[Place]:
        """What a member was dealt."""
        return self.cluster.members(group)[member]


class RealSubscription:
    """One member of one group: librdkafka's, and the patience to wait for what was acknowledged."""

    def __init__(self, log: RealLog, group: str, inner: KafkaSubscription) -> None:
        self._log = log
        self._group = group
        self._inner = inner
        self._held: list[Record] = []

    def mine(self) -> set[Place]:
        """What it was dealt, as its client knows."""
        return {(one.topic, one.partition) for one in self._inner._consumer.assignment()}

    def _due(self) -> bool:
        """Whether something of its topics was acknowledged, and neither fetched by it nor dealt to another."""
        log = self._log
        reached = dict(log.done)
        for record in self._held:
            place = (record.topic, record.partition)
            reached[place] = max(reached[place], record.offset + 1)
        late = {p for p, end in log.ends.items() if p[0] in GROUP_TOPICS[self._group] and reached[p] < end}
        return bool(late.difference(*(one.mine() for one in log.members[self._group] if one is not self)))

    async def _poll(self, limit: int) -> None:
        mine = self.mine()
        found = await self._inner.fetch(limit)
        if self.mine() != mine:
            self._held.clear()  # dealt anew: everything begins at what is committed
        self._held += found

    async def _dealt_out(self) -> bool:
        """Whether each member of the group has its part: they must all ask, or it is not dealt out."""
        members = self._log.members[self._group]
        for one in members:
            if one is not self:
                await one._poll(LIMIT)
        parts = [one.mine() for one in members]
        return all(parts) and not set.intersection(*parts) and sum(map(len, parts)) == self._places()

    def _places(self) -> int:
        return sum(PARTITIONS[topic] for topic in GROUP_TOPICS[self._group])

    async def fetch(self, limit: int) -> list[Record]:
        end, log = time.monotonic() + PATIENCE, self._log
        await self._poll(limit)
        while not log.down:
            shared = len(log.members[self._group]) > 1
            if (not shared or await self._dealt_out()) and (len(self._held) >= limit or not self._due()):
                break
            assert time.monotonic() < end, f"{self._group} was not given what was acknowledged in {PATIENCE} s"
            await asyncio.sleep(PAUSE)
            await self._poll(limit)
        taken, self._held = self._held[:limit], self._held[limit:]
        return taken

    async def commit(self, records: Sequence[Record]) -> None:
        await self._inner.commit(records)
        for record in records:
            place = (record.topic, record.partition)
            self._log.done[place] = max(self._log.done[place], record.offset + 1)

    async def rewind(self) -> None:
        self._held.clear()
        await self._inner.rewind()

    async def close(self) -> None:
        self._log.heal()  # nobody can take their leave of a broker that is away
        self._log.members[self._group].remove(self)
        await self._inner.close()
