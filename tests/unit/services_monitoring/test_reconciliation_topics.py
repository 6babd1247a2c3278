"""Outbox against topics, and the second look at what was being written, over four payments held in a hand."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest

from dari.services.monitoring.reconciliation import run, topics_check
from dari.services.monitoring.reconciliation.entries_check import json_of
from dari.services.monitoring.reconciliation.topics_check import plain_json
from tests.unit.services_monitoring.books_in_hand import Hand, at

LOST = 'I12 published_not_in_topic event payment_id=1 rows=["outbox_event:3", "topic:payment.captured"]'
LOST += ' expected="payment.captured"'


async def topic(hand: Hand, name: str = "payment.captured") -> dict[str, Any]:
    (row,) = [one for one in (await hand.report())["conservation"] if one["topic"] == name]
    return {key: value for key, value in row.items() if key != "topic"}


async def test_what_was_published_is_counted_against_what_lies_there() -> None:
    hand = Hand()
    assert await topic(hand) == {"outboxPublished": 2, "records": 2, "repeats": 0, "withoutOutboxRow": 0}
    for _ in range(2):
        hand.records.append("payment.captured", '{"paymentId": 1, "amount": 1000}', "3")
    hand.records.append("payment.captured", '{"paymentId": 1}', "99")
    hand.records.append("payment.captured", '{"paymentId": 1}', "99")
    assert await topic(hand) == {"outboxPublished": 2, "records": 6, "repeats": 2, "withoutOutboxRow": 1}
    hand.tables.do("UPDATE outbox_event SET published=0 WHERE event_id=6")
    assert (await topic(hand))["outboxPublished"] == 1


async def test_a_record_that_is_gone_is_lost_unless_retention_took_it() -> None:
    hand = Hand()
    del hand.records.topics_held["payment.captured"][0]
    assert await hand.found() == [LOST]
    hand.tables.do(f"UPDATE outbox_event SET created_at='{at(86_401)}' WHERE event_id=3")
    assert await hand.found() == [LOST]  # old, but nothing was ever taken from this topic
    hand.records.begin["payment.captured"] = 1
    assert await hand.found() == []
    for young in (f"'{at(86_400)}'", "NULL"):
        hand.tables.do(f"UPDATE outbox_event SET created_at={young} WHERE event_id=3")
        assert await hand.found() == [LOST]


async def test_a_record_nobody_can_see_now_is_not_lost() -> None:
    hand = Hand()
    del hand.records.topics_held["payment.captured"][0]
    hand.records.configs["min.insync.replicas"] = "2"
    assert await hand.found() == []
    hand.records.isr = (1, 2)
    assert await hand.found() == [LOST]
    hand.records.configs.clear()
    hand.records.isr = (1,)
    assert await hand.found() == [LOST]  # one is enough where nothing is said
    hand.records.isr = ()
    assert await hand.found() == []


async def test_a_topic_that_is_gone_is_said_of_each_event_published_there() -> None:
    hand = Hand()
    del hand.records.topics_held["payment.captured"]
    assert await hand.found() == [
        'I12 topic_gone event payment_id=1 rows=["outbox_event:3", "topic:payment.captured"]',
        'I12 topic_gone event payment_id=2 rows=["outbox_event:6", "topic:payment.captured"]',
    ]
    assert await topic(hand) == {"outboxPublished": 2, "records": None, "repeats": None, "withoutOutboxRow": None}


async def test_an_event_of_a_kind_nobody_knows_belongs_to_no_topic() -> None:
    hand = Hand()
    hand.event(3, "OTHER", {"amount": 500})
    del hand.records.topics_held["payment.unknown"]
    assert await hand.found() == ['I12 topic_gone event payment_id=3 rows=["outbox_event:14", "topic:payment.unknown"]']


@pytest.mark.parametrize(
    ("name", "value", "event", "said"),
    [
        ("payment.captured", '{"paymentId": 7}', "99", 'poison payment_id=7 rows=["payment.captured:99"] {e} {a}'),
        ("payment.captured", '{"paymentId": "7"}', "99", 'poison rows=["payment.captured:99"] {e} {a}'),
        ("payment.captured", "[7]", "99", 'poison rows=["payment.captured:99"] {e} {a}'),
        ("payment.captured", "{", None, 'poison rows=["payment.captured:payment.captured-0-2"] {e} {a}'),
        ("payment.authorized", "{", "99", 'event rows=["payment.authorized:99"] {e} actual="payment.authorized-0@4"'),
    ],
)
async def test_a_record_nobody_wrote(name: str, value: str, event: str | None, said: str) -> None:
    hand = Hand()
    hand.records.append(name, value, event)
    hand.records.done[name] = 0
    said = said.format(e='expected="an outbox row"', a='actual="payment.captured-0@2"')
    assert await hand.found() == [f"I12 record_without_outbox_row {said}"]


async def test_a_stranger_that_a_consumer_took_is_no_poison_and_in_the_dead_letters_nothing() -> None:
    hand = Hand()
    hand.records.append("payment.captured", "{", "99")
    inbox = {"consumer_group": "payment-consumer", "event_key": "99", "payment_id": None, "processed_at": at(1)}
    hand.tables.insert("consumer_inbox", outcome="PROCESSED", **inbox)
    (said,) = await hand.found()
    assert said.startswith("I12 record_without_outbox_row event")
    hand.tables.do("UPDATE consumer_inbox SET outcome='DEAD_LETTER' WHERE event_key='99'")
    assert await hand.found() == []


async def test_a_payments_records_lie_in_the_order_they_were_written() -> None:
    hand = Hand()
    hand.records.append("payment.captured", '{"paymentId": 1, "amount": 1000}', "1")
    assert await hand.found() == [
        (
            'I13 records_out_of_order event payment_id=1 rows=["outbox_event:3", "outbox_event:1"]'
            " expected=[1, 3] actual=[3, 1]"
        )
    ]
    again = Hand()
    held = again.records.topics_held["payment.captured"]
    first, second = held
    held.clear()
    for event in ("1", "3", "1", "6"):  # a repeat of the earlier one may follow
        again.records.append("payment.captured", second.value if event == "6" else first.value, event)
    assert await again.found() == []


async def test_a_stranger_beside_what_is_out_of_order_hides_nothing() -> None:
    hand = Hand()
    hand.records.append("payment.captured", "{}", "99")
    hand.records.append("payment.captured", '{"paymentId": 1, "amount": 1000}', "1")
    assert [line.split()[1] for line in await hand.found()] == ["record_without_outbox_row", "records_out_of_order"]


async def test_a_record_may_be_spelled_otherwise_and_mean_the_same() -> None:
    hand = Hand()
    hand.tables.do("""UPDATE outbox_event SET payload='{"amount":1000,"paymentId":1}' WHERE event_id=3""")
    assert await hand.found() == []
    assert [json_of(one) for one in ({"a": 1}, '{"a": 1}', "[1]", "x", None)] == [{"a": 1}, {"a": 1}, {}, {}, {}]
    assert [plain_json(one) for one in ("[1]", "x", {"a": 1}, None)] == [[1], "x", {"a": 1}, None]


@pytest.mark.parametrize(("most", "repeats"), [(13, 0), (12, None)])
async def test_of_too_many_records_only_counts_are_compared(most: int, repeats: int | None) -> None:
    hand = Hand()
    with mock.patch.object(topics_check, "READ_MOST", most):
        assert await topic(hand) == {
            "outboxPublished": 2, "records": 2, "repeats": repeats, "withoutOutboxRow": repeats,
        }  # fmt: skip
        assert await hand.found() == []


async def test_records_that_retention_took_are_not_among_those_to_read() -> None:
    hand = Hand()
    del hand.records.topics_held["payment.captured"][0]
    hand.records.begin["payment.captured"] = 1
    with mock.patch.object(topics_check, "READ_MOST", 12):
        assert (await topic(hand))["repeats"] == 0
    assert [one[1:] for one in hand.records.asked if one[0] == "payment.captured"] == [(1, 1)]


async def test_fewer_records_than_were_published_are_found_by_their_count() -> None:
    hand = Hand()
    with mock.patch.object(topics_check, "READ_MOST", 1):
        hand.records.end["payment.captured"] = 1
        said = 'I12 fewer_records_than_published event rows=["topic:payment.captured"] expected=2 actual=1'
        assert await hand.found() == [said]
        hand.records.begin["payment.captured"] = 1  # retention took some: nobody can say
        assert await hand.found() == []
        assert (await topic(hand))["records"] == 0
        hand.records.begin.clear()
        hand.records.end["payment.captured"] = None  # its end could not be read
        assert (await topic(hand))["records"] == 0


async def test_records_are_read_piece_by_piece_to_the_end_that_was_seen() -> None:
    hand = Hand()
    for number in range(3):
        hand.records.append("payment.captured", "{}", f"s{number}")
    hand.records.end["payment.captured"] = 7  # the last two are markers of a transaction: nothing to read
    await hand.report()
    asked = [one[1:] for one in hand.records.asked if one[0] == "payment.captured"]
    assert asked == [(0, 7), (2, 5), (4, 3), (5, 2)]
    assert not [one for one in hand.records.asked if one[0] == "refund.dlq"]  # nothing in it
    hand.records.asked.clear()
    hand.records.end["payment.captured"] = 9_000
    await hand.report()
    assert next(one[1:] for one in hand.records.asked if one[0] == "payment.captured") == (0, 5_000)


# -- parts that are away, rows that were being written


async def test_without_the_database_nothing_is_said() -> None:
    hand = Hand()
    hand.tables.lost = "FROM payment "
    assert await hand.report() == {
        "balanced": None, "status": "unknown", "checkedAt": "2026-11-20T15:30:00+09:00", "findings": [],
        "findingCount": 0, "byInvariant": {}, "unknown": [{"probe": "database", "reason": "OperationalError"}],
        "pending": {}, "capturesPending": None,
        "message": "원장을 확인할 수 없습니다 unknown: database OperationalError",
    }  # fmt: skip


@pytest.mark.parametrize(("lost", "reason", "waiting"), [("topics", "_TRANSPORT", None), ("messages", "Timeout", 0)])
async def test_without_kafka_the_tables_are_compared_and_the_rest_is_unknown(
    lost: str, reason: str, waiting: int | None
) -> None:
    hand = Hand()
    hand.records.lost = {lost}
    report = await hand.report()
    assert (report["balanced"], report["status"], report["conservation"]) == (None, "unknown", [])
    assert report["unknown"] == [{"probe": "kafka", "reason": reason}]
    assert (report["waitingInConsumers"], report["findingCount"]) == (waiting, 0)
    assert report["message"] == "일부를 확인하지 못했습니다 some parts could not be compared"
    hand.tables.do("UPDATE payment SET status='READY' WHERE payment_id=3")
    report = await hand.report()
    assert (report["balanced"], report["status"]) == (False, "inconsistent")


async def test_a_cluster_that_was_away_a_moment_ago_is_not_asked_again() -> None:
    hand = Hand()
    report = await hand.report(away={"kafka": ("Timeout", "no answer within 1 s"), "redis": ("Other", "")})
    assert (report["unknown"], report["waitingInConsumers"]) == ([{"probe": "kafka", "reason": "Timeout"}], None)
    assert (report["balanced"], report["conservation"], hand.records.asked) == (None, [], [])
    assert (await hand.report(away={"redis": ("Timeout", "")}))["balanced"] is True


async def test_who_cannot_see_the_consumers_takes_them_to_be_at_work() -> None:
    hand = Hand()
    hand.records.lost = {"topics"}
    hand.tables.do("DELETE FROM ledger_entry WHERE entry_id=3", "DELETE FROM consumer_inbox WHERE event_key='8'")
    assert (await hand.report())["pending"] == {"on_its_way": 1}


async def test_a_payment_is_read_again_before_it_is_called_wrong() -> None:
    """All tables were read, and only then the status was written that the history had told already."""
    hand = Hand()
    stale, last = "UPDATE payment SET status='{}' WHERE payment_id=1", "FROM idem_response_cache"
    hand.tables.do(stale.format("CAPTURE_REQUESTED"))
    hand.tables.between = {last: stale.format("CAPTURED")}
    assert await hand.found() == []
    hand.tables.do(stale.format("CAPTURE_REQUESTED"))
    hand.tables.between = {last: "UPDATE payment SET status='CAPTURED' WHERE payment_id=4"}
    assert await hand.found() == [
        'I8 status_differs payment payment_id=1 rows=["payment:1"] expected="CAPTURED" actual="CAPTURE_REQUESTED"'
    ]  # of the others nothing was asked again
    hand.tables.do(stale.format("CAPTURE_REQUESTED"), "UPDATE payment SET status='CAPTURE_FAILED' WHERE payment_id=4")
    hand.tables.lost = "payment_id IN ("
    assert [line.split()[1] for line in await hand.found()] == ["status_differs"]  # no second look: the first stands


def paid(hand: Hand, number: int, *moves: str, published: int = 1) -> None:
    """One more payment with its moves and their events, and no entry in the ledger."""
    hand.tables.insert("payment", payment_id=number, merchant_id="M", amount=1, currency="KRW", status=moves[-1],
                       idempotency_key=str(number))  # fmt: skip
    for before, after in zip(("READY", *moves), moves, strict=False):
        kind = f"PAYMENT_{after}"
        hand.tables.insert("payment_history", payment_id=number, from_status=before, to_status=after, event_type=kind)
        hand.event(number, kind, {"amount": 1}, published=published if after == moves[-1] else 1)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two are looked at again at once, and seven at most."""
    monkeypatch.setattr(run, "LOOKED_AGAIN", 2)
    monkeypatch.setattr(run, "MOST_AGAIN", 7)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("count", "stay"), [(1, 0), (2, 0), (7, 0), (8, 8)])
async def test_of_very_many_wrong_payments_no_second_look_is_taken(count: int, stay: int) -> None:
    """A payment whose entry is only on its way is not wrong: it takes nobody's place among those looked at again."""
    hand = Hand()
    for number in range(100, 100 + count):
        paid(hand, number, "AUTHORIZED")
    paid(hand, 99, "AUTHORIZED", "CAPTURE_REQUESTED", "CAPTURED", published=0)
    hand.tables.insert("settlement_request", payment_id=99, request_amount=1, status="SUCCESS")
    hand.tables.do("UPDATE payment SET status='X' WHERE payment_id >= 100")
    hand.tables.between = {"FROM idem_response_cache": "UPDATE payment SET status='AUTHORIZED' WHERE status='X'"}
    report = await hand.report()
    assert (report["findingCount"], report["pending"]) == (stay, {"on_its_way": 1})


async def test_a_payment_is_read_again_as_long_as_others_move() -> None:
    """1 is written after the first reading, 2 after the second; what is wrong with 3 stays."""
    hand = Hand()
    said = "UPDATE payment SET status='{}' WHERE payment_id={}"
    hand.tables.do(*(said.format("READY", number) for number in (1, 2, 3)))
    written = iter([said.format("CAPTURED", 1), said.format("REFUNDED", 2)])
    readings, select = list[str](), hand.tables.select

    async def counted(statement: str, parameters: Any = None) -> Any:
        rows = await select(statement, parameters)
        if "FROM idem_response_cache" in statement:
            readings.append(statement)
            hand.tables.do(next(written, "SELECT 1"))
        return rows

    with mock.patch.object(hand.tables, "select", counted):
        findings = (await hand.report())["findings"]
    assert {one["payment_id"] for one in findings} == {3}
    assert len(readings) == 4


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(("count", "stay"), [(1, 0), (7, 0), (8, 1)])
async def test_a_record_whose_row_was_written_meanwhile_is_no_stranger(count: int, stay: int) -> None:
    hand = Hand()
    for number in range(100, 100 + count):
        hand.records.append("payment.authorized", '{"paymentId": 3}', str(number))
    hand.records.append("payment.authorized", "{}", "x1")  # no key of ours: nothing to look for
    rows = ", ".join(f"({number}, 3, 'PAYMENT_AUTHORIZED', '', 1)" for number in range(100, 100 + count))
    hand.tables.between = {
        "FROM idem_response_cache": "INSERT INTO outbox_event (event_id, aggregate_id, event_type, payload, published)"
        f" VALUES {rows}"
    }
    found = (await hand.report())["findings"]
    assert len(found) == stay + 1
    assert found[-1]["rows"] == ["payment.authorized:x1"]
