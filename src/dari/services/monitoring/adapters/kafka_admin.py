"""Kafka through confluent_kafka's admin client and a consumer that joins no group; blocking calls run in threads."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec  # type: ignore[attr-defined]  # re-exported without saying so

from dari.core.clock import KST, Clock, SystemClock
from dari.services.monitoring.ports import Cluster, Committed, Group, Member, Message, Partition, ProbeFailed, Topic

_T = TypeVar("_T")
MOVING: Final = frozenset(
    {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.COORDINATOR_LOAD_IN_PROGRESS}
)
READING: Final = {"enable.auto.commit": False, "isolation.level": "read_uncommitted"}
"""Offsets as they are: a committed reading waits while they cannot be replicated, which is when one looks."""
READERS: Final = 32
"""Groups whose offsets are read at hand; each costs some threads."""
CONFIGS_AGE: Final = 60.0
CONFIGS: Final = ("min.insync.replicas", "retention.ms", "cleanup.policy")


class KafkaAdmin:
    """One cluster. New clients are made after a failure: an old one's coordinator calls stay slow for seconds."""

    def __init__(self, bootstrap: str, clock: Clock | None = None, *, deadline: float = 1.0) -> None:
        self._bootstrap = bootstrap
        self._clock = clock or SystemClock()
        self._deadline = deadline
        self._admin: Any = None
        self._readers: dict[str, Any] = {}
        self._one = threading.Lock()
        self._told: tuple[float, set[str], dict[str, dict[str, str]]] | None = None

    def _client(self) -> Any:
        if self._admin is None:
            self._admin = AdminClient(self._settings())
        return self._admin

    async def close(self) -> None:
        """Let go of the cluster."""
        self._forget()

    def _forget(self) -> None:
        with self._one:
            held = [one for one in (self._admin, *self._readers.values()) if one is not None]
            self._admin, self._readers = None, {}
        _end(held)

    def _settings(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self._bootstrap,
            "socket.timeout.ms": int(self._deadline * 1000),
            "socket.connection.setup.timeout.ms": max(1000, int(self._deadline * 1000)),
            # The probe says what goes wrong. A `logger` would be called from a client's end too, at moments of its own.
            "log_level": 0,
        }

    async def _run(self, work: Callable[[], _T], deadline: float | None = None) -> _T:
        limit = deadline or self._deadline
        try:
            return await asyncio.wait_for(asyncio.to_thread(work), limit + 0.2)
        except TimeoutError as error:
            self._forget()
            raise ProbeFailed("kafka", "Timeout", f"no answer within {limit} s") from error
        except KafkaException as error:
            self._forget()
            first = error.args[0]
            name = first.name() if hasattr(first, "name") else type(error).__name__
            raise ProbeFailed("kafka", str(name), str(first)) from error

    async def cluster(self) -> Cluster:
        """Brokers of fresh metadata, which lists those that are registered now. Raises ProbeFailed."""

        def work() -> Cluster:
            said = self._client().list_topics(timeout=self._deadline)
            return Cluster(said.cluster_id, said.controller_id, tuple(sorted(said.brokers)))

        return await self._run(work)

    async def topics(self) -> list[Topic]:
        """Topics with leaders, ISR, watermarks and configs. Raises ProbeFailed."""
        return await self._run(self._topics, self._deadline * 2)

    def _topics(self) -> list[Topic]:
        admin = self._client()
        meta = admin.list_topics(timeout=self._deadline)
        names = [name for name in meta.topics if not name.startswith("__")]
        places = [(name, part) for name in names for part in meta.topics[name].partitions.values()]
        readable = [TopicPartition(name, part.id) for name, part in places if part.leader >= 0]
        spec: Any = OffsetSpec
        ends, begins = self._offsets(readable, spec.latest()), self._offsets(readable, spec.earliest())
        configs = self._configs(names)
        found = []
        for name in sorted(names):
            parts = tuple(
                Partition(
                    part.id,
                    part.leader if part.leader >= 0 else None,
                    tuple(part.replicas),
                    tuple(part.isrs),
                    begins.get((name, part.id)),
                    ends.get((name, part.id)),
                )
                for part in sorted(meta.topics[name].partitions.values(), key=lambda one: one.id)
            )
            found.append(Topic(name, parts, configs.get(name, {})))
        return found

    def _offsets(self, places: list[Any], spec: Any) -> dict[tuple[str, int], int]:
        found: dict[tuple[str, int], int] = {}
        if not places:
            return found
        asked = self._client().list_offsets(dict.fromkeys(places, spec), request_timeout=self._deadline)
        for place, future in asked.items():
            try:
                found[place.topic, place.partition] = future.result(self._deadline).offset
            except (KafkaException, TimeoutError):
                continue  # this partition's offsets stay unknown
        return found

    def _configs(self, names: list[str]) -> dict[str, dict[str, str]]:
        """Topic settings, read once a minute: they seldom change, and not being told costs a wait."""
        now = self._clock.monotonic()
        if self._told is not None and now - self._told[0] < CONFIGS_AGE and set(names) <= self._told[1]:
            return self._told[2]
        found: dict[str, dict[str, str]] = {}
        resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
        patience = min(0.5, self._deadline)
        try:
            for resource, future in self._client().describe_configs(resources, request_timeout=patience).items():
                said = future.result(patience)
                known = {key: str(said[key].value) for key in CONFIGS if key in said and said[key].value is not None}
                found[resource.name] = known
        except (KafkaException, TimeoutError):
            pass  # it does not tell them: the platform's own minimum is used
        self._told = (now, set(names), found)
        return found

    async def groups(self) -> list[Group]:
        """Groups with members. Raises ProbeFailed."""
        return await self._run(self._groups, self._deadline * 2)

    def _groups(self) -> list[Group]:
        admin = self._client()
        listed = admin.list_consumer_groups(request_timeout=self._deadline).result(self._deadline)
        names = [one.group_id for one in listed.valid]
        found: list[Group] = []
        if not names:
            return found
        for name, future in admin.describe_consumer_groups(names, request_timeout=self._deadline).items():
            said = future.result(self._deadline)
            members = tuple(
                Member(
                    one.member_id,
                    one.client_id,
                    one.host,
                    tuple((p.topic, p.partition) for p in (one.assignment.topic_partitions if one.assignment else [])),
                )
                for one in said.members
            )
            found.append(Group(name, said.state.name, bool(said.is_simple_consumer_group), members))
        return found

    async def committed(self, group: str) -> list[Committed]:
        """Offsets it has committed of the topics there are. Raises ProbeFailed."""

        def work() -> list[Committed]:
            topics = self._client().list_topics(timeout=self._deadline).topics.items()
            places = [TopicPartition(t, p) for t, one in topics if not t.startswith("__") for p in one.partitions]
            if not places:
                return []
            rows = self._asked(self._reader(group), places)
            return [Committed(one.topic, one.partition, one.offset) for one in rows if one.offset >= 0]

        return await self._run(work)

    def _asked(self, reader: Any, places: list[TopicPartition]) -> list[TopicPartition]:
        """Where the coordinator has just moved, the reader looks for it and is asked again until the deadline."""
        until = time.monotonic() + self._deadline
        while True:
            try:
                return _offsets_of(reader.committed(places, timeout=max(0.05, until - time.monotonic())))
            except KafkaException as error:
                if error.args[0].code() not in MOVING or time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def _reader(self, group: str) -> Any:
        """What reads a group's offsets: a consumer that names the group and never subscribes, so it joins nothing.

        An admin client can read them too, and ends the whole program where the coordinator has just moved
        (librdkafka 5040): it looks for its own group then, and has none.
        """
        with self._one:
            reader = self._readers.pop(group, None)
            if reader is None:
                reader = Consumer({**self._settings(), **READING, "group.id": group})
            self._readers[group] = reader  # the latest last
            longest_ago = [self._readers.pop(next(iter(self._readers)))] if len(self._readers) > READERS else []
        _end(longest_ago)
        return reader

    async def messages(self, topic: str, partition: int, offset: int, limit: int) -> list[Message]:
        """Records by assignment, never by subscription: no group sees it, nothing is committed. Raises ProbeFailed."""
        return await self._run(lambda: self._messages(topic, partition, offset, limit), self._deadline * 3)

    def _messages(self, topic: str, partition: int, offset: int, limit: int) -> list[Message]:
        group = f"dari-look-{uuid.uuid4().hex}"
        consumer = Consumer({**self._settings(), "group.id": group, "enable.auto.commit": False})
        try:
            place = TopicPartition(topic, partition, offset)
            low, high = consumer.get_watermark_offsets(place, timeout=self._deadline)
            count = min(limit, high - max(low, offset))
            if count <= 0:
                return []
            consumer.assign([TopicPartition(topic, partition, max(low, offset))])
            found: list[Message] = []
            while len(found) < count:
                batch = consumer.consume(count - len(found), timeout=self._deadline)
                if not batch:
                    break
                for record in batch:
                    problem = record.error()
                    if problem is not None:
                        raise KafkaException(problem)
                    found.append(_message(record))
            return found
        finally:
            consumer.close()


def _offsets_of(rows: list[TopicPartition]) -> list[TopicPartition]:
    for one in rows:
        if one.error is not None:
            raise KafkaException(one.error)
    return rows


def _end(clients: list[Any]) -> None:
    """Let go of clients in a thread: librdkafka waits for its own, seconds long where a broker hangs."""
    if clients:
        threading.Thread(target=clients.clear, daemon=True).start()


def _message(record: Any) -> Message:
    kind, stamp = record.timestamp()
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers() or []}
    return Message(
        record.partition(),
        record.offset(),
        datetime.fromtimestamp(stamp / 1000, UTC).astimezone(KST) if kind else None,
        record.key().decode(errors="replace") if record.key() is not None else None,
        (record.value() or b"").decode(errors="replace"),
        headers,
    )
