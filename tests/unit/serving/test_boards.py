"""What a live document tells: last records, cuts, losses, alerts; watched once, given back, and tried again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dari.core.alerts import EXECUTED, Alert, bound
from dari.core.clock import SystemClock
from dari.core.errors import DariError, NotAllowed, NotFound, Unreachable
from dari.core.exchange import Provenance
from dari.core.live import Cut, Happening, Overrun, Tick, Topic
from dari.core.shelf import LiveResource, Shelf, Watched
from dari.serving.audit import Audit
from dari.serving.boards import KEPT, MOST, Boards, Patience
from dari.serving.callers import Caller
from dari.upstream.feed import Feed
from tests.support import MORNING

URI = "x://realtime/0B/005930"
TOPIC = Topic("0B", "005930")
CALLER = Caller()


def watched(kind: str, item: str) -> Watched:
    return Watched(f"{kind} {item}", (Topic(kind, item),))


def alerted(item: str, side: str, number: str) -> Watched:
    return Watched(item, (Topic("0B", item),), alert=bound("price", side, number))


def told(tick: Tick) -> Mapping[str, Any]:
    return {name: int(value) for name, value in tick.values.items()}


def resource(address: str, what: Any) -> LiveResource:
    return LiveResource(
        address=address,
        name="",
        description="",
        watched=what,
        told=told,
        shown=lambda _: ("price",),
        figures=lambda _, record: dict(record),
    )


SHELF = Shelf(
    live=(
        resource("x://realtime/{kind}/{item}", watched),
        resource("x://alert/{item}/price/{side}/{number}", alerted),
        resource("x://own", lambda: Watched("own", (Topic("00"),), "account", Alert(EXECUTED))),
    )
)


class Pushing:
    """An upstream whose feeds a test fills."""

    def __init__(self) -> None:
        self.feeds: list[Feed] = []
        self.left = 0
        self.scopes: list[str] = []
        self.refuse: DariError | None = None
        self.sources = (Provenance(provider="x", endpoint="0B", mode="paper", simulated=True, fetched_at=MORNING),)

    @asynccontextmanager
    async def watch(
        self, topics: Collection[Topic], *, scope: str = "market"
    ) -> AsyncIterator[AsyncIterator[Happening]]:
        if self.refuse is not None:
            raise self.refuse
        feed = Feed(frozenset(topics))
        self.feeds.append(feed)
        self.scopes.append(scope)
        try:
            yield feed
        finally:
            self.left += 1

    def push(self, *prices: int, topic: Topic = TOPIC, **more: int) -> None:
        for number, price in enumerate(prices, 1):
            values = {"price": str(price), **{name: str(value) for name, value in more.items()}}
            self.feeds[-1].tell(Tick(topic, values, MORNING, number))


@asynccontextmanager
async def boards(folder: Path, **patience: float) -> AsyncIterator[tuple[Boards, Pushing]]:
    pushing = Pushing()
    waits = Patience(**{"first": 0.05, "linger": 0.05, "apart": 0.01, **patience})
    audit = Audit(folder)
    kept = Boards(SHELF, lambda _: pushing, clock=SystemClock(), audit=audit, patience=waits)
    yield kept, pushing
    await kept.close()
    audit.close()


async def read(kept: Boards, uri: str = URI) -> dict[str, Any]:
    mime, text = await kept.read(uri, CALLER)
    assert mime == "application/json"
    document: dict[str, Any] = json.loads(text)
    return document


@asynccontextmanager
async def hearing(kept: Boards, uri: str = URI) -> AsyncIterator[list[str]]:
    heard: list[str] = []

    async def news(uri: str) -> None:
        heard.append(uri)

    async with kept.subscribed(uri, CALLER, news):
        yield heard


async def test_a_document_tells_the_last_records_and_counts_the_rest(tmp_path: Path) -> None:
    async with boards(tmp_path) as (kept, pushing), hearing(kept):
        pushing.push(*range(1, KEPT + 11))
        await asyncio.sleep(0.02)
        document = await read(kept)
    assert document["count"] == KEPT + 10
    assert [row[3] for row in document["rows"]] == list(range(11, KEPT + 11))
    assert document["columns"] == ["at", "item", "number", "price"]
    assert document["latest"][0]["price"] == KEPT + 10
    assert document["simulated"] is True
    assert document["provenance"][0]["mode"] == "paper"


async def test_cuts_and_losses_are_told(tmp_path: Path) -> None:
    async with boards(tmp_path) as (kept, pushing), hearing(kept):
        pushing.feeds[-1].tell(Cut(MORNING, MORNING + timedelta(seconds=2), "broken"))
        pushing.feeds[-1].tell(Overrun(7))
        await asyncio.sleep(0.02)
        document = await read(kept)
    assert document["gaps"][0]["reason"] == "broken"
    assert document["lost"] == 7


async def test_a_first_read_waits_for_something_but_not_for_ever(tmp_path: Path) -> None:
    async with boards(tmp_path, first=0.3) as (kept, pushing):
        reading = asyncio.ensure_future(read(kept))
        await asyncio.sleep(0.02)
        pushing.push(5)
        assert (await reading)["count"] == 1
    async with boards(tmp_path) as (kept, _):
        assert (await read(kept))["count"] == 0


async def test_news_is_told_and_not_more_often_than_it_may(tmp_path: Path) -> None:
    async with boards(tmp_path, apart=0.2) as (kept, pushing), hearing(kept) as heard:
        for price in range(20):
            pushing.push(price)
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        assert heard == [URI]
        await asyncio.sleep(0.2)
        assert len(heard) <= 2


async def test_one_watch_serves_many_and_ends_after_the_last(tmp_path: Path) -> None:
    async with boards(tmp_path) as (kept, pushing):
        async with hearing(kept) as one, hearing(kept) as other:
            assert kept.listeners(URI) == 2
            pushing.push(1)
            await asyncio.sleep(0.03)
            assert (one, other) == ([URI], [URI])
        assert len(pushing.feeds) == 1
        assert pushing.left == 0  # it lingers: whoever comes back finds what there was
        assert (await read(kept))["count"] == 1
        await asyncio.sleep(0.12)
        assert pushing.left == 1
        assert kept.listeners(URI) == 0


async def test_an_alert_is_news_only_when_it_goes_off(tmp_path: Path) -> None:
    uri = "x://alert/005930/price/above/100"
    async with boards(tmp_path) as (kept, pushing), hearing(kept, uri) as heard:
        pushing.push(98, 99)
        await asyncio.sleep(0.03)
        assert heard == []
        pushing.push(100, 101)
        await asyncio.sleep(0.03)
        document = await read(kept, uri)
    assert heard == [uri]
    assert document["alert"] == "*: price ≥ 100"
    assert [one["value"] for one in document["fired"]] == [100]


async def test_ones_own_executions_are_watched_in_the_accounts_mode(tmp_path: Path) -> None:
    async with boards(tmp_path) as (kept, pushing), hearing(kept, "x://own") as heard:
        pushing.push(1, topic=Topic("00"), executed=0)
        await asyncio.sleep(0.03)
        pushing.push(1, topic=Topic("00"), executed=3)
        await asyncio.sleep(0.03)
    assert pushing.scopes == ["account"]
    assert heard == ["x://own"]


async def test_what_cannot_be_watched_is_an_error_and_is_tried_again(tmp_path: Path) -> None:
    async with boards(tmp_path) as (kept, pushing):
        pushing.refuse = NotAllowed("held by process 7")
        with pytest.raises(NotAllowed, match="process 7"):
            await read(kept)
        pushing.refuse = None
        assert (await read(kept))["count"] == 0


async def test_a_session_that_ends_for_good_is_said_to_have_ended(tmp_path: Path) -> None:
    async with boards(tmp_path, linger=5.0) as (kept, pushing):
        async with hearing(kept) as heard:
            pushing.feeds[-1].end(Unreachable("gone"))
            await asyncio.sleep(0.03)
            assert (await read(kept))["ended"] == {"code": "unreachable", "message": "gone"}
            assert heard == [URI]
        assert "ended" not in await read(kept)  # nobody needed it any more: it was watched anew
        assert len(pushing.feeds) == 2


async def test_one_who_fails_to_hear_does_not_deafen_the_others(tmp_path: Path) -> None:
    async def deaf(_: str) -> None:
        raise ConnectionError

    async with boards(tmp_path) as (kept, pushing), kept.subscribed(URI, CALLER, deaf), hearing(kept) as heard:
        pushing.push(1)
        await asyncio.sleep(0.03)
        assert heard == [URI]


async def test_strangers_unknown_addresses_and_too_many_are_refused(tmp_path: Path) -> None:
    async with boards(tmp_path, first=0.0, linger=5.0) as (kept, _):
        with pytest.raises(NotAllowed, match="no key set"):
            await kept.read(URI, Caller(profiles=()))
        with pytest.raises(NotFound, match="no resource"):
            await kept.read("x://nothing", CALLER)
        for number in range(MOST):
            await kept.read(f"x://realtime/0B/{number}", CALLER)
        with pytest.raises(NotAllowed, match="watched already"):
            await kept.read("x://realtime/0B/one%20more", CALLER)
    assert outcomes(tmp_path) == {"ok", "not_allowed", "not_found"}


def outcomes(folder: Path) -> set[str]:
    """What the audit tells of everybody who read."""
    lines = [line for path in folder.glob("audit-*.jsonl") for line in path.read_text().splitlines()]
    return {json.loads(line)["outcome"] for line in lines}
