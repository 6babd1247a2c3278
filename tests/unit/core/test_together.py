"""Questions asked together end together."""

from __future__ import annotations

import asyncio

import pytest

from dari.core.together import together


async def test_answers_come_in_order() -> None:
    async def after(seconds: float) -> float:
        await asyncio.sleep(seconds)
        return seconds

    assert await together(after(0.02), after(0.0), after(0.01)) == [0.02, 0.0, 0.01]
    assert await together() == []


async def test_the_first_failure_stops_the_rest() -> None:
    stopped = asyncio.Event()

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async def failing() -> None:
        await asyncio.sleep(0.01)
        raise ValueError("first")

    with pytest.raises(ValueError, match="first"):
        await together(endless(), failing())
    assert stopped.is_set()
