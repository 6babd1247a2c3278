"""What an operator may switch on or narrow: self-registration, the password grant, clients' own pages, addresses."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dari.app.guarding import guard
from dari.app.listening import may_listen, public_address
from dari.app.runtime import Runtime
from dari.cli import serving as commands
from dari.core.clock import SystemClock
from dari.core.errors import BadSetting, InvalidInput, NotAllowed
from dari.serving.mcp_door import outside
from dari.serving.oauth.admission import inside, networks
from dari.serving.oauth.believed import OutsideTokens
from dari.serving.oauth.clients import Clients, OAuthClient
from dari.serving.oauth.people import People, Person, Tenant
from dari.serving.oauth.records import Records
from tests.unit.oauth.guarded import BACK, PASSWORD, QUICK, Guarded, authorizing, query_of, served, settings, ticket_of

PAGE = "https://editor.example/client.json"


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """With everything on that may be switched on, behind a proxy on this machine."""
    more: Any = {"DARI_AUTH_REGISTRATION": "1", "DARI_AUTH_PASSWORD_GRANT": "1", "DARI_TRUSTED_PROXIES": "127.0.0.1"}
    with served(tmp_path_factory.mktemp("wide"), ("kis-code",), **more, DARI_ALLOWED_IPS="10.0.0.0/8,127.0.0.1") as one:
        one.house.people.keep_tenant(Tenant(name="beta", addresses=("10.1.0.0/16",), per_minute=2))
        yield one


def registered(wide: Guarded, **more: Any) -> Any:
    return wide.ask("POST", "/auth/register", json={"redirect_uris": [BACK], "client_name": "Me", **more})


def test_a_program_registers_itself(wide: Guarded) -> None:
    assert wide.ask("GET", "/.well-known/oauth-authorization-server").json()["registration_endpoint"]
    told = registered(wide, token_endpoint_auth_method="none").json()
    assert told["grant_types"] == ["authorization_code", "refresh_token"]
    assert "client_secret" not in told
    sent = wide.signed_in(client_id=told["client_id"])
    assert "code" in query_of(sent)
    secret = registered(wide).json()
    assert secret["client_secret"]
    verifier = secrets.token_urlsafe(48)
    code = query_of(wide.signed_in(client_id=secret["client_id"], verifier=verifier))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": verifier}
    assert wide.exchange(**form, client_id=secret["client_id"]).status_code in {400, 401}
    with wide.http(auth=(secret["client_id"], secret["client_secret"])) as client:
        assert client.post("/auth/token", data=form).status_code == 200


@pytest.mark.parametrize(
    "more",
    [
        {"grant_types": ["client_credentials"]},
        {"grant_types": ["password"]},
        {"grant_types": "authorization_code"},
        {"redirect_uris": ["http://evil.example/cb"]},
        {"redirect_uris": []},
        {"token_endpoint_auth_method": "private_key_jwt"},
        {"scope": "root"},
        {"scope": 7},
    ],
)
def test_what_a_program_cannot_register(wide: Guarded, more: dict[str, Any]) -> None:
    answer = registered(wide, **more)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")


def test_the_password_grant_where_it_is_on(wide: Guarded) -> None:
    wide.house.clients.add(OAuthClient(client_id="old", grants=("password", "refresh_token")))
    form = {"grant_type": "password", "client_id": "old", "username": "kim", "scope": "read"}
    told = wide.exchange(**form, password=PASSWORD)
    assert told.status_code == 200, told.text
    assert told.json()["scope"] == "read"
    assert wide.exchange(**form, password="wrong").json()["error"] == "invalid_grant"
    assert wide.exchange(**{**form, "client_id": "editor"}, password=PASSWORD).status_code == 400
    assert wide.exchange(**{**form, "username": "x" * 5}, password="y").status_code == 400


def test_where_callers_come_from(wide: Guarded) -> None:
    """The proxy on this machine is believed about the address; the caller's own words before it are not."""
    park = {"Authorization": f"Bearer {wide.token('park')}"}

    def status(forwarded: str) -> int:
        headers = {**park, "X-Forwarded-For": forwarded, "Accept": "application/json, text/event-stream"}
        return wide.ask("POST", "/kis-code/mcp", json={}, headers=headers).status_code

    assert status("10.1.2.3") == 400  # let in; the message is none
    assert status("10.2.2.3") == 403  # the house, but not the tenant
    assert status("8.8.8.8") == 403
    assert status("10.1.2.3, 8.8.8.8") == 403  # written by the caller, then by the proxy
    assert status("8.8.8.8, 10.1.2.3") == 400
    assert status("nonsense") == 403


def test_too_many_calls_are_an_error_of_the_call_with_the_time_to_wait(wide: Guarded) -> None:
    token = wide.token("park")
    answers = [
        wide.call("find_api", {"question": "주식현재가"}, token, server="kis-code", **{"X-Forwarded-For": "10.1.2.3"})
        for _ in range(3)
    ]
    told = answers[-1].json()["result"]
    assert told["isError"] is True
    assert told["structuredContent"]["code"] == "not_allowed"
    assert 0 < told["structuredContent"]["retry_after"] <= 60
    assert "isError" not in answers[0].json()["result"] or answers[0].json()["result"]["isError"] is False


def test_too_many_calls_over_rest(wide: Guarded) -> None:
    headers = {"Authorization": f"Bearer {wide.token('park')}", "X-Forwarded-For": "10.1.2.4"}
    asked = {"plan": "x"}
    answers = [wide.ask("POST", "/api/v1/kis-code/build_call", json=asked, headers=headers) for _ in range(3)]
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) > 0


# --- a client's own page ----------------------------------------------------------------------------------------------


def paged(tmp_path: Path, page: Mapping[str, Any]) -> Clients:
    async def page_of(_: str) -> Mapping[str, Any]:
        return page

    return Clients(Records.of(tmp_path), SystemClock(), page_of)


async def test_a_client_by_its_own_page(tmp_path: Path) -> None:
    clients = paged(
        tmp_path, {"client_id": PAGE, "client_name": "Editor", "redirect_uris": ["https://editor.example/cb"]}
    )
    await clients.resolve(PAGE)
    found = clients.get(PAGE)
    assert found
    assert (found.name, found.source, found.check_redirect_uri("https://editor.example/cb")) == ("Editor", "page", True)
    await clients.resolve(PAGE)  # read once an hour
    await clients.resolve("editor")
    assert clients.reads_pages


@pytest.mark.parametrize(
    "page",
    [
        {"client_id": "https://other.example/x", "redirect_uris": ["https://editor.example/cb"]},
        {"client_id": PAGE, "redirect_uris": ["http://evil.example/cb"]},
        {"client_id": PAGE, "redirect_uris": ["https://x/cb"], "token_endpoint_auth_method": "client_secret_post"},
        {"client_id": PAGE},
    ],
)
async def test_a_page_that_is_not_believed(tmp_path: Path, page: dict[str, Any]) -> None:
    clients = paged(tmp_path, page)
    with pytest.raises(InvalidInput):
        await clients.resolve(PAGE)
    assert clients.get(PAGE) is None


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "dari.example"])
def test_wider_than_this_machine_needs_sign_in(tmp_path: Path, host: str) -> None:
    with pytest.raises(NotAllowed):
        may_listen(settings(tmp_path, DARI_AUTH=""), host)
    may_listen(settings(tmp_path), host)
    may_listen(settings(tmp_path, DARI_AUTH=""), "127.0.0.1")
    may_listen(settings(tmp_path, DARI_AUTH=""), "localhost")


@pytest.mark.parametrize(
    ("told", "host", "port"),
    [
        ("http://dari.example", "0.0.0.0", 80),
        ("", "0.0.0.0", 80),
        ("", "127.0.0.1", 0),
        ("dari.example", "0.0.0.0", 80),
        ("https://dari.example/below", "0.0.0.0", 80),
        ("https://dari.example?x", "0.0.0.0", 80),
    ],
)
def test_an_address_tokens_must_not_travel_to(tmp_path: Path, told: str, host: str, port: int) -> None:
    with pytest.raises(BadSetting):
        public_address(settings(tmp_path, DARI_PUBLIC_URL=told), host, port)


def test_the_public_address(tmp_path: Path) -> None:
    assert public_address(settings(tmp_path), "127.0.0.1", 8010) == "http://127.0.0.1:8010"
    told = settings(tmp_path, DARI_PUBLIC_URL="https://dari.example/")
    assert public_address(told, "0.0.0.0", 80) == "https://dari.example"


async def test_serve_refuses_to_start_wide_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARI_HOME", str(tmp_path))
    with pytest.raises(NotAllowed):
        await commands.serve(("kis-code",), http=True, host="0.0.0.0", port=None, simulated=True, seed=1)


def test_no_guard_without_the_setting(tmp_path: Path) -> None:
    assert guard(Runtime(settings(tmp_path, DARI_AUTH="")), "http://127.0.0.1:1", ["kis-code"]) is None


def test_networks() -> None:
    with pytest.raises(BadSetting):
        networks(["10.0.0.0/99"])
    lists = networks(["10.0.0.0/8", "::1"])
    assert all(inside(address, lists) for address in ("10.1.2.3", "::ffff:10.1.2.3", "::1"))
    assert not any(inside(address, lists) for address in ("11.0.0.1", "::2", "x", ""))
    assert inside("anything", ())


# --- an outside issuer's odd tokens -----------------------------------------------------------------------------------


def odd(tmp_path: Path, claims: Mapping[str, Any] | None, **more: Any) -> OutsideTokens:
    async def told(_: str) -> Mapping[str, Any] | None:
        return claims

    people = People(Records.of(tmp_path), SystemClock(), QUICK)
    names = more.pop("names", {})
    return OutsideTokens("https://id.example", told, people=people, names=names, base="https://dari.example", **more)


async def test_odd_claims(tmp_path: Path) -> None:
    good = {"sub": "kim", "azp": "app", "scp": ["read", "openid"], "aud": ["api://dari", "x"]}
    found = await odd(tmp_path, good, audiences=("api://dari",)).identify("t")
    assert found
    assert (found.subject, found.client, found.tenant.name) == ("kim", "app", "default")
    assert found.audiences == ("https://dari.example", "x")
    assert [one.reach.name for one in found.granted] == ["READ"]
    assert await odd(tmp_path, None).identify("t") is None
    assert await odd(tmp_path, {"scope": "read"}).identify("t") is None
    assert await odd(tmp_path, {"sub": "x", "scope": "kis-trade:read " * 500}).identify("t") is None
    no_scope = await odd(tmp_path, {"sub": "x\x00\n", "aud": None}).identify("t")
    assert no_scope
    assert (no_scope.granted, no_scope.audiences, no_scope.subject) == ((), (), "x")


def test_an_issuers_scopes_must_be_ours(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        odd(tmp_path, None, names={"x": "root"})


async def test_an_issuer_that_tells_no_keys() -> None:
    keys = outside.OutsideKeys("http://127.0.0.1:9")
    assert await keys.claims("not a token") is None
    with pytest.raises(BadSetting):
        await keys.claims("eyJhbGciOiJSUzI1NiJ9.e30.AAAA")


def test_authorize_with_a_page_that_cannot_be_read(wide: Guarded) -> None:
    told = authorizing(secrets.token_urlsafe(48), client_id="https://nowhere.invalid/client.json")
    assert wide.ask("GET", "/auth/authorize", params=told).status_code == 400


def test_who_has_nothing_gives_nothing(wide: Guarded) -> None:
    wide.house.people.add(Person(name="guest", tenant="acme", roles=("unknown-role",)), PASSWORD)
    assert query_of(wide.signed_in(name="guest"))["error"] == "invalid_scope"
    assert wide.login("guest").json()["error"] == "invalid_scope"
    wide.house.clients.add(OAuthClient(client_id="old2", grants=("password",)))
    form = {"grant_type": "password", "client_id": "old2", "username": "guest", "password": PASSWORD}
    assert wide.exchange(**form).json()["error"] == "invalid_scope"


def test_scopes_a_token_cannot_have(wide: Guarded) -> None:
    with wide.http(auth=("robot", wide.secrets["robot"])) as client:
        for scope in ("root", "kiwoom:everything"):
            told = client.post("/auth/token", data={"grant_type": "client_credentials", "scope": scope})
            assert (told.status_code, told.json()["error"]) == (400, "invalid_scope")
    refresh = wide.by_code()["refresh_token"]
    told = wide.exchange(grant_type="refresh_token", refresh_token=refresh, client_id="editor", scope="root")
    assert (told.status_code, told.json()["error"]) == (400, "invalid_scope")


def test_a_refresh_of_somebody_who_is_gone(wide: Guarded) -> None:
    wide.house.people.add(Person(name="leaver", tenant="acme", roles=("viewer",)), PASSWORD)
    refresh = wide.by_code(name="leaver")["refresh_token"]
    wide.house.people.change(Person(name="leaver", tenant="acme", roles=("viewer",), disabled=True))
    told = wide.exchange(grant_type="refresh_token", refresh_token=refresh, client_id="editor")
    assert (told.status_code, told.json()["error"]) == (400, "invalid_grant")


def test_the_password_grant_is_locked_like_the_login(wide: Guarded) -> None:
    wide.house.clients.add(OAuthClient(client_id="old3", grants=("password",)))
    form = {"grant_type": "password", "client_id": "old3", "username": "locked"}
    told = [wide.exchange(**form, password=f"wrong {turn}").status_code for turn in range(6)]
    assert told == [400] * 5 + [429]


def test_the_page_tells_a_wrong_password_and_a_lock(wide: Guarded) -> None:
    with wide.http() as browser:
        seen = []
        for turn in range(6):
            page = browser.get("/auth/authorize", params=authorizing(secrets.token_urlsafe(48)))
            form = {"ticket": ticket_of(page), "username": "someone", "password": f"wrong {turn}", "decision": "allow"}
            seen.append(browser.post("/auth/authorize", data=form, headers={"Origin": wide.base}))
    assert [one.status_code for one in seen] == [401] * 5 + [429]
    assert "role=alert" in seen[0].text
    assert int(seen[-1].headers["retry-after"]) > 0


def test_revoking_nothing_is_no_error(wide: Guarded) -> None:
    told = wide.ask("POST", "/auth/revoke", data={"token": "nothing", "client_id": "editor"})
    assert told.status_code == 200
    assert wide.ask("POST", "/auth/token", json={"grant_type": "password"}).status_code == 400
