"""The tables of the crawl book, and how an older book becomes this one."""

from __future__ import annotations

import shutil
import sqlite3
import zlib
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

from dari.core.errors import BadSetting, Hint
from dari.core.shared_state import private_folder
from dari.providers.naramarket.crawler.leaves import NEXT, PART

VERSION: Final = 3
PACKED: Final = 3
"""Since this version rows are packed by page."""
KEPT: Final = frozenset({"crawls", "windows", "calls", "pages", "endpoints", "headings"})
"""Tables that are as they were before it."""
TABLES: Final = """
CREATE TABLE crawls (
    id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, way TEXT NOT NULL, filters TEXT NOT NULL,
    start TEXT, end TEXT, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
    resume_not_before TEXT, simulated INTEGER NOT NULL DEFAULT 0, doubt INTEGER NOT NULL DEFAULT 0,
    made_at TEXT NOT NULL, ended_at TEXT, watch TEXT NOT NULL DEFAULT ''
);
CREATE TABLE windows (
    id INTEGER PRIMARY KEY, crawl TEXT NOT NULL REFERENCES crawls(id), start TEXT, end TEXT,
    state TEXT NOT NULL DEFAULT 'pending', size INTEGER, sizes TEXT NOT NULL DEFAULT '[]',
    doubt INTEGER NOT NULL DEFAULT 0,
    expected INTEGER, found INTEGER, duplicates INTEGER, withdrawn INTEGER, readings INTEGER,
    note TEXT NOT NULL DEFAULT '', gap TEXT, read_at TEXT
);
CREATE INDEX windows_of_crawl ON windows(crawl);
CREATE TABLE calls (
    id INTEGER PRIMARY KEY, crawl TEXT, window INTEGER, endpoint TEXT NOT NULL, day TEXT NOT NULL,
    page INTEGER, size INTEGER, asked_at TEXT NOT NULL, outcome TEXT NOT NULL DEFAULT 'in flight',
    times INTEGER NOT NULL DEFAULT 1
);
CREATE INDEX calls_of_day ON calls(day, endpoint);
CREATE INDEX calls_of_crawl ON calls(crawl);
CREATE TABLE pages (
    id INTEGER PRIMARY KEY, window INTEGER NOT NULL REFERENCES windows(id), number INTEGER NOT NULL,
    size INTEGER NOT NULL, told INTEGER, total INTEGER, keys BLOB NOT NULL, fetched_at TEXT NOT NULL
);
CREATE INDEX pages_of_window ON pages(window);
CREATE TABLE endpoints (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER, most_days INTEGER);
CREATE TABLE headings (id INTEGER PRIMARY KEY, names TEXT NOT NULL UNIQUE);
CREATE TABLE leaves (id INTEGER PRIMARY KEY, endpoint INTEGER NOT NULL, months TEXT NOT NULL, packed BLOB NOT NULL);
CREATE INDEX leaves_of_endpoint ON leaves(endpoint);
CREATE TABLE rows (
    endpoint INTEGER NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL,
    leaf INTEGER NOT NULL, place INTEGER NOT NULL, last_page INTEGER NOT NULL, PRIMARY KEY (endpoint, key, digest)
) WITHOUT ROWID;
CREATE TABLE measures (
    endpoint TEXT NOT NULL, way TEXT NOT NULL, filters TEXT NOT NULL, rows_a_day REAL NOT NULL,
    PRIMARY KEY (endpoint, way, filters)
);
CREATE TABLE attributes (product TEXT PRIMARY KEY, told TEXT NOT NULL, asked_at TEXT NOT NULL);
CREATE TABLE feeds (name TEXT PRIMARY KEY, read_to TEXT NOT NULL);
CREATE TABLE watches (
    name TEXT PRIMARY KEY, endpoint TEXT NOT NULL, way TEXT NOT NULL, filters TEXT NOT NULL,
    days INTEGER NOT NULL, most_calls INTEGER NOT NULL, made_at TEXT NOT NULL,
    seen INTEGER, ran_at TEXT, crawl TEXT
);
"""


def opened(path: Path) -> sqlite3.Connection:
    """The book at `path`, made where it is not there yet. A newer one than this program knows is refused."""
    private_folder(path.parent)
    new = not path.exists()
    if new:
        path.touch(mode=0o600)
    book = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
    (version,) = book.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        book.close()
        raise BadSetting(
            f"{path.name} was written by a newer Dari (version {version}, this one knows {VERSION})",
            hint=Hint("Dari를 새 버전으로 올리세요.", "Upgrade Dari."),
        )
    book.execute("PRAGMA journal_mode=WAL")
    book.execute("PRAGMA synchronous=NORMAL")
    book.execute("PRAGMA busy_timeout=30000")
    if version < VERSION:
        if not new and path.stat().st_size:
            shutil.copy2(path, path.with_suffix(f".v{version}.bak"))
        _make(book)
    return book


def _make(book: sqlite3.Connection) -> None:
    """Write the tables in one transaction; another process may be doing the same."""
    book.execute("BEGIN IMMEDIATE")
    (version,) = book.execute("PRAGMA user_version").fetchone()
    if version < VERSION:
        tables = {
            name for (name,) in book.execute("SELECT name FROM sqlite_master WHERE type='table' AND sql IS NOT NULL")
        }
        kept = KEPT if version == PACKED - 1 else frozenset()
        if kept:
            book.execute("ALTER TABLE rows RENAME TO old_rows")
            book.execute("ALTER TABLE crawls ADD COLUMN watch TEXT NOT NULL DEFAULT ''")
        for name in tables - kept - {"rows" if kept else ""}:
            book.execute(f'DROP TABLE "{name}"')  # version 1 was never released: its copy beside the book is all
        for statement in TABLES.split(";"):
            words = statement.split()
            if words and not (kept and (words[2] in kept or ("ON" in words and words[4].partition("(")[0] in kept))):
                book.execute(statement)
        if kept:
            _packed(book)
        book.execute(f"PRAGMA user_version={VERSION}")
    book.execute("COMMIT")


def _packed(book: sqlite3.Connection) -> None:
    """Rows that stood one by one, as leaves: one for each page that first brought them."""
    old = book.execute(
        "SELECT endpoint, first_page, key, digest, month, heading, body, last_page FROM old_rows"
        " ORDER BY first_page, endpoint"
    )
    last = 0
    for (here, number), group in groupby(old, key=itemgetter(0, 1)):
        held = [one[2:] for one in group]
        book.executemany(
            "INSERT INTO rows VALUES (?,?,?,?,?,?)",
            [(here, key, digest, number, at, seen) for at, (key, digest, *_, seen) in enumerate(held)],
        )
        columns = [NEXT.join(str(one[at]) for one in held) for at in (2, 3, 4)]
        packed = zlib.compress(PART.join(columns).encode("utf-8", "surrogatepass"), 1)
        months = ",".join(sorted({one[2] for one in held}))
        book.execute("INSERT INTO leaves VALUES (?,?,?,?)", (number, here, months, packed))
        last = max(last, number, *(one[5] for one in held))
    (pages,) = book.execute("SELECT coalesce(max(id), 0) FROM pages").fetchone()
    book.execute("INSERT OR IGNORE INTO leaves VALUES (?,0,'',x'')", (max(last, pages),))  # numbers go on from here
    book.execute("DROP TABLE old_rows")
