"""What Dari says when the clock jumps, in a foreign zone, at midnight, at year's end, on a holiday."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dari.core.clock import KST, SystemClock
from dari.serving.audit_reading import verified
from tests.prove.proof import Figure, Outcome, Proof
from tests.support import Asker, simulated

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
JUMPS = (timedelta(minutes=10), timedelta(minutes=-10), timedelta(hours=1), timedelta(hours=-1))
MOMENTS = {
    "midnight": datetime(2026, 11, 19, 23, 59, 58, tzinfo=KST),
    "year's end": datetime(2026, 12, 31, 23, 59, 58, tzinfo=KST),
    "the last trading day's midnight": datetime(2026, 12, 30, 23, 59, 58, tzinfo=KST),
    "a KRX holiday": datetime(2026, 12, 25, 11, 0, tzinfo=KST),
}
ZONES = ("America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Kiritimati")
TOOL = "get_volume_ranking"


@contextmanager
def zone(name: str) -> Iterator[None]:
    """The machine stands in another zone."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


async def _asked(asker: Asker, count: int) -> dict[str, Any]:
    return dict(await asker.answer(TOOL, market="KOSPI", count=count, include_details=False))


def _seen(told: dict[str, Any], now: datetime) -> list[str]:
    """What is wrong with an answer given at `now`: nothing in it is later than that, or in another zone."""
    wrong = []
    for name in ("timestamp", "as_of"):
        moment = datetime.fromisoformat(told[name])
        if moment.utcoffset() != timedelta(hours=9):
            wrong.append(f"{name} {told[name]} is not Korean time")
        if moment > now + timedelta(seconds=5):
            wrong.append(f"{name} {told[name]} is later than {now.isoformat()}")
    wrong += [f"age {one['age_seconds']}" for one in told["provenance"] if (one.get("age_seconds") or 0) < 0]
    return wrong


async def jumped(by: timedelta) -> list[str]:
    """The wall clock jumps between two calls; waiting goes on as before, no answer comes from the future."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        async with simulated("volume-ranking", Path(folder), now=NOON) as asker:
            before = await _asked(asker, 3)
            asker.clock.at = NOON + by  # type: ignore[attr-defined]  # the still clock of tests
            waited = asker.clock.monotonic()
            wrong += _seen(await _asked(asker, 4), NOON + by)
            wrong += _seen(await _asked(asker, 3), NOON + max(by, timedelta()))  # perhaps the kept one
            waited = asker.clock.monotonic() - waited
            asker.clock.advance(120.0)
            wrong += _seen(again := await _asked(asker, 5), NOON + by)
            if waited > 70.0:
                wrong.append(f"it waited {waited:.0f} s")
            if [row["stock_code"] for row in again["ranking"][:3]] == [] or not before["ranking"]:
                wrong.append("no rows")
        wrong += [str(fault) for fault in verified(Path(folder) / "home" / "state" / "audit")]
    return [f"jump of {by}: {one}" for one in wrong]


async def passed(name: str, start: datetime, seconds: int) -> list[str]:
    """Calls on both sides of a border of days: each is answered and speaks of a day that was traded."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        async with simulated("volume-ranking", Path(folder), now=start) as asker:
            for step in range(0, seconds, 2):
                now = start + timedelta(seconds=step)
                asker.clock.at = now  # type: ignore[attr-defined]  # as above
                asker.clock.advance(400.0)  # nothing is kept so long
                told = await _asked(asker, 3)
                wrong += _seen(told, now)
                day = datetime.fromisoformat(told["as_of"]).date()
                closed = (12, 25), (12, 31), (1, 1)
                if told["market_status"] != "closed" or (day.month, day.day) in closed or day.weekday() > 4:
                    wrong.append(f"{told['market_status']} as of {day} at {now.isoformat()}")
    return [f"{name}: {one}" for one in wrong]


def elsewhere(name: str) -> list[str]:
    """In a zone with another summer time the clock is Korea's, also in the hour that does not exist there."""
    with zone(name):
        now = SystemClock().now()
        apart = abs(now.timestamp() - time.time())
        right = now.utcoffset() == timedelta(hours=9) and apart < 5
    return [] if right else [f"{name}: {now.isoformat()} is {apart:.0f} s off"]


async def prove(
    jumps: tuple[timedelta, ...], moments: tuple[str, ...], zones: tuple[str, ...], seconds: int
) -> Outcome:
    wrong = [one for by in jumps for one in await jumped(by)]
    for name in moments:
        wrong += await passed(name, MOMENTS[name], seconds)
    wrong += [one for name in zones for one in elsewhere(name)]
    for name in zones[:1]:
        with zone(name):  # 2026-11-01 06:00 UTC: its summer time ends
            wrong += await passed(f"{name} falls back", datetime(2026, 11, 1, 14, 59, 58, tzinfo=KST), seconds)
    figures: dict[str, Figure] = {
        "jumps": len(jumps), "borders": len(moments), "zones": len(zones), "wrong": len(wrong),
    }  # fmt: skip
    return Outcome(
        holds=not wrong, figures=figures, load="rankings of a simulated market before, while and after",
        why="; ".join(wrong[:4]),
    )  # fmt: skip


PROOF = Proof(
    name="clock-jumps",
    title="Whatever the clock does, an answer speaks Korean time, of a traded day, and never of a moment to come.",
    rooms=("src/dari/core/clock.py", "src/dari/core/krx_days.py", "src/dari/upstream", "src/dari/serving/audit.py"),
    short=lambda: prove(JUMPS[:2], tuple(MOMENTS), ZONES, 4),
    long=lambda: prove(JUMPS, tuple(MOMENTS), ZONES, 60),
)
