"""Current prices (현재가) of one or of thirty issues."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from dari.core import krx
from dari.providers.kis.simulator.answers.figures import (
    VENUES,
    figures,
    issue_of,
    market_name,
    sector_name,
    status_code,
    venue_of,
    yes,
)
from dari.providers.kis.simulator.answers.investors import GROUPS
from dari.providers.kis.simulator.exchange import Ask, wrong
from dari.providers.kis.simulator.writing import Value, block_of, known, row, sign_of
from dari.worlds.market import Issue, Quote, percent
from dari.worlds.market.counts import FOREIGN_TIMES, last_count
from dari.worlds.market.flows import program

_CENT: Final = Decimal("0.01")
_MANY: Final = 30


def _extremes(ask: Ask, quote: Quote) -> dict[str, Value]:
    """The highs and lows of 250 days, of this year and of 52 weeks, with how far the price is from each."""
    market, code = ask.market, quote.code
    day = krx.board(ask.at).day
    rate = quote.price
    year = market.range(code, ask.at)
    long = market.range(code, ask.at, 366)
    running = market.range(code, ask.at, since=day.replace(month=1, day=1))
    told: dict[str, Value] = {}
    for prefix, found, suffix in (
        ("d250_", long, "_vrss_prpr_rate"),
        ("w52_", year, "_vrss_prpr_ctrt"),
    ):
        high, high_day, low, low_day = found
        told |= {
            f"{prefix}hgpr": high,
            f"{prefix}hgpr_date": high_day,
            f"{prefix}lwpr": low,
            f"{prefix}lwpr_date": low_day,
        }
        told |= {
            f"{prefix}hgpr{suffix}": percent(rate - high, high),
            f"{prefix}lwpr{suffix}": percent(rate - low, low),
        }
    high, high_day, low, low_day = running
    told |= {"stck_dryy_hgpr": high, "dryy_hgpr_date": high_day, "stck_dryy_lwpr": low, "dryy_lwpr_date": low_day}
    told |= {
        "dryy_hgpr_vrss_prpr_rate": percent(rate - high, high),
        "dryy_lwpr_vrss_prpr_rate": percent(rate - low, low),
    }
    if quote.volume and quote.high >= year[0]:
        told["new_hgpr_lwpr_cls_code"] = "신고가"
    elif quote.volume and quote.low <= year[2]:
        told["new_hgpr_lwpr_cls_code"] = "신저가"
    return told


def _pivots(ask: Ask, issue: Issue) -> dict[str, Value]:
    """Pivot points (피벗) out of yesterday's bar, cut to won."""
    before = ask.market.daily(issue.code, ask.at, 2)[1]
    high, low, close = before.high or before.close, before.low or before.close, before.close
    pivot = (high + low + close) // 3
    return {
        "pvt_pont_val": pivot,
        "pvt_frst_dmrs_prc": 2 * pivot - low,
        "pvt_scnd_dmrs_prc": pivot + high - low,
        "pvt_frst_dmsp_prc": 2 * pivot - high,
        "pvt_scnd_dmsp_prc": pivot - high + low,
        "dmrs_val": (pivot + 2 * pivot - low) // 2,
        "dmsp_val": (pivot + 2 * pivot - high) // 2,
    }


def average_price(quote: Quote) -> Decimal:
    """가중 평균 주식 가격: value ÷ volume, two places; the price itself before the first trade."""
    if not quote.volume:
        return Decimal(quote.price).quantize(_CENT)
    return (Decimal(quote.value) / quote.volume).quantize(_CENT, ROUND_HALF_UP)


def interrupted(ask: Ask, issue: Issue) -> bool:
    """Whether a volatility interruption holds the issue right now."""
    return any(one.at <= ask.at < one.until for one in ask.market.interruptions_of(issue.code, ask.at))


def _counted_foreign(ask: Ask, issue: Issue) -> int:
    """Foreigners' net shares by the last provisional count; 0 before the day's first."""
    counted = last_count(krx.board(ask.at).as_of, FOREIGN_TIMES)
    if counted is None:
        return 0
    flows = ask.market.flows(issue.code, counted)
    return sum(flows[group].net for group in GROUPS["frgn"])


def inquire_price(ask: Ask) -> Mapping[str, Any]:
    """주식현재가 시세 FHKST01010100. A code that is not listed is answered with zeros, not with an error."""
    venue, issue = venue_of(ask), issue_of(ask)
    block = block_of(ask.endpoint, "output")
    if issue is None:
        return {"output": row(block, {})}
    quote = ask.market.quote(issue.code, ask.at, venue)
    programs = program(ask.market.seed, issue.code, f"{quote.as_of:%Y%m%d}", quote.volume, quote.value)
    capital = issue.face_value * issue.shares
    values: dict[str, Value] = {
        **figures(quote),
        **_extremes(ask, quote),
        **_pivots(ask, issue),
        "iscd_stat_cls_code": status_code(issue),
        "marg_rate": f"{issue.margin}.00",
        "rprs_mrkt_kor_name": market_name(ask, issue),
        "bstp_kor_isnm": sector_name(issue),
        "temp_stop_yn": yes(issue.halted),
        "oprc_rang_cont_yn": "N",
        "clpr_rang_cont_yn": "N",
        "crdt_able_yn": yes(issue.credit),
        "grmn_rate_cls_code": issue.margin,
        "elw_pblc_yn": yes(issue.shares * issue.price > 5_000_000_000_000),
        "prdy_vrss_vol_rate": percent(quote.volume, quote.previous_volume),
        "wghn_avrg_stck_prc": average_price(quote),
        "hts_frgn_ehrt": percent(
            issue.foreign_held, issue.shares * 49 // 100 if issue.sector == "0017" else issue.shares
        ),
        "frgn_hldn_qty": issue.foreign_held,
        "frgn_ntby_qty": _counted_foreign(ask, issue),
        "pgtr_ntby_qty": programs.whole.net,
        "rstc_wdth_prc": quote.high_limit - quote.base,
        "stck_sspr": krx.floor_to_tick(quote.base * 8 // 10),
        "aspr_unit": krx.tick_size(quote.price, etp=issue.etp),
        "hts_deal_qty_unit_val": 1,
        "stac_month": f"{issue.settles_in:02d}",
        "ssts_yn": yes(not issue.administered),
        "fcam_cnnm": f"{issue.face_value:,}",
        "cpfn_cnnm": f"{capital // 100_000_000:,} 억",
        "vi_cls_code": yes(interrupted(ask, issue)),
        "ovtm_vi_cls_code": "N",
        "invt_caful_yn": yes(issue.warning == 1),
        "mrkt_warn_cls_code": f"{issue.warning:02d}",
        "short_over_yn": yes(issue.overheated),
        "sltr_yn": yes(issue.liquidation),
        "mang_issu_cls_code": yes(issue.administered),
    }
    return {"output": known(block, values)}


def intstock_multprice(ask: Ask) -> Mapping[str, Any]:
    """관심종목(멀티종목) 시세조회 FHKST11300006: up to thirty issues, each with its own market code."""
    block = block_of(ask.endpoint, "output")
    rows = []
    for number in range(1, _MANY + 1):
        code = ask[f"FID_INPUT_ISCD_{number}"].strip()
        if not code:
            continue
        venue = VENUES.get(ask[f"FID_COND_MRKT_DIV_CODE_{number}"])
        if venue is None:
            raise wrong(f"ERROR INVALID FID_COND_MRKT_DIV_CODE_{number}")
        issue = ask.market.by_code.get(code)
        if issue is None:
            rows.append(row(block, {"inter_shrn_iscd": code}))
            continue
        quote = ask.market.quote(code, ask.at, venue)
        book = ask.market.book(code, ask.at, venue)
        values: dict[str, Value] = {
            "kospi_kosdaq_cls_name": "거래소" if issue.board == "KOSPI" else "코스닥",
            "mrkt_trtm_cls_name": "관리" if issue.administered else "정지" if issue.halted else "거래소",
            "hour_cls_code": "0",
            "inter_shrn_iscd": code,
            "inter_kor_isnm": issue.name,
            "inter2_prpr": quote.price,
            "inter2_prdy_vrss": quote.change,
            "prdy_vrss_sign": sign_of(quote),
            "prdy_ctrt": quote.change_rate,
            "acml_vol": quote.volume,
            "inter2_oprc": quote.open,
            "inter2_hgpr": quote.high,
            "inter2_lwpr": quote.low,
            "inter2_llam": quote.low_limit,
            "inter2_mxpr": quote.high_limit,
            "inter2_askp": book.asks[0].price,
            "inter2_bidp": book.bids[0].price,
            "seln_rsqn": book.asks[0].quantity,
            "shnu_rsqn": book.bids[0].quantity,
            "total_askp_rsqn": book.ask_total,
            "total_bidp_rsqn": book.bid_total,
            "acml_tr_pbmn": quote.value,
            "inter2_prdy_clpr": quote.base,
            "inter2_sdpr": quote.base,
            "oprc_vrss_hgpr_rate": percent(quote.high - quote.open, quote.open),
            "intr_antc_cntg_vrss_sign": "3",
            "intr_antc_cntg_prdy_ctrt": "0.00",
        }
        rows.append(row(block, values))
    return {"output": rows}


HANDLERS: Final = {
    "domestic_stock.inquire_price": inquire_price,
    "domestic_stock.intstock_multprice": intstock_multprice,
}
