"""KIS's strings as our words and units: won, shares, percent. Units are normalised here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dari.core.errors import Malformed
from dari.core.values import decimal, must, percent, text, whole

MILLION: Final = 1_000_000
"""Index and investor amounts come in 백만원."""


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
