from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dari.core.errors import Malformed
from dari.providers.kiwoom.models import written

DIGITS = st.text("0123456789", min_size=1, max_size=18)


@st.composite
def spelt(draw: st.DrawFn) -> tuple[str, Decimal]:
    """A number as Kiwoom may write it, and what it means."""
    whole = draw(st.integers(0, 10**15))
    places = draw(st.integers(0, 4))
    fraction = draw(st.text("0123456789", min_size=places, max_size=places))
    value = Decimal(f"{whole}.{fraction}" if fraction else str(whole))
    digits = f"{whole:,}" if draw(st.booleans()) else str(whole)
    if "," not in digits:
        digits = "0" * draw(st.integers(0, 14)) + digits
    sign = draw(st.sampled_from(["", "+", "-", "--", "++"]))
    text = sign + digits + (f".{fraction}" if fraction else "")
    pad = draw(st.sampled_from(["", " ", "  "]))
    return pad + text + pad, -value if sign.startswith("-") else value


@settings(max_examples=1_000, deadline=None)
@given(spelt())
@example(("--23722054", Decimal(-23722054)))
@example(("-00000000196888", Decimal(-196888)))
@example(("20,190", Decimal(20190)))
def test_a_number_means_what_was_written(case: tuple[str, Decimal]) -> None:
    text, value = case
    expected = None if text.strip() in written.SATURATED else value
    assert written.number(text) == expected


@settings(max_examples=1_000, deadline=None)
@given(st.text("0123456789+-., \t%eExX_ㄱ원٣", max_size=24))
def test_any_other_text_is_empty_or_refused_clearly(text: str) -> None:
    try:
        value = written.number(text)
    except Malformed:
        return
    if value is None:
        assert text.strip() in written.SATURATED | {""}
        return
    # What is taken has one reading: the digits in their order, one sign, commas by thousands only.
    bare = text.strip().lstrip("+-").replace(",", "")
    assert value.copy_abs() == Decimal(bare)
    assert (value <= 0) if text.strip().startswith("-") else (value >= 0)


@pytest.mark.parametrize("text", ["+-5", "1,00", "1,2345", "12 34", "-", "1e5", "٣", "NaN", "0x1f", "1_000", "1" * 41])
def test_what_has_no_single_reading_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        written.number(text)


@pytest.mark.parametrize("text", sorted(written.SATURATED))
def test_a_counter_that_ran_over_is_no_value(text: str) -> None:
    assert written.number(text) is None
    assert written.is_saturated(text)


def test_empty_is_not_zero() -> None:
    assert written.number("") is None
    assert written.number("0") == 0


@pytest.mark.parametrize(
    ("text", "prefixed", "code"),
    [
        *[("005930", False, "005930"), ("005930_AL", False, "005930"), ("005930_NX", False, "005930")],
        *[("A005930", True, "005930"), ("J57JBHH", True, "57JBHH"), ("A005930", False, "A005930"), ("", True, None)],
    ],
)
def test_codes_lose_their_venue_and_where_it_is_written_their_kind(text: str, *, prefixed: bool, code: str) -> None:
    assert written.code(text, prefixed=prefixed) == code


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (written.day, "20261120", "2026-11-20"),
        (written.day, "00000000", None),
        (written.day, "20261341", "20261341"),
        (written.clock_time, "090001", "09:00:01"),
        (written.clock_time, "15:20:00", "15:20:00"),
        (written.clock_time, "888888", "888888"),
        (written.clock_time, "", None),
        (written.moment, "20261120153000", "2026-11-20T15:30:00+09:00"),
        (written.moment, "", None),
        (written.moment, "장종료", "장종료"),
    ],
)
def test_times_are_iso_and_marks_stay(read: object, text: str, value: str | None) -> None:
    assert callable(read)
    assert read(text) == value
