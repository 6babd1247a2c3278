"""Do a planned act exactly once: claimed on disk before it is sent, never sent again, looked up when in doubt.

The claim is made under the account's lock and is on disk before the hand begins; whatever happens after it (a crash,
a timeout, a second process) finds a plan that is not `planned` any more. What was claimed and has no end is looked up
at the upstream: found is `done`; not found is `not_done` only when `SETTLED` has passed, because a request that left
us may still be on its way; until then it is `unknown`, and is said to be.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from dari.core.acts import Act, Acting, Hand
from dari.core.clock import Clock
from dari.core.endpoint import Effect
from dari.core.errors import DariError, Hint, Malformed, NotAllowed, NotFound, OutcomeUnknown, PlanRefused
from dari.core.exchange import DEFAULT_PROFILE
from dari.core.shared_state import SharedState
from dari.serving.audit import Audit
from dari.serving.plans.caps import Caps, Purse
from dari.serving.plans.records import IN_DOUBT, Book, Record

LIFE: Final = timedelta(minutes=5)
"""A plan older than this stands on prices of another market."""
SETTLED: Final = timedelta(seconds=60)
"""After this, an act that has left no trace was not done: every wait of ours and of the wire is over long before."""
EXECUTE_SECONDS: Final = 20.0
LOOK_UP_SECONDS: Final = 12.0
ID_LIMIT: Final = 40


class Plans:
    """Implements `dari.core.acts.Planning` for the hands of one server."""

    def __init__(
        self,
        hands: Iterable[Hand],
        *,
        state: SharedState,
        clock: Clock,
        audit: Audit,
        caps: Caps,
        unarmed: Hint | None = None,
        status: str = "order_status",
        owner: str = DEFAULT_PROFILE,
    ) -> None:
        """`unarmed` says how a person arms these acts; `status` names the tool that tells what became of one.

        `owner` is the profile whose plans these are, as the audit names it.
        """
        self._owner = owner
        self._unarmed = unarmed or UNARMED
        self._status = status
        self._hands = {hand.name: hand for hand in hands}
        self._state = state
        self._book = Book(state)
        self._clock = clock
        self._audit = audit
        self._purse = Purse(caps, state)

    # --- planning --------------------------------------------------------------------------------------------------

    async def propose(self, act: Act) -> Mapping[str, Any]:
        """Keep a plan and tell it; NotAllowed where a cap forbids it already."""
        now = self._clock.now()
        act = self._purse.valued(act)
        await self._purse.check(act, now)
        effect = self._hand(act).describe(act)
        record = Record(plan_id=secrets.token_hex(8), act=act, effect=effect, expires=now + LIFE)
        await self._book.put(record)
        self._write("plan", record)
        armed = self._purse.armed(act)
        told: dict[str, Any] = {
            "plan_id": record.plan_id,
            "fingerprint": record.fingerprint,
            "expires_at": record.expires.isoformat(timespec="seconds"),
            "effect": effect,
            "mode": act.holder.mode,
            "account": act.holder.masked,
            "amount_krw": act.amount,
            "order": dict(act.told),
            "armed": armed,
        }
        told["next"] = "apply_plan(plan_id, fingerprint)" if armed else self._unarmed.en
        return told

    # --- doing -----------------------------------------------------------------------------------------------------

    async def apply(self, plan_id: str, fingerprint: str, upstream: Acting) -> Mapping[str, Any]:
        """Claim, send once, tell how it ended. Raises as `Planning.apply` says."""
        record = await self._ready(plan_id, fingerprint)
        hand = self._hand(record.act)
        before = await hand.recheck(record.act, upstream)
        record = await self._claimed(plan_id, fingerprint, before)
        try:
            async with asyncio.timeout(EXECUTE_SECONDS):
                receipt = await hand.execute(record.act, upstream)
        except TimeoutError:
            doubt: Exception = OutcomeUnknown(f"no answer within {EXECUTE_SECONDS:g} s")
        except DariError as error:
            # A reply that cannot be read proves nothing: it came after something was sent.
            if error.executed is False and not isinstance(error, Malformed):
                await self._ended(record.now("not_done", why=error.as_dict("en")))
                error.details = {**error.details, "plan_id": plan_id, "outcome": "not_done"}
                raise
            doubt = error
        except Exception as error:  # noqa: BLE001 -- a fault of ours after the claim: what was sent is in doubt, and said
            doubt = error
        else:
            return _told(await self._ended(record.now("done", found=receipt)))
        return await self._doubted(record, doubt, upstream)

    async def _doubted(self, record: Record, doubt: Exception, upstream: Acting) -> Mapping[str, Any]:
        """The outcome is not known: look it up now; still nothing is said to be unknown."""
        why = (
            doubt.as_dict("en")
            if isinstance(doubt, DariError)
            else {"code": "internal", "message": type(doubt).__name__}
        )
        record = await self._resolved(await self._ended(record.now("unknown", why=why)), upstream)
        if record.state == "done":
            return _told(record)
        raise OutcomeUnknown(
            f"it was sent, and whether it was done is not known ({doubt})",
            hint=Hint(
                f"다시 보내지 마세요. {SETTLED.seconds}초 뒤 {self._status}로 결과를 확인하세요.",
                f"Do not send it again: ask {self._status} after {SETTLED.seconds} s.",
            ),
            upstream_code=getattr(doubt, "upstream_code", None),
            upstream_text=getattr(doubt, "upstream_text", None),
            retry_after=float(SETTLED.seconds),
            details={"plan_id": record.plan_id, "outcome": "unknown"},
        ) from doubt

    async def _ready(self, plan_id: str, fingerprint: str) -> Record:
        """The plan, if it may be applied now. Raises NotFound, PlanRefused or NotAllowed."""
        kept = await self._book.get(plan_id)
        if kept is None:
            raise _no_plan(plan_id)
        record, planned = kept
        if record.state != "planned":
            raise PlanRefused(
                f"this plan was applied before: {record.state}",
                reason="used",
                details={"plan_id": plan_id, "outcome": _outcome(record)},
                hint=Hint(f"결과는 {self._status}로 확인하세요.", f"Ask {self._status} for its outcome."),
            )
        if planned != record.fingerprint or self._hand(record.act).describe(record.act) != record.effect:
            raise PlanRefused("the plan was altered after it was made", reason="altered", hint=AGAIN)
        if not secrets.compare_digest(fingerprint.encode(), planned.encode()):
            raise PlanRefused("the fingerprint is not that of this plan", reason="altered", hint=AGAIN)
        now = self._clock.now()
        if now >= record.expires:
            raise PlanRefused(f"the plan expired at {record.expires:%H:%M:%S}", reason="expired", hint=AGAIN)
        if not self._purse.armed(record.act):
            raise NotAllowed(
                "acts for this account are not armed", hint=self._unarmed, details={"cap": "armed_account"}
            )
        await self._purse.check(record.act, now)
        return record

    async def _claimed(self, plan_id: str, fingerprint: str, before: Mapping[str, Any]) -> Record:
        """Claim it, under the account's lock: of several who try, one. It is on disk when this returns."""
        record = await self._ready(plan_id, fingerprint)
        async with self._state.lock(f"acts {record.act.holder.name}"):
            record = await self._ready(plan_id, fingerprint)
            await self._nothing_alike(record)
            now = self._clock.now()
            await self._purse.take(plan_id, record.act, now)
            await self._book.begun(record)
            record = record.now("claimed", claimed_at=now, before=before)
            await self._book.put(record)
        self._write("claim", record)
        return record

    async def _nothing_alike(self, record: Record) -> None:
        other = await self._book.alike(record)
        kept = await self._book.get(other) if other else None
        if kept is not None and kept[0].state in IN_DOUBT:
            raise PlanRefused(
                "an act just like it is in doubt; the two could not be told apart",
                reason="in_doubt",
                details={"plan_id": kept[0].plan_id},
                hint=Hint(
                    f"먼저 {self._status}(plan_id={kept[0].plan_id})로 결과를 확인하세요.",
                    f"First ask {self._status}(plan_id={kept[0].plan_id}).",
                ),
            )

    # --- afterwards ------------------------------------------------------------------------------------------------

    async def status(self, plan_id: str, upstream: Acting) -> Mapping[str, Any]:
        """What has become of a plan; an outcome in doubt is looked up, what was done is looked at again."""
        kept = await self._book.get(plan_id)
        if kept is None:
            raise _no_plan(plan_id)
        record = kept[0]
        if record.state in IN_DOUBT:
            return _told(await self._resolved(record, upstream))
        told = dict(_told(record))
        if record.state == "done":
            try:
                told["found"] = await self._look_up(record, upstream) or record.found
            except DariError as error:
                told["look_up"] = error.as_dict("en")
        elif record.state == "planned":
            told["expired"] = self._clock.now() >= record.expires
        return told

    async def _look_up(self, record: Record, upstream: Acting) -> Mapping[str, Any] | None:
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                before = {**record.before, "receipt": record.found}
                return await self._hand(record.act).look_up(record.act, before, upstream)
        except TimeoutError:
            raise OutcomeUnknown(f"the look-up found no answer within {LOOK_UP_SECONDS:g} s") from None

    async def _resolved(self, record: Record, upstream: Acting) -> Record:
        """The record after one look-up: done, not done, or as much in doubt as before."""
        asked_at = self._clock.now()  # the time is taken first: a trace may appear while we look
        try:
            found = await self._look_up(record, upstream)
        except DariError as error:
            return record.now(record.state, why={**(record.why or {}), "look_up": error.as_dict("en")})
        if found is not None:
            return await self._ended(record.now("done", found=found))
        if record.claimed_at is not None and asked_at - record.claimed_at >= SETTLED:
            return await self._ended(record.now("not_done"))
        return record

    async def _ended(self, record: Record) -> Record:
        """Write the end, under the account's lock. `done` is never overwritten: it is what was seen."""
        now = self._clock.now()
        async with self._state.lock(f"acts {record.act.holder.name}"):
            kept = await self._book.get(record.plan_id)
            if kept is not None and kept[0].state == "done":
                return kept[0]
            await self._book.put(record)
            if record.state == "not_done":
                await self._purse.give_back(record.plan_id, record.act, now)
        self._write("outcome", record)
        return record

    def _hand(self, act: Act) -> Hand:
        hand = self._hands.get(act.hand)
        if hand is None:
            raise NotFound(f"this server does no {act.hand}", hint=AGAIN)
        return hand

    def _write(self, step: str, record: Record) -> None:
        """The whole act into the audit, at each step: planned, claimed, ended."""
        act = record.act
        self._audit.write(
            at=self._clock.now(),
            caller=self._owner,
            tool=f"plans.{step}",
            effect=Effect.COMMIT,
            arguments={
                "plan_id": record.plan_id,
                "mode": act.holder.mode,
                "holder": act.holder.masked,
                "act": record.effect,
                "amount_krw": act.amount,
                "sent": dict(act.sent),
                "before": dict(record.before),
                "found": record.found,
                "why": record.why,
            },
            outcome=record.state,
        )


UNARMED: Final = Hint(
    "DARI_ORDER_ACCOUNT에 계좌를 지정한 사람만 주문을 켤 수 있습니다 (DARI_REACH=commit도 필요).",
    "orders are off: a person must name the account in DARI_ORDER_ACCOUNT and set DARI_REACH=commit",
)
AGAIN: Final = Hint("새로 계획하세요.", "Make a new plan.")


def _no_plan(plan_id: str) -> NotFound:
    return NotFound(f"there is no plan {plan_id[:ID_LIMIT]!r}", hint=AGAIN)


def _outcome(record: Record) -> str:
    return "unknown" if record.state in IN_DOUBT else record.state


def _told(record: Record) -> Mapping[str, Any]:
    told: dict[str, Any] = {
        "plan_id": record.plan_id,
        "outcome": _outcome(record),
        "effect": record.effect,
        "mode": record.act.holder.mode,
        "account": record.act.holder.masked,
        "found": record.found,
    }
    if record.why and record.state != "done":
        told["why"] = dict(record.why)
    return told
