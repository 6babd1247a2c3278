"""A few retries that fail are chance; a gateway that declines is not. And a consumer that left is named without lag."""

from __future__ import annotations

import pytest

from dari.services.monitoring.diagnosis.common import over_limit
from dari.services.monitoring.diagnosis.facts import Facts
from dari.services.monitoring.diagnosis.rules_gateway import _gateway, by_chance
from dari.services.monitoring.diagnosis.rules_groups import _left
from dari.services.monitoring.diagnosis.rules_use import _one_sender


@pytest.mark.parametrize(
    ("calls", "declined", "named"),
    [(17, 4, False), (16, 5, False), (300, 90, True), (12, 8, True), (2, 2, False), (12, 1, False)],
)
def test_declines(calls: int, declined: int, named: bool) -> None:  # noqa: FBT001 -- a table
    said = {"calls": calls, "error": 0, "declined": declined, "ok": calls - declined}
    facts = Facts({"pg.operations": {"settle": said}}, {})
    assert bool(_gateway(facts, "declined")) is named


def test_the_tail_of_the_binomial() -> None:
    assert by_chance(17, 4, 0.05) == pytest.approx(0.00880, abs=1e-4)
    assert by_chance(3, 0, 0.05) == pytest.approx(1.0)
    # More calls than binomial coefficients fit into a float.
    assert by_chance(20_000, 1_050, 0.05) == pytest.approx(0.0548, abs=2e-3)
    assert by_chance(20_000, 9_000, 0.05) == pytest.approx(0.0)


@pytest.mark.parametrize(("members", "lag", "left"), [(0, 0, True), (0, None, False), (1, 0, False), (None, 0, False)])
def test_a_consumer_that_left(members: int | None, lag: int | None, left: bool) -> None:  # noqa: FBT001 -- a table
    assert _left(Facts({"groups.g": {"members": members, "lag": lag}}, {}), "groups.g") is left


@pytest.mark.parametrize(("others", "alone"), [(300, True), (3_000, False)])
def test_one_merchants_traffic_is_no_surge_of_all(others: int, alone: bool) -> None:  # noqa: FBT001 -- a table
    refused, let_in = 900, 600
    total = refused + let_in + others
    facts = Facts(
        {
            "limit.refused": [{"merchant": "HOT", "refused": refused}],
            "limit.refused_total": refused,
            "http.authorize_total": total,
            "traffic.by_merchant": {"HOT": let_in, "M-1": others},
            "traffic.rps": total / 60,
            "traffic.usual_rps": 5.0,
        },
        {},
    )
    assert _one_sender(facts) is alone


@pytest.mark.parametrize(("let_in", "alone"), [(1_500, True), (500, False)])
def test_without_counters_who_sends_more_than_the_limit_is_no_surge_of_all(let_in: int, alone: bool) -> None:  # noqa: FBT001 -- a table
    facts = Facts(
        {
            "app.limits": {"authorize": {"capacity": 1_000, "window_seconds": 60}},
            "limit.refused": [],
            "limit.refused_total": 0,
            "http.authorize_total": let_in + 300,
            "traffic.by_merchant": {"HOT": let_in, "M-1": 300},
            "traffic.rps": (let_in + 300) / 60,
            "traffic.usual_rps": 2.0,
        },
        {},
    )
    assert _one_sender(facts) is alone
    assert over_limit(facts) == ({"HOT": let_in} if alone else {})
    assert over_limit(facts.with_(app__limits={})) == {}
