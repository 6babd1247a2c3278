"""KIS, put together: keys, hosts, and its simulator where that was asked for."""

from __future__ import annotations

from types import MappingProxyType

from dari.app.parts import Parts
from dari.core.provider import Credential
from dari.providers.kis.dialect import Hosts, KisDialect
from dari.providers.kis.spec import SPEC
from dari.settings import Settings
from dari.upstream.client import Client
from dari.upstream.wire import Wire

SIMULATOR_ORIGIN = "http://simulator.invalid"
PAIRS = MappingProxyType(
    {
        "real": ("KOREA_INVESTMENT_APP_KEY", "KOREA_INVESTMENT_APP_SECRET"),
        "paper": ("KOREA_INVESTMENT_PAPER_APP_KEY", "KOREA_INVESTMENT_PAPER_APP_SECRET"),
    }
)


def assemble(parts: Parts) -> Client:
    """The client of KIS. Market reads use the real pair when there is one; KIS_MODE governs account calls."""
    settings = parts.settings
    if parts.simulated:
        origin, credentials, wire = SIMULATOR_ORIGIN, _simulator_keys(), _simulator_wire(parts)
    else:
        origin, credentials = parts.origin("DARI_KIS_URL"), _keys(settings)
        wire = parts.wire()
    dialect = KisDialect(
        send=wire.send,
        clock=parts.clock,
        credentials=MappingProxyType({(one.profile, one.mode): one for one in credentials}),
        hosts=Hosts.of(origin),
        per_second=MappingProxyType({"real": settings.whole("KIS_REAL_PER_SECOND"), "paper": 1}),
    )
    has_real = any(one.mode == "real" for one in credentials) or not credentials

    def default_mode(scope: str) -> str:
        if scope == "market":
            return "real" if has_real else "paper"
        return settings.text("KIS_MODE").lower()

    return parts.client(SPEC, dialect, origin=origin, default_mode=default_mode)


def _keys(settings: Settings) -> list[Credential]:
    found = []
    for mode, (key, secret) in PAIRS.items():
        if settings.text(key) and settings.text(secret):
            parts = {"appkey": settings.text(key), "appsecret": settings.text(secret)}
            found.append(Credential(mode=mode, parts=MappingProxyType(parts)))
    return found


def _simulator_keys() -> list[Credential]:
    from dari.providers.kis.simulator.keys import PAPER, REAL  # noqa: PLC0415 -- only who asks for it pays for it

    return [
        Credential(mode=key.mode, parts=MappingProxyType({"appkey": key.appkey, "appsecret": key.appsecret}))
        for key in (REAL, PAPER)
    ]


def _simulator_wire(parts: Parts) -> Wire:
    from dari.app.simulators import kis_simulator  # noqa: PLC0415 -- only who asks for it pays for it

    return parts.wire(app=kis_simulator(world=parts.clock, seed=parts.seed, clock=parts.clock))
