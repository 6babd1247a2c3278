"""What the upstream's filter codes let through, read from their own labels (만주이상, 1천원~2천원, 관리종목제외)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from dari.providers.kiwoom.simulator.exchange import BOARDS, Ask
from dari.worlds.market import Quote

_UNITS: Final = {"": 1, "백": 100, "천": 1_000, "만": 10_000, "백만": 10**6, "천만": 10**7, "억": 10**8}
_AMOUNT: Final = re.compile(r"(\d*)(백만|천만|백|천|만|억|)(?=주|원)")
VOLUME_NAMES: Final = ("trde_qty_tp", "trde_qty_cnd")
PRICE_NAMES: Final = ("pric_tp", "pric_cnd", "trde_gold_tp")
VALUE_NAMES: Final = ("trde_prica_tp", "trde_prica_cnd", "trde_prica")
KIND_NAMES: Final = ("stk_cnd", "mang_stk_incls")
CREDIT_NAMES: Final = ("crd_cnd", "crd_tp")

Keep = Callable[[Quote], bool]


def amounts(label: str) -> list[int]:
    """The amounts a label names, in shares or won: 5만주이상 → 50,000; 1천원~2천원 → 1,000 and 2,000."""
    found = []
    for digits, unit in _AMOUNT.findall(label.replace(" ", "")):
        if digits or unit:
            found.append(int(digits or 1) * _UNITS[unit])
    return found


def between(label: str) -> tuple[int, int | None]:
    """(from, below) of a label: 이상 opens upward, 미만 downward, ~ is both; a label without amounts is everything."""
    named = amounts(label)
    if not named:
        return 0, None
    if "미만" in label:
        return 0, named[0]
    return named[0], named[1] if len(named) > 1 else None


def by_kind(label: str) -> Keep:
    """What a 종목조건 keeps: 관리종목제외, ETF+ETN제외, 증40만보기 and so on."""
    tight = label.replace(" ", "")
    if match := re.search(r"증(\d+)(?:만|마나)보기", tight):
        margin = int(match[1])
        return lambda quote: quote.issue.margin == margin
    if "제외" not in tight and "미포함" not in tight:
        return lambda _: True

    def keep(quote: Quote) -> bool:
        issue = quote.issue
        return not (
            ("관리" in tight and issue.administered)
            or ("우선주" in tight and issue.kind == "preferred")
            or ("정리매매" in tight and issue.liquidation)
            or ("ETF" in tight and issue.kind == "etf")
            or (("스팩" in tight or "스펙" in tight) and issue.kind == "spac")
            or ("증100" in tight and issue.margin == 100)
        )

    return keep


def by_credit(label: str) -> Keep:
    """What a 신용조건 keeps: any credit group stands for the issues that may be bought on credit."""
    if "신용융자" not in label:
        return lambda _: True
    groups = {"A": (20, 30), "B": (40,), "C": (50,), "D": (60,), "E": (100,)}
    match = re.search(r"([A-E])군", label)
    margins = groups[match[1]] if match else (20, 30, 40, 50, 60, 100)
    return lambda quote: quote.issue.credit and quote.issue.margin in margins


def _least(figure: str, floor: int) -> Keep:
    return lambda quote: int(getattr(quote, figure)) >= floor


def _priced(low: int, high: int | None) -> Keep:
    return lambda quote: quote.price >= low and (high is None or quote.price < high)


def keeps(ask: Ask) -> list[Keep]:
    """Every filter a request's parameters ask for."""
    chosen: list[Keep] = []
    for parameter in ask.endpoint.parameters:
        label = parameter.codes.get(ask[parameter.name], "")
        if parameter.name in VOLUME_NAMES and label:
            floor, _ = between(label)
            chosen.append(_least("volume", floor))
        elif parameter.name in PRICE_NAMES and label:
            low, high = between(label)
            chosen.append(_priced(low, high))
        elif parameter.name in VALUE_NAMES and label:
            floor, _ = between(label)
            chosen.append(_least("value", floor))
        elif parameter.name in KIND_NAMES:
            chosen.append(by_kind(label))
        elif parameter.name in CREDIT_NAMES:
            chosen.append(by_credit(label))
        elif parameter.name == "updown_incls" and ask["updown_incls"] == "0":
            chosen.append(lambda quote: quote.low_limit < quote.price < quote.high_limit)
    return chosen


def passing(ask: Ask, *, market: str = "mrkt_tp") -> list[Quote]:
    """The issues of the asked venue and market that pass the request's filters and have traded, in code order."""
    venue = ask.venue()
    board = BOARDS.get(ask[market], "ALL")
    rows: Iterable[Quote] = ask.snapshot(venue).of(board)
    chosen = keeps(ask)
    return [
        quote
        for quote in rows
        if quote.volume and (venue != "NXT" or quote.issue.nxt_share) and all(keep(quote) for keep in chosen)
    ]
