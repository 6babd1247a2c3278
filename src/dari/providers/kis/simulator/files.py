"""The master files (종목 마스터): zips of cp949 lines of fixed width, laid out as the sheets say."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache, partial
from typing import Final

from dari.core import krx
from dari.providers.kis.spec import master_files
from dari.worlds.market import SECTORS, Issue, Market
from dari.worlds.market.abroad import LISTED
from dari.worlds.market.instruments import Walk

_TEXT: Final = frozenset({"단축코드", "표준코드", "한글명", "업종명"})
_STAMP: Final = (2020, 1, 1, 0, 0, 0)
"""A zip's own time stamps would make equal files differ."""


def _flag(value: object) -> str:
    return "Y" if value else "N"


_SIZES: Final = {"0002": 1, "0003": 2, "0004": 3, "1002": 1, "1003": 2, "1004": 3}
"""The index of a size (large, middle, small) → what a master file writes for it."""


@lru_cache(maxsize=2)
def _sizes(market: Market) -> dict[str, int]:
    return {one.code: size for index, size in _SIZES.items() for one in market.members[index]}


def _facts(issue: Issue, market: Market, at: datetime) -> dict[str, object]:
    """What a master file says of an issue."""
    quote = market.quote(issue.code, at)
    home = SECTORS[issue.sector]
    large, middle = (
        (home.parent or home.code, home.code if home.parent else "0000") if issue.counted else ("0000", "0000")
    )
    return {
        "단축코드": issue.code,
        "표준코드": issue.isin,
        "한글명": issue.name,
        "증권그룹구분": {"etf": "EF", "reit": "RT"}.get(issue.kind, "ST"),
        "시가총액규모": _sizes(market).get(issue.code, 0),
        "지수업종대분류": large,
        "지수업종중분류": middle,
        "지수업종소분류": "0000",
        "제조업": _flag(home.parent == "0027"),
        "저유동성": "N",
        "ETP상품구분": 1 if issue.kind == "etf" else 0,
        "SPAC": _flag(issue.kind == "spac"),
        "단기과열": 2 if issue.overheated else 0,  # the exchange's code: 1 announced, 2 designated, 3 prolonged
        "기준가": quote.base,
        "매매수량단위": 1,
        "시간외수량단위": 1,
        "거래정지": _flag(issue.halted),
        "정리매매": _flag(issue.liquidation),
        "관리종목": _flag(issue.administered),
        "시장경고": issue.warning,
        "경고예고": "N",
        "불성실공시": _flag(issue.unfaithful),
        "우회상장": "N",
        "증거금비율": issue.margin,
        "신용가능": _flag(issue.credit),
        "신용기간": 90 if issue.credit else 0,
        "전일거래량": quote.previous_volume,
        "액면가": issue.face_value,
        "상장일자": issue.listed_on,
        "상장주수(천)": issue.shares // 1_000,
        "자본금": issue.face_value * issue.shares,
        "결산월": issue.settles_in,
        "우선주": 1 if issue.kind == "preferred" else 0,
        "KOSPI": _flag(issue.board == "KOSPI"),
        "전일시가총액(억)": quote.base * issue.shares // 100_000_000,
    }


def _cell(name: str, width: int | None, value: object) -> str:
    """A value in its place: text to the left, figures to the right with zeros before, the absent as blanks."""
    text = "" if value is None else str(value)
    if width is None or name in _TEXT or not text.isdigit():
        return text if width is None else text.ljust(width)[:width]
    return text.rjust(width, "0")[-width:]


def fixed_width(layout: Mapping[str, list[list[object]]], facts: Mapping[str, object]) -> str:
    """One line: head, then tail. The name takes what it takes, padded to the 40 bytes KIS gives it."""
    cells = []
    for part in ("head", "tail"):
        for korean, _, width in layout[part]:
            name = str(korean)
            size = width if isinstance(width, int) else None
            cell = _cell(name, size, facts.get(name))
            cells.append(cell if size is not None else cell + " " * max(0, 40 - len(cell.encode("cp949"))))
    return "".join(cells)


def _issues(market: Market, at: datetime, board: str, *, nxt: bool) -> str:
    layout = master_files()["layouts"][board.lower()]
    chosen = (one for one in market.issues if one.board == board and (one.nxt_share > 0 or not nxt))
    return "".join(fixed_width(layout, _facts(one, market, at)) + "\n" for one in chosen)


def _sectors(market: Market, _: datetime) -> str:
    rows = []
    for sector in market.sectors():
        name = sector.name
        rows.append(
            ("1" if sector.board == "KOSDAQ" else "0") + sector.code + name + " " * (40 - len(name.encode("cp949")))
        )
    return "".join(line + "\n" for line in rows)


_THEMES: Final = (("001", "반도체 장비", "0013"), ("002", "이차전지", "1028"), ("003", "바이오시밀러", "1024"))


def _themes(market: Market, _: datetime) -> str:
    lines = []
    for code, name, sector in _THEMES:
        padded = name + " " * (40 - len(name.encode("cp949")))
        lines += [f"{code}{padded}{one.code}{'':3}" for one in market.members[sector][:12]]
    return "".join(line + "\n" for line in lines)


_PLACES: Final = {
    # exchange: (country, its file)
    "NAS": ("US", "nas"),
    "NYS": ("US", "nys"),
    "AMS": ("US", "ams"),
    "HKS": ("HK", "hks"),
    "SHS": ("CN", "shs"),
    "SZS": ("CN", "szs"),
    "TSE": ("JP", "tse"),
    "HSX": ("VN", "hsx"),
    "HNX": ("VN", "hnx"),
}


def _abroad(market: Market, at: datetime, exchange: str) -> str:
    columns = [korean for korean, _ in master_files()["layouts"]["overseas"]["columns"]]
    walk, lines = Walk(market.seed), []
    for one in LISTED:
        if one.exchange != exchange:
            continue
        base = Decimal(walk.now(one, at).base).scaleb(-one.decimals)
        facts: dict[str, object] = {
            "국가코드": _PLACES[exchange][0],
            "거래소ID": exchange,
            "거래소코드": exchange,
            "거래소명": exchange,
            "심볼": one.symbol,
            "실시간심볼": f"D{exchange}{one.symbol}",
            "한글명": one.name,
            "영문명": one.english,
            "종목구분": 3 if one.symbol in {"QQQ", "SPY", "SCHD", "TLT"} else 2,
            "통화": one.currency,
            "소수점": one.decimals,
            "기준가": base,
            "매수주문단위": 1,
            "매도주문단위": 1,
            "DR여부": "N",
        }
        lines.append("\t".join(str(facts.get(name, "")) for name in columns))
    return "".join(line + "\n" for line in lines)


_FILES: Final[Mapping[str, Callable[[Market, datetime], str]]] = {
    "kospi_code.mst": lambda market, at: _issues(market, at, "KOSPI", nxt=False),
    "kosdaq_code.mst": lambda market, at: _issues(market, at, "KOSDAQ", nxt=False),
    "nxt_kospi_code.mst": lambda market, at: _issues(market, at, "KOSPI", nxt=True),
    "nxt_kosdaq_code.mst": lambda market, at: _issues(market, at, "KOSDAQ", nxt=True),
    "konex_code.mst": lambda _market, _at: "",
    "idxcode.mst": _sectors,
    "theme_code.mst": _themes,
    **{f"{short}mst.cod": partial(_abroad, exchange=exchange) for exchange, (_, short) in _PLACES.items()},
}


def master_file(name: str, market: Market, at: datetime) -> bytes | None:
    """The zip of a master file by its published name (`kospi_code.mst.zip`); None for one this world lacks.

    KRX's are made before the opening of the board's day: their figures are yesterday's.
    """
    plain = name.removesuffix(".zip")
    if plain not in _FILES or plain == name:
        return None
    morning = krx.session(krx.board(at).day)
    assert morning is not None  # a board's day is a trading day
    return _packed(plain, market, at if plain.endswith(".cod") else morning.opens)


@lru_cache(maxsize=16)
def _packed(plain: str, market: Market, at: datetime) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        text = _FILES[plain](market, at).encode("cp949")
        archive.writestr(zipfile.ZipInfo(plain, _STAMP), text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
