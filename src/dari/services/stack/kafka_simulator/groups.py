"""Consumer groups: who is a member, what each reads, what was committed (the classic protocol of joining and syncing).

Source: https://kafka.apache.org/protocol and KIP-62 (session and rebalance timeouts).
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from dari.services.stack.kafka_simulator import questions as said

MARGIN: Final = 0.05


@dataclass(slots=True)
class Member:
    """One member: what it can, what it was given, when it was last heard, and its unanswered wish to join."""

    name: str
    client: str
    host: str
    session: float
    rebalance: float
    protocols: Mapping[str, bytes]
    heard: float
    share: bytes = b""
    joining: asyncio.Future[dict[str, Any]] | None = None


@dataclass(slots=True)
class Group:
    """One group: Empty, PreparingRebalance (members join), CompletingRebalance (shares are awaited) or Stable."""

    name: str
    kind: str = "consumer"
    generation: int = 0
    protocol: str = ""
    leader: str = ""
    state: str = "Empty"
    members: dict[str, Member] = field(default_factory=dict)
    offsets: dict[tuple[str, int], int] = field(default_factory=dict)
    shared: asyncio.Event = field(default_factory=asyncio.Event)
    ending: asyncio.TimerHandle | None = None


class Groups:
    """Every group, on the running event loop."""

    def __init__(self) -> None:
        self.groups: dict[str, Group] = {}
        self._numbers = itertools.count(1)

    def seen(self, name: str) -> Group | None:
        """A group without the members that were not heard for longer than they promised."""
        group = self.groups.get(name)
        if group is None:
            return None
        now = asyncio.get_running_loop().time()
        late = [one for one in group.members.values() if one.joining is None and now - one.heard > one.session]
        for one in late:
            self._gone(group, one.name)
        return group

    def silence(self, seconds: float) -> None:
        """The brokers were away so long: nobody could be heard, and nobody is late for that."""
        for group in self.groups.values():
            for one in group.members.values():
                one.heard += seconds

    # -- joining ---------------------------------------------------------------------------------------------------

    async def join(self, asked: Mapping[str, Any], client: str, host: str, error: int) -> dict[str, Any]:
        """Wait until every member has joined, then say who leads; the leader hears of everybody. `error`: no answer."""
        if error:
            return _joined(error=error, member=asked["member"])
        group = self.seen(asked["group"]) or self.groups.setdefault(
            asked["group"], Group(asked["group"], asked["kind"])
        )
        if asked["member"] and asked["member"] not in group.members:
            return _joined(error=said.UNKNOWN_MEMBER, member=asked["member"])
        loop = asyncio.get_running_loop()
        name = asked["member"] or f"{client}-{next(self._numbers)}"
        protocols = {one["name"]: one["said"] or b"" for one in asked["protocols"]}
        if any(protocols.keys().isdisjoint(one.protocols) for key, one in group.members.items() if key != name):
            return _joined(error=said.INCONSISTENT_PROTOCOL, member=name)
        session, rebalance = asked["session"] / 1000, asked["rebalance"] / 1000
        member = Member(name, client, host, session, rebalance, protocols, loop.time())
        answer: asyncio.Future[dict[str, Any]] = loop.create_future()
        member.joining = answer
        group.members[name] = member
        if group.state != "PreparingRebalance":
            group.state = "PreparingRebalance"
            group.shared.set()
            group.shared = asyncio.Event()
            longest = max(one.rebalance for one in group.members.values())
            group.ending = loop.call_later(longest, self._complete, group)
        if all(one.joining is not None for one in group.members.values()):
            self._complete(group)
        else:
            late = max(one.session for one in group.members.values() if one.joining is None)
            loop.call_later(late + MARGIN, self.seen, group.name)
        return await answer

    def _complete(self, group: Group) -> None:
        if group.ending is not None:
            group.ending.cancel()
        if group.state != "PreparingRebalance":
            return
        group.members = {name: one for name, one in group.members.items() if one.joining is not None}
        if not group.members:
            group.state = "Empty"
            return
        first = next(iter(group.members.values()))
        common = set.intersection(*(set(one.protocols) for one in group.members.values()))
        group.protocol = next(name for name in first.protocols if name in common)
        group.generation += 1
        group.leader = group.leader if group.leader in group.members else first.name
        group.state = "CompletingRebalance"
        everybody = [{"member": one.name, "said": one.protocols[group.protocol]} for one in group.members.values()]
        for one in group.members.values():
            waiting, one.joining, one.share = one.joining, None, b""
            one.heard = asyncio.get_running_loop().time()
            if waiting is not None and not waiting.done():
                waiting.set_result(
                    _joined(
                        generation=group.generation,
                        protocol=group.protocol,
                        leader=group.leader,
                        member=one.name,
                        members=everybody if one.name == group.leader else [],
                    )
                )

    async def sync(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """The leader hands out shares; the others wait for theirs."""
        group, error = self._member(asked)
        if group is None or error not in {said.GOOD, said.REBALANCING}:
            return {"wait": 0, "error": error, "share": b""}
        if group.state == "CompletingRebalance" and asked["member"] == group.leader:
            for one in asked["shares"]:
                if one["member"] in group.members:
                    group.members[one["member"]].share = one["share"] or b""
            group.state = "Stable"
            group.shared.set()
        elif group.state == "CompletingRebalance":
            await group.shared.wait()
        if group.state != "Stable" or asked["generation"] != group.generation:
            return {"wait": 0, "error": said.REBALANCING, "share": b""}
        return {"wait": 0, "error": said.GOOD, "share": group.members[asked["member"]].share}

    def _member(self, asked: Mapping[str, Any]) -> tuple[Group | None, int]:
        group = self.seen(asked["group"])
        if group is None or asked["member"] not in group.members:
            return group, said.UNKNOWN_MEMBER
        group.members[asked["member"]].heard = asyncio.get_running_loop().time()
        if asked["generation"] != group.generation:
            return group, said.ILLEGAL_GENERATION
        return group, said.REBALANCING if group.state == "PreparingRebalance" else said.GOOD

    def heartbeat(self, asked: Mapping[str, Any]) -> int:
        """A member lives; it hears whether it has to join again."""
        return self._member(asked)[1]

    def leave(self, asked: Mapping[str, Any]) -> int:
        """A member goes; the others join anew."""
        group = self.seen(asked["group"])
        if group is None or asked["member"] not in group.members:
            return said.UNKNOWN_MEMBER
        self._gone(group, asked["member"])
        return said.GOOD

    def _gone(self, group: Group, name: str) -> None:
        del group.members[name]
        if not group.members:
            group.state = "Empty"
        elif group.state == "PreparingRebalance":
            if all(one.joining is not None for one in group.members.values()):
                self._complete(group)
        else:
            group.state = "PreparingRebalance"
            group.shared.set()
            group.shared = asyncio.Event()
            longest = max(one.rebalance for one in group.members.values())
            group.ending = asyncio.get_running_loop().call_later(longest, self._complete, group)

    # -- offsets ---------------------------------------------------------------------------------------------------

    def commit(self, asked: Mapping[str, Any]) -> int:
        """Keep offsets: of a member of this generation, or of a stranger for a group that is empty."""
        group = self.seen(asked["group"])
        if asked["generation"] >= 0 or (group is not None and group.members):
            group, error = self._member(asked)
            if group is None or error not in {said.GOOD, said.REBALANCING}:
                return error
        group = group or self.groups.setdefault(asked["group"], Group(asked["group"]))
        for topic in asked["topics"]:
            for part in topic["parts"]:
                group.offsets[topic["name"], part["index"]] = part["offset"]
        return said.GOOD

    def forget(self, topic: str) -> None:
        """What was committed of a topic that is gone."""
        for group in self.groups.values():
            group.offsets = {place: at for place, at in group.offsets.items() if place[0] != topic}

    def delete(self, name: str) -> int:
        """Take a group away that has no members."""
        group = self.seen(name)
        if group is None:
            return said.GROUP_NOT_FOUND
        if group.members:
            return said.GROUP_NOT_EMPTY
        del self.groups[name]
        return said.GOOD


def _joined(
    *,
    error: int = said.GOOD,
    generation: int = -1,
    protocol: str = "",
    leader: str = "",
    member: str = "",
    members: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    return {
        "wait": 0,
        "error": error,
        "generation": generation,
        "protocol": protocol,
        "leader": leader,
        "member": member,
        "members": list(members),
    }
