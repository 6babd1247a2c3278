"""What the server kiwoom offers to read: every type and live screens have an address, and records say figures."""

from __future__ import annotations

from typing import get_args

import pytest

from dari.core.alerts import EXECUTED
from dari.core.errors import InvalidInput
from dari.core.live import Tick, Topic
from dari.providers.kiwoom.tools.realtime import WITHOUT_ITEM, Kind
from dari.providers.kiwoom.tools.shelf import SHELF, figures, shown, told
from tests.support import MORNING


@pytest.mark.parametrize("kind", get_args(Kind))
def test_every_type_has_an_address_and_a_table(kind: str) -> None:
    item = "" if kind in WITHOUT_ITEM else "/4" if kind == "screen" else "/005930"
    _, watched = SHELF.watched(f"kiwoom://realtime/{kind}{item}")
    assert watched.topics == (Topic(kind, item[1:]),)
    assert watched.scope == ("account" if kind in WITHOUT_ITEM else "market")
    assert shown(kind)


def test_a_hit_of_a_screen_is_told() -> None:
    record = told(Tick(Topic("screen", "4"), {"841": "4", "9001": "005930", "843": "I"}, MORNING))
    assert record["code"] == "005930"
    assert record["insert_or_delete"] == "I"


def test_figures_drop_the_sign_that_means_direction() -> None:
    record = told(Tick(Topic("0B", "005930"), {"10": "-70100", "11": "-800", "12": "-1.13", "13": "5000"}, MORNING))
    assert figures("0B", record) == {"price": 70100, "change": -1.13, "volume": 5000}
    taken = told(Tick(Topic("00"), {"9201": "1234567890", "911": "", "915": ""}, MORNING))
    assert figures("00", taken) == {EXECUTED: 0.0}
    assert taken["account_no"] == "******7890"
    assert figures("00", told(Tick(Topic("00"), {"911": "30", "915": "10"}, MORNING))) == {EXECUTED: 10.0}


def test_plain_names_are_those_of_kis_and_wrong_ones_are_told_the_list() -> None:
    for plain, kind in (("trade", "0B"), ("book", "0D")):
        assert SHELF.watched(f"kiwoom://realtime/{plain}/005930")[1].topics == (Topic(kind, "005930"),)
    assert SHELF.watched("kiwoom://realtime/notice")[1].topics == (Topic("00"),)
    assert SHELF.watched("kiwoom://alert/own")[1].scope == "account"
    alert = SHELF.watched("kiwoom://alert/005930/volume/above/10")[1].alert
    assert alert is not None
    assert alert.bound == 10.0
    with pytest.raises(InvalidInput) as refused:
        SHELF.watched("kiwoom://realtime/colour/005930")
    assert "0B" in refused.value.details["allowed"]
