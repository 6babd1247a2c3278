"""The sockets of simulated Kafka brokers: an event loop on a thread of its own, brokers that come and go by name."""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Coroutine, Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, TypeVar

from dari.services.stack.adapters.doors import HOST
from dari.services.stack.kafka_simulator.cluster import Asker, Cluster, Doors
from dari.services.stack.kafka_simulator.partitions import Bad
from dari.services.stack.kafka_simulator.questions import (
    API_VERSIONS,
    GOOD,
    QUESTIONS,
    UNSUPPORTED_VERSION,
    VERSIONS,
    versions,
)
from dari.services.stack.kafka_simulator.wording import Reader, written

SMALLEST: Final = 10
LARGEST: Final = 100 * 1024 * 1024
LONGEST: Final = 20.0
"""Seconds in which a broker must have come up or gone down."""
T = TypeVar("T")


class KafkaDoors:
    """Brokers 1 … n. `doors` are the listeners: (broker → its port, broker → the port its clients are told).

    `up` and `down` are called from any thread and come back when it is so.
    """

    def __init__(self, brokers: int, listeners: Iterable[tuple[Mapping[int, int], Doors]]) -> None:
        self._brokers = brokers
        self._listeners = tuple(listeners)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kafka-simulator", daemon=True)
        self._servers: dict[int, list[asyncio.Server]] = {}
        self._open: dict[int, set[asyncio.StreamWriter]] = {}
        self._tasks: dict[int, set[asyncio.Task[Any]]] = {}
        self._held: dict[int, asyncio.Event] = {}
        self._cluster: Cluster
        self._alone = 0.0

    def start(self) -> None:
        """Begin, with no broker there."""
        self._thread.start()
        self._wait(self._begin())

    def close(self) -> None:
        """End, with whatever was kept."""
        self.down(range(1, self._brokers + 1))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(LONGEST)
        self._loop.close()

    def up(self, brokers: Iterable[int]) -> None:
        """These brokers answer. OSError where a port is taken."""
        self._wait(self._up(brokers))

    def down(self, brokers: Iterable[int]) -> None:
        """These brokers are gone as if killed: connections break off, nothing is said any more."""
        self._wait(self._down(brokers))

    def pause(self, brokers: Iterable[int]) -> None:
        """Connections stay, and nothing is answered."""
        for broker in brokers:
            self._loop.call_soon_threadsafe(self._held[broker].clear)

    def resume(self, brokers: Iterable[int]) -> None:
        """Everything is answered again."""
        for broker in brokers:
            self._loop.call_soon_threadsafe(self._held[broker].set)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(LONGEST)

    async def _begin(self) -> None:
        self._cluster = Cluster(self._brokers)
        self._cluster.kept.there.clear()
        for broker in self._cluster.kept.brokers:
            self._held[broker] = asyncio.Event()
            self._held[broker].set()

    async def _up(self, brokers: Iterable[int]) -> None:
        for broker in brokers:
            self._held[broker].set()
            if broker in self._servers:
                continue
            self._open[broker], self._tasks[broker], servers = set(), set(), []
            for ports, doors in self._listeners:
                serve = self._serving(broker, doors)
                servers.append(await asyncio.start_server(serve, HOST, ports[broker], reuse_address=True))
            self._servers[broker] = servers
            if not self._cluster.kept.there and self._alone:
                self._cluster.groups.silence(self._loop.time() - self._alone)
            self._cluster.kept.there.add(broker)

    async def _down(self, brokers: Iterable[int]) -> None:
        for broker in brokers:
            for server in self._servers.pop(broker, ()):
                server.close()
            self._cluster.kept.there.discard(broker)
            if not self._cluster.kept.there:
                self._alone = self._loop.time()
            for task in list(self._tasks.get(broker, ())):
                task.cancel()
            for writer in list(self._open.get(broker, ())):
                writer.transport.abort()
            await asyncio.gather(*self._tasks.get(broker, ()), return_exceptions=True)

    def _serving(self, broker: int, doors: Doors) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks[broker].add(task)
            self._open[broker].add(writer)
            host = str((writer.get_extra_info("peername") or ("unknown",))[0])
            try:
                # What ends a connection here ends it for the client too: it asks anew or says that nobody is there.
                with suppress(OSError, EOFError, struct.error, UnicodeDecodeError, Bad, asyncio.CancelledError):
                    await self._talk(reader, writer, lambda client: Asker(broker, doors, client, host))
            finally:
                self._tasks[broker].discard(task)
                self._open[broker].discard(writer)
                writer.close()

        return serve

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asker: Any) -> None:
        """Questions of one connection are answered one after the other, as brokers do."""
        while True:
            (length,) = struct.unpack(">i", await reader.readexactly(4))
            if not SMALLEST <= length <= LARGEST:
                return
            frame = Reader(await reader.readexactly(length))
            key, version, number = frame.number(">h"), frame.number(">h"), frame.number(">i")
            who = asker((frame.piece(">h") or b"").decode())
            await self._held[who.broker].wait()
            if key == API_VERSIONS:
                # Whatever version it was asked in, the refusal is of version 0, from which clients learn ours.
                body = written(VERSIONS, versions(error=GOOD if version == 0 else UNSUPPORTED_VERSION))
            else:
                question = QUESTIONS.get(key)
                if question is None or question.version != version:
                    return
                asked = frame.record(question.asked)
                body = written(question.answered, await self._cluster.answer(question.name, asked, who))
                if question.name == "produce" and asked["acks"] == 0:
                    continue
            await self._held[who.broker].wait()
            writer.write(struct.pack(">ii", len(body) + 4, number) + body)
            await writer.drain()
