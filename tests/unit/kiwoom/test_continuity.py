"""Going on honestly: a failure says so, an old value is marked, a sample is opt-in and marked wherever it is read."""

from __future__ import annotations

import itertools
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from dari.core.errors import (
    CircuitOpen,
    DariError,
    GrantStale,
    InvalidInput,
    Malformed,
    MissingCredential,
    NotFound,
    RateLimited,
    Refused,
    SignInRefused,
    Unreachable,
    WrongMode,
)
from dari.providers.kiwoom.tools import TOOLS
from dari.upstream.client import Rules
from dari.upstream.continuity import ContinuityRules
from dari.upstream.retry import RetryRules
from tests.unit.kiwoom.doubles import Rig, quote

RETRY = RetryRules(attempts=3, first=1.0, longest=2.0, spread=0.0)
DOWN = Unreachable("api down", executed=False)
PRICE = {"stock_code": "005930"}
SAMPLED = {"get_stock_price": PRICE, "get_stock_info": PRICE, "get_stock_history": PRICE}
OTHERS: dict[str, dict[str, Any]] = {
    "get_stock_prices": {"stock_codes": ["005930"]},
    "get_orderbook": PRICE,
    "get_investor_flow": PRICE,
    "search_stocks": {"query": "삼성"},
    "call_endpoint": {"endpoint": "ka10001", "parameters": {"stk_cd": "005930"}},
    **{name: {} for name in ("get_account_info", "get_holdings", "get_open_orders", "get_executions")},
    **{name: {} for name in ("get_ranking", "get_sectors", "get_themes", "connection_status")},
}


async def test_retries_follow_the_document_and_are_logged_once_each(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = Rig(tmp_path, rules=Rules(retry=RETRY), ka10095=DOWN)
    with caplog.at_level(logging.WARNING):
        outcome = await rig.outcome("get_stock_price", **PRICE)
    assert outcome.error == "unreachable"
    times = [
        at for at, one in zip(rig.kiwoom.times, rig.kiwoom.asked, strict=True) if one.headers["api-id"] == "ka10095"
    ]
    assert [round(later - earlier) for earlier, later in itertools.pairwise(times)] == [1, 2]
    warned = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert [text.split(":")[0] for text in warned] == [
        "retry 1/3 of kiwoom ka10095 in 1.0 s",
        "retry 2/3 of kiwoom ka10095 in 2.0 s",
    ]


async def test_a_failure_is_a_failure_by_default(tmp_path: Path) -> None:
    outcome = await Rig(tmp_path, ka10095=DOWN).outcome("get_stock_price", **PRICE)
    assert outcome.structured["success"] is False
    assert "data" not in outcome.structured
    assert "is_sample" not in outcome.structured


async def test_the_last_real_price_stands_in_marked_within_its_age(tmp_path: Path) -> None:
    rig = Rig(tmp_path, rules=Rules(retry=RETRY, continuity=ContinuityRules(300.0)))
    rig.kiwoom.said["ka10095"] = {"atn_stk_infr": [quote()]}
    assert "stale" not in await rig.answer("get_stock_price", **PRICE)
    rig.kiwoom.said["ka10095"] = DOWN
    rig.clock.advance(120.0)
    told = await rig.answer("get_stock_price", **PRICE)
    assert (told["stale"], told["data"]["price"]) == (True, 70100)
    assert 120.0 <= told["stale_seconds"] <= 130.0
    assert told["provenance"][0]["stale"] is True
    rig.kiwoom.said["ka10095"] = {"atn_stk_infr": [quote(cur_prc="-70000")]}
    rig.clock.advance(20.0)
    fresh = await rig.answer("get_stock_price", **PRICE)
    assert ("stale" in fresh, fresh["data"]["price"]) == (False, 70000)
    rig.kiwoom.said["ka10095"] = DOWN
    rig.clock.advance(301.0)
    assert (await rig.outcome("get_stock_price", **PRICE)).error in {"unreachable", "circuit_open"}


async def test_a_person_reads_that_a_value_is_old(tmp_path: Path) -> None:
    rig = Rig(tmp_path, rules=Rules(continuity=ContinuityRules(300.0)), ka10095={"atn_stk_infr": [quote()]})
    await rig.answer("get_stock_price", **PRICE)
    rig.kiwoom.said["ka10095"] = DOWN
    rig.clock.advance(60.0)
    assert (await rig.outcome("get_stock_price", **PRICE)).text.startswith("[이전 값 stale")


@pytest.mark.parametrize("tool", SAMPLED)
async def test_an_opted_in_sample_is_marked_at_the_top_in_its_data_and_as_text(tmp_path: Path, tool: str) -> None:
    rig = Rig(tmp_path, samples=True, rules=Rules(retry=RETRY))
    outcome = await rig.outcome(tool, **SAMPLED[tool])
    told = outcome.structured
    for place in (told, told["data"]):
        assert place["is_sample"] is True
        assert place["source"] == "sample"
        assert place["as_of"] is None
        assert place["error"]["code"] == "unreachable"
    assert told["data"]["note"] == "샘플 데이터 (API 호출 실패)"
    assert told["message"].startswith("[샘플]")
    assert "샘플" in outcome.text
    assert told["provenance"] == []
    assert len(rig.kiwoom.asked) >= 3  # only after the retries are spent


async def test_an_empty_answer_has_the_documents_other_note(tmp_path: Path) -> None:
    rig = Rig(tmp_path, samples=True, ka10095={"atn_stk_infr": "?"})
    told = await rig.answer("get_stock_price", **PRICE)
    assert told["data"]["note"] == "샘플 데이터 (API 응답 없음)"


async def test_a_sample_is_never_kept_and_never_wins_over_a_real_value(tmp_path: Path) -> None:
    rig = Rig(tmp_path, samples=True, rules=Rules(retry=RETRY, continuity=ContinuityRules(300.0)))
    assert (await rig.answer("get_stock_price", **PRICE))["is_sample"] is True
    rig.kiwoom.said["ka10095"] = {"atn_stk_infr": [quote()]}
    real = await rig.answer("get_stock_price", **PRICE)
    assert ("is_sample" in real, real["data"]["price"]) == (False, 70100)
    rig.kiwoom.said["ka10095"] = DOWN
    rig.clock.advance(30.0)
    old = await rig.answer("get_stock_price", **PRICE)
    assert (old["stale"], "is_sample" in old, old["data"]["price"]) == (True, False, 70100)
    kept = [path.read_text() for path in (tmp_path / "state").glob("*.json")]
    assert kept
    assert not any("샘플" in text or '"50000"' in text for text in kept)


@pytest.mark.parametrize("tool", OTHERS)
async def test_everything_else_has_no_sample_at_all(tmp_path: Path, tool: str) -> None:
    outcome = await Rig(tmp_path, samples=True, rules=Rules(retry=RetryRules(attempts=1))).outcome(tool, **OTHERS[tool])
    assert outcome.error is not None
    assert outcome.structured["success"] is False
    assert "is_sample" not in outcome.structured


def test_every_tool_is_on_one_side_of_the_line() -> None:
    by_clock = {"get_market_status", "search_endpoints", "describe_endpoint"}
    elsewhere = {tool.name for tool in TOOLS if tool.toolset in {"realtime", "plans"}}
    assert {tool.name for tool in TOOLS} == set(SAMPLED) | set(OTHERS) | by_clock | elsewhere
    assert {tool.name for tool in TOOLS if tool.sample is not None} == set(SAMPLED)


SILENT = (Unreachable, RateLimited, CircuitOpen, Malformed)
ANSWERED = (Refused, NotFound, SignInRefused, GrantStale, WrongMode, MissingCredential, InvalidInput)


@pytest.mark.parametrize("samples", [False, True])
@pytest.mark.parametrize("kind", [*SILENT, *ANSWERED])
@pytest.mark.parametrize("tool", [*SAMPLED, *OTHERS])
async def test_no_path_tells_a_sample_unmarked(
    tmp_path: Path, tool: str, kind: type[DariError], *, samples: bool
) -> None:
    rig = Rig(tmp_path, samples=samples, rules=Rules(retry=RetryRules(attempts=1)))

    def fail(_: object) -> Any:
        raise kind("test")

    rig.kiwoom.said = dict.fromkeys(["au10001"], fail)
    outcome = await rig.outcome(tool, **{**SAMPLED, **OTHERS}[tool])
    told = json.dumps(outcome.structured, ensure_ascii=False)
    may = samples and kind in SILENT and tool in SAMPLED
    assert (outcome.error is None) is may
    assert ("샘플" in told) is may
    assert ("50000" in told) <= may
    assert (outcome.structured.get("is_sample") is True) is may
    assert (outcome.structured.get("source") == "sample") is may
