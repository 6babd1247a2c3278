"""The invariants that the stores alone can break: I1–I6, I8, I11–I15. Each looks at one thing only."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from typing import Any, Final

from dari.services.payments.intake import DEAD, PROCESSED
from dari.services.payments.invariants.facts import Facts, Row, Violation
from dari.services.payments.ledger import GENESIS
from dari.services.payments.names import (
    ACCOUNTS,
    CAPTURED_STATUSES,
    CAPTURED_TOPIC,
    CONSUMER_GROUP,
    LEGAL_MOVES,
    PAYMENT_DLQ,
    RECEIVABLE,
    REFUNDED_TOPIC,
    Status,
    topic_of,
)
from dari.services.payments.rows import row_hash

Found = Iterator[Violation]


def _captures(facts: Facts) -> dict[int, list[Row]]:
    entries: dict[int, list[Row]] = defaultdict(list)
    for entry in facts.tables["ledger_entry"]:
        if entry["debit_account"] == RECEIVABLE:
            entries[entry["payment_id"]].append(entry)
    return entries


def _reversals(facts: Facts) -> dict[int, list[Row]]:
    entries: dict[int, list[Row]] = defaultdict(list)
    for entry in facts.tables["ledger_entry"]:
        if entry["credit_account"] == RECEIVABLE:
            entries[entry["payment_id"]].append(entry)
    return entries


def _processed(facts: Facts, topic: str) -> set[int]:
    """Payments whose event of this topic the ledger's consumer says it has processed."""
    inbox = facts.by("consumer_inbox", "consumer_group").get(CONSUMER_GROUP, [])
    return {row["payment_id"] for row in inbox if row["topic"] == topic and row["outcome"] == PROCESSED}


def entries_balance(facts: Facts) -> Found:
    """I1: the two lines of every entry sum to zero in each currency."""
    lines = facts.by("ledger_line", "entry_id")
    for entry in facts.tables["ledger_entry"]:
        sums: Counter[str] = Counter()
        for line in lines.get(entry["entry_id"], []):
            sums[line["currency"]] += line["amount"]
        if len(lines.get(entry["entry_id"], [])) != 2 or any(sums.values()):  # noqa: PLR2004 — two sides
            yield Violation("I1", f"lines sum to {dict(sums)}", (f"ledger_entry:{entry['entry_id']}",))


def accounts_sum_to_zero(facts: Facts) -> Found:
    """I2: the balances sum to zero and are the sums of their lines."""
    sums: Counter[tuple[str, str]] = Counter()
    for line in facts.tables["ledger_line"]:
        sums[line["account"], line["currency"]] += line["amount"]
    total: Counter[str] = Counter()
    for account in facts.tables["ledger_account"]:
        name = (account["account"], account["currency"])
        total[account["currency"]] += account["balance"]
        if sums[name] != account["balance"]:
            text = f"balance {account['balance']}, lines {sums[name]}"
            yield Violation("I2", text, (f"ledger_account:{name[0]}",))
    for currency, rest in total.items():
        if rest:
            yield Violation("I2", f"balances sum to {rest} {currency}")


def one_capture_entry(facts: Facts) -> Found:
    """I3: a payment whose capture was processed has one capture entry of its amount; any other payment has none."""
    entries, processed = _captures(facts), _processed(facts, CAPTURED_TOPIC)
    for number, row in facts.payments.items():
        amounts = [entry["amount"] for entry in entries.get(number, [])]
        due = [row["amount"]] if number in processed else []
        wrong_status = bool(amounts) and row["status"] not in CAPTURED_STATUSES
        if amounts != due or wrong_status:
            text = f"{row['status']} {row['amount']}, capture entries {amounts}"
            yield Violation("I3", text, (f"payment:{number}",))


def one_reversal(facts: Facts) -> Found:
    """I4: a payment whose refund was processed has one reversal, never more than was captured; any other has none."""
    entries, processed = _reversals(facts), _processed(facts, REFUNDED_TOPIC)
    for number, row in facts.payments.items():
        amounts = [entry["amount"] for entry in entries.get(number, [])]
        due = [row["amount"]] if number in processed else []
        if amounts != due or (amounts and row["status"] != Status.REFUNDED):
            text = f"{row['status']} {row['amount']}, reversals {amounts}"
            yield Violation("I4", text, (f"payment:{number}",))


def known_accounts(facts: Facts) -> Found:
    """I5: every entry belongs to a payment and moves money between the two known accounts."""
    payments = facts.payments
    for entry in facts.tables["ledger_entry"]:
        accounts = {entry["debit_account"], entry["credit_account"]}
        if entry["payment_id"] not in payments or accounts != ACCOUNTS:
            text = f"payment {entry['payment_id']}, accounts {sorted(accounts)}"
            yield Violation("I5", text, (f"ledger_entry:{entry['entry_id']}",))


def chain_holds(facts: Facts) -> Found:
    """I6: numbers without gaps, each hash over its row and its predecessor, and the head is the last link."""
    link, number = GENESIS, 0
    for entry in sorted(facts.tables["ledger_entry"], key=lambda row: int(row["entry_id"])):
        number += 1
        expected = row_hash(entry)
        if entry["entry_id"] != number or entry["prev_hash"] != link or entry["entry_hash"] != expected:
            yield Violation("I6", "the chain is broken here", (f"ledger_entry:{entry['entry_id']}",))
            return
        link = entry["entry_hash"]
    head = next(iter(facts.tables["ledger_head"]), {"entry_id": 0, "entry_hash": GENESIS})
    if (head["entry_id"], head["entry_hash"]) != (number, link):
        yield Violation("I6", f"the head says {head['entry_id']}, the last entry is {number}", ("ledger_head:1",))


def legal_moves(facts: Facts) -> Found:
    """I8: every history is a path of legal moves from READY to the payment's status."""
    histories = facts.by("payment_history", "payment_id")
    for number, row in facts.payments.items():
        at = Status.READY.value
        for move in sorted(histories.get(number, []), key=lambda move: int(move["history_id"])):
            legal = (move["from_status"], move["to_status"]) in {(a.value, b.value) for a, b in LEGAL_MOVES}
            if not legal or move["from_status"] != at:
                text = f"{move['from_status']} → {move['to_status']} from {at}"
                yield Violation("I8", text, (f"payment_history:{move['history_id']}",))
                break
            at = move["to_status"]
        else:
            if at != row["status"]:
                text = f"history ends at {at}, the payment says {row['status']}"
                yield Violation("I8", text, (f"payment:{number}",))


def one_event_a_change(facts: Facts) -> Found:
    """I11: every status change has exactly one outbox row, and every event of a status has its change."""
    changes = Counter((row["payment_id"], row["event_type"]) for row in facts.tables["payment_history"])
    known = {move["event_type"] for move in facts.tables["payment_history"]}
    events = Counter(
        (row["aggregate_id"], row["event_type"])
        for row in facts.tables["outbox_event"]
        if row["event_type"] in known or row["event_type"].startswith("PAYMENT_")
    )
    for number, event_type in sorted(changes.keys() | events.keys()):
        if changes[number, event_type] != events[number, event_type]:
            text = f"{event_type}: {changes[number, event_type]} changes, {events[number, event_type]} outbox rows"
            yield Violation("I11", text, (f"payment:{number}",))


def events_are_conserved(facts: Facts) -> Found:
    """I12: what is marked published lies in its topic and nothing else does; what was consumed is in the inbox."""
    lying: dict[str, dict[str, str]] = defaultdict(dict)
    for topic, records in facts.topics.items():
        for record in records:
            if topic != PAYMENT_DLQ and "eventId" in record.headers:
                lying[topic].setdefault(record.headers["eventId"], record.value)
    sent: dict[str, dict[str, Row]] = defaultdict(dict)
    for event in facts.tables["outbox_event"]:
        sent[topic_of(event["event_type"])][str(event["event_id"])] = event
    for topic in sorted(lying.keys() | sent.keys()):
        for name, event in sent[topic].items():
            if event["published"] and name not in lying[topic]:
                yield Violation("I12", f"published, not in {topic}", (f"outbox_event:{name}",))
            elif name in lying[topic] and lying[topic][name] != event["payload"]:
                yield Violation("I12", f"{topic} says something else than the outbox", (f"outbox_event:{name}",))
        for name in sorted(lying[topic].keys() - sent[topic].keys()):
            yield Violation("I12", f"in {topic}, never in the outbox", (f"{topic}:{name}",))
    yield from _consumed(facts)


def _consumed(facts: Facts) -> Found:
    inbox = {(row["consumer_group"], row["event_key"]): row for row in facts.tables["consumer_inbox"]}
    letters: Counter[tuple[str, int, int]] = Counter()
    for letter in facts.topics.get(PAYMENT_DLQ, ()):
        body = json.loads(letter.value)
        letters[body["originalTopic"], body["partition"], body["offset"]] = 1
    for group, committed in facts.committed.items():
        for (topic, partition), until in committed.items():
            for record in facts.topics.get(topic, ()):
                if record.partition != partition or record.offset >= until:
                    continue
                key = record.headers.get("eventId") or f"{topic}-{partition}-{record.offset}"
                seen = inbox.get((group, key))
                place = f"{topic}:{partition}:{record.offset}"
                if seen is None:
                    yield Violation("I12", f"{group} committed what it never processed", (place,))
                elif seen["outcome"] == DEAD and not letters[topic, seen["partition_no"], seen["offset_no"]]:
                    yield Violation("I12", f"{group} buried it, the DLQ does not have it", (place,))


def events_in_order(facts: Facts) -> Found:
    """I13: a payment's events reach the topics in the order they happened (first arrival of each)."""
    arrivals: dict[str, dict[int, int]] = defaultdict(dict)
    for topic, records in facts.topics.items():
        for record in records:
            if topic == PAYMENT_DLQ or record.key is None or not record.headers.get("eventId", "").isdigit():
                continue
            seen = arrivals[record.key]
            number = int(record.headers["eventId"])
            seen[number] = min(seen.get(number, record.timestamp), record.timestamp)
    for payment, seen in arrivals.items():
        times = [seen[number] for number in sorted(seen)]
        if times != sorted(times):
            yield Violation("I13", "events arrived out of order", (f"payment:{payment}",))


def whole_won(facts: Facts) -> Found:
    """I14: every amount is a whole number of won, in the tables and in the events."""
    columns = {
        "payment": "amount",
        "ledger_entry": "amount",
        "ledger_line": "amount",
        "ledger_account": "balance",
        "settlement_request": "request_amount",
        "refund_request": "refund_amount",
    }
    for table, column in columns.items():
        for row in facts.tables[table]:
            if row[column] != int(row[column]):
                yield Violation("I14", f"{column} is {row[column]}", (f"{table}:{next(iter(row.values()))}",))
    for event in facts.tables["outbox_event"]:
        amount: Any = json.loads(event["payload"]).get("amount", 0)
        if not isinstance(amount, int) or isinstance(amount, bool):
            yield Violation("I14", f"the event says {amount!r}", (f"outbox_event:{event['event_id']}",))


def totals_agree(facts: Facts) -> Found:
    """I15: what was settled is what was posted as captured, what was refunded is what was reversed (processed only)."""
    sides = (
        ("settlement_request", "request_amount", CAPTURED_TOPIC, _captures(facts)),
        ("refund_request", "refund_amount", REFUNDED_TOPIC, _reversals(facts)),
    )
    for table, column, topic, entries in sides:
        processed = _processed(facts, topic)
        asked = sum(
            int(row[column]) if row[column] == int(row[column]) else row[column]
            for row in facts.tables[table]
            if row["payment_id"] in processed and row["status"] == "SUCCESS"
        )
        posted = sum(entry["amount"] for number in processed for entry in entries.get(number, []))
        if asked != posted:
            yield Violation("I15", f"{table} {asked}, ledger {posted}", (table,))


CHECKS: Final[tuple[Callable[[Facts], Found], ...]] = (
    entries_balance,
    accounts_sum_to_zero,
    one_capture_entry,
    one_reversal,
    known_accounts,
    chain_holds,
    legal_moves,
    one_event_a_change,
    events_are_conserved,
    events_in_order,
    whole_won,
    totals_agree,
)
