"""The pushed session with a dialect of frames that is nobody's: no login, no replies, words instead of JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from dari.core.clock import SystemClock
from dari.core.errors import (
    DariError,
    GrantStale,
    Malformed,
    MissingCredential,
    NotFound,
    RateLimited,
    Refused,
    Unreachable,
)
from dari.core.events import Events
from dari.core.exchange import Call, Grant
from dari.core.live import Answered, Asked, Beat, Cut, Ended, Meaning, Overrun, Pushed, Tick, Topic
from dari.core.shared_state import FileState
from dari.upstream import feed as feeds
from dari.upstream.client import Client
from dari.upstream.feed import Feed
from dari.upstream.lease import holder_name
from dari.upstream.live import Live, LiveRules
from tests.unit.upstream.doubles import NOON, call

TOPIC = Topic("price", "005930")


class Words:
    """Frames are words: `tick <item>`, `beat`, `noise`, `over [again]`, `yes`, `no`."""

    name = "words"
    budget = 2
    silence = 60.0

    def __init__(self, *, greets: bool = False, replies: bool = False) -> None:
        self.greets, self.replies = greets, replies

    def session_name(self, profile: str, mode: str) -> str:
        return f"{profile} {mode}"

    def url(self, mode: str) -> str:
        return f"ws://{mode}"

    def simulated(self, headers: Mapping[str, str], grant: Grant | None) -> bool:
        return "simulated" in headers or grant is not None

    def cost(self, topics: Collection[Topic]) -> int:
        return len(topics)

    def opening(self, grant: Grant | None) -> Asked | None:  # noqa: ARG002  # the protocol's shape
        return Asked("hello", "yes") if self.greets else None

    def register(self, topics: Collection[Topic], grant: Grant | None) -> tuple[Asked, ...]:  # noqa: ARG002  # the protocol's shape
        return tuple(Asked(f"watch {one.item}", "yes" if self.replies else None) for one in sorted(topics))

    def remove(self, topics: Collection[Topic], grant: Grant | None) -> tuple[Asked, ...]:  # noqa: ARG002  # the protocol's shape
        return tuple(Asked(f"leave {one.item}", None) for one in sorted(topics))

    def question(self, call: Call) -> Asked:  # noqa: ARG002  # the protocol's shape
        return Asked("what", "yes")

    def read(self, frame: str, at: datetime) -> Meaning:
        match frame.split():
            case ["tick", item]:
                return Pushed((Tick(Topic("price", item), {}, at),))
            case ["beat"]:
                return Beat(None)
            case ["over", *again]:
                return Ended(Refused("over"), again=bool(again))
            case ["yes" | "no" as said]:
                return Answered("yes", {"said": said}, Refused("no") if said == "no" else None)
            case ["stale"]:
                return Answered("yes", {}, GrantStale("old"))
            case ["noise"]:
                return None
        raise Malformed("no word")


class Line:
    headers: Mapping[str, str] = {}

    def __init__(self, first: list[str]) -> None:
        self.inbox: asyncio.Queue[str | None] = asyncio.Queue()
        self.sent: list[str] = []
        for word in first:
            self.inbox.put_nowait(word)

    async def send(self, text: str) -> None:
        self.sent.append(text)

    async def receive(self) -> str:
        word = await self.inbox.get()
        if word is None:
            self.inbox.put_nowait(None)
            raise Unreachable("cut", executed=None)
        return word

    async def close(self) -> None:
        self.inbox.put_nowait(None)


class Grantless:
    """Grants of an upstream that needs none; `fails` is what the next ones raise."""

    def __init__(self) -> None:
        self.fails: list[DariError] = []

    async def get(self, profile: str, mode: str) -> Grant | None:  # noqa: ARG002  # the protocol's shape
        if self.fails:
            raise self.fails.pop(0)
        return None

    def disown(self, grant: Grant) -> None:  # noqa: ARG002  # the protocol's shape
        raise AssertionError("there is no grant to disown")


class Rig:
    def __init__(self, folder: Path, *, linger: float = 0.02, **words: bool) -> None:
        self.lines: list[Line] = []
        self.firsts: list[list[str]] = []
        self.grants = Grantless()
        clock = SystemClock()
        self.live = Live(
            Words(**words),
            connect=self.connect,
            grants=self.grants,  # type: ignore[arg-type]  # two methods of Grants are all a session uses
            state=FileState(folder, clock),
            clock=clock,
            events=Events(),
            profile="p",
            mode="real",
            rules=LiveRules(answer=0.2, lease=0.6, linger=linger, first=0.01, longest=0.02),
        )

    async def connect(self, url: str) -> Line:
        assert url == "ws://real"
        self.lines.append(Line(self.firsts.pop(0) if self.firsts else []))
        return self.lines[-1]

    def says(self, *words: str | None) -> None:
        for word in words:
            self.lines[-1].inbox.put_nowait(word)


async def until(said: Callable[[], Any]) -> None:
    async with asyncio.timeout(3):
        while not said():  # noqa: ASYNC110 -- a double tells nobody
            await asyncio.sleep(0.002)


async def test_a_dialect_without_login_and_replies_is_spoken_as_well(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with rig.live.watching([TOPIC]) as feed:
        rig.says("beat", "noise", "yes", "tick 005930")
        tick = await anext(feed)
        assert isinstance(tick, Tick)
        assert tick.number == 1
    assert rig.lines[0].sent == ["watch 005930", "leave 005930"]
    await rig.live.close()


async def test_over_at_the_first_word_is_told(tmp_path: Path) -> None:
    rig = Rig(tmp_path, greets=True)
    rig.firsts = [["over again"]]
    with pytest.raises(Refused):
        async with rig.live.watching([TOPIC]):
            raise AssertionError("there was no session")


async def test_no_answer_to_the_first_frame_is_told(tmp_path: Path) -> None:
    rig = Rig(tmp_path, greets=True)
    rig.firsts = [["noise", "noise"]]
    with pytest.raises(Unreachable, match="did not answer yes"):
        async with rig.live.watching([TOPIC]):
            raise AssertionError("there was no session")


async def test_a_refused_first_frame_is_told(tmp_path: Path) -> None:
    rig = Rig(tmp_path, greets=True)
    rig.firsts = [["no"]]
    with pytest.raises(Refused):
        async with rig.live.watching([TOPIC]):
            raise AssertionError("there was no session")


async def test_a_stale_session_is_tried_once_more_even_without_a_grant(tmp_path: Path) -> None:
    rig = Rig(tmp_path, greets=True)
    rig.firsts = [["stale"], ["yes"]]
    async with rig.live.watching([TOPIC]):
        assert len(rig.lines) == 2
    await rig.live.close()


@pytest.mark.parametrize("mended", [["over again"], ["no word"], []])
async def test_it_connects_until_it_works(tmp_path: Path, mended: list[str]) -> None:
    rig = Rig(tmp_path, greets=True)
    rig.firsts = [["yes"], mended, ["yes", "tick 005930"]] if mended else [["yes"], ["yes", "tick 005930"]]
    async with rig.live.watching([TOPIC]) as feed:
        if not mended:
            rig.grants.fails = [RateLimited("soon")]
        rig.says(None)
        assert isinstance(await anext(feed), Cut)
    await rig.live.close()


@pytest.mark.parametrize("final", [["over"], MissingCredential("no key")])
async def test_what_waiting_cannot_mend_ends_the_feed(tmp_path: Path, final: Any) -> None:
    rig = Rig(tmp_path, greets=True)
    rig.firsts = [["yes"], final if isinstance(final, list) else ["yes"]]
    async with rig.live.watching([TOPIC]) as feed:
        if not isinstance(final, list):
            rig.grants.fails = [final]
        rig.says(None)
        with pytest.raises((Refused, MissingCredential)):
            await anext(feed)
    await rig.live.close()


async def test_while_it_is_down_a_newcomer_is_told_so(tmp_path: Path) -> None:
    rig = Rig(tmp_path, greets=True)
    rig.firsts = [["yes"], *([["noise"]] * 50)]
    async with rig.live.watching([TOPIC]):
        rig.says(None)
        await until(lambda: len(rig.lines) > 1)
        with pytest.raises(Unreachable, match="is down"):
            async with rig.live.watching([Topic("price", "000660")]):
                raise AssertionError("there was no session")
    await rig.live.close()


async def test_a_question_in_the_air_when_the_session_breaks_is_told(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with rig.live.watching([TOPIC]):
        asking = asyncio.ensure_future(rig.live.ask(call()))
        await until(lambda: "what" in rig.lines[0].sent)
        rig.says(None)
        with pytest.raises(Unreachable):
            await asking
    await rig.live.close()


async def test_a_question_answered_late_is_nobodys(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    async with rig.live.watching([TOPIC]) as feed:
        with pytest.raises(Unreachable, match="did not answer"):
            await rig.live.ask(call())
        rig.says("yes", "tick 005930")
        assert isinstance(await anext(feed), Tick)
        asking = asyncio.ensure_future(rig.live.ask(call()))
        await until(lambda: rig.lines[0].sent.count("what") == 2)
        rig.says("yes")
        assert (await asking).body == {"said": "yes"}
    await rig.live.close()


async def test_who_comes_while_it_lingers_keeps_it(tmp_path: Path) -> None:
    rig = Rig(tmp_path, linger=0.05)
    async with rig.live.watching([TOPIC]):
        pass
    async with rig.live.watching([TOPIC]):
        await asyncio.sleep(0.1)
        assert len(rig.lines) == 1
    await rig.live.close()


async def test_a_client_without_pushes_has_no_session() -> None:
    client = Client.__new__(Client)
    client._pushes = None
    client._lives = {}
    client.dialect = Words()  # type: ignore[assignment]  # its name is all that is told
    with pytest.raises(NotFound, match="words"):
        client.live("p", "real")


def test_two_clients_of_one_process_are_two_holders() -> None:
    assert holder_name() != holder_name()
    assert holder_name().startswith("process ")


async def test_what_a_slow_reader_lost_stands_where_it_was_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "KEPT_FOR_A_READER", 2)
    feed = Feed(frozenset({TOPIC}))
    ticks = [Tick(TOPIC, {}, NOON, number) for number in range(1, 7)]
    for tick in ticks[:4]:
        feed.tell(tick)
    assert [await anext(feed), await anext(feed)] == ticks[:2]
    feed.tell(ticks[4])
    assert [await anext(feed), await anext(feed)] == [Overrun(2), ticks[4]]
    feed.end(Refused("over"))
    with pytest.raises(Refused):
        await anext(feed)
