"""Naramarket, put together: one service key, a client whose tools also have the crawl book and the output folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dari.app.parts import Parts
from dari.core.acts import Planning
from dari.core.errors import UpstreamError
from dari.core.exchange import DEFAULT_PROFILE, Call, Reply
from dari.core.provider import Credential, Request, Response
from dari.core.shared_state import file_name
from dari.providers.naramarket.crawler.desk import Desk
from dari.providers.naramarket.dialect import HOST, NaramarketDialect
from dari.providers.naramarket.spec import SPEC
from dari.upstream.client import Asking, Client
from dari.upstream.wire import Wire

SIMULATOR_ORIGIN = "http://simulator.invalid"


class ProcurementAsking(Asking):
    """What a procurement tool asks through: every call is in the book, beside those of crawls."""

    def __init__(self, client: ProcurementClient, profile: str, plans: Planning | None) -> None:
        super().__init__(client, profile, plans)
        self.desk = client.desk(profile)

    async def ask(self, endpoint: str, parameters: Mapping[str, str] | None = None, **more: Any) -> Reply:
        try:
            reply = await super().ask(endpoint, parameters, **more)
        except UpstreamError as error:
            call = self.desk.book.calling(endpoint, now=self.now())
            self.desk.book.called(call, f"{error.code} {error.upstream_code or ''}".strip())
            raise
        if reply.cached is None:
            call = self.desk.book.calling(endpoint, now=self.now(), times=reply.attempts)
            self.desk.book.called(call, "page")
        return reply


class ProcurementClient(Client):
    """A client whose askings carry a desk: one a profile, made when first asked for."""

    make_desk: Callable[[str], Desk]

    def desk(self, profile: str) -> Desk:
        """The desk of a profile."""
        desks: dict[str, Desk] = self.__dict__.setdefault("_desks", {})
        if profile not in desks:
            desks[profile] = self.make_desk(profile)
        return desks[profile]

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
    wallet = parts.tenancy.wallet(_keys(key), lambda those: _keys(those.text("NARAMARKET_SERVICE_KEY")))
    dialect = NaramarketDialect(
        send=wire.send,
        clock=parts.clock,
        credentials=wallet,
        host=origin or HOST,
        per_second=max(1, settings.whole("NARAMARKET_PER_SECOND")),
    )
    client = parts.client(
        SPEC, dialect, origin=origin, default_mode=lambda _: "real", made=ProcurementClient, wallet=wallet
    )
    assert isinstance(client, ProcurementClient)  # made so, one line above

    async def fetch(url: str) -> Response:
        return await wire.send(Request("GET", url))

    home = parts.places.data / (
        "naramarket" + (f"-{hashlib.sha256(origin.encode()).hexdigest()[:8]}" if origin else "")
    )
    output = settings.text("OUTPUT_DIR")

    def desk(profile: str) -> Desk:
        """Another profile's store, files and account of calls lie apart; nobody else's desk opens them."""

        async def send(call: Call) -> Reply:
            return await client.paced(replace(call, profile=client.borrows(profile, call.mode)))

        own = home if profile == DEFAULT_PROFILE else home / "profiles" / file_name(profile)
        made = Desk(
            home=own,
            output=Path(output) if output and profile == DEFAULT_PROFILE else own / "files",
            send=client.paced if profile == DEFAULT_PROFILE else send,
            check=dialect.check,
            clock=parts.clock,
            fetch=fetch,
            simulated=parts.simulated,
        )
        parts.closing.push_async_callback(made.close)
        return made

    client.make_desk = desk
    return client


def _keys(key: str) -> list[Credential]:
    return [Credential(mode="real", parts=MappingProxyType({"servicekey": key}))] if key else []


def _simulator_wire(parts: Parts) -> Wire:
    from dari.app.simulators import naramarket_simulator  # noqa: PLC0415 -- only who asks for it pays for it

    app = naramarket_simulator(world=parts.clock, seed=parts.seed, origin=SIMULATOR_ORIGIN)
    return parts.wire(app=app)


def desk_of(client: Client, profile: str = DEFAULT_PROFILE) -> Desk:
    """A profile's desk at Naramarket's client."""
    assert isinstance(client, ProcurementClient)  # assembled above
    return client.desk(profile)
