"""The crawl book's rows: packed by page, every version once, and an older book becomes this one."""

from __future__ import annotations

import json
import sqlite3
from datetime import datetime
from pathlib import Path

import pytest

from dari.core.clock import KST
from dari.providers.naramarket.crawler import Book
from dari.providers.naramarket.crawler.leaves import ABSENT, BETWEEN, NEXT, PART
from dari.providers.naramarket.simulator import SIMULATED_KEY
from dari.providers.naramarket.spec import SPEC
from tests.support import simulated
from tests.unit.naramarket.conftest import GOODS

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
ENDPOINT = SPEC.endpoint(GOODS)


def notice(number: int, name: str = "x", day: str = "2026-09-01", **more: str) -> dict[str, str]:
    return {
        "bidNtceNo": f"R26BK{number:08d}",
        "bidNtceOrd": "000",
        "bidNtceNm": name,
        "rgstDt": f"{day} 10:00:00",
        **more,
    }


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "book.sqlite")


def page(book: Book, *rows: dict[str, str]) -> int:
    if not book.crawls():
        book.begin(GOODS, "registered", {}, [None], now=NOW)
    crawl = book.crawls()[0].id
    window = book.windows(crawl)[0].id
    call = book.calling(GOODS, now=NOW, crawl=crawl, window=window)
    told = book.page(ENDPOINT, "registered", call=call, window=window, number=1, size=99, told=99, total=len(rows),
                     rows=rows, at=NOW)  # fmt: skip
    return told.id


def test_rows_come_back_as_they_were(book: Book) -> None:
    rows = [notice(at, "가나 다", extra="" if at % 2 else "y") for at in range(5)] + [notice(9, "")]
    page(book, *rows)
    page(book)
    assert list(book.rows(GOODS)) == rows
    assert book.keys(GOODS) == {f"{row['bidNtceNo']}|000" for row in rows}
    assert book.stored()[GOODS] == {"rows": 6, "versions": 6, "from": "2026-09", "to": "2026-09"}


def test_marks_inside_values_become_blanks_and_lose_no_row(book: Book) -> None:
    page(book, *(notice(at, f"a{mark}b") for at, mark in enumerate((BETWEEN, NEXT, PART, ABSENT))), notice(8, ABSENT))
    assert [row["bidNtceNm"] for row in book.rows(GOODS)] == ["a b"] * 4 + [" "]


def test_the_newest_version_counts_and_the_history_is_kept(book: Book) -> None:
    page(book, notice(1), notice(2))
    page(book, notice(1, "changed"), notice(2), notice(3))
    assert [row["bidNtceNm"] for row in book.rows(GOODS)] == ["x", "changed", "x"]
    assert len(list(book.rows(GOODS, history=True))) == 4
    page(book, notice(1), notice(1), notice(2))  # back to what it was: seen again, and kept once
    assert [row["bidNtceNm"] for row in book.rows(GOODS)] == ["x", "x", "x"]
    assert book.stored()[GOODS]["versions"] == 4
    names = [row["bidNtceNm"] for row in book.rows(GOODS, after=1)]
    assert names == ["x"]  # what a later leaf has brought and is newest


def test_months_are_told_apart_within_a_page(book: Book) -> None:
    page(book, notice(1), notice(2, day="2026-10-01"), notice(3, day=""), notice(4, bidNtceSttusNm="z"))
    assert book.months(GOODS) == ["2026-09", "2026-10", "2026-11"]
    assert [len(list(book.rows(GOODS, month=month))) for month in book.months(GOODS)] == [2, 1, 1]
    assert len(list(book.chunks(GOODS, most=1))) == 4


def test_numbers_of_leaves_are_not_given_again(book: Book) -> None:
    first = page(book, notice(1))
    book.reopen(book.crawls()[0].id, windows=[1])
    assert page(book, notice(1), notice(2)) > first


OLD = """
CREATE TABLE crawls (id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, way TEXT NOT NULL, filters TEXT NOT NULL,
    start TEXT, end TEXT, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', resume_not_before TEXT,
    simulated INTEGER NOT NULL DEFAULT 0, doubt INTEGER NOT NULL DEFAULT 0, made_at TEXT NOT NULL, ended_at TEXT);
CREATE TABLE windows (id INTEGER PRIMARY KEY, crawl TEXT NOT NULL, start TEXT, end TEXT,
    state TEXT NOT NULL DEFAULT 'pending', size INTEGER, sizes TEXT NOT NULL DEFAULT '[]',
    doubt INTEGER NOT NULL DEFAULT 0, expected INTEGER, found INTEGER, duplicates INTEGER, withdrawn INTEGER,
    readings INTEGER, note TEXT NOT NULL DEFAULT '', gap TEXT, read_at TEXT);
CREATE TABLE calls (id INTEGER PRIMARY KEY, crawl TEXT, window INTEGER, endpoint TEXT NOT NULL, day TEXT NOT NULL,
    page INTEGER, size INTEGER, asked_at TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT 'in flight',
    times INTEGER NOT NULL DEFAULT 1);
CREATE TABLE pages (id INTEGER PRIMARY KEY, window INTEGER NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL,
    told INTEGER, total INTEGER, keys BLOB NOT NULL, fetched_at TEXT NOT NULL);
CREATE TABLE endpoints (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER, most_days INTEGER);
CREATE TABLE headings (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE);
CREATE INDEX windows_of_crawl ON windows(crawl); CREATE INDEX calls_of_day ON calls(day, endpoint);
CREATE INDEX calls_of_crawl ON calls(crawl); CREATE INDEX pages_of_window ON pages(window);
CREATE TABLE rows (endpoint INTEGER NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, month TEXT NOT NULL,
    heading INTEGER NOT NULL, body TEXT NOT NULL, first_page INTEGER NOT NULL, last_page INTEGER NOT NULL,
    PRIMARY KEY (endpoint, key, digest));
PRAGMA user_version=2;
"""


def test_a_book_of_single_rows_becomes_one_of_leaves(tmp_path: Path) -> None:
    path = tmp_path / "book.sqlite"
    with sqlite3.connect(path) as old:
        old.executescript(OLD)
        old.execute("INSERT INTO endpoints (name, size) VALUES (?, 50)", (GOODS,))
        old.execute("INSERT INTO headings (names) VALUES ('bidNtceNo\x1fbidNtceNm')")
        old.execute("INSERT INTO crawls (id, endpoint, way, filters, state, made_at)"
                    " VALUES ('c', ?, 'registered', '{}', 'done', '')", (GOODS,))  # fmt: skip
        old.execute("INSERT INTO windows (crawl) VALUES ('c')")
        old.executemany("INSERT INTO rows VALUES (1,?,?,?,1,?,?,?)", [
            ("a", b"1", "2026-08", "a\x1fold", 4, 4), ("a", b"2", "2026-08", "a\x1fnew", 7, 7),
            ("b", b"3", "2026-09", "b\x1fx", 4, 9)])  # fmt: skip
        old.execute("INSERT INTO pages (id, window, number, size, keys, fetched_at) VALUES (12, 1, 1, 50, x'', '')")
    old.close()
    book = Book(path)
    assert (tmp_path / "book.v2.bak").is_file()
    assert {row["bidNtceNm"] for row in book.rows(GOODS)} == {"new", "x"}
    assert len(list(book.rows(GOODS, history=True))) == 3
    assert book.months(GOODS) == ["2026-08", "2026-09"]
    assert (book.crawl("c").watch, book.learned(GOODS)) == ("", (50, None))
    assert page(book, notice(1)) > 12
    book.close()
    assert len(list(Book(path).rows(GOODS))) == 3


async def test_the_service_key_is_in_no_book_no_answer_and_no_job(tmp_path: Path) -> None:
    """Also where calls fail: receipts, ledger, errors, audit and the arguments of jobs are free of it."""
    async with simulated("naramarket", tmp_path, now=NOW) as asker:
        started = await asker.answer("start_crawl", operation=GOODS, start="2026-10-01", end="2026-10-02")
        refused = await asker.outcome("call_operation", operation=GOODS, parameters={"inqryDiv": "9"})
        standing = await asker.runtime.parts.jobs.standing(f"crawl-{started['crawl']['id']}")
        told = json.dumps([started, refused.structured, standing.as_dict() if standing else {}], ensure_ascii=False)
    files = written(tmp_path)
    assert "crawls.sqlite" in files
    for spelled in (SIMULATED_KEY, SIMULATED_KEY.replace("+", "%2B")):
        assert spelled not in told
        assert not [name for name, content in files.items() if spelled.encode() in content]


def written(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
