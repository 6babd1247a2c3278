"""A symbol of any kind (stock, ETF, ELW, bond, future, option, index; at home and abroad) and who answers for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from pydantic import AfterValidator

from dari.core import krx
from dari.core.errors import Hint, InvalidInput, NotFound

KINDS: Final = (
    "auto", "stock", "etf", "elw", "index", "future", "option", "stock_future", "bond",
    "overseas", "overseas_future", "overseas_option",
)  # fmt: skip


def _known(kind: str) -> str:
    if kind not in KINDS:
        raise ValueError(f"one of {', '.join(KINDS)}")
    return kind


Kind = Annotated[str, AfterValidator(_known)]
"""What a symbol is; "auto" reads it off the symbol. The list is told when it is missed."""
Venue = Literal["KRX", "NXT", "UN"]
_DERIVATIVE: Final = re.compile(r"[1-4A-D][0-9A-Z]{2}[0-9A-Z][0-9A-C][0-9](?:[0-9]{3})?")
_BOND: Final = re.compile(r"KR[0-9A-Z]{10}")
_ELW: Final = re.compile(r"5[0-9]{2}[A-Z][0-9A-Z]{2}")
_ABROAD_FUTURE: Final = re.compile(r"[0-9A-Z]{1,4}[FGHJKMNQUVXZ][0-9]{2}")
EXCHANGES: Final[Mapping[str, str]] = {
    "NAS": "NAS", "NASD": "NAS", "NYS": "NYS", "NYSE": "NYS", "AMS": "AMS", "AMEX": "AMS", "HKS": "HKS", "SEHK": "HKS",
    "TSE": "TSE", "TKSE": "TSE", "SHS": "SHS", "SHAA": "SHS", "SZS": "SZS", "SZAA": "SZS", "HSX": "HSX", "VNSE": "HSX",
    "HNX": "HNX", "HASE": "HNX",
}  # fmt: skip
MARKETS: Final[Mapping[str, str]] = {"KRX": "J", "NXT": "NX", "UN": "UN"}


@dataclass(frozen=True, slots=True)
class Issue:
    """What is asked about. `exchange` is KIS's quote exchange abroad ("NAS"), else empty."""

    kind: str
    code: str
    exchange: str = ""
    venue: str = "KRX"


def issue_of(symbol: str, kind: str = "auto", venue: str = "KRX") -> Issue:
    """The issue a symbol names: `005930`, `101W12`, `KR2033022D33`, `AAPL`, `TSE:7203`. Raises InvalidInput."""
    word = symbol.strip().upper()
    place, _, rest = word.partition(":")
    if rest:
        if place not in EXCHANGES:
            raise InvalidInput(
                f"symbol: no exchange {place[:8]!r}",
                hint=Hint(f"거래소: {', '.join(EXCHANGES)}", f"Exchanges: {', '.join(EXCHANGES)}"),
                details={"parameter": "symbol", "allowed": list(EXCHANGES)},
            )
        return Issue("overseas", rest, EXCHANGES[place])
    found = kind if kind != "auto" else _guessed(word)
    return Issue(found, word, "NAS" if found == "overseas" else "", venue if found in {"stock", "etf"} else "KRX")


def _guessed(word: str) -> str:
    derivative = _DERIVATIVE.fullmatch(word) is not None
    stock = krx.is_code(word) and (word.isdigit() or not derivative or not word[3].isalpha())
    known = (
        ("bond", _BOND.fullmatch(word) is not None),
        ("index", len(word) == 4 and word.isdigit()),  # noqa: PLR2004 -- 업종코드 have four places
        ("elw", _ELW.fullmatch(word) is not None),
        ("stock", stock),
        ("option", derivative and word[0] in "23BC"),
        ("future", derivative),
        ("overseas_option", " " in word),
        ("overseas_future", _ABROAD_FUTURE.fullmatch(word) is not None),
    )
    return next((kind for kind, fits in known if fits), "overseas")


Question = tuple[str, dict[str, str]]


def _fid(one: Issue) -> dict[str, str]:
    return {"FID_COND_MRKT_DIV_CODE": MARKETS[one.venue], "FID_INPUT_ISCD": one.code}


def _board(one: Issue) -> dict[str, str]:
    market = {"future": "F", "option": "O", "stock_future": "JF"}[one.kind]
    return {"FID_COND_MRKT_DIV_CODE": market, "FID_INPUT_ISCD": one.code}


def _abroad(one: Issue) -> dict[str, str]:
    return {"EXCD": one.exchange, "SYMB": one.code}


def _plain(one: Issue) -> dict[str, str]:
    return {"FID_INPUT_ISCD": one.code}


def _small(one: Issue) -> dict[str, str]:
    return {"fid_input_iscd": one.code}


def _contract(one: Issue) -> dict[str, str]:
    return {"SRS_CD": one.code}


Asked = tuple[str, Callable[[Issue], dict[str, str]]]
QUOTES: Final[Mapping[str, Asked]] = {
    "stock": ("domestic_stock.inquire_price", _fid),
    "etf": ("etfetn.inquire_price", _small),
    "elw": ("domestic_stock.inquire_elw_price", _plain),
    "index": ("domestic_stock.inquire_index_price", _plain),
    "future": ("domestic_futureoption.inquire_price", _board),
    "option": ("domestic_futureoption.inquire_price", _board),
    "stock_future": ("domestic_futureoption.inquire_price", _board),
    "bond": ("domestic_bond.inquire_price", _plain),
    "overseas": ("overseas_stock.price", _abroad),
    "overseas_future": ("overseas_futureoption.inquire_price", _contract),
    "overseas_option": ("overseas_futureoption.opt_price", _contract),
}
BOOKS: Final[Mapping[str, Asked]] = {
    "stock": ("domestic_stock.inquire_asking_price_exp_ccn", _fid),
    "etf": ("domestic_stock.inquire_asking_price_exp_ccn", _fid),
    "future": ("domestic_futureoption.inquire_asking_price", _board),
    "option": ("domestic_futureoption.inquire_asking_price", _board),
    "stock_future": ("domestic_futureoption.inquire_asking_price", _board),
    "bond": ("domestic_bond.inquire_asking_price", _plain),
    "overseas": ("overseas_stock.inquire_asking_price", _abroad),
    "overseas_future": ("overseas_futureoption.inquire_asking_price", _contract),
    "overseas_option": ("overseas_futureoption.opt_asking_price", _contract),
}


def quote_of(one: Issue) -> Question:
    """The endpoint that quotes it, and its parameters."""
    endpoint, spelt = QUOTES[one.kind]
    return endpoint, spelt(one)


def book_of(one: Issue) -> Question:
    """The endpoint of its order book. Raises NotFound where KIS offers none."""
    if one.kind not in BOOKS:
        raise NotFound(f"KIS offers no order book of this kind over REST: {one.kind}")
    endpoint, spelt = BOOKS[one.kind]
    return endpoint, spelt(one)


PERIODS: Final[Mapping[str, str]] = {"day": "D", "week": "W", "month": "M", "year": "Y"}
SPANS: Final[Mapping[str, int]] = {"day": 2, "week": 9, "month": 40, "year": 380}
"""Days of the calendar a candle may span at most, with room for holidays."""


def candles_of(one: Issue, interval: str, count: int, last: date, until: str) -> Question:
    """The endpoint of its candles that end with `last` (and `until`, HHMMSS, for minutes). Raises NotFound."""
    if interval == "minute":
        return _minutes(one, last, until)
    first = last - timedelta(days=SPANS[interval] * count + 10)
    period = {"FID_INPUT_DATE_1": f"{first:%Y%m%d}", "FID_INPUT_DATE_2": f"{last:%Y%m%d}"}
    period |= {"FID_PERIOD_DIV_CODE": PERIODS[interval]}
    every = {"day": "0", "week": "1", "month": "2"}.get(interval, "")
    name = {"day": "daily_ccnl", "week": "weekly_ccnl", "month": "monthly_ccnl"}.get(interval, "")
    contract = {"SRS_CD": one.code, "EXCH_CD": "CME", "CLOSE_DATE_TIME": f"{last:%Y%m%d}", "QRY_TP": "Q"}
    contract |= {"QRY_CNT": str(min(count, 40)), "QRY_GAP": ""}
    chart = ("domestic_stock.inquire_daily_itemchartprice", lambda: _fid(one) | period | {"FID_ORG_ADJ_PRC": "0"})
    board = ("domestic_futureoption.inquire_daily_fuopchartprice", lambda: _board(one) | period)
    days = {"GUBN": every, "BYMD": f"{last:%Y%m%d}", "MODP": "1"}
    known: dict[str, tuple[str, Callable[[], dict[str, str]]]] = {
        **dict.fromkeys(("stock", "etf"), chart),
        **dict.fromkeys(("future", "option", "stock_future"), board),
        "index": ("domestic_stock.inquire_daily_indexchartprice", lambda: _plain(one) | period),
    }
    if every:
        known["overseas"] = ("overseas_stock.dailyprice", lambda: _abroad(one) | days)
        known["overseas_future"] = (f"overseas_futureoption.{name}", lambda: contract)
        option = contract | {"CLOSE_DATE_TIME": ""}  # an option's chart ends now
        known["overseas_option"] = (f"overseas_futureoption.opt_{name}", lambda: option)
    if interval == "day":
        known["bond"] = ("domestic_bond.inquire_daily_itemchartprice", lambda: _plain(one))
    if one.kind not in known:
        raise NotFound(f"KIS offers no {interval} candles of {one.kind}")
    endpoint, spelt = known[one.kind]
    return endpoint, spelt()


def _minutes(one: Issue, last: date, until: str) -> Question:
    hour = {"FID_INPUT_HOUR_1": until, "FID_PW_DATA_INCU_YN": "Y"}
    if one.kind in {"stock", "etf"}:
        return "domestic_stock.inquire_time_itemchartprice", _fid(one) | hour | {"FID_ETC_CLS_CODE": ""}
    if one.kind in {"future", "option", "stock_future"}:
        asked = _board(one) | hour | {"FID_HOUR_CLS_CODE": "60", "FID_INPUT_DATE_1": f"{last:%Y%m%d}"}
        return "domestic_futureoption.inquire_time_fuopchartprice", asked
    if one.kind == "overseas":
        asked = _abroad(one) | {"NMIN": "1", "PINC": "1", "NEXT": "", "NREC": "120", "KEYB": ""}
        return "overseas_stock.inquire_time_itemchartprice", asked
    if one.kind == "index":
        every = {"FID_INPUT_HOUR_1": "60", "FID_PW_DATA_INCU_YN": "Y", "FID_ETC_CLS_CODE": "0"}
        return "domestic_stock.inquire_time_indexchartprice", _plain(one) | every
    if one.kind in {"overseas_future", "overseas_option"}:
        asked = {"SRS_CD": one.code, "EXCH_CD": "CME", "CLOSE_DATE_TIME": f"{last:%Y%m%d}", "QRY_TP": "Q"}
        asked |= {"QRY_CNT": "120", "QRY_GAP": "1", "INDEX_KEY": "", "START_DATE_TIME": ""}
        chart = "opt" if one.kind == "overseas_option" else "future"
        return f"overseas_futureoption.inquire_time_{chart}chartprice", asked
    raise NotFound(f"KIS offers no minute candles of {one.kind} here; search_endpoints may find some")
