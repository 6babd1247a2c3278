"""The rankings (순위분석): at most 30 rows, no second page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from dari.providers.kis.simulator.answers.figures import MARKETS, figures, venue_of
from dari.providers.kis.simulator.exchange import Ask, wrong
from dari.providers.kis.simulator.writing import EOK, Value, block_of, known
from dari.worlds.market import Issue, Quote, percent

ROWS: Final = 30

_Sort = Callable[[Quote], Decimal | int]


def _growth(quote: Quote) -> Decimal:
    """거래량증가율: today's volume in percent of yesterday's whole (100 = the same)."""
    return percent(quote.volume, quote.previous_volume)


def _value_turnover(quote: Quote) -> Decimal:
    """거래대금회전율: value in percent of the market capitalisation."""
    return percent(quote.value, quote.market_cap)


_ORDERS: Final[Mapping[str, _Sort]] = {
    "0": lambda quote: quote.volume,
    "1": _growth,
    "2": lambda quote: quote.turnover,
    "3": lambda quote: quote.value,
    "4": _value_turnover,
}
"""FID_BLNG_CLS_CODE. The averages are over one day, as in KIS's own example (평균거래량 equals the day's volume)."""

_MARGINS: Final = (30, 40, 50, 60, 100)

_LEFT_OUT: Final[Sequence[Callable[[Issue], bool]]] = (
    lambda issue: issue.warning > 0,
    lambda issue: issue.administered,
    lambda issue: issue.liquidation,
    lambda issue: issue.unfaithful,
    lambda issue: issue.kind == "preferred",
    lambda issue: issue.halted,
    lambda issue: issue.kind == "etf",
    lambda _: False,  # ETN: none in this world
    lambda issue: not issue.credit,
    lambda issue: issue.kind == "spac",
)
"""FID_TRGT_EXLS_CLS_CODE by place: 투자위험·경고·주의, 관리, 정리매매, 불성실공시, 우선주, 거래정지, ETF, ETN,
신용불가, SPAC. The older form has the first six places only."""


def bounds(ask: Ask, low: str, high: str) -> tuple[int, int | None]:
    """A price band, both ends included; an empty or zero end is open."""
    try:
        first, last = int(ask[low].strip() or 0), int(ask[high].strip() or 0)
    except ValueError:
        raise wrong(f"ERROR INVALID {low}") from None
    return first, last or None


def in_market(ask: Ask, code: str) -> Callable[[Issue], bool]:
    """Which issues an FID_INPUT_ISCD of a ranking speaks of: 0000 all, 0001/1001 a market, else a sector's members."""
    if code == "0000":
        return lambda _: True
    if code in MARKETS:
        board = MARKETS[code]
        return lambda issue: issue.board == board
    members = ask.market.members.get(code)
    if members is None:
        return lambda _: False
    codes = {one.code for one in members}
    return lambda issue: issue.code in codes


def of_class(code: str) -> Callable[[Issue], bool]:
    """FID_DIV_CLS_CODE: 0 all, 1 common, 2 preferred."""
    if code == "2":
        return lambda issue: issue.kind == "preferred"
    if code == "1":
        return lambda issue: issue.kind != "preferred"
    return lambda _: True


def _targeted(code: str) -> Callable[[Issue], bool]:
    """FID_TRGT_CLS_CODE: nine switches, the first five by margin rate (20 % counts with 30 %)."""
    if not code.strip() or set(code) == {"0"}:
        return lambda _: True
    wanted = {margin for margin, switch in zip(_MARGINS, code, strict=False) if switch == "1"}
    return lambda issue: max(issue.margin, 30) in wanted


def _excluded(code: str) -> Callable[[Issue], bool]:
    tests = [test for test, switch in zip(_LEFT_OUT, code, strict=False) if switch == "1"]
    return lambda issue: any(test(issue) for test in tests)


def ranked(quotes: Sequence[Quote], key: _Sort, *, lowest: bool = False) -> list[Quote]:
    """The first 30 by `key`, ties in code order."""
    sign = 1 if lowest else -1
    return sorted(quotes, key=lambda quote: (sign * key(quote), quote.code))[:ROWS]


def volume_rank(ask: Ask) -> Mapping[str, Any]:
    """거래량순위 FHPST01710000. Only issues that traded today are ranked."""
    venue = venue_of(ask)
    order = _ORDERS.get(ask["FID_BLNG_CLS_CODE"])
    if order is None:
        raise wrong("ERROR INVALID FID_BLNG_CLS_CODE")
    low, high = bounds(ask, "FID_INPUT_PRICE_1", "FID_INPUT_PRICE_2")
    enough, _ = bounds(ask, "FID_VOL_CNT", "FID_VOL_CNT")
    market, kind = in_market(ask, ask["FID_INPUT_ISCD"]), of_class(ask["FID_DIV_CLS_CODE"])
    target, excluded = _targeted(ask["FID_TRGT_CLS_CODE"]), _excluded(ask["FID_TRGT_EXLS_CLS_CODE"])
    candidates = [
        quote
        for quote in ask.market.snapshot(ask.at, venue).quotes.values()
        if quote.volume >= max(1, enough)
        and quote.price >= low
        and (high is None or quote.price <= high)
        and market(quote.issue)
        and kind(quote.issue)
        and target(quote.issue)
        and not excluded(quote.issue)
    ]
    block = block_of(ask.endpoint, "output")
    rows = []
    for place, quote in enumerate(ranked(candidates, order), start=1):
        values: dict[str, Value] = {
            **figures(quote),
            "data_rank": place,
            "avrg_vol": quote.volume,
            "n_befr_clpr_vrss_prpr_rate": quote.change_rate,
            "vol_inrt": _growth(quote),
            "nday_vol_tnrt": quote.turnover,
            "avrg_tr_pbmn": quote.value,
            "tr_pbmn_tnrt": _value_turnover(quote),
            "nday_tr_pbmn_tnrt": _value_turnover(quote),
        }
        rows.append(known(block, values))
    return {"output": rows}


def market_cap(ask: Ask) -> Mapping[str, Any]:
    """국내주식 시가총액 상위 FHPST01740000: funds are not ranked; the weight is of both markets together."""
    venue = venue_of(ask, "fid_cond_mrkt_div_code")
    low, high = bounds(ask, "fid_input_price_1", "fid_input_price_2")
    enough, _ = bounds(ask, "fid_vol_cnt", "fid_vol_cnt")
    market, kind = in_market(ask, ask["fid_input_iscd"]), of_class(ask["fid_div_cls_code"])
    whole = sum(ask.market.index(code, ask.at).market_cap for code in MARKETS)
    candidates = [
        quote
        for quote in ask.market.snapshot(ask.at, venue).quotes.values()
        if quote.issue.counted
        and quote.volume >= enough
        and quote.price >= low
        and (high is None or quote.price <= high)
        and market(quote.issue)
        and kind(quote.issue)
    ]
    block = block_of(ask.endpoint, "output")
    rows = []
    for place, quote in enumerate(ranked(candidates, lambda one: one.market_cap), start=1):
        values: dict[str, Value] = {
            **figures(quote),
            "data_rank": place,
            "stck_avls": quote.market_cap // EOK,
            "mrkt_whol_avls_rlim": percent(quote.market_cap, whole),
        }
        rows.append(known(block, values))
    return {"output": rows}


_NEAR_CLASSES: Final[Mapping[str, Callable[[Issue], bool]]] = {
    "1": lambda issue: issue.administered,
    "2": lambda issue: issue.warning == 1,
    "3": lambda issue: issue.warning == 2,
}
"""FID_DIV_CLS_CODE of the near highs: 관리종목, 투자주의, 투자경고; 0 is everybody."""

_NEAR: Final = (0.97, 0.9, 0.0)
"""How near the year's extreme an issue must be to be looked at, tried from the left until thirty are found."""


def _extreme(ask: Ask, quote: Quote, *, high: bool) -> int:
    found = ask.market.range(quote.code, ask.at)
    return found[0] if high else found[2]


def near_new_highlow(ask: Ask) -> Mapping[str, Any]:
    """국내주식 신고/신저근접종목 상위 FHPST01870000: by the distance to the 52 weeks' extreme, today's included."""
    high = ask["fid_prc_cls_code"] == "0"
    first, last = bounds(ask, "fid_aply_rang_prc_1", "fid_aply_rang_prc_2")
    nearest, farthest = bounds(ask, "fid_input_cnt_1", "fid_input_cnt_2")
    market = in_market(ask, ask["fid_input_iscd"])
    enough = 100 if ask["fid_aply_rang_vol"] == "100" else 0
    kind = _NEAR_CLASSES.get(ask["fid_div_cls_code"], of_class("0"))
    quotes = [
        quote
        for quote in ask.market.snapshot(ask.at).quotes.values()
        if quote.volume >= max(enough, 1)
        and quote.price >= first
        and (last is None or quote.price <= last)
        and market(quote.issue)
        and kind(quote.issue)
    ]
    rows: list[tuple[Decimal, Quote]] = []
    for share in _NEAR:
        rows = []
        for quote in quotes:
            if not ask.market.near(quote.code, ask.at, share, high=high):
                continue
            far = percent(_extreme(ask, quote, high=high) - quote.price, quote.price)
            if abs(far) >= nearest and (farthest is None or abs(far) <= farthest):
                rows.append((abs(far), quote))
        if sum(far <= 100 * (1 - Decimal(str(share))) for far, _ in rows) >= ROWS:
            break
    block = block_of(ask.endpoint, "output")
    chosen = sorted(rows, key=lambda one: (one[0], one[1].code))[:ROWS]
    return {"output": [known(block, _near_figures(ask, quote)) for _, quote in chosen]}


def _near_figures(ask: Ask, quote: Quote) -> dict[str, Value]:
    highest, _, lowest, _ = ask.market.range(quote.code, ask.at)
    book = ask.market.book(quote.code, ask.at)
    return {
        **figures(quote),
        "askp": book.asks[0].price,
        "askp_rsqn1": book.asks[0].quantity,
        "bidp": book.bids[0].price,
        "bidp_rsqn1": book.bids[0].quantity,
        "new_hgpr": highest,
        "hprc_near_rate": percent(highest - quote.price, quote.price),
        "new_lwpr": lowest,
        "lwpr_near_rate": percent(lowest - quote.price, quote.price),
    }


HANDLERS: Final = {
    "domestic_stock.volume_rank": volume_rank,
    "domestic_stock.market_cap": market_cap,
    "domestic_stock.near_new_highlow": near_new_highlow,
}
