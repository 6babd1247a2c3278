"""Errors, by who can mend them.

DariError
├── CallerError     InvalidInput · NotFound · NotAllowed · PlanRefused
├── SetupError      MissingCredential · SignInRefused (GrantStale) · WrongMode · BadSetting · MissingExtra · NoSpace
└── UpstreamError   Unreachable* · RateLimited* · QuotaSpent · Refused · Malformed · CircuitOpen · OutcomeUnknown

(* may be asked again, where the endpoint only reads.) Anything else that is raised is a bug of ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

UPSTREAM_TEXT_LIMIT: Final = 300
"""How much of an upstream's own text an error carries: enough to recognise, too little to instruct."""


@dataclass(frozen=True, slots=True)
class Hint:
    """The next step, for the person who must take it, in both languages."""

    ko: str
    en: str

    def __bool__(self) -> bool:
        return bool(self.ko or self.en)

    def said_in(self, language: str) -> str:
        """The hint in `language` ("ko" or "en")."""
        return self.en if language == "en" else self.ko


NO_HINT: Final = Hint("", "")


class DariError(Exception):
    """Any failure Dari can name. `executed` is False (surely nothing happened) or None (unknown)."""

    code: ClassVar[str] = "dari_error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        hint: Hint = NO_HINT,
        executed: bool | None = False,
        retry_after: float | None = None,
        upstream_code: str | None = None,
        upstream_text: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.executed = executed
        self.retry_after = retry_after
        self.upstream_code = upstream_code
        self.upstream_text = upstream_text[:UPSTREAM_TEXT_LIMIT] if upstream_text else None
        self.details = details or {}

    def as_dict(self, language: str = "ko") -> dict[str, Any]:
        """The error as an answer: `{code, message, executed, hint?, retry_after?, upstream?, details?}`."""
        said: dict[str, Any] = {"code": self.code, "message": self.message, "executed": self.executed}
        if self.hint:
            said["hint"] = self.hint.said_in(language)
        if self.retry_after is not None:
            said["retry_after"] = round(self.retry_after, 3)
        if self.upstream_code or self.upstream_text:
            said["upstream"] = {"code": self.upstream_code, "untrusted_text": self.upstream_text}
        if self.details:
            said["details"] = self.details
        return said


class CallerError(DariError):
    """The caller can mend it by asking differently. Raised before the network."""

    code = "caller_error"


class InvalidInput(CallerError):
    """An argument is unknown, missing, of the wrong kind or out of range. Raised by dispatch and by tools."""

    code = "invalid_input"


class NotFound(CallerError):
    """What was named does not exist. Raised by tools and by dialects that recognise the upstream's way to say so."""

    code = "not_found"


class NotAllowed(CallerError):
    """The caller's reach, profile or limits do not permit it. Raised by dispatch."""

    code = "not_allowed"


class PlanRefused(CallerError):
    """A plan cannot be applied: `details.reason` is expired, used, altered, changed (its facts) or in_doubt.

    Raised by plans and by hands. Nothing was sent; a new plan may be made.
    """

    code = "plan_refused"

    def __init__(self, message: str, *, reason: str, **rest: Any) -> None:
        super().__init__(message, **{**rest, "details": {**(rest.get("details") or {}), "reason": reason}})


class SetupError(DariError):
    """The operator can mend it: a key, a mode, an installation."""

    code = "setup_error"


class MissingCredential(SetupError):
    """A key that the call needs is not configured. Raised by signing, before the network."""

    code = "missing_credential"


class SignInRefused(SetupError):
    """The upstream does not accept the key. Raised by grants."""

    code = "sign_in_refused"


class GrantStale(SignInRefused):
    """The upstream no longer knows the grant. Raised by dialects, mended by signing: one new grant, one more try."""

    code = "grant_stale"


class WrongMode(SetupError):
    """The endpoint does not exist in this mode (real, paper), or key and host belong to different modes."""

    code = "wrong_mode"


class BadSetting(SetupError):
    """A setting has a value it cannot have. Raised at the start, before anything is asked."""

    code = "bad_setting"


class MissingExtra(SetupError):
    """An optional part of the package is not installed. Raised where it is first needed; names the extra."""

    code = "missing_extra"


class NoSpace(SetupError):
    """What must be kept cannot be written: the disk is full, or the quota. Raised by dispatch; nothing kept is lost."""

    code = "no_space"


class UpstreamError(DariError):
    """The upstream failed, refused or spoke nonsense."""

    code = "upstream_error"


class Unreachable(UpstreamError):
    """No connection, no answer in time, or a server error. Raised by wire and dialects."""

    code = "unreachable"
    retryable = True


class RateLimited(UpstreamError):
    """Too many calls for now. Raised by dialects; `retry_after` where the upstream gives it."""

    code = "rate_limited"
    retryable = True


class QuotaSpent(UpstreamError):
    """Nothing more until the quota resets (a day). Raised by dialects."""

    code = "quota_spent"


class Refused(UpstreamError):
    """The upstream understood and said no. Raised by dialects."""

    code = "refused"


class Malformed(UpstreamError):
    """The reply is not what the endpoint's sheet promises. Raised by dialects and models."""

    code = "malformed"


class CircuitOpen(UpstreamError):
    """Dari has stopped asking for a while, because the last calls failed. Raised by the breaker."""

    code = "circuit_open"


class OutcomeUnknown(UpstreamError):
    """A COMMIT was sent and no answer came: it may have happened. Never sent again by us."""

    code = "outcome_unknown"

    def __init__(self, message: str, **rest: Any) -> None:
        super().__init__(message, **{**rest, "executed": None})
