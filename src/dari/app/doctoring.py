"""What `dari doctor` looks at: settings, keys, clock, sign-in, one harmless read; each with what to do next."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, Final, Literal

from dari.app.kept_days import WINDOW
from dari.app.runtime import Runtime
from dari.core.clock import KST
from dari.core.errors import DariError, Hint, MissingCredential
from dari.core.provider import Request
from dari.settings import Setting

State = Literal["ok", "warning", "wrong", "absent"]
SKEW_SECONDS: Final = 60.0
"""More than this between our clock and an upstream's, and tokens seem to end at the wrong time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at: what was expected, what was found, and the next step where it is not right."""

    subject: str
    what: str
    state: State
    found: str
    next_step: Hint = Hint("", "")  # noqa: RUF009 -- a frozen value

    def as_dict(self, language: str) -> dict[str, str]:
        """The check as an object."""
        told = {"subject": self.subject, "what": self.what, "state": self.state, "found": self.found}
        return told | ({"next_step": self.next_step.said_in(language)} if self.next_step else {})


@dataclass(frozen=True, slots=True)
class Harmless:
    """How an upstream is asked something that changes nothing: an endpoint and its parameters."""

    endpoint: str
    parameters: Mapping[str, str]
    modes: tuple[str, ...]


READS: Final = MappingProxyType(
    {
        "kis": Harmless(
            "domestic_stock.inquire_price",
            MappingProxyType({"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}),
            ("real", "paper"),
        ),
        "kiwoom": Harmless("ka10001", MappingProxyType({"stk_cd": "005930"}), ("real", "paper")),
        "naramarket": Harmless(
            "BidPublicInfoService.getBidPblancListInfoThng",
            MappingProxyType({"inqryDiv": "2", "bidNtceNo": "R25BK00932003", "numOfRows": "1"}),
            ("real",),
        ),
        "krx": Harmless("stk_bydd_trd", MappingProxyType({"basDd": "20240105"}), ("real",)),
        "dart": Harmless(
            "list", MappingProxyType({"bgn_de": "20240105", "end_de": "20240105", "page_count": "1"}), ("real",)
        ),
        "payments": Harmless("system.services", MappingProxyType({}), ("real",)),
    }
)


def _kis_host(runtime: Runtime) -> str:
    from dari.providers.kis.dialect import Hosts  # noqa: PLC0415 -- a process pays for the providers it asks

    return Hosts.of(runtime.parts.origin("DARI_KIS_URL")).rest["real"]


def _kiwoom_host(runtime: Runtime) -> str:
    from dari.providers.kiwoom.dialect import Hosts  # noqa: PLC0415 -- a process pays for the providers it asks

    return Hosts.of(runtime.parts.origin("DARI_KIWOOM_URL")).rest["real"]


def _naramarket_host(runtime: Runtime) -> str:
    from dari.providers.naramarket.dialect import HOST  # noqa: PLC0415 -- a process pays for the providers it asks

    return runtime.parts.origin("DARI_NARAMARKET_URL") or HOST


def _krx_host(runtime: Runtime) -> str:
    from dari.providers.krx.spec import platform  # noqa: PLC0415 -- a process pays for the providers it asks

    return runtime.parts.origin("DARI_KRX_URL") or platform().host


def _dart_host(runtime: Runtime) -> str:
    from dari.providers.dart.spec import platform  # noqa: PLC0415 -- a process pays for the providers it asks

    return runtime.parts.origin("DARI_DART_URL") or platform().host


def _monitoring_host(runtime: Runtime) -> str:
    return runtime.parts.origin("API_BASE_URL") + "/health"


def _wanted(runtime: Runtime, provider: str) -> bool:
    """Whoever has not said where a payment system is has none to look at."""
    return provider != "payments" or runtime.settings.found("API_BASE_URL").won != "default"


HOSTS: Final = MappingProxyType(
    {
        "kis": _kis_host,
        "kiwoom": _kiwoom_host,
        "krx": _krx_host,
        "dart": _dart_host,
        "naramarket": _naramarket_host,
        "payments": _monitoring_host,
    }
)
PRESENT: Final = "present"
FILL: Final = Hint("dari days fill로 채우세요.", "Fill it: dari days fill")


def settings_checks(runtime: Runtime) -> list[Check]:
    """Every setting with who gave it; of a secret only that it is there."""
    return [
        Check(
            subject="settings",
            what=row.name,
            state="ok" if found.value else "absent",
            found=_shown(row, found.value, found.won),
        )
        for row, found in runtime.settings
    ]


def _shown(row: Setting, value: str, won: str) -> str:
    if not value:
        return "not set"
    return f"{PRESENT if row.secret else value} ({won})"


async def upstream_checks(runtime: Runtime, provider: str) -> AsyncIterator[Check]:
    """Key, sign-in, clock and one read of a provider, in each mode that has a key."""
    read = READS[provider]
    try:
        client = runtime.client_of(provider)
    except DariError as error:
        yield _failed(provider, "settings", error)
        return
    answered = False
    for mode in read.modes:
        subject = f"{provider} {mode}"
        try:
            client.dialect.grant_name("default", mode)
        except MissingCredential as error:
            yield Check(subject=subject, what="key", state="absent", found=error.message, next_step=error.hint)
            continue
        except DariError as error:
            yield _failed(subject, "key", error)
            continue
        yield Check(subject=subject, what="key", state="ok", found=PRESENT)
        try:
            grant = await client.grants.get("default", mode)
        except DariError as error:
            yield _failed(subject, "sign-in", error)
            continue
        ends = f"until {grant.ends:%Y-%m-%d %H:%M}" if grant else "not needed"
        yield Check(subject=subject, what="sign-in", state="ok", found=ends)
        try:
            asking = client.asking()
            await asking.ask(read.endpoint, read.parameters, mode=mode, fresh=True)
        except DariError as error:
            yield _failed(subject, "one read", error)
            continue
        answered = True
        simulated = " (simulated)" if asking.sources[0].simulated else ""
        yield Check(subject=subject, what="one read", state="ok", found=f"{read.endpoint} answered{simulated}")
    if answered:
        yield await _clock(runtime, provider)


async def _clock(runtime: Runtime, provider: str) -> Check:
    """Our clock against the Date an upstream's server puts into its replies."""
    host = HOSTS[provider](runtime)
    try:
        response = await runtime.parts.wire().send(Request("GET", host))
    except DariError as error:
        return _failed(provider, "clock", error)
    told = response.headers.get("date")
    if told is None:
        return Check(subject=provider, what="clock", state="warning", found="the upstream tells no time")
    skew = (runtime.clock.now() - parsedate_to_datetime(told).astimezone(KST)).total_seconds()
    if abs(skew) <= SKEW_SECONDS:
        return Check(subject=provider, what="clock", state="ok", found=f"{skew:+.0f} s")
    hint = Hint("이 컴퓨터의 시각을 맞추세요 (시간 자동 동기화).", "Set this machine's clock (synchronise it).")
    return Check(subject=provider, what="clock", state="wrong", found=f"{skew:+.0f} s off", next_step=hint)


def _failed(subject: str, what: str, error: DariError) -> Check:
    code = f" ({error.upstream_code})" if error.upstream_code else ""
    said = f"[{error.code}] {error.message}{code}"
    return Check(subject=subject, what=what, state="wrong", found=said, next_step=error.hint)


async def examined(runtime: Runtime, provider: str | None) -> list[Check]:
    """Everything, or one provider."""
    found = settings_checks(runtime) if provider is None else []
    for one in (one for one in READS if _wanted(runtime, one)) if provider is None else (provider,):
        found += [check async for check in upstream_checks(runtime, one)]
    if provider in {None, "krx"}:
        found.append(_days(runtime))
    return found


def _days(runtime: Runtime) -> Check:
    """How far the day store is that the rankings read."""
    kept = runtime.joining.days
    days, newest = kept.store.days(), kept.newest()
    if not days:
        return Check(subject="day store", what="days", state="absent", found="nothing kept", next_step=FILL)
    missing = len({day for day, _ in kept.store.missing(newest, WINDOW)})
    span = f"{len(days)} days, {days[-1]} ~ {days[0]}"
    if missing:
        found = f"{span}; {missing} of the last {WINDOW} are missing"
        return Check(subject="day store", what="days", state="warning", found=found, next_step=FILL)
    return Check(subject="day store", what="days", state="ok", found=span)


def verdict(checks: list[Check]) -> dict[str, Any]:
    """`{ok, wrong, answered}`: whether nothing is wrong, what is, and which upstreams answered."""
    wrong = [f"{one.subject}: {one.what}" for one in checks if one.state == "wrong"]
    answered = [one.subject for one in checks if one.what == "one read" and one.state == "ok"]
    return {"ok": not wrong, "wrong": wrong, "answered": answered}
