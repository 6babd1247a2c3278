"""What `dari watch` sees: pushed records of a named server's upstream, merged, with the alerts they set off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlsplit

from dari.app.parts import LOOPBACK
from dari.app.runtime import Runtime
from dari.app.servers import SERVERS, server
from dari.core.alerts import EXECUTED, Alert, Fired, Watch
from dari.core.errors import BadSetting, DariError, Hint, InvalidInput
from dari.core.live import Happening, Tick, Topic
from dari.core.provider import Request, Response
from dari.core.shelf import LiveResource, Shelf
from dari.serving.dispatch import source
from dari.upstream.client import Client
from dari.upstream.wire import Wire

log = logging.getLogger(__name__)

WAITING: Final = 100
"""Alerts that wait for a slow webhook; what comes beyond is said and dropped."""
WEBHOOK_SECONDS: Final = 5.0
FINE: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that happened: of a record also its fields in our words, its figures, and the alerts it set off."""

    what: Happening
    record: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    fired: tuple[Fired, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A watch that runs: `begun` tells provenance as answers do, `columns` what a table shows, `seen` what happens."""

    begun: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    seen: AsyncIterator[Seen]


@asynccontextmanager
async def watching(
    runtime: Runtime, name: str, items: Collection[str], *, kind: str, alerts: Sequence[Alert]
) -> AsyncIterator[View]:
    """Watch items (or what has none) of one server's upstream until the block is left.

    Raises InvalidInput, NotFound for a server that pushes nothing, and what connecting raises.
    """
    named = server(name)
    shelf, client = named.shelf(), runtime.client_of(named.tools()[0][0])
    wanted = _wanted(name, shelf, items, kind, alerts)
    watch = Watch(tuple(alerts))
    waiting: asyncio.Queue[Seen | DariError] = asyncio.Queue()
    begun: list[dict[str, Any]] = []
    async with _feeding(client, wanted, watch, waiting, begun):
        columns = next(iter(wanted.values()))[0].shown(next(iter(wanted)).kind)
        yield View(begun, columns, _told(waiting))


def _wanted(
    name: str, shelf: Shelf, items: Collection[str], kind: str, alerts: Sequence[Alert]
) -> dict[Topic, tuple[LiveResource, str]]:
    """Every topic with who tells of it and the scope of its mode."""
    if not shelf.live:
        able = ", ".join(one for one, row in SERVERS.items() if row.shelf().live)
        raise InvalidInput(
            f"nothing is pushed by {name}",
            hint=Hint(f"실시간이 있는 서버: {able}", f"Servers that push: {able}"),
            details={"parameter": "server", "allowed": able.split(", ")},
        )
    scheme = shelf.live[0].address.partition("://")[0]
    own = f"{scheme}://alert/own"
    addresses = [f"{scheme}://realtime/{quote(kind, safe='')}/{quote(item, safe='')}" for item in dict.fromkeys(items)]
    if not items and not (alerts and all(alert.figure == EXECUTED for alert in alerts)):
        addresses = [f"{scheme}://realtime/{quote(kind, safe='')}"]
    if any(alert.figure == EXECUTED for alert in alerts):
        addresses.append(own)
    wanted: dict[Topic, tuple[LiveResource, str]] = {}
    for address in addresses:
        try:
            resource, watched = shelf.watched(address)
        except DariError as error:
            if not items and error.code == "not_found":
                raise InvalidInput(
                    f"{kind} is watched for items",
                    hint=Hint("종목코드를 지정하세요.", "Give codes: dari watch SERVER 005930"),
                    details={"parameter": "items"},
                ) from None
            raise
        wanted |= dict.fromkeys(watched.topics, (resource, watched.scope))
    return wanted


@asynccontextmanager
async def _feeding(
    client: Client,
    wanted: Mapping[Topic, tuple[LiveResource, str]],
    watch: Watch,
    waiting: asyncio.Queue[Seen | DariError],
    begun: list[dict[str, Any]],
) -> AsyncIterator[None]:
    """One watch a scope: prices and one's own executions may come in different modes."""
    tasks: list[asyncio.Task[None]] = []
    opened: list[asyncio.Future[None]] = []

    async def feed(scope: str, ready: asyncio.Future[None]) -> None:
        upstream = client.asking()
        try:
            topics = [topic for topic, (_, of) in wanted.items() if of == scope]
            async with upstream.watch(topics, scope=scope) as happening:
                begun.extend(source(one) for one in upstream.sources)
                ready.set_result(None)
                async for what in happening:
                    waiting.put_nowait(_seen(what, wanted, watch))
        except DariError as error:
            if ready.done():
                waiting.put_nowait(error)
            else:
                ready.set_exception(error)

    try:
        for scope in sorted({of for _, of in wanted.values()}):
            ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            opened.append(ready)
            tasks.append(asyncio.ensure_future(feed(scope, ready)))
        for ready in opened:
            await ready
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _seen(what: Happening, wanted: Mapping[Topic, tuple[LiveResource, str]], watch: Watch) -> Seen:
    if not isinstance(what, Tick):
        return Seen(what)
    resource, _ = wanted[what.topic]
    record = resource.told(what)
    figures = resource.figures(what.topic.kind, record)
    return Seen(what, record, figures, watch.heard(what.topic.item, figures))


async def _told(waiting: asyncio.Queue[Seen | DariError]) -> AsyncIterator[Seen]:
    while True:
        seen = await waiting.get()
        if isinstance(seen, DariError):
            raise seen
        yield seen


class Webhook:
    """Tells alerts to an address, beside what is watched: a slow or deaf one delays nothing and is said to be."""

    def __init__(self, url: str, wire: Wire) -> None:
        self._url = checked(url)
        self._wire = wire
        self._waiting: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue(WAITING)
        self._task = asyncio.ensure_future(self._run())
        self.dropped = 0
        self.failed = 0

    def tell(self, alert: Mapping[str, Any]) -> None:
        """Tell it as soon as it is its turn."""
        try:
            self._waiting.put_nowait(alert)
        except asyncio.QueueFull:
            self.dropped += 1

    async def close(self) -> None:
        """Tell what waits, within some seconds, and stop."""
        try:
            async with asyncio.timeout(WEBHOOK_SECONDS):
                await self._waiting.join()
        except TimeoutError:
            self.dropped += self._waiting.qsize()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            alert = await self._waiting.get()
            try:
                reply: Response = await self._wire.send(Request("POST", self._url, payload=alert))
                if reply.status not in FINE:
                    self._said(f"HTTP {reply.status}")
            except DariError as error:
                self._said(error.message)
            finally:
                self._waiting.task_done()

    def _said(self, why: str) -> None:
        self.failed += 1
        log.warning("the webhook was not told: %s", why)


def checked(url: str) -> str:
    """A webhook's address: https, or http on this machine. Raises BadSetting without telling it (it may be secret)."""
    parts = urlsplit(url)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)):
        return url
    raise BadSetting(
        "a webhook is an https address, or http on this machine",
        hint=Hint("https:// 주소나 http://127.0.0.1 주소를 지정하세요.", "Give https://…, or http://127.0.0.1…"),
    )
