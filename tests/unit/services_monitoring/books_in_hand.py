"""A payment platform's tables and topics small enough to hold in a hand: four payments, in SQLite, in milliseconds.

Payment 1 was captured, 2 captured and refunded, 3 authorised, 4 could not be captured and left a dead letter.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

from dari.core.clock import KST, ManualClock
from dari.services.monitoring.ports import Committed, Message, Partition, Ports, ProbeFailed, Row, Topic
from dari.services.monitoring.probes.look import GROUPS
from dari.services.monitoring.reconciliation.run import Reconciler
from dari.services.monitoring.reconciliation.topics_check import TOPIC_OF
from dari.services.payments.ledger import GENESIS, capture_posting, entry_hash, refund_posting

NOW: Final = datetime(2026, 11, 20, 15, 30, tzinfo=KST)
TABLES: Final = {
    "payment": "payment_id INTEGER PRIMARY KEY, merchant_id, amount, currency, status, idempotency_key",
    "payment_history": "history_id INTEGER PRIMARY KEY, payment_id, from_status, to_status, event_type",
    "outbox_event": "event_id INTEGER PRIMARY KEY, aggregate_id, event_type, payload, published, published_at,"
    " created_at",
    "ledger_entry": "entry_id INTEGER PRIMARY KEY, payment_id, debit_account, credit_account, amount, occurred_at,"
    " event_id, currency, prev_hash, entry_hash",
    "ledger_line": "line_id INTEGER PRIMARY KEY, entry_id, account, currency, amount",
    "ledger_account": "account, currency, balance",
    "ledger_head": "id, entry_id, entry_hash",
    "settlement_request": "id INTEGER PRIMARY KEY, payment_id, request_amount, status",
    "refund_request": "id INTEGER PRIMARY KEY, payment_id, refund_amount, status",
    "consumer_inbox": "consumer_group, event_key, outcome, payment_id, processed_at",
    "idem_response_cache": "merchant_id, idempotency_key, response_body, request_hash",
}
MOVES: Final = {
    1: (1_000, "AUTHORIZED CAPTURE_REQUESTED CAPTURED"),
    2: (3_000, "AUTHORIZED CAPTURE_REQUESTED CAPTURED REFUND_REQUESTED REFUNDED"),
    3: (500, "AUTHORIZED"),
    4: (700, "AUTHORIZED CAPTURE_REQUESTED CAPTURE_FAILED"),
}


def at(seconds_ago: float) -> str:
    """A moment before NOW as a column keeps it: naive UTC."""
    return (NOW - timedelta(seconds=seconds_ago)).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


class Tables:
    """The database port over SQLite; `lost` names the statement part at which it goes away."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:")
        self.connection.row_factory = sqlite3.Row
        self.lost: str | None = None
        self.between: dict[str, str] = {}
        """What somebody else writes after a statement with this part was answered."""

    def do(self, *statements: str) -> None:
        for statement in statements:
            self.connection.execute(statement)

    def insert(self, table: str, **row: Any) -> None:
        names = ", ".join(row)
        self.connection.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(row))})", [*row.values()])

    async def select(self, statement: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        assert "IN ()" not in statement  # SQLite takes it, MariaDB does not
        if self.lost is not None and self.lost in statement:
            raise ProbeFailed("database", "OperationalError", "gone away")
        try:
            rows: list[Row] = [dict(row) for row in self.connection.execute(statement, dict(parameters or {}))]
        except sqlite3.OperationalError as error:
            raise ProbeFailed("database", "OperationalError", str(error)) from error
        for part in [part for part in self.between if part in statement]:
            self.do(self.between.pop(part))
        return rows

    async def now(self) -> datetime:
        return NOW


class Records:
    """The Kafka port over lists: one partition a topic, whose records begin at `begin`."""

    def __init__(self) -> None:
        self.topics_held: dict[str, list[Message]] = {name: [] for name in TOPIC_OF.values()}
        self.begin: dict[str, int] = {}
        self.end: dict[str, int | None] = {}
        self.configs = {"min.insync.replicas": "1"}
        self.isr: tuple[int, ...] = (1,)
        self.done: dict[str, int | None] = {}
        self.lost: set[str] = set()
        self.asked: list[tuple[str, int, int]] = []

    def append(self, topic: str, value: str, event: str | None) -> None:
        held = self.topics_held.setdefault(topic, [])
        headers = {} if event is None else {"eventId": event}
        held.append(Message(0, self.begin.get(topic, 0) + len(held), NOW, None, value, headers))

    def _bounds(self, topic: str) -> tuple[int, int | None]:
        begin = self.begin.get(topic, 0)
        return begin, self.end.get(topic, begin + len(self.topics_held[topic]))

    async def topics(self) -> list[Topic]:
        if "topics" in self.lost:
            raise ProbeFailed("kafka", "_TRANSPORT")
        return [
            Topic(name, (Partition(0, 1, (1,), self.isr, *self._bounds(name)),), self.configs)
            for name in self.topics_held
        ]

    async def committed(self, group: str) -> list[Committed]:
        return [Committed(name, 0, self.done.get(name, self._bounds(name)[1])) for name in GROUPS[group]
                if name in self.topics_held]  # fmt: skip

    async def messages(self, topic: str, partition: int, offset: int, limit: int) -> list[Message]:
        assert partition == 0
        self.asked.append((topic, offset, limit))
        if "messages" in self.lost:
            raise ProbeFailed("kafka", "Timeout")
        return [one for one in self.topics_held[topic] if one.offset >= offset][: min(limit, 2)]


class Hand:
    """The four payments; change `tables` or `records`, then ask `report`."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.records = Records()
        self.tables.do(*(f"CREATE TABLE {name} ({columns})" for name, columns in TABLES.items()))
        self._link, self._entries, self._events = GENESIS, 0, 0
        self.links: dict[str, int] = {}
        for number, (amount, moves) in MOVES.items():
            self._payment(number, amount, moves.split())
        self.tables.insert("ledger_head", id=1, entry_id=self._entries, entry_hash=self._link)
        for account, balance in (("merchant_receivable", 1_000), ("cash", -1_000)):
            self.tables.insert("ledger_account", account=account, currency="KRW", balance=balance)

    def _payment(self, number: int, amount: int, moves: Sequence[str]) -> None:
        tables, merchant, key = self.tables, f"M-{number}", f"key-{number}"
        tables.insert("payment", payment_id=number, merchant_id=merchant, amount=amount, currency="KRW",
                      status=moves[-1], idempotency_key=key)  # fmt: skip
        digest = sha256(f"{merchant}|{amount}|KRW".encode()).hexdigest()
        tables.insert("idem_response_cache", merchant_id=merchant, idempotency_key=key, request_hash=digest,
                      response_body=json.dumps({"paymentId": number, "amount": amount}))  # fmt: skip
        for before, after in zip(("READY", *moves), moves, strict=False):
            kind = f"PAYMENT_{after}"
            tables.insert("payment_history", payment_id=number, from_status=before, to_status=after, event_type=kind)
            event = self.event(number, kind, {"paymentId": number, "amount": amount})
            if after in {"CAPTURED", "REFUNDED"}:
                self._entry(number, amount, after, event)
        if "CAPTURE_REQUESTED" in moves:
            done = "SUCCESS" if "CAPTURED" in moves else "FAILED"
            tables.insert("settlement_request", payment_id=number, request_amount=amount, status=done)
        if "REFUND_REQUESTED" in moves:
            tables.insert("refund_request", payment_id=number, refund_amount=amount, status="SUCCESS")
        if moves[-1] == "CAPTURE_FAILED":
            self.event(number, "SETTLEMENT_DEAD_LETTER", {"paymentId": number})

    def event(self, number: int, kind: str, payload: Any, *, published: int = 1) -> int:
        """An outbox row and, once published, its record."""
        self._events += 1
        text = json.dumps(payload)
        when = at(300) if published else None
        self.tables.insert("outbox_event", event_id=self._events, aggregate_id=number, event_type=kind, payload=text,
                           published=published, published_at=when, created_at=at(301))  # fmt: skip
        if published:
            self.records.append(TOPIC_OF.get(kind, "payment.unknown"), text, str(self._events))
        return self._events

    def _entry(self, number: int, amount: int, status: str, event: int) -> None:
        self._entries += 1
        make = capture_posting if status == "CAPTURED" else refund_posting
        posting = make(number, str(event), amount, "KRW", NOW - timedelta(seconds=299))
        link = entry_hash(self._link, self._entries, posting)
        self.tables.insert("ledger_entry", entry_id=self._entries, payment_id=number, debit_account=posting.debit,
                           credit_account=posting.credit, amount=amount, occurred_at=at(299), event_id=str(event),
                           currency="KRW", prev_hash=self._link, entry_hash=link)  # fmt: skip
        for account, signed in ((posting.debit, amount), (posting.credit, -amount)):
            self.tables.insert("ledger_line", entry_id=self._entries, account=account, currency="KRW", amount=signed)
        self.tables.insert("consumer_inbox", consumer_group="payment-consumer", event_key=str(event),
                           outcome="PROCESSED", payment_id=number, processed_at=at(299))  # fmt: skip
        self._link = link
        self.links[link] = self._entries

    async def report(self, **how: Any) -> dict[str, Any]:
        """One reconciliation of them; `how` is what `Reconciler.run` takes."""
        away: Any = None
        ports = Ports(database=self.tables, redis=away, kafka=self.records, platform=away)  # type: ignore[arg-type]  # only what reconciliation asks
        return await Reconciler(ports, ManualClock(NOW)).run(**how)

    async def found(self) -> list[str]:
        """What is wrong, a line each; a hash of the ledger as its entry's number in angle brackets."""
        return [self.line(one) for one in (await self.report())["findings"]]

    def line(self, finding: Mapping[str, Any]) -> str:
        """One finding as the cases spell it; what is empty or null is left out."""
        words = [finding["invariant"], finding["kind"], finding["area"]]
        names = [
            one for one in ("payment_id", "entry_ids", "rows", "expected", "actual") if finding[one] not in (None, [])
        ]
        words += [f"{name}={json.dumps(finding[name], ensure_ascii=False)}" for name in names]
        return re.sub(r"[0-9a-f]{64}", lambda found: f"<{self.links.get(found[0], 'another')}>", " ".join(words))
