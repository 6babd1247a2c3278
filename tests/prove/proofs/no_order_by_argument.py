"""With the reach a server starts with, no argument of any tool makes an order."""

from __future__ import annotations

import json
import random
import string
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import coverage

from dari.core.endpoint import Effect
from dari.providers.kis.spec import SPEC, tr_ids
from dari.providers.kis.tools.trade.spelling import Wish, new_order
from tests.prove.proof import Outcome, Proof
from tests.support import MORNING, simulated
from tests.unit.kis_trade.trading import ACCOUNTS, RATES, simulator_of

ORDERS = [row for row in SPEC if row.effect is Effect.COMMIT and row.scope == "account"]
ORDER_CODES = sorted({code for row in ORDERS for code in (*tr_ids(row), *row.wire["retired"])})
READS = [row for row in SPEC if row.effect is Effect.READ and row.transport == "rest"]
ROOT = Path(__file__).parents[3]
VALIDATORS = (
    "src/dari/providers/kis/tools/trade/asking.py",
    "src/dari/providers/kis/tools/trade/spelling.py",
    "src/dari/providers/kis/dialect/spelling.py",
)
BRANCHES = 90.0
NUMBERS = {"odno", "rsvn_ord_seq", "ovrs_rsvn_odno"}
ABROAD = {"symbol": "AAPL", "exchange": "NASD", "price": 100}
CREDIT = {"more": {"CRDT_TYPE": "자기융자신규", "LOAN_DT": "20261120"}}
WISHES: dict[str, dict[str, Any]] = {
    "stock": {"symbol": "005930", "price": 60_000, "exchange": "KRX"},
    "credit": {"symbol": "005930", "price": 60_000, "exchange": "KRX", **CREDIT},
    "reservation": {"symbol": "005930", "price": 60_000},
    "overseas": ABROAD,
    "overseas_daytime": ABROAD,
    "overseas_reservation": {"symbol": "7203", "exchange": "TKSE", "price": 2_700},
    "future": {"symbol": "101W12", "price": 340},
    "future_night": {"symbol": "101W12", "price": 340},
    "overseas_future": {"symbol": "ESZ26", "price": 4_500},
    "bond": {"symbol": "KR2033022D33", "price": 9_000},
}
"""A good order of every product, at a price that rests."""
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


def question(chance: random.Random, known: list[tuple[str, str]]) -> tuple[str, dict[str, Any]]:
    """A tool and arguments. `known` are open orders by product, entered elsewhere."""
    kind = chance.random()
    row = chance.choice(ORDERS) if kind < 0.25 else chance.choice(READS)
    if kind < 0.55:
        name = chance.choice([row.id, row.id, chance.choice(ORDER_CODES), next(iter(tr_ids(row)), "x"), word(chance)])
        arguments = {"endpoint": name, "parameters": parameters(row, chance), "mode": chance.choice(("", "paper"))}
        if chance.random() < 0.1:
            arguments["cursor"] = chance.choice(('{"tr_id":"VTTC0012U"}', '{"CANO":"1"}', "{", "[]", '"x"'))
        return "call_endpoint", arguments
    if kind < 0.6:
        words = chance.choice((word(chance) or "주문", row.title, row.id))
        return chance.choice((("search_endpoints", {"query": words}), ("describe_endpoint", {"endpoint": words})))
    if kind < 0.8:
        return "plan_order", wished(chance)
    if kind < 0.87:
        return "apply_plan", {"plan_id": word(chance), "fingerprint": word(chance)}
    product, number = chance.choice([*known, (word(chance), word(chance))])
    price = {"price": chance.choice((100, 60_000, 340, 9_800, 0.5))}
    return chance.choice(
        (
            ("plan_modify", {"order_number": number, "product": product, **price}),
            ("plan_cancel", {"order_number": number, "product": product, "quantity": chance.choice((1, 2, 10_000))}),
        )
    )


def wished(chance: random.Random) -> dict[str, Any]:
    """An order: good, or with something wrong or beside it."""
    product, order = chance.choice(list(WISHES.items()))
    order = {"product": product, "side": chance.choice(("buy", "buy", "sell", word(chance))), "quantity": 1, **order}
    if chance.random() < 0.4:
        order.pop("price", None)
    if chance.random() < 0.3:
        order["type"] = chance.choice(("00", "01", "02", "05", "06", "지정가", word(chance)))
    if chance.random() < 0.3:
        name = chance.choice(("tr_id", "ORD_DVSN", "CANO", "PDNO", "ORD_SVR_DVSN_CD", "CRDT_TYPE", "LOAN_DT", "X"))
        order["more"] = {name: chance.choice(("21", "20261120", word(chance)))}
    if chance.random() < 0.2:
        order[chance.choice(("symbol", "exchange", "price", "quantity", "product"))] = word(chance)
    return order


async def entered(trade: Any, mode: str) -> list[tuple[str, str]]:
    """Open orders that somebody entered elsewhere: (product, number). They are in the ledger before the fuzz begins."""
    found = []
    client = trade.runtime.client_of("kis")
    for product, order in WISHES.items():
        if mode == "paper" and product not in {"stock", "overseas", "future"}:
            continue
        fields = {name: value for name, value in order.items() if name != "more"}
        wish = Wish(**{"exchange": "", **fields, "price": Decimal(str(order["price"])), "product": product},
                    side="buy", quantity=3, more=order.get("more", {}))  # fmt: skip
        row, sent = new_order(wish, mode, MORNING.date())
        reply = await client.asking().ask(row.id, sent, mode=mode)
        output = next(iter(value for value in reply.body.values() if isinstance(value, dict)), {})
        numbers = [value for name, value in output.items() if name.lower() in NUMBERS]
        found += [(product, str(numbers[0]))] if numbers else []
    return found


async def half(mode: str, calls: int, chance: random.Random, told: Counter[str]) -> tuple[int, list[str]]:
    """Fuzz a server of one mode; (orders that were not there before, order codes that were sent)."""
    plans: list[Any] = []
    with tempfile.TemporaryDirectory() as folder:
        armed = {"DARI_ORDER_ACCOUNT": f"{ACCOUNTS[mode]}-01", "DARI_ORDER_RATES": RATES, "KIS_MODE": mode}
        caps = {"DARI_ORDER_MAX_KRW": "10000000000", "DARI_ORDER_MAX_DAY_KRW": "1000000000000"}
        async with simulated("kis-trade", Path(folder), **armed, **caps) as trade:  # type: ignore[arg-type]  # settings are text
            known = await entered(trade, mode)
            simulator = simulator_of(trade)
            before, sent = taken(simulator), Counter(simulator.calls)
            for _ in range(calls):
                if plans and chance.random() < 0.1:
                    plan = plans.pop()
                    tool, arguments = "apply_plan", {name: plan[name] for name in ("plan_id", "fingerprint")}
                else:
                    tool, arguments = question(chance, known)
                outcome = await trade.outcome(tool, **arguments)
                told[outcome.error or "ok"] += 1
                if tool.startswith("plan_") and outcome.error is None:
                    told["planned"] += 1
                    plans.append(outcome.structured)
            return taken(simulator) - before, sorted(set(simulator.calls - sent) & set(ORDER_CODES))


def taken(simulator: Any) -> int:
    """Orders and reservations of the ledger."""
    return sum(len(one.orders) + len(one.reservations) for one in simulator.ledger.accounts.values())


async def fuzzed(calls: int, seed: int) -> Outcome:
    """Ask, and look at the ledger."""
    chance, told = random.Random(seed), Counter[str]()
    orders, reached = 0, list[str]()
    for mode in ("paper", "real"):
        more, codes = await half(mode, calls // 2, chance, told)
        orders, reached = orders + more, [*reached, *codes]
    bugs = told["internal"]
    return Outcome(
        holds=not orders and not reached and not bugs,
        figures={"calls": calls, "orders_in_the_ledger": orders, "order_codes_sent": len(reached), **dict(told)},
        seed=str(seed),
        load=f"{calls} calls of eight tools with the default reach, one account armed, paper and real by halves",
        why=f"{orders} orders, {', '.join(reached)} sent, {bugs} internal errors" if orders or reached or bugs else "",
    )


async def covered(calls: int, seed: int) -> Outcome:
    """The same, counting branches of what validates arguments: at least 90 % must have been taken."""
    files = [f"{ROOT}/{name}" for name in VALIDATORS]
    counting = coverage.Coverage(branch=True, data_file=None, include=files, config_file=False)
    counting.start()
    try:
        found = await fuzzed(calls, seed)
    finally:
        counting.stop()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        counting.json_report(outfile=str(report))
        told = json.loads(report.read_text("utf-8"))["files"].values()
    taken_, all_ = (sum(one["summary"][name] for one in told) for name in ("covered_branches", "num_branches"))
    percent = round(100 * taken_ / all_, 1)
    return Outcome(
        holds=found.holds and percent >= BRANCHES,
        figures={**found.figures, "branches_of_validators": all_, "branches_taken_percent": percent},
        seed=found.seed,
        load=found.load,
        why=found.why or ("" if percent >= BRANCHES else f"{percent} % of the validators' branches were taken"),
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
    long=lambda: covered(10_000, 2),
)
