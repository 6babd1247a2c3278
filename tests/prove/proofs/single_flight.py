"""Any number of equal questions at once cost the upstream one call."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path

from dari.core.clock import KST, SystemClock
from dari.core.endpoint import Endpoint
from dari.core.events import Events
from dari.core.exchange import Call, Reply
from dari.core.shared_state import FileState
from dari.upstream.cache import Cache
from tests.prove.proof import Outcome, Proof

UPSTREAM_SECONDS = 0.05


async def asked(rounds: int, questions: int, sharers: int) -> Outcome:
    """Ask `questions` equal questions at once through each of `sharers` caches on one shared state, `rounds` times."""
    calls = 0

    async def upstream(call: Call, /) -> Reply:
        nonlocal calls
        calls += 1
        await asyncio.sleep(UPSTREAM_SECONDS)
        return Reply({"round": call.parameters["round"]}, datetime.now(KST))

    row = Endpoint(id="prove/single-flight", provider="prove", title="한 번만")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        clock = SystemClock()
        caches = [Cache(upstream, FileState(Path(folder), clock), clock, Events()) for _ in range(sharers)]
        for number in range(rounds):
            call = Call(row, {"round": str(number)})
            replies = await asyncio.gather(*(cache(call) for cache in caches for _ in range(questions)))
            wrong += sum(reply.body["round"] != str(number) for reply in replies)
    return Outcome(
        holds=calls == rounds and not wrong,
        figures={"rounds": rounds, "upstream_calls": calls, "wrong_replies": wrong},
        load=f"{questions} equal questions at once through each of {sharers} caches that share one folder",
        why="" if calls == rounds else f"{calls} upstream calls for {rounds} questions",
    )


PROOF = Proof(
    name="single-flight",
    title="100 equal questions at once are one upstream call, also through several caches that share one folder.",
    rooms=("src/dari/upstream/cache.py", "src/dari/core/shared_state", "src/dari/core/locks.py"),
    short=lambda: asked(rounds=3, questions=100, sharers=1),
    long=lambda: asked(rounds=100, questions=100, sharers=4),
)
