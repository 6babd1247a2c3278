"""Simulated brokers asked by librdkafka (the client that everything here uses) and by raw frames."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from dari.services.monitoring.adapters.kafka_admin import KafkaAdmin
from dari.services.payments.adapters import kafka_log
from dari.services.payments.adapters.kafka_hands import KafkaHands
from dari.services.payments.adapters.kafka_log import KafkaLog
from dari.services.payments.ports import LogError, Message
from dari.services.stack.adapters.doors import free_ports, kafka_answers
from dari.services.stack.adapters.kafka_doors import KafkaDoors
from dari.services.stack.kafka_simulator import questions as said
from dari.services.stack.kafka_simulator.cluster import Asker, Cluster
from dari.services.stack.kafka_simulator.groups import Groups
from dari.services.stack.kafka_simulator.partitions import Bad, Partition, Topics
from dari.services.stack.kafka_simulator.wording import Reader, shape, written
from dari.services.stack.local_parts import LocalParts


@pytest.fixture
def brokers() -> Iterator[tuple[KafkaDoors, str]]:
    ports = free_ports(3)
    own = {number: ports[number - 1] for number in (1, 2, 3)}
    doors = KafkaDoors(3, [(own, own)])
    doors.start()
    doors.up([1, 2, 3])
    yield doors, ",".join(f"127.0.0.1:{port}" for port in ports)
    doors.close()


async def until(done: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not await done():
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.05)


def words(count: int) -> list[Message]:
    return [Message("payment.captured", f"v{number}", str(number)) for number in range(count)]


async def test_records_go_round_and_an_administrator_sees_what_there_is(brokers: tuple[KafkaDoors, str]) -> None:
    _, where = brokers
    hands, log = KafkaHands(where), KafkaLog(where)
    await hands.clear()
    await hands.make({"payment.captured": 3}, 3)
    sent = await log.publish(words(20))
    assert {one.error for one in sent} == {None}
    reader = await log.subscribe("payment-consumer", ["payment.captured"], "reader")
    got: list[Any] = []

    async def all_there() -> bool:
        got.extend(await reader.fetch(100))
        return len(got) >= 20

    await until(all_there)
    assert sorted(one.value for one in got) == sorted(f"v{number}" for number in range(20))
    await reader.commit(got)
    ends = await hands.ends(["payment.captured"])
    assert sum(ends.values()) == 20
    assert await hands.committed("payment-consumer") == {place: end for place, end in ends.items() if end}
    assert await hands.members("payment-consumer") == 1
    assert await hands.coordinator("payment-consumer") == 1

    eyes = KafkaAdmin(where, deadline=5.0)
    assert (await eyes.cluster()).brokers == (1, 2, 3)
    topic = (await eyes.topics())[0]
    assert topic.configs["min.insync.replicas"] == "2"
    assert {part.leader for part in topic.partitions} == {1, 2, 3}
    group = (await eyes.groups())[0]
    assert (group.group, group.state, len(group.members)) == ("payment-consumer", "STABLE", 1)
    assert len(group.members[0].partitions) == 3
    assert {one.value for one in await eyes.messages("payment.captured", 0, 0, 5)} <= {one.value for one in got}
    await reader.close()
    assert await hands.members("payment-consumer") == 0
    await hands.clear()
    assert (await eyes.groups(), await eyes.topics()) == ([], [])
    await log.close()


async def test_offsets_are_read_when_their_coordinator_has_just_moved(brokers: tuple[KafkaDoors, str]) -> None:
    """An admin client of librdkafka ends the whole program here: "not coordinator" (its issue 5040)."""
    doors, where = brokers
    hands, log = KafkaHands(where), KafkaLog(where)
    await hands.make({"payment.captured": 1}, 3)
    await log.publish(words(3))
    reader = await log.subscribe("payment-consumer", ["payment.captured"], "reader")
    got: list[Any] = []

    async def some() -> bool:
        got.extend(await reader.fetch(10))
        return len(got) >= 3

    await until(some)
    await reader.commit(got)
    await reader.close()
    eyes = KafkaAdmin(where, deadline=2.0)
    for seat in (2, 3, 1):
        assert [one.offset for one in await eyes.committed("payment-consumer")] == [3]
        doors._cluster._seats["payment-consumer"] = seat  # __consumer_offsets has another leader
        assert (await hands.committed("payment-consumer")) == {("payment.captured", 0): 3}
    await eyes.close()
    await log.close()


async def test_a_member_is_not_waited_for_where_no_broker_answers(
    brokers: tuple[KafkaDoors, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_log, "LEAVING_SECONDS", 0.3)
    doors, where = brokers
    log = KafkaLog(where)
    await KafkaHands(where).make({"payment.captured": 1}, 3)
    await log.publish(words(1))
    reader = await log.subscribe("payment-consumer", ["payment.captured"], "reader")

    async def some() -> bool:
        return bool(await reader.fetch(10))

    await until(some)
    doors.pause([1, 2, 3])
    began = time.monotonic()
    await reader.close()
    assert 0.2 < time.monotonic() - began < 2.0
    doors.resume([1, 2, 3])
    await log.close()


async def test_replicas_topics_and_brokers_that_are_missing_are_told_in_kafkas_words(
    brokers: tuple[KafkaDoors, str],
) -> None:
    doors, where = brokers
    hands, log = KafkaHands(where), KafkaLog(where, delivery_timeout=1.5)
    await hands.make({"payment.captured": 3, "payment.refunded": 1}, 3)
    await log.publish(words(3))
    doors.down([1, 3])

    async def refused() -> bool:
        return {one.error for one in await log.publish(words(3))} == {"NOT_ENOUGH_REPLICAS"}

    await until(refused)
    assert len(await hands.under(2)) == 4
    assert await hands.brokers() == (2,)
    doors.down([2])
    assert {one.error for one in await log.publish(words(1))} == {"_MSG_TIMED_OUT"}
    doors.up([1, 2, 3])

    async def taken() -> bool:
        return {one.error for one in await log.publish(words(1))} == {None}

    await until(taken)
    await hands.delete("payment.captured")
    assert {one.error for one in await log.publish(words(3))} <= {
        "UNKNOWN_TOPIC_OR_PART",
        "_UNKNOWN_TOPIC",
        "_UNKNOWN_PARTITION",
    }
    await log.close()


async def test_members_share_partitions_and_their_group_is_not_cleared(brokers: tuple[KafkaDoors, str]) -> None:
    _, where = brokers
    hands, log = KafkaHands(where), KafkaLog(where)
    await hands.make({"payment.captured": 2}, 3)
    readers = [await log.subscribe("payment-consumer", ["payment.captured"], f"reader-{at}") for at in (1, 2)]
    eyes = KafkaAdmin(where, deadline=5.0)

    async def shared() -> bool:
        for one in readers:
            await one.fetch(10)
        groups = await eyes.groups()
        return bool(groups) and [len(one.partitions) for one in groups[0].members] == [1, 1]

    await until(shared)
    with pytest.raises(LogError, match="NON_EMPTY_GROUP"):
        # Within its patience nobody leaves: what is not empty is not cleared.
        await _impatient(hands)
    for one in readers:
        await one.close()
    await log.close()


async def _impatient(hands: KafkaHands) -> None:
    admin = hands._admin

    def work() -> None:
        admin.delete_consumer_groups(["payment-consumer"])["payment-consumer"].result(5)

    await hands._run(work)


@pytest.mark.parametrize("frame", [struct.pack(">hhih", 99, 0, 1, -1), struct.pack(">hhih", 3, 9, 1, -1), b"\x00" * 10])
def test_what_is_not_understood_ends_the_connection_and_nothing_else(
    frame: bytes, brokers: tuple[KafkaDoors, str]
) -> None:
    port = int(brokers[1].split(",", maxsplit=1)[0].rsplit(":", 1)[1])
    for sent in (struct.pack(">i", len(frame)) + frame, struct.pack(">i", 3) + b"abc"):
        with socket.create_connection(("127.0.0.1", port), 5) as line:
            line.settimeout(5)
            line.sendall(sent)
            assert line.recv(64) == b""
    assert kafka_answers(port)


def batch(producer: int, sequence: int, count: int, newest: int = 1000) -> bytes:
    tail = struct.pack(">ihihiqqqhii", 0, 0, 0, 0, count - 1, newest, newest, producer, 0, sequence, count)
    head = struct.pack(">qiib", 0, 0, 0, 2) + struct.pack(">ihi", 0, 0, count - 1)
    whole = head + struct.pack(">qqqhii", newest, newest, producer, 0, sequence, count) + b"records"
    assert tail
    return whole[:8] + struct.pack(">i", len(whole) - 12) + whole[12:]


def test_a_batch_that_comes_twice_is_kept_once_and_read_whole() -> None:
    place = Partition((1, 2, 3))
    assert place.append(batch(7, 0, 3) + batch(7, 3, 2, newest=2000)) == 0
    assert place.append(batch(7, 3, 2, newest=2000)) == 3
    assert place.append(batch(-1, 0, 1, newest=3000)) == 5
    assert place.append(batch(-1, 0, 1, newest=3000)) == 6
    assert place.end == 7
    read = place.read(4, 1)
    assert struct.unpack_from(">q", read) == (3,)
    assert len(place.read(0, 10_000)) == 4 * len(read)
    assert place.at_time(1500) == (2000, 3)
    assert place.at_time(9999) == (-1, -1)
    with pytest.raises(Bad):
        place.append(b"\x00" * 61)


def test_a_lone_broker_needs_one_replica_and_a_fallen_leader_is_followed() -> None:
    assert Topics(1).least == 1
    topics = Topics(3)
    topics.create("t", 2, -1, {"retention.ms": 5})
    first, second = topics.topics["t"].partitions
    assert (topics.leader(first), topics.leader(second)) == (1, 2)
    topics.there.discard(1)
    assert (topics.leader(first), topics.in_sync(first)) == (2, [2, 3])
    topics.there.clear()
    assert topics.leader(first) == -1
    assert topics.place("t", 9) is None
    assert topics.topics["t"].configs["retention.ms"] == "5"


def test_shapes_are_read_as_they_are_written() -> None:
    form = shape("name:s none:s flag:b many[:i4] rows[at:i8 data:y] gone[:s]")
    value = {
        "name": "가나", "none": None, "flag": True, "many": [1, -2], "rows": [{"at": 5, "data": b"x"}], "gone": None,
    }  # fmt: skip
    frame = written(form, value)
    assert Reader(frame).record(form) == value
    with pytest.raises(struct.error):
        Reader(frame[:-5]).record(form)
    with pytest.raises(struct.error):
        Reader(struct.pack(">h", 9) + b"ab").value("s")


ONE = {"group": "g", "session": 200, "rebalance": 60_000, "kind": "consumer"}


def wish(member: str = "", protocol: str = "range") -> dict[str, Any]:
    return {**ONE, "member": member, "protocols": [{"name": protocol, "said": b"topics"}]}


async def test_a_member_that_falls_silent_makes_room() -> None:
    groups = Groups()
    first = await groups.join(wish(), "a", "/h", 0)
    beat = {"group": "g", "generation": first["generation"], "member": first["member"]}
    assert (await groups.sync({**beat, "shares": [{"member": first["member"], "share": b"all"}]}))["share"] == b"all"
    assert groups.heartbeat(beat) == said.GOOD
    assert groups.heartbeat({**beat, "generation": 9}) == said.ILLEGAL_GENERATION
    assert groups.heartbeat({**beat, "member": "who"}) == said.UNKNOWN_MEMBER
    assert (await groups.join(wish(protocol="other"), "b", "/h", 0))["error"] == said.INCONSISTENT_PROTOCOL
    assert (await groups.join(wish("who"), "b", "/h", 0))["error"] == said.UNKNOWN_MEMBER
    assert (await groups.join(wish(), "b", "/h", said.NOT_COORDINATOR))["error"] == said.NOT_COORDINATOR
    # The first says no more: the second waits for it as long as its session lasts.
    second = await asyncio.wait_for(groups.join(wish(), "b", "/h", 0), 5)
    assert second["leader"] == second["member"] != first["member"]
    assert second["generation"] == 2
    assert groups.heartbeat(beat) == said.UNKNOWN_MEMBER
    assert groups.leave(beat) == said.UNKNOWN_MEMBER
    mine = {"group": "g", "generation": 2, "member": second["member"]}
    commit = {**mine, "topics": [{"name": "t", "parts": [{"index": 0, "offset": 4}]}]}
    assert groups.commit({**commit, "generation": 1}) == said.ILLEGAL_GENERATION
    assert groups.commit(commit) == said.GOOD
    assert groups.delete("g") == said.GROUP_NOT_EMPTY
    assert groups.leave(mine) == said.GOOD
    assert groups.groups["g"].offsets == {("t", 0): 4}
    groups.forget("t")
    assert groups.groups["g"].offsets == {}
    assert (groups.delete("g"), groups.delete("g")) == (said.GOOD, said.GROUP_NOT_FOUND)


async def test_a_group_stays_where_it_is_and_its_book_needs_replicas() -> None:
    cluster = Cluster(3)
    doors = {1: 11, 2: 12, 3: 13}
    asked: dict[str, Any] = {"key": "payment-consumer", "kind": 0}
    seat = (await cluster.answer("find_coordinator", asked, Asker(1, doors, "c", "h")))["node"]
    cluster.kept.there.discard(seat)
    moved = (await cluster.answer("find_coordinator", asked, Asker(2, doors, "c", "h")))["node"]
    cluster.kept.there.add(seat)
    again = (await cluster.answer("find_coordinator", asked, Asker(2, doors, "c", "h")))["node"]
    assert (seat, moved != seat, again) == (1, True, moved)
    cluster.kept.there = {moved}
    commit = {
        "group": "payment-consumer",
        "generation": -1,
        "member": "",
        "topics": [{"name": "t", "parts": [{"index": 0, "offset": 1}]}],
    }
    refused = await cluster.answer("offset_commit", commit, Asker(moved, doors, "c", "h"))
    assert refused["topics"][0]["parts"][0]["error"] == said.COORDINATOR_NOT_AVAILABLE
    elsewhere = Asker(seat, doors, "c", "h")
    others: list[tuple[str, dict[str, Any]]] = [
        ("offset_fetch", {"group": "payment-consumer", "topics": None}),
        ("heartbeat", {"group": "payment-consumer", "generation": 1, "member": "m"}),
        ("leave_group", {"group": "payment-consumer", "member": "m"}),
        ("sync_group", {"group": "payment-consumer", "generation": 1, "member": "m", "shares": []}),
    ]
    for name, question in others:
        assert (await cluster.answer(name, question, elsewhere))["error"] == said.NOT_COORDINATOR
    assert (await cluster.answer("describe_groups", {"groups": ["nobody"]}, Asker(moved, doors, "c", "h")))["groups"][
        0
    ]["state"] == "Dead"


def test_local_parts_are_programs_and_simulated_brokers() -> None:
    done: list[tuple[str, Any]] = []
    ports = dict(zip(("kafka", "kafka-client", "kafka-line"), free_ports(3), strict=True))

    def note(name: str) -> Callable[..., Any]:
        def noted(*arguments: Any, **_: Any) -> None:
            done.append((name, *arguments))

        return noted

    stack: Any = SimpleNamespace(brokers=1, ports=ports, reading_url="u", addresses=lambda: {"A": "b"})
    for name in ("up", "down", "pause", "resume"):
        setattr(stack, name, note(name))
    with LocalParts(stack) as parts:
        assert not kafka_answers(ports["kafka"])
        parts.up(["mariadb", "kafka"])
        assert kafka_answers(ports["kafka"])
        assert kafka_answers(ports["kafka-client"])
        parts.pause(["kafka", "redis"])
        assert not kafka_answers(ports["kafka"])
        parts.resume(["kafka", "redis"])
        parts.down(["kafka"], hard=True)
        assert not kafka_answers(ports["kafka"])
        parts.up()
        assert (parts.brokers, parts.reading_url, parts.addresses()) == (1, "u", {"A": "b"})
    programs = ("mariadb", "redis")
    assert done == [
        ("up", programs), ("up", ["mariadb"]), ("pause", ["redis"]), ("resume", ["redis"]), ("up", list(programs)),
        ("down", programs),
    ]  # fmt: skip

    def broken(*_: Any) -> None:
        raise OSError("no disk")

    stack.up = broken
    with pytest.raises(OSError, match="no disk"), LocalParts(stack):
        pass
    assert done[-1] == ("down", programs)
