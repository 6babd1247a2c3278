"""With the reach a server starts with, no argument of any tool makes an order."""

from __future__ import annotations

import random
import string
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from dari.core.endpoint import Effect
from dari.providers.kis.spec import SPEC, tr_ids
from tests.prove.proof import Outcome, Proof
from tests.support import simulated
from tests.unit.kis_trade.trading import ACCOUNTS, RATES, simulator_of

ORDERS = [row for row in SPEC if row.effect is Effect.COMMIT and row.scope == "account"]
ORDER_CODES = sorted({code for row in ORDERS for code in (*tr_ids(row), *row.wire["retired"])})
READS = [row for row in SPEC if row.effect is Effect.READ and row.transport == "rest"]
STRANGE = (
    "",
    "0",
    "-1",
    "1e9",
    "005930",
    "매수",
    "02",
    "NaN",
    "null",
    "\x00",
    "a" * 300,
    "../x",
    "J",
    "KRX",
    "%",
    "{}",
)


def word(chance: random.Random) -> str:
    """Some text."""
    if chance.random() < 0.7:
        return chance.choice(STRANGE)
    return "".join(chance.choice(string.printable + "주문매도") for _ in range(chance.randrange(12)))


def parameters(row: Any, chance: random.Random) -> dict[str, str]:
    """A row's parameters: good, missing, wrong, too many, or another's."""
    told = {}
    for one in row.parameters:
        if one.name in {"CANO", "ACNT_PRDT_CD"} and chance.random() < 0.9:
            continue
        good = one.sample or one.fixed or next(iter(one.codes), "")
        told[one.name if chance.random() < 0.9 else one.name.lower()] = good if chance.random() < 0.85 else word(chance)
    if chance.random() < 0.2:
        told[chance.choice(("tr_id", "TR_ID", "CANO", "mode", "path", "ORD_QTY"))] = chance.choice(
            (chance.choice(ORDER_CODES), word(chance))
        )
    if told and chance.random() < 0.2:
        told.pop(chance.choice(list(told)))
    return told


def question(chance: random.Random) -> tuple[str, dict[str, Any]]:
    """A tool and arguments."""
    kind = chance.random()
    row = chance.choice(ORDERS) if kind < 0.3 else chance.choice(READS)
    if kind < 0.7:
        name = chance.choice([row.id, row.id, chance.choice(ORDER_CODES), next(iter(tr_ids(row)), "x"), word(chance)])
        arguments = {"endpoint": name, "parameters": parameters(row, chance), "mode": chance.choice(("", "paper"))}
        if chance.random() < 0.1:
            arguments["cursor"] = chance.choice(('{"tr_id":"VTTC0012U"}', '{"CANO":"1"}', "{", "[]", '"x"'))
        return "call_endpoint", arguments
    if kind < 0.85:
        order: dict[str, Any] = {
            "side": chance.choice(("buy", "sell", word(chance))),
            "symbol": "005930",
            "quantity": 1,
        }
        order |= {"more": {chance.choice(("tr_id", "ORD_DVSN", "CANO", "X")): word(chance)}}
        return "plan_order", order | {"product": chance.choice(("stock", "overseas", "future", word(chance)))}
    if kind < 0.95:
        return "apply_plan", {"plan_id": word(chance), "fingerprint": word(chance)}
    return chance.choice(("plan_cancel", "plan_modify")), {"order_number": word(chance), "price": 100, "quantity": 1}


async def fuzzed(calls: int, seed: int) -> Outcome:
    """Ask, and look at the ledger."""
    chance, told = random.Random(seed), Counter[str]()
    plans: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        armed = {"DARI_ORDER_ACCOUNT": f"{ACCOUNTS['paper']}-01", "DARI_ORDER_RATES": RATES, "KIS_MODE": "paper"}
        async with simulated("kis-trade", Path(folder), **armed) as trade:  # type: ignore[arg-type]  # settings are text
            for _ in range(calls):
                if plans and chance.random() < 0.1:
                    plan = plans.pop()
                    tool, arguments = "apply_plan", {name: plan[name] for name in ("plan_id", "fingerprint")}
                else:
                    tool, arguments = question(chance)
                outcome = await trade.outcome(tool, **arguments)
                told[outcome.error or "ok"] += 1
                if tool == "plan_order" and outcome.error is None:
                    plans.append(outcome.structured)
            simulator = simulator_of(trade)
            orders = sum(len(one.orders) + len(one.reservations) for one in simulator.ledger.accounts.values())
            reached = sorted(set(simulator.calls) & set(ORDER_CODES))
    bugs = told["internal"]
    return Outcome(
        holds=not orders and not reached and not bugs,
        figures={"calls": calls, "orders_in_the_ledger": orders, "order_codes_sent": len(reached), **dict(told)},
        seed=str(seed),
        load=f"{calls} calls of six tools with the default reach, one account armed",
        why=f"{orders} orders, {', '.join(reached)} sent, {bugs} internal errors" if orders or reached or bugs else "",
    )


PROOF = Proof(
    name="no-order-by-argument",
    title="With the default reach no argument of any tool sends an order, a change or a cancellation.",
    rooms=(
        "src/dari/serving/dispatch.py",
        "src/dari/serving/plans",
        "src/dari/providers/kis/tools/trade/asking.py",
        "src/dari/providers/kis/tools/trade/endpoints.py",
        "src/dari/providers/kis/tools/trade/spelling.py",
        "src/dari/providers/kis/dialect/spelling.py",
    ),
    short=lambda: fuzzed(400, 1),
    long=lambda: fuzzed(10_000, 2),
)
