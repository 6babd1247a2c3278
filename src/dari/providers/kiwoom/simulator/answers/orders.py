"""주문: buying, selling, amending and cancelling (kt10000–3, kt10006–9, kt50000–3), and the reads of orders."""

from __future__ import annotations

from typing import Final

from dari.core.krx import Venue
from dari.providers.kiwoom.simulator.desk import Desk, Wish
from dari.providers.kiwoom.simulator.exchange import VENUE_OF_ACCOUNT, Ask, Row, Told, answers
from dari.providers.kiwoom.simulator.ledger import Order
from dari.providers.kiwoom.simulator.refusals import Refused, business
from dari.providers.kiwoom.simulator.writing import Value
from dari.providers.kiwoom.spec.sheets import tables

VENUES: Final[dict[str, Venue]] = {"KRX": "KRX", "NXT": "NXT", "SOR": "UN"}
VENUE_NAMES: Final = {"KRX": "KRX", "NXT": "NXT", "UN": "SOR"}
VENUE_NUMBERS: Final = {"UN": "0", "KRX": "1", "NXT": "2"}
SIDE_NAMES: Final = {"buy": "매수", "sell": "매도"}
SIDE_CODES: Final = {"0": ("buy", "sell"), "1": ("sell",), "2": ("buy",), "": ("buy", "sell")}


def venue_of(ask: Ask) -> Venue:
    """The venue of an order. Mock takes KRX orders only; NXT and SOR want an issue that NXT trades."""
    venue = VENUES[ask["dmst_stex_tp"] or "KRX"]
    if venue == "KRX":
        return venue
    if ask.mode == "mock":
        raise business("모의투자는 KRX 주문만 가능합니다")
    issue = ask.market.by_code.get(ask["stk_cd"])
    if issue is not None and not issue.nxt_share:
        if venue == "NXT":
            raise Refused("1903", f"거래소구분=NXT, 종목코드={issue.code}")
        return "KRX"
    return venue


def desk_of(ask: Ask) -> Desk:
    """The desk an api-id is about: kt5… is gold."""
    desk: Desk = ask.desk.gold if ask.endpoint.id.startswith("kt5") else ask.desk.stock
    return desk


def whole(ask: Ask, name: str) -> int:
    """A number that was checked to be digits; nothing is 0."""
    return int(ask[name] or "0")


@answers("kt10000", "kt10001", "kt10006", "kt10007", "kt50000", "kt50001")
def place(ask: Ask) -> Told:
    """Buy (…0, …6) or sell (…1, …7)."""
    credit = ask.endpoint.id in ("kt10006", "kt10007")
    code = ask["stk_cd"]
    if credit and code in ask.market.by_code and not ask.market.by_code[code].credit:
        raise business("신용거래를 할 수 없는 종목입니다")
    wish = Wish(
        code=code,
        side="buy" if ask.endpoint.id in ("kt10000", "kt10006", "kt50000") else "sell",
        kind=ask["trde_tp"].lstrip("0") or "0",
        quantity=whole(ask, "ord_qty"),
        price=whole(ask, "ord_uv"),
        stop=whole(ask, "cond_uv"),
        venue=venue_of(ask),
        credit=credit,
    )
    order = desk_of(ask).place(wish)
    return Told(Row({"ord_no": order.number, "dmst_stex_tp": VENUE_NAMES[order.venue]}))


@answers("kt10002", "kt10008", "kt50002")
def amend(ask: Ask) -> Told:
    """Another price for what rests."""
    order = desk_of(ask).amend(
        ask["orig_ord_no"], ask["stk_cd"], whole(ask, "mdfy_qty"), whole(ask, "mdfy_uv"), whole(ask, "mdfy_cond_uv")
    )
    return Told(
        Row(
            {
                "ord_no": order.number,
                "base_orig_ord_no": order.root,
                "mdfy_qty": order.quantity,
                "dmst_stex_tp": VENUE_NAMES[order.venue],
            },
        ),
    )


@answers("kt10003", "kt10009", "kt50003")
def cancel(ask: Ask) -> Told:
    """Take back what rests; quantity 0 is all of it."""
    order = desk_of(ask).cancel(ask["orig_ord_no"], ask["stk_cd"], whole(ask, "cncl_qty"))
    return Told(Row({"ord_no": order.number, "base_orig_ord_no": order.root, "cncl_qty": order.quantity}))


# ── reading ──


def kind_name(order: Order) -> str:
    """매매구분 in words."""
    return tables()["order_kind"].get(order.kind, "보통")


def io_name(order: Order) -> str:
    """주문구분: the side with its sign, and whether the row amends or cancels."""
    sign = "+" if order.side == "buy" else "-"
    tail = {"": "", "amended": "정정", "cancelled": "취소"}[order.change]
    return f"{sign}{'신용' if order.credit else ''}{SIDE_NAMES[order.side]}{tail}"


def state_name(order: Order) -> str:
    """주문상태."""
    if order.change == "cancelled":
        return "확인"
    if order.filled:
        return "체결"
    return "접수" if order.open else "확인"


def order_values(ask: Ask, order: Order) -> dict[str, Value]:
    """An order in the upstream's names (ka10075, ka10076, ka10088)."""
    price = desk_of(ask).price(order.code)
    fees = sum(one.commission for one in order.fills)
    taxes = sum(one.tax for one in order.fills)
    last = order.fills[-1] if order.fills else None
    sign = "+" if price.last > price.base else "-" if price.last < price.base else ""
    return {
        "acnt_no": desk_of(ask).number,
        "ord_no": order.number,
        "mang_empno": "",
        "stk_cd": order.code,
        "tsk_tp": "",
        "ord_stt": state_name(order),
        "stk_nm": order.name,
        "ord_qty": order.quantity,
        "ord_pric": order.price,
        "oso_qty": order.left,
        "osop_qty": order.left,
        "cntr_tot_amt": order.filled_amount,
        "orig_ord_no": order.original or "0000000",
        "io_tp_nm": io_name(order),
        "trde_tp": kind_name(order),
        "sell_tp": "2" if order.side == "buy" else "1",
        "tm": f"{(last.time if last else order.placed):%H%M%S}",
        "ord_tm": f"{order.placed:%H%M%S}",
        "cntr_no": str(last.number) if last else "",
        "cntr_pric": order.average,
        "cntr_qty": order.filled,
        "cur_prc": f"{sign}{price.last}" if ask.endpoint.id == "ka10075" else price.last,
        "sel_bid": price.asks[0][0] if price.asks else 0,
        "buy_bid": price.bids[0][0] if price.bids else 0,
        "unit_cntr_pric": last.price if last else 0,
        "unit_cntr_qty": last.quantity if last else 0,
        "tdy_trde_cmsn": fees,
        "tdy_trde_tax": taxes,
        "ind_invsr": "00",
        "stex_tp": VENUE_NUMBERS[order.venue],
        "stex_tp_txt": VENUE_NAMES[order.venue],
        "sor_yn": "Y" if order.venue == "UN" else "N",
        "stop_pric": str(order.stop) if order.stop else "0",
    }


def _fits(ask: Ask, order: Order, *, side: str, every: str) -> bool:
    venue = VENUE_OF_ACCOUNT[ask["stex_tp"]]
    return (
        order.side in SIDE_CODES[ask[side]]
        and (ask[every] == "0" or not ask["stk_cd"] or order.code == ask["stk_cd"])
        and venue in ("UN", order.venue)
    )


@answers("ka10075")
def open_orders(ask: Ask) -> Told:
    """미체결: newest first."""
    desk = desk_of(ask)
    desk.settle()
    rows = [
        order
        for order in reversed(desk.orders.values())
        if order.open and _fits(ask, order, side="trde_tp", every="all_stk_tp")
    ]
    return Told(rows=[Row(order_values(ask, order)) for order in rows])


@answers("ka10076")
def executions(ask: Ask) -> Told:
    """체결: orders of which something was executed, newest first; `ord_no` asks for the ones before it."""
    desk = desk_of(ask)
    desk.settle()
    before = ask["ord_no"].zfill(7) if ask["ord_no"] else "9999999"
    rows = [
        order
        for order in reversed(desk.orders.values())
        if order.filled and order.number < before and _fits(ask, order, side="sell_tp", every="qry_tp")
    ]
    return Told(rows=[Row(order_values(ask, order)) for order in rows])


@answers("ka10088")
def split_orders(ask: Ask) -> Told:
    """미체결 분할주문: an order is never split here, so it stands alone."""
    desk = desk_of(ask)
    desk.settle()
    order = desk.orders.get(ask["ord_no"].zfill(7))
    return Told(rows=[Row(order_values(ask, order))] if order is not None and order.open else [])


def _listed(ask: Ask, desk: Desk) -> list[Order]:
    """The orders of a day that the filters of kt00007, kt00009 and kt500xx let through."""
    desk.settle()
    today = f"{desk.world.now():%Y%m%d}"
    if ask["ord_dt"] and ask["ord_dt"] != today:
        return []
    rows = [
        order
        for order in desk.orders.values()
        if order.side in SIDE_CODES[ask["sell_tp"] or ask["slby_tp"]]
        and ask["stk_cd"].lstrip("A") in ("", order.code)
        and order.number >= (ask["fr_ord_no"] or "0").zfill(7)
        and ask["dmst_stex_tp"] in ("", "%", VENUE_NAMES[order.venue])
        and ask["stk_bond_tp"] in ("0", "1")
    ]
    wanted = ask["qry_tp"]
    if ask.endpoint.id == "kt00009":
        return [order for order in rows if order.filled] if wanted == "1" else rows
    if wanted == "3" or ask.endpoint.id == "kt50075":
        rows = [order for order in rows if order.open]
    elif wanted == "4":
        rows = [order for order in rows if order.filled]
    return rows[::-1] if wanted == "2" else rows


def _detail(ask: Ask, order: Order) -> dict[str, Value]:
    code = order.code if ask.endpoint.id.startswith("kt5") else f"A{order.code}"
    last = order.fills[-1].time if order.fills else None
    change = {"": "", "amended": "정정", "cancelled": "취소"}[order.change]
    return {
        "stk_bond_tp": "1",
        "ord_no": order.number,
        "stk_cd": code,
        "trde_tp": kind_name(order),
        "crd_tp": "융자" if order.credit else "현금",
        "crd_deal_tp": "융자" if order.credit else "보통매매",
        "ord_qty": order.quantity,
        "ord_uv": order.price,
        "cnfm_qty": order.confirmed,
        "acpt_tp": "접수",
        "data_send_end_tp": "접수",
        "rsrv_tp": "",
        "rsrv_oppo": "",
        "ord_tm": f"{order.placed:%H:%M:%S}",
        "ori_ord": order.original or "0000000",
        "orig_ord_no": order.original or "0000000",
        "stk_nm": order.name,
        "io_tp_nm": io_name(order),
        "loan_dt": "",
        "cntr_qty": order.filled,
        "cntr_uv": order.average,
        "ord_remnq": order.left,
        "comm_ord_tp": "REST API",
        "mdfy_cncl": change,
        "mdfy_cncl_tp": change,
        "cnfm_tm": f"{order.placed:%H:%M:%S}" if order.change else "",
        "cntr_tm": f"{last:%H:%M:%S}" if last else "",
        "cntr_no": str(order.fills[-1].number) if order.fills else "",
        "dmst_stex_tp": VENUE_NAMES[order.venue],
        "cond_uv": order.stop,
        "setl_tp": "현금",
        "dcd_tp_nm": "현금",
        "mrkt_deal_tp": "금현물" if ask.endpoint.id.startswith("kt5") else "",
    }


@answers("kt00007", "kt00009", "kt50030", "kt50031", "kt50075")
def listed_orders(ask: Ask) -> Told:
    """주문체결내역 and 현황 of the day; other days had no orders."""
    desk = desk_of(ask)
    rows = _listed(ask, desk)
    bought, sold = desk.traded("buy")[0], desk.traded("sell")[0]
    top = Row({"sell_grntl_engg_amt": sold, "buy_engg_amt": bought, "engg_amt": bought + sold})
    return Told(top, [Row(_detail(ask, order)) for order in rows])
