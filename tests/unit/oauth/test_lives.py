"""How long things hold: codes, tokens, sessions, locks and keys, on a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dari.core.clock import ManualClock
from dari.core.errors import BadSetting, InvalidInput, NotAllowed, NotFound
from dari.serving.oauth.clients import Clients, OAuthClient, checked_redirects, same_redirect
from dari.serving.oauth.consent import Consent
from dari.serving.oauth.issuer import Issuer
from dari.serving.oauth.people import LONGEST_LOCK, People, Person, Tenant, TooOften
from dari.serving.oauth.records import Kept, Records
from dari.serving.oauth.scopes import of_roles, permits, spelled, within
from dari.serving.oauth.signing_keys import KEPT_AFTER, ROTATED_AFTER
from dari.serving.oauth.vault import Vault, new_key
from tests.support import MORNING
from tests.unit.oauth.guarded import PASSWORD, QUICK

BASE = "http://127.0.0.1:1"


class House:
    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(MORNING)
        self.records = Records.of(folder)
        self.vault = Vault.of(folder)
        self.people = People(self.records, self.clock, QUICK)
        self.clients = Clients(self.records, self.clock)
        self.people.keep_tenant(Tenant(name="acme"))
        self.people.add(Person(name="kim", tenant="acme", roles=("trader",)), PASSWORD)
        self.clients.add(OAuthClient(client_id="editor", redirect_uris=("http://127.0.0.1/cb",)))
        self.issuer = self.another()

    def another(self) -> Issuer:
        """Another replica over the same records."""
        return Issuer(
            BASE,
            records=self.records,
            vault=self.vault,
            clock=self.clock,
            people=self.people,
            clients=self.clients,
        )

    def session(self, **more: Any) -> Any:
        told = {"client_id": "editor", "user": "kim", "tenant": "acme", "scope": "read", "resources": (BASE,)}
        return self.issuer.sessions.begin(**{**told, "grant": "login", **more})

    def access(self, session: Any) -> str:
        return str(self.issuer.issued(session, "read", (BASE,))["access_token"])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.records.close()


def test_an_access_token_ends(house: House) -> None:
    token = house.access(house.session())
    house.clock.advance(1799)
    assert house.issuer.token(token)
    house.clock.advance(1)
    assert house.issuer.token(token) is None


def test_a_session_ends_however_often_it_was_refreshed(house: House) -> None:
    session = house.session()
    refresh = house.issuer.sessions.new_refresh(session)
    house.clock.advance(31 * 86_400)
    assert house.issuer.sessions.refresh(refresh) is None
    assert house.issuer.sessions.active() == []
    assert house.records.sweep(house.clock.now().timestamp()) > 0


def test_a_code_ends(house: House) -> None:
    told = {"client_id": "editor", "user": "kim", "redirect_uri": "", "scope": "read", "resources": [BASE]}
    house.issuer.sessions.new_code("c", {**told, "code_challenge": "x"})
    assert house.issuer.sessions.code("c", "editor")
    house.clock.advance(60)
    assert house.issuer.sessions.code("c", "editor") is None


def test_of_two_who_spend_at_once_both_lose(house: House) -> None:
    session = house.session()
    sessions = house.issuer.sessions
    refresh = sessions.refresh(sessions.new_refresh(session))
    assert refresh
    assert sessions.spend_refresh(refresh)
    assert not sessions.spend_refresh(refresh)
    assert sessions.get(session.id) is None
    told = {"client_id": "editor", "user": "kim", "redirect_uri": "", "scope": "read", "resources": [BASE]}
    sessions.new_code("c", {**told, "code_challenge": "x"})
    code = sessions.code("c", "editor")
    assert code
    sessions.begin(
        session=code.session, client_id="editor", user="kim", tenant="acme", scope="read", resources=(BASE,), grant="x"
    )
    assert sessions.spend_code(code)
    assert not sessions.spend_code(code)
    assert sessions.get(code.session) is None


def test_keys_rotate_in_time_and_replicas_follow(house: House) -> None:
    old = house.access(house.session())
    replica = house.another()
    assert replica.token(old)
    house.clock.advance(ROTATED_AFTER + 1)
    session = house.session()
    new = house.access(session)
    assert replica.token(new)  # of a key the replica had not seen
    assert len(house.issuer.keys.jwks()["keys"]) == 2
    house.clock.advance(KEPT_AFTER + 61)
    assert len(replica.keys.jwks()["keys"]) == 1


def test_a_locked_name_waits_longer_each_time(house: House) -> None:
    waits = []
    for _ in range(8):
        for _ in range(5):
            assert house.people.signed_in("kim", "wrong") is None
            house.clock.advance(3)
        with pytest.raises(TooOften) as late:
            house.people.signed_in("kim", PASSWORD)
        assert late.value.retry_after
        waits.append(round(late.value.retry_after + 3))
        house.clock.advance(late.value.retry_after + 1)
    assert waits[:4] == [60, 120, 240, 480]
    assert max(waits) == LONGEST_LOCK
    assert house.people.signed_in("kim", PASSWORD)
    assert house.records.get("lock", "kim") is None


def test_a_user_who_moved_or_went_takes_the_tokens_along(house: House) -> None:
    token = house.access(house.session())
    assert house.issuer.token(token)
    house.people.change(Person(name="kim", tenant="acme", roles=(), disabled=True))
    assert house.issuer.token(token) is None
    with pytest.raises(NotFound):
        house.people.change(Person(name="nobody", tenant="acme", roles=()))


@pytest.mark.parametrize("password", ["short", "x" * 300, "my name is kim and so on"])
def test_passwords_that_are_not_taken(house: House, password: str) -> None:
    with pytest.raises(InvalidInput):
        house.people.change(Person(name="kim", tenant="acme", roles=()), password)


def test_a_name_is_taken_once(house: House) -> None:
    with pytest.raises(NotAllowed):
        house.people.add(Person(name="kim", tenant="acme", roles=()), PASSWORD)
    with pytest.raises(NotAllowed):
        house.clients.add(OAuthClient(client_id="editor", redirect_uris=("http://127.0.0.1/cb",)))
    for name in ("", "Kim", "a b", "x" * 80, "../x"):
        with pytest.raises(InvalidInput):
            house.people.add(Person(name=name, tenant="acme", roles=()), PASSWORD)
    with pytest.raises(NotFound):
        house.people.add(Person(name="lee", tenant="nowhere", roles=()), PASSWORD)


def test_the_form_is_old_after_ten_minutes(house: House) -> None:
    consent = Consent(BASE, house.vault, house.clock)
    client = house.clients.get("editor")
    assert client
    page = consent.page(client, "read", "http://127.0.0.1/cb", [("a", "b")])
    text = bytes(page.body).decode()
    ticket = text.partition("name=ticket value='")[2].partition("'")[0]
    nonce = page.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert consent.opened(ticket, nonce) == [("a", "b")]
    assert consent.opened(ticket, "other") is None
    house.clock.advance(601)
    assert consent.opened(ticket, nonce) is None
    assert (
        "secure"
        in Consent("https://x", house.vault, house.clock).page(client, "read", "x:y", []).headers["set-cookie"].lower()
    )
    assert consent.page(client, "read", "x:y", [], status=429, wait=7).headers["retry-after"] == "7"


def test_records(tmp_path: Path, house: House) -> None:
    assert not house.records.add(Kept("user", "kim", {}))
    assert house.records.drop("nothing", "x") is False
    newer = Records.of(tmp_path / "newer")
    newer.put(Kept("a", "b", {}))
    with newer._engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(BadSetting):
        Records.of(tmp_path / "newer").get("a", "b")
    elsewhere = Records.of(tmp_path, f"sqlite:///{tmp_path / 'elsewhere.sqlite'}")
    elsewhere.put(Kept("a", "b", {"c": 1}))
    found = elsewhere.get("a", "b")
    assert found
    assert found.body == {"c": 1}
    elsewhere.close()


def test_the_vault(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    locked = Vault([old]).locked("secret")
    assert Vault([new, old]).opened(locked) == "secret"
    with pytest.raises(BadSetting):
        Vault([new]).opened(locked)
    with pytest.raises(BadSetting):
        Vault(["nonsense"])
    made = Vault.of(tmp_path).locked("x")
    assert Vault.of(tmp_path).opened(made) == "x"
    assert Vault.of(tmp_path, f"{new}, {old}").opened(locked) == "secret"
    assert (tmp_path / "vault.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("asked", "owned", "met"),
    [
        ("commit", "kis-trade:commit read", "read kis-trade:commit"),
        ("read", "commit", "read"),
        ("kis-trade:commit", "read", "kis-trade:read"),
        ("kis-trade/plans:commit", "kis-trade:change kiwoom:commit", "kis-trade/plans:change"),
        ("kiwoom:read", "kis-trade:commit", ""),
        ("kis-trade/a:read", "kis-trade/b:read", ""),
        ("read change commit", "change", "change"),
    ],
)
def test_what_two_scopes_have_in_common(asked: str, owned: str, met: str) -> None:
    assert spelled(within(permits(asked), permits(owned))) == met


def test_scopes_that_are_none() -> None:
    for scope in ("root", "Read", "a b/c:read!", "kis-trade:", ":read", "a/b/c:read", "x" * 2001):
        with pytest.raises(InvalidInput):
            permits(scope)
    assert of_roles(["nobody's"]) == ()
    assert spelled(of_roles(["analyst"], {"analyst": "kis-trade:read"})) == "kis-trade:read"


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example/cb", "javascript:alert(1)", "data:text/html,x", "https://x/#f", "https://a@x/", "https:///x",
        "https://*.x/", "", "http://[", "ftp://x/y", "myapp:/x",
    ],
)  # fmt: skip
def test_addresses_a_browser_is_never_sent_to(address: str) -> None:
    with pytest.raises(InvalidInput):
        checked_redirects([address])


def test_addresses_a_browser_may_be_sent_to() -> None:
    good = ("https://editor.example/cb", "http://localhost:3000/cb", "http://[::1]/cb", "com.example.app:/cb")
    assert checked_redirects(list(good)) == good
    assert same_redirect("http://127.0.0.1/cb", "http://127.0.0.1:5555/cb")
    assert not same_redirect("https://editor.example/cb", "https://editor.example:444/cb")
    assert not same_redirect("http://127.0.0.1/cb", "http://127.0.0.1:99999/cb")
    for wrong in (None, [], ["x"] * 11, "https://x"):
        with pytest.raises(InvalidInput):
            checked_redirects(wrong)
