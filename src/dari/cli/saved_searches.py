"""`dari crawl watch`: rounds of saved searches, as often as the calls of the day allow."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from dari.app.naramarket import desk_of
from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.cli.printing import FAULT, OK, document, line
from dari.core.errors import Hint, InvalidInput
from dari.providers.naramarket.tools import watching


async def watch(
    name: str | None,
    operation: str | None,
    filters: Mapping[str, str],
    *,
    by: str | None,
    days: int,
    calls: int,
    every: float,
    once: bool,
    remove: bool,
    as_json: bool,
    simulated: bool,
    seed: int,
) -> int:
    """Save, remove, or look; the exit code is 0 only where every look of the last round was whole."""
    async with Runtime(settings_of(), simulated=simulated, seed=seed) as runtime:
        desk = desk_of(runtime.client_of("naramarket"))
        if remove:
            await watching.remove(desk, name or "")
            return OK
        if operation is not None and name is not None:
            asked = watching.WatchSearch(
                name=name, operation=operation, by=by, filters=dict(filters), days=days, most_calls=calls
            )
            await watching.saved(desk, asked)
        while True:
            names = [name] if name is not None else await watching.names(desk)
            if not names:
                raise InvalidInput(
                    "no search is saved yet",
                    hint=Hint("dari crawl watch 이름 오퍼레이션", "dari crawl watch NAME OPERATION name=value"),
                )
            rounds = [await watching.looked(desk, one) for one in names]
            if as_json:
                document({"watches": rounds})
            else:
                for one in rounds:
                    _shown(one)
            if once:
                return OK if all(one["success"] for one in rounds) else FAULT
            seconds = await watching.until_next(desk, rounds, every=60.0 * every)
            sys.stderr.write(f"next look in {seconds / 60.0:.0f} min\n")
            await asyncio.sleep(seconds)


def _shown(told: Mapping[str, Any]) -> None:
    line(f"{told['watch']['name']}: {told['count']} new or changed, {told['calls']} calls")
    for one in told["lines"]:
        line(f"  {one}")
    if not told["success"]:
        line(f"  not whole yet: {told['state']}")
