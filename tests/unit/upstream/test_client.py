"""The order of the policies, and what a tool sees of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dari.core.acts import Holder, holder
from dari.core.clock import ManualClock
from dari.core.endpoint import Effect, Endpoint
from dari.core.errors import CircuitOpen, NotFound, OutcomeUnknown, RateLimited, SetupError, Unreachable, WrongMode
from dari.core.events import Events
from dari.core.exchange import Call, Grant, Reply
from dari.core.provider import Rate
from dari.core.shared_state import FileState
from dari.upstream.breaker import BreakerRules
from dari.upstream.client import Client, Rules
from dari.upstream.pacing import FileRing
from dari.upstream.retry import RetryRules
from tests.unit.upstream.doubles import NOON, Scripted, endpoint


@dataclass
class Sheet:
    row: Endpoint

    def endpoint(self, endpoint_id: str) -> Endpoint:
        if endpoint_id != self.row.id:
            raise NotFound(endpoint_id)
        return self.row

    def ids(self) -> tuple[str, ...]:
        return (self.row.id,)


@dataclass
class Dialect:
    sender: Scripted
    name: str = "test"
    refuses: Exception | None = None
    signed: list[str] = field(default_factory=list)

    def check(self, _: Call) -> None:
        if self.refuses:
            raise self.refuses

    def lane(self, _: Call) -> str:
        return "lane"

    def limits(self, _: Call) -> tuple[tuple[str, Rate], ...]:
        return (("lane", Rate(2)),)

    def grant_name(self, profile: str, mode: str) -> str | None:
        return f"{profile} {mode}"

    async def sign_in(self, profile: str, _: str) -> Grant:
        self.signed.append(profile)
        return Grant("t", NOON.replace(year=2027))

    async def __call__(self, call: Call, /) -> Reply:
        return await self.sender(call)


def client(folder: Path, dialect: Dialect, clock: ManualClock, row: Endpoint, rules: Rules | None = None) -> Client:
    return Client(
        spec=Sheet(row),
        dialect=dialect,
        state=FileState(folder, clock),
        ring=FileRing(folder, clock),
        clock=clock,
        events=Events(),
        rules=rules,
    )


@pytest.fixture
def clock() -> ManualClock:
    clock = ManualClock(NOON)
    clock.advance(1000)
    return clock


async def test_an_answer_remembers_where_it_came_from_and_how_long_it_is_good(
    clock: ManualClock, tmp_path: Path
) -> None:
    dialect = Dialect(Scripted(clock))
    asking = client(tmp_path, dialect, clock, endpoint(cache=7)).asking()
    assert asking.keep_seconds == float("inf")
    await asking.ask("test.price", {"code": "1"}, venue="KRX")
    clock.advance(3)
    await asking.ask("test.price", {"code": "1"}, venue="KRX")
    (source,) = asking.sources
    assert (source.endpoint, source.mode, source.venue, source.calls, source.attempts) == (
        "test.price", "real", "KRX", 2, 1,
    )  # fmt: skip
    assert source.cached == "partly"
    assert source.age_seconds == pytest.approx(3, abs=0.01)
    assert asking.keep_seconds == pytest.approx(4, abs=0.01)
    assert asking.now() == clock.now()


async def test_what_can_be_refused_before_the_network_is(clock: ManualClock, tmp_path: Path) -> None:
    dialect = Dialect(Scripted(clock), refuses=WrongMode("not in paper"))
    with pytest.raises(WrongMode):
        await client(tmp_path, dialect, clock, endpoint()).asking().ask("test.price")
    assert (dialect.sender.calls, dialect.signed) == ([], [])


async def test_each_attempt_takes_a_ticket_of_its_own(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock, RateLimited("1"), RateLimited("2"), "ok")
    rules = Rules(retry=RetryRules(first=0.001))
    reply = await client(tmp_path, Dialect(sender), clock, endpoint(), rules).asking().ask("test.price")
    assert reply.attempts == 3
    assert sender.times[2] - sender.times[0] >= 1.0  # two tickets a second: the third attempt waited for its own


async def test_each_attempt_counts_for_the_breaker_and_an_open_circuit_takes_no_ticket(
    clock: ManualClock, tmp_path: Path
) -> None:
    sender = Scripted(clock, Unreachable("down"))
    rules = Rules(breaker=BreakerRules(failures=3, rest_seconds=60))
    one = client(tmp_path, Dialect(sender), clock, endpoint(), rules)
    with pytest.raises(Unreachable):
        await one.asking().ask("test.price")
    before = clock.monotonic()
    with pytest.raises(CircuitOpen):
        await one.asking().ask("test.price")
    assert (len(sender.calls), clock.monotonic()) == (3, before)


async def test_too_many_calls_inside_a_reply_reaches_the_retry(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock, RateLimited("inside HTTP 200", retry_after=1), "ok")
    assert (await client(tmp_path, Dialect(sender), clock, endpoint()).asking().ask("test.price")).body == {
        "said": "ok"
    }


async def test_a_kept_answer_takes_no_ticket_and_no_grant(clock: ManualClock, tmp_path: Path) -> None:
    dialect = Dialect(Scripted(clock))
    one = client(tmp_path, dialect, clock, endpoint())
    await one.asking().ask("test.price")
    before = clock.monotonic()
    for _ in range(10):
        await one.asking().ask("test.price")
    assert clock.monotonic() == before
    assert dialect.signed == ["default"]


async def test_the_grant_is_in_the_call_and_the_profile_names_it(clock: ManualClock, tmp_path: Path) -> None:
    dialect = Dialect(Scripted(clock))
    await client(tmp_path, dialect, clock, endpoint()).asking("mine").ask("test.price", mode="paper", cursor="c")
    (call,) = dialect.sender.calls
    assert (call.profile, call.mode, call.cursor, call.grant and call.grant.token) == ("mine", "paper", "c", "t")


@pytest.mark.parametrize(
    ("effect", "executed", "told"),
    [
        (Effect.COMMIT, None, OutcomeUnknown),
        (Effect.COMMIT, False, Unreachable),
        (Effect.READ, None, Unreachable),
    ],
)
async def test_a_commit_that_may_have_happened_is_called_unknown(
    clock: ManualClock, tmp_path: Path, effect: Effect, *, executed: bool | None, told: type[Exception]
) -> None:
    sender = Scripted(clock, Unreachable("cut", executed=executed))
    with pytest.raises(told) as raised:
        await client(tmp_path, Dialect(sender), clock, endpoint(effect)).asking().ask("test.price")
    assert type(raised.value) is told
    assert len(sender.calls) == (3 if effect is Effect.READ else 1)


async def test_an_unknown_endpoint_is_told_before_anything_else(clock: ManualClock, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await client(tmp_path, Dialect(Scripted(clock)), clock, endpoint()).asking().ask("test.unknown")


async def test_a_tool_may_ask_how_we_stand(clock: ManualClock, tmp_path: Path) -> None:
    standing = await client(tmp_path, Dialect(Scripted(clock)), clock, endpoint()).asking().standing()
    assert (standing.mode, standing.signed_in_until) == ("real", NOON.replace(year=2027))


class Accounts(Dialect):
    def holder(self, call: Call) -> Holder:
        return holder(call.mode, "12345678-01")


async def test_a_tool_that_plans_is_told_where_and_for_whom(clock: ManualClock, tmp_path: Path) -> None:
    plans: Any = object()
    one = client(tmp_path, Accounts(Scripted(clock)), clock, endpoint())
    asking = one.asking(plans=plans)
    await asking.ask("test.price")
    assert asking.keep_seconds > 0
    assert asking.plans is plans
    assert asking.keep_seconds == 0  # an answer that speaks of a plan is never told again
    assert asking.holder("test.price") == holder("real", "1234567801")
    with pytest.raises(SetupError):
        _ = one.asking().plans
    with pytest.raises(SetupError):
        client(tmp_path, Dialect(Scripted(clock)), clock, endpoint()).asking().holder("test.price")


def test_a_holder_tells_nobody_the_number() -> None:
    assert holder("paper", "12345678-01") == holder("paper", "1234567801")
    assert holder("paper", "12345678-01").masked == "******7801"
    assert "12345678" not in repr(holder("paper", "12345678-01"))
    assert holder("paper", "").masked == ""
