"""Orders over the simulator: planned, done once, looked up when the answer is lost, and never sent twice."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dari.core.acts import Holder, holder
from dari.providers.kiwoom.simulator import MOCK_KEY
from dari.providers.kiwoom.spec import SPEC
from dari.providers.kiwoom.tools import orders
from dari.providers.kiwoom.tools.orders import ACTS, ENDPOINTS, PlanOrder, _parameters
from dari.serving.dispatch import Outcome
from dari.upstream.wire import Wire
from tests.support import Asker, StillClock, simulated

ARMED = {
    "DARI_REACH": "commit",
    "DARI_ORDER_ACCOUNT": MOCK_KEY.account,
    "DARI_ORDER_MAX_KRW": "10000000",
    "DARI_ORDER_MAX_DAY_KRW": "50000000",
    "DARI_ORDER_PER_MINUTE": "100",
}
BUY = {"action": "buy", "stock_code": "005930", "quantity": 3, "price": 67000}


class Market:
    """A server with orders, and the switches of the simulator behind it."""

    def __init__(self, asker: Asker, app: Any) -> None:
        self.asker, self.app = asker, app

    async def switch(self, name: str, method: str = "POST", **values: Any) -> Any:
        transport = httpx2.ASGITransport(app=self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://x") as http:
            told = await http.request(method, f"/__sim__/{name}", json=values)
        assert told.status_code == 200, told.text
        return told.json()

    async def plan(self, **query: Any) -> dict[str, Any]:
        return dict((await self.asker.answer("plan_order", **query))["data"])

    async def apply(self, plan: dict[str, Any]) -> Outcome:
        arguments = {"plan_id": plan["plan_id"], "fingerprint": plan["fingerprint"]}
        return await self.asker.outcome("apply_plan", **arguments)

    async def done(self, **query: Any) -> dict[str, Any]:
        outcome = await self.apply(await self.plan(**query))
        assert outcome.error is None, outcome.text
        return dict(outcome.structured)

    async def orders_sent(self) -> int:
        calls = (await self.switch("stats"))["calls"]
        return sum(count for api, count in flat(calls).items() if api in ACTS)

    def pass_by(self, seconds: float) -> None:
        """Let time pass, for the market and for us."""
        clock = self.asker.clock
        assert isinstance(clock, StillClock)
        assert clock.at is not None
        clock.at += timedelta(seconds=seconds)
        clock.advance(seconds)

    async def open_orders(self) -> list[list[Any]]:
        return list((await self.asker.answer("get_open_orders"))["data"]["rows"])


def flat(calls: Any) -> dict[str, int]:
    """Calls by api-id, however the simulator groups them."""
    found: dict[str, int] = {}
    for name, value in calls.items():
        if isinstance(value, dict):
            for api, count in flat(value).items():
                found[api] = found.get(api, 0) + count
        else:
            api = name.split()[-1].split(":")[-1]
            found[api] = found.get(api, 0) + value
    return found


@asynccontextmanager
async def market(folder: Path, monkeypatch: pytest.MonkeyPatch, **more: str) -> AsyncIterator[Market]:
    apps: list[Any] = []
    to_app = Wire.to_app.__func__  # type: ignore[attr-defined]  # the function behind the class method

    def kept(cls: type[Wire], app: Any) -> Wire:
        apps.append(app)
        wire: Wire = to_app(cls, app)
        return wire

    monkeypatch.setattr(Wire, "to_app", classmethod(kept))
    environment: dict[str, Any] = {"KIWOOM_MODE": "mock", **ARMED, **more}
    async with simulated("kiwoom", folder, seed=7, **environment) as asker:
        yield Market(asker, apps[0])


@pytest.mark.parametrize("account", ENDPOINTS)
@pytest.mark.parametrize("action", ["buy", "sell", "amend", "cancel"])
def test_every_body_has_the_fields_of_its_sheet_and_no_other(account: str, action: str) -> None:
    fresh = action in {"buy", "sell"}
    query = PlanOrder.model_validate(
        {
            "action": action,
            "account": account,
            "stock_code": "M04020000" if account == "gold" else "005930",
            "quantity": 3,
            "price": None if action == "cancel" else 67000,
            "order_no": None if fresh else "0000123",
        }
    )
    row = SPEC.endpoint(ENDPOINTS[account][action])
    body = _parameters(query)
    assert set(body) <= {one.name for one in row.parameters}
    assert {one.name for one in row.parameters if one.required} <= set(body)
    for one in row.parameters:
        if one.name in body and one.codes:
            assert body[one.name] in one.codes


def test_every_kind_of_order_of_the_sheet_can_be_planned() -> None:
    for endpoint in ("kt10000", "kt10001", "kt10006", "kt10007"):
        row = SPEC.endpoint(endpoint)
        codes = next(dict(one.codes) for one in row.parameters if one.name == "trde_tp")
        assert set(orders.TYPES.values()) == set(codes)
    row = SPEC.endpoint("kt50000")
    assert set(orders.GOLD_TYPES.values()) == set(next(one.codes for one in row.parameters if one.name == "trde_tp"))


@pytest.mark.parametrize("kind", orders.TYPES)
async def test_each_kind_of_order_goes_as_its_sheet_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Its fate is the desk's: what trades outside the hours is refused then, and surely not done."""
    more: dict[str, Any] = {"price": 66000} if kind in orders.PRICED else {}
    more |= {"stop_price": 67000} if kind == orders.STOP else {}
    async with market(tmp_path, monkeypatch) as kiwoom:
        plan = await kiwoom.plan(action="buy", stock_code="005930", quantity=1, order_type=kind, **more)
        assert kind in plan["effect"]
        outcome = await kiwoom.apply(plan)
        if kind in {"pre_open", "post_close", "evening"}:
            assert outcome.structured["details"]["outcome"] == "not_done"
        else:
            assert outcome.structured["outcome"] == "done", outcome.text
        assert await kiwoom.orders_sent() == 1


async def test_a_plan_sends_nothing_and_says_exactly_what_would_be_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        plan = await kiwoom.plan(**BUY)
        assert plan["effect"] == "모의 mock 현금 매수 005930 3주 limit 67,000원 KRX"
        assert (plan["mode"], plan["account"], plan["amount_krw"]) == ("paper", "******0011", 201_000)
        assert await kiwoom.orders_sent() == 0


async def test_an_order_is_done_once_found_amended_and_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        plan = await kiwoom.plan(**BUY)
        first = await kiwoom.apply(plan)
        assert first.error is None, first.text
        again = await kiwoom.apply(plan)
        assert again.error == "plan_refused"
        number = first.structured["found"]["order_no"]
        assert [row[0] for row in await kiwoom.open_orders()] == [number]
        change = {"stock_code": "005930", "order_no": number}
        amended = await kiwoom.done(action="amend", quantity=3, price=66900, **change)
        later = amended["found"]["order_no"]
        cancelled = await kiwoom.done(action="cancel", quantity=0, stock_code="005930", order_no=later)
        assert cancelled["outcome"] == "done"
        assert await kiwoom.open_orders() == []
        assert await kiwoom.orders_sent() == 3


FAULTS = ("error_before", "error_after", "reset", "html", "drop", "refuse", "unauthorized")


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_lost_answer_is_looked_up_and_never_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        plan = await kiwoom.plan(**BUY)
        await kiwoom.switch("faults", kind=fault, api_id="kt10000", times=1)
        outcome = await kiwoom.apply(plan)
        assert (await kiwoom.switch("stats"))["faults"]["met"], "the fault was never met"
        kiwoom.pass_by(61.0)
        told = (await kiwoom.asker.answer("order_status", plan_id=plan["plan_id"]))["outcome"]
        truth = await kiwoom.open_orders()
        assert told == ("done" if truth else "not_done")
        assert len(truth) <= 1
        if outcome.error is None:
            assert len(truth) == 1


@pytest.mark.parametrize("seed", range(int(os.environ.get("ORDER_RUNS", "40")) // 20))
async def test_whatever_fails_there_is_never_an_order_too_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Twenty plans a world, each with a fault by chance, applied up to three times at once, and once more later."""
    chance = random.Random(seed)
    caps = {"DARI_ORDER_MAX_DAY_KRW": "99999999999", "DARI_ORDER_PER_MINUTE": "9999"}
    async with market(tmp_path, monkeypatch, **caps) as kiwoom:
        for number in range(20):
            before = {row[0] for row in await kiwoom.open_orders()}
            plan = await kiwoom.plan(**{**BUY, "quantity": 1 + number, "price": chance.choice([65000, 66000, 67000])})
            for _ in range(chance.randrange(3)):
                api = chance.choice(["kt10000", "kt10000", "ka10075", "ka10076", "ka10095", "ka00001"])
                await kiwoom.switch("faults", kind=chance.choice(FAULTS), api_id=api, times=chance.randrange(1, 4))
            outcomes = await asyncio.gather(*(kiwoom.apply(plan) for _ in range(chance.randrange(1, 4))))
            kiwoom.pass_by(61.0)
            await kiwoom.switch("faults", "DELETE")
            late = await kiwoom.apply(plan)
            told = (await kiwoom.asker.answer("order_status", plan_id=plan["plan_id"]))["outcome"]
            new = {row[0] for row in await kiwoom.open_orders()} - before
            done = sum(one.error is None for one in (*outcomes, late))
            assert len(new) <= 1, (seed, number)
            assert done <= 1, (seed, number)
            assert (told == "done") is (len(new) == 1), (seed, number, told, new)
            if done:
                assert len(new) == 1


async def test_an_order_kiwoom_refuses_is_surely_not_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        plan = await kiwoom.plan(action="sell", stock_code="000660", quantity=20, order_type="market")
        outcome = await kiwoom.apply(plan)
        assert outcome.error == "refused", outcome.text
        assert outcome.structured["details"]["outcome"] == "not_done"
        assert await kiwoom.open_orders() == []


@pytest.mark.parametrize(
    ("settings", "query", "said"),
    [
        ({"DARI_ORDER_MAX_KRW": "100000"}, BUY, "at once"),
        ({"DARI_ORDER_SYMBOLS": "000660"}, BUY, "not on the list"),
        ({}, {**BUY, "order_type": "market", "price": None, "quantity": 500}, "at once"),
    ],
)
async def test_local_caps_refuse_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], query: dict[str, Any], said: str
) -> None:
    async with market(tmp_path, monkeypatch, **settings) as kiwoom:
        outcome = await kiwoom.asker.outcome("plan_order", **query)
        assert outcome.error == "not_allowed"
        assert said in outcome.structured["error"]
        assert outcome.structured["success"] is False


@pytest.mark.parametrize("more", [{"DARI_ORDER_ACCOUNT": ""}, {"DARI_ORDER_ACCOUNT": "1"}, {"DARI_REACH": "read"}])
async def test_unarmed_nothing_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: dict[str, str]) -> None:
    async with market(tmp_path, monkeypatch, **more) as kiwoom:
        outcome = await kiwoom.apply(await kiwoom.plan(**BUY))
        assert outcome.error == "not_allowed"
        assert await kiwoom.orders_sent() == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {**BUY, "price": None},
        {**BUY, "order_type": "market"},
        {**BUY, "quantity": 0},
        {**BUY, "order_type": "colour"},
        {**BUY, "order_type": "stop"},
        {**BUY, "stop_price": 67000},
        {**BUY, "order_type": "stop", "stop_price": 1_000_000},
        {**BUY, "order_no": "0000123"},
        {**BUY, "action": "cancel"},
        {**BUY, "action": "amend"},
        {**BUY, "account": "gold", "order_type": "market", "price": None},
        {**BUY, "account": "gold", "venue": "NXT"},
        {**BUY, "price": 1_000_000},
        {**BUY, "confirm": True},
    ],
)
async def test_an_order_of_no_sense_is_refused_before_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: dict[str, Any]
) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        assert (await kiwoom.asker.outcome("plan_order", **wrong)).error == "invalid_input"
        assert await kiwoom.orders_sent() == 0


async def test_what_is_not_open_cannot_be_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        asked = {"action": "cancel", "stock_code": "005930", "quantity": 0, "order_no": "0000123"}
        assert (await kiwoom.asker.outcome("plan_order", **asked)).error == "not_found"
        done = await kiwoom.done(**BUY)
        too_many = {**asked, "quantity": 4, "order_no": done["found"]["order_no"]}
        assert (await kiwoom.asker.outcome("plan_order", **too_many)).error == "invalid_input"


async def test_a_changed_order_refuses_its_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        number = (await kiwoom.done(**BUY))["found"]["order_no"]
        change = {"stock_code": "005930", "order_no": number}
        plan = await kiwoom.plan(action="cancel", quantity=0, **change)
        await kiwoom.done(action="cancel", quantity=1, **change)
        outcome = await kiwoom.apply(plan)
        assert outcome.error in {"plan_refused", "not_found"}


async def test_a_gold_order_goes_its_own_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        plan = await kiwoom.plan(action="buy", stock_code="M04020000", quantity=1, price=100_000, account="gold")
        assert "금현물 매수 M04020000" in plan["effect"]
        outcome = await kiwoom.apply(plan)
        assert outcome.error in {None, "refused", "wrong_mode"}, outcome.text


async def test_no_order_is_planned_on_an_old_price(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with market(tmp_path, monkeypatch, KIWOOM_SAMPLE_FALLBACK="1", KIWOOM_STALE_SECONDS="300") as kiwoom:
        await kiwoom.asker.answer("get_stock_price", stock_code="005930")
        await kiwoom.switch("faults", kind="error_before", api_id="ka10095", times=99)
        kiwoom.pass_by(60.0)
        shown = await kiwoom.asker.answer("get_stock_price", stock_code="005930")
        assert shown["stale"] is True
        outcome = await kiwoom.asker.outcome("plan_order", **BUY)
        assert outcome.error == "plan_refused"
        assert "is_sample" not in outcome.structured


async def test_an_order_that_filled_nothing_at_once_is_found_in_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        plan = await kiwoom.plan(**{**BUY, "price": 60000, "order_type": "limit_ioc"})
        await kiwoom.switch("faults", kind="error_after", api_id="kt10000", times=1)
        outcome = await kiwoom.apply(plan)
        assert await kiwoom.open_orders() == []
        assert outcome.error is None, outcome.text
        assert outcome.structured["found"]["executed"] == 0


async def test_a_market_order_refuses_a_price_that_ran_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        asked = {"action": "buy", "stock_code": "005930", "quantity": 1, "order_type": "market"}
        plan, calm = await kiwoom.plan(**asked), await kiwoom.plan(**{**asked, "quantity": 2})
        honest = orders._facts

        async def moved(*arguments: Any, **more: Any) -> dict[str, Any]:
            facts = await honest(*arguments, **more)
            return {**facts, "price": round(facts["price"] * 1.021)}

        monkeypatch.setattr(orders, "_facts", moved)
        outcome = await kiwoom.apply(plan)
        assert (outcome.error, outcome.structured["details"]["reason"]) == ("plan_refused", "changed")
        monkeypatch.setattr(orders, "_facts", honest)
        assert (await kiwoom.apply(calm)).error is None
        assert await kiwoom.orders_sent() == 1


async def test_a_key_of_another_account_cannot_do_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        plan = await kiwoom.plan(**BUY)

        async def another(_: object) -> Holder:
            return holder("paper", "9999999999")

        monkeypatch.setattr(orders, "_owner", another)
        outcome = await kiwoom.apply(plan)
        assert (outcome.error, outcome.structured["details"]["reason"]) == ("plan_refused", "changed")
        assert await kiwoom.orders_sent() == 0


async def test_a_stock_without_a_quote_cannot_be_ordered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with market(tmp_path, monkeypatch) as kiwoom:
        assert (await kiwoom.asker.outcome("plan_order", **{**BUY, "stock_code": "ZZZZZZ"})).error == "not_found"
