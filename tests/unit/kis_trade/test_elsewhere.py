"""Ticks, lots, hours and multipliers outside domestic stocks: from KIS's own fields, or said to be unchecked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dari.core.errors import InvalidInput
from dari.core.exchange import Reply
from dari.core.tool import Standing as Signed
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.checks import Standing
from dari.providers.kis.tools.trade.elsewhere import MULTIPLIERS, Rules, check, rules_of
from tests.support import MORNING
from tests.unit.kis_trade.trading import trading


class Telling:
    """An upstream that tells one row, whatever is asked."""

    def __init__(self, mode: str = "real", **row: str) -> None:
        self.row, self.mode, self.asked = row, mode, ""

    def now(self) -> datetime:
        return MORNING

    async def standing(self, *, scope: str = "account") -> Signed:
        assert scope == "market"
        return Signed(self.mode, None)

    async def ask(self, endpoint: str, _: Mapping[str, str] | None = None, **__: Any) -> Reply:
        self.asked = endpoint
        name = next(block.name for block in SPEC.endpoint(endpoint).blocks)
        body: dict[str, Any] = {name: dict(self.row)} if name else dict(self.row)
        return Reply(body=body, fetched_at=MORNING)


NOW = Standing(price=Decimal(350), low=None, high=None, lot=1, etp=False, halted=False, name="")


async def rules(product: str, symbol: str, telling: Telling, now: Standing = NOW) -> Rules:
    upstream: Any = telling
    return await rules_of(upstream, product, symbol, "NASD" if product.startswith("overseas") else "", now)


def said(found: Rules) -> str:
    return " ".join(gap.reason for gap in found.gaps)


async def test_a_share_abroad_has_the_tick_and_lot_kis_tells() -> None:
    found = await rules("overseas", "AAPL", Telling(e_hogau="0.0100", vnit="100", e_ordyn="매매 가능"))
    assert (found.tick, found.lot) == (Decimal("0.0100"), 100)
    assert "unchecked: hours" in said(found)
    with pytest.raises(InvalidInput) as refused:
        check(found, Decimal("100.005"), 100)
    assert refused.value.details["allowed"] == ["100.0000", "100.0100"]
    with pytest.raises(InvalidInput, match="the lot is 100"):
        check(found, Decimal("100.01"), 150)
    check(found, Decimal("100.01"), 200)


@pytest.mark.parametrize("words", ["매매 불가", "거래정지"])
async def test_what_kis_says_is_not_traded_is_refused(words: str) -> None:
    with pytest.raises(InvalidInput, match="not traded"):
        await rules("overseas", "AAPL", Telling(e_ordyn=words))


async def test_on_paper_the_tick_abroad_is_unchecked_and_nothing_is_asked() -> None:
    telling = Telling(mode="paper")
    assert "unchecked: tick and lot" in said(await rules("overseas", "AAPL", telling))
    assert telling.asked == ""
    assert "unchecked: tick" in said(await rules("overseas", "AAPL", Telling(e_hogau="0.0000")))


async def test_a_contract_abroad_is_worth_its_tick_value() -> None:
    hours = {"mrkt_open_date": "20261120", "mrkt_open_time": "070000", "mrkt_close_date": "20261121"}
    terms = {"tick_sz": "0.00005", "tick_val": "5", "ctrt_size": "100000", "crc_cd": "USD"}  # KIS's own sample
    found = await rules("overseas_future", "CNHZ26", Telling(**terms, **hours, mrkt_close_time="060000"))
    assert (found.unit, found.tick, found.currency) == (Decimal(100_000), Decimal("0.00005"), "USD")
    assert found.gaps == ()
    closed = hours | {"mrkt_open_date": "20261119", "mrkt_close_date": "20261120"}
    found = await rules("overseas_future", "CNHZ26", Telling(**terms, **closed, mrkt_close_time="060000"))
    assert "outside the hours KIS tells" in said(found)


async def test_an_option_without_a_tick_is_worth_its_size() -> None:
    telling = Telling(tick_sz="0", tick_val="2.5", ctrt_size="50", crc_cd="USD")  # KIS's own sample of an option
    found = await rules("overseas_future", "OESU24 C5500", telling)
    assert telling.asked.endswith("opt_detail")
    assert found.unit == 50
    assert "unchecked: tick" in said(found)
    assert "unchecked: hours" in said(found)
    nothing = await rules("overseas_future", "ESZ26", Telling())
    assert nothing.unit is None
    assert "unchecked: multiplier" in said(nothing)


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000])
async def test_a_multiplier_is_true_where_the_days_turnover_says_the_same(scale: int) -> None:
    value = 1_000 * 352 * 250_000 // scale
    found = await rules("future", "101W12", Telling(acml_vol="1000", acml_tr_pbmn=str(value)))
    assert found.unit == 250_000
    assert "multiplier" not in said(found)


async def test_kis_own_sample_agrees_with_the_multiplier() -> None:
    now = Standing(price=Decimal("395.00"), low=None, high=None, lot=1, etp=False, halted=False, name="")
    found = await rules("future", "101S03", Telling(acml_vol="220924", acml_tr_pbmn="21741293338"), now)
    assert found.unit == 250_000
    assert "multiplier" not in said(found)


async def test_a_multiplier_that_cannot_be_seen_is_said_to_be_unchecked() -> None:
    found = await rules("future", "101W12", Telling(acml_vol="0", acml_tr_pbmn="0"))
    assert found.unit == 250_000
    assert "unchecked: multiplier" in said(found)
    other = await rules("future", "101W12", Telling(acml_vol="1000", acml_tr_pbmn=str(1_000 * 350 * 50_000)))
    assert other.unit is None
    assert "turnover says otherwise" in said(other)
    unknown = await rules("future", "111W12", Telling())
    assert unknown.unit is None


async def test_a_bond_is_unchecked_but_counted() -> None:
    found = await rules("bond", "KR2033022D33", Telling())
    assert found.unit == Decimal("0.1")
    assert "unchecked: tick and hours" in said(found)
    assert (await rules("stock", "005930", Telling())).gaps == ()


@pytest.mark.parametrize("symbol", ["101W12", "105W12", "106W12", "201W12350"])
async def test_the_simulated_market_shows_each_multiplier(tmp_path: Path, symbol: str) -> None:
    async with trading(tmp_path, mode="real", product="03") as trade:
        plan = await trade.answer("plan_order", side="buy", symbol=symbol, quantity=1, product="future")
    assert "multiplier" not in str(plan["gaps"])
    assert symbol[:3] in MULTIPLIERS
