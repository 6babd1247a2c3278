"""What a crawl costs in calls and waits, beside the least possible, on a clock where computing takes no time."""

from __future__ import annotations

import tempfile
import time
from datetime import date
from pathlib import Path

from dari.providers.naramarket.crawler import Book, whole
from dari.providers.naramarket.simulator import Limits
from dari.upstream.pacing import FileRing, Pacing
from dari.worlds.procurement import World
from tests.prove.proof import Outcome, Proof
from tests.unit.naramarket.conftest import GOODS, Sim
from tests.unit.naramarket.crawling import begun, run, truth

QUARTER = date(2026, 7, 1), date(2026, 9, 30)
SECONDS = 0.16, 0.0003
"""A call and a row, as the gateway of data.go.kr was seen to take them."""


async def crawled(
    world: World,
    limits: Limits,
    size: int,
    days: tuple[date, date],
    *,
    paced: bool = False,
    planned: bool = False,
) -> tuple[float, int, int, int, int]:
    """Virtual seconds, calls, refused calls, rows and the least calls of one crawl."""
    sim = Sim(world, limits=limits)
    try:
        with tempfile.TemporaryDirectory() as folder:
            book = Book(Path(folder) / "book.sqlite")
            book.learn(GOODS, size=size)
            if planned:  # as plan_crawl does: one call tells how many rows the newest month has
                edges = whole(days[1].replace(day=1), days[1]).spelled("YYYYMMDDHHMM")
                asked = {"inqryDiv": "1", "inqryBgnDt": edges[0], "inqryEndDt": edges[1], "numOfRows": "1"}
                total = (await sim.ask(GOODS, asked)).body["total"]
                book.measure(GOODS, "registered", {}, total / days[1].day)
            crawl = begun(book, sim, GOODS, *days)
            began = sim.clock.monotonic()
            ring = FileRing(Path(folder) / "ring", sim.clock)
            send = Pacing(sim.dialect, ring, sim.dialect.limits, sim.clock) if paced else None
            last = await run(book, sim, crawl, send)
            seconds = sim.clock.monotonic() - began
            assert last.state == "done", last
            assert book.keys(GOODS) == await truth(sim, GOODS, *days)
            counts = [one["expected"] for one in book.receipts(crawl)]
            book.close()
            return (
                seconds,
                last.calls + planned,
                last.refused,
                sum(counts),
                sum(max(1, -(-one // size)) for one in counts),
            )
    finally:
        await sim.wire.close()
        await sim.http.aclose()


async def prove(caps: tuple[int, ...], scale: float, size: int, days: tuple[date, date], later: date) -> Outcome:
    """The first crawl knows nothing of its operation; the one from `later` on has been planned before."""
    base, row = SECONDS
    figures: dict[str, float] = {}
    began = time.process_time()
    limits = Limits(base=base, row=row, rate=30, burst=30, quota=10**6)
    world = World(7, scale=scale)
    for known, start in (("", days[0]), ("planned_", later)):
        wall, calls, _, rows, least = await crawled(
            world, limits, size, (start, days[1]), paced=True, planned=bool(known)
        )
        floor = 2 * (base + row * min(size, rows)) + max(0, least - 30) / 30
        figures |= {
            f"{known}rows": rows,
            f"{known}calls": calls,
            f"{known}calls_over_least": round(calls / least, 3),
            f"{known}waits_over_floor": round(wall / floor, 3),
        }
    figures["cpu_seconds_with_simulator"] = round(time.process_time() - began, 1)
    shares, refusals = [], []
    for cap in caps:
        few = Limits(base=0.46, concurrency=cap, quota=10**6)
        seconds, made, refused, _, _ = await crawled(World(7, scale=0.1), few, 10, QUARTER)
        shares.append(0.46 * -(-(made - refused) // cap) / seconds)
        refusals.append(refused / made)
    figures |= {
        "least_share_of_best_fixed_percent": round(100 * min(shares), 1),
        "most_refused_percent": round(100 * max(refusals), 2),
    }
    costs = [figures[f"{known}calls_over_least"] for known in ("", "planned_")]
    waits = [figures[f"{known}waits_over_floor"] for known in ("", "planned_")]
    holds = max(costs) <= 1.05 and max(waits) <= 1.3 and min(shares) >= 0.85 and max(refusals) < 0.05
    return Outcome(
        holds=holds,
        figures=figures,
        seed="7",
        load=f"{rows} to {figures['rows']} rows at 30/s, {base} + {row} s a row; caps {caps} unknown to the crawler",
        why="" if holds else str(figures),
    )


PROOF = Proof(
    name="naramarket-cost",
    title="A crawl spends at most 1.05 of the least calls, 1.3 of the least time, and finds an unknown cap on calls.",
    rooms=("src/dari/providers/naramarket/crawler",),
    short=lambda: prove((2, 16), 0.1, 50, QUARTER, QUARTER[0]),
    long=lambda: prove(
        (2, 3, 4, 6, 8, 12, 16, 24, 32), 1.0, 999, (date(2026, 4, 16), date(2026, 9, 30)), date(2026, 5, 1)
    ),
)
