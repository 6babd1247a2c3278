"""Everything that is reconciled, read in chunks by key; and what a finding is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from dari.services.monitoring.ports import Database, ProbeFailed, Row

CHUNK: Final = 20_000
PAIRS: Final = 100
"""Kept answers asked for at once."""
Area = Literal["ledger", "payment", "event", "poison", "pending"]
"""Where a contradiction lies: `poison` is a record nobody wrote, before a consumer; `pending` is only on its way."""

CAPTURED: Final = frozenset({"CAPTURED", "REFUND_REQUESTED", "REFUNDED", "REFUND_FAILED", "PARTIAL_REFUNDED"})
"""Statuses of a payment whose money was taken."""
RECEIVABLE, CASH = "merchant_receivable", "cash"
ACCOUNTS: Final = frozenset({RECEIVABLE, CASH})
SIDES: Final[Mapping[str, tuple[str, str]]] = {
    "PAYMENT_CAPTURED": (RECEIVABLE, CASH),
    "PAYMENT_REFUNDED": (CASH, RECEIVABLE),
}
"""Event type → (debit, credit) of the entry it makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One contradiction. `rows` name the rows concerned as table:key."""

    invariant: str
    kind: str
    area: Area
    payment_id: int | None = None
    entry_ids: tuple[int, ...] = ()
    rows: tuple[str, ...] = ()
    expected: Any = None
    actual: Any = None

    def as_dict(self) -> dict[str, Any]:
        """JSON."""
        return {
            "invariant": self.invariant,
            "kind": self.kind,
            "area": self.area,
            "payment_id": self.payment_id,
            "entry_ids": list(self.entry_ids),
            "rows": list(self.rows),
            "expected": self.expected,
            "actual": self.actual,
        }


@dataclass(slots=True)
class Books:
    """The rows, and their indexes by payment. `partial`: only some payments were read, so nothing global is judged."""

    payments: dict[int, Row] = field(default_factory=dict)
    history: dict[int, list[Row]] = field(default_factory=dict)
    entries: list[Row] = field(default_factory=list)
    lines: dict[int, list[Row]] = field(default_factory=dict)
    accounts: list[Row] = field(default_factory=list)
    head: Row | None = None
    outbox: dict[int, list[Row]] = field(default_factory=dict)
    events: dict[str, Row] = field(default_factory=dict)
    settlements: dict[int, list[Row]] = field(default_factory=dict)
    refunds: dict[int, list[Row]] = field(default_factory=dict)
    inbox: dict[tuple[str, str], Row] = field(default_factory=dict)
    idem: dict[tuple[str, str], Row] = field(default_factory=dict)
    partial: bool = False
    has_chain: bool = True
    """The original's own ledger has neither lines nor hashes; then those invariants are not judged."""
    has_history: bool = False
    """Moves are written down at all: then a payment without any has lost them."""

    def entries_of(self) -> dict[int, list[Row]]:
        """Entries by payment."""
        return _by(self.entries, "payment_id")


class Reader:
    """Reads the tables of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Books:
        """Everything. The ledger is read up to the head that was seen first, payments last. Raises ProbeFailed."""
        books = Books()
        books.has_chain = await self._exists("ledger_line")
        if books.has_chain:
            heads = await self._database.select("SELECT entry_id, entry_hash FROM ledger_head WHERE id = 1")
            books.head = heads[0] if heads else None
            books.accounts = await self._database.select("SELECT account, currency, balance FROM ledger_account")
        books.entries = await self._table("ledger_entry", "entry_id")
        if books.has_chain:
            books.lines = _by(await self._table("ledger_line", "line_id"), "entry_id")
        await self._rest(books, "")
        return books

    async def some(self, ids: Sequence[int]) -> Books:
        """Only these payments (to look again at what seemed wrong while rows were being written)."""
        books = Books(partial=True)
        books.has_chain = await self._exists("ledger_line")
        wanted = ",".join(str(int(number)) for number in ids)
        books.entries = await self._table("ledger_entry", "entry_id", f"payment_id IN ({wanted})")
        numbers = ",".join(str(int(row["entry_id"])) for row in books.entries)
        if books.has_chain and numbers:
            books.lines = _by(await self._table("ledger_line", "line_id", f"entry_id IN ({numbers})"), "entry_id")
        await self._rest(books, wanted)
        return books

    async def _rest(self, books: Books, wanted: str) -> None:
        mine = f"payment_id IN ({wanted})" if wanted else ""
        if await self._exists("payment_history"):
            books.history = _by(await self._table("payment_history", "history_id", mine), "payment_id")
            kept = books.history or await self._database.select("SELECT 1 AS one FROM payment_history LIMIT 1")
            books.has_history = bool(kept)
        outbox = await self._table("outbox_event", "event_id", f"aggregate_id IN ({wanted})" if wanted else "")
        books.outbox = _by(outbox, "aggregate_id")
        books.events = {str(row["event_id"]): row for row in outbox}
        books.settlements = _by(await self._table("settlement_request", "id", mine), "payment_id")
        books.refunds = _by(await self._table("refund_request", "id", mine), "payment_id")
        if await self._exists("consumer_inbox"):
            rows = await self._by_pair("consumer_inbox", ("consumer_group", "event_key"), mine)
            books.inbox = {(str(row["consumer_group"]), str(row["event_key"])): row for row in rows}
        payments = await self._table("payment", "payment_id", mine)
        books.payments = {int(row["payment_id"]): row for row in payments}
        if not wanted:
            rows = await self._by_pair("idem_response_cache", ("merchant_id", "idempotency_key"))
            books.idem = {(str(row["merchant_id"]), str(row["idempotency_key"])): row for row in rows}
        else:
            for at in range(0, len(payments), PAIRS):
                rows = await self._kept_answers(payments[at : at + PAIRS])
                books.idem.update({(str(one["merchant_id"]), str(one["idempotency_key"])): one for one in rows})

    async def _kept_answers(self, payments: Sequence[Row]) -> list[Row]:
        pairs, keys = list[str](), dict[str, Any]()
        for at, row in enumerate(payments):
            pairs.append(f"(:m{at}, :k{at})")
            keys |= {f"m{at}": row["merchant_id"], f"k{at}": row["idempotency_key"]}
        return await self._database.select(
            f"SELECT * FROM idem_response_cache WHERE (merchant_id, idempotency_key) IN ({', '.join(pairs)})",  # noqa: S608 — names of ours; every value is bound
            keys,
        )

    async def _exists(self, table: str) -> bool:
        try:
            await self._database.select(f"SELECT 1 AS one FROM {table} LIMIT 1")  # noqa: S608 — names and integers of ours; every value is bound
        except ProbeFailed as failed:
            if any(word in failed.message.lower() for word in ("no such table", "doesn't exist")):
                return False
            raise
        return True

    async def _table(self, table: str, key: str, where: str = "") -> list[Row]:
        rows: list[Row] = []
        after = -(2**62)
        condition = f" AND {where}" if where else ""
        while True:
            chunk = await self._database.select(
                f"SELECT * FROM {table} WHERE {key} > :after{condition} ORDER BY {key} LIMIT {CHUNK}",  # noqa: S608 — names and integers of ours; every value is bound
                {"after": after},
            )
            rows.extend(chunk)
            if len(chunk) < CHUNK:
                return rows
            after = int(chunk[-1][key])

    async def _by_pair(self, table: str, key: tuple[str, str], where: str = "") -> list[Row]:
        """A table whose key is two texts, in chunks as well: one answer is cut where it grows too long."""
        rows: list[Row] = []
        after = ("", "")
        condition = f" AND {where}" if where else ""
        first, second = key
        while True:
            rest = f"({first} > :first OR ({first} = :first AND {second} > :second)){condition}"
            chunk = await self._database.select(
                f"SELECT * FROM {table} WHERE {rest} ORDER BY {first}, {second} LIMIT {CHUNK}",  # noqa: S608 — as above
                {"first": after[0], "second": after[1]},
            )
            rows.extend(chunk)
            if len(chunk) < CHUNK:
                return rows
            after = (str(chunk[-1][first]), str(chunk[-1][second]))


def _by(rows: Sequence[Row], key: str) -> dict[int, list[Row]]:
    found: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        found[int(row[key])].append(row)
    return dict(found)
