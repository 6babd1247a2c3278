"""What KIS's field names mean: the same figure goes by many names, one per product."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from dari.core import krx
from dari.providers.kis.simulator.sights import Level, Sight
from dari.providers.kis.simulator.writing import EOK
from dari.worlds.market import percent

Reader = Callable[[Sight], Any]

_PRODUCT: Final = re.compile(
    r"^(stck|elw|futs|optn|bond|bstp_nmix|ovrs_nmix|ovrs_prod|inter2|ovtm_untp|nmix|unas|stk|bond_mnrt|nmix_sdpr)_"
)
_HUNDRED: Final = Decimal(100)


def _rate(part: Decimal, whole: Decimal) -> str:
    return str((part * _HUNDRED / whole).quantize(Decimal("0.01"))) if whole else "0.00"


def sign(sight: Sight) -> str:
    """전일 대비 부호."""
    change = sight.price - sight.base
    if change == 0:
        return "3"
    if change > 0:
        return "1" if sight.price == sight.high_limit else "2"
    return "4" if sight.price == sight.low_limit else "5"


def _average(sight: Sight) -> str:
    if not sight.volume:
        return f"{sight.price}.00"
    return str((Decimal(sight.value) / sight.volume).quantize(Decimal("0.01")))


def _against_rate(reader: Reader) -> Reader:
    return lambda sight: _rate(reader(sight) - sight.base, sight.base)


def _way(reader: Reader) -> Reader:
    def told(sight: Sight) -> str:
        difference = sight.price - reader(sight)
        return "2" if difference > 0 else "5" if difference < 0 else "3"

    return told


_OPEN: Final[Reader] = lambda sight: sight.open  # noqa: E731 - a reader like the ones below
_HIGH: Final[Reader] = lambda sight: sight.high  # noqa: E731 - a reader
_LOW: Final[Reader] = lambda sight: sight.low  # noqa: E731 - a reader

_FAMILY: Final[Mapping[str, Reader]] = {
    "prpr": lambda sight: sight.price,
    "clpr": lambda sight: sight.price,
    "pbpr": lambda sight: sight.price,
    "oprc": _OPEN,
    "hgpr": _HIGH,
    "lwpr": _LOW,
    "sdpr": lambda sight: sight.base,
    "prdy_clpr": lambda sight: sight.base,
    "mxpr": lambda sight: sight.high_limit,
    "llam": lambda sight: sight.low_limit,
    "prdy_vrss": lambda sight: sight.price - sight.base,
    "prdy_vrss_sign": sign,
    "prdy_ctrt": lambda sight: _rate(sight.price - sight.base, sight.base),
    "oprc_prdy_ctrt": _against_rate(_OPEN),
    "hgpr_prdy_ctrt": _against_rate(_HIGH),
    "lwpr_prdy_ctrt": _against_rate(_LOW),
    "vol": lambda sight: sight.volume,
    "acml_vol": lambda sight: sight.volume,
    "tr_pbmn": lambda sight: sight.value,
    "shrn_iscd": lambda sight: sight.code,
    "bsop_date": lambda sight: sight.day,
    "cntg_hour": lambda sight: f"{sight.moment:%H%M%S}",
    "kor_isnm": lambda sight: sight.name,
    "isnm": lambda sight: sight.name,
}
"""Names that come with a product's prefix."""

_PLAIN: Final[Mapping[str, Reader]] = {
    **{name: reader for name, reader in _FAMILY.items() if name not in {"vol", "tr_pbmn"}},
    "acml_tr_pbmn": lambda sight: sight.value,
    "prdy_vol": lambda sight: sight.previous_volume,
    "prdy_tr_pbmn": lambda sight: sight.previous_value,
    "prdy_vol_vrss_acml_vol_rate": lambda sight: percent(sight.volume, sight.previous_volume),
    "prdy_vrss_vol_rate": lambda sight: percent(sight.volume, sight.previous_volume),
    "prdy_vrss_vol": lambda sight: sight.volume - sight.previous_volume,
    "vol_inrt": lambda sight: percent(sight.volume, sight.previous_volume),
    "vol_tnrt": lambda sight: percent(sight.volume, sight.shares),
    "cntg_vol": lambda sight: sight.traded,
    "cnqn": lambda sight: sight.traded,
    "last_cnqn": lambda sight: sight.traded,
    "hts_kor_isnm": lambda sight: sight.name,
    "mksc_shrn_iscd": lambda sight: sight.code,
    "bstp_cls_code": lambda sight: sight.code,
    "bsop_hour": lambda sight: f"{sight.moment:%H%M%S}",
    "aspr_acpt_hour": lambda sight: f"{sight.moment:%H%M%S}",
    "lstn_stcn": lambda sight: sight.shares,
    "hts_avls": lambda sight: int(sight.price * sight.shares) // EOK,
    "stck_avls": lambda sight: int(sight.price * sight.shares) // EOK,
    "wghn_avrg_stck_prc": _average,
    "oprc_vrss_prpr_sign": _way(_OPEN),
    "hgpr_vrss_prpr_sign": _way(_HIGH),
    "lwpr_vrss_prpr_sign": _way(_LOW),
    "oprc_vrss_prpr": lambda sight: sight.price - sight.open,
    "hgpr_vrss_prpr": lambda sight: sight.price - sight.high,
    "lwpr_vrss_prpr": lambda sight: sight.price - sight.low,
    "prdy_clpr_vrss_oprc_rate": _against_rate(_OPEN),
    "prdy_clpr_vrss_hgpr_rate": _against_rate(_HIGH),
    "prdy_clpr_vrss_lwpr_rate": _against_rate(_LOW),
    "total_askp_rsqn": lambda sight: sum(quantity for _, quantity in sight.asks),
    "total_bidp_rsqn": lambda sight: sum(quantity for _, quantity in sight.bids),
    "aspr_unit": lambda sight: krx.tick_size(int(sight.price)),
    "deal_date": lambda sight: sight.day,
    "evlu_dt": lambda sight: sight.day,
    "trht_yn": lambda _: "N",
    "hour_cls_code": lambda _: "0",
    "prpr_nmix": lambda sight: sight.price,
    "oprc_nmix": _OPEN,
    "totl_ernn_nmix": lambda sight: sight.price,
    "totl_ernn_nmix_oprc": _OPEN,
    "totl_ernn_nmix_hgpr": _HIGH,
    "totl_ernn_nmix_lwpr": _LOW,
    "prdy_totl_ernn_nmix": lambda sight: sight.base,
    "stnd_date1": lambda sight: sight.day,
    "trnm_hour": lambda sight: f"{sight.moment:%H%M%S}",
    "nmix_id": lambda sight: sight.code,
    # abroad
    "last": lambda sight: sight.price,
    "clos": lambda sight: sight.price,
    "base": lambda sight: sight.base,
    "open": _OPEN,
    "high": _HIGH,
    "low": _LOW,
    "popen": _OPEN,
    "phigh": _HIGH,
    "plow": _LOW,
    "sign": sign,
    "diff": lambda sight: sight.price - sight.base,
    "rate": lambda sight: _rate(sight.price - sight.base, sight.base),
    "tvol": lambda sight: sight.volume,
    "tamt": lambda sight: sight.value,
    "evol": lambda sight: sight.traded,
    "pvol": lambda sight: sight.previous_volume,
    "shar": lambda sight: sight.shares,
    "tomv": lambda sight: int(sight.price * sight.shares),
    "valx": lambda sight: int(sight.price * sight.shares) // 1_000,
    "symb": lambda sight: sight.code,
    "knam": lambda sight: sight.name,
    "name": lambda sight: sight.name,
    "xymd": lambda sight: sight.day,
    "kymd": lambda sight: f"{sight.moment:%Y%m%d}",
    "tymd": lambda sight: sight.day,
    "xhms": lambda sight: f"{sight.moment:%H%M%S}",
    "khms": lambda sight: f"{sight.moment:%H%M%S}",
    "dymd": lambda sight: sight.day,
    "dhms": lambda sight: f"{sight.moment:%H%M%S}",
    "rsym": lambda sight: f"D{sight.extra.get('excd', '')}{sight.code}",
    # futures abroad
    "last_price": lambda sight: sight.price,
    "open_price": _OPEN,
    "high_price": _HIGH,
    "low_price": _LOW,
    "lowp_rice": _LOW,
    "prev_price": lambda sight: sight.base,
    "sttl_price": lambda sight: sight.base,
    "prev_diff_flag": sign,
    "prev_diff_price": lambda sight: sight.price - sight.base,
    "prev_diff_rate": lambda sight: _rate(sight.price - sight.base, sight.base),
    "last_qntt": lambda sight: sight.traded,
    "data_date": lambda sight: sight.day,
    "data_time": lambda sight: f"{sight.moment:%H%M%S}",
    "proc_date": lambda sight: sight.day,
    "quot_date": lambda sight: sight.day,
    "recv_date": lambda sight: sight.day,
    "proc_time": lambda sight: f"{sight.moment:%H%M%S}",
    "quot_time": lambda sight: f"{sight.moment:%H%M%S}",
    "recv_time": lambda sight: f"{sight.moment:%H%M%S}",
    "srs_cd": lambda sight: sight.code,
    "series_cd": lambda sight: sight.code,
    # profile pages
    "sht_cd": lambda sight: sight.code,
    "pdno": lambda sight: sight.code,
    "prdt_name": lambda sight: sight.name,
    "isin_name": lambda sight: sight.name,
    "item_kor_nm": lambda sight: sight.name,
    "lstg_stqt": lambda sight: sight.shares,
    "bfdy_clpr": lambda sight: sight.base,
    "thdt_clpr": lambda sight: sight.price,
    "code": lambda sight: sight.code,
    "price": lambda sight: sight.price,
    "chgrate": lambda sight: _rate(sight.price - sight.base, sight.base),
    "change": lambda sight: sight.price - sight.base,
    "trade_amt": lambda sight: sight.value,
}

_BOOK: Final = re.compile(r"^(?:futs_|optn_|bond_|ovtm_untp_)?(askp|bidp)(\d*)$")
_BOOK_SIZE: Final = re.compile(r"^(askp|bidp)_rsqn(\d+)$")
_ABROAD_BOOK: Final = re.compile(r"^([pv])(ask|bid)(\d*)$")
_CONTRACT_BOOK: Final = re.compile(r"^(ask|bid)_(price|qntt)$")


def _level(side: str, number: str, part: int) -> Reader:
    place = int(number or 1) - 1

    def told(sight: Sight) -> Any:
        levels: tuple[Level, ...] = tuple(sight.asks if side == "ask" else sight.bids)
        return levels[place][part] if place < len(levels) else 0

    return told


def _in_book(name: str) -> Reader | None:
    if found := _BOOK.match(name):
        return _level(found[1][:3], found[2], 0)
    if found := _BOOK_SIZE.match(name):
        return _level(found[1][:3], found[2], 1)
    if found := _ABROAD_BOOK.match(name):
        return _level(found[2], found[3], 0 if found[1] == "p" else 1)
    if found := _CONTRACT_BOOK.match(name):
        return _level(found[1], "", 0 if found[2] == "price" else 1)
    return None


def _beneath(reader: Reader) -> Reader:
    """The same of what a contract is written on."""
    return lambda sight: reader(sight.underlying) if sight.underlying else None


@lru_cache(maxsize=8192)
def reader_of(name: str) -> Reader | None:
    """How to read a field of this name off a look; None where the world says nothing about it."""
    name = name.lower()
    if name in _PLAIN:
        return _PLAIN[name]
    book = _in_book(name)
    if book is not None:
        return book
    prefix = _PRODUCT.match(name)
    if prefix is None:
        return None
    rest = name[prefix.end() :]
    reader = _FAMILY.get(rest)
    if reader is not None and prefix[1] == "unas":
        return _beneath(reader)
    return reader


def told(sight: Sight, name: str) -> str | None:
    """The value of a field, as KIS writes it; None where the world says nothing about it."""
    value = sight.extra.get(name.lower())
    if value is None:
        reader = reader_of(name)
        value = reader(sight) if reader else None
    return None if value is None else str(value)
