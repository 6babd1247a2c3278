"""What one kind of investor traded of a market's shares, as Kiwoom ranks it (core.market.Flows).

ka10058 ranks nets of a day, ka10065 the session's purchases and sales by their net, ka10066 tells every share after
the close, ka90003 the fifty largest nets of program trading. All of KRX; amounts are won here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from statistics import median
from types import MappingProxyType
from typing import Any, Final

from dari.core.krx import board
from dari.core.market import Investor, Market, Traded, TradedRanking
from dari.core.shared_state import SharedState
from dari.core.together import together
from dari.core.tool import Upstream
from dari.providers.kiwoom.models import table
from dari.providers.kiwoom.spec import SPEC

BY_DAY, IN_SESSION, AFTER_CLOSE, PROGRAM = "ka10058", "ka10065", "ka10066", "ka90003"
MARKETS: Final[Mapping[Market, str]] = MappingProxyType({"KOSPI": "001", "KOSDAQ": "101"})
PROGRAM_MARKETS: Final[Mapping[Market, str]] = MappingProxyType({"KOSPI": "P00101", "KOSDAQ": "P10102"})
CODES: Final[Mapping[Investor, str]] = MappingProxyType(
    {"INDIVIDUAL": "8000", "FOREIGN": "9000", "INSTITUTION": "9999"}
)
COLUMNS: Final[Mapping[Investor, str]] = MappingProxyType(
    {"INDIVIDUAL": "individual", "FOREIGN": "foreigner", "INSTITUTION": "institution"}
)
VENUE: Final = "KRX"
MOST_PAGES: Final = 60
"""Pages of a market that are read at most: 1,800 shares at 30 a page."""
KEPT_SECONDS: Final = 4 * 86_400.0
"""A closed day's purchases and sales do not change; they are kept over a long weekend."""
MILLION: Final = 1_000_000
SCALES: Final = (1, 1_000, 10_000, MILLION)

Rows = Sequence[Mapping[str, Any]]


class Ranked:
    """Rankings out of Kiwoom's lists. `state` keeps a closed day's lists, which cost a call a hundred shares."""

    def __init__(self, upstream: Upstream, state: SharedState) -> None:
        self._upstream = upstream
        self._state = state

    async def net(
        self, who: Investor, markets: Sequence[Market], day: date, *, selling: bool, most: int
    ) -> TradedRanking:
        """Net purchases or sales of a day, largest first. Raises a DariError."""
        ask = self._program if who == "PROGRAM" else self._by_day
        found = await together(*(ask(who, market, day, selling=selling, most=most) for market in markets))
        sign = -1 if selling else 1
        rows = sorted((one for some in found for one in some), key=lambda one: (-sign * one.net, one.code))
        kept = [one for one in rows if sign * one.net > 0]
        return TradedRanking(tuple(kept[:most]), "net")

    async def _by_day(self, who: Investor, market: Market, day: date, *, selling: bool, most: int) -> list[Traded]:
        asked = {
            "strt_dt": f"{day:%Y%m%d}",
            "end_dt": f"{day:%Y%m%d}",
            "trde_tp": "1" if selling else "2",
            "mrkt_tp": MARKETS[market],
            "invsr_tp": CODES[who],
            "stex_tp": "1",
        }
        rows = await self._pages(BY_DAY, asked, most)
        scale = unit_of(rows)
        sign = -1 if selling else 1  # the column is named 순매도 in both lists: what it counts is the list's side
        return [
            Traded(
                code=row["code"],
                name=row["name"],
                net=sign * abs(row["net_sell_amount"] or 0) * scale,
                net_volume=None if row["net_sell_qty"] is None else sign * abs(row["net_sell_qty"]),
            )
            for row in rows
        ]

    async def _program(self, _: Investor, market: Market, __: date, *, selling: bool, most: int) -> list[Traded]:
        asked = {
            "trde_upper_tp": "1" if selling else "2",
            "amt_qty_tp": "1",
            "mrkt_tp": PROGRAM_MARKETS[market],
            "stex_tp": "1",
        }
        rows = await self._pages(PROGRAM, asked, most)
        return [
            Traded(
                code=row["code"],
                name=row["name"],
                net=row["program_net_buy_amount"] or 0,
                bought=row["program_buy_amount"],
                sold=row["program_sell_amount"],
            )
            for row in rows
        ]

    async def gross(
        self, who: Investor, markets: Sequence[Market], *, selling: bool, most: int, closed: bool
    ) -> TradedRanking | None:
        """What was bought or sold on the board's day. Raises a DariError."""
        if who == "PROGRAM" or (who == "INDIVIDUAL" and not closed):
            return None
        if not closed:
            return await self._in_session(who, markets, selling=selling, most=most)
        found = await together(*(self._closed(market, selling=selling) for market in markets))
        rows = sorted(
            ((code, name, amounts[who]) for some in found for code, name, amounts in some),
            key=lambda one: (-one[2], one[0]),
        )
        by = "sold" if selling else "bought"
        return TradedRanking(
            tuple(Traded(code=code, name=name, net=0, **{by: amount}) for code, name, amount in rows[:most]),
            "sold" if selling else "bought",
        )

    async def _in_session(self, who: Investor, markets: Sequence[Market], *, selling: bool, most: int) -> TradedRanking:
        """ka10065 has the columns, but lists the largest nets: said so."""
        asked = {"trde_tp": "2" if selling else "1", "orgn_tp": CODES[who]}
        amounts: list[Mapping[str, Any]] = []
        shares: dict[str, Mapping[str, Any]] = {}
        for market in markets:
            here = {**asked, "mrkt_tp": MARKETS[market]}
            amounts += await self._pages(IN_SESSION, {**here, "amt_qty_tp": "1"}, most)
            told = await self._pages(IN_SESSION, {**here, "amt_qty_tp": "2"}, most)
            shares |= {row["code"]: row for row in told}
        sign = -1 if selling else 1
        rows = [_session_row(row, shares.get(row["code"])) for row in amounts]
        rows.sort(key=lambda one: (-sign * one.net, one.code))
        return TradedRanking(tuple(rows[:most]), "net", "in the session Kiwoom lists the largest nets only (ka10065)")

    async def _closed(self, market: Market, *, selling: bool) -> list[tuple[str, str, dict[Investor, int]]]:
        """Every share of a market with what each investor bought (or sold): asked once a day, then kept."""
        day = board(self._upstream.now()).day
        name = f"kiwoom {AFTER_CLOSE} {market} {'sold' if selling else 'bought'} {day}"
        kept = await self._state.get(name)
        if kept is None or "rows" not in kept:  # or sealed with a key that is not here: asked for again
            asked = {
                "mrkt_tp": MARKETS[market],
                "amt_qty_tp": "1",
                "trde_tp": "2" if selling else "1",
                "stex_tp": "1",
            }
            rows = await self._pages(AFTER_CLOSE, asked, MOST_PAGES * 100)
            kept = {
                "rows": [
                    [row["code"], row["name"], {who: abs(row[column] or 0) for who, column in COLUMNS.items()}]
                    for row in rows
                ]
            }
            await self._state.put(name, kept, seconds=KEPT_SECONDS)
        return [(code, told, amounts) for code, told, amounts in kept["rows"]]

    async def _pages(self, endpoint: str, asked: Mapping[str, str], most: int) -> list[Mapping[str, Any]]:
        row = SPEC.endpoint(endpoint)
        found: list[Mapping[str, Any]] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            reply = await self._upstream.ask(endpoint, asked, cursor=cursor, venue=VENUE)
            found += table(row, reply.body, asked).rows
            cursor = reply.cursor
            if cursor is None or len(found) >= most:
                break
        return found


def unit_of(rows: Iterable[Mapping[str, Any]]) -> int:
    """Won per unit of ka10058's amounts, by the rows' own arithmetic: amount against shares at the estimated average.

    The tables name won; what comes has been seen smaller. The scale that fits most rows best is taken.
    """
    ratios = [
        abs(row["net_sell_qty"]) * row["estimated_average_price"] / abs(row["net_sell_amount"])
        for row in rows
        if row["net_sell_qty"] and row["net_sell_amount"] and row["estimated_average_price"]
    ]
    if not ratios:
        return 1
    middle = median(ratios)
    return min(SCALES, key=lambda scale: max(middle / scale, scale / middle))


def _session_row(row: Mapping[str, Any], shares: Mapping[str, Any] | None) -> Traded:
    """ka10065 gives amounts in million won, and shares when asked for them."""

    def count(name: str) -> int | None:
        return None if shares is None or shares[name] is None else abs(shares[name])

    return Traded(
        code=row["code"],
        name=row["name"],
        net=(row["net_qty"] or 0) * MILLION,
        bought=None if row["buy_qty"] is None else abs(row["buy_qty"]) * MILLION,
        sold=None if row["sell_qty"] is None else abs(row["sell_qty"]) * MILLION,
        net_volume=None if shares is None else shares["net_qty"],
        bought_volume=count("buy_qty"),
        sold_volume=count("sell_qty"),
    )
