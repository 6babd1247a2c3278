"""OpenDART, put together: one key, one mode."""

from __future__ import annotations

from types import MappingProxyType

from dari.app.parts import Parts
from dari.core.exchange import DEFAULT_PROFILE
from dari.core.provider import Credential
from dari.providers.dart.dialect import DartDialect
from dari.providers.dart.spec import SPEC
from dari.upstream.client import Client

SIMULATOR_ORIGIN = "http://simulator.invalid"


def assemble(parts: Parts) -> Client:
    """The client of OpenDART."""
    settings = parts.settings
    if parts.simulated:
        from dari.app.simulators import dart_simulator  # noqa: PLC0415 -- only who asks for it pays for it
        from dari.providers.dart.simulator import SIMULATED_KEY  # noqa: PLC0415 -- only who asks for it pays for it

        origin, key = SIMULATOR_ORIGIN, SIMULATED_KEY
        wire = parts.wire(app=dart_simulator(world=parts.clock, seed=parts.seed, clock=parts.clock))
    else:
        origin, key = parts.origin("DARI_DART_URL"), settings.text("DART_API_KEY")
        wire = parts.wire(timeout=settings.number("DART_TIMEOUT_SECONDS"))
    found = {}
    if key:
        found[DEFAULT_PROFILE, "real"] = Credential(mode="real", parts=MappingProxyType({"crtfc_key": key}))
    dialect = DartDialect(send=wire.send, clock=parts.clock, credentials=MappingProxyType(found), host=origin)
    return parts.client(SPEC, dialect, origin=origin, default_mode=lambda _: "real")
