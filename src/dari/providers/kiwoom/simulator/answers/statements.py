"""계좌: what was earned, settled and moved; and the gold account."""

from __future__ import annotations

from datetime import date, timedelta

from dari.core import krx
from dari.providers.kiwoom.simulator.answers.accounts import (
    assets,
    cost,
    filled_with_zero,
    loans,
    realised,
    settled,
    total,
    worth,
)
from dari.providers.kiwoom.simulator.bullion import CONTRACTS
from dari.providers.kiwoom.simulator.desk import Desk
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers
from dari.providers.kiwoom.simulator.ledger import Execution
from dari.providers.kiwoom.simulator.writing import Value
from dari.worlds.market import percent


def sale_values(desk: Desk, one: Execution) -> dict[str, Value]:
    """A sale in the names of ka10072, ka10073 and ka10077."""
    return {
        "dt": f"{one.time:%Y%m%d}",
        "stk_nm": desk.pricing.name(one.code),
        "stk_cd": f"A{one.code}",
        "stk_cd_1": one.code,
        "cntr_qty": one.quantity,
        "buy_uv": one.cost,
        "cntr_pric": one.price,
        "tdy_sel_pl": one.profit,
        "tdy_sel_pl_1": str(one.profit),
        "pl_rt": percent(one.profit, one.cost * one.quantity),
        "tdy_trde_cmsn": one.commission,
        "tdy_trde_tax": one.tax,
        "tdy_htssel_cmsn": 0,
        "wthd_alowa": desk.orderable,
        "loan_dt": "",
        "crd_tp": "현금",
    }


def sales(ask: Ask, desk: Desk, code: str = "") -> list[Execution]:
    """Today's sales, if today lies in what is asked for."""
    today = f"{desk.world.now():%Y%m%d}"
    if ask["strt_dt"] > today or (ask["end_dt"] and ask["end_dt"] < today):
        return []
    return [one for one in desk.executions if one.side == "sell" and code in ("", one.code)]


@answers("ka10072", "ka10073", "ka10077")
def realised_by_stock(ask: Ask) -> Told:
    """실현손익 by stock."""
    desk = settled(ask)
    rows = sales(ask, desk, ask["stk_cd"].lstrip("A"))
    top = Row({"tdy_rlzt_pl": sum(one.profit for one in rows)})
    return Told(top, [Row(sale_values(desk, one)) for one in rows])


@answers("ka10074", "ka10170")
def realised_by_day(ask: Ask) -> Told:
    """일자별실현손익, 당일매매일지."""
    desk = settled(ask)
    bought, buy_fees, _ = desk.traded("buy")
    sold, sell_fees, taxes = desk.traded("sell")
    today = f"{desk.world.now():%Y%m%d}"
    inside = ask["strt_dt"] <= today <= (ask["end_dt"] or today) and ask["base_dt"] in ("", today)
    if not inside:
        bought = buy_fees = sold = sell_fees = taxes = 0
    earned = realised(desk) if inside else 0
    top = Row(
        {
            "tot_buy_amt": bought,
            "tot_sell_amt": sold,
            "rlzt_pl": earned,
            "trde_cmsn": buy_fees + sell_fees,
            "trde_tax": taxes,
            "tot_cmsn_tax": buy_fees + sell_fees + taxes,
            "tot_exct_amt": sold - bought - buy_fees - sell_fees - taxes,
            "tot_pl_amt": earned,
            "tot_prft_rt": percent(earned, sold - earned),
        },
    )
    if ask.endpoint.id == "ka10074":
        day = Row(
            {
                "dt": today,
                "buy_amt": bought,
                "sell_amt": sold,
                "tdy_sel_pl": earned,
                "tdy_trde_cmsn": buy_fees + sell_fees,
                "tdy_trde_tax": taxes,
            },
        )
        return Told(top, [day] if bought or sold else [])
    return Told(top, [_diary(desk, code) for code in sorted({one.code for one in desk.executions})] if inside else [])


def _diary(desk: Desk, code: str) -> Row:
    rows = [one for one in desk.executions if one.code == code]
    buys = [one for one in rows if one.side == "buy"]
    sells = [one for one in rows if one.side == "sell"]
    bought, sold = sum(one.quantity for one in buys), sum(one.quantity for one in sells)
    spent, earned = sum(one.amount for one in buys), sum(one.amount for one in sells)
    profit = sum(one.profit for one in sells)
    return Row(
        {
            "stk_cd": code,
            "stk_nm": desk.pricing.name(code),
            "buy_avg_pric": spent // bought if bought else 0,
            "buy_qty": bought,
            "sel_avg_pric": earned // sold if sold else 0,
            "sell_qty": sold,
            "cmsn_alm_tax": sum(one.commission + one.tax for one in rows),
            "pl_amt": profit,
            "sell_amt": earned,
            "buy_amt": spent,
            "prft_rt": percent(profit, earned - profit),
        },
    )


@answers("kt00008")
def settlements(ask: Ask) -> Told:
    """익일결제예정: today's executions settle on D+2."""
    desk = settled(ask)
    day = krx.board(desk.world.now()).day
    bought, buy_fees, _ = desk.traded("buy")
    sold, sell_fees, taxes = desk.traded("sell")
    top = Row(
        {
            "trde_dt": f"{day:%Y%m%d}",
            "setl_dt": f"{krx.next_trading_day(krx.next_trading_day(day)):%Y%m%d}",
            "sell_amt_sum": sold - sell_fees - taxes,
            "buy_amt_sum": bought + buy_fees,
        },
    )
    rows = []
    for one in desk.executions:
        sign = 1 if one.side == "sell" else -1
        rows.append(
            Row(
                {
                    "seq": f"{one.number:07d}",
                    "stk_cd": f"A{one.code}",
                    "loan_dt": "",
                    "qty": one.quantity,
                    "engg_amt": one.amount,
                    "cmsn": one.commission,
                    "incm_tax": 0,
                    "rstx": 0,
                    "stk_nm": desk.pricing.name(one.code),
                    "sell_tp": "매도" if one.side == "sell" else "매수",
                    "unp": one.price,
                    "exct_amt": one.amount - sign * (one.commission + one.tax),
                    "trde_tax": one.tax,
                    "resi_tax": 0,
                    "crd_tp": "보통매매",
                },
            ),
        )
    return Told(top, rows)


def value_on(ask: Ask, desk: Desk, day: date) -> int:
    """What today's holdings were worth at the close of a day; today: now."""
    if day >= ask.day:
        return total(desk, "value")
    return sum(
        ask.market.paths.day(ask.market.by_code[holding.code], day).prices[-1] * holding.quantity
        for holding in desk.held()
    )


@answers("kt00002")
def assets_by_day(ask: Ask) -> Told:
    """일별추정예탁자산, newest first; before today the account stood as it was opened."""
    desk = settled(ask)
    until = ask.date("end_dt")
    since = max(ask.date("start_dt", until), until - timedelta(days=120))
    rows = []
    for day in krx.trading_days(until, 90):
        if day < since:
            break
        cash = desk.cash_after if day >= ask.day else desk.cash
        known: dict[str, Value] = {
            "dt": f"{day:%Y%m%d}",
            "entr": cash,
            "grnt_use_amt": 0,
            "crd_loan": loans(desk),
            "ls_grnt": 0,
            "repl_amt": 0,
            "prsm_dpst_aset_amt": cash + value_on(ask, desk, day) - loans(desk),
            "prsm_dpst_aset_amt_bncr_skip": cash + value_on(ask, desk, day) - loans(desk),
        }
        rows.append(Row(known))
    return Told(rows=rows)


@answers("kt00016")
def period_return(ask: Ask) -> Told:
    """일별계좌수익률 of a period: the account at its first and its last day."""
    desk = settled(ask)
    first = krx.trading_day_on_or_before(ask.date("fr_dt"))
    last = krx.trading_day_on_or_before(ask.date("to_dt"))
    before, after = desk.cash + value_on(ask, desk, first), assets(desk) if last >= ask.day else 0
    after = after or desk.cash + value_on(ask, desk, last)
    known: dict[str, Value] = {
        "entr_fr": desk.cash,
        "entr_to": desk.cash_after if last >= ask.day else desk.cash,
        "scrt_evlt_amt_fr": value_on(ask, desk, first),
        "scrt_evlt_amt_to": value_on(ask, desk, last),
        "crd_loan_to": loans(desk),
        "tot_amt_fr": before,
        "tot_amt_to": after,
        "invt_bsamt": before,
        "evltv_prft": after - before,
        "prft_rt": percent(after - before, before),
        "tern_rt": percent(desk.traded("buy")[0] + desk.traded("sell")[0], before),
    }
    return Told(filled_with_zero(ask, known))


@answers("kt00017")
def today(ask: Ask) -> Told:
    """계좌별당일현황."""
    desk = settled(ask)
    bought, buy_fees, _ = desk.traded("buy")
    sold, sell_fees, taxes = desk.traded("sell")
    known: dict[str, Value] = {
        "d2_entra": desk.cash_after,
        "gnrl_stk_evlt_amt_d2": total(desk, "value"),
        "crd_loan_d2": loans(desk),
        "sell_amt": sold,
        "buy_amt": bought,
        "cmsn": buy_fees + sell_fees,
        "tax": taxes,
    }
    return Told(filled_with_zero(ask, known))


def _moved(ask: Ask, desk: Desk) -> list[Execution]:
    """Today's executions that a 구분 (0 all, 3 trades, 4 purchases, 5 sales) and the days let through."""
    now = f"{desk.world.now():%Y%m%d}"
    if (ask["strt_dt"] and ask["strt_dt"] > now) or (ask["end_dt"] and ask["end_dt"] < now):
        return []
    sides = {"": "buy sell", "0": "buy sell", "3": "buy sell", "4": "buy", "5": "sell"}.get(ask["tp"], "")
    return [one for one in desk.executions if one.side in sides.split() and ask["stk_cd"].lstrip("A") in ("", one.code)]


@answers("kt00015", "kt50032")
def transactions(ask: Ask) -> Told:
    """거래내역; the unit price comes with commas (kt00015)."""
    desk = settled(ask)
    gold = ask.endpoint.id == "kt50032"
    rows = []
    cash = desk.cash
    for one in desk.executions:
        sign = 1 if one.side == "sell" else -1
        net = one.amount - sign * (one.commission + one.tax)
        cash += sign * net
        if one not in _moved(ask, desk):
            continue
        side = "매도" if one.side == "sell" else "매수"
        rows.append(
            Row(
                {
                    "trde_dt": f"{one.time:%Y%m%d}",
                    "deal_dt": f"{one.time:%Y%m%d}",
                    "cntr_dt": f"{one.time:%Y%m%d}",
                    "trde_no": f"{one.number:09d}",
                    "deal_no": f"{one.number:09d}",
                    "rmrk_nm": f"{'금현물' if gold else '장내'}{side}",
                    "crd_deal_tp_nm": "보통매매",
                    "exct_amt": net,
                    "entra_remn": cash,
                    "crnc_cd": "KRW",
                    "trde_ocr_tp": "1",
                    "trde_kind_nm": "매매",
                    "stk_nm": desk.pricing.name(one.code),
                    "stk_cd": one.code if gold else f"A{one.code}",
                    "trde_amt": one.amount,
                    "deal_amt": one.amount,
                    "trde_agri_tax": one.tax,
                    "rpy_diffa": 0,
                    "dly_sum": 0,
                    "io_tp": "2" if one.side == "sell" else "1",
                    "io_tp_nm": side,
                    "trde_qty_jwa_cnt": str(one.quantity),
                    "deal_qty": one.quantity,
                    "cmsn": one.commission,
                    "int_ls_usfe": 0,
                    "proc_tm": f"{one.time:%H:%M:%S}",
                    "proc_time": f"{one.time:%H:%M:%S}",
                    "trde_unit": one.price,
                    "uv_exrt": str(one.price),
                    "incm_resi_tax": 0,
                    "tax_tot_amt": 0,
                    "gold_spot_vat": 0,
                    "uncl_ocr": 0 if gold else "",
                    "rpym_sum": 0 if gold else "",
                    "spot_remn": one.quantity,
                    "loan_amt_rpya": 0,
                    "mdia_tp_nm": "REST API",
                    "mdia_nm": "REST API",
                },
            ),
        )
    return Told(Row({"acnt_print": desk.number}), rows[::-1] if ask["qry_sort_tp"] == "1" else rows)


@answers("kt50020")
def gold_balance(ask: Ask) -> Told:
    """금현물 잔고."""
    desk = settled(ask)
    top = Row(
        {
            "tot_entr": desk.cash,
            "net_entr": desk.cash_after,
            "tot_est_amt": total(desk, "value"),
            "net_amt": assets(desk),
            "tot_book_amt2": cost(desk),
            "tot_dep_amt": assets(desk),
            "paym_alowa": max(0, min(desk.cash, desk.orderable)),
            "pl_amt": realised(desk),
        },
    )
    rows = []
    for holding in desk.held():
        figures = worth(desk, holding)
        rows.append(
            Row(
                {
                    "stk_cd": holding.code,
                    "stk_nm": CONTRACTS[holding.code][0],
                    "real_qty": holding.quantity,
                    "avg_prc": holding.average,
                    "cur_prc": figures["last"],
                    "est_amt": figures["value"],
                    "est_lspft": figures["profit"],
                    "est_ratio": percent(figures["profit"], holding.cost, 4),
                    "cmsn": figures["buying"] + figures["selling"],
                    "vlad_tax": 0,
                    "book_amt2": holding.cost,
                    "pl_prch_prc": holding.average,
                    "qty": holding.quantity - holding.bought_today + holding.sold_today,
                    "buy_qty": holding.bought_today,
                    "sell_qty": holding.sold_today,
                    "able_qty": desk.sellable(holding.code),
                },
            ),
        )
    return Told(top, rows)


@answers("kt50021")
def gold_deposit(ask: Ask) -> Told:
    """금현물 예수금."""
    desk = settled(ask)
    bought, buy_fees, _ = desk.traded("buy")
    sold, sell_fees, taxes = desk.traded("sell")
    able = desk.orderable
    known: dict[str, Value] = {
        "entra": desk.cash,
        "profa_ch": desk.reserved,
        "prsm_entra": desk.cash_after,
        "buy_exct_amt": bought + buy_fees,
        "sell_exct_amt": sold - sell_fees - taxes,
        "sell_buy_exct_amt": sold - sell_fees - taxes - bought - buy_fees,
        "prsm_pymn_alow_amt": max(0, min(desk.cash, able)),
        "pymn_alow_amt": max(0, min(desk.cash, able)),
        "ord_alow_amt": able,
    }
    return Told(filled_with_zero(ask, known))
