"""The tables of the crawl book, and how an older book becomes this one."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Final

from dari.core.errors import BadSetting, Hint

VERSION: Final = 2
TABLES: Final = """
CREATE TABLE crawls (
    id TEXT PRIMARY KEY, endpoint TEXT NOT NULL, way TEXT NOT NULL, filters TEXT NOT NULL,
    start TEXT, end TEXT, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
    resume_not_before TEXT, simulated INTEGER NOT NULL DEFAULT 0, doubt INTEGER NOT NULL DEFAULT 0,
    made_at TEXT NOT NULL, ended_at TEXT
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
CREATE TABLE rows (
    endpoint INTEGER NOT NULL, key TEXT NOT NULL, digest BLOB NOT NULL, month TEXT NOT NULL,
    heading INTEGER NOT NULL, body TEXT NOT NULL,
    first_page INTEGER NOT NULL, last_page INTEGER NOT NULL, PRIMARY KEY (endpoint, key, digest)
);
"""


def opened(path: Path) -> sqlite3.Connection:
    """The book at `path`, made where it is not there yet. A newer one than this program knows is refused."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
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
        for (name,) in book.execute("SELECT name FROM sqlite_master WHERE type='table' AND sql IS NOT NULL").fetchall():
            book.execute(f'DROP TABLE "{name}"')  # version 1 was never released: its copy beside the book is all
        for statement in TABLES.split(";"):
            if statement.strip():
                book.execute(statement)
        book.execute(f"PRAGMA user_version={VERSION}")
    book.execute("COMMIT")
