"""Reconciliation over a quiet platform: silent on clean books, and naming the right rows however they are falsified."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dari.services.monitoring.adapters.in_process import ports_of
from dari.services.monitoring.monitor import Monitor
from dari.services.monitoring.ports import Partition, Topic
from dari.services.monitoring.reconciliation import books
from dari.services.monitoring.reconciliation.books import Finding, Reader
from dari.services.monitoring.reconciliation.topics_check import hidden
from dari.services.payments.faults.tampering import WAYS, tamper
from dari.services.payments.ports import Message
from dari.services.payments.sandbox import Sandbox


@pytest.fixture
async def quiet() -> AsyncIterator[Sandbox]:
    async with Sandbox(11) as sandbox:
        sandbox.traffic(3, refunds=0.5)
        await sandbox.run(15)
        sandbox.schedule.cancel("traffic")
        assert await sandbox.settle()
        yield sandbox


async def reconcile(sandbox: Sandbox) -> dict[str, Any]:
    return await Monitor(ports_of(sandbox.app()), sandbox.world_clock).reconcile(1000)


async def test_clean_books_have_no_finding_and_nothing_on_its_way(quiet: Sandbox) -> None:
    report = await reconcile(quiet)
    assert (report["balanced"], report["status"], report["findingCount"]) == (True, "consistent", 0)
    assert report["pending"] == {}
    assert report["deltaPerAccount"] == {}
    assert report["firstBrokenLink"] is None
    assert report["checked"]["payments"] >= 40
    assert report["totalDebits"] == report["totalCredits"] > 0
    for topic in report["conservation"]:
        assert topic["records"] == topic["outboxPublished"], topic


async def test_books_too_long_for_one_answer_are_read_in_chunks(
    quiet: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await Reader(ports_of(quiet.app()).database).all()
    monkeypatch.setattr(books, "CHUNK", 17)
    assert await Reader(ports_of(quiet.app()).database).all() == whole
    assert len(whole.inbox) > 3 * 17


@pytest.mark.parametrize("way", WAYS)
async def test_every_way_to_falsify_is_found_in_the_right_rows(quiet: Sandbox, way: str) -> None:
    done = await tamper(quiet, way, 3)
    report = await reconcile(quiet)
    assert report["balanced"] is False
    rows = {row for finding in report["findings"] for row in finding["rows"]}
    payments = {finding["payment_id"] for finding in report["findings"]}
    assert rows & set(done.rows) or payments & set(done.payments), report["findings"][:5]


async def test_a_busy_platform_is_never_called_inconsistent() -> None:
    """Rows are written while they are read: what is only on its way is pending, not wrong."""
    async with Sandbox(4) as sandbox:
        sandbox.traffic(6, refunds=0.4)
        for _ in range(4):
            await sandbox.run(7.3)
            report = await reconcile(sandbox)
            assert report["findingCount"] == 0, report["findings"][:3]
        assert sum(report["pending"].values()) >= 0


async def test_a_stopped_consumer_leaves_entries_pending_and_after_healing_nothing() -> None:
    async with Sandbox(6) as sandbox:
        sandbox.traffic(3)
        await sandbox.run(10)
        sandbox.schedule.pause("consumer-worker")
        await sandbox.run(80)
        report = await reconcile(sandbox)
        assert report["findingCount"] == 0
        assert report["pending"]["on_its_way"] > 100
        assert report["overdue"] > 0
        sandbox.schedule.resume("consumer-worker")
        sandbox.schedule.cancel("traffic")
        assert await sandbox.settle()
        healed = await reconcile(sandbox)
        assert (healed["status"], healed["pending"], healed["waitingInConsumers"]) == ("consistent", {}, 0)


async def test_a_record_nobody_wrote_is_poison_before_a_consumer_and_done_with_after(quiet: Sandbox) -> None:
    quiet.schedule.pause("consumer-worker")
    quiet.log.append(Message("payment.captured", "{"), 0)
    before = await reconcile(quiet)
    assert [(one["kind"], one["area"]) for one in before["findings"]] == [("record_without_outbox_row", "poison")]
    quiet.schedule.resume("consumer-worker")
    await quiet.run(5)
    assert (await reconcile(quiet))["findingCount"] == 0


async def test_without_kafka_the_books_are_still_checked_but_not_called_balanced(quiet: Sandbox) -> None:
    quiet.log.down = set(quiet.log.brokers)
    report = await reconcile(quiet)
    assert (report["balanced"], report["status"], report["findingCount"]) == (None, "unknown", 0)
    assert report["unknown"][0]["probe"] == "kafka"
    await tamper(quiet, next(way for way in WAYS if "amount_changed" in way), 1)
    assert (await reconcile(quiet))["balanced"] is False


def test_what_cannot_be_seen_is_not_lost() -> None:
    def topic(isr: tuple[int, ...], leader: int | None = 1) -> dict[str, Topic]:
        part = Partition(0, leader, (1, 2, 3), isr, 0, 5)
        return {"t": Topic("t", (part,), {"min.insync.replicas": "2"})}

    lost = Finding(invariant="I12", kind="published_not_in_topic", area="event", rows=("outbox_event:1", "topic:t"))
    assert hidden(lost, topic((1,)))
    assert hidden(lost, topic((1, 2), None))
    assert not hidden(lost, topic((1, 2)))
    assert not hidden(lost, {})
    differs = Finding(invariant="I12", kind="record_differs", area="event", rows=("t:1", "outbox_event:1"))
    assert not hidden(differs, topic((1,)))
