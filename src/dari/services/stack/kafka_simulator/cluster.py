"""The brokers' answers: one cluster in memory, told apart by which broker is asked and through which door."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dari.services.stack.kafka_simulator import questions as said
from dari.services.stack.kafka_simulator.groups import Groups
from dari.services.stack.kafka_simulator.partitions import Topics

LATEST: Final = -1
EARLIEST: Final = -2
TOPIC: Final = 2
"""A topic among the kinds of resources."""
HOST: Final = "127.0.0.1"
Doors = Mapping[int, int]
"""The port of each broker, as the clients of one listener are told it."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: of which broker, by which listener's ports, under which name, from where."""

    broker: int
    doors: Doors
    client: str
    host: str


class Cluster:
    """`answer(name, asked, asker)` gives what a broker says; names and shapes are those of `questions`."""

    def __init__(self, brokers: int, name: str = "simulated") -> None:
        self.kept = Topics(brokers)
        self.groups = Groups()
        self._name = name
        self._producers = itertools.count(1000)
        self._seats: dict[str, int] = {}
        self._grown = asyncio.Event()

    async def answer(self, name: str, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        """The answer to one question."""
        found: dict[str, Any] = await getattr(self, f"_{name}")(asked, asker)
        return found

    # -- records ---------------------------------------------------------------------------------------------------

    async def _produce(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        topics = [
            {
                "name": topic["name"],
                "parts": [self._appended(topic["name"], part, asked["acks"], asker) for part in topic["parts"]],
            }
            for topic in asked["topics"]
        ]
        self._grown.set()
        self._grown = asyncio.Event()
        return {"topics": topics, "wait": 0}

    def _appended(self, topic: str, part: Mapping[str, Any], acks: int, asker: Asker) -> dict[str, Any]:
        error, offset = self._error(topic, part["index"], asker), -1
        place = self.kept.place(topic, part["index"])
        if place is not None and not error:
            if acks == -1 and len(self.kept.in_sync(place)) < self.kept.topics[topic].least:
                error = said.NOT_ENOUGH_REPLICAS
            else:
                offset = place.append(part["records"] or b"")
        return {"index": part["index"], "error": error, "offset": offset, "at": -1, "begin": 0}

    def _error(self, topic: str, index: int, asker: Asker) -> int:
        place = self.kept.place(topic, index)
        if place is None:
            return said.UNKNOWN_TOPIC
        return said.GOOD if self.kept.leader(place) == asker.broker else said.NOT_LEADER

    async def _fetch(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        until = loop.time() + asked["wait"] / 1000
        while True:
            topics = [
                {"name": topic["name"], "parts": [self._read(topic["name"], part, asker) for part in topic["parts"]]}
                for topic in asked["topics"]
            ]
            parts = [part for topic in topics for part in topic["parts"]]
            left = until - loop.time()
            if left <= 0 or any(part["records"] or part["error"] for part in parts):
                return {"wait": 0, "topics": topics}
            try:
                await asyncio.wait_for(self._grown.wait(), left)
            except TimeoutError:
                continue

    def _read(self, topic: str, part: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        error, end, records = self._error(topic, part["index"], asker), -1, b""
        place = self.kept.place(topic, part["index"])
        if place is not None and not error:
            end = place.end
            if 0 <= part["offset"] <= end:
                records = place.read(part["offset"], part["most"])
            else:
                error = said.OFFSET_OUT_OF_RANGE
        return {"index": part["index"], "error": error, "end": end, "stable": end, "aborted": None, "records": records}

    async def _list_offsets(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        def one(topic: str, index: int, at: int) -> dict[str, Any]:
            error, found = self._error(topic, index, asker), (-1, -1)
            place = self.kept.place(topic, index)
            if place is not None and not error:
                found = {LATEST: (-1, place.end), EARLIEST: (-1, 0)}.get(at) or place.at_time(at)
            return {"index": index, "error": error, "at": found[0], "offset": found[1]}

        return {
            "wait": 0,
            "topics": [
                {
                    "name": topic["name"],
                    "parts": [one(topic["name"], part["index"], part["at"]) for part in topic["parts"]],
                }
                for topic in asked["topics"]
            ],
        }

    async def _init_producer(self, _: Mapping[str, Any], __: Asker) -> dict[str, Any]:
        return {"wait": 0, "error": said.GOOD, "producer": next(self._producers), "epoch": 0}

    # -- the cluster and its topics --------------------------------------------------------------------------------

    async def _metadata(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        names = list(self.kept.topics) if asked["topics"] is None else asked["topics"]
        return {
            "wait": 0,
            "brokers": [
                {"node": node, "host": HOST, "port": asker.doors[node], "rack": None}
                for node in sorted(self.kept.there)
            ],
            "cluster": self._name,
            "controller": min(self.kept.there, default=-1),
            "topics": [self._described(name) for name in names],
        }

    def _described(self, name: str) -> dict[str, Any]:
        topic = self.kept.topics.get(name)
        parts = []
        for index, place in enumerate(topic.partitions if topic is not None else ()):
            leader = self.kept.leader(place)
            parts.append(
                {
                    "error": said.GOOD if leader >= 0 else said.LEADER_NOT_AVAILABLE,
                    "index": index,
                    "leader": leader,
                    "replicas": list(place.replicas),
                    "isr": self.kept.in_sync(place),
                }
            )
        error = said.GOOD if topic is not None else said.UNKNOWN_TOPIC
        return {"error": error, "name": name, "internal": False, "parts": parts}

    async def _create_topics(self, asked: Mapping[str, Any], _: Asker) -> dict[str, Any]:
        rows = []
        for one in asked["topics"]:
            known = one["name"] in self.kept.topics
            if not known and not asked["only_look"]:
                configs = {pair["name"]: pair["value"] for pair in one["configs"]}
                self.kept.create(one["name"], max(1, one["count"]), one["copies"], configs)
            rows.append({"name": one["name"], "error": said.TOPIC_EXISTS if known else said.GOOD, "why": None})
        return {"wait": 0, "topics": rows}

    async def _delete_topics(self, asked: Mapping[str, Any], _: Asker) -> dict[str, Any]:
        rows = []
        for name in asked["topics"]:
            gone = self.kept.topics.pop(name, None)
            self.groups.forget(name)
            rows.append({"name": name, "error": said.UNKNOWN_TOPIC if gone is None else said.GOOD})
        return {"wait": 0, "topics": rows}

    async def _describe_configs(self, asked: Mapping[str, Any], _: Asker) -> dict[str, Any]:
        return {"wait": 0, "resources": [self._configs(one) for one in asked["resources"]]}

    def _configs(self, one: Mapping[str, Any]) -> dict[str, Any]:
        topic = self.kept.topics.get(one["name"]) if one["kind"] == TOPIC else None
        rows = [
            {"name": name, "value": value, "fixed": False, "source": 1, "secret": False, "synonyms": []}
            for name, value in (topic.configs.items() if topic is not None else ())
            if one["keys"] is None or name in one["keys"]
        ]
        error = said.UNKNOWN_TOPIC if one["kind"] == TOPIC and topic is None else said.GOOD
        return {"error": error, "why": None, "kind": one["kind"], "name": one["name"], "configs": rows}

    # -- groups ----------------------------------------------------------------------------------------------------

    def _coordinator(self, group: str) -> int:
        """The broker that keeps a group; it moves when that one is gone, and does not move back."""
        if self._seats.get(group) not in self.kept.there:
            there = sorted(self.kept.there)
            self._seats[group] = there[_hash(group) % len(there)]
        return self._seats[group]

    def _coordinates(self, group: str, asker: Asker) -> int:
        """An error where this broker is not the one to ask, or where its book of offsets takes no writes."""
        if self._coordinator(group) != asker.broker:
            return said.NOT_COORDINATOR
        return said.GOOD if len(self.kept.there) >= self.kept.least else said.COORDINATOR_NOT_AVAILABLE

    async def _find_coordinator(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        node = self._coordinator(asked["key"])
        return {"wait": 0, "error": said.GOOD, "why": None, "node": node, "host": HOST, "port": asker.doors[node]}

    async def _join_group(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        return await self.groups.join(asked, asker.client, f"/{asker.host}", self._coordinates(asked["group"], asker))

    async def _sync_group(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        if error := self._coordinates(asked["group"], asker):
            return {"wait": 0, "error": error, "share": b""}
        return await self.groups.sync(asked)

    async def _heartbeat(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        wrong = self._coordinator(asked["group"]) != asker.broker
        return {"wait": 0, "error": said.NOT_COORDINATOR if wrong else self.groups.heartbeat(asked)}

    async def _leave_group(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        wrong = self._coordinator(asked["group"]) != asker.broker
        return {"wait": 0, "error": said.NOT_COORDINATOR if wrong else self.groups.leave(asked)}

    async def _offset_commit(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        error = self._coordinates(asked["group"], asker) or self.groups.commit(asked)
        return {
            "wait": 0,
            "topics": [
                {"name": one["name"], "parts": [{"index": part["index"], "error": error} for part in one["parts"]]}
                for one in asked["topics"]
            ],
        }

    async def _offset_fetch(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        group = self.groups.seen(asked["group"])
        offsets = group.offsets if group is not None else {}
        wanted = asked["topics"]
        if wanted is None:
            names = sorted({name for name, _ in offsets})
            wanted = [{"name": name, "parts": sorted(p for n, p in offsets if n == name)} for name in names]
        wrong = self._coordinator(asked["group"]) != asker.broker

        def row(name: str, index: int) -> dict[str, Any]:
            return {"index": index, "offset": offsets.get((name, index), -1), "note": "", "error": said.GOOD}

        return {
            "wait": 0,
            "topics": [
                {"name": one["name"], "parts": [row(one["name"], index) for index in one["parts"]]} for one in wanted
            ],
            "error": said.NOT_COORDINATOR if wrong else said.GOOD,
        }

    async def _list_groups(self, _: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        mine = [one for name, one in self.groups.groups.items() if self._coordinator(name) == asker.broker]
        return {"wait": 0, "error": said.GOOD, "groups": [{"group": one.name, "kind": one.kind} for one in mine]}

    async def _describe_groups(self, asked: Mapping[str, Any], asker: Asker) -> dict[str, Any]:
        return {"wait": 0, "groups": [self._told(name, asker) for name in asked["groups"]]}

    def _told(self, name: str, asker: Asker) -> dict[str, Any]:
        group = self.groups.seen(name)
        error = said.NOT_COORDINATOR if self._coordinator(name) != asker.broker else said.GOOD
        if group is None:
            return {"error": error, "group": name, "state": "Dead", "kind": "", "protocol": "", "members": []}
        return {
            "error": error,
            "group": name,
            "state": group.state,
            "kind": group.kind,
            "protocol": group.protocol,
            "members": [
                {
                    "member": one.name,
                    "client": one.client,
                    "host": one.host,
                    "said": one.protocols.get(group.protocol, b""),
                    "share": one.share,
                }
                for one in group.members.values()
            ],
        }

    async def _delete_groups(self, asked: Mapping[str, Any], _: Asker) -> dict[str, Any]:
        return {"wait": 0, "groups": [{"group": name, "error": self.groups.delete(name)} for name in asked["groups"]]}


def _hash(text: str) -> int:
    """The hash by which Kafka seats a group: Java's of a string, without its sign."""
    found = 0
    for letter in text:
        found = (31 * found + ord(letter)) & 0xFFFFFFFF
    return min(found, 0x100000000 - found)
