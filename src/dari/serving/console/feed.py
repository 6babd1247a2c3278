"""Finished calls as server-sent events: many of them in one event, so that a page stays quick whatever goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from starlette.responses import StreamingResponse

from dari.serving.journal import Entry, Journal

STEP_SECONDS: Final = 0.25
BEAT_SECONDS: Final = 15.0
"""How long the stream may be silent: proxies cut what is silent for a minute."""
MOST: Final = 100
"""As many rows as a page shows."""


def row(entry: Entry, words: Mapping[str, str]) -> dict[str, Any]:
    """A call as the table shows it."""
    return {
        "number": entry.number,
        "at": entry.at.strftime("%H:%M:%S"),
        "caller": entry.caller,
        "server": entry.server,
        "tool": entry.tool,
        "milliseconds": round(entry.seconds * 1000),
        "source": ", ".join(dict.fromkeys(str(one.get("provider", "")) for one in entry.sources)),
        "simulated": words["simulated"] if entry.simulated else "",
        "calls": entry.calls,
        "error": entry.error,
    }


def stream(journal: Journal, tenant: str, words: Mapping[str, str]) -> StreamingResponse:
    """The calls of a tenant from now on."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_told(journal, tenant, words), media_type="text/event-stream", headers=headers)


async def _told(journal: Journal, tenant: str, words: Mapping[str, str]) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    with journal.listening(tenant) as queue:
        while True:
            try:
                async with asyncio.timeout(BEAT_SECONDS):
                    found = [await queue.get()]
            except TimeoutError:
                yield ": still here\n\n"
                continue
            found += [queue.get_nowait() for _ in range(queue.qsize())]
            told = {"more": max(0, len(found) - MOST), "calls": [row(one, words) for one in found[-MOST:]]}
            yield f"data: {json.dumps(told, ensure_ascii=False)}\n\n"
            await asyncio.sleep(STEP_SECONDS)
