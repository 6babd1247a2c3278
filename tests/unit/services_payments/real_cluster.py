"""One Apache Kafka broker for a session of tests: asked, emptied and broken by an administrator's own client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from functools import partial
from typing import Any, Final

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # re-exported without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic

from dari.services.payments.adapters.kafka_log import QUIET, _record
from dari.services.payments.names import GROUP_TOPICS, PARTITIONS
from dari.services.payments.ports import LogError, Message, Record
from dari.services.stack.stack import Stack

PATIENCE: Final = 15.0
"""Seconds after which what should have come is not coming."""
LOOK: Final = 0.01
Place = tuple[str, int]


def until(done: Callable[[], bool], what: str) -> None:
    """Look again and again. AssertionError after PATIENCE."""
    end = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < end, f"not within {PATIENCE} s: {what}"
        time.sleep(LOOK)


class Cluster:
    """The broker of `stack`. Everything it tells was asked of the broker."""

    def __init__(self, stack: Stack) -> None:
        self.bootstrap = stack.addresses()["DARI_PAYMENTS_KAFKA_BOOTSTRAP"]
        self._stack = stack
        self._common: dict[str, Any] = {"bootstrap.servers": self.bootstrap, **QUIET}
        self._admin = AdminClient(self._common)
        self._producer = Producer({**self._common, "linger.ms": 0})
        self._reader = self._reading()
        self.create(PARTITIONS)

    def _reading(self) -> Consumer:
        reading = {"group.id": "tests", "enable.auto.commit": False, "fetch.wait.max.ms": 10}
        return Consumer({**self._common, **reading, "auto.offset.reset": "earliest"})

    def close(self) -> None:
        """Let go."""
        self._reader.close()

    # -- what is there ---------------------------------------------------------------------------------------------

    def alive(self, seconds: float = PATIENCE) -> None:
        """Raises LogError when the broker does not answer."""
        try:
            self._admin.list_topics(timeout=seconds)
        except KafkaException as error:
            raise LogError(str(error.args[0].name()), str(error.args[0])) from error

    def topics(self) -> dict[str, int]:
        """Topics of ours with the number of their partitions."""
        found = self._admin.list_topics(timeout=PATIENCE).topics
        return {name: len(topic.partitions) for name, topic in found.items() if not name.startswith("__")}

    def ends(self, places: Iterable[Place], spec: Any = None) -> dict[Place, int]:
        """Where the next record of each partition will lie (or, by `spec`, the first one lies)."""
        which = spec or OffsetSpec.latest()  # type: ignore[no-untyped-call]  # so in its stubs
        asked = {TopicPartition(*place): which for place in places}
        found: dict[Place, int] = {}

        def told() -> bool:
            try:
                answers = self._admin.list_offsets(asked) if asked else {}
                said = {(place.topic, place.partition): one.result(PATIENCE) for place, one in answers.items()}
            except KafkaException:  # it was made or woke up a moment ago: partitions find their leader again
                return False
            found.update({place: one.offset for place, one in said.items()})
            return True

        until(told, f"leaders of {sorted({place.topic for place in asked})}")
        return found

    def begins(self, places: Iterable[Place]) -> dict[Place, int]:
        """Where the first record that is kept of each partition lies."""
        return self.ends(places, OffsetSpec.earliest())  # type: ignore[no-untyped-call]  # so in its stubs

    def committed(self, group: str) -> dict[Place, int]:
        """How far a group got."""
        said = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(PATIENCE)
        return {(one.topic, one.partition): one.offset for one in said.topic_partitions or () if one.offset >= 0}

    def members(self, group: str) -> dict[str, list[Place]]:
        """The members of a group by the names they gave themselves, and what they were dealt."""
        said = self._admin.describe_consumer_groups([group])[group].result(PATIENCE)
        return {
            one.client_id: [(place.topic, place.partition) for place in one.assignment.topic_partitions]
            for one in said.members
        }

    def read(self, begin: Mapping[Place, int], end: Mapping[Place, int]) -> list[Record]:
        """The records of these partitions from `begin` to before `end`, by partition."""
        wanted = {place: offset for place, offset in end.items() if offset > begin[place]}
        if not wanted:
            return []
        found: list[Record] = []
        self._reader.assign([TopicPartition(*place, begin[place]) for place in wanted])

        def all_read() -> bool:
            found.extend(_record(one) for one in self._reader.consume(1000, LOOK) if one.error() is None)
            reached = {(one.topic, one.partition): one.offset for one in self._reader.position(self._places(wanted))}
            return all(reached[place] >= offset for place, offset in wanted.items())

        until(all_read, f"the records of {sorted(wanted)}")
        self._reader.unassign()
        kept = [record for record in found if record.offset < wanted[record.topic, record.partition]]
        return sorted(kept, key=lambda record: (record.topic, record.partition, record.offset))

    @staticmethod
    def _places(places: Iterable[Place]) -> list[TopicPartition]:
        return [TopicPartition(*place) for place in places]

    # -- what is done ----------------------------------------------------------------------------------------------

    def _done(self, answers: Mapping[Any, Future[Any]]) -> None:
        for answer in answers.values():
            answer.result(PATIENCE)

    def create(self, topics: Mapping[str, int]) -> None:
        """Make topics, and come back when each partition has its leader."""
        self._done(self._admin.create_topics([NewTopic(name, count, 1) for name, count in topics.items()]))

        self.ends((name, number) for name, count in topics.items() for number in range(count))
        # Who has read a topic before it was deleted does not find the one that is called so now.
        self._reader.close()
        self._reader = self._reading()

    def delete(self, topic: str) -> None:
        """Delete a topic, and come back when it is gone."""
        self._done(self._admin.delete_topics([topic]))
        until(lambda: topic not in self.topics(), f"{topic} is gone")

    def append(self, message: Message, number: int, timestamp: int = 0) -> int:
        """Write a record to a partition, as of now or of another moment (ms since 1970); the offset it got."""
        offsets: list[int] = []

        def told(error: Any, said: KafkaMessage, *, into: list[int]) -> None:
            assert error is None, error
            into.append(int(said.offset() or 0))

        self._producer.produce(
            message.topic,
            message.value,
            message.key,
            number,
            timestamp=timestamp,
            headers=list(message.headers.items()),
            on_delivery=partial(told, into=offsets),
        )
        assert self._producer.flush(PATIENCE) == 0
        return offsets[0]

    def forget(self, ends: Mapping[Place, int]) -> None:
        """What lies before these offsets is gone, as when its time of retention is over."""
        self._done(self._admin.delete_records([TopicPartition(*place, offset) for place, offset in ends.items()]))

    def refuse(self, topic: str, *, refused: bool) -> None:
        """Whether no record is small enough for this topic: the broker says MSG_SIZE_TOO_LARGE to every one."""
        how, size = (AlterConfigOpType.SET, "1") if refused else (AlterConfigOpType.DELETE, None)
        entry = ConfigEntry("max.message.bytes", size, incremental_operation=how)
        asked = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        self._done(self._admin.incremental_alter_configs([asked]))

    def begin(self) -> dict[Place, int]:
        """Every topic is there, nobody is in a group, and every group has seen all there is; the ends of it all."""
        known = self.topics()
        missing = {name: count for name, count in PARTITIONS.items() if name not in known}
        if missing:
            self.create(missing)
        ends = self.ends((name, number) for name, count in PARTITIONS.items() for number in range(count))
        wanted = [
            ConsumerGroupTopicPartitions(
                group, [TopicPartition(*place, offset) for place, offset in ends.items() if place[0] in topics]
            )
            for group, topics in GROUP_TOPICS.items()
        ]

        def commit(one: ConsumerGroupTopicPartitions) -> bool:
            try:
                self._done(self._admin.alter_consumer_group_offsets([one]))
            except KafkaException:  # somebody is still leaving
                return False
            return True

        for one in wanted:
            until(partial(commit, one), f"{one.group_id} is empty")
        return ends

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        self._stack.pause(["kafka"])

    def resume(self) -> None:
        """SIGCONT, and back when it answers, for every partition: its controller may have given it up meanwhile."""
        self._stack.resume(["kafka"])

        def answers() -> bool:
            try:
                self.alive(0.5)
            except LogError:
                return False
            return True

        until(answers, "the broker answers")
        self.ends((name, number) for name, count in self.topics().items() for number in range(count))
