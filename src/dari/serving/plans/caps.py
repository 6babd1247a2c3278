"""How much may be done here, whatever the upstream would allow: refused first, counted over every process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import Any, Final

from dari.core.acts import Act
from dari.core.errors import Hint, NotAllowed
from dari.core.shared_state import SharedState

MINUTE: Final = timedelta(minutes=1)
KEPT_SECONDS: Final = 2 * 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Won per act and per day (KST), acts per minute; `subjects` is the allow-list (None: any).

    `armed` is the hash of the one account acts may be done for (None: nothing may be done at all). `rates` is won per
    unit of a currency, for acts whose upstream does not tell what they come to.
    """

    per_act: int
    per_day: int
    per_minute: int
    subjects: frozenset[str] | None = None
    armed: str | None = None
    rates: Mapping[str, Decimal] = field(default_factory=dict)


class Purse:
    """The caps with what has been taken of them; the caller holds the account's lock while it takes."""

    def __init__(self, caps: Caps, state: SharedState) -> None:
        self.caps = caps
        self._state = state

    def armed(self, act: Act) -> bool:
        """Whether acts may be done for this account."""
        return self.caps.armed is not None and act.holder.name == self.caps.armed

    def valued(self, act: Act) -> Act:
        """The act with its amount in won, where a rate of ours gives it."""
        money, _, currency = act.foreign.partition(" ")
        rate = self.caps.rates.get(currency)
        if act.amount is not None or rate is None:
            return act
        return replace(act, amount=int((Decimal(money) * rate).to_integral_value(ROUND_CEILING)))

    async def check(self, act: Act, now: datetime) -> None:
        """Raise NotAllowed, naming the cap, where this act would go beyond one."""
        caps, taken = self.caps, await self._taken(act, now)
        if caps.subjects is not None and act.subject not in caps.subjects:
            raise _over("allow_list", f"{act.subject} is not on the list", "DARI_ORDER_SYMBOLS")
        recent = sum(1 for one in taken if now - datetime.fromisoformat(one["at"]) < MINUTE)
        if recent >= caps.per_minute:
            raise _over(
                "per_minute", f"{recent} acts in the last minute, {caps.per_minute} allowed", "DARI_ORDER_PER_MINUTE"
            )
        if act.amount is None:
            raise _over("amount", f"what {act.foreign or 'it'} comes to in won is not known", "DARI_ORDER_RATES")
        if act.amount > caps.per_act:
            raise _over("per_act", f"{act.amount:,} won, {caps.per_act:,} allowed at once", "DARI_ORDER_MAX_KRW")
        spent = sum(one["amount"] for one in taken)
        if act.amount and spent + act.amount > caps.per_day:
            told = f"{act.amount:,} won after {spent:,} today, {caps.per_day:,} allowed a day"
            raise _over("per_day", told, "DARI_ORDER_MAX_DAY_KRW")

    async def take(self, plan_id: str, act: Act, now: datetime) -> None:
        """Check and count."""
        await self.check(act, now)
        taken = [*await self._taken(act, now), {"plan_id": plan_id, "amount": act.amount, "at": now.isoformat()}]
        await self._put(act, now, taken)

    async def give_back(self, plan_id: str, act: Act, now: datetime) -> None:
        """The act was surely not done: its amount is free again (the attempt still counts)."""
        taken = await self._taken(act, now)
        await self._put(act, now, [one | {"amount": 0} if one["plan_id"] == plan_id else one for one in taken])

    async def _taken(self, act: Act, now: datetime) -> list[dict[str, Any]]:
        kept = await self._state.get(_name(act, now))
        return list(kept["taken"]) if kept else []

    async def _put(self, act: Act, now: datetime, taken: list[dict[str, Any]]) -> None:
        await self._state.put(_name(act, now), {"taken": taken}, seconds=KEPT_SECONDS, durable=True)


def _name(act: Act, now: datetime) -> str:
    return f"caps {act.holder.name} {now.date().isoformat()}"


def _over(cap: str, told: str, setting: str) -> NotAllowed:
    return NotAllowed(
        f"a local cap forbids it: {told}",
        hint=Hint(
            f"한도는 {setting} 설정입니다 (사람이 바꿉니다).", f"The cap is the setting {setting}; a person changes it."
        ),
        details={"cap": cap, "setting": setting},
    )
