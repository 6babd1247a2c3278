"""Naramarket, put together: one service key, a client whose tools also have the crawl book and the output folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dari.app.parts import Parts
from dari.core.acts import Planning
from dari.core.errors import CallerError, CircuitOpen, DariError, MissingCredential
from dari.core.exchange import DEFAULT_PROFILE, Call, Reply
from dari.core.provider import Credential, Request, Response
from dari.core.shared_state import file_name
from dari.core.shelf import Shelf
from dari.providers.naramarket.crawler.desk import Desk
from dari.providers.naramarket.crawler.quota import OneQuota
from dari.providers.naramarket.dialect import HOST, NaramarketDialect
from dari.providers.naramarket.spec import SPEC
from dari.serving.jobs import Jobs
from dari.upstream.client import Asking, Client
from dari.upstream.wire import Wire

SIMULATOR_ORIGIN = "http://simulator.invalid"


class ProcurementAsking(Asking):
    """What a procurement tool asks through: every call is in the book, beside those of crawls."""

    def __init__(self, client: ProcurementClient, profile: str, plans: Planning | None) -> None:
        super().__init__(client, profile, plans)
        self.desk = client.desk(profile)

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


@dataclass(frozen=True, slots=True)
class WorksOf:
    """The works of a profile among those of all: each knows whose desk it is done at."""

    jobs: Jobs
    profile: str

    def _key(self, key: str) -> str:
        return f"{file_name(self.profile)}-{key}"

    async def start(self, kind: str, arguments: Mapping[str, Any], *, key: str) -> Any:
        """Begin, unless the work of that key is on its way."""
        return await self.jobs.start(kind, {**arguments, "profile": self.profile}, key=self._key(key))

    async def standing(self, key: str) -> Any:
        """How it stands, None where nobody does it."""
        return await self.jobs.standing(self._key(key))

    async def cancel(self, key: str) -> bool:
        """Ask it to stop."""
        return await self.jobs.cancel(self._key(key))


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
            send=OneQuota(
                client.paced if profile == DEFAULT_PROFILE else send, client.state, parts.clock, dialect.lane
            ),
            works=parts.jobs if profile == DEFAULT_PROFILE else WorksOf(parts.jobs, profile),
            check=dialect.check,
            clock=parts.clock,
            fetch=fetch,
            simulated=parts.simulated,
            sealing=parts.sealing(),
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


def shelf_of(client: Client) -> Shelf:
    """What the saved searches have found, as documents."""
    from dari.providers.naramarket.tools.watching import shelf  # noqa: PLC0415 -- only a server needs it

    return shelf(desk_of(client))


def desk_of(client: Client, profile: str = DEFAULT_PROFILE) -> Desk:
    """A profile's desk at Naramarket's client."""
    assert isinstance(client, ProcurementClient)  # assembled above
    return client.desk(profile)
