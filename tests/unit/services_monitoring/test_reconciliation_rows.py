"""Every rule of the reconciliation over four payments held in a hand: what is said of each change, to the letter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from dari.core.clock import KST
from dari.services.monitoring.ports import ProbeFailed
from dari.services.monitoring.reconciliation import books as books_room
from dari.services.monitoring.reconciliation.books import Reader
from dari.services.monitoring.reconciliation.chain import balances, entry_hash, first_broken_link, links, whole
from dari.services.payments.ledger import GENESIS, capture_posting
from dari.services.payments.ledger import entry_hash as written
from tests.unit.services_monitoring.books_in_hand import Hand, at

CASES = Path(__file__).with_name("reconciliation_cases.txt")


def cases() -> Iterator[tuple[str, list[str]]]:
    """Each change, with what is said of it: the indented lines below."""
    blocks = re.split(r"^(?=\S)", CASES.read_text("utf-8"), flags=re.MULTILINE)
    for first, *said in (block.splitlines() for block in blocks if block[:1].strip("#")):
        yield first, [line.strip() for line in said if line.strip()]


@pytest.mark.parametrize(("changed", "said"), [pytest.param(one, said, id=one[:60]) for one, said in cases()])
async def test_a_change_is_told_in_full_and_nothing_else_is(changed: str, said: list[str]) -> None:
    hand = Hand()
    hand.tables.do(*changed.split(";"))
    assert (await hand.found() or ["silent"]) == said


async def test_the_four_payments_agree() -> None:
    report = await Hand().report()
    assert (report["balanced"], report["status"], report["findings"], report["all"]) == (True, "consistent", [], [])
    assert report["checked"] == {"payments": 4, "entries": 3, "events": 13}
    assert (report["totalDebits"], report["totalCredits"]) == (7_000, 7_000)
    assert report["debitAccounts"] == [
        {"debit_account": "merchant_receivable", "total": 4_000},
        {"debit_account": "cash", "total": 3_000},
    ]
    assert report["creditAccounts"] == [
        {"credit_account": "cash", "total": 4_000},
        {"credit_account": "merchant_receivable", "total": 3_000},
    ]
    assert (report["pending"], report["capturesPending"], report["overdue"], report["unpublished"]) == ({}, 0, 0, 0)
    assert (report["truncated"], report["firstBrokenLink"], report["waitingInConsumers"]) == (False, None, 0)
    assert report["deltaPerAccount"] == {}
    assert "4 payments agree" in report["message"]
    assert report["checkedAt"] == "2026-11-20T15:30:00+09:00"
    assert (await Hand().report(app_now=datetime(2026, 1, 2, tzinfo=KST)))["checkedAt"] == "2026-01-02T00:00:00+09:00"


def test_the_hash_is_the_one_the_ledger_writes() -> None:
    moment = datetime(2026, 11, 20, 15, 30, 1, 999_000, tzinfo=KST)
    row = {
        "entry_id": 7, "payment_id": 3, "event_id": "5", "debit_account": "merchant_receivable",
        "credit_account": "cash", "amount": 900, "currency": "KRW", "occurred_at": moment,
    }  # fmt: skip
    right = written("ab", 7, capture_posting(3, "5", 900, "KRW", moment))
    for same in (900, "900", 900.0):
        assert entry_hash({**row, "amount": same}, "ab") == right
    no_number: Any = "x"
    strange = written("ab", 7, capture_posting(3, "5", no_number, "KRW", moment))
    assert entry_hash({**row, "amount": "x"}, "ab") == strange
    for other in ({"amount": 900.5}, {"amount": 901}, {"occurred_at": moment + timedelta(milliseconds=1)}):
        assert entry_hash({**row, **other}, "ab") != right
    assert entry_hash(row, GENESIS) != right


def test_won_are_whole_or_none() -> None:
    assert [whole(one) for one in (5, "5", 5.0, -3, 0, 5.5, "x", None)] == [5, 5, 5, -3, 0, None, None, None]


# -- the ledger


@pytest.mark.parametrize("to", [102, 103, 104, 200])
async def test_of_a_long_gap_a_hundred_numbers_are_listed(to: int) -> None:
    tail = Hand()
    tail.tables.do(f"UPDATE ledger_head SET entry_id={to}")
    (found,) = (await tail.report())["findings"]
    assert (found["kind"], found["entry_ids"]) == ("tail_missing", list(range(4, min(to, 103) + 1)))
    gap = Hand()
    for table in ("entry", "line", "head"):
        gap.tables.do(f"UPDATE ledger_{table} SET entry_id={to} WHERE entry_id=3")
    found = (await gap.report())["findings"][0]
    assert (found["kind"], found["entry_ids"]) == ("entry_missing", list(range(3, min(to, 103))))


async def test_an_entry_beyond_the_head_was_written_meanwhile() -> None:
    hand = Hand()
    hand.tables.do("INSERT INTO ledger_entry VALUES (4, 3, 'cash', 'cash', 1, NULL, '', 'KRW', '', '')")
    assert not [one for one in await hand.found() if one.startswith("I6")]
    assert (await hand.report())["firstBrokenLink"] is None


async def test_the_first_broken_link_is_the_first() -> None:
    hand = Hand()
    hand.tables.do("UPDATE ledger_entry SET amount=1 WHERE entry_id IN (2, 3)")
    report = await hand.report()
    assert (report["firstBrokenLink"], report["balanced"], report["status"]) == (2, False, "inconsistent")
    assert report["byInvariant"] == {"I1": 2, "I3": 1, "I4": 1, "I6": 2}
    assert list(report["byInvariant"]) == sorted(report["byInvariant"])
    assert "6 contradictions in 4 payments" in report["message"]


async def test_an_entry_of_no_amount_adds_nothing_to_the_totals() -> None:
    hand = Hand()
    hand.tables.do("UPDATE ledger_entry SET amount='x' WHERE entry_id=1")
    report = await hand.report()
    assert (report["totalDebits"], report["totalCredits"]) == (6_000, 6_000)


async def test_of_many_findings_the_limit_is_listed_and_all_are_counted() -> None:
    hand = Hand()
    hand.tables.do("UPDATE ledger_head SET entry_hash='a'", "UPDATE ledger_account SET balance=0 WHERE account='cash'")
    for limit, truncated in ((2, True), (3, False), (4, False)):
        report = await hand.report(limit=limit)
        assert (len(report["findings"]), report["findingCount"], report["truncated"]) == (min(limit, 3), 3, truncated)
        assert len(report["all"]) == 3


async def test_a_hundred_are_listed_unless_more_are_asked_for() -> None:
    hand = Hand()
    for number in range(101, 202):
        hand.tables.insert("payment", payment_id=number, merchant_id="M", amount=1, currency="KRW",
                           status="CAPTURED", idempotency_key=f"k{number}")  # fmt: skip
    report = await hand.report()
    assert (len(report["findings"]), report["truncated"]) == (100, True)
    assert report["findingCount"] == len(report["all"]) >= 101


async def test_the_original_has_neither_lines_nor_hashes_and_is_judged_by_the_rest() -> None:
    hand = Hand()
    hand.tables.do(*(f"DROP TABLE {name}" for name in ("ledger_line", "ledger_head", "consumer_inbox")))
    hand.tables.do("UPDATE ledger_entry SET prev_hash=NULL, entry_hash=NULL")
    assert (await Reader(hand.tables).some([1])).lines == {}
    assert await hand.found() == []
    hand.tables.do("UPDATE ledger_entry SET amount=1 WHERE entry_id=1")
    assert await hand.found() == [
        (
            'I3 entry_amount_differs ledger payment_id=1 entry_ids=[1] rows=["ledger_entry:1", "payment:1"]'
            ' expected=1000 actual="1"'
        )
    ]


async def test_of_some_payments_nothing_global_is_judged() -> None:
    hand = Hand()
    books = await Reader(hand.tables).some([2])
    assert (books.partial, books.has_chain, books.head, books.accounts) == (True, True, None, [])
    assert (list(books.payments), [row["entry_id"] for row in books.entries]) == ([2], [2, 3])
    assert (list(books.lines), list(books.history), list(books.outbox)) == ([2, 3], [2], [2])
    assert (list(books.settlements), list(books.refunds)) == ([2], [2])
    assert list(books.idem) == [("M-2", "key-2")]
    assert list(books.inbox) == [("payment-consumer", "6"), ("payment-consumer", "8")]
    assert [*links(books), *balances(books)] == []
    assert first_broken_link(books) is None
    assert [*balances(await Reader(hand.tables).some([1]))] == []
    none = await Reader(hand.tables).some([77])
    assert (none.payments, none.entries, none.lines, none.idem) == ({}, [], {}, {})


@pytest.mark.parametrize("chunk", [1, 2, 3, 4])
async def test_tables_longer_than_a_chunk_are_read_whole(chunk: int) -> None:
    hand = Hand()
    hand.tables.do("UPDATE payment_history SET history_id = history_id - 5")  # a key below zero is a key
    with mock.patch.object(books_room, "CHUNK", chunk):
        books = await Reader(hand.tables).all()
    assert (len(books.payments), len(books.entries), sum(map(len, books.outbox.values()))) == (4, 3, 13)
    assert (sum(map(len, books.history.values())), len(books.idem), len(books.inbox)) == (12, 4, 3)


async def test_a_table_that_cannot_be_asked_for_is_not_taken_for_one_that_is_not_there() -> None:
    hand = Hand()
    hand.tables.lost = "SELECT 1 AS one FROM ledger_line"
    with pytest.raises(ProbeFailed, match="gone away"):
        await Reader(hand.tables).all()


# -- what is only on its way


def without_entry(hand: Hand, number: int) -> None:
    """Entry `number` as if it had never been posted, the chain closed again behind it."""
    hand.tables.do(
        f"DELETE FROM ledger_entry WHERE entry_id={number}",
        f"DELETE FROM ledger_line WHERE entry_id={number}",
        "DELETE FROM ledger_head",
        "DELETE FROM ledger_account",
        "UPDATE ledger_entry SET prev_hash=NULL",
    )


async def pending(hand: Hand) -> tuple[dict[str, int], list[str]]:
    report = await hand.report()
    return report["pending"], [one["kind"] for one in report["findings"] if one["invariant"] in {"I3", "I4", "I12"}]


@pytest.mark.parametrize(
    ("published", "behind", "outcome", "waits", "wrong"),
    [
        (at(61), False, "", {}, ["published_not_processed"]),
        (at(60), False, "", {}, ["published_not_processed"]),
        (at(59.9), False, "", {"on_its_way": 1}, []),
        (at(9_999), True, "", {"on_its_way": 1}, []),
        (None, False, "", {"on_its_way": 1}, []),
        (at(61), True, "DEAD_LETTER", {"dead_lettered": 1}, []),
        (at(61), True, "PROCESSED", {}, ["entry_missing"]),
    ],
)
async def test_an_entry_that_is_not_there_yet(
    published: str | None,
    behind: bool,  # noqa: FBT001 -- a column of the table above
    outcome: str,
    waits: dict[str, int],
    wrong: list[str],
) -> None:
    hand = Hand()
    without_entry(hand, 3)
    hand.tables.do("DELETE FROM consumer_inbox WHERE event_key='8'")
    if outcome:
        hand.tables.insert("consumer_inbox", consumer_group="payment-consumer", event_key="8", outcome=outcome,
                           payment_id=2, processed_at=at(1))  # fmt: skip
    when = "NULL" if published is None else f"'{published}'"
    hand.tables.do(f"UPDATE outbox_event SET published_at={when}, published={published is not None:d} WHERE event_id=8")
    if behind:
        hand.records.done["payment.refunded"] = 0
    assert await pending(hand) == (waits, wrong)
    report = await hand.report()
    assert (report["waitingInConsumers"], report["capturesPending"]) == (behind, 0)  # a refund's is not a capture's


async def test_captures_on_their_way_are_counted_and_old_ones_are_overdue() -> None:
    hand = Hand()
    without_entry(hand, 1)
    hand.tables.do("DELETE FROM consumer_inbox WHERE event_key='3'")
    hand.tables.do("UPDATE outbox_event SET published=0 WHERE event_id=3")
    for ago, overdue in ((61, 1), (60, 0), (1, 0)):
        hand.tables.do(f"UPDATE outbox_event SET created_at='{at(ago)}' WHERE event_id=3")
        report = await hand.report()
        assert (report["pending"], report["capturesPending"], report["overdue"]) == ({"on_its_way": 1}, 1, overdue)
        assert report["unpublished"] == 1
    hand.tables.do("UPDATE outbox_event SET created_at=NULL WHERE event_id=3")
    assert (await hand.report())["overdue"] == 0


@pytest.mark.parametrize(
    ("changed", "deltas"),
    [
        ("DELETE FROM ledger_entry WHERE entry_id=1", {"cash": 1_000, "merchant_receivable": -1_000}),
        ("DELETE FROM ledger_entry WHERE entry_id=2", {"cash": 3_000, "merchant_receivable": -3_000}),
        ("DELETE FROM ledger_entry WHERE entry_id=3", {"cash": -3_000, "merchant_receivable": 3_000}),
        ("UPDATE ledger_entry SET amount=1 WHERE entry_id=1", {"cash": 999, "merchant_receivable": -999}),
        ("UPDATE ledger_entry SET debit_account='own' WHERE entry_id=1", {"merchant_receivable": -1_000, "own": 1_000}),
        ("UPDATE payment SET amount=7 WHERE payment_id=1", {"cash": -993, "merchant_receivable": 993}),
        ("UPDATE payment SET amount=7 WHERE payment_id=2", {}),
        ("UPDATE payment SET amount='x' WHERE payment_id=1", {"cash": -1_000, "merchant_receivable": 1_000}),
        ("UPDATE ledger_entry SET amount='x' WHERE entry_id=1", {"cash": 1_000, "merchant_receivable": -1_000}),
        ("DELETE FROM consumer_inbox", {}),
        # What nobody has noted as processed is owed only as far as it was posted.
        ("DELETE FROM consumer_inbox;DELETE FROM ledger_entry WHERE entry_id=1", {}),
        ("DELETE FROM consumer_inbox;DELETE FROM ledger_entry WHERE entry_id=3", {}),
        ("DELETE FROM payment_history WHERE payment_id=1", {}),
        ("DROP TABLE payment_history", {}),
        ("UPDATE payment SET status='READY' WHERE payment_id=1;DELETE FROM payment_history WHERE payment_id=1",
         {"cash": -1_000, "merchant_receivable": 1_000}),
    ],
)  # fmt: skip
async def test_what_the_ledger_says_of_an_account_beyond_what_the_payments_say(
    changed: str, deltas: dict[str, int]
) -> None:
    hand = Hand()
    hand.tables.do(*changed.split(";"))
    assert (await hand.report())["deltaPerAccount"] == deltas
