"""The exchange's Open API, put together: one key, one mode."""

from __future__ import annotations

from types import MappingProxyType

from dari.app.parts import Parts
from dari.core.exchange import DEFAULT_PROFILE
from dari.core.provider import Credential
from dari.providers.krx.dialect import KrxDialect
from dari.providers.krx.spec import SPEC
from dari.upstream.client import Client

SIMULATOR_ORIGIN = "http://simulator.invalid"


def assemble(parts: Parts) -> Client:
    """The client of the KRX Open API."""
    settings = parts.settings
    if parts.simulated:
        from dari.app.simulators import krx_simulator  # noqa: PLC0415 -- only who asks for it pays for it
        from dari.providers.krx.simulator import SIMULATED_KEY  # noqa: PLC0415 -- only who asks for it pays for it

        origin, key = SIMULATOR_ORIGIN, SIMULATED_KEY
        wire = parts.wire(app=krx_simulator(world=parts.clock, seed=parts.seed, clock=parts.clock))
    else:
        origin, key = parts.origin("DARI_KRX_URL"), settings.text("KRX_AUTH_KEY")
        wire = parts.wire(timeout=settings.number("KRX_TIMEOUT_SECONDS"))
    found = {}
    if key:
        found[DEFAULT_PROFILE, "real"] = Credential(mode="real", parts=MappingProxyType({"auth_key": key}))
    dialect = KrxDialect(
        send=wire.send,
        clock=parts.clock,
        credentials=MappingProxyType(found),
        host=origin,
        per_second=max(1, settings.whole("KRX_PER_SECOND")),
    )
    return parts.client(SPEC, dialect, origin=origin, default_mode=lambda _: "real")
