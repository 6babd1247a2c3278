"""Paper trading with KIS 모의투자: one look at what is held, exits by stop-loss and take-profit, one entry.

    DARI_REACH=commit DARI_ORDER_ACCOUNT=12345678-01 python examples/paper_trading.py 005930 [--apply]

Without --apply it only plans. It refuses to run with KIS_MODE=real. Orders go by plan → apply: a plan says exactly
what it would do; Dari's own caps (DARI_ORDER_MAX_KRW and others) stand behind the limits of this file.
"""

import asyncio
import os
import sys
from typing import Any

from asking_servers import environment
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from risk import Limits, exit_reason, may_open, quantity

LIMITS = Limits()


class Refused(Exception):
    """A tool said no: the market is closed, a cap is reached, orders are not armed."""


async def ask(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """One tool's structured answer. Raises Refused with the reason and the next step."""
    result = await client.call_tool(tool, arguments)
    told = dict(result.structured_content or {})
    if result.is_error:
        raise Refused(f"{told.get('code')}: {told.get('message')} → {told.get('hint', '')}")
    return told


def rows(answer: dict[str, Any], table: str) -> list[dict[str, Any]]:
    """The rows of a table of an answer, by the names of its columns."""
    told = answer["tables"][table]
    return [dict(zip(told["columns"], row, strict=True)) for row in told["rows"]]


async def order(client: Client, side: str, code: str, count: int, why: str, *, apply: bool) -> None:
    """Plan an order, show it, and apply it where that was asked for."""
    try:
        plan = await ask(client, "plan_order", side=side, symbol=code, quantity=count)
        print(f"{why}: planned {side} {count} × {code}")
        if apply:
            done = await ask(client, "apply_plan", plan_id=plan["plan_id"], fingerprint=plan["fingerprint"])
            print(f"  outcome: {done['outcome']}")
    except Refused as refused:
        print(f"{why}: {side} {count} × {code} refused: {refused}")


async def main(code: str, *, apply: bool) -> None:
    """One round; a real program repeats it, and sleeps."""
    if os.environ.get("KIS_MODE", "paper") != "paper":
        raise SystemExit("this is for paper trading: KIS_MODE must be paper")
    start = StdioServerParameters(command=sys.executable, args=["-m", "dari", "serve", "kis-trade"], env=environment())
    async with Client(stdio_client(start)) as client:
        account = await ask(client, "get_account")
        held = [one for one in rows(account, "output1") if one["holding_quantity"]]
        (sums,) = rows(account, "output2")
        cash = int(sums["deposit_d2"])
        equity = cash + int(sums["securities_valuation_amount"])
        print(f"paper account: {cash:,}원 in cash, {len(held)} positions, {equity:,}원 in all")
        for one in held:
            reason = exit_reason(int(one["average_purchase_price"]), int(one["price"]), LIMITS)
            if reason:
                await order(client, "sell", one["product_code"], one["holding_quantity"], reason, apply=apply)
        quote = await ask(client, "get_quote", symbol=code)
        price = int(quote["price"])
        count = min(
            quantity(cash, equity, price, LIMITS), int(os.environ.get("DARI_ORDER_MAX_KRW", "1000000")) // price
        )
        if count and may_open(len(held), equity, equity, LIMITS):
            await order(client, "buy", code, count, "entry", apply=apply)
        else:
            print("no entry: limits")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "005930", apply="--apply" in sys.argv))
