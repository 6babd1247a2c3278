"""Rules over facts: what holds, what is explained by something else, what could not be judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dari.services.monitoring.diagnosis.facts import Facts, Unknown
from dari.services.monitoring.diagnosis.masking import masked
from dari.services.monitoring.diagnosis.rule import Rule, Symptom
from dari.services.monitoring.diagnosis.rules_flow import FLOW
from dari.services.monitoring.diagnosis.rules_parts import PARTS
from dari.services.monitoring.diagnosis.rules_use import USE
from dari.services.monitoring.diagnosis.symptoms import SYMPTOMS

RULES: Final[tuple[Rule, ...]] = (*PARTS, *FLOW, *USE)
"""In the order of the dependency graph: parts first, then the flow, then use and books."""
_SEVERITY: Final = {"critical": 0, "warning": 1, "info": 2}
_ACCOUNTED: Final[Mapping[str, frozenset[str]]] = {
    "kafka": frozenset({"KAFKA_UNREACHABLE"}),
    "database": frozenset({"DB_UNREACHABLE"}),
    "database.time": frozenset({"DB_UNREACHABLE"}),
    "redis": frozenset({"REDIS_UNREACHABLE"}),
    "app.info": frozenset({"APP_UNREACHABLE"}),
    "app.metrics": frozenset({"APP_UNREACHABLE"}),
    "app.breakers": frozenset({"APP_UNREACHABLE"}),
    "app.events": frozenset({"APP_UNREACHABLE"}),
    "app.health": frozenset({"APP_UNREACHABLE"}),
    "ledger": frozenset({"DB_UNREACHABLE", "KAFKA_UNREACHABLE"}),
}
"""A failed probe that a cause accounts for is no reason to abstain."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What one rule came to: holds, does not, or could not be judged because of a probe."""

    rule: Rule
    holds: bool | None
    probe: str = ""
    reason: str = ""


def judge(rule: Rule, facts: Facts) -> Judged:
    """Required facts all true and forbidden ones all false; one false requirement settles it, unknown or not."""
    blocked: Unknown | None = None
    for conditions, wanted in ((rule.requires, True), (rule.forbids, False)):
        for condition in conditions:
            try:
                if bool(condition.holds(facts)) is not wanted:
                    return Judged(rule, holds=False)
            except Unknown as why:
                blocked = blocked or why
    if blocked is not None:
        return Judged(rule, None, blocked.probe, blocked.reason)
    return Judged(rule, holds=True)


def diagnose(
    facts: Facts, at: datetime, *, rules: Sequence[Rule] = RULES, symptoms: Sequence[Symptom] = SYMPTOMS
) -> dict[str, Any]:
    """The verdict: `status` healthy | cause_found | symptoms_only | unknown; `root_cause` is the first cause's id.

    `causes` are ranked; `explained` are findings and symptoms that a cause accounts for; `unknown` are probes that
    failed and no cause accounts for; `undecided` are rules a missing fact kept open; `masked` says which causes cannot
    be seen while one that was found lasts.
    """
    judged = [judge(rule, facts) for rule in rules]
    holding = [one.rule for one in judged if one.holds]
    ids = {rule.id for rule in holding}
    explained: list[tuple[Rule, list[str]]] = []
    roots: list[tuple[Rule, list[str]]] = []
    for rule in holding:
        above = sorted(other.id for other in holding if rule.id in other.explains and other is not rule)
        above = [] if _alone(rule, facts) else above
        (explained if above else roots).append((rule, above))
    ranked = [rule for rule, _ in sorted(roots, key=lambda one: _SEVERITY[one[0].severity])]
    shown, unexplained = _symptoms(facts, symptoms, ids, {rule.id for rule in ranked})
    causes = [_cause(rule, facts, shown, explained) for rule in ranked]
    unknown = [
        {
            "probe": probe,
            "errorClass": kind,
            "message": message,
            "accountedFor": sorted(_ACCOUNTED.get(probe, frozenset()) & ids),
        }
        for probe, (kind, message) in sorted(facts.failures.items())
    ]
    open_probes = [one for one in unknown if not one["accountedFor"]]
    return {
        "status": _status(causes, unexplained, open_probes),
        "root_cause": causes[0]["id"] if causes else None,
        "causes": causes,
        "explained": [
            *(
                {"id": rule.id, "kind": "finding", "explained_by": above, "evidence": dict(rule.report(facts))}
                for rule, above in explained
            ),
            *({**one, "kind": "symptom"} for one in shown),
        ],
        "unexplained_symptoms": unexplained,
        "masked": masked([rule.id for rule in ranked], {rule.id for rule in ranked}),
        "unknown": unknown,
        "undecided": [
            {"rule": one.rule.id, "probe": one.probe, "reason": one.reason} for one in judged if one.holds is None
        ],
        "checked_at": at.isoformat(),
        "window_seconds": facts.get("window.seconds"),
        "history_samples": facts.get("history.samples"),
    }


def _alone(rule: Rule, facts: Facts) -> bool:
    """Whether it has evidence of its own, which no cause above it accounts for."""
    try:
        return rule.own is not None and rule.own.holds(facts)
    except Unknown:
        return False


def _status(causes: Sequence[Any], unexplained: Sequence[Any], open_probes: Sequence[Any]) -> str:
    if causes:
        return "cause_found"
    if open_probes:
        return "unknown"
    return "symptoms_only" if unexplained else "healthy"


def _symptoms(
    facts: Facts, symptoms: Sequence[Symptom], ids: set[str], roots: set[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    shown, unexplained = [], []
    for symptom in symptoms:
        try:
            if not symptom.shows.holds(facts):
                continue
        except Unknown:
            continue
        row = {"id": symptom.id, "ko": symptom.ko, "en": symptom.en, "evidence": dict(symptom.report(facts))}
        causes = sorted(symptom.causes & roots) or sorted(symptom.causes & ids)
        if causes:
            shown.append({**row, "explained_by": causes})
        else:
            unexplained.append(row)
    return shown, unexplained


def _cause(
    rule: Rule, facts: Facts, shown: Sequence[Mapping[str, Any]], explained: Sequence[tuple[Rule, list[str]]]
) -> dict[str, Any]:
    return {
        "id": rule.id,
        "component": rule.component,
        "severity": rule.severity,
        "ko": rule.ko,
        "en": rule.en,
        "evidence": dict(rule.report(facts)),
        "because": [condition.name for condition in rule.requires],
        "disproof": rule.disproof,
        "next_step": rule.next_step,
        "explains": sorted(
            {str(one["id"]) for one in shown if rule.id in one["explained_by"]}
            | {other.id for other, above in explained if rule.id in above}
        ),
    }
