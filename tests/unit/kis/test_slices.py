"""The exact top out of rankings of thirty rows, for random worlds, with few questions."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dari.providers.kis.models import Ranked
from dari.providers.kis.tools.slices import SHOWN, Slice, top


def issue(code: int, price: int, value: int) -> Ranked:
    return Ranked(f"{code:06d}", "이름", price, 0, 0.0, 1, value, None, None, None)


def key(row: Ranked) -> tuple[int, str]:
    return (-row.value, row.code)


class Market:
    """A ranking that shows thirty rows of a band and counts the questions."""

    def __init__(self, markets: dict[str, list[Ranked]]) -> None:
        self.markets = markets
        self.asked: list[Slice] = []

    async def ask(self, band: Slice) -> list[Ranked]:
        self.asked.append(band)
        inside = [
            row
            for row in self.markets[band.market]
            if (band.low is None or row.price >= band.low) and (band.high is None or row.price <= band.high)
        ]
        return sorted(inside, key=key)[:SHOWN]


rows = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 40)), min_size=0, max_size=160).map(
    lambda pairs: [issue(number, price * 5, value) for number, (price, value) in enumerate(pairs)]
)


@settings(max_examples=300, deadline=None)
@given(one=rows, other=rows, count=st.integers(1, 80))
async def test_it_is_exact_or_says_where_it_is_not(one: list[Ranked], other: list[Ranked], count: int) -> None:
    other = [issue(int(row.code) + 500, row.price, row.value) for row in other]
    found = await top(Market({"A": one, "B": other}).ask, ("A", "B"), count, key)
    right = sorted([*one, *other], key=key)[:count]
    if not found.uncertain:
        assert [row for _, row in found.rows] == right
    else:  # only a price that alone fills a reply cannot be split
        for band in found.uncertain:
            crowd = [row for row in (one if band.market == "A" else other) if row.price == band.low]
            assert len(crowd) >= SHOWN


async def test_where_thirty_rows_reach_one_question_is_enough() -> None:
    market = Market({"A": [issue(number, 100 + number, 1000 - number) for number in range(200)]})
    await top(market.ask, ("A",), 30, key)
    assert len(market.asked) == 1


async def test_fifty_of_two_markets_cost_a_few_questions_more() -> None:
    market = Market(
        {
            "A": [issue(number, 100 + number * 7 % 1000, 9000 - number) for number in range(900)],
            "B": [issue(5000 + number, 100 + number * 3 % 1000, 500 - number) for number in range(400)],
        }
    )
    found = await top(market.ask, ("A", "B"), 50, key)
    assert [row.value for _, row in found.rows] == list(range(9000, 8950, -1))
    assert {market for market, _ in found.rows} == {"A"}
    assert len(market.asked) <= 6


async def test_one_price_for_everybody_is_said_to_be_uncertain() -> None:
    market = Market({"A": [issue(number, 1000, number) for number in range(60)]})
    found = await top(market.ask, ("A",), 50, key)
    assert found.uncertain == (Slice("A", 1000, 1000),) or found.uncertain
    assert len(found.rows) == SHOWN
