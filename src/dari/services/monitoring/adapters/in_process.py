"""A platform that lives in this process (or answers the same pages over HTTP), asked through `/__probe__`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx2

from dari.services.monitoring.ports import (
    Cluster,
    Committed,
    Group,
    Held,
    Member,
    Message,
    Page,
    Partition,
    Ports,
    ProbeFailed,
    Row,
    Topic,
)


class ProbePages:
    """GET and POST of one base address; whatever fails becomes ProbeFailed."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def ask(self, component: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None) -> Any:
        """The JSON of one reply. Raises ProbeFailed with the class the page names, or the client's own."""
        try:
            if body is None:
                reply = await self._client.get(path, params=dict(query or {}))
            else:
                reply = await self._client.post(path, json=body)
            said = reply.json()
        except httpx2.TimeoutException as error:
            raise ProbeFailed(component, "Timeout", str(error)) from error
        except (httpx2.HTTPError, ValueError) as error:
            raise ProbeFailed(component, type(error).__name__, str(error)) from error
        if reply.status_code != httpx2.codes.OK:
            told = said.get("error", {}) if isinstance(said, dict) else {}
            raise ProbeFailed(
                component, str(told.get("class", f"HTTP {reply.status_code}")), str(told.get("message", ""))
            )
        return said

    async def get(self, path: str) -> Page:
        """One page of the platform itself, whatever its status."""
        try:
            reply = await self._client.get(path)
        except httpx2.TimeoutException as error:
            raise ProbeFailed("app", "Timeout", str(error)) from error
        except httpx2.HTTPError as error:
            raise ProbeFailed("app", type(error).__name__, str(error)) from error
        return Page(reply.status_code, dict(reply.headers), reply.text)


class ProbeDatabase:
    """`/__probe__/sql`."""

    def __init__(self, pages: ProbePages) -> None:
        self._pages = pages

    async def select(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Rows of one SELECT. Raises ProbeFailed."""
        body = {"statement": statement, "parameters": dict(parameters or {})}
        return list((await self._pages.ask("database", "/__probe__/sql", body=body))["rows"])

    async def now(self) -> datetime:
        """The database's clock. Raises ProbeFailed."""
        return datetime.fromisoformat((await self._pages.ask("database", "/__probe__/sql/time"))["time"])


class ProbeKeys:
    """`/__probe__/redis/…`."""

    def __init__(self, pages: ProbePages) -> None:
        self._pages = pages

    async def info(self) -> Mapping[str, Any]:
        """INFO. Raises ProbeFailed."""
        return dict(await self._pages.ask("redis", "/__probe__/redis/info"))

    async def now(self) -> datetime:
        """TIME. Raises ProbeFailed."""
        return datetime.fromisoformat((await self._pages.ask("redis", "/__probe__/redis/time"))["time"])

    async def keys(self, pattern: str, limit: int) -> tuple[list[str], bool]:
        """Names by pattern. Raises ProbeFailed."""
        said = await self._pages.ask("redis", "/__probe__/redis/keys", query={"pattern": pattern, "limit": limit})
        return list(said["keys"]), bool(said["complete"])

    async def values(self, keys: Sequence[str]) -> Mapping[str, Held]:
        """Values and TTLs. Raises ProbeFailed."""
        if not keys:
            return {}
        said = await self._pages.ask("redis", "/__probe__/redis/values", body={"keys": list(keys)})
        return {key: Held(one["value"], int(one["ttl"])) for key, one in said["values"].items()}

    async def slowlog(self, limit: int) -> list[Row]:
        """Slow commands. Raises ProbeFailed."""
        return list((await self._pages.ask("redis", "/__probe__/redis/slowlog", query={"limit": limit}))["entries"])


class ProbeBroker:
    """`/__probe__/kafka/…`."""

    def __init__(self, pages: ProbePages) -> None:
        self._pages = pages

    async def cluster(self) -> Cluster:
        """The brokers that answer. Raises ProbeFailed."""
        said = await self._pages.ask("kafka", "/__probe__/kafka/cluster")
        return Cluster(said.get("cluster_id"), said.get("controller"), tuple(int(one["id"]) for one in said["brokers"]))

    async def topics(self) -> list[Topic]:
        """Topics with partitions. Raises ProbeFailed."""
        said = await self._pages.ask("kafka", "/__probe__/kafka/topics")
        return [
            Topic(
                one["name"],
                tuple(
                    Partition(
                        int(part["partition"]),
                        part["leader"],
                        tuple(part["replicas"]),
                        tuple(part["isr"]),
                        part["begin"],
                        part["end"],
                    )
                    for part in one["partitions"]
                ),
                dict(one.get("configs", {})),
            )
            for one in said["topics"]
        ]

    async def groups(self) -> list[Group]:
        """Groups with members. Raises ProbeFailed."""
        said = await self._pages.ask("kafka", "/__probe__/kafka/groups")
        return [
            Group(
                one["group"],
                one["state"],
                bool(one.get("simple")),
                tuple(
                    Member(
                        member["id"],
                        member.get("client", ""),
                        member.get("host", ""),
                        tuple((place["topic"], int(place["partition"])) for place in member.get("partitions", [])),
                    )
                    for member in one.get("members", [])
                ),
            )
            for one in said["groups"]
        ]

    async def committed(self, group: str) -> list[Committed]:
        """Committed offsets. Raises ProbeFailed."""
        said = await self._pages.ask("kafka", "/__probe__/kafka/committed", query={"group": group})
        return [Committed(one["topic"], int(one["partition"]), one["offset"]) for one in said["offsets"]]

    async def messages(self, topic: str, partition: int, offset: int, limit: int) -> list[Message]:
        """Records. Raises ProbeFailed."""
        query = {"topic": topic, "partition": partition, "offset": offset, "limit": limit}
        said = await self._pages.ask("kafka", "/__probe__/kafka/messages", query=query)
        return [
            Message(
                int(one["partition"]),
                int(one["offset"]),
                datetime.fromisoformat(one["timestamp"]) if one.get("timestamp") else None,
                one.get("key"),
                one["value"],
                dict(one.get("headers", {})),
            )
            for one in said["messages"]
        ]


def ports_of(app: Any, base: str = "http://platform", deadline: float = 60.0) -> Ports:
    """Ports to an ASGI app of the platform in this process."""
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=base, timeout=deadline)
    return replace(ports_over(client), patience=30.0)


def ports_over(client: httpx2.AsyncClient) -> Ports:
    """Ports to a platform that serves `/__probe__` at the client's base address."""
    pages = ProbePages(client)
    return Ports(database=ProbeDatabase(pages), redis=ProbeKeys(pages), kafka=ProbeBroker(pages), platform=pages)
