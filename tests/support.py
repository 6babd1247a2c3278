"""Dari over a simulator in this process, with the world's clock frozen: what most tests of tools start from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dari.app.runtime import Runtime
from dari.cli.main import app
from dari.core.clock import KST, ManualClock
from dari.serving.dispatch import Dispatch, Outcome
from dari.settings import resolve

MORNING = datetime(2026, 11, 20, 10, 30, tzinfo=KST)
"""A Friday in trading hours, two hours of which have passed."""


def settings(folder: Path, **more: str) -> dict[str, str]:
    """Environment of a test: a home of its own and nothing of this machine's."""
    return {"DARI_HOME": str(folder / "home"), "DARI_DOTENV": str(folder / "no.env"), **more}


def exits(*words: str) -> int:
    """Run `dari` with these words to its end; the exit code it left with."""
    with pytest.raises(SystemExit) as left:
        app([*words])
    return int(left.value.code or 0)


class StillClock(ManualClock):
    """Waiting passes, the market's time does not: every reply tells the same moment."""

    def now(self) -> datetime:
        return MORNING if self.at is None else self.at

    at: datetime | None = None


class Asker:
    """One named server, asked as a door asks it."""

    def __init__(self, runtime: Runtime, dispatch: Dispatch, clock: ManualClock) -> None:
        self.runtime = runtime
        self.dispatch = dispatch
        self.clock = clock

    async def outcome(self, tool: str, **arguments: Any) -> Outcome:
        """Call a tool."""
        return await self.dispatch.call(tool, arguments, self.runtime.caller())

    async def answer(self, tool: str, **arguments: Any) -> Mapping[str, Any]:
        """Call a tool that must succeed; its structured content."""
        outcome = await self.outcome(tool, **arguments)
        assert outcome.error is None, outcome.text
        return outcome.structured


@asynccontextmanager
async def simulated(
    server: str, folder: Path, *, seed: int = 1, now: datetime = MORNING, **environment: str
) -> AsyncIterator[Asker]:
    """A server over its simulator, at `now`, which stands still; a busy machine is given its time."""
    environment.setdefault("DARI_DEADLINE_SECONDS", "300")
    environment.setdefault("DARI_RANKING_SOURCES", "none")  # KIS alone: who wants the others names them
    clock = StillClock(now)
    clock.at = now
    clock.advance(1.0)
    found = resolve(environment=settings(folder, **environment), home=folder)
    async with Runtime(found, simulated=True, seed=seed, clock=clock) as runtime:
        _, dispatch = runtime.server(server)
        yield Asker(runtime, dispatch, clock)
