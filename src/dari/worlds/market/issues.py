"""The issues (종목) of a world: who is listed, where, how large, how risky; fixed for a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

from dari.core import krx
from dari.worlds.market import names
from dari.worlds.market.sectors import HOMES, SECTORS, Board

Kind = Literal["common", "preferred", "etf", "spac", "reit"]

_COMMON: Final[dict[Board, int]] = {"KOSPI": 780, "KOSDAQ": 1_640}
_PREFERRED: Final = 105
_SPACS: Final = 60
_REITS: Final = 22
_SPAC_PRICE: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One listed issue.

    Money in won, quantities in shares. `place` is its row in every column of chance; two issues with the same place
    move alike (planted ties). `daily_volume` is a usual day's volume, `nxt_share` NXT's part on top of it (0: not
    traded there). `warning`: 0 none, 1 주의, 2 경고, 3 위험. `margin` is 증거금비율 in percent.
    """

    place: int
    code: str
    name: str
    board: Board
    kind: Kind
    sector: str
    price: int
    shares: int
    daily_volume: int
    volatility: float
    nxt_share: float
    foreign_held: int
    eps: int
    bps: int
    face_value: int = 5_000
    margin: int = 40
    warning: int = 0
    administered: bool = False
    halted: bool = False
    liquidation: bool = False
    unfaithful: bool = False
    overheated: bool = False
    credit: bool = True
    listed_on: str = "20050103"
    settles_in: int = 12

    @property
    def etp(self) -> bool:
        """Whether the finer tick table of exchange-traded products applies."""
        return self.kind == "etf"

    @property
    def counted(self) -> bool:
        """Whether the issue belongs to its market's index and totals (exchange-traded products do not)."""
        return self.kind != "etf"

    @property
    def isin(self) -> str:
        """표준코드: KR7 + code + 00 + check digit (Luhn over the letters' numbers)."""
        body = f"KR7{self.code}00"
        digits = "".join(str(int(sign, 36)) for sign in body)
        total = 0
        for position, sign in enumerate(reversed(digits)):
            value = int(sign) * (2 if position % 2 == 0 else 1)
            total += value // 10 + value % 10
        return body + str(-total % 10)


class _Maker:
    """Draws issues one after another from one random stream; the order of its calls is the world."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(f"dari/market/{seed}")
        self.codes = {row[0] for row in names.KNOWN}
        self.names = {row[1] for row in names.KNOWN}
        self.place = 0

    def code(self) -> str:
        while True:
            code = f"{self.chance.randrange(100, 48_000):05d}0"
            if code not in self.codes:
                self.codes.add(code)
                return code

    def name(self, industry: str) -> str:
        tails = names.TAILS[industry]
        while True:
            name = self.chance.choice(names.HEADS) + self.chance.choice(tails)
            if self.chance.random() < 0.25:
                name = self.chance.choice(names.HEADS) + name
            if name not in self.names:
                self.names.add(name)
                return name

    def issue(self, code: str, name: str, board: Board, kind: Kind, *, sector: str, price: int, shares: int) -> Issue:
        """An issue with everything drawn that does not follow from its size."""
        chance = self.chance
        etp = kind == "etf"
        price = krx.floor_to_tick(max(price, 100), etp=etp)
        cap = price * shares
        # a usual day's traded value grows slower than the company, with a long tail around that
        value = 2.4e9 * (cap / 4e11) ** 0.8 * math.exp(chance.gauss(0.0, 1.05)) * (0.12 if kind == "preferred" else 1.0)
        value = min(value, cap * 0.03)
        if etp:
            value = 1.5e9 * math.exp(chance.gauss(0.0, 2.0))
        risky = chance.random()
        profit = chance.gauss(0.55, 0.75)
        per = math.exp(chance.gauss(2.6, 0.6))
        plain = kind in {"common", "preferred"}
        held = min(0.75, chance.betavariate(1.2, 9.0) + (0.3 if cap > 5e12 else 0.0) * chance.random())
        place, self.place = self.place, self.place + 1
        return Issue(
            place=place,
            code=code,
            name=name,
            board=board,
            kind=kind,
            sector=sector,
            price=price,
            shares=shares,
            daily_volume=max(50, int(value / price)),
            volatility=0.006 if kind in {"etf", "spac", "reit"} else chance.uniform(0.010, 0.024),
            nxt_share=round(chance.uniform(0.08, 0.45), 4) if cap > 2.5e11 and plain and chance.random() < 0.8 else 0.0,
            foreign_held=int(shares * (held if kind != "spac" else held / 20)),
            eps=0 if not plain else int(price / per * (1 if profit > 0 else -1)),
            bps=0 if etp else max(1, int(price * math.exp(chance.gauss(-0.1, 0.7)))),
            face_value=0 if etp else chance.choice((100, 200, 500, 500, 500, 1_000, 2_500, 5_000, 5_000)),
            margin=20 if cap > 8e12 else chance.choice((30, 40, 40, 40, 50, 60, 100)) if plain else 100,
            warning=(3 if risky < 0.002 else 2 if risky < 0.008 else 1 if risky < 0.02 else 0) if plain else 0,
            administered=plain and 0.02 <= risky < 0.045,
            halted=plain and 0.02 <= risky < 0.032 and cap < 1e12,
            liquidation=plain and 0.0449 <= risky < 0.046 and cap < 1e12,
            unfaithful=plain and 0.046 <= risky < 0.056,
            overheated=plain and 0.056 <= risky < 0.062,
            credit=plain and risky >= 0.045 and chance.random() < 0.85,
            listed_on=f"{chance.randrange(1976, 2025)}{chance.randrange(1, 13):02d}{chance.randrange(1, 28):02d}",
            settles_in=12 if chance.random() < 0.95 else chance.choice((3, 6, 9)),
        )


def _companies(maker: _Maker) -> Iterator[Issue]:
    for code, name, board, sector, price, thousands in names.KNOWN:
        jitter = math.exp(maker.chance.gauss(0.0, 0.25))
        shares = thousands * 1_000 + maker.chance.randrange(1_000)
        # the world begins when it begins: no halted or administered company among the ones everybody knows
        yield replace(
            maker.issue(code, name, board, "common", sector=sector, price=int(price * jitter), shares=shares),
            administered=False,
            halted=False,
            liquidation=False,
            warning=0,
        )
    for board, wanted in _COMMON.items():
        known = sum(1 for row in names.KNOWN if row[2] == board)
        centre = 26.0 if board == "KOSPI" else 25.3
        for _ in range(wanted - known):
            sector = maker.chance.choice(HOMES[board])
            cap = min(math.exp(maker.chance.gauss(centre, 1.35)), 9e12)
            price = int(min(max(math.exp(maker.chance.gauss(9.0, 1.1)), 320.0), 900_000.0))
            shares = max(300_000, int(cap / price))
            name = maker.name(SECTORS[sector].name)
            yield maker.issue(maker.code(), name, board, "common", sector=sector, price=price, shares=shares)


def _preferred(maker: _Maker, companies: list[Issue]) -> Iterator[Issue]:
    parents = [one for one in companies if one.board == "KOSPI" and one.sector != "0028"]
    parents.sort(key=lambda one: (-one.price * one.shares, one.code))
    chosen = [parents[0], *maker.chance.sample(parents[1:420], _PREFERRED - 1)]
    for parent in chosen:
        price = int(parent.price * maker.chance.uniform(0.45, 0.95))
        shares = max(200_000, int(parent.shares * maker.chance.uniform(0.01, 0.14)))
        code = parent.code[:-1] + "5"
        yield maker.issue(
            code, f"{parent.name}우", "KOSPI", "preferred", sector=parent.sector, price=price, shares=shares
        )


def _vehicles(maker: _Maker) -> Iterator[Issue]:
    chance = maker.chance
    for house in names.FUND_HOUSES:
        for theme in names.FUND_THEMES:
            if chance.random() < 0.85:
                # new funds carry a capital letter in the fifth place since 2024
                code = maker.code()
                if chance.random() < 0.1:
                    code = code[:4] + chance.choice("ABCDHJ") + "0"
                    if code in maker.codes:
                        continue
                    maker.codes.add(code)
                price = int(math.exp(chance.gauss(9.3, 0.5)))
                shares = chance.randrange(5, 2_000) * 100_000
                yield maker.issue(code, f"{house} {theme}", "KOSPI", "etf", sector="0001", price=price, shares=shares)
    for number in range(_REITS):
        name = maker.name("부동산")
        shares = chance.randrange(20_000, 250_000) * 1_000 + number
        yield maker.issue(
            maker.code(), name, "KOSPI", "reit", sector="0028", price=chance.randrange(2_500, 7_000), shares=shares
        )
    for number in range(_SPACS):
        name = f"{names.SPAC_HOUSES[number % len(names.SPAC_HOUSES)]}제{number // len(names.SPAC_HOUSES) + 11}호스팩"
        shares = chance.randrange(4_000, 9_000) * 1_000
        price = chance.randrange(_SPAC_PRICE, 2_260)
        yield maker.issue(maker.code(), name, "KOSDAQ", "spac", sector="1014", price=price, shares=shares)


def _twins(maker: _Maker, issues: list[Issue]) -> list[Issue]:
    """Plant ties: some issues become copies of another in everything that moves; names and codes stay their own."""
    order = sorted(
        (position for position, one in enumerate(issues) if one.kind == "common" and not one.halted),
        key=lambda position: -issues[position].daily_volume * issues[position].price,
    )
    pairs = [(order[rank], order[rank + gap]) for rank, gap in ((6, 90), (11, 260), (26, 401), (27, 700), (44, 333))]
    planted = list(issues)
    for leader, follower in pairs:
        mine = issues[follower]
        planted[follower] = replace(
            issues[leader],
            code=mine.code,
            name=mine.name,
            board=mine.board,
            sector=mine.sector,
        )
    maker.chance.random()
    return planted


def make_issues(seed: int, *, ties: bool | None = None) -> tuple[Issue, ...]:
    """Every issue of the world of `seed`, in code order. `ties` None: planted in every third seed."""
    maker = _Maker(seed)
    companies = list(_companies(maker))
    issues = [*companies, *_preferred(maker, companies), *_vehicles(maker)]
    if ties if ties is not None else seed % 3 == 0:
        issues = _twins(maker, issues)
    return tuple(sorted(issues, key=lambda one: one.code))
