"""One grant a key, issued once for all processes, renewed when the upstream disowns it, never asked for in a rush."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from dari.core.clock import Clock, ManualClock
from dari.core.errors import GrantStale, NotFound, RateLimited, SignInRefused, Unreachable
from dari.core.exchange import Call, Grant, Reply
from dari.core.shared_state import FileState
from dari.upstream.grants import Grants, Renewal, Signing
from tests.unit.upstream.doubles import NOON, Scripted, call


@dataclass
class Office:
    """The sign-in half of a dialect: hands out numbered tokens of a day."""

    clock: Clock
    name: str = "test"
    refuse: Exception | None = None
    needs: bool = True
    issued: list[str] = field(default_factory=list)

    def grant_name(self, profile: str, mode: str) -> str | None:
        return f"{profile} {mode}" if self.needs else None

    async def sign_in(self, _: str, __: str) -> Grant:
        if self.refuse:
            raise self.refuse
        await asyncio.sleep(0)
        self.issued.append(f"token-{len(self.issued) + 1}")
        return Grant(self.issued[-1], self.clock.now() + timedelta(hours=24), {"kind": "Bearer"})


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


def grants(office: Office, folder: Path) -> Grants:
    return Grants(office, FileState(folder, office.clock), office.clock)


async def token(one: Grants) -> str:
    grant = await one.get("default", "real")
    assert grant is not None
    return grant.token


async def test_processes_and_tasks_share_one_issue(clock: ManualClock, tmp_path: Path) -> None:
    office = Office(clock)
    processes = [grants(office, tmp_path) for _ in range(3)]
    tokens = await asyncio.gather(*(token(one) for one in processes for _ in range(10)))
    assert (set(tokens), office.issued) == ({"token-1"}, ["token-1"])


async def test_a_grant_is_renewed_before_it_ends(clock: ManualClock, tmp_path: Path) -> None:
    one = grants(Office(clock), tmp_path)
    assert await token(one) == "token-1"
    clock.advance(24 * 3600 - 301)
    assert await token(one) == "token-1"
    clock.advance(2)
    assert await token(one) == "token-2"


async def test_the_grant_outlives_the_process_in_a_private_file(clock: ManualClock, tmp_path: Path) -> None:
    folder = tmp_path / "state"
    await token(grants(Office(clock), folder))
    office = Office(clock)
    grant = await grants(office, folder).get("default", "real")
    assert (grant and grant.token, grant and dict(grant.parts), office.issued) == ("token-1", {"kind": "Bearer"}, [])
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} == {0}
    assert not any("token" in path.name or "default" in path.name for path in folder.iterdir())


async def test_after_a_refused_issue_nobody_asks_for_a_minute(clock: ManualClock, tmp_path: Path) -> None:
    office = Office(clock, refuse=RateLimited("once a minute", retry_after=60))
    with pytest.raises(RateLimited):
        await token(grants(office, tmp_path))
    office.refuse = SignInRefused("somebody asked again")
    clock.advance(20)
    with pytest.raises(RateLimited) as told:
        await token(grants(office, tmp_path))
    assert told.value.retry_after == pytest.approx(40)
    office.refuse = None
    clock.advance(41)
    assert await token(grants(office, tmp_path)) == "token-1"


async def test_a_refusal_without_a_wait_backs_off_by_ours(clock: ManualClock, tmp_path: Path) -> None:
    office = Office(clock, refuse=RateLimited("slower"))
    for _ in range(2):
        with pytest.raises(RateLimited):
            await token(grants(office, tmp_path))
    clock.advance(61)
    office.refuse = None
    assert await token(grants(office, tmp_path)) == "token-1"


async def test_an_upstream_without_grants_is_asked_without(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock)
    await Signing(sender, grants(Office(clock, needs=False), tmp_path))(call())
    assert sender.calls[0].grant is None


async def test_a_disowned_grant_is_renewed_once_and_the_call_sent_again(clock: ManualClock, tmp_path: Path) -> None:
    office = Office(clock)
    sender = Scripted(clock, GrantStale("expired"), "ok")
    reply = await Renewal(Signing(sender, grants(office, tmp_path)))(call())
    assert reply.body == {"said": "ok"}
    assert [one.grant and one.grant.token for one in sender.calls] == ["token-1", "token-2"]


async def test_a_second_process_takes_the_renewed_grant_instead_of_issuing(clock: ManualClock, tmp_path: Path) -> None:
    office = Office(clock)
    one, other = grants(office, tmp_path), grants(office, tmp_path)
    await token(one)
    await token(other)
    await Renewal(Signing(Scripted(clock, GrantStale("expired"), "ok"), one))(call())
    sender = Scripted(clock, GrantStale("expired"), "ok")
    await Renewal(Signing(sender, other))(call())
    assert office.issued == ["token-1", "token-2"]
    assert sender.calls[1].grant == Grant("token-2", NOON + timedelta(hours=24), {"kind": "Bearer"})


async def test_a_grant_disowned_twice_is_an_error(clock: ManualClock, tmp_path: Path) -> None:
    sender = Scripted(clock, GrantStale("expired"))
    with pytest.raises(GrantStale):
        await Renewal(Signing(sender, grants(Office(clock), tmp_path)))(call())
    assert len(sender.calls) == 2


async def test_disowning_nothing_changes_nothing(clock: ManualClock, tmp_path: Path) -> None:
    signing = Signing(Scripted(clock, GrantStale("?")), grants(Office(clock, needs=False), tmp_path))
    with pytest.raises(GrantStale):
        await signing(call())


def test_a_grant_and_a_call_never_print_the_token() -> None:
    grant = Grant("very-secret", NOON, {"also": "very-secret"})
    asked: Call = call()
    assert "very-secret" not in repr(grant)
    assert "very-secret" not in repr(Call(asked.endpoint, {}, grant=grant))
    assert "very-secret" not in repr(Reply({}, NOON))


# --- taken back before its time ------------------------------------------------------------------------------------


@dataclass
class Revoker(Office):
    """An office that takes tokens back."""

    revoked: list[str] = field(default_factory=list)
    trouble: Exception | None = None

    async def revoke(self, _: str, __: str, grant: Grant) -> None:
        if self.trouble:
            raise self.trouble
        await asyncio.sleep(0)
        self.revoked.append(grant.token)


async def renewed(one: Grants) -> str:
    grant = await one.renew("default", "real")
    assert grant is not None
    return grant.token


async def test_a_renewed_grant_is_revoked_first_and_the_new_one_is_kept(clock: ManualClock, tmp_path: Path) -> None:
    office = Revoker(clock)
    one = grants(office, tmp_path)
    await token(one)
    clock.advance(60)
    assert (await renewed(one), office.revoked) == ("token-2", ["token-1"])
    assert await token(one) == await token(grants(office, tmp_path)) == "token-2"
    kept = await FileState(tmp_path, clock).get("grant default real")
    assert kept is not None
    assert kept["token"] == "token-2"


async def test_without_a_kept_grant_one_is_issued(clock: ManualClock, tmp_path: Path) -> None:
    office = Revoker(clock)
    assert (await renewed(grants(office, tmp_path)), office.revoked) == ("token-1", [])


async def test_renewals_at_once_share_one_revocation(clock: ManualClock, tmp_path: Path) -> None:
    office = Revoker(clock)
    processes = [grants(office, tmp_path) for _ in range(3)]
    await token(processes[0])
    clock.advance(60)
    tokens = await asyncio.gather(*(renewed(one) for one in processes for _ in range(3)))
    assert (set(tokens), office.revoked, len(office.issued)) == ({"token-2"}, ["token-1"], 2)


async def test_another_process_that_holds_it_goes_on_with_the_new_one(clock: ManualClock, tmp_path: Path) -> None:
    office = Revoker(clock)
    here, there = grants(office, tmp_path), grants(office, tmp_path)
    assert await token(here) == await token(there) == "token-1"
    clock.advance(60)
    await renewed(here)
    sender = Scripted(clock, GrantStale("revoked"), "ok")
    await Renewal(Signing(sender, there))(call())
    assert [one.grant and one.grant.token for one in sender.calls] == ["token-1", "token-2"]
    assert len(office.issued) == 2


async def test_a_grant_too_young_to_be_followed_is_not_revoked(clock: ManualClock, tmp_path: Path) -> None:
    office = Revoker(clock)
    one = grants(office, tmp_path)
    await token(one)
    clock.advance(20)
    with pytest.raises(RateLimited) as told:
        await renewed(one)
    assert told.value.retry_after == pytest.approx(40)
    assert office.revoked == []
    assert await token(one) == "token-1"


async def test_what_the_upstream_knows_no_more_is_replaced_all_the_same(clock: ManualClock, tmp_path: Path) -> None:
    office = Revoker(clock, trouble=GrantStale("unknown"))
    one = grants(office, tmp_path)
    await token(one)
    clock.advance(60)
    assert await renewed(one) == "token-2"


async def test_a_failed_revocation_leaves_everything(clock: ManualClock, tmp_path: Path) -> None:
    office = Revoker(clock, trouble=Unreachable("gone", executed=None))
    one = grants(office, tmp_path)
    await token(one)
    clock.advance(60)
    with pytest.raises(Unreachable):
        await renewed(one)
    assert await token(one) == "token-1"


async def test_a_failed_issue_after_a_revocation_leaves_nothing_void_behind(clock: ManualClock, tmp_path: Path) -> None:
    office = Revoker(clock)
    one = grants(office, tmp_path)
    await token(one)
    clock.advance(60)
    office.refuse = RateLimited("once a minute", retry_after=60)
    with pytest.raises(RateLimited):
        await renewed(one)
    office.refuse = None
    clock.advance(61)
    assert (await token(one), office.revoked) == ("token-2", ["token-1"])


async def test_an_upstream_that_takes_nothing_back_says_so(clock: ManualClock, tmp_path: Path) -> None:
    for office in (Office(clock), Revoker(clock, needs=False)):
        with pytest.raises(NotFound):
            await renewed(grants(office, tmp_path))
