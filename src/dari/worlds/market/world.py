"""The market of one seed: asked for a moment, it always tells the same."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final

from dari.core import krx
from dari.core.clock import KST
from dari.worlds.market import indices
from dari.worlds.market.board import Bar, Quote, krx_run, part_of_day, venue_run
from dari.worlds.market.counts import (
    FOREIGN_TIMES,
    INSTITUTION_TIMES,
    Estimates,
    Flows,
    flows_of,
    last_count,
    together,
)
from dari.worlds.market.depth import Depth, depth
from dari.worlds.market.flows import Program, investors, program
from dari.worlds.market.happenings import Interruption, News, interruptions_of, news_of
from dari.worlds.market.indices import IndexDay, IndexQuote
from dari.worlds.market.issues import Issue, make_issues
from dari.worlds.market.paths import DayPath, Paths, Run, price_at
from dari.worlds.market.sectors import SECTORS, Board, Sector

_YEAR: Final = 262


class Snapshot:
    """Every issue of a venue at one moment. `quotes` is in code order."""

    def __init__(self, board: krx.Board, venue: krx.Venue, quotes: Mapping[str, Quote]) -> None:
        self.board = board
        self.venue = venue
        self.quotes = quotes

    def of(self, market: str = "ALL") -> list[Quote]:
        """The quotes of "KOSPI", "KOSDAQ" or "ALL", exchange-traded products included, in code order."""
        return [quote for quote in self.quotes.values() if market in ("ALL", quote.issue.board)]


class Market:
    """A whole market as a pure function of (seed, issue, time).

    `ties`: whether some issues move exactly alike (None: in every third seed). Moments are read to the second.
    Everything is answered for the board that stands at the moment asked: see `dari.core.krx.board`.
    """

    def __init__(self, seed: int, *, ties: bool | None = None) -> None:
        self.seed = seed
        self.issues: tuple[Issue, ...] = make_issues(seed, ties=ties)
        self.by_code: Mapping[str, Issue] = {issue.code: issue for issue in self.issues}
        self.paths = Paths(seed, len(self.issues))
        self.members = indices.memberships(self.issues)
        self._first_caps = {code: sum(one.price * one.shares for one in rows) for code, rows in self.members.items()}
        self._closes = lru_cache(maxsize=128)(self._make_closes)
        self._day_table = lru_cache(maxsize=6)(self._make_day_table)
        self._snapshot = lru_cache(maxsize=6)(self._make_snapshot)
        self._quotes = lru_cache(maxsize=16_384)(self._make_quote)
        self._runs = lru_cache(maxsize=8)(self._make_runs)
        self._indices = lru_cache(maxsize=128)(self._make_index)
        self._index_days = lru_cache(maxsize=4_000)(self._make_index_day)
        self._index_flows = lru_cache(maxsize=128)(self._make_index_flows)
        self._index_programs = lru_cache(maxsize=256)(self._make_index_program)
        self._estimates = lru_cache(maxsize=4)(self._make_estimates)
        self._year = lru_cache(maxsize=6_000)(self._make_year)
        self._bar = lru_cache(maxsize=100_000)(self._make_bar)

    # ── days ──

    def _make_closes(self, day: date) -> tuple[int, ...]:
        return tuple(self.paths.close(issue, day) for issue in self.issues)

    def _make_day_table(self, day: date) -> dict[str, DayPath]:
        ends = zip(self.issues, self._closes(krx.previous_trading_day(day)), self._closes(day), strict=True)
        return {issue.code: self.paths.between(issue, day, base, close) for issue, base, close in ends}

    def path(self, code: str, day: date) -> DayPath:
        """The whole KRX day of one issue, past or to come."""
        return self._day_table(day)[code]

    def _make_bar(self, code: str, day: date, venue: krx.Venue) -> Bar:
        issue, times = self.by_code[code], _session(day)
        path = self.paths.day(issue, day)
        run = venue_run(issue, path, times.nxt_closes, times, venue)
        return _bar(day, path.base, run)

    def bar(self, code: str, day: date, venue: krx.Venue = "KRX") -> Bar:
        """One whole trading day of an issue, past or to come. Raises ValueError for a day without trading."""
        return self._bar(code, day, venue)

    def daily(self, code: str, at: datetime, count: int, venue: krx.Venue = "KRX") -> list[Bar]:
        """The last `count` days of an issue, newest first; the first is the board's day at `at`, as far as it is."""
        at = _second(at)
        board = krx.board(at, venue)
        running = self.quote(code, at, venue)
        today = Bar(
            f"{board.day:%Y%m%d}",
            running.base,
            running.open,
            running.high,
            running.low,
            running.price,
            running.volume,
            running.value,
        )
        before = krx.trading_days(krx.previous_trading_day(board.day), count - 1)
        return [today, *(self._bar(code, day, venue) for day in before)]

    def _make_year(self, code: str, before: date) -> tuple[tuple[str, int, int], ...]:
        """(day, high, low) of the last 262 trading days before `before`, newest first; halted issues stand still."""
        issue = self.by_code[code]
        days = krx.trading_days(krx.previous_trading_day(before), _YEAR + 1)
        closes = [self.paths.close(issue, day) for day in days]
        told = []
        for day, base, close in zip(days, closes[1:], closes, strict=False):  # the oldest day is only a base
            prices = self.paths.between(issue, day, base, close).prices
            told.append((f"{day:%Y%m%d}", max(prices), min(prices)))
        return tuple(told)

    def range(self, code: str, at: datetime, days: int = 365, since: date | None = None) -> tuple[int, str, int, str]:
        """(high, its day, low, its day) of the last `days` calendar days, or since a date; the running day counts.

        Of equal extremes the latest day is told.
        """
        board = krx.board(_second(at))
        oldest = f"{since or board.day - timedelta(days=days):%Y%m%d}"
        now = self.quote(code, at)
        today = (f"{board.day:%Y%m%d}", now.high or now.price, now.low or now.price)
        kept = [today, *(row for row in self._year(code, board.day) if row[0] >= oldest)]
        high = max(kept, key=lambda row: row[1])
        low = min(kept, key=lambda row: row[2])
        return high[1], high[0], low[2], low[0]

    def near(self, code: str, at: datetime, share: float, *, high: bool) -> bool:
        """Whether the price can be within `share` of the year's extreme: quick, never wrong when it says no.

        Looks at every fifth close only; the true extreme lies at least as far out as theirs.
        """
        issue, board = self.by_code[code], krx.board(_second(at))
        price = self.quote(code, at).price
        days = krx.trading_days(krx.previous_trading_day(board.day), _YEAR)[:240:5]
        closes = (self.paths.close(issue, day) for day in days)
        return (
            all(price >= close * share for close in closes) if high else all(price * share <= close for close in closes)
        )

    # ── moments ──

    def _quote_of(self, issue: Issue, board: krx.Board, venue: krx.Venue) -> Quote:
        times, path = _session(board.day), self._day_table(board.day)[issue.code]
        run = venue_run(issue, path, board.as_of, times, venue)
        before = krx.previous_trading_day(board.day)
        earlier, earlier_times = self._day_table(before)[issue.code], _session(before)
        yesterday = venue_run(issue, earlier, earlier_times.nxt_closes, earlier_times, venue)
        return Quote(
            issue,
            venue,
            board.as_of,
            path.base,
            path.low_limit,
            path.high_limit,
            run.price,
            run.open,
            run.high,
            run.low,
            run.volume,
            run.value,
            yesterday.volume,
            yesterday.value,
        )

    def _make_snapshot(self, at: datetime, venue: krx.Venue) -> Snapshot:
        board = krx.board(at, venue)
        return Snapshot(board, venue, {issue.code: self._quote_of(issue, board, venue) for issue in self.issues})

    def snapshot(self, at: datetime, venue: krx.Venue = "KRX") -> Snapshot:
        """Every issue at `at` on `venue`. Kept by the moment the board speaks of, so a closed market costs once."""
        board = krx.board(_second(at), venue)
        return self._snapshot(board.as_of, venue)

    def quote(self, code: str, at: datetime, venue: krx.Venue = "KRX") -> Quote:
        """One issue at `at` on `venue`. Raises KeyError for a code that is not listed."""
        return self._quotes(code, krx.board(_second(at), venue).as_of, venue)

    def _make_quote(self, code: str, at: datetime, venue: krx.Venue) -> Quote:
        return self._quote_of(self.by_code[code], krx.board(at, venue), venue)

    # ── indices ──

    def _make_runs(self, code: str, board: krx.Board) -> list[tuple[Issue, DayPath, Run]]:
        """An index's issues with what each has traded until the board's moment, without a whole snapshot."""
        times = _session(board.day)
        today = self._day_table(board.day) if board.live else {}
        rows = []
        for issue in self.members[code]:
            path = today.get(issue.code) or self.paths.day(issue, board.day)
            rows.append((issue, path, krx_run(issue, path, board.as_of, times)))
        return rows

    def _make_index(self, code: str, at: datetime) -> IndexQuote:
        board = krx.board(at)
        rows = self._runs(code, board)
        first, level = self._first_caps[code], indices.start_level(self.seed, code)
        cap = sum(run.price * issue.shares for issue, _, run in rows)
        now = indices.scaled(level, cap, first)
        part, _ = part_of_day(board.as_of, _session(board.day))
        marks = [
            indices.scaled(
                level, sum(price_at(path, step * part, etp=False) * one.shares for one, path, _ in rows), first
            )
            for step in (0.0, 0.2, 0.4, 0.6, 0.8)
        ]
        limit_up, up, flat, down, limit_down = indices.directions((path, run) for _, path, run in rows)
        before = self.index_day(code, krx.previous_trading_day(board.day))
        return IndexQuote(
            sector=SECTORS[code],
            level=now,
            base=indices.scaled(level, sum(path.base * issue.shares for issue, path, _ in rows), first),
            open=marks[0],
            high=max(*marks, now),
            low=min(*marks, now),
            volume=sum(run.volume for _, _, run in rows),
            value=sum(run.value for _, _, run in rows),
            previous_volume=before.volume,
            previous_value=before.value,
            market_cap=cap,
            issues=len(rows),
            limit_up=limit_up,
            up=up,
            flat=flat,
            down=down,
            limit_down=limit_down,
        )

    def index(self, code: str, at: datetime) -> IndexQuote:
        """An index of the KRX board by its 업종코드. Raises KeyError for a code that does not exist."""
        if code not in self.members:
            raise KeyError(code)
        return self._indices(code, krx.board(_second(at)).as_of)

    # ── investors ──

    def flows(self, code: str, at: datetime) -> Flows:
        """Who bought and sold an issue on KRX until `at`."""
        return flows_of(self.seed, self.quote(code, at))

    def flows_of_day(self, code: str, bar: Bar) -> Flows:
        """The same of one of the issue's daily bars."""
        return investors(self.seed, code, bar.day, bar.volume, bar.value)

    def _make_index_flows(self, code: str, at: datetime) -> Flows:
        board = krx.board(at)
        day = f"{board.day:%Y%m%d}"
        rows = self._runs(code, board)
        return together(investors(self.seed, issue.code, day, run.volume, run.value) for issue, _, run in rows)

    def index_flows(self, code: str, at: datetime) -> Flows:
        """The same for all issues of an index together. Raises KeyError for a code that does not exist."""
        if code not in self.members:
            raise KeyError(code)
        return self._index_flows(code, krx.board(_second(at)).as_of)

    def _make_index_program(self, code: str, at: datetime) -> Program:
        board = krx.board(at)
        day = f"{board.day:%Y%m%d}"
        parts = [program(self.seed, one.code, day, run.volume, run.value) for one, _, run in self._runs(code, board)]
        sums = [
            together({"all": side} for side in sides)["all"]
            for sides in (
                [part.arbitrage for part in parts],
                [part.other for part in parts],
            )
        ]
        return Program(*sums)

    def index_program(self, code: str, at: datetime) -> Program:
        """Program trading of all issues of an index together until `at`."""
        return self._index_programs(code, krx.board(_second(at)).as_of)

    def estimates(self, at: datetime) -> Estimates:
        """The provisional counts (가집계) that are out at `at`: per issue, foreigners' and institutions' net shares."""
        as_of = krx.board(_second(at)).as_of
        return self._estimates(last_count(as_of, FOREIGN_TIMES), last_count(as_of, INSTITUTION_TIMES))

    def _make_estimates(self, foreign_at: datetime | None, institutions_at: datetime | None) -> Estimates:
        def counted(moment: datetime | None) -> Mapping[str, Flows]:
            quotes = self.snapshot(moment).quotes if moment else {}
            return {code: flows_of(self.seed, quote) for code, quote in quotes.items()}

        return Estimates(foreign_at, institutions_at, counted(foreign_at), counted(institutions_at))

    # ── happenings ──

    def _eventful(self, issue: Issue, day: date) -> bool:
        path = self.path(issue.code, day)
        return abs(path.prices[-1] - path.base) * 100 >= 8 * path.base

    def news(self, code: str, at: datetime, day: date | None = None) -> list[News]:
        """The headlines about an issue on a day (default: the board's) that were out at `at`, newest first."""
        at = _second(at)
        day = day or krx.board(at).day
        issue = self.by_code[code]
        eventful = krx.is_trading_day(day) and self._eventful(issue, day)
        told = news_of(self.seed, len(self.issues), issue, day, eventful=eventful)
        return [one for one in reversed(told) if one.at <= at]

    def interruptions(self, at: datetime, day: date | None = None) -> list[Interruption]:
        """The volatility interruptions of a day (default: the board's) until `at`, newest first, then by code."""
        at = _second(at)
        day = day or krx.board(at).day
        told = [
            one
            for issue in self.issues
            for one in interruptions_of(issue, self.path(issue.code, day), _session(day))
            if one.at <= at
        ]
        return sorted(told, key=lambda one: (-one.at.timestamp(), one.issue.code))

    def interruptions_of(self, code: str, at: datetime) -> list[Interruption]:
        """The interruptions of one issue on the board's day until `at`, oldest first."""
        at = _second(at)
        day = krx.board(at).day
        return [
            one for one in interruptions_of(self.by_code[code], self.path(code, day), _session(day)) if one.at <= at
        ]

    def book(self, code: str, at: datetime, venue: krx.Venue = "KRX") -> Depth:
        """The order book of an issue at `at`."""
        return depth(self.seed, self.quote(code, at, venue))

    def _make_index_day(self, code: str, day: date) -> IndexDay:
        times, rows = _session(day), self.members[code]
        first, level = self._first_caps[code], indices.start_level(self.seed, code)
        knots = [0] * 8
        base = volume = value = 0
        for issue in rows:
            path = self.paths.day(issue, day)
            run = krx_run(issue, path, times.closes, times)
            volume, value, base = volume + run.volume, value + run.value, base + path.base * issue.shares
            prices = path.prices if len(path.prices) == len(knots) else (path.base,) * len(knots)
            for place, price in enumerate(prices):
                knots[place] += price * issue.shares
        levels = [indices.scaled(level, cap, first) for cap in knots]
        return IndexDay(
            day, indices.scaled(level, base, first), levels[0], max(levels), min(levels), levels[-1], volume, value
        )

    def index_day(self, code: str, day: date) -> IndexDay:
        """One whole trading day of an index. Raises KeyError and ValueError like `index` and `bar`."""
        return self._index_days(code, day)

    def sectors(self, market: Board | None = None) -> tuple[Sector, ...]:
        """The index codes of a market (all without one), in code order."""
        return tuple(row for row in SECTORS.values() if market in (None, row.board))


def _second(at: datetime) -> datetime:
    return at.astimezone(KST).replace(microsecond=0)


def _session(day: date) -> krx.Session:
    times = krx.session(day)
    if times is None:
        raise ValueError(f"{day} is not a trading day")
    return times


def _bar(day: date, base: int, run: Run) -> Bar:
    return Bar(f"{day:%Y%m%d}", base, run.open, run.high, run.low, run.price, run.volume, run.value)
