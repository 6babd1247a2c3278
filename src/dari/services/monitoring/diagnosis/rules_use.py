"""Causes that lie with those who use the platform, with the payment gateway (rules_gateway), or with the books."""

from __future__ import annotations

from typing import Any, Final

from dari.services.monitoring.diagnosis.common import app_up, known, over_limit
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.diagnosis.rule import Rule, so
from dari.services.monitoring.diagnosis.rules_gateway import GATEWAY

MISUSED: Final = 2
"""Refused re-uses of keys in the window that are no single slip."""
MANY: Final = 3
"""Merchants refused at once that are no longer one merchant's affair."""
SURGE: Final = 4.0
LOADED: Final = 2.5


def _hot(f: Facts) -> list[dict[str, Any]]:
    """Merchants refused because they asked more than the configured capacity."""
    stuck = {(one["merchant"], one["action"]) for one in known(f, "limit.never_ending", [])}
    return [row for row in f["limit.refused"] if (row["merchant"], row["action"]) not in stuck]


def _others(f: Facts) -> int:
    rows = f["limit.refused"]
    return int(f["limit.refused_total"] - (rows[0]["refused"] if rows else 0))


def _one_sender(f: Facts) -> bool:
    """The traffic above the usual comes from merchants that are refused, or would be; the others ask as ever."""
    limited = {row["merchant"] for row in known(f, "limit.refused", [])} | set(over_limit(f))
    total = known(f, "http.authorize_total", 0)
    if not limited or not total:
        return False
    let_in = sum(count for name, count in known(f, "traffic.by_merchant", {}).items() if name in limited)
    share = min(1.0, (known(f, "limit.refused_total", 0) + let_in) / total)
    return bool(f["traffic.rps"] * (1 - share) < SURGE * (f["traffic.usual_rps"] or 0.0))


def _mismatches(f: Facts) -> list[dict[str, Any]]:
    return [row for row in f["idempotency.conflicts"] if row["kind"] == "body_mismatch"]


def _masked(key: str) -> str:
    return key[:3] + "…" + key[-2:] if len(key) > 6 else key[:1] + "…"


def _misuse(f: Facts) -> dict[str, Any]:
    rows = _mismatches(f)
    merchants: dict[str, int] = {}
    for row in rows:
        merchants[row["merchant_id"]] = merchants.get(row["merchant_id"], 0) + int(row["n"])
    top = max(merchants, key=lambda name: merchants[name])
    mine = [row for row in rows if row["merchant_id"] == top]
    return {
        "merchant": top,
        "merchants": dict(sorted(merchants.items(), key=lambda one: -one[1])[:10]),
        "keys": len(mine),
        # The first body was accepted and is not among the refused ones.
        "distinctBodiesPerKey": max(int(row["bodies"]) for row in mine) + 1,
        "refused": sum(int(row["n"]) for row in rows),
        "http422": f.get("http.authorize", {}).get("422"),
        "http409": f.get("http.authorize", {}).get("409"),
        "sampleKey": _masked(str(mine[0]["idempotency_key"])),
        "doubleCharges": f.get("ledger.double_charges"),
    }


def _pressure(f: Facts) -> bool:
    """The load is felt: backlog, latency or pool, against what is usual; without its database nothing tells."""
    if not known(f, "database.reachable", True):  # noqa: FBT003 — what is not known counts as there
        return True
    pool = f["pool.usage"] if "traffic.backlog" not in f else known(f, "pool.usage", {"pending": 0})
    usual, now = known(f, "http.usual_p95_ms", None), known(f, "http.p95_ms", None)
    backlog, habit = known(f, "traffic.backlog", 0.0), known(f, "traffic.usual_backlog", 0.0)
    # Where Kafka does not tell what waits, the outbox does: it grows by much more than is usual.
    growing = "traffic.backlog" not in f and (known(f, "outbox.slope", None) or 0.0) >= SURGE * (
        known(f, "traffic.usual_rps", None) or 1.0
    )
    return bool(
        pool["pending"] > 0 or (usual and now and now >= 2 * usual) or backlog >= LOADED * max(habit, 2.0) or growing
    )


def _surging(f: Facts) -> bool:
    ratio = f["traffic.ratio"]
    return ratio is not None and ratio >= SURGE


def _surge(f: Facts) -> dict[str, Any]:
    merchants = sorted(f.get("traffic.by_merchant", {}).items(), key=lambda one: -one[1])
    total = sum(count for _, count in merchants) or 1
    groups = {
        name.removeprefix("groups."): f.get(name)
        for name in ("groups.payment-consumer", "groups.settlement-worker-group")
    }
    return {
        "rps": f.get("traffic.rps"),
        "usualRps": f.get("traffic.usual_rps"),
        "ratio": f.get("traffic.ratio"),
        "windowSeconds": 60,
        "topMerchants": [{"merchant": name, "share": round(count / total, 4)} for name, count in merchants[:5]],
        "pool": f.get("pool.usage"),
        "backlog": f.get("traffic.backlog"),
        "usualBacklog": f.get("traffic.usual_backlog"),
        "p95Ms": f.get("http.p95_ms"),
        "lag": {name: said["waiting"] for name, said in groups.items() if said},
        "lagSlopePerSecond": {name: said["growth"] for name, said in groups.items() if said},
        "members": {name: said["members"] for name, said in groups.items() if said},
        "errors": f.get("http.errors"),
    }


def _books(f: Facts, *where: str) -> list[dict[str, Any]]:
    return [one for one in f["ledger.findings"] if one["area"] in where]


def _lost(f: Facts) -> list[dict[str, Any]]:
    """Findings about events, but for a stranger's records in a topic whose others went to the dead letters of now."""
    poisoned = {str(one.get("originalTopic")) for one in known(f, "letters.new", []) if not one["infrastructure"]}
    strays = "record_without_outbox_row"
    return [
        one
        for one in _books(f, "event")
        if not (one["kind"] == strays and any(row.split(":", 1)[0] in poisoned for row in one["rows"]))
    ]


def _tampered(f: Facts) -> dict[str, Any]:
    rows = _books(f, "ledger")
    return {
        "findings": rows[:10],
        "count": len(rows),
        "entryIds": sorted({number for row in rows for number in row["entry_ids"]})[:100],
        "paymentIds": sorted({row["payment_id"] for row in rows if row["payment_id"] is not None})[:100],
        "firstBrokenLink": f.get("ledger.first_broken_link"),
        "deltaPerAccount": f.get("ledger.delta_per_account"),
    }


USE: Final[tuple[Rule, ...]] = (
    Rule(
        id="RATE_LIMITED_MERCHANT",
        component="rate-limit",
        severity="warning",
        ko="한 가맹점이 요청 한도를 넘었습니다.",
        en="One merchant asks more than its limit allows.",
        requires=(app_up, so("requests are refused with 429", lambda f: bool(_hot(f)))),
        forbids=(so("many merchants are refused at once", lambda f: f["limit.refused_merchants"] > MANY),),
        report=lambda f: {
            **_hot(f)[0],
            "share429Percent": round(100 * _hot(f)[0]["share"], 2),
            "others429": _others(f),
            "refusedTotal": f["limit.refused_total"],
            "all": _hot(f),
        },
        disproof="rate_limit_rejected_total does not grow, or its refusals are spread over many merchants.",
        next_step="check_rate_limit",
    ),
    Rule(
        id="RATE_LIMIT_TOO_LOW",
        component="rate-limit",
        severity="warning",
        ko="여러 가맹점이 한꺼번에 429를 받습니다: 한도가 트래픽보다 낮습니다.",
        en="Many merchants are refused at once: the limit is lower than the traffic.",
        requires=(app_up, so("many merchants are refused with 429", lambda f: f["limit.refused_merchants"] > MANY)),
        report=lambda f: {
            "merchants": f["limit.refused_merchants"],
            "refusedTotal": f["limit.refused_total"],
            "limits": f.get("app.limits"),
            "top": f["limit.refused"][:5],
        },
        disproof="One merchant accounts for nearly all 429.",
        next_step="find_merchants_hitting_limits",
    ),
    Rule(
        id="RATE_KEY_NEVER_EXPIRES",
        component="rate-limit",
        severity="warning",
        ko="만료되지 않는 Rate Limit 키가 있습니다.",
        en="A rate-limit counter has no expiry: its merchant stays refused for ever.",
        requires=(so("a counter has no time to live", lambda f: bool(f["limit.never_ending"])),),
        report=lambda f: {"counters": f["limit.never_ending"][:20], "refused": f.get("limit.refused")},
        disproof="TTL of the key is positive.",
        next_step="list_rate_limit_keys",
    ),
    Rule(
        id="IDEMPOTENCY_MISUSE",
        component="client",
        severity="warning",
        ko="클라이언트가 같은 멱등성 키를 다른 내용으로 다시 씁니다.",
        en="A client re-uses idempotency keys with different bodies.",
        requires=(
            so("keys came again with another body", lambda f: sum(int(r["n"]) for r in _mismatches(f)) >= MISUSED),
        ),
        report=_misuse,
        disproof="The refused bodies equal the first ones (request_hash).",
        next_step="find_duplicate_idempotency",
    ),
    Rule(
        id="TRAFFIC_SURGE",
        component="traffic",
        severity="warning",
        ko="트래픽이 평소보다 급증했습니다.",
        en="Traffic has surged far above what is usual.",
        requires=(
            app_up,
            so("requests a second are four times the usual or more", _surging),
            so("the load is felt, or the part that would feel it is away", _pressure),
        ),
        forbids=(so("the extra traffic is refused", _one_sender),),
        report=_surge,
        own=so("they are more than clients that try again bring", lambda f: f["traffic.ratio"] >= 2 * SURGE),
        disproof="Requests a second are near what is usual.",
        next_step="payment_statistics",
        explains=frozenset({"CONSUMER_SLOW", "OUTBOX_SLOW", "DB_POOL_EXHAUSTED", "LATENCY", "OUTBOX_AGE"}),
    ),
    *GATEWAY,
    Rule(
        id="LEDGER_TAMPERED",
        component="ledger",
        ko="원장이 변조되었습니다.",
        en="The ledger was tampered with.",
        requires=(so("the books contradict themselves or the payments", lambda f: bool(_books(f, "ledger"))),),
        report=_tampered,
        disproof="Every entry's hash, lines and payment agree.",
        next_step="reconciliation_check",
    ),
    Rule(
        id="PAYMENT_TAMPERED",
        component="payments-table",
        ko="결제 행이 이력·이벤트와 맞지 않습니다.",
        en="Payment rows contradict their history or events.",
        requires=(so("rows, history and events contradict", lambda f: bool(_books(f, "payment"))),),
        report=lambda f: {"findings": _books(f, "payment")[:10], "count": len(_books(f, "payment"))},
        disproof="Status, history and outbox of the payments agree.",
        next_step="reconciliation_check",
    ),
    Rule(
        id="EVENT_LOST",
        component="events",
        ko="발행된 이벤트가 토픽이나 소비 기록에 없습니다.",
        en="Events that were published are not in their topic, or were skipped by a consumer.",
        requires=(so("an event is missing on its way", lambda f: bool(_lost(f))),),
        report=lambda f: {"findings": _lost(f)[:10], "count": len(_lost(f))},
        disproof="Every published event id is in its topic and in the inbox.",
        next_step="reconciliation_check",
        explains=frozenset({"LEDGER_GAP"}),
    ),
)
