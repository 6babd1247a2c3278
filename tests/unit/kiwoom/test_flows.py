"""The unit of an amount is found by the rows' own arithmetic."""

from __future__ import annotations

from typing import Any

import pytest

from dari.providers.kiwoom.flows import unit_of


def row(shares: int, price: int, amount: int | None) -> dict[str, Any]:
    return {"net_sell_qty": shares, "estimated_average_price": price, "net_sell_amount": amount}


@pytest.mark.parametrize("scale", [1, 1_000, 10_000, 1_000_000])
def test_the_scale_that_fits_most_rows_is_taken(scale: int) -> None:
    rows = [row(-4_464, 57_056, -4_464 * 57_000 // scale), row(100_000, 9_000, 905_000_000 // scale), row(5, 100, None)]
    assert unit_of(rows) == scale


def test_without_anything_to_go_by_the_table_is_believed() -> None:
    assert unit_of([row(0, 0, 0)]) == 1
