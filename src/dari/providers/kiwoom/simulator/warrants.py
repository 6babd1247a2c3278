"""ELW of the simulator's own: calls and puts on the world's largest stocks, priced from them at every moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final

from dari.core import krx
from dari.core.clock import KST
from dari.providers.kiwoom.simulator.days import end_of
from dari.providers.kiwoom.simulator.exchange import Row
from dari.providers.kiwoom.simulator.refusals import Refused
from dari.providers.kiwoom.simulator.stocks import direction
from dari.providers.kiwoom.simulator.writing import Value
from dari.worlds.market import Bar, Market, percent

UNDERLYINGS: Final = 12
RATIO: Final = Decimal("0.0100")
"""전환비율: shares of the underlying for one warrant."""
ISSUERS: Final = (
    ("3", "한국투자증권"),
    ("5", "미래에셋증권"),
    ("6", "신영증권"),
    ("12", "NH투자증권"),
    ("17", "KB증권"),
)
LIFE: Final = timedelta(days=180)
_TICK: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Warrant:
    """One ELW. `strike` in won."""

    code: str
    name: str
    underlying: str
    call: bool
    strike: int
    issuer: tuple[str, str]
    listed: date

    @property
    def expires(self) -> date:
        """만기일: half a year after listing, on a trading day."""
        return krx.trading_day_on_or_before(self.listed + LIFE)


@lru_cache(maxsize=8)
def listed(market: Market, day: date) -> tuple[Warrant, ...]:
    """The warrants listed on a day: a new series begins every half year, four on each underlying."""
    begins = date(day.year, 1 if day.month <= 6 else 7, 2)
    stocks = sorted(
        (issue for issue in market.issues if issue.kind == "common"),
        key=lambda one: (-one.price * one.shares, one.code),
    )
    rows = []
    for place, issue in enumerate(stocks[:UNDERLYINGS]):
        for number, (call, far) in enumerate(((True, 95), (True, 110), (False, 105), (False, 90))):
            issuer = ISSUERS[(place + number) % len(ISSUERS)]
            strike = krx.floor_to_tick(issue.price * far // 100)
            kind = "콜" if call else "풋"
            rows.append(
                Warrant(
                    code=f"57{begins.year % 10}{place:02d}{number}",
                    name=f"{issuer[1][:2]}{place:02d}{number}{issue.name[:4]}{kind}",
                    underlying=issue.code,
                    call=call,
                    strike=strike,
                    issuer=issuer,
                    listed=begins,
                ),
            )
    return tuple(rows)


def theory(warrant: Warrant, price: int, day: date) -> Decimal:
    """이론가: what exercise is worth now, and four percent of the price that melts away until expiry."""
    left = max(0, (warrant.expires - day).days)
    inner = max(0, price - warrant.strike if warrant.call else warrant.strike - price)
    hope = Decimal(price) * 4 / 100 * left / LIFE.days
    return ((inner + hope) * RATIO).quantize(Decimal("0.01"))


def traded(warrant: Warrant, price: int, day: date) -> int:
    """The warrant's own price: the theoretical one on its tick, at least one tick."""
    return max(_TICK, int(theory(warrant, price, day)) // _TICK * _TICK)


def find(market: Market, code: str, day: date) -> Warrant:
    """A warrant by its code. Refuses 1902."""
    for one in listed(market, day):
        if one.code == code:
            return one
    raise Refused("1902", f"종목코드={code}")


@dataclass(frozen=True, slots=True)
class Under:
    """The underlying as far as a warrant looks at it."""

    as_of: datetime
    price: int
    base: int
    open: int
    high: int
    low: int
    volume: int
    previous_volume: int


def _now(market: Market, warrant: Warrant, moment: datetime) -> Under:
    quote = market.quote(warrant.underlying, moment)
    return Under(
        quote.as_of,
        quote.price,
        quote.base,
        quote.open,
        quote.high,
        quote.low,
        quote.volume,
        quote.previous_volume,
    )


def _then(bars: tuple[Bar, Bar], moment: datetime) -> Under:
    bar, before = bars
    return Under(moment, bar.close, bar.base, bar.open, bar.high, bar.low, bar.volume, before.volume)


def of_days(market: Market, warrant: Warrant, until: date, now: datetime, count: int) -> list[tuple[str, Row]]:
    """(day, record) of a warrant at the end of each of its last days, newest first, read from the underlying's bars."""
    bars = market.daily(warrant.underlying, end_of(until, now), count + 1)
    told = []
    for bar, before in pairwise(bars):
        day = date(int(bar.day[:4]), int(bar.day[4:6]), int(bar.day[6:]))
        if day < warrant.listed:
            break
        moment = min(datetime.combine(day, time(15, 30), KST), now)
        told.append((bar.day, Listed(market, warrant, moment, (bar, before)).row))
    return told


class Listed:
    """A warrant at a moment, as a record. `bars`: the underlying's day and the day before, for a past one."""

    def __init__(self, market: Market, warrant: Warrant, moment: datetime, bars: tuple[Bar, Bar] | None = None) -> None:
        self.market, self.warrant = market, warrant
        self.under = _now(market, warrant, moment) if bars is None else _then(bars, moment)
        day = self.under.as_of.date()
        self.day = day
        self.price = traded(warrant, self.under.price, day)
        self.base = traded(warrant, self.under.base, krx.previous_trading_day(day))
        self.open = traded(warrant, self.under.open or self.under.price, day)
        ends = [traded(warrant, one or self.under.price, day) for one in (self.under.high, self.under.low)]
        self.high, self.low = max(*ends, self.price, self.open), min(*ends, self.price, self.open)
        self.volume = self.under.volume // 40
        self.before = self.under.previous_volume // 40
        self.theory = theory(warrant, self.under.price, day)
        self.left = max(0, (warrant.expires - day).days)

    @property
    def change(self) -> int:
        """전일대비."""
        return self.price - self.base

    @property
    def rate(self) -> Decimal:
        """등락율."""
        return percent(self.change, self.base)

    @property
    def disparity(self) -> Decimal:
        """괴리율: the price against the theoretical one."""
        return ((self.price - self.theory) * 100 / self.theory).quantize(Decimal("0.01")) if self.theory else Decimal(0)

    @property
    def delta(self) -> Decimal:
        """델타: near one half at the strike."""
        far = Decimal(self.under.price - self.warrant.strike) / self.warrant.strike
        value = max(Decimal("0.05"), min(Decimal("0.95"), Decimal("0.5") + far * 3))
        return value if self.warrant.call else value - 1

    @property
    def row(self) -> Row:
        """As a record."""
        warrant, under = self.warrant, self.market.by_code[self.warrant.underlying]
        mark = direction(self.price, self.base)
        shares = 10_000_000
        held = shares - self.volume % shares
        even = warrant.strike + int(self.price / RATIO) * (1 if warrant.call else -1)
        step = self.price
        values: dict[str, Value] = {
            "stk_cd": warrant.code,
            "stk_nm": warrant.name,
            "cur_prc": self.price,
            "pre_sig": mark,
            "pre_tp": mark,
            "pred_pre_sig": mark,
            "pred_pre": self.change,
            "flu_rt": self.rate,
            "stkpc_flu": self.change,
            "trde_qty": self.volume,
            "acc_trde_qty": self.volume,
            "trde_prica": self.volume * (self.price + self.base) // 2,
            "pred_trde_qty": self.before,
            "trde_qty_pre": self.volume - self.before,
            "trde_end_elwbase_pric": self.base,
            "base_pre": self.change,
            "jmp_rt": self.rate,
            "sel_bid": self.price + _TICK,
            "buy_bid": max(_TICK, self.price),
            "sel_req": 1_000 + self.volume % 997,
            "buy_req": 1_000 + self.volume % 991,
            "netprps_req": self.volume % 991 - self.volume % 997,
            "isscomp_nm": warrant.issuer[1],
            "sqnc": warrant.code[-2:],
            "base_aset_nm": under.name,
            "rght_tp": "콜" if warrant.call else "풋",
            "elwrght_type": "콜" if warrant.call else "풋",
            "elwrght_cntn": "유럽형",
            "dispty_rt": self.disparity,
            "basis": Decimal(0),
            "srvive_dys": str(self.left),
            "elwsrvive_dys": str(self.left),
            "theory_pric": self.theory,
            "elwtheory_pric": self.theory,
            "expr_dt": f"{warrant.expires:%Y%m%d}",
            "exec_dt": f"{warrant.expires:%Y%m%d}",
            "elwfin_trde_dt": f"{krx.previous_trading_day(warrant.expires):%Y%m%d}",
            "fin_trde_dt": f"{krx.previous_trading_day(warrant.expires):%Y%m%d}",
            "elwflo_dt": f"{warrant.listed:%Y%m%d}",
            "flo_dt": f"{warrant.listed:%Y%m%d}",
            "lpinitlast_suply_dt": f"{warrant.listed:%Y%m%d}",
            "lpsuply_end_dt": f"{warrant.expires:%Y%m%d}",
            "elwpay_dt": f"{krx.next_trading_day(warrant.expires):%Y%m%d}",
            "exec_pric": warrant.strike,
            "elwexec_pric": str(warrant.strike),
            "cnvt_rt": RATIO,
            "elwcnvt_rt": RATIO,
            "elwcmpn_rt": Decimal(100),
            "elwpric_rising_part_rt": Decimal(100),
            "prty": percent(self.under.price, warrant.strike) / 100,
            "elwprty": percent(self.under.price, warrant.strike) / 100,
            "gear_rt": Decimal(self.under.price) * RATIO / self.price,
            "elwgear": Decimal(self.under.price) * RATIO / self.price,
            "pl_qutr_rt": percent(even - self.under.price, self.under.price),
            "elwpl_qutr_rt": percent(even - self.under.price, self.under.price),
            "pl_qutr_pt": str(even),
            "innr_vltl": "32.50",
            "elwinnr_vltl": "32.50",
            "delta": self.delta,
            "gam": Decimal("0.000020"),
            "theta": Decimal("-0.850000"),
            "vega": Decimal("1.200000"),
            "law": Decimal("0.300000"),
            "iv": Decimal("32.50"),
            "lp": Decimal("32.40"),
            "lvrg": str((Decimal(self.under.price) * RATIO / step * abs(self.delta)).quantize(Decimal("0.01"))),
            "lpposs_rt": percent(held, shares),
            "lprmnd_qty": held,
            "lpmmcm_nm": warrant.issuer[1],
            "lpmmcm_nm_1": warrant.issuer[1],
            "lpmmcm_nm_2": "",
            "stkcnt": shares,
            "aset_cd": warrant.underlying,
            "bsis_aset_1": under.name,
            "bsis_aset_comp_rt_1": Decimal(100),
            "elwspread": Decimal(_TICK),
            "elwpblicte_orgn": warrant.issuer[1],
            "alacc_rt": percent(self.under.price, warrant.strike),
            "cntr_tm": f"{self.under.as_of:%H%M%S}",
        }
        return Row(values, self.base)
