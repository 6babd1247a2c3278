"""A database administrator's hands: changes to a store behind the platform's back, past triggers and foreign keys."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from dari.services.payments.adapters.sql import Database
from dari.services.payments.ledger import GENESIS, entry_hash
from dari.services.payments.memory_log import MemoryLog
from dari.services.payments.rows import posting_of
from dari.services.payments.tables import trigger_statements

KEYS_OFF: Final = {"sqlite": "PRAGMA foreign_keys=OFF", "mysql": "SET FOREIGN_KEY_CHECKS=0"}
KEYS_ON: Final = {"sqlite": "PRAGMA foreign_keys=ON", "mysql": "SET FOREIGN_KEY_CHECKS=1"}


class Surgeon:
    """One operation on one database."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def do(self, statement: str, **parameters: Any) -> int:
        """Run one statement; how many rows it changed."""
        result = await self._connection.execute(sa.text(statement), parameters)
        return int(result.rowcount)

    async def rows(self, query: str, **parameters: Any) -> list[Mapping[str, Any]]:
        """The rows of one query."""
        return [dict(row) for row in (await self._connection.execute(sa.text(query), parameters)).mappings()]

    async def insert(self, table: str, row: Mapping[str, Any]) -> None:
        """One row as raw values."""
        names = ", ".join(row)
        places = ", ".join(f":{name}" for name in row)
        await self.do(f"INSERT INTO {table} ({names}) VALUES ({places})", **row)  # noqa: S608 — own names

    async def recompute(self) -> None:
        """Number, chain, lines and balances anew from the entries as they now are: a forger who knows the book."""
        entries = await self.rows("SELECT * FROM ledger_entry ORDER BY entry_id")
        await self.do("DELETE FROM ledger_line")
        await self.do("DELETE FROM ledger_entry")
        await self.do("DELETE FROM ledger_account")
        link, number = GENESIS, 0
        balances: dict[tuple[str, str], int] = {}
        for old in entries:
            number += 1
            row = {**old, "entry_id": number, "prev_hash": link}
            link = entry_hash(link, number, posting_of(row))
            await self.insert("ledger_entry", {**row, "entry_hash": link})
            for account, amount in ((row["debit_account"], row["amount"]), (row["credit_account"], -row["amount"])):
                line = {"entry_id": number, "account": account, "currency": row["currency"], "amount": amount}
                await self.insert("ledger_line", line)
                name = (account, row["currency"])
                balances[name] = balances.get(name, 0) + amount
        for (account, currency), balance in balances.items():
            await self.insert("ledger_account", {"account": account, "currency": currency, "balance": balance})
        await self.do("UPDATE ledger_head SET entry_id = :number, entry_hash = :link", number=number, link=link)


@asynccontextmanager
async def operation(database: Database) -> AsyncIterator[Surgeon]:
    """Triggers and foreign keys are off inside, and on again after it."""
    dialect = "sqlite" if database.dialect == "sqlite" else "mysql"
    # SQLite ignores the pragma inside a transaction: it must come first, on its own.
    async with database.bare() as connection:
        await connection.exec_driver_sql(KEYS_OFF[dialect])
        for statement in trigger_statements(database.dialect, drop=True):
            await connection.exec_driver_sql(statement)
        try:
            yield Surgeon(connection)
        finally:
            for statement in trigger_statements(database.dialect):
                await connection.exec_driver_sql(statement)
            await connection.exec_driver_sql(KEYS_ON[dialect])


def cut_record(log: MemoryLog, topic: str, event_id: str) -> None:
    """Take a record out of a topic as if it had never arrived: the ones behind it move up, and so do the offsets."""
    for number, partition in enumerate(log.topics[topic].partitions):
        at = next((r.offset for r in partition.records if r.headers.get("eventId") == event_id), None)
        if at is None:
            continue
        kept = [record for record in partition.records if record.offset != at]
        partition.records[:] = [replace(record, offset=offset) for offset, record in enumerate(kept)]
        for group in log.groups.values():
            place = (topic, number)
            if group.committed.get(place, 0) > at:
                group.committed[place] -= 1
            group.generation += 1
