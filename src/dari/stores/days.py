"""The day store: every share's trading day as Parquet, one file a day and market, written whole or not at all."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import date, datetime, timedelta
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from dari.core.clock import KST, Clock
from dari.core.errors import Hint, MissingExtra
from dari.core.krx import previous_trading_day, trading_day_on_or_before, trading_days
from dari.core.market import MARKETS, DayRow, History, Market, Series
from dari.core.sealing import Sealing
from dari.core.shared_state import private_folder
from dari.stores.encrypted import ENCRYPTED, opened_file, sealing_of_file

VERSION: Final = 1
COLUMNS: Final = tuple(one.name for one in fields(DayRow))
MARK: Final = b"dari"
"""The key of our own facts in a file's schema: `{v, source, fetched_at, simulated}`."""

Kept = dict[str, tuple[int, int, int]]
"""Of a part: share → volume, value, high."""


class DayStore:
    """Days in a folder: `20261119-KOSPI.parquet`; a day is committed when both markets are there.

    Beside them `calls.jsonl` is the ledger: a line before and after each call that fills the store. What is read is
    kept in memory, so that the second question costs a look at the folder. Raises MissingExtra without pyarrow.

    With `sealing` a file is encrypted as Parquet encrypts (its footer and columns with the first key); BadSetting is
    raised for a file of another key. One that lies open is older than the key, and read all the same.
    """

    def __init__(self, folder: Path, clock: Clock, sealing: Sealing | None = None) -> None:
        self.folder = folder
        self._clock = clock
        self._sealing = sealing
        self._parts: dict[str, Kept] = {}
        self._sources: dict[str, str] = {}
        self._history: tuple[tuple[str, ...], History] | None = None

    # ── what is there ──

    def parts(self) -> frozenset[tuple[date, Market]]:
        """The parts that are committed."""
        found: set[tuple[date, Market]] = set()
        for path in self.folder.glob("????????-*.parquet"):
            day, _, market = path.stem.partition("-")
            found.update((date.fromisoformat(day), one) for one in MARKETS if one == market)
        return frozenset(found)

    def days(self) -> list[date]:
        """The committed days, newest first."""
        counts = Counter(day for day, _ in self.parts())
        return sorted((day for day, count in counts.items() if count == len(MARKETS)), reverse=True)

    def missing(self, last: date, count: int) -> list[tuple[date, Market]]:
        """The parts that are not there of the `count` trading days that end with `last`, newest first."""
        there = self.parts()
        return [(day, market) for day in trading_days(last, count) for market in MARKETS if (day, market) not in there]

    def _path(self, day: date, market: Market) -> Path:
        return self.folder / f"{day:%Y%m%d}-{market}.parquet"

    # ── writing ──

    def commit(
        self, day: date, market: Market, rows: Iterable[DayRow], *, source: str, simulated: bool = False
    ) -> None:
        """Keep a part: on disk, whole, when this returns."""
        pa, pq = _arrow()
        rows = list(rows)
        columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
        schema = pa.schema([(name, _kind(pa, name)) for name in COLUMNS])
        fetched_at = self._clock.now().isoformat(timespec="seconds")
        facts = {"v": VERSION, "source": source, "fetched_at": fetched_at, "simulated": simulated}
        table = pa.Table.from_pydict(columns, schema=schema.with_metadata({MARK: json.dumps(facts).encode()}))
        path = self._path(day, market)
        private_folder(self.folder)
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with beside.open("wb") as file:
            pq.write_table(table, file, compression="zstd", encryption_properties=sealing_of_file(self._sealing))
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o600)
        beside.replace(path)

    def note(self, **said: Any) -> None:
        """One line of the ledger. A line cut off by a kill is skipped when it is read."""
        at = self._clock.now().isoformat(timespec="seconds")
        append(private_folder(self.folder) / "calls.jsonl", {"v": VERSION, "at": at, **said})

    def ledger(self) -> list[dict[str, Any]]:
        """Every whole line of the ledger, oldest first."""
        return lines_of(self.folder / "calls.jsonl")

    # ── reading ──

    def history(self, count: int) -> History | None:
        """The newest `count` committed days without a hole; None where there is none. Pure reading, no waiting."""
        days = self.days()[:count]
        if not days:
            return None
        expected = trading_days(days[0], len(days))
        run = tuple(day for day, right in takewhile(lambda two: two[0] == two[1], zip(days, expected, strict=True)))
        name = tuple(f"{day:%Y%m%d}" for day in run)
        if self._history is None or self._history[0] != name:
            self._history = (name, self._read(run))
            kept = {f"{one}-{market}" for one in name for market in MARKETS}
            self._parts = {part: rows for part, rows in self._parts.items() if part in kept}
        return self._history[1]

    def _read(self, run: Sequence[date]) -> History:
        shares: dict[str, Series] = {}
        earlier: dict[str, int] = {}
        facts: list[Mapping[str, Any]] = []
        for market in MARKETS:
            newest, told = self.part(run[0], market)
            facts.append(told)
            past = [self._past(day, market) for day in run]
            for row in newest:
                columns = list(zip(*takewhile(bool, (day.get(row.code) for day in past)), strict=True))
                shares[row.code] = Series(market, row, *columns)
            if len(run) > 1:
                earlier |= {row.code: row.market_cap for row in self.part(run[1], market)[0]}
        return History(
            days=tuple(run),
            shares=shares,
            earlier=earlier,
            source="+".join(sorted({self._sources[f"{day:%Y%m%d}-{market}"] for day in run for market in MARKETS})),
            fetched_at=min(datetime.fromisoformat(one["fetched_at"]) for one in facts),
            simulated=any(one["simulated"] for one in facts),
        )

    def part(self, day: date, market: Market) -> tuple[list[DayRow], Mapping[str, Any]]:
        """The rows of a part and who told them. Raises FileNotFoundError for one that is not committed."""
        _, pq = _arrow()
        table = _table(pq, self._path(day, market), self._sealing)
        facts = json.loads(table.schema.metadata[MARK])
        return [DayRow(**row) for row in table.to_pylist()], facts

    def _past(self, day: date, market: Market) -> Kept:
        name = f"{day:%Y%m%d}-{market}"
        if name not in self._parts:
            _, pq = _arrow()
            table = _table(pq, self._path(day, market), self._sealing, ["code", "volume", "value", "high"])
            codes, *columns = (table.column(one).to_pylist() for one in ("code", "volume", "value", "high"))
            self._parts[name] = dict(zip(codes, zip(*columns, strict=True), strict=True))
            self._sources[name] = str(json.loads(table.schema.metadata[MARK])["source"])
        return self._parts[name]

    def forget_before(self, day: date) -> int:
        """Remove parts older than `day`; returns how many."""
        gone = [part for part in self.parts() if part[0] < day]
        for part in gone:
            self._path(*part).unlink(missing_ok=True)
        return len(gone)


def published(now: datetime, hour: int) -> date:
    """The newest trading day that is out at `now`, where a day is out at `hour` of the next trading day."""
    now = now.astimezone(KST)
    today = now.date() if now.hour >= hour else now.date() - timedelta(days=1)
    return previous_trading_day(trading_day_on_or_before(today))


def _table(pq: Any, path: Path, sealing: Sealing | None, columns: list[str] | None = None) -> Any:
    """A file as a table: without the machinery for many files, whose import alone takes longer than sixty of these."""
    try:
        with pq.ParquetFile(path) as file:
            return file.read(columns=columns, use_threads=False)
    except OSError:
        with path.open("rb") as file:
            if file.read(len(ENCRYPTED)) != ENCRYPTED:
                raise
        return opened_file(pq, path, sealing, columns)


def append(path: Path, value: Mapping[str, Any]) -> None:
    """One more line. It begins with a line's end, so that what a kill has cut off spoils nothing after it."""
    line = f"\n{json.dumps(value, ensure_ascii=False)}\n".encode()
    place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(place, line)
    finally:
        os.close(place)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The whole lines of a JSONL file; none where there is no file."""
    found = []
    for line in path.read_text("utf-8").splitlines() if path.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # empty, or cut off by a kill
    return found


def _kind(pa: Any, name: str) -> Any:
    return pa.string() if name in {"code", "name"} else pa.float64() if name == "change_rate" else pa.int64()


def _arrow() -> tuple[Any, Any]:
    """pyarrow, an extra: a server on stdio starts without it. Raises MissingExtra."""
    try:
        return import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        hint = Hint("pip install 'dari[market]'", "pip install 'dari[market]'")
        raise MissingExtra("the day store needs the extra dari[market]", hint=hint) from None
