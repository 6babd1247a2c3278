"""The day store survives kill -9 anywhere, fetches no committed day twice, costs what it says and answers at once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any, Final

from dari.core.clock import SystemClock
from dari.core.krx import trading_days
from dari.core.market import MARKETS
from dari.providers.kis.tools import whole_market
from dari.stores.days import DayStore
from dari.stores.filling import AT_ONCE, Filler
from tests.prove.proof import Outcome, Proof

ROOT: Final = Path(__file__).parents[3]
LAST: Final = date(2026, 11, 19)
DAYS: Final = 60
MOST_CALLS: Final = 130
WARM_SECONDS: Final = 0.150
COLD_SECONDS: Final = 3.0
SHARES: Final = {"KOSPI": 910, "KOSDAQ": 1_790}

FILL: Final = """
import asyncio, sys
from datetime import date
from pathlib import Path
from dari.core.clock import SystemClock
from dari.stores.days import DayStore
from dari.stores.filling import Filler
from tests.prove.proofs.day_store import LAST, Slow

async def main():
    filler = Filler(DayStore(Path(sys.argv[1]), SystemClock()))
    async for _ in filler.from_days(Slow(float(sys.argv[3])), LAST, int(sys.argv[2])):
        pass

asyncio.run(main())
"""

COLD: Final = """
import sys, time
began = time.perf_counter()
from pathlib import Path
from dari.core.clock import SystemClock
from dari.providers.kis.tools import whole_market
from dari.stores.days import DayStore
history = DayStore(Path(sys.argv[1]), SystemClock()).history(41)
found = whole_market.unusual(history, "ALL", 150.0, 0)
print(len(found), time.perf_counter() - began)
"""


class Slow:
    """A DaySource as large as the real market, each call of which takes a while."""

    name = "krx"
    simulated = False

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    async def part(self, day: date, market: Any) -> Any:
        from tests.unit.stores.made import row  # noqa: PLC0415 -- a process that is killed starts with little

        await asyncio.sleep(self._seconds)
        start = 100_000 if market == "KOSPI" else 500_000
        return [row(f"{start + 10 * number:06d}", day) for number in range(SHARES[market])]


def started(folder: Path, days: int, seconds: float) -> subprocess.Popen[bytes]:
    places = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    command = [sys.executable, "-c", FILL, str(folder), str(days), str(seconds)]
    return subprocess.Popen(command, env=places)


def killed(folder: Path, kills: int, days: int, chance: random.Random) -> dict[str, int]:
    """Fill, kill -9 at a random moment, go on; then let the last one end. What the ledger says."""
    store = DayStore(folder, SystemClock())
    done = 0
    while done < kills:
        filler = started(folder, days, 0.01)
        before = len(store.parts())
        wanted = before + chance.randrange(0, max(1, 2 * days // kills) + 2)
        while filler.poll() is None and len(store.parts()) < wanted:
            time.sleep(0.001)
        time.sleep(chance.random() * 0.02)
        if filler.poll() is None:
            filler.send_signal(signal.SIGKILL)
            done += 1
        filler.wait()
        if len(store.parts()) == len(MARKETS) * days:
            break
    assert started(folder, days, 0.0).wait() == 0
    asked = [one for one in store.ledger() if "asks" in one]
    ended = {one["call"]: one["ended"] for one in store.ledger() if "ended" in one}
    committed: dict[str, int] = {}
    twice = 0
    for one in store.ledger():
        if "asks" in one and committed.get(one["asks"]):
            twice += 1
        if one.get("ended") == "committed":
            part = next(ask["asks"] for ask in asked if ask["call"] == one["call"])
            committed[part] = committed.get(part, 0) + 1
    return {
        "kills": done,
        "calls": len(asked),
        "calls_cut_off": sum(1 for one in asked if one["call"] not in ended),
        "committed_parts_asked_again": twice,
        "parts": len(store.parts()),
    }


async def whole(folder: Path, days: int) -> int:
    """A first fill without a kill: how many calls it costs."""
    calls = 0
    async for told in Filler(DayStore(folder, SystemClock())).from_days(Slow(), LAST, days):
        calls = told.calls
    return calls


def same(one: Path, other: Path, days: int) -> bool:
    """Whether two stores hold the same rows."""
    stores = [DayStore(folder, SystemClock()) for folder in (one, other)]
    wanted = [(day, market) for day in trading_days(LAST, days) for market in MARKETS]
    return all(stores[0].part(*part)[0] == stores[1].part(*part)[0] for part in wanted)


def measured(folder: Path) -> dict[str, float]:
    """Seconds of 20-day unusual volume over every share: in a fresh process, and again in one that has asked."""
    places = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}
    run = subprocess.run(
        [sys.executable, "-c", COLD, str(folder)], env=places, capture_output=True, text=True, check=True
    )
    cold = float(run.stdout.split()[1])
    store = DayStore(folder, SystemClock())
    store.history(41)
    warm = []
    for threshold in (120.0, 150.0, 200.0, 130.0, 180.0):
        began = time.perf_counter()
        history = store.history(41)
        assert history is not None
        whole_market.unusual(history, "ALL", threshold, 0)
        warm.append(time.perf_counter() - began)
    return {"cold_seconds": round(cold, 3), "warm_milliseconds": round(1000 * sorted(warm)[2], 1)}


async def held(kills: int, days: int, seed: int, *, slack: float) -> Outcome:
    """All of it. `slack` widens the limits of time on a machine that is busy."""
    with tempfile.TemporaryDirectory() as name:
        plain, beaten = Path(name) / "plain", Path(name) / "beaten"
        calls = await whole(plain, days)
        figures: dict[str, Any] = killed(beaten, kills, days, random.Random(seed))
        equal = same(plain, beaten, days)
        times = measured(plain)
    respent = figures["calls"] - calls
    wrong = [
        why
        for why, broken in (
            (f"{calls} calls for {days} days", calls > MOST_CALLS),
            ("the stores differ", not equal),
            ("a committed part was asked for again", figures["committed_parts_asked_again"] > 0),
            (f"{respent} calls spent again", respent > min(AT_ONCE * figures["kills"], figures["calls_cut_off"])),
            (f"cold {times['cold_seconds']} s", times["cold_seconds"] > COLD_SECONDS * slack),
            (f"warm {times['warm_milliseconds']} ms", times["warm_milliseconds"] > 1000 * WARM_SECONDS * slack),
        )
        if broken
    ]
    return Outcome(
        holds=not wrong,
        figures={"first_fill_calls": calls, "calls_spent_again": respent, **figures, **times},
        seed=str(seed),
        load=f"{days} days of {sum(SHARES.values()):,} shares, {kills} kills of a filling process, "
        f"limits of time x{slack:g}",
        why="; ".join(wrong),
    )


PROOF = Proof(
    name="day-store",
    title="60 days cost at most 130 calls, survive kill -9, are never fetched twice, and answer at once.",
    rooms=("src/dari/stores", "src/dari/providers/kis/tools/whole_market.py", "src/dari/core/market.py"),
    short=lambda: held(2, 41, 1, slack=3.0),
    long=lambda: held(20, DAYS, 7, slack=1.0),
    serial=True,
)
