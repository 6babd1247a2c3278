"""What the server kiwoom offers to read: what Kiwoom pushes by address, live screens (조건검색), and alerts on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

from dari.core.alerts import EXECUTED, Alert, bound
from dari.core.errors import Hint, InvalidInput
from dari.core.live import Tick, Topic
from dari.core.shelf import LiveResource, Shelf, Watched
from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools.account import masked
from dari.providers.kiwoom.tools.realtime import SCREEN_KIND, SCREEN_LIVE, SHOWN, Collect, Kind, record_of, topics_of

TRADES: Final = "0B"
OWN: Final = "00"
PLAIN: Final[Mapping[str, str]] = {"trade": TRADES, "book": "0D", "notice": OWN, "balance": "04"}
"""Kinds by a plain name, the same as KIS's."""
EVERYTHING: Final = 12
"""Names a table begins with, of the kinds that say no order of their own."""
ACCOUNTS: Final = ("account_no",)


def told(tick: Tick) -> dict[str, Any]:
    """One record by our names, the account number hidden."""
    record = record_of(SPEC.endpoint(_row(tick.topic.kind)), tick)
    return {name: masked(value) if name in ACCOUNTS else value for name, value in record.items()}


def shown(kind: str) -> tuple[str, ...]:
    """The names a table of this kind begins with."""
    row = SPEC.endpoint(_row(kind))
    block = next((one for one in row.blocks if one.name == "values"), row.blocks[0])
    return SHOWN.get(kind, tuple(one.english for one in block.fields)[:EVERYTHING])


def figures(kind: str, record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a record that alerts speak of."""
    if kind == OWN:
        return {EXECUTED: float(record.get("unit_execution_qty") or record.get("execution_qty") or 0)}
    found = {"price": record.get("price"), "change": record.get("change_pct"), "volume": record.get("acc_volume")}
    return {name: float(number) for name, number in found.items() if number is not None}


def _row(kind: str) -> str:
    return SCREEN_LIVE if kind == SCREEN_KIND else kind


def _pushed(kind: str, item: str = "") -> Watched:
    kind = PLAIN.get(kind, kind)
    if kind not in get_args(Kind):
        allowed = ", ".join(get_args(Kind))
        raise InvalidInput(
            f"kind: one of {allowed}",
            hint=Hint(f"허용: {allowed}", f"Allowed: {allowed}"),
            details={"parameter": "kind", "allowed": list(get_args(Kind))},
        )
    topics = topics_of(Collect.model_validate({"kind": kind, "items": [item] if item else []}))
    return Watched(f"{kind} {item}".strip(), tuple(topics), "account" if kind in {OWN, "04"} else "market")


def _alert(item: str, figure: str, side: str, number: str) -> Watched:
    alert = bound(figure, side, number)
    return Watched(f"{item}: {alert}", tuple(topics_of(Collect(kind=TRADES, items=[item]))), alert=alert)


def _own_alert() -> Watched:
    return Watched("내 체결 own execution", (Topic(OWN),), "account", Alert(EXECUTED))


def _live(address: str, name: str, description: str, watched: Any) -> LiveResource:
    return LiveResource(
        address=address, name=name, description=description, watched=watched, told=told, shown=shown, figures=figures
    )


SHELF: Final = Shelf(
    live=(
        _live(
            "kiwoom://realtime/{kind}",
            "실시간 (종목 없이)",
            "Pushed without an item: notice 00 own executions 주문체결; 04 balance 잔고; 0s market hours 장시작.",
            _pushed,
        ),
        _live(
            "kiwoom://realtime/{kind}/{item}",
            "실시간 시세",
            "What Kiwoom pushes 실시간 of one item (005930, 005930_NX, 005930_AL, a sector). kind: trade 0B, book 0D, "
            "0J sector, 1h VI …; screen: hits of a saved screen 조건검색 by its number (list_conditions).",
            _pushed,
        ),
        _live("kiwoom://alert/own", "내 체결 알림", "Changes only at an execution of one's own 체결 알림.", _own_alert),
        _live(
            "kiwoom://alert/{item}/{figure}/{side}/{number}",
            "시세 알림",
            "Changes only when a figure (price, change %, volume) of an item goes above or below a number 시세 알림.",
            _alert,
        ),
    ),
)
