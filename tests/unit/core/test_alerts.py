"""Alerts as a person or an address writes them, and when they go off."""

from __future__ import annotations

import pytest

from dari.core.alerts import EXECUTED, Alert, Watch, bound, written
from dari.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("price>=70,000", Alert("price", above=True, bound=70_000.0)),
        ("005930:change <= -3.5", Alert("change", above=False, bound=-3.5, item="005930")),
        ("dnasaapl:price<200", Alert("price", above=False, bound=200.0, item="DNASAAPL")),
        ("volume>1000000", Alert("volume", above=True, bound=1e6)),
        ("own", Alert(EXECUTED)),
        ("체결", Alert(EXECUTED)),
    ],
)
def test_an_alert_is_read_as_it_is_written(said: str, meant: Alert) -> None:
    assert written(said) == meant


@pytest.mark.parametrize("said", ["", "price", "colour>=1", "price=>1", "price>=1.2.3", "executed>=1", "a b:price>1"])
def test_what_is_no_alert_is_refused_with_examples(said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        written(said)
    assert refused.value.details["parameter"] in {"alert", "number"}


def test_the_parts_of_an_address_are_named_when_wrong() -> None:
    assert bound("price", "below", "1,000") == Alert("price", above=False, bound=1000.0)
    wrongs = {"figure": ("executed", "above", "1"), "side": ("price", "over", "1"), "number": ("price", "above", "x")}
    for wrong, parts in wrongs.items():
        with pytest.raises(InvalidInput) as refused:
            bound(*parts)
        assert refused.value.details["parameter"] == wrong


def test_a_bound_goes_off_when_it_is_reached_and_not_again_before_it_was_left() -> None:
    watch = Watch((bound("price", "above", "100"),))
    heard = [len(watch.heard("005930", {"price": price})) for price in (99, 100, 101, 99.9, 100, 100)]
    assert heard == [0, 1, 0, 0, 1, 0]
    assert len(watch.heard("000660", {"price": 100})) == 1  # each item for itself
    assert watch.heard("035720", {"volume": 5}) == ()


def test_an_alert_of_one_item_is_deaf_to_the_others() -> None:
    watch = Watch((written("005930:volume>10"),))
    assert watch.heard("000660", {"volume": 11}) == ()
    (fired,) = watch.heard("005930", {"volume": 11})
    assert fired.told() == {"alert": "005930: volume ≥ 10", "item": "005930", "figure": "volume", "value": 11}


def test_every_execution_of_ones_own_goes_off() -> None:
    watch = Watch((written("own"),))
    assert [len(watch.heard("", {EXECUTED: quantity})) for quantity in (3, 3, 0)] == [1, 1, 0]
    assert str(watch.alerts[0]) == "own execution 체결"
