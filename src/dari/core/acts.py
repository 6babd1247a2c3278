"""An irreversible act as data that survives a restart, and the hand that knows how to do it and to look it up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from dari.core.endpoint import NOTHING
from dari.core.exchange import DEFAULT_PROFILE
from dari.core.tool import Upstream

SHOWN: Final = 4
"""Digits of an account number that are told: enough to recognise one's own."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The account an act is done for: `mode` (real, paper), `masked` for telling, `name` (a hash) for comparing."""

    mode: str
    masked: str
    name: str


def holder(mode: str, account: str) -> Holder:
    """The holder of an account number, of which neither part that is told gives the number away."""
    plain = "".join(filter(str.isalnum, account))
    masked = "*" * max(len(plain) - SHOWN, 0) + plain[-SHOWN:] if plain else ""
    return Holder(mode, masked, holder_name(account))


def holder_name(account: str) -> str:
    """The hash an account number is compared by, whatever stands between its digits."""
    plain = "".join(filter(str.isalnum, account))
    return hashlib.sha256(f"account {plain}".encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One act, not yet done.

    `hand` names who does it; `sent` is what will be sent, word for word, and the only thing it may be described from;
    `facts` is what the plan stood on (read again before it is done); `told` is for a person (price, quantity …).
    `amount` is the money it moves in won: 0 for none, None where that cannot be known; `foreign` is then that money
    with its currency ("1234.5 USD"), which the caps value at a rate of their own if they have one. `subject` is what
    an allow-list names. Acts of one `likeness` could not be told apart afterwards, so only one of them may be in doubt
    at a time.
    """

    hand: str
    holder: Holder
    subject: str
    amount: int | None
    likeness: str
    sent: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    told: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    profile: str = DEFAULT_PROFILE
    foreign: str = ""


class Hand(Protocol):
    """Who does acts of one kind."""

    @property
    def name(self) -> str:
        """The name acts carry."""
        ...

    def describe(self, act: Act) -> str:
        """The exact effect in one line, from `act.sent` alone: what is told is what will be done."""
        ...

    async def recheck(self, act: Act, upstream: Acting) -> Mapping[str, Any]:
        """Read again what the plan stood on. Raises PlanRefused("changed") or any DariError that forbids it now.

        Returns what look_up needs to tell this act from what was there before (JSON).
        """
        ...

    async def execute(self, act: Act, upstream: Acting) -> Mapping[str, Any]:
        """Do it, once. Returns the receipt. Raises a DariError: `executed` says whether it surely was not done."""
        ...

    async def look_up(self, act: Act, before: Mapping[str, Any], upstream: Acting) -> Mapping[str, Any] | None:
        """The trace the act left at the upstream, or None where there is none (yet). Raises a DariError."""
        ...


class Planning(Protocol):
    """Where plans are kept and done; handed to tools by `app`."""

    async def propose(self, act: Act) -> Mapping[str, Any]:
        """Keep a plan. Returns {plan_id, fingerprint, expires_at, effect, mode, account …} for the answer.

        Raises NotAllowed where a local cap forbids it.
        """
        ...

    async def apply(self, plan_id: str, fingerprint: str, upstream: Acting) -> Mapping[str, Any]:
        """Do it, once. Returns the outcome when it is done.

        Raises PlanRefused, NotAllowed, OutcomeUnknown, or what the upstream refused with (surely not done).
        """
        ...

    async def status(self, plan_id: str, upstream: Acting) -> Mapping[str, Any]:
        """What has become of a plan; an outcome in doubt is looked up. Raises NotFound."""
        ...


class Acting(Upstream, Protocol):
    """The Upstream of tools that plan acts."""

    @property
    def plans(self) -> Planning:
        """Where plans are kept. Raises SetupError where this process keeps none."""
        ...

    def holder(self, endpoint: str, mode: str | None = None) -> Holder:
        """The account `endpoint` would act for (None: in its usual mode). Raises MissingCredential or WrongMode."""
        ...
