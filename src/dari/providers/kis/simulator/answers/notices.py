"""Notices: news titles, volatility interruptions and the calendar of holidays."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from dari.core import krx
from dari.core.clock import KST
from dari.providers.kis.simulator.answers.charts import day_of
from dari.providers.kis.simulator.answers.figures import yes
from dari.providers.kis.simulator.answers.rankings import ROWS
from dari.providers.kis.simulator.exchange import Ask, wrong
from dari.providers.kis.simulator.writing import Value, block_of, row
from dari.worlds.market import News, percent

_TITLES: Final = 40
_BACK: Final = 5
_CALENDAR: Final = 25
_SOURCES: Final = ("2", "6", "7", "8", "F")


def _until(ask: Ask) -> datetime:
    """The moment a news question looks back from: its date and hour, else now. Zeros before either are allowed."""
    day_text, hour_text = ask["FID_INPUT_DATE_1"].strip(), ask["FID_INPUT_HOUR_1"].strip()
    try:
        day = date.fromisoformat(day_text[-8:]) if day_text.strip("0") else ask.at.date()
        clock = datetime.strptime(hour_text[-6:].rjust(6, "0"), "%H%M%S").time() if hour_text else time(23, 59, 59)  # noqa: DTZ007 - an hour of KST
    except ValueError:
        raise wrong("ERROR INVALID FID_INPUT_DATE_1") from None
    return min(datetime.combine(day, clock, KST), ask.at)


def _headlines(ask: Ask, codes: list[str], until: datetime) -> list[News]:
    found: list[News] = []
    for back in range(_BACK):
        day = until.date() - timedelta(days=back)
        found += sorted(
            (one for code in codes for one in ask.market.news(code, until, day)),
            key=lambda one: (-one.at.timestamp(), one.serial),
        )
        if len(found) >= _TITLES:
            break
    return found[:_TITLES]


def news_title(ask: Ask) -> Mapping[str, Any]:
    """종합 시황/공시(제목) FHKST01011800: forty titles back from a moment, of one issue or of all."""
    block = block_of(ask.endpoint, "output")
    asked = ask["FID_INPUT_ISCD"].strip()
    codes = [asked] if asked else [issue.code for issue in ask.market.issues]
    codes = [code for code in codes if code in ask.market.by_code]
    rows = []
    for one in _headlines(ask, codes, _until(ask)):
        source = _SOURCES[one.serial % len(_SOURCES)]
        values: dict[str, Value] = {
            "cntt_usiq_srno": f"{one.at:%Y%m%d}{one.serial:014d}"[:20],
            "news_ofer_entp_code": source,
            "data_dt": f"{one.at:%Y%m%d}",
            "data_tm": f"{one.at:%H%M%S}",
            "hts_pbnt_titl_cntt": one.title,
            "news_lrdv_code": "01",
            "dorg": "시뮬레이션",
            "iscd1": one.code,
        }
        rows.append(row(block, values))
    return {"output": rows}


def inquire_vi_status(ask: Ask) -> Mapping[str, Any]:
    """변동성완화장치(VI) 현황 FHPST01390000: thirty interruptions of a day, newest first. All here are static ones."""
    block = block_of(ask.endpoint, "output")
    day = day_of(ask, "FID_INPUT_DATE_1")
    board = {"K": "KOSPI", "Q": "KOSDAQ"}.get(ask["FID_MRKT_CLS_CODE"])
    code = ask["FID_INPUT_ISCD"].strip()
    way = ask["FID_DIV_CLS_CODE"]
    happened = []
    if krx.is_trading_day(day) and ask["FID_RANK_SORT_CLS_CODE"] in {"0", "1"}:
        happened = [
            one
            for one in ask.market.interruptions(ask.at, day)
            if (board is None or one.issue.board == board)
            and (not code or one.issue.code == code)
            and (way == "0" or (one.price > one.base) is (way == "1"))
        ]
    rows = []
    for one in happened[:ROWS]:
        values: dict[str, Value] = {
            "hts_kor_isnm": one.issue.name,
            "mksc_shrn_iscd": one.issue.code,
            "vi_cls_code": yes(ask.at < one.until),
            "bsop_date": f"{one.at:%Y%m%d}",
            "cntg_vi_hour": f"{one.at:%H%M%S}",
            "vi_cncl_hour": f"{one.until:%H%M%S}" if ask.at >= one.until else "000000",
            "vi_kind_code": "1",
            "vi_prc": one.price,
            "vi_stnd_prc": one.base,
            "vi_dprt": percent(one.price - one.base, one.base),
            "vi_dmc_stnd_prc": 0,
            "vi_dmc_dprt": "0.00",
            "vi_count": one.count,
        }
        rows.append(row(block, values))
    return {"output": rows}


def chk_holiday(ask: Ask) -> Mapping[str, Any]:
    """국내휴장일조회 CTCA0903R: twenty-five calendar days from BASS_DT. Settlement days are trading days here."""
    block = block_of(ask.endpoint, "output")
    start = day_of(ask, "BASS_DT")
    rows = []
    for number in range(_CALENDAR):
        day = start + timedelta(days=number)
        opened = yes(krx.is_trading_day(day))
        values: dict[str, Value] = {
            "bass_dt": f"{day:%Y%m%d}",
            "wday_dvsn_cd": f"{day.isoweekday() % 7 + 1:02d}",
            "bzdy_yn": yes(day.weekday() < 5 and krx.holiday_name(day) is None),
            "tr_day_yn": opened,
            "opnd_yn": opened,
            "sttl_day_yn": opened,
        }
        rows.append(row(block, values))
    return {"ctx_area_nk": "", "ctx_area_fk": "", "output": rows}


def market_time(ask: Ask) -> Mapping[str, Any]:
    """국내선물 영업일조회 HHMCM000002C0: two trading days before, the present one, two after; futures' hours."""
    block = block_of(ask.endpoint, "output1")
    today = krx.trading_day_on_or_before(ask.at.date())
    before = krx.previous_trading_day(today)
    after = krx.next_trading_day(today)
    days = (krx.previous_trading_day(before), before, today, after, krx.next_trading_day(after))
    values: dict[str, Value] = {f"date{place}": f"{day:%Y%m%d}" for place, day in enumerate(days, start=1)}
    values |= {"today": f"{ask.at:%Y%m%d}", "time": f"{ask.at:%H%M%S}", "s_time": "084500", "e_time": "154500"}
    return {"output1": row(block, values)}


HANDLERS: Final = {
    "domestic_stock.market_time": market_time,
    "domestic_stock.news_title": news_title,
    "domestic_stock.inquire_vi_status": inquire_vi_status,
    "domestic_stock.chk_holiday": chk_holiday,
}
