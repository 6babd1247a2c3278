"""계좌: deposit, holdings, valuation, profit and margin. Everything here adds up from one ledger."""

from __future__ import annotations

from typing import Final

from dari.providers.kiwoom.simulator.answers.orders import desk_of
from dari.providers.kiwoom.simulator.desk import Desk
from dari.providers.kiwoom.simulator.exchange import Ask, Row, Told, answers
from dari.providers.kiwoom.simulator.ledger import Holding
from dari.providers.kiwoom.simulator.writing import Value
from dari.worlds.market import percent

MARGINS: Final = (20, 30, 40, 50, 60, 100)


def settled(ask: Ask) -> Desk:
    """The desk, with every resting order looked at again."""
    desk = desk_of(ask)
    desk.settle()
    return desk


def worth(desk: Desk, holding: Holding) -> dict[str, int]:
    """A holding's figures: price, value, what selling it would cost, and what it has earned after that."""
    last = desk.price(holding.code).last
    value = last * holding.quantity
    buying, selling, tax = desk.commission(holding.cost), desk.commission(value), desk.tax(value)
    return {
        "last": last,
        "base": desk.price(holding.code).base,
        "value": value,
        "buying": buying,
        "selling": selling,
        "tax": tax,
        "profit": value - holding.cost - buying - selling - tax,
    }


def total(desk: Desk, name: str) -> int:
    """The sum of one figure over all holdings."""
    return sum(worth(desk, holding)[name] for holding in desk.held())


def cost(desk: Desk) -> int:
    """총매입금액."""
    return sum(holding.cost for holding in desk.held())


def loans(desk: Desk) -> int:
    """융자금."""
    return sum(holding.loan for holding in desk.held())


def assets(desk: Desk) -> int:
    """추정예탁자산: the cash after settlement and the holdings' value, less what was borrowed."""
    return desk.cash_after + total(desk, "value") - loans(desk)


def realised(desk: Desk) -> int:
    """실현손익 of the day."""
    return sum(one.profit for one in desk.executions)


@answers("ka00001")
def number(ask: Ask) -> Told:
    """The account that the key is bound to."""
    return Told(Row({"acctNo": desk_of(ask).number}))


def holding_values(desk: Desk, holding: Holding) -> dict[str, Value]:
    """A holding in the names of kt00004, kt00005, kt00018, ka10085 and ka01690."""
    figures = worth(desk, holding)
    whole = total(desk, "value")
    rate = percent(figures["profit"], holding.cost)
    return {
        "stk_nm": desk.pricing.name(holding.code),
        "evltv_prft": figures["profit"],
        "pl_amt": figures["profit"],
        "prft_rt": rate,
        "pl_rt": rate,
        "pur_pric": holding.average,
        "avg_prc": holding.average,
        "buy_uv": holding.average,
        "pred_close_pric": figures["base"],
        "rmnd_qty": holding.quantity,
        "cur_qty": holding.quantity,
        "setl_remn": holding.quantity - holding.bought_today + holding.sold_today,
        "trde_able_qty": desk.sellable(holding.code),
        "clrn_alow_qty": desk.sellable(holding.code),
        "cur_prc": figures["last"],
        "pred_buyq": 0,
        "pred_sellq": 0,
        "tdy_buyq": holding.bought_today,
        "tdy_sellq": holding.sold_today,
        "pur_amt": holding.cost,
        "pur_cmsn": figures["buying"],
        "evlt_amt": figures["value"],
        "sell_cmsn": figures["selling"],
        "tax": figures["tax"],
        "sum_cmsn": str(figures["buying"] + figures["selling"]),
        "poss_rt": percent(figures["value"], whole),
        "evlt_wght": percent(figures["value"], assets(desk)),
        "buy_wght": percent(holding.cost, cost(desk)),
        "crd_tp": "03" if holding.loan else "00",
        "crd_tp_nm": "융자" if holding.loan else "현금잔고",
        "crd_loan_dt": "",
        "loan_dt": "",
        "expr_dt": "",
        "crd_amt": holding.loan,
        "crd_int": 0,
        "tdy_sel_pl": sum(one.profit for one in desk.executions if one.code == holding.code),
        "tdy_trde_cmsn": sum(one.commission for one in desk.executions if one.code == holding.code),
        "tdy_trde_tax": sum(one.tax for one in desk.executions if one.code == holding.code),
    }


def holdings(ask: Ask, desk: Desk, *, prefix: str) -> list[Row]:
    """Every holding."""
    day = f"{ask.day:%Y%m%d}"
    return [Row(holding_values(desk, holding), stk_cd=f"{prefix}{holding.code}", dt=day) for holding in desk.held()]


@answers("kt00018")
def valuation(ask: Ask) -> Told:
    """계좌평가잔고."""
    desk = settled(ask)
    paid, profit = cost(desk), total(desk, "profit")
    top = Row(
        {
            "tot_pur_amt": paid,
            "tot_evlt_amt": total(desk, "value"),
            "tot_evlt_pl": profit,
            "tot_prft_rt": percent(profit, paid),
            "prsm_dpst_aset_amt": assets(desk),
            "tot_loan_amt": 0,
            "tot_crd_loan_amt": loans(desk),
            "tot_crd_ls_amt": 0,
        },
    )
    return Told(top, holdings(ask, desk, prefix="A"))


@answers("kt00004")
def state(ask: Ask) -> Told:
    """계좌평가현황."""
    desk = settled(ask)
    profit = total(desk, "profit") + realised(desk)
    top = Row(
        {
            "acnt_nm": "모의" if desk.mode == "mock" else "홍길동",
            "brch_nm": "시뮬레이터",
            "entr": desk.cash,
            "d2_entra": desk.cash_after,
            "tot_est_amt": total(desk, "value"),
            "aset_evlt_amt": assets(desk),
            "tot_pur_amt": cost(desk),
            "prsm_dpst_aset_amt": assets(desk),
            "tot_grnt_sella": 0,
            "tdy_lspft_amt": cost(desk),
            "invt_bsamt": cost(desk),
            "lspft_amt": cost(desk),
            "tdy_lspft": realised(desk),
            "lspft2": profit,
            "lspft": profit,
            "tdy_lspft_rt": percent(realised(desk), cost(desk)),
            "lspft_ratio": percent(profit, cost(desk)),
            "lspft_rt": percent(profit, cost(desk)),
        },
    )
    return Told(top, holdings(ask, desk, prefix="A"))


def cash_values(desk: Desk) -> dict[str, Value]:
    """Cash under its many names; this account has no collateral, no foreign money and no debts beside loans."""
    bought, buy_fees, _ = desk.traded("buy")
    sold, sell_fees, taxes = desk.traded("sell")
    able = desk.orderable
    withdrawable = max(0, min(desk.cash, able))
    values: dict[str, Value] = {
        "entr": desk.cash,
        "entr_d1": desk.cash,
        "entr_d2": desk.cash_after,
        "d1_entra": desk.cash,
        "d2_entra": desk.cash_after,
        "d2entra": desk.cash_after,
        "d2vexct_entr": desk.cash_after,
        "d1_pymn_alow_amt": withdrawable,
        "d2_pymn_alow_amt": max(0, able),
        "d2_slby_exct_amt": sold - sell_fees - taxes - bought - buy_fees,
        "d2_buy_exct_amt": bought + buy_fees,
        "d2_sel_exct_amt": sold - sell_fees - taxes,
        "pymn_alow_amt": withdrawable,
        "wthd_alowa": withdrawable,
        "nxdy_wthd_alowa": withdrawable,
        "ord_alow_amt": able,
        "ord_alowa": able,
        "ch_amt": desk.cash,
        "use_pos_ch": able,
        "use_pos_ch_fin": able,
        "d2ch_ord_alow_amt": able,
        "min_ord_alow_amt": able,
        "min_ord_alow_yn": able,
        "min_amt": able,
        "profa_ch": desk.reserved,
        "ch_profa": desk.reserved,
        "loan_sum": loans(desk),
        "crd_loan_tot": loans(desk),
        "crd_loan_ls_tot": loans(desk),
        "tot_re_buy_alowa": able,
    }
    for margin in MARGINS:
        # cash alone buys: a margin below 100 percent would be a loan that this desk does not give
        for name in ("{}stk_ord_alow_amt", "{}ord_alow_amt", "profa_{}ord_alow_amt", "assr_{}ord_alow_amt"):
            values[name.format(margin)] = able
    values["profa_rdex_60ord_alow_amt"] = able
    return values


def filled_with_zero(ask: Ask, known: dict[str, Value]) -> Row:
    """The top level with 0 won where the account simply has none of a thing."""
    block = next(one for one in ask.endpoint.blocks if one.name is None)
    zeros: dict[str, Value] = {one.name: 0 for one in block.fields if one.unit in ("KRW", "share")}
    return Row({**zeros, **known})


@answers("kt00001")
def deposit(ask: Ask) -> Told:
    """예수금상세; no foreign money is held."""
    return Told(filled_with_zero(ask, cash_values(settled(ask))))


@answers("kt00005")
def by_execution(ask: Ask) -> Told:
    """체결잔고."""
    desk = settled(ask)
    profit = total(desk, "profit")
    known: dict[str, Value] = {
        **cash_values(desk),
        "profa_ch": desk.reserved,
        "stk_buy_tot_amt": cost(desk),
        "evlt_amt_tot": total(desk, "value"),
        "tot_pl_tot": profit,
        "tot_pl_rt": percent(profit, cost(desk)),
    }
    return Told(filled_with_zero(ask, known), holdings(ask, desk, prefix="A"))


@answers("kt00010", "kt00011", "kt00012")
def orderable(ask: Ask) -> Told:
    """주문가능: money and how many shares it buys at a price (the last one where none is given)."""
    desk = settled(ask)
    code = ask["stk_cd"].lstrip("A")
    last = desk.price(code).last
    price = int(ask["uv"] or "0") or last
    known = cash_values(desk)
    able = desk.orderable
    count = able // (price + desk.commission(price)) if price else 0
    for margin in MARGINS:
        known[f"profa_{margin}ord_alowq"] = known[f"assr_{margin}ord_alowq"] = count
    issue = ask.market.by_code[code]
    amount = price * int(ask["trde_qty"] or "0")
    known |= {
        "profa_rdex_60ord_alowq": count,
        "min_ord_alowq": count,
        "min_qty": count,
        "pur_amt": amount,
        "cmsn": desk.commission(amount),
        "pur_exct_amt": amount + desk.commission(amount),
        "profa_rdex_aplc_tp": "0",
        "stk_profa_rt": f"{issue.margin}%",
        "profa_rt": "100%",
        "aplc_rt": "100%",
        "stk_assr_rt": f"{max(45, issue.margin)}%",
        "stk_assr_rt_nm": f"보증금{max(45, issue.margin)}%",
    }
    return Told(filled_with_zero(ask, known))


@answers("kt00013")
def margin(ask: Ask) -> Told:
    """증거금세부."""
    return Told(filled_with_zero(ask, cash_values(settled(ask))))


@answers("kt00003")
def estimated(ask: Ask) -> Told:
    """추정자산."""
    return Told(Row({"prsm_dpst_aset_amt": assets(settled(ask))}))


@answers("ka10085")
def returns(ask: Ask) -> Told:
    """계좌수익률, one row a holding."""
    desk = settled(ask)
    return Told(rows=holdings(ask, desk, prefix=""))


@answers("ka01690")
def day_return(ask: Ask) -> Told:
    """일별잔고수익률 of today; the world keeps no account of other days."""
    desk = settled(ask)
    paid, profit = cost(desk), total(desk, "profit")
    top = Row(
        {
            "dt": f"{ask.day:%Y%m%d}",
            "tot_buy_amt": paid,
            "tot_evlt_amt": total(desk, "value"),
            "tot_evltv_prft": profit,
            "tot_prft_rt": percent(profit, paid),
            "dbst_bal": desk.cash_after,
            "day_stk_asst": assets(desk),
            "buy_wght": percent(desk.cash_after, assets(desk)),
        },
    )
    return Told(top, holdings(ask, desk, prefix=""))
