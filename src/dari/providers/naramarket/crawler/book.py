"""The crawl book: every call before it is made, every page together with its rows, every window with its receipt."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, NotFound
from dari.providers.naramarket.crawler.leaves import KEY_BYTES, key_hash, leaf
from dari.providers.naramarket.crawler.lines import CrawlRow, PageRow, WindowRow
from dari.providers.naramarket.crawler.reading import Verdict
from dari.providers.naramarket.crawler.rows import OWN, Rows
from dari.providers.naramarket.crawler.windows import Span

SPELL: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Book(Rows):
    """One SQLite file, shared by the processes of a user: its rows, and the account of how they came."""

    # --- crawls and windows ---

    def begin(
        self,
        endpoint: str,
        way: str,
        filters: Mapping[str, str],
        windows: Sequence[Span | None],
        *,
        now: datetime,
        watch: str = "",
    ) -> str:
        """Write down a crawl with its windows; its id. `watch` names the saved search whose rows these will be."""
        crawl = f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
        spans = [one for one in windows if one is not None]
        start = min((one.start for one in spans), default=None)
        end = max((one.end for one in spans), default=None)
        with self.together() as book:
            book.execute(
                "INSERT INTO crawls (id, endpoint, way, filters, start, end, state, made_at, watch)"
                " VALUES (?,?,?,?,?,?,'planned',?,?)",
                (crawl, endpoint, way, SPELL(dict(filters)), _text(start), _text(end), now.isoformat(), watch),
            )
            book.executemany(
                "INSERT INTO windows (crawl, start, end) VALUES (?,?,?)",
                [(crawl, _text(one.start) if one else None, _text(one.end) if one else None) for one in windows],
            )
        return crawl

    def crawl(self, crawl: str) -> CrawlRow:
        """A crawl by its id. Raises NotFound with the latest ids."""
        row = self._book.execute(
            "SELECT id, endpoint, way, filters, start, end, state, reason, resume_not_before, simulated, doubt,"
            " made_at, ended_at, watch FROM crawls WHERE id = ?",
            (crawl,),
        ).fetchone()
        if row is None:
            near = ", ".join(one.id for one in self.crawls(5)) or "-"
            raise NotFound(f"there is no crawl {crawl[:60]!r}", hint=Hint(f"최근 수집: {near}", f"Latest: {near}"))
        told = [*row]
        told[3], told[4], told[5] = json.loads(row[3]), _time(row[4]), _time(row[5])
        told[9], told[10] = bool(row[9]), bool(row[10])
        return CrawlRow(*told)

    def crawls(self, most: int = 20) -> list[CrawlRow]:
        """The latest crawls."""
        found = self._book.execute("SELECT id FROM crawls ORDER BY made_at DESC, id DESC LIMIT ?", (most,)).fetchall()
        return [self.crawl(one) for (one,) in found]

    def stand(
        self,
        crawl: str,
        state: str,
        *,
        now: datetime,
        reason: str = "",
        again: str | None = None,
        simulated: bool | None = None,
    ) -> None:
        """How a crawl stands: running, done, incomplete, quota, stopped, cancelled."""
        ended = None if state == "running" else now.isoformat()
        self._book.execute(
            "UPDATE crawls SET state=?, reason=?, resume_not_before=?, ended_at=?, simulated=coalesce(?, simulated)"
            " WHERE id=?",
            (state, reason, again, ended, simulated, crawl),
        )

    def windows(self, crawl: str, *states: str) -> list[WindowRow]:
        """The windows of a crawl in these states (none named: all), in the order they were planned."""
        marks = ",".join("?" * len(states))
        where = f" AND state IN ({marks})" if states else ""
        found = self._book.execute(
            "SELECT id, start, end, state, size, sizes, doubt FROM windows WHERE crawl=?"  # noqa: S608 -- only marks
            f"{where} ORDER BY id",
            (crawl, *states),
        ).fetchall()
        return [
            WindowRow(i, _time(start), _time(end), state, size, tuple(map(tuple, json.loads(sizes))), bool(doubt))
            for i, start, end, state, size, sizes, doubt in found
        ]

    def open_window(self, window: int, size: int, *, doubt: bool) -> None:
        """A window begins to be read."""
        self._book.execute("UPDATE windows SET state='open', size=?, doubt=? WHERE id=?", (size, doubt, window))

    def resized(self, window: int, after_page: int, size: int) -> None:
        """From here on a window is read by smaller pages (told again when a crawl goes on after a crash)."""
        self._book.execute(
            "UPDATE windows SET sizes=json_insert(sizes, '$[#]', json(?)) WHERE id=?",
            (json.dumps([after_page, size]), window),
        )

    def split(self, crawl: str, window: int, parts: Sequence[Span]) -> list[int]:
        """A window gives way to narrower ones; their ids."""
        with self.together() as book:
            book.execute("UPDATE windows SET state='split' WHERE id=?", (window,))
            return [
                int(
                    book.execute(
                        "INSERT INTO windows (crawl, start, end) VALUES (?,?,?)",
                        (crawl, _text(one.start), _text(one.end)),
                    ).lastrowid
                    or 0
                )
                for one in parts
            ]

    def judge(self, window: int, verdict: Verdict, *, now: datetime) -> None:
        """The receipt of a window."""
        self._book.execute(
            "UPDATE windows SET state=?, expected=?, found=?, duplicates=?, withdrawn=?, readings=?, note=?, gap=?,"
            " read_at=? WHERE id=?",
            (
                "gap" if verdict.gap else "done",
                verdict.expected,
                verdict.distinct,
                verdict.duplicates,
                verdict.withdrawn,
                verdict.readings,
                verdict.note,
                verdict.gap,
                now.isoformat(),
                window,
            ),
        )

    def reopen(self, crawl: str, *, windows: Sequence[int] | None = None, doubt: bool = False) -> None:
        """Read windows again from the start: those with a gap, or those named. Rows stay; page receipts go.

        `doubt`: this crawl's operation was caught lying about its lists, and one reading is never enough any more.
        """
        with self.together() as book:
            if doubt:
                book.execute("UPDATE crawls SET doubt=1 WHERE id=?", (crawl,))
            if windows is None:
                found = book.execute("SELECT id FROM windows WHERE crawl=? AND state='gap'", (crawl,)).fetchall()
                windows = [one for (one,) in found]
            for one in windows:
                book.execute("DELETE FROM pages WHERE window=?", (one,))
                book.execute(
                    "UPDATE windows SET state='pending', gap=NULL, note='', sizes='[]', doubt=? WHERE id=?",
                    (doubt, one),
                )

    def receipts(self, crawl: str) -> list[dict[str, Any]]:
        """What each window says of itself: {start, end, state, expected, distinct, duplicates, gap, …}."""
        names = "start, end, state, expected, found, duplicates, withdrawn, readings, note, gap"
        found = self._book.execute(
            f"SELECT {names} FROM windows WHERE crawl=? AND state<>'split' ORDER BY start DESC, id",  # noqa: S608 -- constant
            (crawl,),
        ).fetchall()
        labels = [name.strip().replace("found", "distinct") for name in names.split(",")]
        told = [{k: v for k, v in zip(labels, row, strict=True) if v not in (None, "")} for row in found]
        for one in told:
            if one["state"] not in ("done", "gap"):
                one["gap"] = "not read to its end yet"
        return told

    # --- calls and pages ---

    def calling(
        self,
        endpoint: str,
        *,
        now: datetime,
        crawl: str | None = None,
        window: int | None = None,
        page: int = 1,
        size: int = 0,
        times: int = 1,
    ) -> int:
        """Write down a call before it is made: quota is spent even where no answer comes."""
        told = self._book.execute(
            "INSERT INTO calls (crawl, window, endpoint, day, page, size, asked_at, times) VALUES (?,?,?,?,?,?,?,?)",
            (crawl, window, endpoint, f"{now:%Y-%m-%d}", page, size, now.isoformat(), times),
        )
        return int(told.lastrowid or 0)

    def called(self, call: int, outcome: str) -> None:
        """How a call ended that brought no page, where that is not told yet."""
        self._book.execute("UPDATE calls SET outcome=? WHERE id=? AND outcome='in flight'", (outcome, call))

    def answered(self, call: int, times: int) -> None:
        """A call outside crawls had its answer, at the attempt of this number; 0: it was kept, and cost none."""
        if times:
            self._book.execute("UPDATE calls SET outcome='page', times=? WHERE id=?", (times, call))
        else:
            self._book.execute("DELETE FROM calls WHERE id=?", (call,))

    def spent(self, day: datetime) -> dict[str, int]:
        """Calls of a day by operation, as far as they went through this book."""
        found = self._book.execute(
            "SELECT endpoint, sum(times) FROM calls WHERE day=? AND outcome<>'quota_spent'"
            " GROUP BY endpoint ORDER BY 2 DESC",
            (f"{day:%Y-%m-%d}",),
        )
        return {name: int(count) for name, count in found}

    def calls(self, crawl: str) -> dict[str, int]:
        """Calls of a crawl by outcome."""
        found = self._book.execute("SELECT outcome, count(*) FROM calls WHERE crawl=? GROUP BY outcome", (crawl,))
        return {outcome: int(count) for outcome, count in found}

    def page(
        self,
        endpoint: Endpoint,
        way: str,
        *,
        call: int,
        window: int,
        number: int,
        size: int,
        told: int | None,
        total: int | None,
        rows: Sequence[Mapping[str, str]],
        at: datetime,
        watch: str = "",
    ) -> PageRow:
        """A page receipt and its rows, in one commit."""
        dated = endpoint.wire["by"].get(way, {}).get("field", "")
        held = leaf(endpoint, rows, dated=dated, otherwise=f"{at:%Y-%m}")
        keys = tuple(dict.fromkeys(map(key_hash, held.keys)))
        with self.together() as book:
            page = self._kept(f"{endpoint.id}{OWN}{watch}" if watch else endpoint.id, held)
            book.execute(
                "INSERT INTO pages (id, window, number, size, told, total, keys, fetched_at) VALUES (?,?,?,?,?,?,?,?)",
                (page, window, number, size, told, total, b"".join(keys), at.isoformat()),
            )
            book.execute("UPDATE calls SET outcome='page' WHERE id=?", (call,))
        return PageRow(page, number, size, told, total, keys)

    def pages(self, window: int) -> list[PageRow]:
        """The page receipts of a window, in the order they came."""
        found = self._book.execute(
            "SELECT id, number, size, told, total, keys FROM pages WHERE window=? ORDER BY id", (window,)
        )
        return [
            PageRow(
                i, number, size, told, total, tuple(keys[at : at + KEY_BYTES] for at in range(0, len(keys), KEY_BYTES))
            )
            for i, number, size, told, total, keys in found
        ]

    def learned(self, endpoint: str) -> tuple[int | None, int | None]:
        """What refusals have taught of an operation: rows a page, days a window."""
        row = self._book.execute("SELECT size, most_days FROM endpoints WHERE name=?", (endpoint,)).fetchone()
        return (row[0], row[1]) if row else (None, None)

    def learn(self, endpoint: str, *, size: int | None = None, most_days: int | None = None) -> None:
        """Remember it for the next crawl."""
        self._endpoint(endpoint)
        self._book.execute(
            "UPDATE endpoints SET size=coalesce(?, size), most_days=coalesce(?, most_days) WHERE name=?",
            (size, most_days, endpoint),
        )

    def measured(self, endpoint: str, way: str, filters: Mapping[str, str]) -> float | None:
        """Rows a day of what is asked so, as the last window or plan of it had."""
        row = self._book.execute(
            "SELECT rows_a_day FROM measures WHERE endpoint=? AND way=? AND filters=?",
            (endpoint, way, SPELL(dict(filters))),
        ).fetchone()
        return float(row[0]) if row else None

    def measure(self, endpoint: str, way: str, filters: Mapping[str, str], rows_a_day: float) -> None:
        """Remember it for the next crawl."""
        self._book.execute(
            "INSERT OR REPLACE INTO measures VALUES (?,?,?,?)", (endpoint, way, SPELL(dict(filters)), rows_a_day)
        )


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
