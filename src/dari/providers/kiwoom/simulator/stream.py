"""A stream for load: realtime trades at a set rate, written beforehand, numbered one by one for every item.

The number is the accumulated volume (field 13): each event is a trade of one share, so an item's volumes are
consecutive, and whoever listens can tell a lost, doubled or exchanged event.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from dari.providers.kiwoom.simulator.frames import frame_values
from dari.providers.kiwoom.simulator.realtime import Exchange, Session, real

KIND: Final = "0B"
MARK: Final = "@number@"
BURST_SECONDS: Final = 0.005


def prepared(exchange: Exchange, item: str) -> tuple[str, str, int] | None:
    """(text before the number, text after it, the number before the first) of an item's frames."""
    values = frame_values(exchange.service.market, KIND, item, exchange.service.world.now())
    if values is None:
        return None
    first = int(values["13"])
    head, tail = real(KIND, item, {**values, "13": MARK, "15": "+1"}).split(MARK)
    return head, tail, first


async def run(exchange: Exchange, session: Session, *, rate: float, seconds: float) -> dict[str, dict[str, int]]:
    """Send `rate` events a second for `seconds`, round the session's 0B items. Returns what was sent by item.

    It also stands in `exchange.streamed` while it grows: `{item: {sent, first, last}}`, first and last being numbers.
    """
    items = sorted(item for item, kind in session.registered if kind == KIND)
    texts = {item: found for item in items if (found := prepared(exchange, item)) is not None}
    told = {item: {"sent": 0, "first": first + 1, "last": first} for item, (_, _, first) in texts.items()}
    exchange.streamed = told
    order = list(texts)
    begun, sent, total = time.monotonic(), 0, int(rate * seconds)
    while order and sent < total and not session.closed.is_set():
        due = min(total, int((time.monotonic() - begun) * rate) + 1)
        while sent < due:
            item = order[sent % len(order)]
            head, tail, _ = texts[item]
            row = told[item]
            row["last"] += 1
            row["sent"] += 1
            session.put(f"{head}{row['last']}{tail}")
            sent += 1
        await asyncio.sleep(BURST_SECONDS)
    return told
