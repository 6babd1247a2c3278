"""The one pushed session of a key: signed in, registered, kept alive, connected again with its gap marked, leased."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from dari.core.clock import SystemClock
from dari.core.errors import InvalidInput, MissingCredential, NotAllowed, RateLimited, Refused, Unreachable
from dari.core.events import Events
from dari.core.exchange import Call
from dari.core.live import Cut, Happening, Overrun, Tick, Topic
from dari.core.shared_state import FileState
from dari.providers.kiwoom.dialect import Hosts, KiwoomDialect
from dari.providers.kiwoom.live import KiwoomFrames
from dari.providers.kiwoom.spec import SPEC
from dari.upstream import feed as feeds
from dari.upstream.grants import Grants
from dari.upstream.live import Live, LiveRules
from tests.unit.kiwoom.doubles import TOKEN, credential, response
from tests.unit.kiwoom.pushing import PushingKiwoom

QUICK = LiveRules(answer=0.5, lease=0.6, linger=0.05, first=0.02, longest=0.05)
SAMSUNG = Topic("0B", "005930")


class Session:
    """A Live over a double, and what it is made of."""

    def __init__(self, folder: Path, *, holder: str = "one", rules: LiveRules = QUICK, silence: float = 60.0) -> None:
        self.server = PushingKiwoom()
        self.clock = SystemClock()
        self.tokens = [dict(TOKEN, expires_dt="20991121120000", token=f"T{number}") for number in range(1, 9)]
        self.signed_in = 0
        self.headers: dict[str, Any] = {}
        dialect = KiwoomDialect(
            send=self.send,
            clock=self.clock,
            credentials=MappingProxyType({("default", "paper"): credential()}),
            hosts=Hosts.of(None),
        )
        state = FileState(folder, self.clock)
        self.live = Live(
            KiwoomFrames(dialect, silence=silence),
            connect=self.server.connect,
            grants=Grants(dialect, state, self.clock),
            state=state,
            clock=self.clock,
            events=Events(),
            profile="default",
            mode="paper",
            rules=rules,
            holder=holder,
        )

    async def send(self, _: Any) -> Any:
        self.signed_in += 1
        return response(self.tokens[self.signed_in - 1], **self.headers)


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[Session]:
    made = Session(tmp_path)
    yield made
    await made.live.close()


async def some(feed: AsyncIterator[Happening], count: int) -> list[Happening]:
    async with asyncio.timeout(3):
        return [await anext(feed) for _ in range(count)]


async def until(said: Any) -> None:
    async with asyncio.timeout(3):
        while not said():  # noqa: ASYNC110 -- what is waited for happens in a double, which tells nobody
            await asyncio.sleep(0.005)


async def test_login_comes_first_then_the_registration_then_ticks(session: Session) -> None:
    async with session.live.watching([SAMSUNG, Topic("0D", "005930"), Topic("0B", "000660")]) as feed:
        session.server.push("0B", "005930", f10="-70100")
        session.server.push("0B", "035420", f10="1")  # nobody watches it
        session.server.push("0B", "005930", f10="-70000")
        first, second = await some(feed, 2)
    login, registered = session.server.link.sent[:2]
    assert login == {"trnm": "LOGIN", "token": "T1"}
    assert registered == {
        "trnm": "REG",
        "grp_no": "1",
        "refresh": "1",
        "data": [{"item": ["000660", "005930"], "type": ["0B"]}, {"item": ["005930"], "type": ["0D"]}],
    }
    assert isinstance(first, Tick)
    assert isinstance(second, Tick)
    assert (first.topic, first.number, first.values["10"]) == (SAMSUNG, 1, "-70100")
    assert (second.number, second.values["10"]) == (2, "-70000")
    assert session.server.frames("REMOVE")[0]["data"] == registered["data"]


async def test_a_ping_is_echoed_verbatim_and_a_system_frame_is_not(session: Session) -> None:
    async with session.live.watching([SAMSUNG]):
        session.server.link.say(trnm="PING", extra="as it came")
        await until(lambda: session.server.frames("PING"))
        assert session.server.frames("PING") == [{"trnm": "PING", "extra": "as it came"}]
    assert session.server.frames("SYSTEM") == []


async def test_account_kinds_ignore_the_item(session: Session) -> None:
    async with session.live.watching([Topic("00")]) as feed:
        session.server.push("00", "", f9203="0000123")
        session.server.push("00", "1234567890", f9203="0000124")
        ticks = await some(feed, 2)
    assert session.server.frames("REG")[0]["data"] == [{"item": [""], "type": ["00"]}]
    assert [one.values["9203"] for one in ticks if isinstance(one, Tick)] == ["0000123", "0000124"]


async def test_two_readers_share_the_session_and_its_registrations(session: Session) -> None:
    async with session.live.watching([SAMSUNG]) as one:
        async with session.live.watching([SAMSUNG, Topic("0B", "000660")]) as other:
            session.server.push("0B", "005930", f10="1")
            (seen,), (as_well,) = await some(one, 1), await some(other, 1)
            assert seen == as_well
        assert [frame["data"] for frame in session.server.frames("REG")] == [
            [{"item": ["005930"], "type": ["0B"]}],
            [{"item": ["000660"], "type": ["0B"]}],
        ]
        assert session.server.frames("REMOVE")[0]["data"] == [{"item": ["000660"], "type": ["0B"]}]
    assert len(session.server.links) == 1


async def test_two_hundred_items_and_not_one_more(session: Session) -> None:
    many = [Topic("0B", f"{number:06d}") for number in range(200)]
    async with session.live.watching([*many, *(Topic("0D", topic.item) for topic in many), Topic("00")]):
        with pytest.raises(NotAllowed, match="200"):
            async with session.live.watching([Topic("0B", "999999")]):
                raise AssertionError("the budget was passed")
        async with session.live.watching([many[0]]):
            pass


async def test_a_cut_is_marked_and_everything_watched_is_registered_again(session: Session) -> None:
    async with session.live.watching([SAMSUNG]) as feed:
        session.server.push("0B", "005930", f10="1")
        await some(feed, 1)
        session.server.down = 2
        await session.server.link.close()
        await until(lambda: len(session.server.links) == 2 and session.server.link.sent[1:])
        session.server.push("0B", "005930", f10="2")
        mark, tick = await some(feed, 2)
    assert isinstance(mark, Cut)
    assert mark.since < mark.until
    assert isinstance(tick, Tick)
    assert (tick.number, tick.values["10"]) == (2, "2")
    assert [frame["trnm"] for frame in session.server.links[1].sent[:2]] == ["LOGIN", "REG"]


async def test_a_silent_session_is_a_dead_one(tmp_path: Path) -> None:
    session = Session(tmp_path, silence=0.1)
    async with session.live.watching([SAMSUNG]) as feed:
        (mark,) = await some(feed, 1)
        assert isinstance(mark, Cut)
    await session.live.close()


async def test_taken_over_by_the_same_key_it_does_not_fight_back(session: Session) -> None:
    async with session.live.watching([SAMSUNG]) as feed:
        session.server.link.say(trnm="SYSTEM", code="R10001", message="동일한 App key로 접속되었습니다")
        with pytest.raises(Refused, match="R10001"):
            await some(feed, 1)
        await asyncio.sleep(0.1)
        assert len(session.server.links) == 1


async def test_after_missed_heartbeats_it_connects_again(session: Session) -> None:
    async with session.live.watching([SAMSUNG]) as feed:
        session.server.link.say(trnm="SYSTEM", code="R10002", message="heartbeat")
        (mark,) = await some(feed, 1)
        assert isinstance(mark, Cut)
        assert len(session.server.links) == 2


async def test_a_new_watch_after_a_takeover_begins_anew(session: Session) -> None:
    async with session.live.watching([SAMSUNG]) as feed:
        session.server.link.say(trnm="SYSTEM", code="R10001", message="x")
        with pytest.raises(Refused):
            await some(feed, 1)
    async with session.live.watching([SAMSUNG]) as feed:
        session.server.push("0B", "005930", f10="1")
        assert isinstance((await some(feed, 1))[0], Tick)
    assert len(session.server.links) == 2


async def test_a_dead_token_is_replaced_once_at_login(session: Session) -> None:
    session.server.refuse["LOGIN"] = {"return_code": 805004, "return_msg": "접속 실패 CODE=8005"}
    async with session.live.watching([SAMSUNG]):
        pass
    assert [frame["token"] for frame in session.server.frames("LOGIN")] == ["T1", "T2"]


@pytest.mark.parametrize(
    ("name", "code", "kind"), [("REG", 105115, Refused), ("REG", 105111, Refused), ("CNSRREQ", 105110, RateLimited)]
)
async def test_a_refused_registration_is_told(session: Session, name: str, code: int, kind: type[Exception]) -> None:
    session.server.refuse[name] = {"return_code": code, "return_msg": "거절"}
    topic = SAMSUNG if name == "REG" else Topic("screen", "4")
    with pytest.raises(kind) as caught:
        async with session.live.watching([topic]):
            raise AssertionError("the refusal was not told")
    assert getattr(caught.value, "upstream_code", "") == str(code)


async def test_no_reply_is_said_after_a_while(session: Session) -> None:
    session.server.mute.add("REG")
    with pytest.raises(Unreachable, match="did not answer REG"):
        async with session.live.watching([SAMSUNG]):
            raise AssertionError("nothing was registered")


async def test_no_connection_at_first_is_told_and_leaves_no_lease(tmp_path: Path) -> None:
    first = Session(tmp_path)
    first.server.down = 1
    with pytest.raises(Unreachable):
        async with first.live.watching([SAMSUNG]):
            raise AssertionError("there was no connection")
    other = Session(tmp_path, holder="another")
    async with other.live.watching([SAMSUNG]):
        assert len(other.server.links) == 1
    await other.live.close()


async def test_a_second_process_names_the_holder_and_does_not_connect(tmp_path: Path) -> None:
    first, second = Session(tmp_path, holder="process 7 on here"), Session(tmp_path, holder="another")
    async with first.live.watching([SAMSUNG]):
        await asyncio.sleep(QUICK.lease * 1.5)  # the lease is renewed while the session lives
        with pytest.raises(NotAllowed, match="process 7 on here") as caught:
            async with second.live.watching([SAMSUNG]):
                raise AssertionError("two sessions of one key")
    assert caught.value.details["holder"] == "process 7 on here"
    assert second.server.links == []
    await first.live.close()
    async with second.live.watching([SAMSUNG]):
        assert len(second.server.links) == 1
    await second.live.close()


async def test_the_lease_of_a_dead_process_runs_out(tmp_path: Path) -> None:
    first, second = Session(tmp_path, holder="dead"), Session(tmp_path, holder="another")
    await first.live._lease.take()
    await asyncio.sleep(QUICK.lease + 0.1)
    async with second.live.watching([SAMSUNG]):
        assert len(second.server.links) == 1
    await second.live.close()


async def test_a_lost_lease_ends_the_session(tmp_path: Path) -> None:
    session = Session(tmp_path)
    async with session.live.watching([SAMSUNG]) as feed:
        state, name = session.live._lease._state, session.live._lease._name
        await state.put(name, {"holder": "a thief", "since": "now"}, seconds=5.0)
        with pytest.raises(NotAllowed, match="a thief"):
            await some(feed, 1)
    await session.live.close()
    kept = await state.get(name)
    assert kept is not None
    assert kept["holder"] == "a thief"  # what is not ours is not dropped


async def test_an_unwatched_session_lingers_and_then_ends(session: Session) -> None:
    async with session.live.watching([SAMSUNG]):
        pass
    async with session.live.watching([SAMSUNG]):
        pass
    assert len(session.server.links) == 1
    await until(lambda: session.server.link.closed)
    async with session.live.watching([SAMSUNG]):
        assert len(session.server.links) == 2


async def test_a_slow_reader_is_told_what_it_lost(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "KEPT_FOR_A_READER", 3)
    async with session.live.watching([SAMSUNG]) as feed:
        for number in range(5):
            session.server.push("0B", "005930", f10=str(number))
        await until(session.server.link.to_client.empty)
        await asyncio.sleep(0.01)
        happened = await some(feed, 4)
        session.server.push("0B", "005930", f10="5")
        happened += await some(feed, 1)
    assert [one.values["10"] if isinstance(one, Tick) else one for one in happened] == ["0", "1", "2", Overrun(2), "5"]
    assert isinstance(happened[-1], Tick)
    assert happened[-1].number == 6


async def test_nonsense_from_the_upstream_is_a_cut(session: Session) -> None:
    async with session.live.watching([SAMSUNG]) as feed:
        session.server.link.to_client.put_nowait("not json")
        (mark,) = await some(feed, 1)
        assert isinstance(mark, Cut)
        session.server.link.say(trnm="REAL", data=[{"type": "0B"}])
        (mark,) = await some(feed, 1)
        assert isinstance(mark, Cut)


async def test_a_fault_of_ours_ends_the_feeds_instead_of_hanging(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session.live.watching([SAMSUNG]) as feed:
        monkeypatch.setattr(session.live, "_push", lambda _: 1 / 0)
        session.server.push("0B", "005930", f10="1")
        with pytest.raises(Unreachable, match="fault of ours"):
            await some(feed, 1)


# --- screens ----------------------------------------------------------------------------------------------------------


async def test_screens_are_listed_run_and_paged(session: Session) -> None:
    listed = await session.live.ask(Call(SPEC.endpoint("ka10171"), {}, mode="paper"))
    assert listed.body["data"][0] == ["0", "골든크로스"]
    asked = {"seq": "4", "search_type": "0", "stex_tp": "K"}
    first = await session.live.ask(Call(SPEC.endpoint("ka10172"), asked, mode="paper"))
    second = await session.live.ask(Call(SPEC.endpoint("ka10172"), asked, mode="paper", cursor=first.cursor))
    assert (first.cursor, second.cursor) == ("k1", None)
    assert session.server.frames("CNSRREQ")[1]["next_key"] == "k1"


async def test_a_live_screen_asks_the_list_first_and_hits_come_by_its_number(session: Session) -> None:
    async with session.live.watching([Topic("screen", "4")]) as feed:
        session.server.push("02", "005930", f841="4", f9001="005930", f843="I")
        session.server.push("02", "000660", f841="7", f9001="000660", f843="I")
        (hit,) = await some(feed, 1)
    assert isinstance(hit, Tick)
    assert (hit.topic, hit.values["9001"]) == (Topic("screen", "4"), "005930")
    assert [frame["trnm"] for frame in session.server.link.sent] == ["LOGIN", "CNSRLST", "CNSRREQ", "CNSRCLR"]


async def test_what_is_pushed_cannot_be_asked(session: Session) -> None:
    with pytest.raises(InvalidInput, match="watched"):
        await session.live.ask(Call(SPEC.endpoint("0B"), {"item": "005930"}, mode="paper"))
    with pytest.raises(MissingCredential):
        await session.live.ask(Call(SPEC.endpoint("ka10171"), {}, mode="real"))
    assert session.server.links == []


@pytest.mark.parametrize("simulator", [True, False])
async def test_a_simulators_grant_makes_its_pushes_simulated(session: Session, *, simulator: bool) -> None:
    session.headers = {"x_dari_simulator": "1"} if simulator else {}
    async with session.live.watching([SAMSUNG]):
        assert session.live.simulated is simulator
