"""계좌: balance, holdings, open orders, executions of the account the key belongs to; nothing of it is ever kept."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Tool, Upstream
from dari.providers.kiwoom.models import head
from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools.envelope import (
    MAYBE_NUMBER,
    ROWS,
    StockCode,
    columnar,
    failing,
    good,
    pages,
    schema,
    signed,
    told_gaps,
    won,
)

NUMBER: Final = "ka00001"
DEPOSIT: Final = "kt00001"
VALUATION: Final = "kt00018"
OPEN_ORDERS: Final = "ka10075"
EXECUTIONS: Final = "ka10076"
SHOWN: Final = 4
"""Digits of the account number that are told."""

HOLDING: Final = {
    "stock_code": "code",
    "name": "name",
    "quantity": "holding_qty",
    "sellable": "sellable_qty",
    "average_price": "average_price",
    "price": "price",
    "cost": "cost",
    "market_value": "market_value",
    "profit_loss": "profit_loss",
    "return_rate": "return_pct",
    "weight": "held_pct",
}
ORDER: Final = {
    "order_no": "order_no",
    "original_order_no": "original_order_no",
    "stock_code": "code",
    "name": "name",
    "side": "order_kind",
    "kind": "trade_kind",
    "state": "order_state",
    "order_price": "order_price",
    "order_quantity": "order_qty",
    "open_quantity": "open_qty",
    "executed_price": "trade_price",
    "executed_quantity": "trade_qty",
    "time": "time",
    "venue": "exchange_name",
}
EXECUTION: Final = {**ORDER, "time": "order_time", "commission": "commission_today", "tax": "tax_today"}
SIDES: Final = {"all": "0", "sell": "1", "buy": "2"}


class NoArguments(Query):
    """Nothing is asked of the caller: the key says whose account it is."""


class Orders(Query):
    """Arguments of get_open_orders and get_executions."""

    stock_code: StockCode | None = None
    side: Literal["all", "buy", "sell"] = "all"
    limit: int = Field(default=50, ge=1, le=500)


async def get_account_info(_: NoArguments, upstream: Upstream) -> Answer:
    """Deposit 예수금, value of holdings 총평가금액 and profit 총평가손익, in won: three calls, none kept."""
    number, deposit, valuation = await asyncio.gather(
        upstream.ask(NUMBER),
        upstream.ask(DEPOSIT, {"qry_tp": "3"}),
        upstream.ask(VALUATION, {"qry_tp": "1", "dmst_stex_tp": "KRX"}),
    )
    cash = head(SPEC.endpoint(DEPOSIT), deposit.body)
    value = head(SPEC.endpoint(VALUATION), valuation.body)
    data = {
        "account_no": masked(head(SPEC.endpoint(NUMBER), number.body).rows[0]["account_no"]),
        "balance": cash.rows[0]["deposit"],
        "total_value": value.rows[0]["total_market_value"],
        "profit_loss": value.rows[0]["total_profit_loss"],
        "timestamp": deposit.fetched_at.isoformat(timespec="seconds"),
        "return_rate": value.rows[0]["total_return_pct"],
        "balance_d2": cash.rows[0]["deposit_d2"],
        "orderable_amount": cash.rows[0]["orderable_amount"],
        "total_cost": value.rows[0]["total_cost"],
        "estimated_assets": value.rows[0]["estimated_assets"],
    }
    gaps = [Gap(f"data.{name}", "Kiwoom gives none here") for name, one in data.items() if one is None]
    lines = [
        f"예수금 {won(data['balance'])} (D+2 {won(data['balance_d2'])}, 주문가능 {won(data['orderable_amount'])})",
        f"주식 평가 {won(data['total_value'])} · 손익 {won(data['profit_loss'])} {signed(data['return_rate'])}",
        f"추정예탁자산 {won(data['estimated_assets'])}",
    ]
    return good(upstream, data, f"계좌 {data['account_no']} 정보 조회 완료", lines=lines, gaps=gaps)


def masked(account: str | None) -> str | None:
    """An account number of which the last four digits are told."""
    if account is None:
        return None
    return "*" * max(0, len(account) - SHOWN) + account[-SHOWN:]


async def get_holdings(_: NoArguments, upstream: Upstream) -> Answer:
    """보유종목: quantity, average price, value, profit of every holding, in won and percent."""
    read, more, reply = await pages(upstream, VALUATION, {"qry_tp": "2", "dmst_stex_tp": "KRX"}, 1_000)
    total = head(SPEC.endpoint(VALUATION), reply.body).rows[0]
    data = {
        **columnar(read.rows, HOLDING),
        "count": len(read.rows),
        "truncated": more,
        "total_value": total["total_market_value"],
        "profit_loss": total["total_profit_loss"],
        "timestamp": reply.fetched_at.isoformat(timespec="seconds"),
    }
    lines = [
        f"{row['code']} {row['name']} {row['holding_qty'] or 0:,}주 "
        f"평가 {won(row['market_value'])} {signed(row['return_pct'])}"
        for row in read.rows
    ]
    gaps = told_gaps(read, "data.rows", HOLDING.values())
    return good(upstream, data, f"보유종목 {len(read.rows)}개 조회 완료", lines=lines, gaps=gaps)


async def get_open_orders(query: Orders, upstream: Upstream) -> Answer:
    """미체결: orders that still wait, newest first as Kiwoom gives them; prices in won."""
    parameters = {
        "all_stk_tp": "1" if query.stock_code else "0",
        "trde_tp": SIDES[query.side],
        "stex_tp": "0",
        **({"stk_cd": query.stock_code} if query.stock_code else {}),
    }
    return await _orders(upstream, OPEN_ORDERS, parameters, columns=ORDER, limit=query.limit, what="미체결 주문")


async def get_executions(query: Orders, upstream: Upstream) -> Answer:
    """체결: today's executed orders with commission and tax, in won."""
    parameters = {
        "qry_tp": "1" if query.stock_code else "0",
        "sell_tp": SIDES[query.side],
        "stex_tp": "0",
        **({"stk_cd": query.stock_code} if query.stock_code else {}),
    }
    return await _orders(upstream, EXECUTIONS, parameters, columns=EXECUTION, limit=query.limit, what="체결 내역")


async def _orders(
    upstream: Upstream, endpoint: str, parameters: dict[str, str], *, columns: dict[str, str], limit: int, what: str
) -> Answer:
    read, more, reply = await pages(upstream, endpoint, parameters, limit, venue="unified")
    data: dict[str, Any] = {
        **columnar(read.rows, columns),
        "count": len(read.rows),
        "truncated": more,
        "timestamp": reply.fetched_at.isoformat(timespec="seconds"),
    }
    lines = [
        f"{row['order_no']} {row['order_kind']} {row['code']} {row['name']} {won(row['order_price'])} "
        f"{row['order_qty'] or 0:,}주 (미체결 {row['open_qty'] or 0:,}) {row['order_state']}"
        for row in read.rows
    ]
    gaps = told_gaps(read, "data.rows", columns.values())
    return good(upstream, data, f"{what} {len(read.rows)}건 조회 완료", lines=lines, gaps=gaps)


def _tool(name: str, title: str, description: str, query: type[Query], *, run: Any, endpoint: str) -> Tool:
    return Tool(
        name=name,
        title=title,
        description=description,
        query=query,
        output=schema({**ROWS, "timestamp": "string"}),
        run=run,
        toolset="account",
        endpoints=(endpoint,),
        failed=failing(f"{title} 조회"),
    )


TOOLS: Final = (
    Tool(
        name="get_account_info",
        title="계좌 정보",
        description="The account of the key: deposit 예수금 (balance), value of holdings, profit/loss, "
        "orderable amount, in won. Account number masked.",
        query=NoArguments,
        output=schema(
            {
                "account_no": "string",
                "balance": MAYBE_NUMBER,
                "total_value": MAYBE_NUMBER,
                "profit_loss": MAYBE_NUMBER,
                "timestamp": "string",
                "return_rate": MAYBE_NUMBER,
                "balance_d2": MAYBE_NUMBER,
                "orderable_amount": MAYBE_NUMBER,
            }
        ),
        run=get_account_info,
        toolset="account",
        endpoints=(NUMBER, DEPOSIT, VALUATION),
        failed=failing("계좌 정보 조회"),
    ),
    _tool(
        "get_holdings",
        "보유종목",
        "Holdings 보유종목: quantity, average price, value, profit.",
        NoArguments,
        run=get_holdings,
        endpoint=VALUATION,
    ),
    _tool(
        "get_open_orders",
        "미체결 주문",
        "Open orders 미체결 of the account, both venues.",
        Orders,
        run=get_open_orders,
        endpoint=OPEN_ORDERS,
    ),
    _tool(
        "get_executions",
        "체결 내역",
        "Today's executions 체결 with commission and tax.",
        Orders,
        run=get_executions,
        endpoint=EXECUTIONS,
    ),
)
