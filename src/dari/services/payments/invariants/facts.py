"""Everything the stores hold, read once, in the shape the checks ask for."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dari.services.payments.ports import Record
from dari.services.payments.sandbox import Sandbox
from dari.services.payments.tables import metadata

Row = Mapping[str, Any]
VOLATILE: Final = frozenset({"shedlock"})
"""Tables that a running platform renews by itself."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant: which (I1…I20), what is wrong, and the rows that show it (`table:id`)."""

    invariant: str
    message: str
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Tables by name, records by topic, committed offsets by group."""

    tables: Mapping[str, Sequence[Row]]
    topics: Mapping[str, Sequence[Record]]
    committed: Mapping[str, Mapping[tuple[str, int], int]]

    def by(self, table: str, column: str) -> dict[Any, list[Row]]:
        """The rows of a table, grouped by a column."""
        groups: dict[Any, list[Row]] = defaultdict(list)
        for row in self.tables[table]:
            groups[row[column]].append(row)
        return groups

    @property
    def payments(self) -> dict[int, Row]:
        """Payments by id."""
        return {row["payment_id"]: row for row in self.tables["payment"]}


async def load(sandbox: Sandbox) -> Facts:
    """Read database and log."""
    tables = {table.name: await sandbox.database.rows(table.select().__str__()) for table in metadata.sorted_tables}
    topics = {name: list(sandbox.log.records(name)) for name in sandbox.log.topics}
    committed = {name: dict(group.committed) for name, group in sandbox.log.groups.items()}
    return Facts(tables, topics, committed)


async def checksum(sandbox: Sandbox, *, keys: bool = True) -> str:
    """One hash over database (but not the poller's heartbeat), records, offsets and (if asked) keys with expiry."""
    facts = await load(sandbox)
    kept = {name: [list(row.values()) for row in rows] for name, rows in facts.tables.items() if name not in VOLATILE}
    records = {
        name: [(r.partition, r.offset, r.key, r.value, r.timestamp, sorted(r.headers.items())) for r in found]
        for name, found in facts.topics.items()
    }
    offsets = {name: sorted(committed.items()) for name, committed in facts.committed.items()}
    whole = [kept, sandbox.keys.dump() if keys else {}, records, offsets]
    return hashlib.sha256(json.dumps(whole, default=str, sort_keys=True).encode()).hexdigest()
