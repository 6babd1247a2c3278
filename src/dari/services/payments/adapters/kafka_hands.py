"""A Kafka administrator's hands and eyes, for those who break a cluster on purpose and must know what they did."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so
from confluent_kafka.cimpl import NewTopic

from dari.services.payments.adapters.kafka_log import QUIET
from dari.services.payments.ports import LogError

SECONDS: Final = 5.0
PATIENCE: Final = 40.0
ALREADY: Final = frozenset({"TOPIC_ALREADY_EXISTS", "UNKNOWN_TOPIC_OR_PART", "GROUP_ID_NOT_FOUND"})
T = TypeVar("T")
Place = tuple[str, int]


class KafkaHands:
    """One cluster at `bootstrap`. Every method raises LogError when the cluster does not do it in time."""

    def __init__(self, bootstrap: str) -> None:
        self._settings: dict[str, Any] = {"bootstrap.servers": bootstrap, **QUIET}
        self._admin = AdminClient(self._settings)

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except KafkaException as error:
            raise LogError(str(error.args[0].name()), str(error.args[0])) from error

    def _names(self) -> set[str]:
        return {name for name in self._admin.list_topics(timeout=SECONDS).topics if not name.startswith("__")}

    async def clear(self) -> None:
        """No topic and no group any more."""
        await self._run(self._clear)

    def _clear(self) -> None:
        until = time.monotonic() + PATIENCE
        while names := self._names():
            for done in self._admin.delete_topics(sorted(names), operation_timeout=SECONDS).values():
                _settled(done)
            if time.monotonic() > until:
                raise KafkaException(f"topics stay: {sorted(names)}")
            time.sleep(0.1)
        while known := self._groups():
            for done in self._admin.delete_consumer_groups(known).values():
                _settled(done)
            if time.monotonic() > until:
                raise KafkaException(f"groups stay: {known}")
            time.sleep(0.1)

    def _groups(self) -> list[str]:
        groups = self._admin.list_consumer_groups(request_timeout=SECONDS).result(SECONDS)
        return [one.group_id for one in groups.valid or []]

    async def make(self, topics: Mapping[str, int], replication: int) -> None:
        """Make topics with so many partitions, and come back when each partition has a leader."""

        def work() -> None:
            wanted = [NewTopic(name, count, replication) for name, count in topics.items()]
            for done in self._admin.create_topics(wanted, request_timeout=SECONDS).values():
                _settled(done)
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                said = self._admin.list_topics(timeout=SECONDS).topics
                parts = [part for name in topics if name in said for part in said[name].partitions.values()]
                if len(parts) == sum(topics.values()) and all(len(part.isrs) >= replication for part in parts):
                    return
                time.sleep(0.1)

        await self._run(work)

    async def delete(self, topic: str) -> None:
        """Take a topic away."""
        await self._run(lambda: _settled(self._admin.delete_topics([topic], operation_timeout=SECONDS)[topic]))

    async def brokers(self) -> tuple[int, ...]:
        """Ids of the brokers that are registered."""
        return await self._run(lambda: tuple(sorted(self._admin.list_topics(timeout=SECONDS).brokers)))

    async def all_in_sync(self) -> bool:
        """Whether every replica of every partition is in sync."""

        def work() -> bool:
            topics = self._admin.list_topics(timeout=SECONDS).topics.values()
            return all(set(part.isrs) == set(part.replicas) for one in topics for part in one.partitions.values())

        return await self._run(work)

    async def under(self, least: int) -> list[str]:
        """`topic-partition` of those with fewer replicas in sync, internal topics left out."""

        def work() -> list[str]:
            topics = self._admin.list_topics(timeout=SECONDS).topics
            return sorted(
                f"{name}-{part.id}"
                for name, one in topics.items()
                if not name.startswith("__")
                for part in one.partitions.values()
                if len(part.isrs) < least
            )

        return await self._run(work)

    async def leads(self, broker: int) -> list[Place]:
        """The partitions a broker leads."""

        def work() -> list[Place]:
            topics = self._admin.list_topics(timeout=SECONDS).topics
            return [(n, p.id) for n, one in topics.items() for p in one.partitions.values() if p.leader == broker]

        return await self._run(work)

    async def ends(self, topics: Sequence[str]) -> dict[Place, int]:
        """End offsets of the topics that exist."""

        def work() -> dict[Place, int]:
            said = self._admin.list_topics(timeout=SECONDS).topics
            places = [TopicPartition(t, p) for t in topics if t in said for p in said[t].partitions]
            spec: Any = OffsetSpec
            asked = self._admin.list_offsets(dict.fromkeys(places, spec.latest()), request_timeout=SECONDS)
            return {(place.topic, place.partition): done.result(SECONDS).offset for place, done in asked.items()}

        return await self._run(work)

    async def committed(self, group: str) -> dict[Place, int]:
        """A group's committed offsets, where it has any."""

        def work() -> dict[Place, int]:
            # By a consumer that joins nothing: an admin client may end the program here (librdkafka 5040).
            how = {"group.id": group, "enable.auto.commit": False, "isolation.level": "read_uncommitted"}
            reader = Consumer({**self._settings, **how})
            try:
                topics = self._admin.list_topics(timeout=SECONDS).topics.items()
                places = [TopicPartition(t, p) for t, one in topics if not t.startswith("__") for p in one.partitions]
                rows = reader.committed(places, timeout=SECONDS) if places else []
                return {(one.topic, one.partition): one.offset for one in rows if one.offset >= 0}
            finally:
                reader.close()

        return await self._run(work)

    async def members(self, group: str) -> int:
        """How many members it has."""

        def work() -> int:
            said = self._admin.describe_consumer_groups([group], request_timeout=SECONDS)[group].result(SECONDS)
            return len(said.members)

        return await self._run(work)

    async def coordinator(self, group: str) -> int:
        """The broker that keeps it."""

        def work() -> int:
            said = self._admin.describe_consumer_groups([group], request_timeout=SECONDS)[group].result(SECONDS)
            return int(said.coordinator.id)

        return await self._run(work)

    async def write(self, topic: str, values: Sequence[str]) -> None:
        """Records of a stranger, one partition after the other."""

        def work() -> None:
            producer = Producer(self._settings)
            count = len(self._admin.list_topics(topic, timeout=SECONDS).topics[topic].partitions)
            for at, value in enumerate(values):
                producer.produce(topic, value.encode(), str(at).encode(), partition=at % count)
            if producer.flush(SECONDS):
                raise KafkaException("not everything was written")

        await self._run(work)


def _settled(done: Any) -> None:
    """Wait for an answer; that a thing is already there or already gone is no failure."""
    try:
        done.result(PATIENCE)
    except KafkaException as error:
        # A member that did not take its leave counts until its session ends: whoever clears asks again.
        if error.args[0].name() not in {*ALREADY, "NON_EMPTY_GROUP"}:
            raise
