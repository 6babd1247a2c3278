"""Kiwoom, put together: one key of one mode, the document's numbers for patience, and quotas shared by processes."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType

from dari.app.parts import Parts
from dari.core.errors import BadSetting, Hint
from dari.core.provider import Credential
from dari.providers.kiwoom.dialect import Hosts, KiwoomDialect, QuotasInFiles
from dari.providers.kiwoom.live import KiwoomFrames
from dari.providers.kiwoom.spec import SPEC
from dari.settings import Settings
from dari.upstream.client import Client, Pushes, Rules
from dari.upstream.continuity import ContinuityRules
from dari.upstream.live import Connect, Connection
from dari.upstream.retry import RetryRules
from dari.upstream.wire import Wire

SIMULATOR_ORIGIN = "http://simulator.invalid"
MODES = MappingProxyType({"mock": "paper", "real": "real"})
"""Kiwoom's word for trading without money, and ours."""


def mode_of(settings: Settings) -> str:
    """The mode every call is made in: a Kiwoom key belongs to one."""
    return MODES[settings.text("KIWOOM_MODE").lower()]


def rules_of(settings: Settings) -> Rules:
    """The numbers of the source document: three attempts, the first delay a second, doubling; no chance in it."""
    attempts = settings.whole("KIWOOM_ATTEMPTS")
    if attempts < 1:
        raise BadSetting("KIWOOM_ATTEMPTS must be at least 1", hint=Hint("1 이상으로 지정하세요.", "Set 1 or more."))
    first = settings.number("KIWOOM_RETRY_FIRST_SECONDS")
    retry = RetryRules(attempts=attempts, first=first, longest=first * 2.0 ** max(0, attempts - 2), spread=0.0)
    return Rules(retry=retry, continuity=ContinuityRules(settings.number("KIWOOM_STALE_SECONDS")))


def assemble(parts: Parts) -> Client:
    """The client of Kiwoom."""
    settings = parts.settings
    mode = mode_of(settings)
    if mode == "real" and settings.text("KIWOOM_SAMPLE_FALLBACK") == "1" and settings.text("DARI_ORDER_ACCOUNT"):
        raise BadSetting(
            "KIWOOM_SAMPLE_FALLBACK=1 does not go with real orders",
            hint=Hint("둘 중 하나를 끄세요: DARI_ORDER_ACCOUNT, KIWOOM_SAMPLE_FALLBACK.", "Unset one of the two."),
        )
    if parts.simulated:
        origin, credentials, wire, connect = _simulator(parts, mode)
    else:
        origin, credentials = parts.origin("DARI_KIWOOM_URL"), _keys(settings, mode)
        wire, connect = parts.wire(timeout=settings.number("KIWOOM_TIMEOUT_SECONDS")), _open_socket
    wallet = parts.tenancy.wallet(credentials, partial(_keys, mode=mode))
    dialect = KiwoomDialect(
        send=wire.send,
        clock=parts.clock,
        credentials=wallet,
        hosts=Hosts.of(origin),
        quotas=QuotasInFiles(parts.places.state / "quotas", parts.clock),
    )
    return parts.client(
        SPEC,
        dialect,
        origin=origin,
        default_mode=lambda _: mode,
        rules=rules_of(settings),
        pushes=Pushes(KiwoomFrames(dialect), connect),
        wallet=wallet,
    )


def _keys(settings: Settings, mode: str) -> list[Credential]:
    key, secret = settings.text("KIWOOM_APP_KEY"), settings.text("KIWOOM_SECRET_KEY")
    if not (key and secret):
        return []
    return [Credential(mode=mode, parts=MappingProxyType({"appkey": key, "secretkey": secret}))]


async def _open_socket(url: str) -> Connection:
    from dari.upstream.wire.sockets import open_socket  # noqa: PLC0415 -- only who watches pays for websockets

    return await open_socket(url)


def _simulator(parts: Parts, mode: str) -> tuple[str, list[Credential], Wire, Connect]:
    from dari.app.simulators import kiwoom_simulator  # noqa: PLC0415 -- only who asks for it pays for it
    from dari.providers.kiwoom.simulator import MOCK_KEY, REAL_KEY  # noqa: PLC0415 -- only who asks for it pays for it
    from dari.upstream.wire.in_process import open_app_socket  # noqa: PLC0415 -- only who asks for it pays for it

    app = kiwoom_simulator(world=parts.clock, seed=parts.seed, clock=parts.clock)
    key = REAL_KEY if mode == "real" else MOCK_KEY
    told = MappingProxyType({"appkey": key.app_key, "secretkey": key.secret_key})
    return SIMULATOR_ORIGIN, [Credential(mode=mode, parts=told)], parts.wire(app=app), partial(open_app_socket, app)
