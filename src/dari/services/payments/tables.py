"""The tables of `paydb`: the original's names and columns, and what makes them checkable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from dari.core.clock import KST

ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite numbers rows by itself only where the column says INTEGER."""
MONEY: Final = sa.Numeric(15, 2).with_variant(sa.BigInteger(), "sqlite")
"""DECIMAL(15,2) as the original has it; only whole won are ever written."""


class Moment(sa.types.TypeDecorator[datetime]):
    """A moment: aware KST in the program, naive UTC in milliseconds in the table."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=3))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 — SQLAlchemy's signature
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) - timedelta(microseconds=utc.microsecond % 1000)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 — SQLAlchemy's signature
        return None if value is None else value.replace(tzinfo=UTC).astimezone(KST)


class JsonText(sa.types.UserDefinedType[str]):
    """A JSON column that hands its text through: what was stored is what is replayed, byte for byte."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "JSON"


metadata = sa.MetaData()
_ENGINE: dict[str, Any] = {"mysql_engine": "InnoDB", "mariadb_engine": "InnoDB"}


def _request_columns(amount: str, transaction: str) -> list[Any]:
    return [
        sa.Column("id", ID, primary_key=True, autoincrement=True),
        sa.Column("payment_id", ID, sa.ForeignKey("payment.payment_id"), nullable=False, unique=True),
        sa.Column(amount, MONEY, nullable=False),
        sa.Column("status", sa.String(50), nullable=False),
        sa.Column(transaction, sa.String(64)),
        sa.Column("pg_response_code", sa.String(16)),
        sa.Column("pg_response_message", sa.String(255)),
        sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
        sa.Column("last_retry_at", Moment),
        sa.Column("requested_at", Moment, nullable=False),
        sa.Column("completed_at", Moment),
        sa.CheckConstraint(f"{amount} > 0"),
    ]


payment = sa.Table(
    "payment",
    metadata,
    sa.Column("payment_id", ID, primary_key=True, autoincrement=True),
    sa.Column("merchant_id", sa.String(32), nullable=False),
    sa.Column("amount", sa.BigInteger, sa.CheckConstraint("amount > 0"), nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False, server_default="KRW"),
    sa.Column("status", sa.String(50), nullable=False),
    sa.Column("idempotency_key", sa.String(64), nullable=False),
    sa.Column("requested_at", Moment, nullable=False),
    sa.Column("updated_at", Moment, nullable=False),
    sa.UniqueConstraint("merchant_id", "idempotency_key", name="uk_idem"),
    sa.Index("ix_payment_status", "status", "requested_at"),
    sa.Index("ix_payment_merchant", "merchant_id", "requested_at"),
    **_ENGINE,
)
payment_history = sa.Table(
    "payment_history",
    metadata,
    sa.Column("history_id", ID, primary_key=True, autoincrement=True),
    sa.Column("payment_id", ID, sa.ForeignKey("payment.payment_id"), nullable=False),
    sa.Column("from_status", sa.String(50), nullable=False),
    sa.Column("to_status", sa.String(50), nullable=False),
    sa.Column("event_type", sa.String(32), nullable=False),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Index("ix_history_payment", "payment_id"),
    **_ENGINE,
)
ledger_entry = sa.Table(
    "ledger_entry",
    metadata,
    sa.Column("entry_id", ID, primary_key=True, autoincrement=True),
    sa.Column("payment_id", ID, sa.ForeignKey("payment.payment_id"), nullable=False),
    sa.Column("debit_account", sa.String(64), nullable=False),
    sa.Column("credit_account", sa.String(64), nullable=False),
    sa.Column("amount", sa.BigInteger, sa.CheckConstraint("amount > 0"), nullable=False),
    sa.Column("occurred_at", Moment, nullable=False),
    sa.Column("event_id", sa.String(64), nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("prev_hash", sa.CHAR(64), nullable=False),
    sa.Column("entry_hash", sa.CHAR(64), nullable=False),
    sa.UniqueConstraint("payment_id", "event_id", name="uk_ledger_event"),
    sa.Index("ix_ledger_payment", "payment_id", "occurred_at"),
    **_ENGINE,
)
ledger_line = sa.Table(
    "ledger_line",
    metadata,
    sa.Column("line_id", ID, primary_key=True, autoincrement=True),
    sa.Column("entry_id", ID, sa.ForeignKey("ledger_entry.entry_id"), nullable=False),
    sa.Column("account", sa.String(64), nullable=False),
    sa.Column("currency", sa.CHAR(3), nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Index("ix_line_entry", "entry_id"),
    **_ENGINE,
)
ledger_account = sa.Table(
    "ledger_account",
    metadata,
    sa.Column("account", sa.String(64), primary_key=True),
    sa.Column("currency", sa.CHAR(3), primary_key=True),
    sa.Column("balance", sa.BigInteger, nullable=False),
    **_ENGINE,
)
ledger_head = sa.Table(
    "ledger_head",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("entry_id", sa.BigInteger, nullable=False),
    sa.Column("entry_hash", sa.CHAR(64), nullable=False),
    **_ENGINE,
)
outbox_event = sa.Table(
    "outbox_event",
    metadata,
    sa.Column("event_id", ID, primary_key=True, autoincrement=True),
    sa.Column("aggregate_type", sa.String(32), nullable=False),
    sa.Column("aggregate_id", sa.BigInteger, nullable=False),
    sa.Column("event_type", sa.String(32), nullable=False),
    sa.Column("payload", JsonText, nullable=False),
    sa.Column("published", sa.SmallInteger, nullable=False, server_default="0"),
    sa.Column("published_at", Moment),
    sa.Column("retry_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_retry_at", Moment),
    sa.Column("last_error", sa.String(64)),
    sa.Column("created_at", Moment, nullable=False),
    sa.Index("ix_outbox_published", "published", "created_at"),
    sa.Index("ix_outbox_aggregate", "aggregate_id"),
    **_ENGINE,
)
idem_response_cache = sa.Table(
    "idem_response_cache",
    metadata,
    sa.Column("merchant_id", sa.String(32), primary_key=True),
    sa.Column("idempotency_key", sa.String(64), primary_key=True),
    sa.Column("http_status", sa.Integer, nullable=False),
    sa.Column("response_body", JsonText, nullable=False),
    sa.Column("request_hash", sa.CHAR(64), nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    **_ENGINE,
)
idempotency_conflict = sa.Table(
    "idempotency_conflict",
    metadata,
    sa.Column("id", ID, primary_key=True, autoincrement=True),
    sa.Column("merchant_id", sa.String(32), nullable=False),
    sa.Column("idempotency_key", sa.String(64), nullable=False),
    sa.Column("request_hash", sa.CHAR(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("seen_at", Moment, nullable=False),
    sa.Index("ix_conflict_merchant", "merchant_id", "seen_at"),
    **_ENGINE,
)
settlement_request = sa.Table(
    "settlement_request",
    metadata,
    *_request_columns("request_amount", "pg_transaction_id"),
    sa.Index("ix_settlement_status", "status", "requested_at"),
    **_ENGINE,
)
refund_request = sa.Table(
    "refund_request",
    metadata,
    *_request_columns("refund_amount", "pg_cancel_transaction_id"),
    sa.Column("refund_reason", sa.String(500)),
    sa.Index("ix_refund_status", "status", "requested_at"),
    **_ENGINE,
)
consumer_inbox = sa.Table(
    "consumer_inbox",
    metadata,
    sa.Column("consumer_group", sa.String(64), primary_key=True),
    sa.Column("event_key", sa.String(128), primary_key=True),
    sa.Column("topic", sa.String(64), nullable=False),
    sa.Column("partition_no", sa.Integer, nullable=False),
    sa.Column("offset_no", sa.BigInteger, nullable=False),
    sa.Column("outcome", sa.String(16), nullable=False),
    sa.Column("payment_id", sa.BigInteger),
    sa.Column("processed_at", Moment, nullable=False),
    sa.Index("ix_inbox_payment", "payment_id"),
    **_ENGINE,
)
shedlock = sa.Table(
    "shedlock",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("lock_at", Moment, nullable=False),
    sa.Column("locked_at", Moment, nullable=False),
    sa.Column("locked_by", sa.String(255), nullable=False),
    sa.Column("description", sa.String(255)),
    **_ENGINE,
)

APPEND_ONLY: Final = ("ledger_entry", "ledger_line", "payment_history")
"""Tables whose rows the database itself refuses to change or delete."""


def trigger_statements(dialect: str, *, drop: bool = False) -> list[str]:
    """The statements that make (or, with `drop`, unmake) the append-only triggers."""
    said: list[str] = []
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            name = f"{table}_no_{verb.lower()}"
            if drop:
                said.append(f"DROP TRIGGER IF EXISTS {name}")
            elif dialect == "sqlite":
                said.append(
                    f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END",
                )
            else:
                said.append(
                    f"CREATE TRIGGER IF NOT EXISTS {name} BEFORE {verb} ON {table} FOR EACH ROW "
                    f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{table} is append-only'",
                )
    return said
