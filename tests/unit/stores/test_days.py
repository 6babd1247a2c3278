"""The day store: parts are whole or not there, a hole ends a history, and nothing is fetched twice."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from dari.core.clock import KST
from dari.core.errors import MissingExtra, Unreachable
from dari.core.krx import trading_days
from dari.core.locks import take
from dari.core.shared_state import private_folder
from dari.stores import days as days_module
from dari.stores.days import DayStore, published
from dari.stores.filling import Filler, Filling, Progress
from tests.unit.stores.made import LAST, SHARES, Charts, Exchange, clock, codes, row


async def last_of(steps: AsyncIterator[Progress]) -> Progress:
    return [Progress(0, 0, 0, ""), *[one async for one in steps]][-1]


@pytest.fixture
def store(tmp_path: Path) -> DayStore:
    return DayStore(tmp_path / "days", clock())


async def test_a_fill_takes_each_part_once_and_the_next_one_nothing(store: DayStore) -> None:
    source = Exchange()
    told = await last_of(Filler(store).from_days(source, LAST, 5))
    assert (told.done, told.calls, told.total) == (10, 10, 10)
    assert sorted(store.days(), reverse=True) == list(trading_days(LAST, 5))
    again = Exchange()
    assert (await last_of(Filler(store).from_days(again, LAST, 5))).calls == 0
    assert again.asked == []
    ended = [one["ended"] for one in store.ledger() if "ended" in one]
    assert ended == ["committed"] * 10


async def test_what_is_not_published_is_told_and_asked_for_again(store: DayStore) -> None:
    told = await last_of(Filler(store).from_days(Exchange(closed=[LAST]), LAST, 3))
    assert told.unpublished == (LAST,)
    assert LAST not in store.days()
    assert (await last_of(Filler(store).from_days(Exchange(), LAST, 3))).calls == 2
    assert store.days()[0] == LAST


async def test_a_failure_keeps_what_was_committed(store: DayStore) -> None:
    with pytest.raises(Unreachable):
        await last_of(Filler(store).from_days(Exchange(fails=Unreachable("gone")), LAST, 4))
    assert len(store.parts()) == 3
    assert {one.get("ended") for one in store.ledger()} == {None, "committed", "unreachable"}
    told = await last_of(Filler(store).from_days(Exchange(), LAST, 4))
    assert told.calls == 5


async def test_one_filler_at_a_time(store: DayStore) -> None:
    lock = take(private_folder(store.folder) / "filling.lock")
    with pytest.raises(Filling):
        await last_of(Filler(store).from_days(Exchange(), LAST, 1))
    lock.release()
    assert (await last_of(Filler(store).from_days(Exchange(), LAST, 1))).calls == 2


async def test_a_history_has_columns_newest_first_and_ends_at_a_hole(store: DayStore) -> None:
    await last_of(Filler(store).from_days(Exchange(), LAST, 6))
    history = store.history(4)
    assert history is not None
    assert history.days == trading_days(LAST, 4)
    code = codes("KOSDAQ")[7]
    series = history.shares[code]
    assert series.market == "KOSDAQ"
    assert series.row == row(code, LAST)
    assert series.volumes == tuple(row(code, day).volume for day in history.days)
    assert series.values == tuple(row(code, day).value for day in history.days)
    assert history.earlier[code] == row(code, history.days[1]).market_cap
    assert (history.source, history.simulated) == ("krx", False)
    hole = history.days[2]
    store._path(hole, "KOSPI").unlink()
    again = store.history(6)
    assert again is not None
    assert again.days == history.days[:2]


async def test_a_share_that_was_not_listed_has_shorter_columns(store: DayStore) -> None:
    await last_of(Filler(store).from_days(Exchange(), LAST, 3))
    young = codes("KOSPI")[0]
    day = trading_days(LAST, 3)[2]
    store.commit(day, "KOSPI", [row(code, day) for code in codes("KOSPI")[1:]], source="krx")
    store._parts.clear()
    store._history = None
    history = store.history(3)
    assert history is not None
    assert len(history.shares[young].volumes) == 2
    assert len(history.shares) == 2 * SHARES


def test_an_empty_store_has_no_history(store: DayStore) -> None:
    assert store.history(5) is None
    assert store.ledger() == []
    assert store.days() == []


def test_parts_are_private_and_a_torn_line_of_the_ledger_is_skipped(store: DayStore) -> None:
    store.commit(LAST, "KOSPI", [row(code, LAST) for code in codes("KOSPI")], source="krx", simulated=True)
    path = store._path(LAST, "KOSPI")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(store.folder.glob(".*")) == []
    store.note(call="1", ended="committed")
    with (store.folder / "calls.jsonl").open("a") as file:
        file.write('{"v": 1, "call": "2", "en')
    store.note(call="3")
    assert [one["call"] for one in store.ledger()] == ["1", "3"]
    assert store.forget_before(LAST + timedelta(days=1)) == 1
    assert store.parts() == frozenset()


async def test_charts_fill_the_same_days_and_go_on_where_they_stopped(store: DayStore) -> None:
    wanted = trading_days(LAST, 4)
    first = Charts(wanted, until=101)
    with pytest.raises(Unreachable):
        await last_of(Filler(store).from_charts(first, LAST, 4))
    assert store.days() == []
    (store.folder / "charts-20201119-4.jsonl").write_text("{")
    rest = Charts(wanted)
    told = await last_of(Filler(store).from_charts(rest, LAST, 4))
    assert told.done == 2 * SHARES
    assert set(first.asked).isdisjoint(rest.asked)
    assert store.days() == list(wanted)
    history = store.history(4)
    assert history is not None
    assert (history.source, history.simulated) == ("kis", True)
    assert not list(store.folder.glob("charts-*"))
    store._path(wanted[1], "KOSDAQ").unlink()
    await last_of(Filler(store).from_days(Exchange(), LAST, 4))
    mixed = DayStore(store.folder, clock()).history(4)
    assert mixed is not None
    assert mixed.source == "kis+krx"
    done = Charts(wanted)
    assert (await last_of(Filler(store).from_charts(done, LAST, 4))).total == 0
    assert done.asked == []


@pytest.mark.parametrize(
    ("now", "day"),
    [
        (datetime(2026, 11, 20, 7, 59, tzinfo=KST), date(2026, 11, 18)),
        (datetime(2026, 11, 20, 8, 0, tzinfo=KST), date(2026, 11, 19)),
        (datetime(2026, 11, 20, 23, 0, tzinfo=KST), date(2026, 11, 19)),
        (datetime(2026, 11, 22, 12, 0, tzinfo=KST), date(2026, 11, 19)),
        (datetime(2026, 11, 23, 8, 0, tzinfo=KST), date(2026, 11, 20)),
    ],
)
def test_a_day_is_out_at_eight_of_the_next_trading_day(now: datetime, day: date) -> None:
    assert published(now, 8) == day


def test_without_pyarrow_the_extra_is_named(store: DayStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(days_module, "import_module", absent)
    with pytest.raises(MissingExtra, match=r"dari\[market\]"):
        store.commit(LAST, "KOSPI", [], source="krx")
