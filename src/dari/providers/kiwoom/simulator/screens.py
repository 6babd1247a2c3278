"""조건검색: a few saved screens over the world's quotes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from dari.providers.kiwoom.simulator.stocks import Stock
from dari.providers.kiwoom.simulator.writing import spell
from dari.providers.kiwoom.spec import SPEC
from dari.worlds.market import Market, Quote

SCREENS: Final[dict[str, tuple[str, Callable[[Quote], bool]]]] = {
    "0": ("5% 이상 상승", lambda quote: quote.change_rate >= 5),
    "1": ("거래량 3배", lambda quote: quote.volume > 3 * quote.previous_volume > 0),
    "2": ("거래대금 100억 이상", lambda quote: quote.value >= 10**10),
}
"""일련번호 → (name, what it keeps)."""
PAGE: Final = 100


def listed() -> list[dict[str, str]]:
    """The saved screens."""
    return [{"seq": seq, "name": name} for seq, (name, _) in SCREENS.items()]


def hits(market: Market, seq: str, now: datetime) -> list[Quote]:
    """What a screen keeps now, in code order. Raises KeyError for a screen that is not saved."""
    _, keep = SCREENS[seq]
    return [quote for quote in market.snapshot(now).of() if quote.volume and keep(quote)]


FIELDS: Final = {
    "302": "stk_nm",
    "10": "cur_prc",
    "25": "pre_sig",
    "11": "pred_pre",
    "12": "flu_rt",
    "13": "trde_qty",
    "16": "open_pric",
    "17": "high_pric",
    "18": "low_pric",
}


def records(market: Market, quotes: list[Quote]) -> list[dict[str, str]]:
    """Hits as CNSRREQ tells them once: codes with their prefix, numbers padded to nine places."""
    block = next(one for one in SPEC.endpoint("ka10172").blocks if one.kind == "array")
    rows = []
    for quote in quotes:
        stock = Stock(market, quote)
        row = {}
        for one in block.fields:
            if one.name == "9001":
                row["9001"] = f"A{quote.code}"
            else:
                row[one.name] = spell("ka10172", one, stock.get(FIELDS[one.name]), stock.row.base)
        rows.append(row)
    return rows
