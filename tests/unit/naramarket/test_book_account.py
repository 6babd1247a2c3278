"""The crawl book's account: crawls, windows, calls and receipts come back as they were written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dari.core.clock import KST
from dari.core.errors import NotFound
from dari.providers.naramarket.crawler import Book
from dari.providers.naramarket.crawler.reading import Verdict
from dari.providers.naramarket.crawler.windows import Span
from dari.providers.naramarket.spec import SPEC
from tests.unit.naramarket.conftest import GOODS

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
FIRST = Span(datetime(2026, 9, 1, tzinfo=KST), datetime(2026, 9, 30, 23, 59, tzinfo=KST))
SECOND = Span(datetime(2026, 10, 1, tzinfo=KST), datetime(2026, 10, 31, 23, 59, tzinfo=KST))


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    made = Book(tmp_path / "book.sqlite")
    yield made
    made.close()


def begun(book: Book, *spans: Span | None, now: datetime = NOW, **more: Any) -> str:
    return book.begin(GOODS, "registered", {"공고명": "도로"}, spans or (SECOND, FIRST), now=now, **more)


def test_a_crawl_is_told_as_it_was_begun(book: Book) -> None:
    one = book.crawl(begun(book, watch="roads"))
    assert re.fullmatch("20261120-120000-[0-9a-f]{6}", one.id)
    assert (one.endpoint, one.way, one.filters, one.watch) == (GOODS, "registered", {"공고명": "도로"}, "roads")
    assert (one.start, one.end) == (FIRST.start, SECOND.end)  # of all its windows together
    assert (one.state, one.reason, one.resume_not_before, one.ended_at) == ("planned", "", None, None)
    assert (one.simulated, one.doubt, one.made_at) == (False, False, NOW.isoformat())
    assert (type(one.simulated), type(one.doubt)) == (bool, bool)  # SQLite gives numbers
    assert "도로" in str(book._book.execute("SELECT filters FROM crawls").fetchone()[0])  # as a person can read it


def test_simulated_and_doubt_are_each_their_own(book: Book) -> None:
    simulated, doubted = begun(book), begun(book)
    book.stand(simulated, "running", now=NOW, simulated=True)
    book.reopen(doubted, doubt=True)
    assert [(one.simulated, one.doubt) for one in map(book.crawl, (simulated, doubted))] == [
        (True, False),
        (False, True),
    ]
    book.stand(simulated, "quota", now=NOW, reason="spent", again="tomorrow")
    one = book.crawl(simulated)
    assert (one.state, one.reason, one.resume_not_before, one.simulated) == ("quota", "spent", "tomorrow", True)
    assert one.ended_at == NOW.isoformat()
    book.stand(simulated, "running", now=NOW)
    assert book.crawl(simulated).ended_at is None


def test_an_unknown_crawl_names_the_latest_five(book: Book) -> None:
    with pytest.raises(NotFound) as nothing:
        book.crawl("x" * 61)
    assert nothing.value.hint is not None
    assert nothing.value.hint.en == "Latest: -"
    assert f"{'x' * 60!r}" in nothing.value.message
    made = [begun(book, now=NOW + timedelta(minutes=number)) for number in range(21)]
    with pytest.raises(NotFound) as caught:
        book.crawl("x")
    assert caught.value.hint is not None
    assert caught.value.hint.en == "Latest: " + ", ".join(reversed(made[-5:]))
    assert [one.id for one in book.crawls()] == made[:0:-1]  # twenty, the newest first


def test_windows_are_told_by_their_states(book: Book) -> None:
    crawl = begun(book, SECOND, None)
    dated, undated = book.windows(crawl)
    assert (dated.span, dated.state, dated.size, dated.sizes, dated.doubt) == (SECOND, "pending", None, (), False)
    assert (undated.start, undated.end, undated.span) == (None, None, None)
    book.open_window(dated.id, 99, doubt=True)
    book.resized(dated.id, 3, 50)
    book.resized(dated.id, 7, 10)
    (opened,) = book.windows(crawl, "open")
    assert (opened.size, opened.sizes, opened.doubt) == (99, ((3, 50), (7, 10)), True)
    assert [one.id for one in book.windows(crawl, "open", "pending")] == [dated.id, undated.id]
    assert book.windows(crawl, "gap", "done") == []


def test_a_window_gives_way_to_narrower_ones(book: Book) -> None:
    crawl = begun(book, SECOND)
    (wide,) = book.windows(crawl)
    ids = book.split(crawl, wide.id, [FIRST, SECOND])
    assert [(one.id, one.span) for one in book.windows(crawl, "pending")] == [*zip(ids, (FIRST, SECOND), strict=True)]
    assert [one.id for one in book.windows(crawl, "split")] == [wide.id]
    assert len(set(ids)) == 2


def test_a_receipt_says_what_was_found_or_what_is_missing(book: Book) -> None:
    crawl = begun(book, SECOND, FIRST, None)
    second, first, undated = book.windows(crawl)
    book.judge(second.id, Verdict(10, 9, 0, 2, 3, gap="one is missing", note="slow"), now=NOW)
    book.judge(first.id, Verdict(4, 4, 1, 0, 2), now=NOW)
    period = {"start": SECOND.start.isoformat(), "end": SECOND.end.isoformat()}
    assert book.receipts(crawl) == [
        {**period, "state": "gap", "expected": 10, "distinct": 9, "duplicates": 0, "withdrawn": 2, "readings": 3,
         "note": "slow", "gap": "one is missing"},
        {"start": FIRST.start.isoformat(), "end": FIRST.end.isoformat(), "state": "done", "expected": 4,
         "distinct": 4, "duplicates": 1, "withdrawn": 0, "readings": 2},
        {"state": "pending", "gap": "not read to its end yet"},
    ]  # fmt: skip
    book.reopen(crawl)
    assert {one.id: (one.state, one.doubt) for one in book.windows(crawl)} == {
        second.id: ("pending", False), first.id: ("done", False), undated.id: ("pending", False),
    }  # fmt: skip
    assert book.crawl(crawl).doubt is False
    book.reopen(crawl, windows=[first.id], doubt=True)
    assert [one.doubt for one in book.windows(crawl)] == [False, True, False]


def test_calls_are_written_before_they_are_made_and_counted_by_the_day(book: Book) -> None:
    crawl = begun(book)
    assert book.calls(crawl) == {}
    first = book.calling(GOODS, now=NOW, crawl=crawl)
    second = book.calling(GOODS, now=NOW, crawl=crawl, page=2, size=99)
    assert (first, second) == (1, 2)
    assert book._book.execute("SELECT page, size, times FROM calls ORDER BY id").fetchall() == [(1, 0, 1), (2, 99, 1)]
    book.called(first, "quota_spent")
    book.called(first, "page")  # told already
    assert book.calls(crawl) == {"quota_spent": 1, "in flight": 1}
    other = book.calling("other", now=NOW)
    book.answered(other, 3)
    kept = book.calling("other", now=NOW)
    book.answered(kept, 0)  # a kept answer cost no call
    book.calling(GOODS, now=NOW + timedelta(days=1))
    assert book.spent(NOW) == {"other": 3, GOODS: 1}
    assert book.calls(crawl) == {"quota_spent": 1, "in flight": 1}


def test_a_page_receipt_names_its_rows_once_each(book: Book) -> None:
    crawl = begun(book, SECOND)
    window = book.windows(crawl)[0].id
    call = book.calling(GOODS, now=NOW, crawl=crawl, window=window)
    rows = [{"bidNtceNo": f"R26BK{number:08d}", "bidNtceOrd": "000"} for number in (1, 2, 3, 2)]
    told = book.page(SPEC.endpoint(GOODS), "registered", call=call, window=window, number=4, size=99, told=98,
                     total=7, rows=rows, at=NOW)  # fmt: skip
    assert (told.number, told.size, told.told, told.total, len(told.keys)) == (4, 99, 98, 7, 3)
    assert book.pages(window) == [told]
    assert book.calls(crawl) == {"page": 1}
    book.reopen(crawl, windows=[window])
    assert book.pages(window) == []


def test_what_was_learned_of_an_operation_is_remembered(book: Book) -> None:
    assert book.learned(GOODS) == (None, None)
    book.learn(GOODS, size=50)
    book.learn(GOODS, most_days=7)
    assert book.learned(GOODS) == (50, 7)
    assert book.measured(GOODS, "registered", {"a": "b"}) is None
    book.measure(GOODS, "registered", {"a": "b"}, 12.5)
    book.measure(GOODS, "registered", {"a": "b"}, 13.5)
    assert book.measured(GOODS, "registered", {"a": "b"}) == 13.5
    assert book.measured(GOODS, "registered", {}) is None
