"""The ledger by itself: what one posting writes, how entries are chained, and what the bookkeeper makes of an event."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dari.core.clock import KST, ManualClock
from dari.services.payments.adapters.sql import Database
from dari.services.payments.bookkeeper import Bookkeeper
from dari.services.payments.intake import Handled, Incoming
from dari.services.payments.ledger import Posting, capture_posting, instant, post, refund_posting
from dari.services.payments.names import CAPTURED_TOPIC
from dari.services.payments.ports import Record
from dari.services.payments.settings import PlatformSettings

NOW = datetime(2026, 11, 20, 15, 30, 0, 123_456, tzinfo=KST)
SETTINGS = PlatformSettings(patience=60.0)
AMOUNTS = {1: 7_000, 2: 900, 3: 1}


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    made = Database()
    await made.create()
    for number, amount in AMOUNTS.items():
        await made.do(
            "INSERT INTO payment (payment_id, merchant_id, amount, currency, status, idempotency_key, requested_at,"
            " updated_at) VALUES (:number, 'M', :amount, :currency, 'CAPTURED', :number, :at, :at)",
            {"number": number, "amount": amount, "currency": "USD" if number == 3 else "KRW", "at": "2026-11-20"},
        )
    yield made
    await made.close()


async def posted(database: Database, *postings: Posting) -> None:
    async with database.transaction() as connection:
        await post(connection, postings)


async def rows(database: Database, columns: str, table: str, order: str) -> list[tuple[Any, ...]]:
    found = await database.rows(f"SELECT {columns} FROM {table} ORDER BY {order}")
    return [tuple(row.values()) for row in found]


async def balances(database: Database) -> list[tuple[Any, ...]]:
    return await rows(database, "account, currency, balance", "ledger_account", "account, currency")


def test_a_moment_is_spelled_in_utc_to_the_millisecond() -> None:
    assert instant(NOW) == "2026-11-20T06:30:00.123Z"
    assert instant(NOW.replace(microsecond=999_000)) == "2026-11-20T06:30:00.999Z"
    assert instant(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"


async def test_entries_are_numbered_from_one_and_each_names_the_hash_before(database: Database) -> None:
    await posted(database, capture_posting(1, "e1", 7_000, "KRW", NOW), capture_posting(2, "e2", 900, "KRW", NOW))
    await posted(database, refund_posting(1, "e3", 7_000, "KRW", NOW))
    link, expected = "0" * 64, []
    for number, (payment, event, sides, amount) in enumerate(
        [
            (1, "e1", "merchant_receivable|cash", 7_000),
            (2, "e2", "merchant_receivable|cash", 900),
            (1, "e3", "cash|merchant_receivable", 7_000),
        ],
        start=1,
    ):
        said = f"{link}|{number}|{payment}|{event}|{sides}|{amount}|KRW|2026-11-20T06:30:00.123Z"
        digest = hashlib.sha256(said.encode()).hexdigest()
        expected.append((number, payment, *sides.split("|"), amount, event, "KRW", link, digest))
        link = digest
    columns = "entry_id, payment_id, debit_account, credit_account, amount, event_id, currency, prev_hash, entry_hash"
    assert await rows(database, columns, "ledger_entry", "entry_id") == expected
    assert await rows(database, "id, entry_id, entry_hash", "ledger_head", "id") == [(1, 3, link)]


async def test_what_one_account_gains_the_other_loses(database: Database) -> None:
    await posted(database, capture_posting(1, "e1", 7_000, "KRW", NOW), capture_posting(2, "e2", 900, "KRW", NOW))
    assert await rows(database, "entry_id, account, currency, amount", "ledger_line", "line_id") == [
        (1, "merchant_receivable", "KRW", 7_000),
        (1, "cash", "KRW", -7_000),
        (2, "merchant_receivable", "KRW", 900),
        (2, "cash", "KRW", -900),
    ]
    assert await balances(database) == [("cash", "KRW", -7_900), ("merchant_receivable", "KRW", 7_900)]
    await posted(database, refund_posting(1, "e3", 7_000, "KRW", NOW), capture_posting(3, "e4", 1, "USD", NOW))
    assert await balances(database) == [
        ("cash", "KRW", -900),
        ("cash", "USD", -1),
        ("merchant_receivable", "KRW", 900),
        ("merchant_receivable", "USD", 1),
    ]


async def test_nothing_to_post_writes_nothing(database: Database) -> None:
    await posted(database)
    assert await rows(database, "id", "ledger_head", "id") == []


# -- the bookkeeper


AT = NOW.replace(microsecond=0)


def event(
    payment: int, topic: str = CAPTURED_TOPIC, amount: Any = None, *, ago: float = 0.0, key: str = ""
) -> Incoming:
    record = Record(topic, 0, 0, "{}", timestamp=int((AT.timestamp() - ago) * 1000))
    return Incoming(record, key or f"{topic}-{payment}", payment, {"amount": amount or AMOUNTS.get(payment)})


async def handled(database: Database, *events: Incoming) -> Handled:
    clock = ManualClock(AT)
    async with database.transaction() as connection:
        return await Bookkeeper(clock, SETTINGS).handle(connection, events)


async def entries(database: Database) -> list[tuple[Any, ...]]:
    return await rows(database, "payment_id, debit_account, event_id", "ledger_entry", "entry_id")


REFUNDED = "payment.refunded"


async def test_a_refund_before_its_capture_in_one_batch_is_posted_after_it(database: Database) -> None:
    done = await handled(database, event(1, REFUNDED), event(1))
    assert (done.bad, done.later) == ([], [])
    assert await entries(database) == [
        (1, "merchant_receivable", "payment.captured-1"),
        (1, "cash", "payment.refunded-1"),
    ]


@pytest.mark.parametrize(("ago", "waits"), [(0.0, True), (60.0, True), (60.5, False), (1e9, False)])
async def test_a_refund_without_its_capture_waits_a_minute(database: Database, ago: float, *, waits: bool) -> None:
    refund = event(1, REFUNDED, ago=ago)
    done = await handled(database, refund)
    assert list(done.later) == ([refund] if waits else [])
    assert [(one.event_key, one.error_type) for one in done.bad] == (
        [] if waits else [("payment.refunded-1", "CaptureNotPosted")]
    )
    assert await entries(database) == []


@pytest.mark.parametrize("stamp", [0, 1])
async def test_a_record_without_a_time_waits_for_ever(database: Database, stamp: int) -> None:
    refund = event(1, REFUNDED)
    refund = replace(refund, record=replace(refund.record, timestamp=stamp))
    done = await handled(database, refund)
    assert (len(done.later), len(done.bad)) == ((1, 0) if stamp == 0 else (0, 1))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (event(1, amount=6_999), "AmountMismatch"),
        (event(1, amount="7000"), "AmountMismatch"),
        (event(3, amount=True), "AmountMismatch"),
        (event(9), "PaymentNotFound"),
        (event(2, key="once more"), "AlreadyPosted"),
    ],
)
async def test_what_no_payment_confirms_is_bad_and_the_rest_is_posted(
    database: Database, wrong: Incoming, why: str
) -> None:
    await posted(database, capture_posting(2, "e", 900, "KRW", NOW - timedelta(1)))
    done = await handled(database, wrong, event(2, REFUNDED))
    assert [(one.record, one.event_key, one.error_type) for one in done.bad] == [(wrong.record, wrong.event_key, why)]
    assert (await entries(database))[1:] == [(2, "cash", "payment.refunded-2")]


async def test_a_movement_is_posted_once_however_often_it_is_told(database: Database) -> None:
    done = await handled(database, event(1), event(1, key="again"))
    assert [one.error_type for one in done.bad] == ["AlreadyPosted"]
    assert await entries(database) == [(1, "merchant_receivable", "payment.captured-1")]
