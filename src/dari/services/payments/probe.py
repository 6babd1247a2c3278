"""What an operator's probes would read from database, Redis and Kafka, for parts that live in this process.

Mounted under `/__probe__`, reads only. A part that is away answers 503 (504 when it hangs) with the client library's
own error class: `{error: {class, message}}`. There is nothing here that the real clients could not read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from dari.core.clock import KST, Clock
from dari.services.payments.adapters.sql import Database
from dari.services.payments.memory_keys import MemoryKeys
from dari.services.payments.memory_log import MemoryGroup, MemoryLog, MemoryTopic
from dari.services.payments.ports import KeyValueError, LogError, Record, StoreError

HANGS: Final = frozenset({"Timeout", "TimeoutError", "_TIMED_OUT"})
ROWS: Final = 100_000


class Statement(BaseModel):
    """One SELECT with `:name` parameters."""

    statement: str
    parameters: dict[str, Any] = {}


class Names(BaseModel):
    """Redis keys."""

    keys: list[str]


def _error(kind: str, message: str) -> Response:
    return JSONResponse({"error": {"class": kind, "message": message}}, 504 if kind in HANGS else 503)


def create_probe(database: Database, keys: MemoryKeys, log: MemoryLog, clock: Clock) -> FastAPI:
    """The ASGI app of one sandbox; `clock` is the machine's, whatever the application's says."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.exception_handler(StoreError)
    @app.exception_handler(KeyValueError)
    async def _away(_: Request, error: StoreError | KeyValueError) -> Response:
        return _error(error.kind, str(error))

    @app.exception_handler(LogError)
    async def _silent(_: Request, error: LogError) -> Response:
        return _error(error.code, str(error))

    _sql(app, database, clock)
    _redis(app, keys, clock)
    _kafka(app, log)
    return app


def _plain(value: Any) -> Any:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else value


def _sql(app: FastAPI, database: Database, clock: Clock) -> None:
    @app.post("/sql")
    async def _select(asked: Statement) -> Response:
        word = asked.statement.lstrip().split(None, 1)[:1]
        if [part.upper() for part in word] not in (["SELECT"], ["WITH"]) or ";" in asked.statement:
            return JSONResponse({"error": {"class": "NotAllowed", "message": "one SELECT, nothing else"}}, 400)
        rows = await database.read_only(asked.statement, asked.parameters, ROWS)
        return JSONResponse({"rows": [{name: _plain(value) for name, value in row.items()} for row in rows]})

    @app.get("/sql/time")
    async def _time() -> dict[str, str]:
        await database.rows("SELECT 1 AS one")
        return {"time": clock.now().isoformat(timespec="milliseconds")}


def _redis(app: FastAPI, keys: MemoryKeys, clock: Clock) -> None:
    @app.get("/redis/info")
    async def _info() -> dict[str, Any]:
        return keys.info()

    @app.get("/redis/time")
    async def _time() -> dict[str, str]:
        keys.keys("", 0)
        return {"time": clock.now().isoformat(timespec="milliseconds")}

    @app.get("/redis/keys")
    async def _keys(pattern: str = "*", limit: int = 1000) -> dict[str, Any]:
        found, complete = keys.keys(pattern, limit)
        return {"keys": found, "complete": complete}

    @app.post("/redis/values")
    async def _values(asked: Names) -> dict[str, Any]:
        held = {key: keys.peek(key) for key in asked.keys}
        return {"values": {key: {"value": value, "ttl": ttl} for key, (value, ttl) in held.items()}}

    @app.get("/redis/slowlog")
    async def _slowlog(limit: int = 10) -> dict[str, Any]:
        keys.keys("", 0)
        return {"entries": [][:limit]}


def _topic(log: MemoryLog, topic: MemoryTopic) -> dict[str, Any]:
    partitions = []
    for number, partition in enumerate(topic.partitions):
        leader = log.leader(partition)
        ends = (None, None) if leader is None else (0, len(partition.records))
        said = {"partition": number, "leader": leader, "replicas": list(partition.replicas)}
        partitions.append({**said, "isr": list(log.in_sync(partition)), "begin": ends[0], "end": ends[1]})
    return {"name": topic.name, "configs": topic.configs, "partitions": partitions}


def _group(log: MemoryLog, name: str, group: MemoryGroup) -> dict[str, Any]:
    members = []
    for member in sorted(group.members):
        places = [{"topic": topic, "partition": number} for topic, number in log.assigned(name, member)]
        client = member.rsplit("-", 1)[0]
        members.append({"id": member, "client": client, "host": "/127.0.0.1", "partitions": places})
    return {"group": name, "state": "STABLE" if members else "EMPTY", "simple": False, "members": members}


def _message(record: Record) -> dict[str, Any]:
    at = datetime.fromtimestamp(record.timestamp / 1000, KST)
    return {
        "partition": record.partition,
        "offset": record.offset,
        "timestamp": at.isoformat(timespec="milliseconds"),
        "key": record.key,
        "value": record.value,
        "headers": dict(record.headers),
    }


def _kafka(app: FastAPI, log: MemoryLog) -> None:
    @app.get("/kafka/cluster")
    async def _cluster() -> dict[str, Any]:
        live = log.alive()
        brokers = [{"id": broker, "address": f"kafka-{broker}:9092"} for broker in live]
        return {"cluster_id": "sandbox", "controller": live[0], "brokers": brokers}

    @app.get("/kafka/topics")
    async def _topics() -> dict[str, Any]:
        log.alive()
        return {"topics": [_topic(log, topic) for topic in log.topics.values()]}

    @app.get("/kafka/groups")
    async def _groups() -> dict[str, Any]:
        log.alive()
        return {"groups": [_group(log, name, group) for name, group in log.groups.items()]}

    @app.get("/kafka/committed")
    async def _committed(group: str) -> dict[str, Any]:
        log.alive()
        held = log.groups.get(group, MemoryGroup())
        wanted = {topic for topics in held.members.values() for topic in topics}
        topics = (wanted | {topic for topic, _ in held.committed}) & set(log.topics)
        places = [(topic, number) for topic in sorted(topics) for number in range(len(log.topics[topic].partitions))]
        return {"offsets": [{"topic": t, "partition": n, "offset": held.committed.get((t, n))} for t, n in places]}

    @app.get("/kafka/messages")
    async def _messages(topic: str, partition: int, offset: int = 0, limit: int = 100) -> dict[str, Any]:
        log.alive()
        found = log.topics.get(topic)
        if found is None or not 0 <= partition < len(found.partitions):
            raise LogError("UNKNOWN_TOPIC_OR_PART", f"{topic}-{partition}")
        start = max(0, offset)
        return {"messages": [_message(record) for record in found.partitions[partition].records[start : start + limit]]}
