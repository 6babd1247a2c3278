"""The ledger against itself: numbering, hash chain, two-sided lines, balances (I1, I2, I5, I6, I14)."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC
from typing import Any, Final

from dari.services.monitoring.ports import Row
from dari.services.monitoring.probes.snapshot import moment
from dari.services.monitoring.reconciliation.books import ACCOUNTS, Books, Finding

GENESIS: Final = "0" * 64


def entry_hash(row: Row, prev_hash: str) -> str:
    """SHA-256 over the link before and every field of the entry, as the ledger defines it."""
    at = moment(row["occurred_at"])
    spelled = "" if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    fields = (
        prev_hash,
        row["entry_id"],
        row["payment_id"],
        row["event_id"],
        row["debit_account"],
        row["credit_account"],
        _plain(row["amount"]),
        row["currency"],
        spelled,
    )
    return hashlib.sha256("|".join(map(str, fields)).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """A DECIMAL or text amount without a fraction as an integer; anything else as it is."""
    try:
        return int(value) if int(value) == float(value) else value
    except (TypeError, ValueError):
        return value


def whole(value: Any) -> int | None:
    """An amount in won, or None when it is no whole number."""
    try:
        return int(value) if float(value) == int(float(value)) else None
    except (TypeError, ValueError):
        return None


def first_broken_link(books: Books) -> int | None:
    """The first entry whose hash or predecessor does not fit, or the number that is missing."""
    return next((finding.entry_ids[0] for finding in links(books) if finding.entry_ids), None)


def links(books: Books) -> Iterator[Finding]:
    """I6: numbered from 1 without gaps, each entry naming the hash of the one before, up to the head."""
    if not books.has_chain or books.partial:
        return
    previous, number = GENESIS, 0
    rows = books.entries
    if books.head is not None:
        rows = [row for row in rows if int(row["entry_id"]) <= int(books.head["entry_id"])]
    for row in rows:
        entry = int(row["entry_id"])
        name = (f"ledger_entry:{entry}",)
        payment = int(row["payment_id"])
        if entry != number + 1:
            missing = tuple(range(number + 1, min(entry, number + 101)))
            yield Finding(
                invariant="I6",
                kind="entry_missing",
                area="ledger",
                entry_ids=missing,
                rows=tuple(f"ledger_entry:{one}" for one in missing),
                expected=number + 1,
                actual=entry,
            )
        elif row["prev_hash"] != previous:
            yield Finding(
                invariant="I6",
                kind="link_broken",
                area="ledger",
                payment_id=payment,
                entry_ids=(entry,),
                rows=name,
                expected=previous,
                actual=row["prev_hash"],
            )
        right = entry_hash(row, str(row["prev_hash"]))
        if right != row["entry_hash"]:
            yield Finding(
                invariant="I6",
                kind="entry_changed",
                area="ledger",
                payment_id=payment,
                entry_ids=(entry,),
                rows=name,
                expected=row["entry_hash"],
                actual=right,
            )
        previous, number = str(row["entry_hash"]), entry
    head = books.head
    if head is not None and int(head["entry_id"]) > number:
        last = int(head["entry_id"])
        missing = tuple(range(number + 1, min(last, number + 100) + 1))
        yield Finding(
            invariant="I6",
            kind="tail_missing",
            area="ledger",
            entry_ids=missing,
            rows=tuple(f"ledger_entry:{one}" for one in missing),
            expected=last,
            actual=number,
        )
    elif head is not None and number and head["entry_hash"] != previous:
        yield Finding(
            invariant="I6",
            kind="head_differs",
            area="ledger",
            entry_ids=(number,),
            rows=("ledger_head:1",),
            expected=previous,
            actual=head["entry_hash"],
        )
    elif head is None and books.entries:
        yield Finding(invariant="I6", kind="head_missing", area="ledger", rows=("ledger_head:1",), expected=number)


def lines(books: Books) -> Iterator[Finding]:
    """I1 and I14: two lines an entry, the debit's amount up and the credit's down, whole won; I5: known accounts."""
    known: set[int] = set()
    for row in books.entries:
        entry, payment = int(row["entry_id"]), int(row["payment_id"])
        known.add(entry)
        name = f"ledger_entry:{entry}"
        amount = whole(row["amount"])
        if amount is None:
            yield Finding(
                invariant="I14",
                kind="fraction",
                area="ledger",
                payment_id=payment,
                entry_ids=(entry,),
                rows=(name,),
                actual=str(row["amount"]),
            )
            continue
        strange = sorted({str(row["debit_account"]), str(row["credit_account"])} - ACCOUNTS)
        if strange or row["debit_account"] == row["credit_account"]:
            yield Finding(
                invariant="I5",
                kind="unknown_account" if strange else "self_entry",
                area="ledger",
                payment_id=payment,
                entry_ids=(entry,),
                rows=(name,),
                expected=sorted(ACCOUNTS),
                actual=[row["debit_account"], row["credit_account"]],
            )
        if not books.has_chain:
            continue
        currency = row["currency"]
        expected = sorted(
            [(str(row["debit_account"]), currency, amount), (str(row["credit_account"]), currency, -amount)]
        )
        mine = books.lines.get(entry, [])
        actual = sorted((str(line["account"]), line["currency"], whole(line["amount"]) or 0) for line in mine)
        if actual != expected:
            yield Finding(
                invariant="I1",
                kind="lines_differ",
                area="ledger",
                payment_id=payment,
                entry_ids=(entry,),
                rows=(name, *(f"ledger_line:{line['line_id']}" for line in mine)),
                expected=expected,
                actual=actual,
            )
    if books.partial or not books.has_chain:
        return
    seen_to = max(known, default=0)
    for entry in sorted(set(books.lines) - known):
        if entry <= seen_to or books.head is None or entry > int(books.head["entry_id"]) + 1_000:
            yield Finding(
                invariant="I1",
                kind="lines_without_entry",
                area="ledger",
                entry_ids=(entry,),
                rows=tuple(f"ledger_line:{line['line_id']}" for line in books.lines[entry]),
            )


def balances(books: Books) -> Iterator[Finding]:
    """I2: the accounts of a currency sum to 0, and each kept balance is the sum of its lines."""
    if books.partial or not books.has_chain:
        return
    sums: dict[tuple[str, str], int] = defaultdict(int)
    head = int(books.head["entry_id"]) if books.head else None
    for entry, rows in books.lines.items():
        if head is not None and entry > head:
            continue
        for line in rows:
            sums[str(line["account"]), str(line["currency"])] += whole(line["amount"]) or 0
    totals: dict[str, int] = defaultdict(int)
    kept = {(str(row["account"]), str(row["currency"])): whole(row["balance"]) or 0 for row in books.accounts}
    for key in sorted({*sums, *kept}):
        totals[key[1]] += kept.get(key, 0)
        if kept.get(key, 0) != sums.get(key, 0):
            yield Finding(
                invariant="I2",
                kind="balance_differs",
                area="ledger",
                rows=(f"ledger_account:{key[0]}",),
                expected=sums.get(key, 0),
                actual=kept.get(key, 0),
            )
    for currency, total in sorted(totals.items()):
        if total != 0:
            yield Finding(
                invariant="I2",
                kind="accounts_do_not_sum_to_zero",
                area="ledger",
                rows=(f"currency:{currency}",),
                expected=0,
                actual=total,
            )
