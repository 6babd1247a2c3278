"""Naramarket, put together: one service key, a client whose tools also have the crawl book and the output folder."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dari.app.parts import Parts
from dari.core.acts import Planning
from dari.core.errors import CallerError, CircuitOpen, DariError, MissingCredential
from dari.core.exchange import DEFAULT_PROFILE, Reply
from dari.core.provider import Credential, Request, Response
from dari.core.shelf import Shelf
from dari.providers.naramarket.crawler.desk import Desk
from dari.providers.naramarket.crawler.quota import OneQuota
from dari.providers.naramarket.dialect import HOST, NaramarketDialect
from dari.providers.naramarket.spec import SPEC
from dari.upstream.client import Asking, Client
from dari.upstream.wire import Wire

SIMULATOR_ORIGIN = "http://simulator.invalid"


class ProcurementAsking(Asking):
    """What a procurement tool asks through: every call is in the book, beside those of crawls."""

    def __init__(self, client: ProcurementClient, profile: str, plans: Planning | None) -> None:
        super().__init__(client, profile, plans)
        self.desk = client.desk

    async def ask(self, endpoint: str, parameters: Mapping[str, str] | None = None, **more: Any) -> Reply:
        """Ask, and write the call down before it is made; one that a kept reply answers is crossed out again."""
        desk, now = self.desk, self.now()
        call = await desk.on(lambda book: book.calling(endpoint, now=now))
        try:
            reply = await super().ask(endpoint, parameters, **more)
        except (CallerError, MissingCredential, CircuitOpen):
            await desk.on(lambda book: book.answered(call, 0))  # nothing left this machine
            raise
        except DariError as error:
            outcome = f"{error.code} {error.upstream_code or ''}".strip()
            await desk.on(lambda book: book.called(call, outcome))
            raise
        await desk.on(lambda book: book.answered(call, 0 if reply.cached else reply.attempts))
        return reply


class ProcurementClient(Client):
    """A client whose askings carry the desk."""

    desk: Desk

    def asking(self, profile: str = DEFAULT_PROFILE, plans: Planning | None = None) -> ProcurementAsking:
        return ProcurementAsking(self, profile, plans)


def assemble(parts: Parts) -> Client:
    """The client of Naramarket."""
    settings = parts.settings
    if parts.simulated:
        from dari.providers.naramarket.simulator import SIMULATED_KEY  # noqa: PLC0415 -- only who asks for it pays

        origin, key, wire = SIMULATOR_ORIGIN, SIMULATED_KEY, _simulator_wire(parts)
    else:
        origin, key = parts.origin("DARI_NARAMARKET_URL"), settings.text("NARAMARKET_SERVICE_KEY")
        wire = parts.wire(timeout=settings.number("NARAMARKET_TIMEOUT_SECONDS"))
    found = {}
    if key:
        told = MappingProxyType({"servicekey": key})
        found[DEFAULT_PROFILE, "real"] = Credential(mode="real", parts=told)
    dialect = NaramarketDialect(
        send=wire.send,
        clock=parts.clock,
        credentials=MappingProxyType(found),
        host=origin or HOST,
        per_second=max(1, settings.whole("NARAMARKET_PER_SECOND")),
    )
    client = parts.client(SPEC, dialect, origin=origin, default_mode=lambda _: "real", made=ProcurementClient)
    assert isinstance(client, ProcurementClient)  # made so, one line above

    async def fetch(url: str) -> Response:
        return await wire.send(Request("GET", url))

    home = parts.places.data / (
        "naramarket" + (f"-{hashlib.sha256(origin.encode()).hexdigest()[:8]}" if origin else "")
    )
    output = settings.text("OUTPUT_DIR")
    client.desk = Desk(
        home=home,
        output=Path(output) if output else home / "files",
        send=OneQuota(client.paced, client.state, parts.clock, dialect.lane),
        works=parts.jobs,
        check=dialect.check,
        clock=parts.clock,
        fetch=fetch,
        simulated=parts.simulated,
    )
    parts.closing.push_async_callback(client.desk.close)
    return client


def _simulator_wire(parts: Parts) -> Wire:
    from dari.app.simulators import naramarket_simulator  # noqa: PLC0415 -- only who asks for it pays for it

    app = naramarket_simulator(world=parts.clock, seed=parts.seed, origin=SIMULATOR_ORIGIN)
    return parts.wire(app=app)


def shelf_of(client: Client) -> Shelf:
    """What the saved searches have found, as documents."""
    from dari.providers.naramarket.tools.watching import shelf  # noqa: PLC0415 -- only a server needs it

    return shelf(desk_of(client))


def desk_of(client: Client) -> Desk:
    """The desk of Naramarket's client."""
    assert isinstance(client, ProcurementClient)  # assembled above
    return client.desk
