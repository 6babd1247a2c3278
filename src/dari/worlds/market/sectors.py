"""The index codes (업종코드) of the world: industries, the groups that contain them, size groups and the markets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["market", "size", "group", "industry", "theme"]
Board = Literal["KOSPI", "KOSDAQ"]


@dataclass(frozen=True, slots=True)
class Sector:
    """One KRX index of the exchange's own code table. `parent` is the group that contains it.

    Only `industry` sectors without a parent, plus `group` sectors, partition a market without counting twice.
    """

    code: str
    name: str
    board: Board
    kind: Kind
    parent: str | None = None


_MANUFACTURING_KOSPI: Final = {
    "0005": "음식료·담배",
    "0006": "섬유·의류",
    "0007": "종이·목재",
    "0008": "화학",
    "0009": "제약",
    "0010": "비금속",
    "0011": "금속",
    "0012": "기계·장비",
    "0013": "전기·전자",
    "0014": "의료·정밀기기",
    "0015": "운송장비·부품",
}
_FINANCE_KOSPI: Final = {"0024": "증권", "0025": "보험"}
_OTHER_KOSPI: Final = {
    "0016": "유통",
    "0017": "전기·가스",
    "0018": "건설",
    "0019": "운송·창고",
    "0020": "통신",
    "0026": "일반서비스",
    "0028": "부동산",
    "0029": "IT 서비스",
    "0030": "오락·문화",
}
_MANUFACTURING_KOSDAQ: Final = {
    "1019": "음식료·담배",
    "1020": "섬유·의류",
    "1021": "종이·목재",
    "1022": "출판·매체복제",
    "1023": "화학",
    "1024": "제약",
    "1025": "비금속",
    "1026": "금속",
    "1027": "기계·장비",
    "1028": "전기·전자",
    "1029": "의료·정밀기기",
    "1030": "운송장비·부품",
    "1031": "기타제조",
}
_OTHER_KOSDAQ: Final = {
    "1006": "일반서비스",
    "1010": "건설",
    "1011": "유통",
    "1013": "운송·창고",
    "1014": "금융",
    "1015": "오락·문화",
    "1032": "통신",
    "1033": "IT 서비스",
}


def _table() -> dict[str, Sector]:
    rows: list[Sector] = [
        Sector("0001", "종합", "KOSPI", "market"),
        Sector("0002", "대형주", "KOSPI", "size"),
        Sector("0003", "중형주", "KOSPI", "size"),
        Sector("0004", "소형주", "KOSPI", "size"),
        Sector("0021", "금융", "KOSPI", "group"),
        Sector("0027", "제조", "KOSPI", "group"),
        Sector("1001", "종합", "KOSDAQ", "market"),
        Sector("1002", "코스닥 대형주", "KOSDAQ", "size"),
        Sector("1003", "코스닥 중형주", "KOSDAQ", "size"),
        Sector("1004", "코스닥 소형주", "KOSDAQ", "size"),
        Sector("1009", "제조", "KOSDAQ", "group"),
        Sector("2001", "KOSPI200", "KOSPI", "theme"),
    ]
    rows += [Sector(code, name, "KOSPI", "industry", "0027") for code, name in _MANUFACTURING_KOSPI.items()]
    rows += [Sector(code, name, "KOSPI", "industry", "0021") for code, name in _FINANCE_KOSPI.items()]
    rows += [Sector(code, name, "KOSPI", "industry") for code, name in _OTHER_KOSPI.items()]
    rows += [Sector(code, name, "KOSDAQ", "industry", "1009") for code, name in _MANUFACTURING_KOSDAQ.items()]
    rows += [Sector(code, name, "KOSDAQ", "industry") for code, name in _OTHER_KOSDAQ.items()]
    return {row.code: row for row in sorted(rows, key=lambda row: row.code)}


SECTORS: Final = _table()

PLAIN_FINANCE: Final = "0021"
"""A KOSPI bank or holding company belongs to the group 금융 directly, to no industry below it."""

HOMES: Final[dict[Board, tuple[str, ...]]] = {
    board: tuple(
        row.code
        for row in SECTORS.values()
        if row.board == board and (row.kind == "industry" or row.code == PLAIN_FINANCE)
    )
    for board in ("KOSPI", "KOSDAQ")
}
"""The sectors an issue can be at home in."""


def partition(board: Board) -> tuple[Sector, ...]:
    """The industries of `board`, none inside another and none counted twice (제조 by its parts, 금융 as one)."""
    rows = (row for row in SECTORS.values() if row.board == board)
    return tuple(
        row for row in rows if (row.kind == "industry" and row.parent != PLAIN_FINANCE) or row.code == PLAIN_FINANCE
    )
