"""A process that watches 200 items and counts what it is told, by the numbers events carry (proof kiwoom-realtime)."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from dari.app.runtime import Runtime
from dari.core.clock import RunningClock
from dari.core.errors import DariError
from dari.core.live import Cut, Overrun, Tick, Topic
from dari.settings import resolve
from tests.support import MORNING

VOLUME = "13"
"""The field in which the simulated stream numbers its events."""


def resident() -> int:
    """Bytes of this process in memory; 0 where the system does not tell."""
    place = Path("/proc/self/statm")
    return int(place.read_text().split()[1]) * 4096 if place.exists() else 0


def say(**told: Any) -> None:
    print(json.dumps(told), flush=True)


class Count:
    """What was heard, by item."""

    def __init__(self) -> None:
        self.first: dict[str, int] = {}
        self.last: dict[str, int] = {}
        self.numbers: dict[str, int] = {}
        self.counts = dict.fromkeys(("events", "skipped", "disordered", "misnumbered", "overrun", "cuts"), 0)

    async def listen(self, feed: Any) -> None:
        """Count until cancelled."""
        async for what in feed:
            match what:
                case Tick(topic, values, _, number):
                    self.event(topic.item, int(values[VOLUME]), number)
                case Cut():
                    self.counts["cuts"] += 1
                case Overrun(lost):
                    self.counts["overrun"] += lost

    def event(self, item: str, event: int, number: int) -> None:
        """One event, by its own number and by the one our side gave it."""
        self.counts["events"] += 1
        before = self.last.get(item)
        self.first.setdefault(item, event)
        if before is not None and event != before + 1:
            self.counts["disordered" if event <= before else "skipped"] += 1
        self.counts["misnumbered"] += number != self.numbers.get(item, 0) + 1
        self.last[item], self.numbers[item] = event, number


async def weigh(memory: list[tuple[float, int]]) -> None:
    """Weigh this process every second."""
    begun = time.monotonic()
    while True:
        memory.append((time.monotonic() - begun, resident()))
        await asyncio.sleep(1.0)


async def answer(count: Count, memory: list[tuple[float, int]]) -> None:
    """Answer words until the last."""
    say(ready=True)
    while (word := (await asyncio.to_thread(sys.stdin.readline)).strip()) in {"count", "weigh"}:
        if word == "count":
            say(**count.counts, first=count.first, last=count.last)
        else:
            say(memory=memory)


async def main() -> None:
    """Watch the items of the command line and tell what is counted."""
    count, memory = Count(), list[tuple[float, int]]()
    topics = [Topic("0B", item) for item in sys.argv[1].split(",")]
    async with Runtime(resolve(), clock=RunningClock(MORNING)) as runtime:
        try:
            async with runtime.client_of("kiwoom").asking().watch(topics) as feed:
                tasks = [asyncio.ensure_future(count.listen(feed)), asyncio.ensure_future(weigh(memory))]
                await answer(count, memory)
                for task in tasks:
                    task.cancel()
        except DariError as error:
            say(code=error.code, message=error.message, details=error.details)


asyncio.run(main())
