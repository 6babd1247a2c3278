"""The judge of answers without a key is not blind."""

from __future__ import annotations

from typing import Any

import pytest

from tests.prove.keys_away import judged

KEY = "DART_API_KEY"
GAP = {"field": "ranking[].treasury_stock_ratio", "reason": "KIS tells none", "filled_by": KEY}


def answer(*, ratio: float | None = 1.5, price: int | None = 100, gap: dict[str, Any] | None = None) -> dict[str, Any]:
    rows = [{"stock_code": "005930", "current_price": price, "treasury_stock_ratio": ratio}]
    return {"ranking": rows, "gaps": [gap] if gap else [], "provenance": [{"as_of": None}]}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (answer(ratio=None, gap=GAP), ""),
        (answer(gap=GAP), "loses"),  # what needs the key is told all the same
        (answer(ratio=None, price=None, gap=GAP), "current_price"),  # more is lost than needs it
        (answer(ratio=None), "names"),  # nobody says which key
        (answer(ratio=None, gap={**GAP, "filled_by": "KRX_AUTH_KEY"}), "names"),
        (answer(ratio=None, price=101, gap=GAP), "other figures"),
    ],
)
def test_only_what_needs_the_key_may_be_null(told: dict[str, Any], said: str) -> None:
    found = list(judged("dart", "sizes", told, answer(), KEY))
    assert any(said in one for one in found) if said else found == []


def test_an_answer_that_needs_no_such_key_may_not_change() -> None:
    assert list(judged("dart", "foreign", answer(), answer(), KEY)) == []
    assert list(judged("dart", "foreign", answer(price=1), answer(), KEY)) == ["tells other figures"]
