from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from dari.core.clock import KST, ManualClock, SystemClock
from dari.services.monitoring.adapters.connect import Addresses, connect
from dari.services.monitoring.adapters.in_process import ports_of
from dari.services.monitoring.adapters.relational import RelationalDatabase
from dari.services.monitoring.app import serve_at
from dari.services.monitoring.diagnosis.engine import diagnose
from dari.services.monitoring.exposition import minus, parse, quantile
from dari.services.monitoring.filters import numerals
from dari.services.monitoring.history import History
from dari.services.monitoring.monitor import Monitor
from dari.services.monitoring.ports import ProbeFailed
from dari.services.monitoring.probes.look import Looker, Probing
from dari.services.monitoring.probes.snapshot import PROBE_LATE, Snapshot
from dari.services.payments.sandbox import Sandbox

AT = datetime(2026, 11, 20, 15, 30, tzinfo=KST)


@pytest.mark.parametrize(
    ("spelled", "value"),
    [
        ("만", 10_000), ("5천", 5_000), ("1억5천만", 150_000_000), ("1.5만", 15_000), ("삼십만", 300_000),
        ("이만오천", 25_000),
        ("1,234,567", 1_234_567), ("천", 1_000), ("백이십", 120), ("1만5000", 15_000), ("2조", 2_000_000_000_000),
        ("1,23", None), ("천천", None), ("만억", None), ("3삼", None), ("1.2.3", None), ("5a", None), (",5", None),
        ("만12345", None), ("천5000", None),
    ],
)  # fmt: skip
def test_korean_numbers(spelled: str, value: int | None) -> None:
    assert numerals.korean(spelled) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("spelled", "unit"), [("50만", 10_000), ("5천", 1_000), ("2억", 10**8), ("3천만", 10_000), ("7", 1)]
)
def test_the_unit_a_range_lends(spelled: str, unit: int) -> None:
    assert numerals.unit_of(spelled) == unit


def test_an_exposition_is_read_and_subtracted() -> None:
    before = parse('# HELP x y\nx_total{a="1",b="q\\"t"} 5\nx_total{a="2"} 7\ny 1e3\nodd line\nz NaNx\n')
    after = parse('x_total{a="1",b="q\\"t"} 9\nx_total{a="2"} 2\nx_total{a="3"} 4\n')
    assert before.total("x_total") == 12
    assert before.total("x_total", a="2") == 7
    assert before.has("y")
    assert not before.has("z")
    grown = {dict(labels)["a"]: value for labels, value in minus(after, before, "x_total").items()}
    assert grown == {"1": 4, "2": 2, "3": 4}  # 2 fell: a restart, counted from zero


def test_quantiles_are_prometheus_estimates() -> None:
    assert quantile(0.5, {0.1: 0, 0.2: 10, float("inf"): 10}) == pytest.approx(0.15)
    assert quantile(0.95, {0.1: 1, float("inf"): 10}) == 0.1
    assert quantile(0.95, {0.1: 0, float("inf"): 0}) is None
    assert quantile(0.95, {}) is None


def test_history_finds_the_onset_and_forgets_the_oldest() -> None:
    history = History(kept=3)
    shots = [replace(Snapshot(at=AT), at=AT.replace(second=second)) for second in (0, 5, 10, 15)]
    for shot in shots[:3]:
        history.add(shot)
    history.add(replace(shots[3], failures={"redis": ("Timeout", "")}))
    assert len(history) == 3
    now = replace(shots[3], at=AT.replace(second=20), failures={"redis": ("Timeout", "")})
    began = history.onset(now, lambda one: "redis" in one.failures)
    assert began is not None
    assert began.at.second == 10
    assert history.onset(shots[2], lambda one: "redis" in one.failures) is None
    assert history.growth(now, "x", 60) is None


class Hangs:
    """A part that never answers, whatever is asked."""

    def __getattr__(self, _: str) -> Any:
        async def forever(*_: Any, **__: Any) -> None:
            await asyncio.Event().wait()

        return forever


@pytest.mark.parametrize("part", ["database", "redis", "kafka", "platform"])
async def test_a_part_that_hangs_costs_a_deadline_and_is_unknown(part: str) -> None:
    async with Sandbox(2) as sandbox:
        hanging: dict[str, Any] = {part: Hangs()}
        ports = replace(ports_of(sandbox.app()), patience=1.0, **hanging)
        monitor = Monitor(ports, SystemClock(), Probing(deadline=0.3))
        began = time.monotonic()
        snapshot = await monitor.looker.look()
        assert time.monotonic() - began < 2.5
        probe = {"platform": "app.info"}.get(part, part)
        assert snapshot.failures[probe][0] in {"Timeout", PROBE_LATE}  # late: where this machine was starved as well
        verdict = await monitor.diagnose()
        assert verdict["status"] != "healthy"
        assert verdict["unknown"]


class Away:
    """A cluster that answers nothing, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def cluster(self) -> Any:
        self.asked += 1
        raise ProbeFailed("kafka", "Timeout", "no answer within 1 s")

    topics = groups = cluster


async def test_while_the_cluster_is_away_it_is_asked_once_a_look_and_the_books_are_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dari.services.monitoring.monitor.SMALL_BOOKS", -1)
    async with Sandbox(2) as sandbox:
        there, away = ports_of(sandbox.app()), Away()
        gone: Any = away
        monitor = Monitor(replace(there, kafka=gone), sandbox.world_clock)
        with mock.patch.object(monitor.reconciler, "run", wraps=monitor.reconciler.run) as read:
            for _ in range(3):
                verdict = await monitor.diagnose()
                assert verdict["status"] != "healthy"
            assert (away.asked, read.await_count) == (3, 1)
            back = Monitor(there, sandbox.world_clock)
            await monitor.facts(await back.looker.look())  # it is back: what could not be compared is read now
            assert read.await_count == 2


async def test_a_database_that_goes_while_the_books_are_read_leaves_the_ledger_unknown() -> None:
    async def gone(*_: Any) -> Any:
        raise ProbeFailed("database", "Timeout", "no answer within 1 s")

    async with Sandbox(2) as sandbox:
        monitor = Monitor(ports_of(sandbox.app()), sandbox.world_clock)
        now = await monitor.looker.look()
        with mock.patch("dari.services.monitoring.reconciliation.run.Reader.all", gone):
            facts = await monitor.facts(now)
        assert "ledger.findings" not in facts
        assert "LEDGER_TAMPERED" in {one["rule"] for one in diagnose(facts, now.at)["undecided"]}


async def test_large_books_are_read_again_only_when_the_last_reading_is_old() -> None:
    async with Sandbox(2) as sandbox:
        await sandbox.authorize("MERCHANT-1", 5_000)
        await sandbox.run(5)
        monitor = Monitor(ports_of(sandbox.app()), sandbox.world_clock)
        readings = mock.AsyncMock(wraps=monitor.reconciler.run)
        with (
            mock.patch.object(monitor.reconciler, "run", readings),
            mock.patch("dari.services.monitoring.monitor.SMALL_BOOKS", 0),
        ):
            for passed, read in ((0, 1), (30, 1), (31, 2)):
                await sandbox.run(passed)
                await monitor.diagnose()
                assert readings.await_count == read
        with mock.patch.object(monitor.reconciler, "run", readings):
            await monitor.diagnose()
        assert readings.await_count == 3


async def test_a_malformed_answer_is_unknown_too() -> None:
    class Odd:
        async def info(self) -> dict[str, Any]:
            raise KeyError("db0")

    async with Sandbox(2) as sandbox:
        ports = replace(ports_of(sandbox.app()), redis=Odd())  # type: ignore[arg-type]  # a part that speaks nonsense
        snapshot = await Looker(ports, ManualClock(AT)).look()
        assert snapshot.failures["redis"][0] == "Malformed"
        assert snapshot.redis is None


async def test_the_relational_adapter_reads_and_only_reads(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'pay.db'}"
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE payment (payment_id INTEGER, amount INTEGER)"))
        await connection.execute(text("INSERT INTO payment VALUES (1, 500)"))
    await engine.dispose()
    database = RelationalDatabase(url, ManualClock(AT))
    assert await database.select("SELECT * FROM payment WHERE amount > :low", {"low": 1}) == [
        {"payment_id": 1, "amount": 500}
    ]
    assert await database.now() == AT
    for hostile in ("DELETE FROM payment", "SELECT 1; DROP TABLE payment", "UPDATE payment SET amount = 1", "PRAGMA x"):
        with pytest.raises(ProbeFailed, match="NotAllowed"):
            await database.select(hostile)
    with pytest.raises(ProbeFailed, match="OperationalError"):
        await database.select("SELECT * FROM nowhere")
    await database.close()


async def test_addresses_hide_their_passwords_and_real_parts_away_are_named() -> None:
    addresses = Addresses(
        platform="http://127.0.0.1:1",
        database="sqlite+aiosqlite://",
        redis="redis://:secret@127.0.0.1:1/0",
        deadline=0.5,
    )
    assert "secret" not in repr(addresses)
    ports, close = connect(addresses, ManualClock(AT))
    with pytest.raises(ProbeFailed) as redis:
        await ports.redis.info()
    assert redis.value.component == "redis"
    assert "secret" not in str(redis.value)
    with pytest.raises(ProbeFailed) as platform:
        await ports.platform.get("/actuator/info")
    assert platform.value.component == "app"
    await close()


async def test_a_served_app_samples_on_its_beat_and_lets_go_at_its_end() -> None:
    """Everything it looks at is away: the service itself lives, and says unknown."""
    app = serve_at(Addresses(platform="http://127.0.0.1:1", deadline=0.3), SystemClock())
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.5)
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://m", timeout=30) as client:
            health = (await client.get("/health")).json()
            assert health["status"] == "UP"
            assert health["samples"] >= 1
            verdict = (await client.get("/monitoring/system/diagnose")).json()
            assert verdict["root_cause"] is not None
            assert verdict["status"] != "healthy"
            services = (await client.get("/monitoring/system/services")).json()
            assert services["overall"] == "unknown"
