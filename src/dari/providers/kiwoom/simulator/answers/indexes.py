"""업종: sector levels, members, charts; and themes, which are the world's sectors under another name."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from dari.providers.kiwoom.simulator.answers.charts import wanted
from dari.providers.kiwoom.simulator.answers.history import as_told, part
from dari.providers.kiwoom.simulator.days import bars, end_of, index_days, minutes_of_index
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers
from dari.providers.kiwoom.simulator.refusals import Refused
from dari.providers.kiwoom.simulator.stocks import Stock, direction, sector_code
from dari.providers.kiwoom.simulator.writing import Value
from dari.worlds.market import IndexQuote, percent
from dari.worlds.market.flows import NOTHING

LONGEST_INTRADAY: Final = 30
"""Rows of a sector within a day: each costs a look at all its members."""
HUNDRED: Final = Decimal(100)


def world_code(ask: Ask, text: str) -> str:
    """The world's code of an 업종코드: 001 → 0001, 101 → 1001. Refuses 1902."""
    code = f"{text[:1]}0{text[1:]}"
    if len(text) != 3 or code not in ask.market.members:
        raise Refused("1902", f"업종코드={text}")
    return code


def _percent(part_: Decimal, whole: Decimal) -> Decimal:
    return (part_ * HUNDRED / whole).quantize(Decimal("0.01")) if whole else Decimal("0.00")


def level_values(quote: IndexQuote) -> dict[str, Value]:
    """A sector's figures in the upstream's names."""
    traded = quote.limit_up + quote.up + quote.flat + quote.down + quote.limit_down
    return {
        "cur_prc": quote.level,
        "pred_pre": quote.change,
        "flu_rt": quote.change_rate,
        "pred_pre_sig": direction(quote.level, quote.base),
        "pre_sig": direction(quote.level, quote.base),
        "pre_smbol": direction(quote.level, quote.base),
        "trde_qty": quote.volume,
        "trde_prica": quote.value,
        "open_pric": quote.open,
        "high_pric": quote.high,
        "low_pric": quote.low,
        "upl": quote.limit_up,
        "rising": quote.up,
        "stdns": quote.flat,
        "fall": quote.down,
        "lst": quote.limit_down,
        "trde_frmatn_stk_num": traded,
        "trde_frmatn_rt": percent(traded, quote.issues),
        "flo_stk_num": quote.issues,
    }


def sector_row(ask: Ask, code: str) -> Row:
    """One sector as a record."""
    quote = ask.market.index(code, ask.now)
    whole = ask.market.index("0001" if code.startswith("0") else "1001", ask.now)
    return Row(
        level_values(quote),
        quote.base,
        stk_cd=sector_code(code),
        stk_nm=quote.sector.name,
        inds_cd=sector_code(code),
        inds_nm=quote.sector.name,
        wght=percent(quote.market_cap, whole.market_cap),
    )


def _top(ask: Ask, code: str) -> Row:
    days = index_days(ask.market, code, ask.now, 60)
    high = max(days, key=lambda one: (Decimal(str(one["high"])), str(one["day"])))
    low = min(days, key=lambda one: (Decimal(str(one["low"])), str(one["day"])))
    level = Decimal(str(days[0]["level"]))
    top_high, top_low = Decimal(str(high["high"])), Decimal(str(low["low"]))
    return sector_row(ask, code).given(
        **{
            "52wk_hgst_pric": top_high,
            "52wk_hgst_pric_dt": high["day"],
            "52wk_hgst_pric_pre_rt": _percent(level - top_high, top_high),
            "52wk_lwst_pric": top_low,
            "52wk_lwst_pric_dt": low["day"],
            "52wk_lwst_pric_pre_rt": _percent(level - top_low, top_low),
        },
    )


def _numbered(values: dict[str, Value], *, moment: str) -> Row:
    level, base = Decimal(str(values["level"])), Decimal(str(values["base"]))
    return Row(
        {
            "tm_n": moment[8:],
            "dt_n": moment[:8],
            "cur_prc_n": level,
            "pred_pre_sig_n": direction(level, base),
            "pred_pre_n": level - base,
            "flu_rt_n": _percent(level - base, base),
            "trde_qty_n": values["volume"],
            "acc_trde_qty_n": values.get("total", values["volume"]),
        },
        base,
    )


@answers("ka20001", "ka20009")
def sector_now(ask: Ask) -> Told:
    """업종현재가 with its last minutes (ka20001) or days (ka20009); 52 weeks are the 60 days that the world tells."""
    code = world_code(ask, ask["inds_cd"])
    if ask.endpoint.id == "ka20009":
        days = index_days(ask.market, code, ask.now, min(wanted(ask), 60))
        return Told(_top(ask, code), [_numbered(one, moment=str(one["day"])) for one in days])
    rows = minutes_of_index(ask.market, code, ask.now, timedelta(minutes=1), min(wanted(ask), LONGEST_INTRADAY))
    return Told(_top(ask, code), [_numbered(one, moment=str(one["time"])) for one in rows])


@answers("ka20002")
def sector_stocks(ask: Ask) -> Told:
    """업종별주가, in code order."""
    code = world_code(ask, ask["inds_cd"])
    quotes = ask.snapshot().quotes
    return Told(rows=[Stock(ask.market, quotes[issue.code]).row for issue in ask.market.members[code]])


@answers("ka20003")
def every_sector(ask: Ask) -> Told:
    """전업종지수 of the market a sector belongs to."""
    code = world_code(ask, ask["inds_cd"])
    return Told(rows=[sector_row(ask, one) for one in sorted(ask.market.members) if one[0] == code[0]])


def _candle(values: dict[str, Value], moment: str) -> Row:
    level, base = Decimal(str(values["level"])), Decimal(str(values["base"]))
    change = (level - base) * HUNDRED
    return Row(
        {
            "cntr_tm": moment,
            "dt": moment[:8],
            "cur_prc": level,
            "open_pric": values["open"],
            "high_pric": values["high"],
            "low_pric": values["low"],
            "trde_qty": values["volume"],
            "acc_trde_qty": values.get("total"),
            "trde_prica": values.get("value"),
            "pred_pre": f"{int(change):+d}" if change else "0",
            "pred_pre_sig": direction(level, base),
        },
        base,
    )


@answers("ka20004", "ka20005")
def sector_intraday(ask: Ask) -> Told:
    """업종 틱·분봉 of the board's day, levels ×100. A tick of an index is ten seconds here."""
    code = world_code(ask, ask["inds_cd"])
    seconds = 10 if ask.endpoint.id == "ka20004" else 60
    step = timedelta(seconds=seconds * int(ask["tic_scope"]))
    rows = minutes_of_index(ask.market, code, end_of(ask.date("base_dt"), ask.now), step, LONGEST_INTRADAY)
    return Told(Row({"inds_cd": ask["inds_cd"]}), [_candle(one, str(one["time"])) for one in rows])


PERIOD: Final = {"ka20006": 8, "ka20008": 6, "ka20019": 4}
"""How much of a YYYYMMDD makes a period."""


def _joined(newest_first: list[dict[str, Value]]) -> dict[str, Value]:
    """Several days of a sector as one."""
    return {
        "level": newest_first[0]["level"],
        "base": newest_first[-1]["base"],
        "open": newest_first[-1]["open"],
        "high": max(Decimal(str(one["high"])) for one in newest_first),
        "low": min(Decimal(str(one["low"])) for one in newest_first),
        "volume": sum(int(str(one["volume"])) for one in newest_first),
        "value": sum(int(str(one["value"])) for one in newest_first),
    }


@answers("ka20006", "ka20007", "ka20008", "ka20019")
def sector_days(ask: Ask) -> Told:
    """업종 일·주·월·년봉, levels ×100, over the 60 days that the world tells."""
    code = world_code(ask, ask["inds_cd"])
    days = index_days(ask.market, code, end_of(ask.date("base_dt"), ask.now), min(wanted(ask), 60))
    if ask.endpoint.id == "ka20006":
        return Told(Row({"inds_cd": ask["inds_cd"]}), [_candle(one, str(one["day"])) for one in days])
    groups: dict[str, list[dict[str, Value]]] = {}
    for one in days:
        text = str(one["day"])
        key = text[: PERIOD.get(ask.endpoint.id, 8)]
        if ask.endpoint.id == "ka20007":
            year, week, _ = date(int(text[:4]), int(text[4:6]), int(text[6:])).isocalendar()
            key = f"{year}{week:02d}"
        groups.setdefault(key, []).append(one)
    rows = [_candle(_joined(members), str(members[-1]["day"])) for members in groups.values()]
    return Told(Row({"inds_cd": ask["inds_cd"]}), rows)


THEME_SIZE: Final = 30


def _theme_code(code: str) -> str:
    return str(int(code) + 100)


def _theme_stocks(ask: Ask, code: str) -> list[Stock]:
    quotes = ask.snapshot().quotes
    chosen = sorted((quotes[issue.code] for issue in ask.market.members[code]), key=lambda one: (-one.value, one.code))
    return [Stock(ask.market, quote) for quote in chosen[:THEME_SIZE]]


def _theme_return(ask: Ask, stocks: list[Stock]) -> Decimal:
    days = max(2, min(99, int(ask["date_tp"] or "1") + 1))
    rates = []
    for stock in stocks[:5]:
        found = bars(ask.market, stock.issue.code, end_of(ask.day, ask.now), days, stock.quote.venue)
        rates.append(percent(found[0].close - found[-1].close, found[-1].close))
    return sum(rates, Decimal(0)) / max(1, len(rates))


def _mean_change(stocks: list[Stock]) -> Decimal:
    return sum((stock.quote.change_rate for stock in stocks), Decimal(0)) / max(1, len(stocks))


@answers("ka90001")
def themes(ask: Ask) -> Told:
    """테마그룹: this world's themes are its industries; the period return is that of their five largest."""
    rows = []
    for sector in ask.market.sectors():
        if sector.kind != "industry":
            continue
        stocks = _theme_stocks(ask, sector.code)
        if not stocks:
            continue
        by_name = ask["qry_tp"] == "1" and ask["thema_nm"] and ask["thema_nm"] not in sector.name
        members = {issue.code for issue in ask.market.members[sector.code]}
        by_stock = ask["qry_tp"] == "2" and ask["stk_cd"] and ask["stk_cd"] not in members
        if by_name or by_stock:
            continue
        mean = _mean_change(stocks)
        rows.append(
            Row(
                {
                    "thema_grp_cd": _theme_code(sector.code),
                    "thema_nm": sector.name,
                    "stk_num": str(len(stocks)),
                    "flu_sig": direction(mean, 0),
                    "flu_rt": mean,
                    "rising_stk_num": str(sum(1 for one in stocks if one.quote.change > 0)),
                    "fall_stk_num": str(sum(1 for one in stocks if one.quote.change < 0)),
                    "dt_prft_rt": _theme_return(ask, stocks),
                    "main_stk": "/".join(one.issue.name for one in stocks[:2]),
                },
            ),
        )
    name = "dt_prft_rt" if ask["flu_pl_amt_tp"] in ("1", "2") else "flu_rt"
    rows.sort(key=lambda row: Decimal(str(row.get(name))), reverse=ask["flu_pl_amt_tp"] in ("1", "3"))
    return Told(rows=rows)


@answers("ka90002")
def theme_stocks(ask: Ask) -> Told:
    """테마구성종목."""
    found = [one.code for one in ask.market.sectors() if _theme_code(one.code) == ask["thema_grp_cd"]]
    if not found:
        return Told()
    stocks = _theme_stocks(ask, found[0])
    rows = [stock.row.given(dt_prft_rt_n=_theme_return(ask, [stock])) for stock in stocks]
    return Told(Row({"flu_rt": _mean_change(stocks), "dt_prft_rt": _theme_return(ask, stocks)}), rows)


@answers("ka10051")
def sector_investors(ask: Ask) -> Told:
    """업종별투자자순매수 of a day, over all members of each sector, on KRX."""
    amount = ask["amt_qty_tp"] == "0"
    board = "KOSPI" if ask["mrkt_tp"] == "0" else "KOSDAQ"
    at = end_of(ask.date("base_dt"), ask.now)
    names = {
        "sc_netprps": "financial_investment",
        "insrnc_netprps": "insurance",
        "invtrt_netprps": "investment_trust",
        "bank_netprps": "bank",
        "jnsinkm_netprps": "other_finance",
        "endw_netprps": "pension_fund",
        "etc_corp_netprps": "other_corporation",
        "ind_netprps": "individual",
        "frgnr_netprps": "foreigner",
        "native_trmt_frgnr_netprps": "resident_foreigner",
        "natn_netprps": "state",
        "samo_fund_netprps": "private_fund",
        "orgn_netprps": "institution",
    }
    rows = []
    for sector in ask.market.sectors("KOSPI" if board == "KOSPI" else "KOSDAQ"):
        totals = ask.market.index_flows(sector.code, at)
        figures = {
            name: as_told(
                ask.endpoint, name, part(totals.get(group, NOTHING), "0", amount=amount), amount=amount, unit=1_000
            )
            for name, group in names.items()
        }
        rows.append(sector_row(ask, sector.code).given(**figures))
    return Told(rows=rows)
