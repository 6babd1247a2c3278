"""Index prices (업종 현재지수): values in million won, volumes in thousand shares, both cut."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from dari.providers.kis.simulator.exchange import Ask
from dari.providers.kis.simulator.writing import MILLION, THOUSAND, Value, block_of, direction, known, row
from dari.worlds.market import IndexQuote, percent

_CENT: Final = Decimal("0.01")


def rate(level: Decimal, base: Decimal) -> Decimal:
    """How far a level is from another, percent, two places."""
    return ((level - base) * 100 / base).quantize(_CENT, ROUND_HALF_UP) if base else Decimal("0.00")


def index_figures(index: IndexQuote) -> dict[str, Value]:
    """The figures of an index under KIS's names."""
    return {
        "bstp_nmix_prpr": index.level,
        "bstp_nmix_prdy_vrss": index.change,
        "prdy_vrss_sign": direction(index.change),
        "bstp_nmix_prdy_ctrt": index.change_rate,
        "acml_vol": index.volume // THOUSAND,
        "prdy_vol": index.previous_volume // THOUSAND,
        "acml_tr_pbmn": index.value // MILLION,
        "prdy_tr_pbmn": index.previous_value // MILLION,
        "bstp_nmix_oprc": index.open,
        "prdy_nmix_vrss_nmix_oprc": index.open - index.base,
        "oprc_vrss_prpr_sign": direction(index.open - index.base),
        "bstp_nmix_oprc_prdy_ctrt": rate(index.open, index.base),
        "bstp_nmix_hgpr": index.high,
        "prdy_nmix_vrss_nmix_hgpr": index.high - index.base,
        "hgpr_vrss_prpr_sign": direction(index.high - index.base),
        "bstp_nmix_hgpr_prdy_ctrt": rate(index.high, index.base),
        "bstp_nmix_lwpr": index.low,
        "prdy_clpr_vrss_lwpr": index.low - index.base,
        "lwpr_vrss_prpr_sign": direction(index.low - index.base),
        "prdy_clpr_vrss_lwpr_rate": rate(index.low, index.base),
        "ascn_issu_cnt": index.up,
        "uplm_issu_cnt": index.limit_up,
        "stnr_issu_cnt": index.flat,
        "down_issu_cnt": index.down,
        "lslm_issu_cnt": index.limit_down,
        "bstp_cls_code": index.sector.code,
        "hts_kor_isnm": index.sector.name,
    }


def inquire_index_price(ask: Ask) -> Mapping[str, Any]:
    """국내업종 현재지수 FHPUP02100000."""
    block = block_of(ask.endpoint, "output")
    code = ask["FID_INPUT_ISCD"]
    if code not in ask.market.members:
        return {"output": row(block, {})}
    return {"output": known(block, index_figures(ask.market.index(code, ask.at)))}


_SHOWN: Final[Mapping[str, frozenset[str]]] = {
    "0": frozenset({"market", "size", "group", "industry", "theme"}),
    "1": frozenset({"theme"}),
    "2": frozenset({"size"}),
    "3": frozenset({"group", "industry"}),
}
"""FID_BLNG_CLS_CODE → the kinds of sectors listed."""


def inquire_index_category_price(ask: Ask) -> Mapping[str, Any]:
    """국내업종 구분별전체시세 FHPUP02140000: a market's index, and below it its sectors, groups and sizes together."""
    head, block = block_of(ask.endpoint, "output1"), block_of(ask.endpoint, "output2")
    code = ask["FID_INPUT_ISCD"]
    if code not in ask.market.members:
        return {"output1": row(head, {}), "output2": []}
    whole = ask.market.index(code, ask.at)
    market = ask["FID_MRKT_CLS_CODE"]
    shown = [
        sector
        for sector in ask.market.sectors("KOSDAQ" if market == "Q" else "KOSPI")
        if (sector.code == "2001" if market == "K2" else sector.kind in _SHOWN[ask["FID_BLNG_CLS_CODE"]])
    ]
    rows = []
    for sector in shown:
        index = ask.market.index(sector.code, ask.at)
        values: dict[str, Value] = {
            **index_figures(index),
            "acml_vol_rlim": percent(index.volume, whole.volume),
            "acml_tr_pbmn_rlim": percent(index.value, whole.value),
        }
        rows.append(known(block, values))
    return {"output1": known(head, index_figures(whole)), "output2": rows}


HANDLERS: Final = {
    "domestic_stock.inquire_index_price": inquire_index_price,
    "domestic_stock.inquire_index_category_price": inquire_index_category_price,
}
