"""One look at whatever can be quoted: a share, an index, a fund, a contract; the same shape for all of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any, Protocol

from dari.core import krx
from dari.core.clock import KST
from dari.worlds.market import SECTORS, Bar, IndexQuote, Issue, Market, Quote
from dari.worlds.market.indices import IndexDay
from dari.worlds.market.instruments import Figures, Instrument, Walk, session
from dari.worlds.market.tape import Tape

Level = tuple[Decimal, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What there is to see of a thing at a moment. Prices carry the places the thing is quoted with.

    `traded` is what traded since the row before (a trade, a minute, a day). `extra` are fields of one kind of thing,
    by KIS's names. Amounts of money are in the thing's own currency.
    """

    code: str
    name: str
    moment: datetime
    day: str
    price: Decimal
    base: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    volume: int
    value: int
    previous_volume: int
    previous_value: int = 0
    traded: int = 0
    high_limit: Decimal | None = None
    low_limit: Decimal | None = None
    asks: Sequence[Level] = ()
    bids: Sequence[Level] = ()
    shares: int = 0
    underlying: Sight | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class Subject(Protocol):
    """Something that can be looked at now, by days and by moments."""

    def now(self) -> Sight:
        """The present look."""
        ...

    def days(self, count: int) -> list[Sight]:
        """Day by day, newest first."""
        ...

    def moments(self, count: int, step: int) -> list[Sight]:
        """Every `step` seconds within the day, newest first; step 0: trade by trade."""
        ...


class Share:
    """A listed issue on one venue."""

    def __init__(self, market: Market, issue: Issue, at: datetime, venue: krx.Venue = "KRX") -> None:
        self.market, self.issue, self.at, self.venue = market, issue, at, venue

    def _of(self, quote: Quote) -> Sight:
        book = self.market.book(quote.code, self.at, self.venue)
        issue = quote.issue
        return Sight(
            code=issue.code,
            name=issue.name,
            moment=quote.as_of,
            day=f"{quote.as_of:%Y%m%d}",
            price=Decimal(quote.price),
            base=Decimal(quote.base),
            open=Decimal(quote.open),
            high=Decimal(quote.high),
            low=Decimal(quote.low),
            volume=quote.volume,
            value=quote.value,
            previous_volume=quote.previous_volume,
            previous_value=quote.previous_value,
            traded=quote.volume,
            high_limit=Decimal(quote.high_limit),
            low_limit=Decimal(quote.low_limit),
            asks=[(Decimal(level.price), level.quantity) for level in book.asks],
            bids=[(Decimal(level.price), level.quantity) for level in book.bids],
            shares=issue.shares,
            extra={"per": quote.per, "pbr": quote.pbr, "eps": f"{issue.eps}.00", "bps": f"{issue.bps}.00"},
        )

    def now(self) -> Sight:
        return self._of(self.market.quote(self.issue.code, self.at, self.venue))

    def of_bar(self, bar: Bar) -> Sight:
        """A day as a look."""
        low, high = krx.price_limits(bar.base, etp=self.issue.etp)
        return Sight(
            code=self.issue.code,
            name=self.issue.name,
            moment=datetime.combine(datetime.strptime(bar.day, "%Y%m%d").date(), time(15, 30), KST),  # noqa: DTZ007 - a day
            day=bar.day,
            price=Decimal(bar.close),
            base=Decimal(bar.base),
            open=Decimal(bar.open),
            high=Decimal(bar.high),
            low=Decimal(bar.low),
            volume=bar.volume,
            value=bar.value,
            previous_volume=0,
            traded=bar.volume,
            high_limit=Decimal(high),
            low_limit=Decimal(low),
            shares=self.issue.shares,
        )

    def days(self, count: int) -> list[Sight]:
        bars = self.market.daily(self.issue.code, self.at, count + 1, self.venue)
        pairs = itertools.pairwise(bars)
        return [
            replace(self.of_bar(bar), previous_volume=before.volume, previous_value=before.value)
            for bar, before in pairs
        ]

    def moments(self, count: int, step: int) -> list[Sight]:
        now = self.now()
        board = krx.board(self.at, self.venue)
        tape = Tape(self.market.paths, self.issue, board.day, self.venue)
        if not step:
            trades = tape.trades(board.as_of, count)
            return [
                replace(
                    now,
                    moment=one.time,
                    price=Decimal(one.price),
                    traded=one.volume,
                    volume=one.total,
                    value=one.total_value,
                    asks=(),
                    bids=(),
                )
                for one in trades
            ]
        minutes = list(reversed(tape.minutes(board.as_of, max(1, step // 60))))[:count]
        value = now.value
        rows = []
        for one in minutes:
            rows.append(
                replace(
                    now,
                    moment=one.start,
                    price=Decimal(one.close),
                    open=Decimal(one.open),
                    high=Decimal(one.high),
                    low=Decimal(one.low),
                    traded=one.volume,
                    volume=one.total,
                    value=value,
                    asks=(),
                    bids=(),
                )
            )
            value -= one.value
        return rows


class Index:
    """An index of the exchange. Values in million won, volumes in thousand shares, as KIS tells indices."""

    def __init__(self, market: Market, code: str, at: datetime) -> None:
        self.market, self.code, self.at = market, code, at

    def _of(self, index: IndexQuote, moment: datetime) -> Sight:
        return Sight(
            code=self.code,
            name=index.sector.name,
            moment=moment,
            day=f"{moment:%Y%m%d}",
            price=index.level,
            base=index.base,
            open=index.open,
            high=index.high,
            low=index.low,
            volume=index.volume // 1_000,
            value=index.value // 1_000_000,
            previous_volume=index.previous_volume // 1_000,
            previous_value=index.previous_value // 1_000_000,
            traded=index.volume // 1_000,
            extra={
                "ascn_issu_cnt": index.up,
                "uplm_issu_cnt": index.limit_up,
                "stnr_issu_cnt": index.flat,
                "down_issu_cnt": index.down,
                "lslm_issu_cnt": index.limit_down,
            },
        )

    def now(self) -> Sight:
        return self._of(self.market.index(self.code, self.at), krx.board(self.at).as_of)

    def _at(self, moment: datetime) -> Sight:
        return self._of(self.market.index(self.code, moment), krx.board(moment).as_of)

    def days(self, count: int) -> list[Sight]:
        now = self.now()
        days = krx.trading_days(krx.previous_trading_day(krx.board(self.at).day), count - 1)
        return [now, *(self._of_day(self.market.index_day(self.code, day)) for day in days)]

    def _of_day(self, one: IndexDay) -> Sight:
        return Sight(
            code=self.code,
            name=SECTORS[self.code].name,
            moment=datetime.combine(one.day, time(22), KST),
            day=f"{one.day:%Y%m%d}",
            price=one.level,
            base=one.base,
            open=one.open,
            high=one.high,
            low=one.low,
            volume=one.volume // 1_000,
            value=one.value // 1_000_000,
            previous_volume=0,
            traded=one.volume // 1_000,
        )

    def moments(self, count: int, step: int) -> list[Sight]:
        board = krx.board(self.at)
        times = krx.session(board.day)
        assert times is not None  # a board's day is a trading day
        rows: list[Sight] = []
        moment = board.as_of
        while len(rows) < count and moment >= times.opens:
            rows.append(self._at(moment))
            moment -= timedelta(seconds=max(step, 60))
        return rows


class Contract:
    """An instrument beside shares, on its own walk."""

    def __init__(self, market: Market, walk: Walk, one: Instrument, at: datetime) -> None:
        self.market, self.walk, self.one, self.at = market, walk, one, at

    def _price(self, amount: int) -> Decimal:
        return Decimal(amount).scaleb(-self.one.decimals)

    def _of(self, figures: Figures, *, book: bool) -> Sight:
        asks, bids = self.walk.book(self.one, figures) if book else ([], [])
        one = self.one
        underlying = None
        if book and one.underlying in self.market.by_code:
            underlying = Share(self.market, self.market.by_code[one.underlying], self.at).now()
        elif book and one.underlying:
            underlying = Index(self.market, one.underlying, self.at).now()
        return Sight(
            code=one.symbol,
            name=one.name,
            moment=figures.moment,
            day=f"{figures.day:%Y%m%d}",
            price=self._price(figures.price),
            base=self._price(figures.base),
            open=self._price(figures.open),
            high=self._price(figures.high),
            low=self._price(figures.low),
            volume=figures.volume,
            value=figures.value,
            previous_volume=figures.previous_volume,
            traded=figures.volume,
            high_limit=self._price(figures.base * 108 // 100),
            low_limit=self._price(figures.base * 92 // 100),
            asks=[(self._price(price), quantity) for price, quantity in asks],
            bids=[(self._price(price), quantity) for price, quantity in bids],
            shares=one.shares,
            underlying=underlying,
            extra={
                "acpr": self._price(one.strike),
                "excd": one.exchange,
                "exch_cd": one.exchange,
                "crc_cd": one.currency,
                "curr": one.currency,
                "zdiv": one.decimals,
                "ename": one.english,
                "enam": one.english,
                "expr_date": f"{one.expires:%Y%m%d}" if one.expires else "",
                "stck_last_tr_date": f"{one.expires:%Y%m%d}" if one.expires else "",
                **self._terms(figures),
            },
        )

    def _terms(self, figures: Figures) -> dict[str, Any]:
        """What a contract is made of (계약크기, 틱사이즈, 틱가치), its session, and a share's tick and lot abroad."""
        one, tick = self.one, self._price(self.one.step)
        opens, closes = session(one, figures.day)
        return {
            "ctrt_size": one.multiplier,
            "tick_sz": tick,
            "tick_val": (tick * one.multiplier).normalize(),
            "disp_digit": 10,
            "mrkt_open_date": f"{opens:%Y%m%d}",
            "mrkt_open_time": f"{opens:%H%M%S}",
            "mrkt_close_date": f"{closes:%Y%m%d}",
            "mrkt_close_time": f"{closes:%H%M%S}",
            "e_hogau": f"{tick:.4f}",
            "e_ordyn": "매매 가능",
            "vnit": 1,
        }

    def now(self) -> Sight:
        return self._of(self.walk.now(self.one, self.at), book=True)

    def days(self, count: int) -> list[Sight]:
        return [self._of(figures, book=False) for figures in self.walk.days(self.one, self.at, count)]

    def moments(self, count: int, step: int) -> list[Sight]:
        many = self.walk.moments(self.one, self.at, count + 1, timedelta(seconds=max(step, 1)))
        rows = [self._of(figures, book=False) for figures in many]
        pairs = itertools.pairwise(rows)
        return [replace(row, traded=row.volume - before.volume) for row, before in pairs]
