"""Ledger rows as raw SQL gives them, and their place in the chain."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dari.services.payments.ledger import Posting, entry_hash


def moment(value: Any) -> datetime:
    """A moment from raw SQL: naive UTC, as a datetime (MariaDB) or as text (SQLite)."""
    read = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return read.replace(tzinfo=UTC)


def posting_of(row: Mapping[str, Any]) -> Posting:
    """The posting a ledger_entry row says it is."""
    return Posting(
        row["payment_id"],
        row["event_id"],
        row["debit_account"],
        row["credit_account"],
        row["amount"],
        row["currency"],
        moment(row["occurred_at"]),
    )


def row_hash(row: Mapping[str, Any]) -> str:
    """The hash the row should have, given the predecessor it names."""
    return entry_hash(row["prev_hash"], row["entry_id"], posting_of(row))
