"""get_account and get_orders: what one holds, owes and has ordered, of any product."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.acts import Acting, Holder
from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, MissingCredential, WrongMode
from dari.core.exchange import Answer
from dari.core.tool import Query, Tool
from dari.providers.kis.models.orders import Order
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.asking import completed
from dari.providers.kis.tools.trade.buying import STOCK_BALANCE
from dari.providers.kis.tools.trade.ledger import orders
from dari.providers.kis.tools.trade.lines import DOMESTIC, Product, line_of
from dari.providers.kis.tools.trade.shaping import cell, lines_of, text_of, told

PAGES: Final = 5
BALANCES: Final[Mapping[str, tuple[str, dict[str, str]]]] = {
    "stock": ("domestic_stock.inquire_balance", STOCK_BALANCE),
    "overseas": ("overseas_stock.inquire_balance", {"OVRS_EXCG_CD": "NASD", "TR_CRCY_CD": "USD"}),
    "overseas_cash": (
        "overseas_stock.inquire_present_balance",
        {"WCRC_FRCR_DVSN_CD": "02", "NATN_CD": "000", "TR_MKET_CD": "00", "INQR_DVSN_CD": "00"},
    ),
    "future": ("domestic_futureoption.inquire_balance", {"MGNA_DVSN": "01", "EXCC_STAT_CD": "1"}),
    "bond": ("domestic_bond.inquire_balance", {"INQR_CNDT": "00"}),
    "overseas_future": ("overseas_futureoption.inquire_unpd", {"FUOP_DVSN": "00"}),
}


class GetAccount(Query):
    """Arguments of get_account."""

    product: Literal["stock", "overseas", "overseas_cash", "future", "bond", "overseas_future"] = "stock"
    limit: int = Field(default=50, ge=1, le=200)


class GetOrders(Query):
    """Arguments of get_orders."""

    product: Product = "stock"
    status: Literal["all", "open", "executed"] = "all"
    since: str = Field(default="", pattern=r"^(\d{8})?$", description="YYYYMMDD; today if empty")
    limit: int = Field(default=30, ge=1, le=200)


async def get_account(query: GetAccount, upstream: Acting) -> Answer:
    """Holdings, deposit and profit as KIS sums them, over up to five pages. Raises MissingCredential, WrongMode."""
    endpoint, asked = BALANCES[query.product]
    row = SPEC.endpoint(endpoint)
    holder = _holder(row, upstream)
    parameters = completed(row, asked, holder.mode, upstream.now().date())
    shown: dict[str, Any] = {}
    cursor: str | None = None
    for _ in range(PAGES):
        reply = await upstream.ask(endpoint, parameters, cursor=cursor)
        page = told(row, reply.body, limit=query.limit)
        shown = page if not shown else _joined(shown, page, query.limit)
        cursor = reply.cursor
        if cursor is None:
            break
    shown["truncated"] = shown["truncated"] or cursor is not None
    data = {"product": query.product, "mode": holder.mode, "account": holder.masked, "endpoint": endpoint, **shown}
    return Answer(data, upstream.sources, text=text_of(f"{row.title} · {holder.mode} {holder.masked}", lines_of(shown)))


def _holder(row: Endpoint, upstream: Acting) -> Holder:
    """Who holds the account; where paper has none because KIS offers none, that is said instead of asking for one."""
    try:
        return upstream.holder(row.id)
    except MissingCredential:
        with suppress(MissingCredential):
            if not row.codes.get("paper") and upstream.holder(BALANCES["stock"][0]).mode == "paper":
                raise WrongMode(
                    f"KIS does not offer {row.title} in paper mode",
                    hint=Hint("KIS_MODE=real 에서 조회하세요.", "Ask for it with KIS_MODE=real."),
                ) from None
        raise


def _joined(whole: dict[str, Any], page: Mapping[str, Any], limit: int) -> dict[str, Any]:
    for name, table in page["tables"].items():
        mine = whole["tables"].setdefault(name, table)
        if mine is not table and table["total"] and len(mine["columns"]) == len(table["columns"]):
            mine["rows"] = [*mine["rows"], *table["rows"]][:limit]
            mine["total"] += table["total"]
    whole["truncated"] = any(len(one["rows"]) < one["total"] for one in whole["tables"].values())
    return whole


async def get_orders(query: GetOrders, upstream: Acting) -> Answer:
    """Orders since a day, newest first: open, executed or all. Raises MissingCredential, WrongMode."""
    holder = upstream.holder(line_of(query.product).lists[0])
    today = f"{upstream.now():%Y%m%d}"
    venues = ("KRX",) if holder.mode == "paper" else DOMESTIC
    listed = await orders(upstream, query.product, query.since or today, today, venues)
    kept = [one for one in listed if _wanted(one, query.status)]
    rows = [one.told() for one in kept[: query.limit]]
    data: dict[str, Any] = {"product": query.product, "mode": holder.mode, "account": holder.masked, "orders": rows}
    data |= {"total": len(kept), "truncated": len(kept) > len(rows)}
    lines = [
        " ".join(cell(row.get(name)) for name in ("order_number", "status", "side", "symbol", "name"))
        + f" {cell(row.get('filled'))}/{cell(row.get('quantity'))} @ {cell(row.get('price'))}"
        for row in rows
    ]
    return Answer(data, upstream.sources, text=text_of(f"주문 {len(kept)}건 · {holder.mode} {holder.masked}", lines))


def _wanted(one: Order, status: str) -> bool:
    if status == "open":
        return bool(one.left) and not one.cancelled
    return bool(one.filled) if status == "executed" else True


LIST: Final = {"type": "array"}
TEXT: Final = {"type": "string"}
OBJECT: Final = {"type": "object"}

TOOLS: Final = (
    Tool(
        name="get_account",
        title="계좌 잔고",
        description="Holdings 잔고, deposit 예수금 and profit 손익 of one product, with KIS's own sums.",
        query=GetAccount,
        output={"type": "object", "properties": {"mode": TEXT, "account": TEXT, "fields": OBJECT, "tables": OBJECT}},
        run=get_account,
        toolset="account",
    ),
    Tool(
        name="get_orders",
        title="주문 내역",
        description="Orders 주문·체결 since a day: number, status, filled, left.",
        query=GetOrders,
        output={
            "type": "object",
            "properties": {"mode": TEXT, "account": TEXT, "orders": LIST, "total": {"type": "integer"}},
        },
        run=get_orders,
        toolset="account",
    ),
)
