"""Which questions the brokers understand, in one version each, and the errors they answer with.

Source: https://kafka.apache.org/protocol (read 2026-08), "The Messages" and "Error Codes".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dari.services.stack.kafka_simulator.wording import Shape, shape

GOOD: Final = 0
OFFSET_OUT_OF_RANGE: Final = 1
UNKNOWN_TOPIC: Final = 3
LEADER_NOT_AVAILABLE: Final = 5
NOT_LEADER: Final = 6
COORDINATOR_NOT_AVAILABLE: Final = 15
NOT_COORDINATOR: Final = 16
NOT_ENOUGH_REPLICAS: Final = 19
ILLEGAL_GENERATION: Final = 22
INCONSISTENT_PROTOCOL: Final = 23
UNKNOWN_MEMBER: Final = 25
REBALANCING: Final = 27
UNSUPPORTED_VERSION: Final = 35
TOPIC_EXISTS: Final = 36
GROUP_NOT_EMPTY: Final = 68
GROUP_NOT_FOUND: Final = 69

API_VERSIONS: Final = 18


@dataclass(frozen=True, slots=True)
class Question:
    """One question: its key, its name, the one version spoken, what is asked and what is answered."""

    key: int
    name: str
    version: int
    asked: Shape
    answered: Shape


def _ask(key: int, name: str, version: int, asked: str, answered: str) -> Question:
    return Question(key, name, version, shape(asked), shape(answered))


QUESTIONS: Final[dict[int, Question]] = {
    one.key: one
    for one in (
        _ask(
            0,
            "produce",
            7,
            "transaction:s acks:i2 timeout:i4 topics[name:s parts[index:i4 records:y]]",
            "topics[name:s parts[index:i4 error:i2 offset:i8 at:i8 begin:i8]] wait:i4",
        ),
        _ask(
            1,
            "fetch",
            4,
            "replica:i4 wait:i4 least:i4 most:i4 isolation:i1 topics[name:s parts[index:i4 offset:i8 most:i4]]",
            "wait:i4 topics[name:s parts[index:i4 error:i2 end:i8 stable:i8 aborted[producer:i8 first:i8] records:y]]",
        ),
        _ask(
            2,
            "list_offsets",
            2,
            "replica:i4 isolation:i1 topics[name:s parts[index:i4 at:i8]]",
            "wait:i4 topics[name:s parts[index:i4 error:i2 at:i8 offset:i8]]",
        ),
        _ask(
            3,
            "metadata",
            4,
            "topics[:s] create:b",
            "wait:i4 brokers[node:i4 host:s port:i4 rack:s] cluster:s controller:i4"
            " topics[error:i2 name:s internal:b parts[error:i2 index:i4 leader:i4 replicas[:i4] isr[:i4]]]",
        ),
        _ask(
            8,
            "offset_commit",
            3,
            "group:s generation:i4 member:s keep:i8 topics[name:s parts[index:i4 offset:i8 note:s]]",
            "wait:i4 topics[name:s parts[index:i4 error:i2]]",
        ),
        _ask(
            9,
            "offset_fetch",
            3,
            "group:s topics[name:s parts[:i4]]",
            "wait:i4 topics[name:s parts[index:i4 offset:i8 note:s error:i2]] error:i2",
        ),
        _ask(10, "find_coordinator", 1, "key:s kind:i1", "wait:i4 error:i2 why:s node:i4 host:s port:i4"),
        _ask(
            11,
            "join_group",
            2,
            "group:s session:i4 rebalance:i4 member:s kind:s protocols[name:s said:y]",
            "wait:i4 error:i2 generation:i4 protocol:s leader:s member:s members[member:s said:y]",
        ),
        _ask(12, "heartbeat", 1, "group:s generation:i4 member:s", "wait:i4 error:i2"),
        _ask(13, "leave_group", 1, "group:s member:s", "wait:i4 error:i2"),
        _ask(
            14,
            "sync_group",
            1,
            "group:s generation:i4 member:s shares[member:s share:y]",
            "wait:i4 error:i2 share:y",
        ),
        _ask(
            15,
            "describe_groups",
            1,
            "groups[:s]",
            "wait:i4 groups[error:i2 group:s state:s kind:s protocol:s"
            " members[member:s client:s host:s said:y share:y]]",
        ),
        _ask(16, "list_groups", 1, "", "wait:i4 error:i2 groups[group:s kind:s]"),
        _ask(
            19,
            "create_topics",
            2,
            "topics[name:s count:i4 copies:i2 places[index:i4 brokers[:i4]] configs[name:s value:s]]"
            " timeout:i4 only_look:b",
            "wait:i4 topics[name:s error:i2 why:s]",
        ),
        _ask(20, "delete_topics", 1, "topics[:s] timeout:i4", "wait:i4 topics[name:s error:i2]"),
        _ask(22, "init_producer", 1, "transaction:s timeout:i4", "wait:i4 error:i2 producer:i8 epoch:i2"),
        _ask(
            32,
            "describe_configs",
            1,
            "resources[kind:i1 name:s keys[:s]] synonyms:b",
            "wait:i4 resources[error:i2 why:s kind:i1 name:s"
            " configs[name:s value:s fixed:b source:i1 secret:b synonyms[name:s value:s source:i1]]]",
        ),
        _ask(42, "delete_groups", 0, "groups[:s]", "wait:i4 groups[group:s error:i2]"),
    )
}
"""By key. A client that has a newer version of one falls back to ours, which `versions` tells it."""
VERSIONS: Final = shape("error:i2 questions[key:i2 least:i2 most:i2]")


def versions(*, error: int) -> dict[str, object]:
    """What ApiVersions answers: lower versions are named too, as clients look for features by them."""
    rows = [{"key": one.key, "least": 0, "most": one.version} for one in QUESTIONS.values()]
    return {"error": error, "questions": [*rows, {"key": API_VERSIONS, "least": 0, "most": 0}]}
