"""The Kafka adapter over TCP against librdkafka's own mock cluster, which lives in the client's wheel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from dari.core.clock import ManualClock
from dari.services.monitoring.adapters.kafka_admin import KafkaAdmin
from dari.services.monitoring.ports import ProbeFailed
from dari.services.monitoring.probes import kafka_probe
from tests.support import MORNING


@pytest.fixture
def bootstrap() -> Iterator[str]:
    producer = Producer({"test.mock.num.brokers": 3, "bootstrap.servers": "ignored:1", "log_level": 0})
    brokers = producer.list_topics(timeout=5).brokers.values()
    address = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)
    for number in range(6):
        producer.produce("payment.captured", value=b"{}", key=str(number).encode(), headers={"eventId": str(number)})
    producer.flush(10)
    yield address
    del producer


async def test_brokers_topics_records_and_offsets_are_read_without_joining_a_group(bootstrap: str) -> None:
    kafka = KafkaAdmin(bootstrap, ManualClock(MORNING), deadline=2.0)
    assert (await kafka.cluster()).brokers == (1, 2, 3)
    topics = {topic.name: topic for topic in await kafka.topics()}
    parts = topics["payment.captured"].partitions
    assert sum((part.end or 0) - (part.begin or 0) for part in parts) == 6
    assert all(part.leader is not None and len(part.isr) == 3 for part in parts)
    found = [one for part in parts for one in await kafka.messages("payment.captured", part.partition, 0, 100)]
    assert sorted(one.headers["eventId"] for one in found) == list("012345")
    assert await kafka.messages("payment.captured", parts[0].partition, 999, 10) == []
    assert await kafka.groups() == []


async def test_a_group_that_never_committed_has_unknown_lag_and_one_that_did_has_a_figure(bootstrap: str) -> None:
    kafka = KafkaAdmin(bootstrap, ManualClock(MORNING), deadline=2.0)
    topics = {topic.name: topic for topic in await kafka.topics()}
    wanted = ("payment.captured",)
    assert kafka_probe.lag("payment-consumer", wanted, topics, {"payment-consumer": ()})[0] is None
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "payment-consumer", "log_level": 0})
    places = [
        TopicPartition("payment.captured", part.partition, part.end or 0)
        for part in topics["payment.captured"].partitions
    ]
    consumer.assign(places)
    consumer.commit(offsets=places, asynchronous=False)
    consumer.close()
    committed = await kafka_probe.offsets(kafka, ["payment-consumer"])
    assert kafka_probe.lag("payment-consumer", wanted, topics, committed)[0] == 0
    assert kafka_probe.members("payment-consumer", await kafka.groups(), committed["payment-consumer"]) is None


async def test_a_cluster_that_is_away_is_named_by_its_error_within_the_deadline() -> None:
    kafka = KafkaAdmin("127.0.0.1:1", ManualClock(MORNING), deadline=0.5)
    with pytest.raises(ProbeFailed) as failed:
        await kafka.cluster()
    assert failed.value.component == "kafka"
    assert failed.value.error_class in {"_TRANSPORT", "Timeout"}
