"""Whether a crawl that is killed with SIGKILL, again and again, ends with the same rows for the same price."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from dari.providers.naramarket.crawler import Book, planned, success, whole
from dari.providers.naramarket.spec import SPEC
from tests.prove.proof import Outcome, Proof
from tests.unit.naramarket.conftest import GOODS, NOW

ROOT = Path(__file__).parents[3]
WEEKS = date(2026, 9, 1), date(2026, 9, 14)
SIZE = 30
CHILD = """
import asyncio, sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from dari.core.clock import RunningClock
from dari.providers.naramarket.crawler import Book, Crawler
from dari.providers.naramarket.simulator import Limits, create_app
from dari.providers.naramarket.spec import SPEC
from dari.upstream.wire import Wire
from dari.worlds.procurement import World
from tests.unit.naramarket.conftest import NOW, keys
from dari.providers.naramarket.dialect import NaramarketDialect

async def main():
    clock = RunningClock(NOW)
    wire = Wire.to_app(create_app(World(7, scale=0.1), clock=clock, limits=Limits(base=0.1, concurrency=5)))
    dialect = NaramarketDialect(send=wire.send, clock=clock, credentials=keys(), host="http://simulated")
    book = Book(__import__("pathlib").Path(sys.argv[1]))
    crawl = book.crawl(sys.argv[2])
    thread = ThreadPoolExecutor(1)  # beside the event loop, as it is done in earnest

    async def aside(work, *args, **kwargs):
        return await asyncio.get_running_loop().run_in_executor(thread, partial(work, *args, **kwargs))

    endpoint = SPEC.endpoint(crawl.endpoint)
    crawler = Crawler(book=book, send=dialect, clock=clock, endpoint=endpoint, crawl=crawl, aside=aside)
    print("reading", flush=True)
    async for _ in crawler.run():
        pass
    await wire.close()

asyncio.run(main())
"""


def child(path: Path, crawl: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    made = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), crawl], stdout=subprocess.PIPE, env=environment, cwd=ROOT
    )
    assert made.stdout is not None
    made.stdout.readline()
    return made


def crawled(path: Path, dice: random.Random | None, kills: int) -> tuple[set[str], int, int, int, bool]:
    """One crawl, killed so often: its keys, pages paid for, calls lost in flight, kills, success."""
    book = Book(path)
    way = SPEC.endpoint(GOODS).wire["by"]["registered"]
    book.learn(GOODS, size=SIZE)
    crawl = book.begin(GOODS, "registered", {}, planned(whole(*WEEKS), way), now=NOW)
    done = 0
    while True:
        process = child(path, crawl)
        if dice is not None and done < kills:
            time.sleep(dice.uniform(0.0, 0.35))
            done += process.poll() is None
            process.send_signal(signal.SIGKILL)
        process.wait()
        if process.stdout:
            process.stdout.close()
        if book.crawl(crawl).state == "done":
            break
    calls = book.calls(crawl)
    found = book.keys(GOODS), calls["page"], calls.get("in flight", 0), done, success(book.receipts(crawl))
    book.close()
    return found


def prove(points: int, kills: int) -> Outcome:
    dice = random.Random(11)
    worst, killed, same = 0, 0, True
    with tempfile.TemporaryDirectory() as folder:
        keys, least, _, _, _ = crawled(Path(folder, "whole.sqlite"), None, 0)
        at = 0
        while killed < points:
            at += 1
            told, pages, lost, done, whole_ = crawled(Path(folder, f"{at}.sqlite"), dice, kills)
            killed += done
            same &= told == keys and whole_
            worst = max(worst, pages + lost - least - 5 * done)
            if not done:
                break
    return Outcome(
        holds=same and worst <= 0 and killed >= min(points, 1),
        figures={
            "kills": killed,
            "rows": len(keys),
            "least_calls": least,
            "calls_beyond_those_in_flight": max(0, worst),
        },
        seed="11",
        load=f"SIGKILL after 0 to 0.35 s of reading, {kills} times a crawl, 5 calls at once",
        why="" if same else "another set of rows",
    )


PROOF = Proof(
    name="naramarket-kill",
    title="Killed anywhere and gone on with, a crawl ends with the same rows, for at most the calls in flight more.",
    rooms=("src/dari/providers/naramarket/crawler",),
    short=lambda: prove(3, 3),
    long=lambda: prove(100, 4),
)
