"""No tenant sees or spends another's: keys, plans, files, quotas, answers; market reads may be lent, orders never."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dari.app.guarding import House
from dari.app.naramarket import desk_of
from dari.app.runtime import Runtime
from dari.app.tenancy import Profile, Profiles, bound
from dari.core.endpoint import Effect
from dari.core.errors import InvalidInput, MissingCredential, NotAllowed
from dari.serving.callers import Caller
from dari.serving.dispatch import Dispatch
from tests.support import MORNING, StillClock
from tests.unit.oauth.guarded import Guarded, settings

ORDER = {"symbol": "005930", "side": "buy", "quantity": 1, "price": 70000}


def caller(tenant: str, *profiles: str) -> Caller:
    return Caller(name=f"{tenant}/x", tenant=tenant, reach=Effect.COMMIT, profiles=profiles or (f"{tenant}/-",))


class Two:
    """A process with the operator's own keys (shared for the market) and two tenants, of which one has keys."""

    def __init__(self, runtime: Runtime, house: House) -> None:
        self.runtime, self.house = runtime, house
        self.profiles = Profiles(house.records, house.vault, runtime.settings, runtime.clock)
        runtime.parts.tenancy.profiles = self.profiles

    def dispatch(self, server: str) -> Dispatch:
        return self.runtime.server(server)[1]

    async def told(self, server: str, tool: str, who: Caller, **arguments: Any) -> Any:
        return await self.dispatch(server).call(tool, arguments, who)


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Two]:
    clock = StillClock(MORNING)
    clock.at = MORNING
    found = settings(tmp_path)
    house = House.of(found, clock)
    async with Runtime(found, simulated=True, clock=clock) as runtime:
        yield Two(runtime, house)
    house.records.close()


def contents(home: str) -> list[bytes]:
    return [file.read_bytes() for file in Path(home).rglob("*") if file.is_file()]


def keys(name: str) -> dict[str, str]:
    return {"KOREA_INVESTMENT_PAPER_APP_KEY": f"key-{name}", "KOREA_INVESTMENT_PAPER_APP_SECRET": f"secret-{name}"}


async def test_a_profile_is_encrypted_and_never_the_process_own(two: Two) -> None:
    two.profiles.keep(Profile("acme/main", keys("acme"), shared=False))
    found = two.profiles.settings_of("acme/main")
    assert found.text("KOREA_INVESTMENT_PAPER_APP_KEY") == "key-acme"
    assert two.profiles.settings_of("beta/main").text("KOREA_INVESTMENT_PAPER_APP_KEY") == ""
    assert "secret-acme" not in repr(two.profiles.all())
    assert not any(b"secret-acme" in content for content in contents(two.runtime.settings.text("DARI_HOME")))
    with pytest.raises(InvalidInput):
        two.profiles.keep(Profile("acme/main", {"DARI_REACH": "commit"}, shared=False))
    with pytest.raises(InvalidInput):
        two.profiles.keep(Profile("default", keys("x"), shared=True))


async def test_a_profile_belongs_to_one_tenant() -> None:
    bound(("acme/main",), "acme", {"acme": ("acme/main",), "beta": ()})
    with pytest.raises(NotAllowed):
        bound(("acme/main",), "beta", {"acme": ("acme/main",), "beta": ()})


async def test_market_reads_are_lent_and_accounts_are_not(two: Two) -> None:
    beta = caller("beta")
    first = await two.told("kis-trade", "get_quote", beta, symbol="005930")
    assert first.error == "missing_credential"
    two.profiles.keep(Profile("default", {}, shared=True))
    lent = await two.told("kis-trade", "get_quote", beta, symbol="005930")
    assert lent.error is None, lent.text
    balance = await two.told("kis-trade", "get_account", beta)
    assert balance.error == "missing_credential"
    order = await two.told("kis-trade", "plan_order", beta, **ORDER)
    assert order.error is not None


async def test_the_wallet_never_opens_another_profile(two: Two) -> None:
    two.profiles.keep(Profile("acme/main", keys("acme"), shared=False))
    dialect: Any = two.runtime.client_of("kis").dialect
    assert dialect.credential("acme/main", "paper").parts["appkey"] == "key-acme"
    for profile, mode in (("acme/main", "real"), ("beta/main", "paper"), ("beta/-", "real"), ("nobody", "paper")):
        with pytest.raises(MissingCredential):
            dialect.credential(profile, mode)
    assert dialect.key_name("acme/main", "paper") != dialect.key_name("default", "paper")


async def test_a_plan_of_another_is_not_there(two: Two) -> None:
    mine = await two.told("kis-trade", "plan_order", caller("default", "default"), **ORDER)
    assert mine.error is None, mine.text
    plan = {"plan_id": mine.structured["plan_id"]}
    assert (await two.told("kis-trade", "order_status", caller("default", "default"), **plan)).error is None
    for who in (caller("beta"), caller("acme", "acme/main")):
        assert (await two.told("kis-trade", "order_status", who, **plan)).error == "not_found"
        applied = await two.told("kis-trade", "apply_plan", who, **plan, fingerprint=mine.structured["fingerprint"])
        assert applied.error == "not_found"


async def test_caps_and_armed_account_are_the_profiles_own(two: Two) -> None:
    two.profiles.keep(
        Profile("acme/main", {"DARI_ORDER_ACCOUNT": "12345678-01", "DARI_ORDER_MAX_KRW": "7"}, shared=False)
    )
    two.runtime.client_of("kis")
    mine = two.runtime.parts.plans("kis", (), two.runtime.audit, profile="acme/main")._purse.caps
    other = two.runtime.parts.plans("kis", (), two.runtime.audit, profile="beta/-")._purse.caps
    assert (mine.per_act, mine.armed is not None) == (7, True)
    assert other.armed is None


async def test_files_and_account_of_calls_lie_apart(two: Two) -> None:
    client = two.runtime.client_of("naramarket")
    desks = {name: desk_of(client, name) for name in ("default", "acme/main", "beta/-")}
    roots = {desk.folder.root for desk in desks.values()}
    assert len(roots) == 3
    assert not any(one != other and one.is_relative_to(other) for one in roots for other in roots)
    assert desk_of(client, "acme/main") is desks["acme/main"]
    for profile in ("acme/main", "beta/-"):
        desks[profile].book.calling("x", now=two.runtime.clock.now())
    assert desks["default"].book.spent(two.runtime.clock.now()).get("x", 0) == 0


async def test_kept_answers_are_the_profiles_own(two: Two) -> None:
    dispatch = two.dispatch("kis-trade")
    answer = await dispatch.call("get_account", {}, caller("default", "default"))
    assert answer.error is None, answer.text
    assert (await dispatch.call("get_account", {}, caller("beta"))).error == "missing_credential"


def test_another_tenants_token_does_not_see_the_session_or_the_tool(guarded: Guarded) -> None:
    park, kim = guarded.token("park"), guarded.token("kim")
    headers = guarded.session(kim)
    listing = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    own = guarded.ask("POST", "/kis-trade/mcp", json=listing, headers=headers)
    assert own.status_code == 200
    names = {tool["name"] for tool in own.json()["result"]["tools"]}
    assert "apply_plan" in names
    stolen = guarded.ask("POST", "/kis-trade/mcp", json=listing, headers={**headers, "Authorization": f"Bearer {park}"})
    assert stolen.status_code == 404  # a session is of the caller who began it
    denied = guarded.call("get_account", {}, park)
    assert denied.json()["result"]["structuredContent"]["code"] == "not_allowed"
    found = guarded.call("show_policy", {}, park, server="..")  # no way round by the path
    assert found.status_code in {200, 401, 404}


def test_show_policy(guarded: Guarded) -> None:
    headers = {"Authorization": f"Bearer {guarded.token('kim', 'read')}"}
    told = guarded.ask("POST", "/mcp", json=call("show_policy"), headers={**headers, **MODERN}).json()["result"]
    policy = told["structuredContent"]
    assert (policy["caller"], policy["tenant"], policy["reach"]) == ("acme/kim", "acme", "read")
    trade = next(one for one in policy["servers"] if one["server"] == "kis-trade")
    assert "apply_plan" in trade["with_more_scope"]
    assert json.dumps(policy).find("secret") == -1


MODERN = {
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "show_policy",
}


def call(name: str) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    told = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    return {**told, "params": {"name": name, "arguments": {}, "_meta": meta}}
