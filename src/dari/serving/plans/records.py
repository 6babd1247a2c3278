"""A plan as it is kept: what would be done, until when, what has become of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Final, Literal

from dari.core.acts import Act, Holder
from dari.core.shared_state import SharedState

State = Literal["planned", "claimed", "done", "not_done", "unknown"]
"""`claimed`: somebody has begun to do it, and has not said how it ended (they may be at it, or dead)."""

IN_DOUBT: Final = frozenset({"claimed", "unknown"})
KEPT_SECONDS: Final = 30 * 24 * 3600.0
"""How long what became of a plan is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One plan. `before` is what the hand noted just before it began; `found` the receipt or the trace of the act."""

    plan_id: str
    act: Act
    effect: str
    expires: datetime
    state: State = "planned"
    claimed_at: datetime | None = None
    before: Mapping[str, Any] = field(default_factory=dict)
    found: Mapping[str, Any] | None = None
    why: Mapping[str, Any] | None = None

    @property
    def fingerprint(self) -> str:
        """A hash of everything the plan says: whoever gives it back has read this plan and no other."""
        said = json.dumps([self.plan_id, written(self.act), self.effect, self.expires.isoformat()], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:32]

    def now(self, state: State, **more: Any) -> Record:
        """This record in another state."""
        return replace(self, state=state, **more)


class Book:
    """The records, on the state that processes share."""

    def __init__(self, state: SharedState) -> None:
        self._state = state

    async def get(self, plan_id: str) -> tuple[Record, str] | None:
        """The record with the fingerprint it was planned with (another than its own: it was altered since)."""
        kept = await self._state.get(f"plan {plan_id}")
        if kept is None:
            return None
        act = kept["act"]
        record = Record(
            plan_id=plan_id,
            act=Act(**{**act, "holder": Holder(**act["holder"])}),
            effect=kept["effect"],
            expires=datetime.fromisoformat(kept["expires"]),
            state=kept["state"],
            claimed_at=datetime.fromisoformat(kept["claimed_at"]) if kept["claimed_at"] else None,
            before=kept["before"],
            found=kept["found"],
            why=kept["why"],
        )
        return record, kept["fingerprint"]

    async def put(self, record: Record) -> None:
        """Keep the record; it is on disk when this returns."""
        value = {
            "fingerprint": record.fingerprint,
            "act": written(record.act),
            "effect": record.effect,
            "expires": record.expires.isoformat(),
            "state": record.state,
            "claimed_at": record.claimed_at.isoformat() if record.claimed_at else None,
            "before": _plain(record.before),
            "found": _plain(record.found),
            "why": _plain(record.why),
        }
        await self._state.put(f"plan {record.plan_id}", value, seconds=KEPT_SECONDS, durable=True)

    async def alike(self, record: Record) -> str | None:
        """The plan last begun of this likeness, by its id."""
        kept = await self._state.get(_likeness(record))
        return None if kept is None else str(kept["plan_id"])

    async def begun(self, record: Record) -> None:
        """Note that this plan is the last begun of its likeness."""
        await self._state.put(_likeness(record), {"plan_id": record.plan_id}, seconds=KEPT_SECONDS, durable=True)


def _likeness(record: Record) -> str:
    return f"alike {record.act.holder.name} {record.act.hand} {record.act.likeness}"


def written(act: Act) -> dict[str, Any]:
    """An act as JSON keeps it."""
    told = {one.name: getattr(act, one.name) for one in fields(act)}
    plain: dict[str, Any] = _plain({**told, "holder": asdict(act.holder)})
    return plain


def _plain(value: Any) -> Any:
    """As JSON keeps it: what is compared after reading must be what was written."""
    return json.loads(json.dumps(value, default=_mapping))


def _mapping(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
