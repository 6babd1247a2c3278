"""Kiwoom, put together: one key of one mode, the document's numbers for patience, and quotas shared by processes."""

from __future__ import annotations

from types import MappingProxyType

from dari.app.parts import Parts
from dari.core.errors import BadSetting, Hint, NotFound
from dari.core.provider import Credential
from dari.providers.kiwoom.dialect import Hosts, KiwoomDialect, QuotasInFiles
from dari.providers.kiwoom.spec import SPEC
from dari.settings import Settings
from dari.upstream.client import Client, Rules
from dari.upstream.continuity import ContinuityRules
from dari.upstream.retry import RetryRules

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
    if parts.simulated:
        raise NotFound(
            "the simulator of Kiwoom is not in this process",
            hint=Hint(
                "dari simulate kiwoom 을 띄우고 DARI_KIWOOM_URL을 지정하세요.", "Start it and set DARI_KIWOOM_URL."
            ),
        )
    origin, mode = settings.text("DARI_KIWOOM_URL"), mode_of(settings)
    key, secret = settings.text("KIWOOM_APP_KEY"), settings.text("KIWOOM_SECRET_KEY")
    found = {}
    if key and secret:
        told = MappingProxyType({"appkey": key, "secretkey": secret})
        found["default", mode] = Credential(mode=mode, parts=told)
    dialect = KiwoomDialect(
        send=parts.wire(timeout=settings.number("KIWOOM_TIMEOUT_SECONDS")).send,
        clock=parts.clock,
        credentials=MappingProxyType(found),
        hosts=Hosts.of(origin),
        quotas=QuotasInFiles(parts.places.state / "quotas", parts.clock),
    )
    return parts.client(SPEC, dialect, origin=origin, default_mode=lambda _: mode, rules=rules_of(settings))
