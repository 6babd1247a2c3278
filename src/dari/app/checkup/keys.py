"""What is wrong with keys: by their form before anybody is asked, and by what an upstream says to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from dari.app.checkup.findings import Check, faulty
from dari.core.errors import (
    BadSetting,
    DariError,
    QuotaSpent,
    RateLimited,
    SetupError,
    SignInRefused,
    Unreachable,
    WrongMode,
)
from dari.settings import Settings

PAIRS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "real": ("KOREA_INVESTMENT_APP_KEY", "KOREA_INVESTMENT_APP_SECRET"),
        "paper": ("KOREA_INVESTMENT_PAPER_APP_KEY", "KOREA_INVESTMENT_PAPER_APP_SECRET"),
    }
)
ALL_PAIRS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = MappingProxyType(
    {"kis": tuple(PAIRS.values()), "kiwoom": (("KIWOOM_APP_KEY", "KIWOOM_SECRET_KEY"),)}
)
CODES: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {
        ("kis", "EGW00103"): "wrong_key",
        ("kis", "EGW00105"): "wrong_secret",
        ("kis", "EGW00133"): "token_too_soon",
        ("kis", "EGW02004"): "paper_key_on_real",
        ("kis", "EGW02005"): "paper_key_on_real",
        ("kiwoom", "8001"): "wrong_key",
        ("kiwoom", "8002"): "wrong_secret",
        ("kiwoom", "8010"): "address_not_registered",
        ("kiwoom", "8040"): "address_not_registered",
        ("kiwoom", "8050"): "address_not_registered",
        ("kiwoom", "8103"): "address_not_registered",
        ("kiwoom", "8030"): "other_mode",
        ("kiwoom", "8031"): "other_mode",
        ("naramarket", "20"): "service_not_granted",
        ("naramarket", "30"): "service_key_unknown",
        ("naramarket", "31"): "service_key_expired",
        ("naramarket", "22"): "quota_spent",
    }
)
"""(Provider, the upstream's own code) → fault."""


def pair_checks(settings: Settings, provider: str) -> Iterator[Check]:
    """Pairs of which one half is missing, or that are the same for real and paper; a service key encoded twice."""
    for pair in ALL_PAIRS.get(provider, ()):
        there = [name for name in pair if settings.text(name)]
        if len(there) == 1:
            (left,) = set(pair) - set(there)
            yield faulty(
                "half_pair", subject=provider, what=left, found=f"not set, but {there[0]} is", expected="both",
                name=left,
            )  # fmt: skip
    if provider == "kis" and shared_pairs(settings):
        yield faulty(
            "same_pair", subject=provider, what=PAIRS["paper"][0], found="the same as the real one",
            expected="a pair of its own",
        )  # fmt: skip
    if provider == "naramarket" and "%25" in settings.text("NARAMARKET_SERVICE_KEY"):
        yield faulty(
            "service_key_encoded_twice", subject=provider, what="NARAMARKET_SERVICE_KEY", found="holds %25",
            expected="the key as the portal shows it",
        )  # fmt: skip


def shared_pairs(settings: Settings) -> list[str]:
    """`["same_pair"]` where the paper key is the real one."""
    real, paper = (settings.text(PAIRS[mode][0]) for mode in ("real", "paper"))
    return ["same_pair"] if real and real == paper else []


def fault_of(provider: str, error: DariError) -> str:  # noqa: PLR0911 -- one return a fault
    """The fault that an error shows; "" where it is none of those that have a name."""
    known = CODES.get((provider, error.upstream_code or ""))
    if known:
        return known
    if isinstance(error, BadSetting):
        if "trusted host" in error.message:
            return "untrusted_host"
        return "account_form" if "account must be" in error.message else "bad_setting"
    if isinstance(error, SignInRefused) and error.upstream_code is None:
        return "swapped_pair"
    if provider == "payments" and isinstance(error, SetupError):
        return "monitoring_absent"
    if isinstance(error, WrongMode):
        return "other_mode" if provider == "kiwoom" else "paper_key_on_real"
    if isinstance(error, RateLimited) and "access token" in error.message:
        return "token_too_soon"
    if isinstance(error, QuotaSpent):
        return "quota_spent"
    if isinstance(error, Unreachable):
        return "upstream_down" if "HTTP" in error.message or error.upstream_text else "no_network"
    return ""
