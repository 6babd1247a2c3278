"""How far a caller reaches at a tool, and that asking for less is all a request can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dari.core.endpoint import Effect
from dari.serving.callers import Caller, Permit

READ, CHANGE, COMMIT = Effect.READ, Effect.CHANGE, Effect.COMMIT
PLACES = [("kis-trade", "plans", "apply_plan"), ("kis-trade", "quotes", "get_quote"), ("kiwoom", "plans", "apply_plan")]


@pytest.mark.parametrize(
    ("permits", "place", "reach"),
    [
        ((Permit(READ),), PLACES[0], READ),
        ((Permit(READ), Permit(COMMIT, "kis-trade", "plans")), PLACES[0], COMMIT),
        ((Permit(READ), Permit(COMMIT, "kis-trade", "plans")), PLACES[1], READ),
        ((Permit(READ), Permit(COMMIT, "kis-trade", "plans")), PLACES[2], READ),
        ((Permit(COMMIT, "kis-trade", "apply_plan"),), PLACES[0], COMMIT),
        ((Permit(COMMIT, "kis-trade", "apply_plan"),), PLACES[1], None),
        ((), PLACES[0], None),
    ],
)
def test_permits(permits: tuple[Permit, ...], place: tuple[str, str, str], reach: Effect | None) -> None:
    assert Caller(reach=COMMIT, permits=permits).reach_at(*place) == reach


@pytest.mark.parametrize(
    ("lists", "allowed"),
    [
        ({}, True),
        ({"allow": (("kis-trade/*",),)}, True),
        ({"allow": (("kiwoom/*",),)}, False),
        ({"deny": ("apply_plan",)}, False),
        ({"deny": ("kis-*/apply_*",)}, False),
        ({"allow": (("kis-trade/apply_plan",),), "deny": ("kis-trade/*",)}, False),  # deny wins
    ],
)
def test_allow_and_deny(lists: Mapping[str, Any], allowed: bool) -> None:  # noqa: FBT001 -- a case of a table
    assert (Caller(reach=COMMIT, **lists).reach_at(*PLACES[0]) is not None) is allowed


PATTERNS = st.lists(
    st.sampled_from(["kis-trade/*", "apply_plan", "kiwoom/*", "*", "kis-trade/get_quote", "k?s-trade/*", "x/y"]),
    max_size=3,
).map(tuple)


@settings(deadline=None)  # the machine may be busy
@given(
    reach=st.sampled_from(Effect),
    asked=st.sampled_from([None, *Effect]),
    allow=PATTERNS,
    deny=PATTERNS,
    more_allow=PATTERNS,
    more_deny=PATTERNS,
    profile=st.sampled_from([None, "a", "b", "c"]),
)
def test_nothing_a_request_says_gives_more(
    reach: Effect, asked: Effect | None, profile: str | None, **lists: tuple[str, ...]
) -> None:
    caller = Caller(
        reach=reach,
        profiles=("a", "b"),
        permits=(Permit(COMMIT, "kis-trade"), Permit(READ)),
        allow=(lists["allow"],) if lists["allow"] else (),
        deny=lists["deny"],
    )
    less = caller.tightened(reach=asked, allow=lists["more_allow"], deny=lists["more_deny"], profile=profile)
    assert set(less.profiles) <= set(caller.profiles)
    for place in PLACES:
        before, after = caller.reach_at(*place), less.reach_at(*place)
        assert after is None or (before is not None and after <= before)


def test_a_profile_that_is_not_bound_leaves_none() -> None:
    assert Caller(profiles=("a",)).tightened(profile="b").profile == ""
