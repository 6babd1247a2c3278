"""What `dari doctor` looks at: settings, keys, clock, sign-in, one harmless read; each with what to do next."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from dari.app.checkup.findings import Check, faulty
from dari.app.checkup.keys import PAIRS, fault_of, pair_checks
from dari.app.checkup.keys import shared_pairs as _shared
from dari.app.kept_days import WINDOW
from dari.app.runtime import Runtime
from dari.core.clock import KST
from dari.core.errors import DariError, Hint, MissingCredential
from dari.core.exchange import Grant
from dari.core.provider import Request
from dari.settings import Setting
from dari.upstream.client import Client

SKEW_SECONDS: Final = 60.0
"""More than this between our clock and an upstream's, and tokens seem to end at the wrong time."""


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


HASHED: Final = Harmless(
    "auth.hashkey", MappingProxyType({"CANO": "00000000", "ACNT_PRDT_CD": "01"}), ("real", "paper")
)
"""An order body of nobody: KIS hashes it and does nothing else. Orders do not need the hash any more."""


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
Kept = dict[str, Any] | None
"""A grant as it stands in the state that processes share."""
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


async def upstream_checks(runtime: Runtime, provider: str, *, renewed: bool = False) -> AsyncIterator[Check]:
    """Key, sign-in, clock and one read of a provider, in each mode that has a key.

    `renewed`: the token is revoked first and a new one taken.
    """
    read = READS[provider]
    for check in pair_checks(runtime.settings, provider):
        yield check
    try:
        client = runtime.client_of(provider)
    except DariError as error:
        yield failed(runtime, provider, "settings", provider, error)
        return
    answered = False
    for mode in read.modes:
        subject = f"{provider} {mode}"
        try:
            name = client.dialect.grant_name("default", mode)
        except MissingCredential as error:
            yield Check(subject=subject, what="key", state="absent", found=error.message, next_step=error.hint)
            continue
        except DariError as error:
            yield failed(runtime, provider, "key", subject, error)
            continue
        yield Check(subject=subject, what="key", state="ok", found=PRESENT)
        kept = await client.state.get(f"grant {name}") if name else None
        try:
            grant = await (client.grants.renew if renewed else client.grants.get)("default", mode)
        except DariError as error:
            yield await _of_the_other_mode(
                runtime, provider, mode, failed(runtime, provider, "sign-in", subject, error)
            )
            continue
        yield Check(subject=subject, what="sign-in", state="ok", found=_ends(grant, renewed=renewed))
        try:
            asking = client.asking()
            await asking.ask(read.endpoint, read.parameters, mode=mode, fresh=True)
        except DariError as error:
            yield failed(runtime, provider, "one read", subject, error)
            continue
        answered = True
        simulated = " (simulated)" if asking.sources[0].simulated else ""
        yield Check(subject=subject, what="one read", state="ok", found=f"{read.endpoint} answered{simulated}")
        now = await client.state.get(f"grant {name}") if name else None
        for check in _void(subject, kept, grant, now) + await _signed(client, provider, mode):
            yield check
    if answered:
        yield await _clock(runtime, provider)


def _ends(grant: Grant | None, *, renewed: bool) -> str:
    ends = f"until {grant.ends:%Y-%m-%d %H:%M}" if grant else "not needed"
    return f"{ends}, with a new token" if renewed else ends


def _void(subject: str, kept: Kept, grant: Grant | None, now: Kept) -> list[Check]:
    """What the read has shown of the token that was `kept`: whether another stands in its place `now`."""
    if not (kept and now and grant and kept.get("token") == grant.token != now.get("token")):
        return []
    check = faulty(
        "old_token", subject=subject, what="token", state="warning", found="the kept one was void",
        expected="a token that KIS or Kiwoom still knows",
    )  # fmt: skip
    return [check]


async def _signed(client: Client, provider: str, mode: str) -> list[Check]:
    """The rest of how KIS signs: the key of a pushed session, and the hash of an order. Reads go on without either."""
    if provider != "kis":
        return []
    subject, what = f"{provider} {mode}", "websocket key, hashkey"
    try:
        await client.push_grants.get("default", mode)
        await client.asking().ask(HASHED.endpoint, HASHED.parameters, mode=mode)
    except DariError as error:
        found = f"[{error.code}] {error.message}"
        return [Check(subject=subject, what=what, state="warning", found=found, next_step=error.hint)]
    return [Check(subject=subject, what=what, state="ok", found="answered")]


async def _of_the_other_mode(runtime: Runtime, provider: str, mode: str, check: Check) -> Check:
    """A KIS key that is refused may be a good key in the wrong place: the other mode is asked whether it knows it."""
    if check.fault != "wrong_key" or provider != "kis" or "same_pair" in _shared(runtime.settings):
        return check
    other = "paper" if mode == "real" else "real"
    flags = {there: runtime.settings.text(here) for here, there in zip(PAIRS[mode], PAIRS[other], strict=True)}
    try:
        async with Runtime(runtime.settings.but(flags), clock=runtime.clock) as second:
            await second.client_of(provider).grants.get("default", other)
    except DariError:
        return check
    fault = "paper_key_on_real" if mode == "real" else "real_key_on_paper"
    return faulty(
        fault, subject=check.subject, what=check.what, found=f"{check.found}; it is a good key of {other}",
        expected=f"a key of {mode}",
    )  # fmt: skip


async def _clock(runtime: Runtime, provider: str) -> Check:
    """Our clock against the Date an upstream's server puts into its replies."""
    host = HOSTS[provider](runtime)
    try:
        response = await runtime.parts.wire().send(Request("GET", host))
    except DariError as error:
        return failed(runtime, provider, "clock", provider, error)
    told = response.headers.get("date")
    if told is None:
        return Check(subject=provider, what="clock", state="warning", found="the upstream tells no time")
    skew = (runtime.clock.now() - parsedate_to_datetime(told).astimezone(KST)).total_seconds()
    if abs(skew) <= SKEW_SECONDS:
        return Check(subject=provider, what="clock", state="ok", found=f"{skew:+.0f} s")
    return faulty(
        "clock_off", subject=provider, what="clock", found=f"{skew:+.0f} s off", expected=f"within {SKEW_SECONDS:.0f} s"
    )


def failed(runtime: Runtime, provider: str, what: str, subject: str, error: DariError) -> Check:
    """What an error of an upstream stands for: a fault by name where it is known, else with its own hint."""
    code = f" ({error.upstream_code})" if error.upstream_code else ""
    said = f"[{error.code}] {error.message}{code}"
    fault = fault_of(provider, error)
    if not fault:
        return Check(subject=subject, what=what, state="wrong", found=said, next_step=error.hint)
    host = urlsplit(HOSTS[provider](runtime)).netloc if fault == "no_network" else ""
    return faulty(fault, subject=subject, what=what, found=said, expected="an answer", host=host, said=error.message)


async def examined(runtime: Runtime, provider: str | None, *, renewed: bool = False) -> list[Check]:
    """Everything of the upstreams and the settings, or one provider, `renewed` with a new token."""
    found = settings_checks(runtime) if provider is None else []
    for one in (one for one in READS if _wanted(runtime, one)) if provider is None else (provider,):
        found += [check async for check in upstream_checks(runtime, one, renewed=renewed)]
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
    """`{ok, wrong, faults, answered}`: whether nothing is wrong, what is, its faults by name, who answered."""
    wrong = [f"{one.subject}: {one.what}" for one in checks if one.state == "wrong"]
    faults = list(dict.fromkeys(one.fault for one in checks if one.fault))
    answered = [one.subject for one in checks if one.what == "one read" and one.state == "ok"]
    return {"ok": not wrong, "wrong": wrong, "faults": faults, "answered": answered}
