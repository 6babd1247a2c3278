"""KIS's strings as our words and units: won, shares, percent. Units are normalised here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from dari.core.errors import Malformed
from dari.core.values import decimal, must, percent, text, whole

MILLION: Final = 1_000_000
"""Index and investor amounts come in 백만원."""
THOUSAND: Final = 1_000
"""Index volumes come in 천주."""
EOK: Final = 100_000_000
"""Capitalisations come in 억원."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """One row of 거래량순위 volume-rank. Prices and value in won, volume and shares in shares, rates in percent."""

    code: str
    name: str
    price: int
    change: int
    change_rate: float | None
    volume: int
    value: int
    previous_volume: int | None
    shares: int | None
    turnover: float | None

    @property
    def market_cap(self) -> int | None:
        """시가총액 in won: price times listed shares, which is exact where the upstream's 억원 are rounded."""
        return self.price * self.shares if self.shares else None


@dataclass(frozen=True, slots=True)
class Fundamentals:
    """What 주식현재가 inquire-price adds: PER (times) and the share foreigners hold (percent of listed shares)."""

    per: float | None
    foreign_ratio: float | None


def rows(body: Mapping[str, Any], *names: str) -> list[Mapping[str, Any]]:
    """The rows of the first block that is there. Raises Malformed where none is, or it is not a list of objects."""
    for name in names:
        if name in body:
            block = body[name]
            listed = block if isinstance(block, list) else [block]
            if all(isinstance(one, Mapping) for one in listed):
                return listed
    raise Malformed(f"the reply lacks the block {' or '.join(names)}")


def rate(row: Mapping[str, Any], name: str) -> float | None:
    """A rate in percent, as KIS rounds it."""
    value = decimal(row, name)
    return None if value is None else float(value)


def ranked(row: Mapping[str, Any]) -> Ranked:
    """A row of volume-rank. `prdy_vrss` is signed already; acml_tr_pbmn is won here (백만원 on indexes)."""
    return Ranked(
        code=text(row, "mksc_shrn_iscd"),
        name=text(row, "hts_kor_isnm"),
        price=must(row, "stck_prpr"),
        change=must(row, "prdy_vrss"),
        change_rate=rate(row, "prdy_ctrt"),
        volume=must(row, "acml_vol"),
        value=must(row, "acml_tr_pbmn"),
        previous_volume=whole(row, "prdy_vol"),
        shares=whole(row, "lstn_stcn"),
        turnover=rate(row, "vol_tnrt"),
    )


def fundamentals(row: Mapping[str, Any]) -> Fundamentals:
    """From inquire-price. hts_frgn_ehrt is 소진율 (of the permitted limit), not what is held: it is not used."""
    held, shares = whole(row, "frgn_hldn_qty"), whole(row, "lstn_stcn")
    return Fundamentals(
        per=rate(row, "per") or None,  # 0.00 stands for none: a loss, a fund, a new listing
        foreign_ratio=None if held is None or not shares else percent(held, shares),
    )


def index_value(row: Mapping[str, Any]) -> int:
    """거래대금 of an index (국내업종 현재지수) in won; KIS gives 백만원."""
    return must(row, "acml_tr_pbmn") * MILLION


@dataclass(frozen=True, slots=True)
class Capital:
    """One row of 시가총액 상위 market-cap. `weight` is of both markets' capitalisation together, percent."""

    code: str
    name: str
    price: int
    market_cap: int
    weight: float | None


def capital(row: Mapping[str, Any]) -> Capital:
    """Price times shares, in won: the 억원 KIS shows are cut."""
    price = must(row, "stck_prpr")
    return Capital(
        code=text(row, "mksc_shrn_iscd"),
        name=text(row, "hts_kor_isnm"),
        price=price,
        market_cap=price * must(row, "lstn_stcn"),
        weight=rate(row, "mrkt_whol_avls_rlim"),
    )


@dataclass(frozen=True, slots=True)
class Day:
    """One bar of a daily chart: volume in shares, value in won."""

    day: date
    volume: int
    value: int


def days(body: Mapping[str, Any]) -> list[Day]:
    """The bars of 국내주식기간별시세, newest first. KIS pads a short history with empty rows: they are left out."""
    return [
        Day(date.fromisoformat(text(row, "stck_bsop_date")), must(row, "acml_vol"), must(row, "acml_tr_pbmn"))
        for row in rows(body, "output2")
        if text(row, "stck_bsop_date")
    ]


@dataclass(frozen=True, slots=True)
class Net:
    """One row of 국내기관_외국인 매매종목가집계: what one kind of investor bought more than sold, shares and won."""

    code: str
    name: str
    price: int
    volume: int
    amount: int


def net(row: Mapping[str, Any], who: str) -> Net:
    """`who` is KIS's prefix: frgn or orgn. The amount is shares times price, in 백만원, as KIS estimates it."""
    return Net(
        code=text(row, "mksc_shrn_iscd"),
        name=text(row, "hts_kor_isnm"),
        price=must(row, "stck_prpr"),
        volume=must(row, f"{who}_ntby_qty"),
        amount=must(row, f"{who}_ntby_tr_pbmn") * MILLION,
    )


@dataclass(frozen=True, slots=True)
class Trades:
    """Bought and sold: amounts in won, volumes in shares where they are told."""

    bought: int
    sold: int
    net: int
    bought_volume: int | None = None
    sold_volume: int | None = None


def trades(row: Mapping[str, Any], who: str) -> Trades | None:
    """An investor's trades of an issue on a day (주식현재가 투자자); None where the day is not told yet."""
    bought, sold = whole(row, f"{who}_shnu_tr_pbmn"), whole(row, f"{who}_seln_tr_pbmn")
    if bought is None or sold is None:
        return None
    return Trades(
        bought * MILLION,
        sold * MILLION,
        (bought - sold) * MILLION,
        must(row, f"{who}_shnu_vol"),
        must(row, f"{who}_seln_vol"),
    )


def market_trades(row: Mapping[str, Any], who: str) -> Trades:
    """An investor's trades of a market or sector today (시장별 투자자매매동향), in won."""
    return Trades(
        must(row, f"{who}_shnu_tr_pbmn") * MILLION,
        must(row, f"{who}_seln_tr_pbmn") * MILLION,
        must(row, f"{who}_ntby_tr_pbmn") * MILLION,
    )


def program_of_stock(row: Mapping[str, Any]) -> Trades:
    """A row of 종목별 프로그램매매추이: shares, and won as they come."""
    bought, sold = must(row, "whol_smtn_shnu_tr_pbmn"), must(row, "whol_smtn_seln_tr_pbmn")
    shares = must(row, "whol_smtn_shnu_vol"), must(row, "whol_smtn_seln_vol")
    return Trades(bought, sold, bought - sold, *shares)


def program_of_market(row: Mapping[str, Any]) -> Trades:
    """A row of 프로그램매매 종합현황: arbitrage 차익 and the rest 비차익 together; KIS tells 백만원."""
    bought = must(row, "arbt_smtn_shnu_tr_pbmn") + must(row, "nabt_smtn_shnu_tr_pbmn")
    sold = must(row, "arbt_smtn_seln_tr_pbmn") + must(row, "nabt_smtn_seln_tr_pbmn")
    return Trades(bought * MILLION, sold * MILLION, (bought - sold) * MILLION)


@dataclass(frozen=True, slots=True)
class SectorIndex:
    """One row of 국내업종 구분별전체시세: value in won, volume in shares, the index's change in percent."""

    code: str
    name: str
    value: int
    volume: int
    change_rate: float | None


def sector_index(row: Mapping[str, Any]) -> SectorIndex:
    """A sector of a market; KIS tells 백만원 and 천주."""
    return SectorIndex(
        code=text(row, "bstp_cls_code"),
        name=text(row, "hts_kor_isnm"),
        value=must(row, "acml_tr_pbmn") * MILLION,
        volume=must(row, "acml_vol") * THOUSAND,
        change_rate=rate(row, "bstp_nmix_prdy_ctrt"),
    )


OVERHEATED: Final = frozenset({"2", "3"})
"""단기과열종목구분코드 of the exchange: designated, prolonged (0 none, 1 announced)."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a master file: the issue, its group, its sectors, yesterday's capitalisation in won, and its flags.

    `warning`: 시장경고 00 none, 01 주의, 02 경고, 03 위험.
    """

    code: str
    name: str
    group: str
    large: str
    medium: str
    previous_cap: int
    warning: str = "00"
    overheated: bool = False


def listed(line: str, layout: Mapping[str, Any]) -> Listed:
    """A fixed-width line of a 종목정보 master file, counted in characters after decoding."""
    tail = line[-int(layout["tail_width"]) :]
    head = line[: -int(layout["tail_width"])]
    cut: dict[str, str] = {}
    at = 0
    for _, name, width in layout["tail"]:
        cut[name] = tail[at : at + width].strip()
        at += width
    widths = [width for _, _, width in layout["head"][:-1]]
    return Listed(
        code=head[: widths[0]].strip(),
        name=head[sum(widths) :].strip(),
        group=cut["group_code"],
        large=cut["sector_large"],
        medium=cut["sector_medium"],
        previous_cap=int(cut["previous_market_cap_100m"] or 0) * EOK,
        warning=cut["market_warning"].zfill(2),
        overheated=cut["short_term_overheated"] in OVERHEATED,
    )
