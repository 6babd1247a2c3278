"""Realtime frames about an account (00, 04) and about the day itself (0s)."""

from __future__ import annotations

from datetime import datetime, timedelta

from dari.core import krx
from dari.providers.kiwoom.simulator.desk import Desk
from dari.providers.kiwoom.simulator.exchange import Row
from dari.providers.kiwoom.simulator.frames import Values, values_of
from dari.providers.kiwoom.simulator.ledger import Execution, Order
from dari.providers.kiwoom.simulator.pricing import Price
from dari.worlds.market import percent


def order_values(number: str, what: str, order: Order, fill: Execution | None, price: Price) -> dict[str, str]:
    """A frame of type 00: an order accepted, amended, cancelled or filled."""
    states = {"accepted": "접수", "filled": "체결", "amended": "확인", "cancelled": "확인"}
    values: Values = {
        "9201": number,
        "9203": order.number,
        "9205": "",
        "9001": f"A{order.code}",
        "912": "JJ",
        "913": states[what],
        "302": order.name,
        "900": order.quantity,
        "901": order.price,
        "902": order.left,
        "903": order.filled_amount,
        "904": order.original or "0000000",
        "905": f"{'+' if order.side == 'buy' else '-'}{'매수' if order.side == 'buy' else '매도'}",
        "906": "시장가" if order.kind == "3" else "보통",
        "907": "2" if order.side == "buy" else "1",
        "908": f"{(fill.time if fill else order.placed):%H%M%S}",
        "909": str(fill.number) if fill else "",
        "910": str(order.average) if fill else "",
        "911": str(order.filled) if fill else "",
        "10": price.last,
        "27": price.asks[0][0] if price.asks else 0,
        "28": price.bids[0][0] if price.bids else 0,
        "914": str(fill.price) if fill else "",
        "915": str(fill.quantity) if fill else "",
        "938": str(sum(one.commission for one in order.fills)),
        "939": str(sum(one.tax for one in order.fills)),
        "919": "0",
        "2134": {"UN": "0", "KRX": "1", "NXT": "2"}[order.venue],
        "2135": {"UN": "SOR", "KRX": "KRX", "NXT": "NXT"}[order.venue],
        "2136": "Y" if order.venue == "UN" else "N",
    }
    return values_of("00", Row(values, price.base))


def balance_values(desk: Desk, code: str) -> dict[str, str]:
    """A frame of type 04: what is held of a code after an execution."""
    holding, price = desk.holdings[code], desk.price(code)
    sales = [one for one in desk.executions if one.code == code and one.side == "sell"]
    profit = sum(one.profit for one in sales)
    values: Values = {
        "9201": desk.number,
        "9001": f"A{code}",
        "917": "00",
        "302": desk.pricing.name(code),
        "10": price.last,
        "930": holding.quantity,
        "931": holding.average,
        "932": holding.cost,
        "933": desk.sellable(code),
        "945": holding.bought_today - holding.sold_today,
        "946": "2" if holding.bought_today >= holding.sold_today else "1",
        "950": str(profit),
        "27": price.asks[0][0] if price.asks else 0,
        "28": price.bids[0][0] if price.bids else 0,
        "307": price.base,
        "8019": percent(profit, sum(one.cost * one.quantity for one in sales)),
        "990": str(profit),
    }
    return values_of("04", Row(values, price.base))


def session_events(day: krx.Session) -> list[tuple[datetime, str]]:
    """장시작시간 (0s): when each 장운영구분 is told on a day, as far as the session's times say; in order."""
    events = [
        (day.nxt_pre, "P"),
        (day.opens - timedelta(minutes=20), "0"),
        (day.nxt_pre_ends, "Q"),
        (day.opens, "3"),
        (day.nxt_main, "R"),
        (day.auction, "2"),
        (day.nxt_main_ends, "S"),
        (day.closes, "4"),
        (day.closes + timedelta(seconds=1), "8"),
        (day.closes, "T"),
        (day.closes + timedelta(minutes=10), "a"),
        (day.nxt_after, "U"),
        (day.closes + timedelta(minutes=30), "b"),
        (day.closes + timedelta(minutes=30), "c"),
        (day.closes + timedelta(hours=2, minutes=30), "d"),
        (day.closes + timedelta(hours=2, minutes=30), "9"),
        (day.nxt_closes, "V"),
    ]
    return sorted(events, key=lambda one: one[0])


def session_values(code: str, moment: datetime, opens: datetime) -> dict[str, str]:
    """A frame of type 0s."""
    left = max(0, int((opens - moment).total_seconds()))
    text = f"{left // 3600:02d}{left // 60 % 60:02d}{left % 60:02d}"
    return values_of("0s", Row({"215": code, "20": f"{moment:%H%M%S}", "214": text}))
