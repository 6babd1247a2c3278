"""A crawl may stop at any moment: at a spent quota, a dead key, a kill. What was paid for is kept, and it goes on."""

from __future__ import annotations

import itertools
import random
import sqlite3
from contextlib import aclosing
from datetime import date, timedelta
from pathlib import Path

import pytest

from dari.core.errors import BadSetting, NotFound
from dari.core.exchange import Call, Reply
from dari.providers.naramarket.crawler import Book, Crawler, planned, success, whole
from dari.providers.naramarket.simulator import SIMULATED_KEY, Account, Limits
from dari.providers.naramarket.spec import SPEC
from tests.unit.naramarket.conftest import GOODS, Make, Sim
from tests.unit.naramarket.crawling import begun, crawl, run, truth

QUARTER = date(2026, 7, 1), date(2026, 9, 30)
WEEKS = date(2026, 9, 1), date(2026, 9, 14)


async def test_after_22_no_new_call_and_the_rest_on_the_next_day(make: Make, tmp_path: Path) -> None:
    sim = make(limits=Limits(quota=3))
    book = Book(tmp_path / "book.sqlite")
    book.learn(GOODS, size=200)
    begin = begun(book, sim, GOODS, *QUARTER)
    last = await run(book, sim, begin)
    assert (last.state, last.resume_not_before) == ("quota", "2026-11-21T00:00:00+09:00")
    calls = book.calls(begin)
    assert calls["page"] == 3
    assert (await sim.stats())["received"] == 3 + calls["quota_spent 22"]
    assert calls["quota_spent 22"] <= 3  # in flight when the first one came
    assert not success(book.receipts(begin))
    assert book.crawl(begin).resume_not_before
    for _ in range(12):
        sim.clock.advance(timedelta(days=1).total_seconds())
        last = await run(book, sim, begin)
        if last.state == "done":
            break
    assert success(book.receipts(begin))
    assert book.keys(GOODS) == await truth(sim, GOODS, *QUARTER)
    assert book.calls(begin)["page"] == sum(-(-one["expected"] // 200) for one in book.receipts(begin))


async def test_a_refused_key_stops_at_once_and_says_so(make: Make, tmp_path: Path) -> None:
    sim = make(accounts={SIMULATED_KEY: Account(services=frozenset())})
    told = await crawl(sim, tmp_path, GOODS, *QUARTER)
    assert told.last.state == "stopped"
    assert "서비스 접근 거부" in told.last.reason
    assert told.calls <= 3
    assert not told.success
    assert SIMULATED_KEY.encode() not in (tmp_path / "book.sqlite").read_bytes()


def copied(book: Book, path: Path) -> Book:
    """The book as a kill at this moment would leave it."""
    with sqlite3.connect(path) as copy:
        book._book.backup(copy)
    copy.close()
    return Book(path)


@pytest.mark.parametrize("lot", range(15))
async def test_killed_anywhere_it_ends_with_the_same_rows(make: Make, tmp_path: Path, lot: int) -> None:
    """Re-spent calls are at most those that were in flight."""
    sim = make(limits=Limits(base=0.2, concurrency=6))
    book = Book(tmp_path / "book.sqlite")
    book.learn(GOODS, size=30)
    begin = begun(book, sim, GOODS, *WEEKS)
    at, calls, left = random.Random(lot).randint(1, 25), 0, []

    async def send(call: Call) -> Reply:
        nonlocal calls
        calls += 1
        if calls == at:
            left.append(copied(book, tmp_path / "left.sqlite"))
        return await sim.dialect(call)

    await run(book, sim, begin, send)
    least = book.calls(begin)["page"]
    (rest,) = left
    flying = rest.calls(begin)["in flight"]
    last = await run(rest, sim, begin)
    assert last.state == "done"
    assert rest.keys(GOODS) == book.keys(GOODS) == await truth(sim, GOODS, *WEEKS)
    assert rest.calls(begin)["page"] + rest.calls(begin)["in flight"] <= least + flying
    assert rest.receipts(begin) == book.receipts(begin)


async def test_a_crawl_that_is_left_says_so(sim: Sim, tmp_path: Path) -> None:
    book = Book(tmp_path / "book.sqlite")
    begin = begun(book, sim, GOODS, *QUARTER)
    crawler = Crawler(
        book=book, send=sim.dialect, clock=sim.clock, endpoint=SPEC.endpoint(GOODS), crawl=book.crawl(begin)
    )
    async with aclosing(crawler.run()) as progress:
        async for _ in progress:
            break
    assert book.crawl(begin).state == "interrupted"
    assert all("gap" in one for one in book.receipts(begin) if one["state"] != "done")
    assert (await run(book, sim, begin)).state == "done"


async def test_a_second_crawl_of_the_same_days_adds_nothing(sim: Sim, tmp_path: Path) -> None:
    first = await crawl(sim, tmp_path, GOODS, *WEEKS)
    again = begun(first.book, sim, GOODS, *WEEKS)
    await run(first.book, sim, again)
    stored = first.book.stored()[GOODS]
    assert stored["rows"] == stored["versions"] == len(await truth(sim, GOODS, *WEEKS))
    assert first.book.months(GOODS) == ["2026-09"]
    assert len(list(first.book.rows(GOODS))) == stored["rows"]
    with pytest.raises(NotFound):
        first.book.crawl("nonsense")


@pytest.mark.parametrize("name", SPEC.ids())
def test_windows_touch_each_minute_once(name: str) -> None:
    span = whole(date(2026, 1, 15), date(2026, 11, 20))
    for way in SPEC.endpoint(name).wire["by"].values():
        if "from" not in way:
            continue
        windows = planned(span, way)
        assert (windows[0].end, windows[-1].start) == (span.end, span.start)
        for newer, older in itertools.pairwise(windows):
            assert newer.start - older.end == timedelta(minutes=1)


def test_a_day_is_the_narrowest_where_dates_are_plain_and_a_minute_elsewhere() -> None:
    day = whole(date(2026, 2, 1), date(2026, 2, 1))
    assert day.split("YYYYMMDD") == []
    noon = day.split("YYYYMMDDHHMM")
    assert [one.days for one in noon] == [1, 1]
    assert noon[0].start - noon[1].end == timedelta(minutes=1)
    year = whole(date(2026, 1, 1), date(2026, 12, 31))
    assert [one.days for one in year.split("YYYYMM")] == [31, 334]
    assert sum(one.days for one in year.split("YYYYMMDD")) == 365


def test_an_older_book_is_kept_beside_and_a_newer_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    with sqlite3.connect(path) as old:
        old.executescript("CREATE TABLE crawls (id TEXT); PRAGMA user_version=1;")
    old.close()
    book = Book(path)
    assert book.crawls() == []
    assert (tmp_path / "book.v1.bak").is_file()
    book.close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(BadSetting):
        Book(path)
