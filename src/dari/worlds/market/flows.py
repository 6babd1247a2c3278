"""Who traded an issue on a day: investor groups, program trading and member firms, as parts of its volume and value.

The parts of a day are drawn once, so they grow with the day's volume and end as the day's figures; in every reading
the groups' purchases add up to the volume and value, and so do their sales.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

GROUPS: Final = (
    "individual",
    "foreigner",
    "financial_investment",
    "insurance",
    "investment_trust",
    "other_finance",
    "bank",
    "pension_fund",
    "private_fund",
    "state",
    "other_corporation",
    "resident_foreigner",
)
"""개인 외국인 금융투자 보험 투신 기타금융 은행 연기금등 사모펀드 국가 기타법인 내외국인."""
INSTITUTIONS: Final = GROUPS[2:10]
"""What 기관계 adds up."""
_WEIGHTS: Final = (0, 300, 70, 12, 30, 4, 4, 40, 25, 3, 12, 3)
"""Usual parts in a thousand; individuals take the rest."""
MEMBERS: Final[Mapping[str, str]] = {
    "001": "교보증권",
    "002": "신한투자증권",
    "003": "한국투자증권",
    "004": "대신증권",
    "005": "미래에셋증권",
    "006": "신영증권",
    "012": "NH투자증권",
    "017": "KB증권",
    "030": "삼성증권",
    "033": "제이피모간",
    "036": "모간스탠리",
    "045": "골드만삭스",
    "050": "키움증권",
    "063": "이베스트증권",
}
"""회원사 코드 and names; the world knows no more."""
FOREIGN_MEMBERS: Final = frozenset({"033", "036", "045"})
_BASE: Final = 65_536


@dataclass(frozen=True, slots=True)
class Side:
    """What one group bought and sold: shares and won."""

    bought: int
    sold: int
    bought_value: int
    sold_value: int

    @property
    def net(self) -> int:
        """순매수 in shares."""
        return self.bought - self.sold

    @property
    def net_value(self) -> int:
        """순매수 in won."""
        return self.bought_value - self.sold_value

    def __add__(self, other: Side) -> Side:
        return Side(
            self.bought + other.bought,
            self.sold + other.sold,
            self.bought_value + other.bought_value,
            self.sold_value + other.sold_value,
        )


NOTHING: Final = Side(0, 0, 0, 0)


@lru_cache(maxsize=100_000)
def _chances(seed: int, use: str, code: str, day: str, count: int) -> Sequence[float]:
    raw = hashlib.shake_128(f"{seed}/{use}/{code}/{day}".encode()).digest(2 * count)
    return tuple(int.from_bytes(raw[2 * place : 2 * place + 2], "big") / _BASE for place in range(count))


@lru_cache(maxsize=8_192)
def investors(seed: int, code: str, day: str, volume: int, value: int) -> Mapping[str, Side]:
    """Every group's side of `volume` shares and `value` won traded on `day` ("YYYYMMDD"), and "institution", their sum.

    The nets of GROUPS add up to zero, in shares and in won.
    """
    chance = _chances(seed, "investors", code, day, 2 * len(GROUPS))
    sides: dict[str, Side] = {}
    left = Side(volume, volume, value, value)
    for place, group in enumerate(GROUPS[1:], 1):
        buys = _WEIGHTS[place] * (0.4 + 1.2 * chance[2 * place]) / 1_000
        sells = _WEIGHTS[place] * (0.4 + 1.2 * chance[2 * place + 1]) / 1_000
        side = Side(int(volume * buys), int(volume * sells), int(value * buys), int(value * sells))
        sides[group] = side
        left = Side(
            left.bought - side.bought,
            left.sold - side.sold,
            left.bought_value - side.bought_value,
            left.sold_value - side.sold_value,
        )
    institution = sum((sides[group] for group in INSTITUTIONS), NOTHING)
    return {"individual": left, **sides, "institution": institution}


@dataclass(frozen=True, slots=True)
class Program:
    """Program trading (프로그램매매) of an issue: its arbitrage (차익) and its other part (비차익)."""

    arbitrage: Side
    other: Side

    @property
    def whole(self) -> Side:
        """Both parts."""
        return self.arbitrage + self.other


@lru_cache(maxsize=8_192)
def program(seed: int, code: str, day: str, volume: int, value: int) -> Program:
    """The program trading inside `volume` shares and `value` won of a day: 8 to 30 percent of each side."""
    chance = _chances(seed, "program", code, day, 4)
    parts = [0.004 + 0.02 * chance[0], 0.004 + 0.02 * chance[1], 0.08 + 0.2 * chance[2], 0.08 + 0.2 * chance[3]]
    buy, sell, other_buy, other_sell = parts
    return Program(
        Side(int(volume * buy), int(volume * sell), int(value * buy), int(value * sell)),
        Side(int(volume * other_buy), int(volume * other_sell), int(value * other_buy), int(value * other_sell)),
    )


def members(seed: int, code: str, day: str, volume: int, value: int) -> Mapping[str, Side]:
    """Every member firm's side of a day's trading, by 회원사 code; purchases and sales add up to the whole."""
    firms = tuple(MEMBERS)
    chance = _chances(seed, "members", code, day, 2 * len(firms))
    sides: dict[str, Side] = {}
    buys = [0.2 + chance[2 * place] for place in range(len(firms))]
    sells = [0.2 + chance[2 * place + 1] for place in range(len(firms))]
    all_buys, all_sells = sum(buys), sum(sells)
    left = Side(volume, volume, value, value)
    for firm, buy, sell in zip(firms[1:], buys[1:], sells[1:], strict=True):
        side = Side(
            int(volume * buy / all_buys),
            int(volume * sell / all_sells),
            int(value * buy / all_buys),
            int(value * sell / all_sells),
        )
        sides[firm] = side
        left = Side(
            left.bought - side.bought,
            left.sold - side.sold,
            left.bought_value - side.bought_value,
            left.sold_value - side.sold_value,
        )
    return {firms[0]: left, **sides}


def strength(seed: int, code: str, day: str) -> float:
    """체결강도 of a day: bought at the ask against sold at the bid, in percent, around 100."""
    return 60.0 + 90.0 * _chances(seed, "strength", code, day, 1)[0]
