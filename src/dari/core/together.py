"""Several questions at once: all answers, or the first failure, after which nothing goes on in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def together(*asked: Awaitable[T]) -> list[T]:
    """Wait for all, in order. The first failure cancels the rest, so that no call is made for an answer nobody gets."""
    tasks = [asyncio.ensure_future(one) for one in asked]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
