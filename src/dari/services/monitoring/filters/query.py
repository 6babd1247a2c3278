"""Structured parameters first, then the sentence: one set of constraints, or a question back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from dari.core.clock import KST
from dari.services.monitoring.filters.reading import STATUSES, Problem, Understood
from dari.services.monitoring.filters.sentence import read


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a caller may give. A naive time is Seoul's; `now` is for tests."""

    filter: str | None = None
    statuses: tuple[str, ...] = ()
    merchant_id: str | None = None
    payment_id: int | None = None
    idempotency_key: str | None = None
    min_amount: int | None = None
    max_amount: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    order: str | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`status` is `ok` (run it) or `needs_clarification` (nothing may be run)."""

    status: str
    understood: Understood
    ignored: tuple[str, ...]
    problems: tuple[Problem, ...]
    now: datetime

    def as_dict(self) -> dict[str, Any]:
        """JSON: status, understood, ignored, now, and what stands in the way with a proposal."""
        said: dict[str, Any] = {
            "status": self.status,
            "understood": self.understood.as_dict(),
            "ignored": list(self.ignored),
            "now": self.now.isoformat(),
        }
        if self.problems:
            said["needs_clarification"] = [
                {"code": one.code, "words": one.words, "ko": one.ko, "en": one.en} for one in self.problems
            ]
            said["examples"] = list(EXAMPLES)
        return said


EXAMPLES: Final = (
    "지난 1시간 실패한 결제",
    "어제 오후 2시부터 3시까지 30만원 이상 환불 완료",
    "failed payments over 100,000 won last 24h",
)
_ORDERS: Final = frozenset({"newest", "oldest", "largest", "smallest"})


def understand(asked: Asked, now: datetime) -> Outcome:
    """The constraints of `asked` at `now`. A sentence may add to the parameters, never contradict them."""
    at = now.astimezone(KST)
    problems = list(_invalid(asked))
    given = Understood(
        statuses=tuple(status for status in STATUSES if status in asked.statuses),
        merchant_id=asked.merchant_id,
        payment_id=asked.payment_id,
        idempotency_key=asked.idempotency_key,
        min_amount=asked.min_amount,
        max_amount=asked.max_amount,
        since=_seoul(asked.since),
        until=_seoul(asked.until),
        order=asked.order if asked.order in _ORDERS else None,  # type: ignore[arg-type]  # membership is the check
        limit=asked.limit,
    )
    ignored: tuple[str, ...] = ()
    if asked.filter and asked.filter.strip():
        reading = read(asked.filter, at)
        problems.extend(reading.problems)
        ignored = reading.ignored
        given = _joined(given, reading.understood, problems)
    if given.min_amount is not None and given.max_amount is not None and given.min_amount > given.max_amount:
        problems.append(Problem("empty", "amount", "최소가 최대보다 큽니다.", "The least is above the most."))
    if given.since and given.until and given.since >= given.until:
        problems.append(Problem("empty", "time", "끝이 시작보다 빠릅니다.", "The window ends before it begins."))
    unique = tuple(dict.fromkeys(problems))
    return Outcome(
        status="needs_clarification" if unique else "ok", understood=given, ignored=ignored, problems=unique, now=at
    )


def _joined(given: Understood, told: Understood, problems: list[Problem]) -> Understood:
    """Both together; a field said twice must be said alike."""
    for name in Understood.__dataclass_fields__:
        first, second = getattr(given, name), getattr(told, name)
        if second in (None, ()):
            continue
        if first in (None, ()):
            given = replace(given, **{name: second})
        elif first != second:
            problems.append(
                Problem(
                    "conflict", name, "매개변수와 문장이 서로 다릅니다.", "The parameter and the sentence disagree."
                )
            )
    return given


def _invalid(asked: Asked) -> list[Problem]:
    found = [
        Problem("status", status, f"상태는 {', '.join(STATUSES)} 중 하나입니다.", "There is no such status.")
        for status in asked.statuses
        if status not in STATUSES
    ]
    if asked.order is not None and asked.order not in _ORDERS:
        found.append(Problem("order", asked.order, "newest·oldest·largest·smallest 중 하나입니다.", "No such order."))
    if asked.limit is not None and asked.limit < 1:
        found.append(Problem("limit", str(asked.limit), "건수는 1 이상입니다.", "A limit is at least 1."))
    return found


def _seoul(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=KST) if moment.tzinfo is None else moment.astimezone(KST)
