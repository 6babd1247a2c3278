"""A process whose disk is full for a while: `python -m tests.prove.filling FOLDER`, told as one JSON line."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from dari.app.runtime import Runtime
from dari.core.clock import KST, ManualClock
from dari.core.endpoint import Effect
from dari.settings import resolve
from tests.support import settings

NOW = datetime(2026, 11, 20, 10, 30, tzinfo=KST)
CRAWL = {"operation": "BidPublicInfoService.getBidPblancListInfoThng", "start": "2026-09-25", "end": "2026-09-30"}


@contextmanager
def no_room(most: int) -> Iterator[None]:
    """No file may grow beyond `most` bytes meanwhile: what a quota or a full disk does to what is appended."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def told(folder: Path, room: int) -> dict[str, Any]:
    """Errors before, while and after there is no room, and what is left in the end."""
    clock = ManualClock(NOW)
    found = resolve(environment=settings(folder, DARI_DEADLINE_SECONDS="60", DARI_RANKING_SOURCES="none"), home=folder)
    report: dict[str, Any] = {}
    async with Runtime(found, simulated=True, clock=clock) as runtime:
        _, ranking = runtime.server("volume-ranking")
        _, procurement = runtime.server("naramarket")
        caller = runtime.caller()

        async def asked(where: str, dispatch: Any, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
            outcome = await dispatch.call(tool, arguments, caller)
            report.setdefault(where, []).append(outcome.error or "ok")
            return dict(outcome.structured)

        await asked("before", ranking, "get_volume_ranking", {"count": 3})
        with no_room(room):
            for count in (4, 5):
                await asked("reads", ranking, "get_volume_ranking", {"count": count})
            await asked("reads", ranking, "get_market_cap_ranking", {"count": 3})
            await asked("writes", procurement, "start_crawl", CRAWL)
            runtime.audit.write(
                at=clock.now(), caller="prove", tool="full", effect=Effect.COMMIT, arguments={}, outcome="ok"
            )
        await asked("after", ranking, "get_volume_ranking", {"count": 6})
        await asked("after", procurement, "plan_crawl", CRAWL)
        status = await asked("after", procurement, "start_crawl", CRAWL)
        for _ in range(600):
            if status.get("state") != "running":
                break
            await asyncio.sleep(0.05)
            status = dict(
                (await procurement.call("crawl_status", {"crawl_id": status["crawl"]["id"]}, caller)).structured
            )
        report["crawl"] = [status.get("state"), status.get("success"), status.get("rows")]
        report["expected_rows"] = sum(one.get("expected", 0) for one in status.get("receipts", ()))
    lines = [
        json.loads(line) for file in (folder / "home").rglob("audit-*.jsonl") for line in file.read_bytes().splitlines()
    ]
    report["audited"] = sum(one.get("tool") in {"get_volume_ranking", "get_market_cap_ranking"} for one in lines)
    report["commits_audited"] = sum(one.get("tool") == "full" for one in lines)
    report["halves"] = sum(file.name.startswith(".") for file in (folder / "home").rglob("*") if file.is_file())
    return report


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    print(json.dumps(asyncio.run(told(Path(sys.argv[1]), int(sys.argv[2])))))
