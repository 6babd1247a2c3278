"""ELW (ka10048, ka10050, ka30001–30012), on the simulator's own warrants."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers, ranked
from dari.providers.kiwoom.simulator.filters import between
from dari.providers.kiwoom.simulator.warrants import Listed, find, listed, of_days
from dari.worlds.market import percent

DAYS: Final = 30
ALL: Final = "000000000000"


def one(ask: Ask) -> Listed:
    """The warrant a code names."""
    return Listed(ask.market, find(ask.market, ask["stk_cd"], ask.day), ask.now)


def chosen(ask: Ask) -> list[Listed]:
    """The warrants that pass 발행사, 기초자산, 권리구분, LP and 거래량 filters, in code order."""
    rows = []
    floor, _ = between(_label(ask, "trde_qty_tp"))
    for warrant in listed(ask.market, ask.day):
        right = ask["rght_tp"].lstrip("0")
        if right not in ("", "1" if warrant.call else "2"):
            continue
        if ask["bsis_aset_cd"] not in ("", ALL, warrant.underlying):
            continue
        issuers = {ask[name].lstrip("0") for name in ("isscomp_cd", "lpcd") if ask[name].strip("0")}
        if issuers and warrant.issuer[0] not in issuers:
            continue
        view = Listed(ask.market, warrant, ask.now)
        if view.volume >= floor:
            rows.append(view)
    return rows


def _label(ask: Ask, name: str) -> str:
    parameter = next((each for each in ask.endpoint.parameters if each.name == name), None)
    return parameter.codes.get(ask[name], "") if parameter else ""


def by(rows: list[Listed], sort: str) -> list[Listed]:
    """Sorted by 상승률 상승폭 하락률 하락폭 거래량 거래대금 잔존일 (1 … 7)."""
    keys: dict[str, Callable[[Listed], Any]] = {
        "1": lambda view: -view.rate,
        "2": lambda view: -view.change,
        "3": lambda view: view.rate,
        "4": lambda view: view.change,
        "5": lambda view: -view.volume,
        "6": lambda view: -view.volume * view.price,
        "7": lambda view: view.left,
    }
    return sorted(rows, key=lambda view: (keys[sort](view), view.warrant.code)) if sort in keys else rows


@answers("ka30001")
def jumps(ask: Ask) -> Told:
    """ELW가격급등락 against yesterday's close, whatever span is asked for."""
    up = ask["flu_tp"] == "1"
    rows = [view for view in chosen(ask) if (view.change > 0) == up and view.change]
    return Told(Row({"base_pric_tm": "000000"}), ranked(view.row for view in by(rows, "1" if up else "3")))


@answers("ka30002")
def firm(ask: Ask) -> Told:
    """거래원별ELW순매매상위: the issuer named is the seller of all its own warrants."""
    wanted = ask["isscomp_cd"].lstrip("0")
    rows = []
    for warrant in listed(ask.market, ask.day):
        if warrant.issuer[0] == wanted:
            view = Listed(ask.market, warrant, ask.now)
            bought, sold = view.volume * 2 // 5, view.volume * 3 // 5
            selling = ask["trde_tp"] == "2"
            if (bought < sold) == selling:
                rows.append(view.row.given(netprps=bought - sold, buy_trde_qty=bought, sel_trde_qty=sold))
    return Told(rows=rows)


@answers("ka30003")
def provider_days(ask: Ask) -> Told:
    """ELWLP보유일별추이 (the parameter is the warrant's code)."""
    warrant = find(ask.market, ask["bsis_aset_cd"], ask.day)
    rows = [
        row.given(dt=day, chg_qty=-int(str(row.get("trde_qty"))), wght=row.get("lpposs_rt"))
        for day, row in of_days(ask.market, warrant, ask.date("base_dt"), ask.now, DAYS)
    ]
    return Told(rows=rows)


@answers("ka30004")
def disparities(ask: Ask) -> Told:
    """ELW괴리율."""
    rows = sorted(chosen(ask), key=lambda view: (-view.disparity, view.warrant.code))
    return Told(rows=[view.row for view in rows])


@answers("ka30005")
def screen(ask: Ask) -> Told:
    """ELW조건검색."""
    rows = by(chosen(ask), ask["sort_tp"])
    return Told(rows=[view.row.given(theory_pric=str(view.theory), delta=str(view.delta)) for view in rows])


@answers("ka30009")
def movers(ask: Ask) -> Told:
    """ELW등락율순위."""
    return Told(rows=ranked(view.row for view in by(chosen(ask), ask["sort_tp"])))


@answers("ka30010")
def resting(ask: Ask) -> Told:
    """ELW잔량순위: 1 bids over asks, 2 asks over bids."""
    sign = -1 if ask["sort_tp"] == "1" else 1
    rows = sorted(chosen(ask), key=lambda view: (sign * int(str(view.row.get("netprps_req"))), view.warrant.code))
    return Told(rows=ranked(view.row for view in rows))


@answers("ka30011")
def proximity(ask: Ask) -> Told:
    """ELW근접율: warrants on the same underlying, nearest to their strikes first."""
    under = one(ask).warrant.underlying
    rows = [Listed(ask.market, each, ask.now) for each in listed(ask.market, ask.day) if each.underlying == under]
    rows.sort(key=lambda view: abs(percent(view.under.price, view.warrant.strike) - 100))
    return Told(rows=[view.row for view in rows])


@answers("ka30012")
def detail(ask: Ask) -> Told:
    """ELW종목상세."""
    view = one(ask)
    return Told(view.row.given(exp_rght_pric=str(int(view.theory)), iv=Decimal("32.500"), elwlpord_pos="Y"))


@answers("ka10048", "ka10050")
def sensitivities(ask: Ask) -> Told:
    """ELW민감도지표 by day (ka10048) or over the last minutes (ka10050)."""
    view = one(ask)
    if ask.endpoint.id == "ka10048":
        told = of_days(ask.market, view.warrant, ask.day, ask.now, DAYS)
        return Told(rows=[row.given(dt=day) for day, row in told])
    return Told(rows=[view.row])
