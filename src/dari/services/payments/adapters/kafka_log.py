"""The message log on Kafka brokers by librdkafka: idempotent producer, manual commits, no wait on the event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka import Message as KafkaMessage
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from dari.services.payments.names import PARTITIONS
from dari.services.payments.ports import Delivery, LogError, Message, Record

QUIET: Final = {"log_level": 0}
"""What goes wrong is told by deliveries and errors. A `logger` would be one more Python callback, which librdkafka
calls at moments of its own while brokers are away, also from a client's end, where that has crashed programs."""
FETCH_SECONDS: Final = 0.05
ADMIN_SECONDS: Final = 3.0
LEAVING_SECONDS: Final = 5.0


def _code(error: KafkaError | None) -> str:
    return "UNKNOWN" if error is None else str(error.name())


class KafkaLog:
    """`bootstrap` is host:port[,…]; `delivery_timeout` seconds bound every send; `options` are librdkafka's and win."""

    def __init__(self, bootstrap: str, *, delivery_timeout: float = 5.0, **options: Any) -> None:
        self._common: dict[str, Any] = {"bootstrap.servers": bootstrap, **QUIET}
        self._options = options
        self._timeout = delivery_timeout
        self._producer: Producer | None = Producer(
            {
                **self._common,
                "client.id": "payments-outbox",
                "enable.idempotence": True,
                "linger.ms": 5,
                "delivery.timeout.ms": int(delivery_timeout * 1000),
                "partitioner": "consistent_random",
                # What a broker refuses is told as its own word (NOT_ENOUGH_REPLICAS), not as a time-out of ours later;
                # the outbox tries again anyway, and the inbox knows what came twice.
                "retries": 4,
                "retry.backoff.ms": 50,
                "retry.backoff.max.ms": 400,
                "topic.metadata.propagation.max.ms": 1000,
                **options,
            },
        )
        # A thread of its own: a broker that hangs must not use up the threads of everybody else.
        self._sender = ThreadPoolExecutor(1, "kafka-sender")

    async def create_topics(self, replication: int = 1) -> None:
        """Make the platform's topics where they are missing. Raises LogError."""
        await asyncio.get_running_loop().run_in_executor(self._sender, self._create, replication)

    def _create(self, replication: int) -> None:
        # From its begin to its end in one thread: a client must not end while an answer of its own is under way.
        admin = AdminClient({**self._common, **self._options})
        wanted = [NewTopic(name, count, replication) for name, count in PARTITIONS.items()]
        answers = admin.create_topics(wanted, request_timeout=ADMIN_SECONDS)
        refused = {}
        for name, answer in answers.items():
            try:
                answer.result()
            except KafkaException as error:
                code = _code(error.args[0])
                if code != "TOPIC_ALREADY_EXISTS":
                    refused[name] = code
        self._look_for(refused)

    def _look_for(self, refused: Mapping[str, str]) -> None:
        """A mock cluster of librdkafka has no controller, but makes a topic when it is asked for."""
        producer = self._alive()
        for name, code in refused.items():
            try:
                known = producer.list_topics(name, timeout=ADMIN_SECONDS).topics[name]
            except KafkaException as error:
                raise LogError(_code(error.args[0]), name) from error
            if known.error is not None and known.error.code() != KafkaError.LEADER_NOT_AVAILABLE:
                raise LogError(code, name)

    def _alive(self) -> Producer:
        if self._producer is None:
            raise LogError("_DESTROY", "the log was closed")
        return self._producer

    def _publish(self, messages: Sequence[Message]) -> list[Delivery]:
        producer = self._alive()
        deliveries: list[Delivery | None] = [None] * len(messages)
        start = time.monotonic()

        def done(error: KafkaError | None, said: KafkaMessage, *, at: int) -> None:
            took = time.monotonic() - start
            number, offset = said.partition(), said.offset()
            place = (-1 if number is None else number, -1 if offset is None else offset)
            deliveries[at] = Delivery(took, *place, error=None if error is None else _code(error))

        for at, message in enumerate(messages):
            headers: list[tuple[str, str | bytes | None]] = list(message.headers.items())
            try:
                producer.produce(
                    message.topic,
                    message.value.encode(),
                    None if message.key is None else message.key.encode(),
                    on_delivery=partial(done, at=at),
                    headers=headers,
                )
            except (BufferError, KafkaException) as error:
                code = "_QUEUE_FULL" if isinstance(error, BufferError) else _code(error.args[0])
                deliveries[at] = Delivery(0.0, error=code)
        producer.flush(self._timeout + 1)
        late = Delivery(time.monotonic() - start, error="_MSG_TIMED_OUT")
        return [delivery or late for delivery in deliveries]

    async def publish(self, messages: Sequence[Message]) -> list[Delivery]:
        self._alive()
        return await asyncio.get_running_loop().run_in_executor(self._sender, self._publish, messages)

    async def subscribe(self, group: str, topics: Sequence[str], member: str) -> KafkaSubscription:
        settings = {
            **self._common,
            "group.id": group,
            "client.id": member,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "allow.auto.create.topics": False,
            "session.timeout.ms": 6_000,
            "fetch.wait.max.ms": 250,
            **self._options,
        }
        consumer = Consumer(settings)
        consumer.subscribe(list(topics))
        return KafkaSubscription(consumer, group)

    async def close(self) -> None:
        if self._producer is not None:
            await asyncio.get_running_loop().run_in_executor(self._sender, self._end)
            self._sender.shutdown(wait=False)

    def _end(self) -> None:
        # In its own thread, after what is under way there: it ends here, not whenever the last reference is dropped.
        if self._producer is not None:
            self._producer.flush(1.0)
            self._producer = None


class KafkaSubscription:
    """One consumer, used by one task at a time, each call in its own thread."""

    def __init__(self, consumer: Consumer, name: str) -> None:
        self._consumer = consumer
        self._thread = ThreadPoolExecutor(1, f"kafka-{name}")
        self._closed = False
        self._astray = False
        """Whether the next record is not the one after the committed ones: what was fetched would be passed over."""

    async def _run(self, work: Any, *arguments: Any) -> Any:
        if self._closed:
            raise LogError("_DESTROY", "the subscription was closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
        except KafkaException as error:
            raise LogError(_code(error.args[0]), str(error.args[0])) from error

    def _fetch(self, limit: int) -> list[Record]:
        records = []
        for message in self._consumer.consume(limit, FETCH_SECONDS):
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 — librdkafka's own constant
                    continue
                raise LogError(_code(error), str(error))
            records.append(_record(message))
        return records

    async def fetch(self, limit: int) -> list[Record]:
        if self._astray:
            await self._run(self._find_back)
        found: list[Record] = await self._run(self._fetch, limit)
        return found

    def _commit(self, ends: dict[tuple[str, int], int]) -> None:
        places = [TopicPartition(topic, number, offset) for (topic, number), offset in ends.items()]
        self._consumer.commit(offsets=places, asynchronous=False)

    async def commit(self, records: Sequence[Record]) -> None:
        ends: dict[tuple[str, int], int] = {}
        for record in records:
            place = (record.topic, record.partition)
            ends[place] = max(ends.get(place, 0), record.offset + 1)
        if ends:
            await self._run(self._commit, ends)

    def _rewind(self) -> None:
        assigned = self._consumer.assignment()
        for place in self._consumer.committed(assigned, 2.0):
            place.offset = max(place.offset, 0)
            self._consumer.seek(place)
        self._astray = False

    def _find_back(self) -> None:
        # Who does not ask is not told of a rebalance either; what comes along lies after the committed offsets.
        self._consumer.consume(1, 0)
        self._rewind()

    async def rewind(self) -> None:
        self._astray = True
        # When not even the committed offsets can be read now, nothing is fetched until they can.
        with suppress(LogError):
            await self._run(self._rewind)

    async def close(self) -> None:
        """Leave the group, or give up after a while: then its coordinator counts the member until its session ends."""
        if not self._closed:
            self._closed = True
            left = asyncio.Event()
            told = partial(asyncio.get_running_loop().call_soon_threadsafe, left.set)
            # A thread that nobody waits for at the program's end: where no broker answers, leaving does not end.
            threading.Thread(target=self._leave, args=(told,), daemon=True).start()
            with suppress(TimeoutError):
                await asyncio.wait_for(left.wait(), LEAVING_SECONDS)

    def _leave(self, told: Callable[[], object]) -> None:
        # After what is under way in its thread; nothing comes after it.
        self._thread.shutdown()
        self._consumer.close()
        with suppress(RuntimeError):  # who waited has gone, and the loop with it
            told()


def _text(value: str | bytes | None) -> str | None:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _record(message: KafkaMessage) -> Record:
    key, value = message.key(), message.value()
    pairs: Any = message.headers() or []
    headers = {str(name): _text(text) or "" for name, text in pairs}
    return Record(
        str(message.topic()),
        int(message.partition() or 0),
        int(message.offset() or 0),
        _text(value) or "",
        _text(key),
        int(message.timestamp()[1]),
        headers,
    )
