"""Statements: any account question answered from its sheet, out of the ledger's orders, positions and cash."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, Final

from dari.core import krx
from dari.core.endpoint import Block
from dari.providers.kis.simulator.accounts.desk import account_of, match, product_of, subject_of_thing, thing_of
from dari.providers.kis.simulator.accounts.ledger import MARGINED, ZERO, Account, Ledger, Order, Product, Side
from dari.providers.kis.simulator.accounts.terms import (
    CENT,
    CURRENCIES,
    EXCHANGE,
    HOLDING_NAMES,
    ORDER_NAMES,
    RESERVATION_NAMES,
    Holding,
    holding_field,
    percent_of,
    plain_number,
    rate_told,
    words,
)
from dari.providers.kis.simulator.answers.plain import walk_of
from dari.providers.kis.simulator.exchange import Ask, wrong
from dari.providers.kis.simulator.writing import row
from dari.worlds.market.abroad import won_rate

_PAGE: Final = 50


def _summary(
    ask: Ask, account: Account, product: Product, holdings: Sequence[Holding], currency: str
) -> Mapping[str, Any]:
    """An account's sums in one currency, by the names statements give them."""
    rate = won_rate(walk_of(ask.market.seed), currency, ask.at)
    cash, free = account.cash.get(currency, ZERO), account.free_cash(currency)
    mine = [one for one in holdings if one.position.thing.currency == currency]
    paid, worth = sum((one.paid for one in mine), ZERO), sum((one.worth for one in mine), ZERO)
    gain, realized = sum((one.gain for one in mine), ZERO), sum((one.position.realized for one in mine), ZERO)
    today = [
        order
        for order in account.orders.values()
        if order.thing.product == product and order.thing.currency == currency
    ]
    bought = sum((order.amount for order in today if order.side == "buy"), ZERO)
    sold = sum((order.amount for order in today if order.side == "sell"), ZERO)
    whole = cash + (gain if product in MARGINED else worth)
    names: dict[str, Decimal] = {}
    for told, amount in (
        (_CASH, cash),
        (_FREE, free),
        (_WORTH, worth),
        (_WHOLE, whole),
        (_PAID, paid),
        (_GAIN, gain),
        (_REALIZED, realized),
        (_BOUGHT, bought),
        (_SOLD, sold),
    ):
        names |= dict.fromkeys(told, amount)
    filled = {name: plain_number(amount.quantize(CENT)) for name, amount in names.items()}
    rates: dict[str, Any] = {
        "evlu_erng_rt1": percent_of(gain, paid),
        "tot_pftrt": percent_of(gain, paid),
        "crcy_cd": currency,
        "tr_crcy_cd": currency,
        "tot_ord_qty": str(sum(order.quantity for order in today if order.action != "cancel")),
        "tot_ccld_qty": str(sum(order.filled for order in today)),
        "tot_ccld_amt": plain_number((bought + sold).quantize(CENT)),
        "tot_ccld_qty_smtl": str(sum(order.filled for order in today)),
        "tot_ccld_amt_smtl": plain_number((bought + sold).quantize(CENT)),
        "fm_buy_qty": str(sum(order.filled for order in today if order.side == "buy")),
        "fm_sll_qty": str(sum(order.filled for order in today if order.side == "sell")),
        "cano": account.number,
        "acnt_prdt_cd": ask.parameters.get("ACNT_PRDT_CD", ""),
        "exrt": rate_told(rate),
        "frst_bltn_exrt": rate_told(rate),
        "bass_exrt": rate_told(rate),
    }
    for one in CURRENCIES:
        rates[f"{one.lower()}_frst_bltn_exrt"] = rate_told(won_rate(walk_of(ask.market.seed), one, ask.at))
    return {**filled, **rates, **_buying(ask, account, product, free)}


_CASH: Final = words(
    "dnca_tot_amt dnca_tota tot_dncl_amt dncl_amt dnca_cash nxdy_excc_amt prvs_rcdl_excc_amt frcr_dncl_amt_2 "
    "frcr_dncl_amt1 fm_dnca_rmnd fm_nxdy_dncl_amt cash_amt nxdy_dnca nxdy_dncl_amt nxdy_sttl_amt nx2_day_sttl_amt"
)
_FREE: Final = words(
    "ord_psbl_cash ord_psbl_tota max_buy_amt nrcvb_buy_amt ord_psbl_frcr_amt ovrs_ord_psbl_amt frcr_ord_psbl_amt1 "
    "buy_psbl_amt fm_ord_psbl_amt fm_drwg_psbl_amt frcr_gnrl_ord_psbl_amt itgr_ord_psbl_amt frcr_drwg_psbl_amt_1 "
    "wdrw_psbl_tot_amt stck_cash_ord_psbl_amt ord_psbl_cash_amt echm_af_ord_psbl_amt"
)
_WORTH: Final = words("scts_evlu_amt evlu_amt_smtl evlu_amt_smtl_amt frcr_evlu_amt2 frcr_evlu_tota evlu_amt")
_WHOLE: Final = words(
    "tot_evlu_amt nass_amt tot_asst_amt nass_tot_amt tot_asst_amt2 fm_tot_asst_evlu_amt prsm_dpast real_nass_amt"
)
_PAID: Final = words("pchs_amt_smtl pchs_amt_smtl_amt frcr_pchs_amt1 pchs_amt")
_GAIN: Final = words(
    "evlu_pfls_smtl_amt evlu_pfls_amt_smtl tot_evlu_pfls_amt evlu_pfls_amt ovrs_tot_pfls futr_evlu_pfls_amt "
    "fm_fuop_evlu_pfls_amt evlu_pfls_smtl"
)
_REALIZED: Final = words(
    "rlzt_pfls tot_rlzt_pfls ovrs_rlzt_pfls_amt ovrs_rlzt_pfls_tot_amt trad_pfls_smtl fm_lqd_pfls_amt"
)
_BOUGHT: Final = words(
    "thdt_buy_amt buy_tr_amt_smtl frcr_buy_amt_smtl frcr_buy_amt_smtl1 stck_buy_amt_smtl buy_agrm_amt"
)
_SOLD: Final = words("thdt_sll_amt sll_tr_amt_smtl frcr_sll_amt_smtl stck_sll_amt_smtl sll_agrm_amt")


def _currency(ask: Ask, product: Product) -> str:
    asked = ask.parameters.get("TR_CRCY_CD") or ask.parameters.get("CRCY_CD") or ""
    if asked in {"USD", "HKD", "JPY", "CNY", "VND", "KRW"}:
        return asked
    homes = {"SEHK": "HKD", "SHAA": "CNY", "SZAA": "CNY", "TKSE": "JPY", "HASE": "VND", "VNSE": "VND"}
    abroad = product in {"overseas", "overseas_future"}
    return homes.get(ask.parameters.get("OVRS_EXCG_CD", ""), "USD") if abroad else "KRW"


def _buying(ask: Ask, account: Account, product: Product, free: Decimal) -> Mapping[str, Any]:
    """How many could be ordered at the asked price, or at the highest of the day."""
    names = ("PDNO", "ITEM_CD", "SHTN_PDNO", "OVRS_FUTR_FX_PDNO")
    symbol = next((ask.parameters[name].strip() for name in names if ask.parameters.get(name, "").strip()), "")
    subject = subject_of_thing(ask, product, symbol, ask.parameters.get("OVRS_EXCG_CD", "")) if symbol else None
    if subject is None:
        return {}
    sight = subject.now()
    prices = ("ORD_UNPR", "OVRS_ORD_UNPR", "UNIT_PRICE", "FM_ORD_PRIC", "BOND_ORD_UNPR")
    told = next((ask.parameters[name] for name in prices if ask.parameters.get(name, "").strip(" 0")), "")
    price = Decimal(told) if re.fullmatch(r"\d+(\.\d+)?", told) else sight.high_limit or sight.price
    if product in MARGINED:
        return _contracts(ask, account, symbol, price)
    unit = Decimal("0.1") if product == "bond" else Decimal(1)
    quantity = int(free / (price * unit)) if price else 0
    counts = words(
        "max_buy_qty nrcvb_buy_qty max_ord_psbl_qty ord_psbl_qty ovrs_max_ord_psbl_qty buy_psbl_qty "
        "echm_af_ord_psbl_qty"
    )
    return {"psbl_qty_calc_unpr": plain_number(price), "bond_ord_unpr2": plain_number(price)} | dict.fromkeys(
        counts, quantity
    )


def _contracts(ask: Ask, account: Account, symbol: str, price: Decimal) -> Mapping[str, Any]:
    """How many contracts could be ordered: opened anew at a price, and closed of what is held."""
    thing, sight = thing_of(ask, product_of(ask), symbol)
    side: Side = "sell" if ask.parameters.get("SLL_BUY_DVSN_CD") == "01" else "buy"
    new, closing = account.orderable(thing, side, price)
    return {
        "ovrs_futr_fx_pdno": thing.symbol,
        "crcy_cd": thing.currency,
        "sll_buy_dvsn_cd": "01" if side == "sell" else "02",
        "fm_ustl_qty": abs(account.position(thing).quantity),
        "lqd_psbl_qty1": closing,
        "fm_lqd_psbl_qty": closing,
        "ord_psbl_qty": new,
        "fm_new_ord_psbl_qty": new,
        "tot_psbl_qty": new + closing,
        "fm_tot_ord_psbl_qty": new + closing,
        "fm_mkpr_tot_ord_psbl_qty": sum(account.orderable(thing, side, sight.high_limit or sight.price)),
    }


def _in_won(ask: Ask, account: Account, holdings: Sequence[Holding]) -> Mapping[str, str]:
    """The sums of everything abroad, in won. Total assets are holdings, foreign money and won together."""
    walk = walk_of(ask.market.seed)
    paid, worth = (sum((getattr(one, what) * one.rate for one in holdings), ZERO) for what in ("paid", "worth"))
    gain, cash = worth - paid, account.cash.get("KRW", ZERO)
    foreign = sum((account.cash.get(one, ZERO) * won_rate(walk, one, ask.at) for one in CURRENCIES), ZERO)
    told: dict[str, str] = {"evlu_erng_rt1": percent_of(gain, paid)}
    for names, amount in (
        ("pchs_amt_smtl pchs_amt_smtl_amt", paid),
        ("evlu_amt_smtl evlu_amt_smtl_amt wcrc_evlu_amt_smtl", worth),
        ("evlu_pfls_amt_smtl tot_evlu_pfls_amt", gain),
        ("dncl_amt tot_dncl_amt", cash),
        ("frcr_evlu_tota tot_frcr_cblc_smtl frcr_cblc_wcrc_evlu_amt_smtl", foreign),
        ("tot_asst_amt tot_asst_amt2", worth + foreign + cash),
    ):
        told |= dict.fromkeys(names.split(), str(int(amount)))
    return told


def settle(ask: Ask, ledger: Ledger, account: Account) -> None:
    """Let open orders meet the book as it is now, and reserved ones whose day has come become orders."""
    for one in account.reservations.values():
        if not one.cancelled and not one.order and ask.at.date() > one.at.date() and krx.board(ask.at).live:
            order = ledger.accept(
                account,
                thing=one.thing,
                side=one.side,
                kind=one.kind,
                quantity=one.quantity,
                price=one.price,
                at=ask.at,
                tr_id="reserved",
            )
            one.order = order.number
    for order in list(account.open_orders()):
        subject = subject_of_thing(ask, order.thing.product, order.thing.symbol, order.thing.exchange)
        if subject is not None:
            match(ledger, account, order, subject.now())


def _holdings(ask: Ask, account: Account, product: Product) -> list[Holding]:
    told = []
    for position in account.positions.values():
        thing = position.thing
        if thing.product != product or not position.quantity:
            continue
        subject = subject_of_thing(ask, product, thing.symbol, thing.exchange)
        if subject is not None:
            rate = won_rate(walk_of(ask.market.seed), thing.currency, ask.at)
            free = account.free_quantity(thing)
            told.append(Holding(position, subject.now().price, free, account, rate, _won_asked(ask)))
    wanted = ask.parameters.get("OVRS_EXCG_CD", "")
    if product == "overseas" and wanted:
        us = {"NASD", "NYSE", "AMEX"}
        homes = us if wanted in {"NASD", "NAS"} else {wanted}
        told = [one for one in told if EXCHANGE.get(one.position.thing.exchange, "") in homes]
    symbol = ask.parameters.get("PDNO", "").strip()
    if symbol and "psbl_sell" in ask.endpoint.id:
        told = [one for one in told if one.position.thing.symbol == symbol]
    return told


def _meaning(ask: Ask, *names: str) -> str:
    """What a code means by the sheet: the same number means different things in different statements."""
    for one in ask.endpoint.parameters:
        if one.name in names and ask.parameters.get(one.name):
            return one.codes.get(ask.parameters[one.name].strip(), "")
    return ""


def _won_asked(ask: Ask) -> bool:
    """Whether a statement of shares abroad is wanted in won; 01 says so in some sheets, 02 in others."""
    return ask.endpoint.category == "overseas_stock" and _meaning(ask, "WCRC_FRCR_DVSN_CD").startswith("원화")


def _orders(ask: Ask, account: Account, product: Product) -> list[Order]:
    """The orders a question means, newest first."""
    given = {name: value.strip() for name, value in ask.parameters.items()}
    name = ask.endpoint.id.rpartition(".")[2]
    first = next(
        (given[one] for one in ("INQR_STRT_DT", "ORD_STRT_DT", "STRT_DT", "STRT_ORD_DT") if given.get(one)), ""
    )
    last = next((given[one] for one in ("INQR_END_DT", "ORD_END_DT", "END_DT", "END_ORD_DT") if given.get(one)), "")
    side = next((given[one] for one in ("SLL_BUY_DVSN_CD", "SLL_BUY_DVSN") if given.get(one) in {"01", "02"}), "")
    done = _meaning(ask, "CCLD_DVSN", "CCLD_NCCS_DVSN", "CCLD_NCCS_DVSN_CD", "NCCS_YN")
    only_open = name in {"inquire_psbl_rvsecncl", "inquire_nccs"} or done == "미체결"
    kept = [
        one
        for one in account.orders.values()
        if one.thing.product == product
        and (not first or f"{one.at:%Y%m%d}" >= first)
        and (not last or f"{one.at:%Y%m%d}" <= last)
        and (not side or (one.side == "sell") is (side == "01"))
        and (not only_open or one.open)
        and (done != "체결" or one.fills)
        and (given.get("ODNO", "") in {"", one.number})
        and (given.get("PDNO", "") in {"", "%", one.thing.symbol})
    ]
    return kept[::-1] if given.get("INQR_DVSN") != "01" else kept


def _row(block: Block, values: Callable[[str], Any]) -> dict[str, str]:
    filled = {one.name: value for one in block.fields if (value := values(one.name.lower())) is not None}
    return row(block, filled)


def _lists(
    ask: Ask, account: Account, product: Product, block: Block, holdings: Sequence[Holding]
) -> list[dict[str, str]] | None:
    """The rows of a block that lists something; None for a block of sums."""
    names = {one.name.lower() for one in block.fields}
    if "fm_new_ord_psbl_qty" in names:  # what may be ordered of one contract, though it speaks of a holding too
        return None
    if names & {"rsvn_ord_seq", "ovrs_rsvn_odno"}:
        reserved = [one for one in account.reservations.values() if one.thing.product == product]
        return [_row(block, partial(_read, RESERVATION_NAMES, one)) for one in reserved]
    if names & {"odno", "ccld_seq", "ccno"} or ("sll_qty" in names and "rlzt_pfls" in names):
        orders = _orders(ask, account, product)
        return [_row(block, partial(_read, ORDER_NAMES, one)) for one in orders]
    if names & (HOLDING_NAMES["quantity"] - {"agrx_qty"}) and names & HOLDING_NAMES["code"]:
        return [_row(block, partial(holding_field, one)) for one in holdings]
    return None


def _deposits(
    ask: Ask, account: Account, product: Product, block: Block, holdings: Sequence[Holding]
) -> list[dict[str, str]]:
    """A row for each currency of the asked country, where a block lists money (외화예수금) and its rate."""
    names = {one.name.lower() for one in block.fields}
    if block.kind != "array" or "crcy_cd" not in names or not names & {"frst_bltn_exrt", "bass_exrt"}:
        return []
    country, rows = ask.parameters.get("NATN_CD", ""), []
    for currency, (code, land, name) in CURRENCIES.items():
        if country in {"", "000", code}:
            sums = _summary(ask, account, product, holdings, currency)
            won = int(account.cash.get(currency, ZERO) * won_rate(walk_of(ask.market.seed), currency, ask.at))
            told = {"crcy_cd_name": name, "natn_name": land, "frcr_evlu_amt2": str(won)}
            rows.append(_row(block, {**sums, **told}.get))
    return rows


def _read(names: Mapping[str, Callable[[Any], Any]], one: Any, name: str) -> Any:
    reader = names.get(name)
    return reader(one) if reader else None


def _page(ask: Ask, rows: list[dict[str, str]]) -> tuple[list[dict[str, str]], dict[str, str], bool]:
    """(one page, the keys of the next in lower case, whether there is one). Keys are padded as KIS does."""
    paging = ask.endpoint.wire["paging"]
    keys = paging.get("keys") or ()
    size = ask.endpoint.wire["rows"].get(ask.key.mode) or ask.endpoint.wire["rows"].get("all") or _PAGE
    next_key = next((name for name in keys if "_NK" in name), "")
    sent = ask.parameters.get(next_key, "").strip()
    going_on = ask.tr_cont == "N" if paging.get("mode") == "tr_cont" else bool(sent)
    if going_on and keys and not sent.isdigit():
        raise wrong(f"ERROR INVALID {next_key}")
    start = int(sent) if going_on and sent else 0
    more = start + size < len(rows)
    told = {}
    for name in keys:
        width = int(re.sub(r"\D", "", name) or 20)
        value = (str(start + size) if "_NK" in name else f"{ask.parameters.get('CANO', '')}^") if more else ""
        told[name.lower()] = value.ljust(width)
    return rows[start : start + size], told, more


def statement(ask: Ask, ledger: Ledger) -> tuple[Mapping[str, Any], bool]:
    """(the blocks of the reply, whether another page follows)."""
    if "CANO" not in ask.parameters:
        return {one.name or "output": row(one, {}) for one in ask.endpoint.blocks}, False
    account, product = account_of(ask, ledger), product_of(ask)
    settle(ask, ledger, account)
    holdings = _holdings(ask, account, product)
    sums = _summary(ask, account, product, holdings, _currency(ask, product))
    if _won_asked(ask):
        sums = {**sums, **_in_won(ask, account, holdings)}
    reply: dict[str, Any] = {}
    more = False
    for block in ask.endpoint.blocks:
        rows = _deposits(ask, account, product, block, holdings) or _lists(ask, account, product, block, holdings)
        if block.name is None:
            reply |= {one.name: "" for one in block.fields}
            continue
        if rows is None:
            filled = _row(block, sums.get)
            reply[block.name] = [filled] if block.kind == "array" else filled
            continue
        page, keys, follows = _page(ask, rows)
        single = block.kind == "object" and ask.endpoint.wire["paging"]["mode"] == "none"
        reply[block.name] = (page[0] if page else row(block, {})) if single else page
        reply |= keys
        more = more or follows
    return reply, more
