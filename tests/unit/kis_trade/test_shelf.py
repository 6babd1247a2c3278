"""What kis-trade offers to read: every stream has an address, its records say figures, executions are told apart."""

from __future__ import annotations

import pytest

from dari.core.alerts import EXECUTED
from dari.core.errors import InvalidInput, NotFound
from dari.core.live import Tick, Topic
from dari.providers.kis.spec import SPEC
from dari.providers.kis.tools.trade.shelf import SHELF, figures, shown, told
from tests.support import MORNING
from tests.unit.kis_trade.test_realtime import keys

STREAMS = [row.id for row in SPEC if row.transport == "websocket"]


@pytest.mark.parametrize("kind", STREAMS)
def test_every_stream_has_an_address_and_a_table(kind: str) -> None:
    row = SPEC.endpoint(kind)
    _, watched = SHELF.watched(f"kis://realtime/{kind}/{keys(row).replace(' ', '%20')}")
    assert {one.kind for one in watched.topics} == {kind}
    assert watched.scope == ("account" if row.wire["encrypted"] else "market")
    values = {field.name: "1" for field in row.blocks[0].fields}
    record = told(Tick(Topic(kind), values, MORNING))
    assert set(shown(kind)) <= set(record)
    assert len(record) == len(row.blocks[0].fields)


def test_figures_are_read_in_our_units() -> None:
    trade = {"STCK_PRPR": "70000", "PRDY_CTRT": "-1.50", "ACML_VOL": "1234"}
    kind = "domestic_stock.ccnl_krx"
    assert figures(kind, told(Tick(Topic(kind), trade, MORNING))) == {"price": 70000, "change": -1.5, "volume": 1234}
    kind = "overseas_stock.delayed_ccnl"
    assert figures(kind, told(Tick(Topic(kind), {"LAST": "201.5", "TVOL": ""}, MORNING))) == {"price": 201.5}
    kind = "domestic_stock.index_ccnl"
    assert figures(kind, told(Tick(Topic(kind), {"prpr_nmix": "2612.34"}, MORNING)))["price"] == 2612.34
    assert figures("domestic_stock.ccnl_krx", {"price": "–"}) == {}


def test_an_order_that_was_taken_is_no_execution() -> None:
    kind = "domestic_stock.ccnl_notice"
    taken = told(Tick(Topic(kind), {"CNTG_YN": "1", "CNTG_QTY": "5", "ACNT_NO": "6000567801"}, MORNING))
    assert figures(kind, taken) == {}
    assert taken["account_number"] == "********01"
    done = told(Tick(Topic(kind), {"CNTG_YN": "2", "CNTG_QTY": "5"}, MORNING))
    assert figures(kind, done) == {EXECUTED: 5.0}
    assert figures("overseas_futureoption.order_notice", {"executed_quantity": "3"}) == {}
    assert figures("overseas_futureoption.ccnl_notice", {"executed_quantity": "3"}) == {EXECUTED: 3.0}


def test_alerts_and_notices_have_addresses_of_their_own() -> None:
    _, own = SHELF.watched("kis://alert/own")
    assert (own.alert and own.alert.figure, own.scope) == (EXECUTED, "account")
    _, price = SHELF.watched("kis://alert/005930/change/below/-3")
    assert price.alert is not None
    assert (price.alert.above, price.alert.bound) == (False, -3.0)
    _, notice = SHELF.watched("kis://realtime/notice")
    assert notice.topics == (Topic("domestic_stock.ccnl_notice"),)
    for wrong in ("kis://realtime/domestic_stock.inquire_price/005930", "kis://realtime/nothing/005930"):
        with pytest.raises((InvalidInput, NotFound)):
            SHELF.watched(wrong)


def test_prompts_speak_of_tools_that_are_there() -> None:
    for name in ("find_symbol", "get_quote", "get_news"):
        assert name in SHELF.prompt("look_at_symbol", {"symbol": "005930"})[1]
    asked = {"symbol": "005930", "side": "buy", "quantity": "1"}
    assert "apply_plan" in SHELF.prompt("order_step_by_step", asked)[1]
    assert "get_account" in SHELF.prompt("review_account", {})[1]
