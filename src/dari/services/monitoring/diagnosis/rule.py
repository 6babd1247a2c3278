"""A rule: what must be so, what must not be so, what to report, and which other findings it explains."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dari.services.monitoring.diagnosis.facts import Facts

Severity = Literal["critical", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One statement about the facts; asking it raises Unknown when a fact it needs is unknown."""

    name: str
    holds: Callable[[Facts], bool]


def so(name: str, holds: Callable[[Facts], bool]) -> Condition:
    """A condition, shortly."""
    return Condition(name, holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One cause. `explains` are causes and symptoms that need no cause of their own when this one holds.

    `own` is evidence that no other cause accounts for: where it is there, nothing explains this one away.
    """

    id: str
    component: str
    severity: Severity = "critical"
    ko: str
    en: str
    requires: tuple[Condition, ...]
    forbids: tuple[Condition, ...] = ()
    report: Callable[[Facts], Mapping[str, Any]]
    disproof: str
    next_step: str
    own: Condition | None = None
    explains: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symptom:
    """Something an operator sees; `causes` are the rules that account for it."""

    id: str
    ko: str
    en: str
    shows: Condition
    report: Callable[[Facts], Mapping[str, Any]]
    causes: frozenset[str]
