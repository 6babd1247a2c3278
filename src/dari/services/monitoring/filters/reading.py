"""What a filter was read as: the ten fields, and every word that was used, passed over or not understood."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

Order = Literal["newest", "oldest", "largest", "smallest"]

STATUSES: Final = (
    "READY",
    "AUTHORIZED",
    "AUTH_FAILED",
    "CAPTURE_REQUESTED",
    "CAPTURED",
    "CAPTURE_FAILED",
    "REFUND_REQUESTED",
    "REFUNDED",
    "REFUND_FAILED",
    "PARTIAL_REFUNDED",
    "REQUESTED",
    "COMPLETED",
    "CANCELLED",
)
FAILED: Final = ("AUTH_FAILED", "CAPTURE_FAILED", "REFUND_FAILED")
REFUNDS: Final = ("REFUND_REQUESTED", "REFUNDED", "REFUND_FAILED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """The constraints. Amounts are integer won and inclusive; `since` ≤ t < `until`; None means no constraint."""

    statuses: tuple[str, ...] = ()
    merchant_id: str | None = None
    payment_id: int | None = None
    idempotency_key: str | None = None
    min_amount: int | None = None
    max_amount: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    order: Order | None = None
    limit: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON shape: times in ISO 8601 with their zone, statuses as a list."""
        said = asdict(self)
        said["statuses"] = list(self.statuses)
        for name in ("since", "until"):
            said[name] = said[name].isoformat() if said[name] else None
        return said


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a sentence is not run: `code`, the words, and what is asked back."""

    code: str
    words: str
    ko: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One sentence read. With any problem nothing may be run; `understood` is then only what was recognised."""

    text: str
    now: datetime
    understood: Understood
    consumed: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = field(default=())

    @property
    def runs(self) -> bool:
        """True when every content word was understood."""
        return not self.problems
