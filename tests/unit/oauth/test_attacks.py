"""Attacks on tokens, codes and sign-in, each by its name: refused, and nothing told that helps."""

from __future__ import annotations

import base64
import json
import secrets
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from dari.serving.oauth.people import Person, TooOften
from tests.unit.oauth.guarded import BACK, PASSWORD, Guarded, authorizing, query_of

Claims = dict[str, Any]


def claims_of(token: str) -> Claims:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def refused(guarded: Guarded, token: str) -> None:
    """At every door alike, and without a reason that helps."""
    for path in ("/kis-trade/mcp", "/mcp", "/api/v1/kis-trade/get_quote"):
        answer = guarded.ask("POST", path, json={}, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 401, path
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]
        assert token not in answer.text
        assert "Traceback" not in answer.text
    assert guarded.ask("GET", "/auth/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401


@pytest.fixture
def token(guarded: Guarded) -> str:
    return guarded.token()


def resigned(guarded: Guarded, token: str, **changed: Any) -> str:
    return str(guarded.issuer.keys.signed({**claims_of(token), **changed}))


def test_a_resigned_token_is_good_at_first(guarded: Guarded, token: str) -> None:
    """The refusals below are for what was changed, and nothing else."""
    me = guarded.ask("GET", "/auth/me", headers={"Authorization": f"Bearer {resigned(guarded, token)}"})
    assert me.status_code == 200


def test_expired_token(guarded: Guarded, token: str) -> None:
    refused(guarded, resigned(guarded, token, exp=int(time.time()) - 1))


def test_token_from_the_future(guarded: Guarded, token: str) -> None:
    refused(guarded, resigned(guarded, token, iat=int(time.time()) + 600))


def test_token_without_an_end(guarded: Guarded, token: str) -> None:
    told = {name: value for name, value in claims_of(token).items() if name != "exp"}
    refused(guarded, guarded.issuer.keys.signed(told))


def test_wrong_issuer(guarded: Guarded, token: str) -> None:
    refused(guarded, resigned(guarded, token, iss="https://elsewhere.example"))


@pytest.mark.parametrize("audience", ["https://elsewhere.example", "http://127.0.0.1", "x", ""])
def test_wrong_audience(guarded: Guarded, token: str, audience: str) -> None:
    refused(guarded, resigned(guarded, token, aud=audience))


def test_audience_of_a_sibling_and_of_a_longer_name(guarded: Guarded) -> None:
    """A token for one server is not one for another, nor for one whose address only begins alike."""
    token = guarded.by_code(resource=f"{guarded.base}/kis-code/mcp")["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert guarded.ask("POST", "/kis-trade/mcp", json={}, headers=bearer).status_code == 401
    assert guarded.ask("POST", "/kis-code/mcp", json={}, headers=bearer).status_code != 401
    cut = resigned(guarded, token, aud=f"{guarded.base}/kis-t")
    assert guarded.ask("POST", "/kis-trade/mcp", json={}, headers={"Authorization": f"Bearer {cut}"}).status_code == 401


def test_alg_none(guarded: Guarded, token: str) -> None:
    for name in ("none", "None", "NONE", ""):
        header = base64.urlsafe_b64encode(json.dumps({"alg": name, "typ": "at+jwt"}).encode()).rstrip(b"=").decode()
        refused(guarded, f"{header}.{token.split('.')[1]}.")
        refused(guarded, f"{header}.{token.split('.')[1]}.{token.split('.')[2]}")


def test_swapped_key_with_our_key_id(guarded: Guarded, token: str) -> None:
    kid = guarded.ask("GET", "/auth/jwks").json()["keys"][-1]["kid"]
    stranger = ECKey.generate_key("P-256", {"kid": kid}, private=True)
    refused(guarded, jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": kid}, claims_of(token), stranger))


def test_swapped_key_told_in_the_header(guarded: Guarded, token: str) -> None:
    """jwk, jku and x5u in a header are a stranger's word for which key to believe."""
    stranger = ECKey.generate_key("P-256", private=True)
    for more in ({"jwk": stranger.as_dict(private=False)}, {"jku": "http://127.0.0.1:9/keys"}, {"kid": "../../keys"}):
        header = {"alg": "ES256", "typ": "at+jwt", **more}
        refused(guarded, jwt.encode(header, claims_of(token), stranger))


def test_public_key_as_a_shared_secret(guarded: Guarded, token: str) -> None:
    public = guarded.ask("GET", "/auth/jwks").json()["keys"][-1]
    for secret in (ECKey.import_key(public).as_pem(), json.dumps(public).encode()):
        key = OctKey.import_key(base64.urlsafe_b64encode(secret).decode())
        refused(guarded, jwt.encode({"alg": "HS256", "typ": "at+jwt", "kid": public["kid"]}, claims_of(token), key))


def test_other_algorithm_with_a_key_of_its_own(guarded: Guarded, token: str) -> None:
    key = RSAKey.generate_key(2048, private=True)
    kid = guarded.ask("GET", "/auth/jwks").json()["keys"][-1]["kid"]
    refused(guarded, jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": kid}, claims_of(token), key))


@pytest.mark.parametrize("what", ["x", "a.b.c", "....", "é", "Bearer", "\x00", "a" * 9000, "eyJhbGciOiJub25lIn0.e30."])
def test_rubbish_for_a_token(guarded: Guarded, what: str) -> None:
    answer = guarded.ask(
        "POST", "/mcp", json={}, headers={b"Authorization": b"Bearer " + what.encode().replace(b"\x00", b"?")}
    )
    assert answer.status_code == 401


def test_token_in_the_query_or_twice(guarded: Guarded, token: str) -> None:
    assert guarded.ask("POST", f"/mcp?access_token={token}", json={}).status_code == 401
    twice = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    assert guarded.ask("POST", "/mcp", json={}, headers=twice).status_code == 401


def test_refresh_or_code_as_an_access_token(guarded: Guarded) -> None:
    refused(guarded, guarded.by_code()["refresh_token"])
    refused(guarded, query_of(guarded.signed_in())["code"])


# --- codes and refresh tokens -----------------------------------------------------------------------------------------


def code_exchange(guarded: Guarded, code: str, verifier: str, **more: str) -> Any:
    told = {"code": code, "redirect_uri": BACK, "client_id": "editor", "code_verifier": verifier, **more}
    return guarded.exchange(grant_type="authorization_code", **told)


def test_replayed_code_takes_back_what_it_gave(guarded: Guarded) -> None:
    verifier = secrets.token_urlsafe(48)
    code = query_of(guarded.signed_in(verifier=verifier))["code"]
    first = code_exchange(guarded, code, verifier)
    assert first.status_code == 200
    again = code_exchange(guarded, code, verifier)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    refused(guarded, first.json()["access_token"])
    refresh = first.json()["refresh_token"]
    assert guarded.exchange(grant_type="refresh_token", refresh_token=refresh, client_id="editor").status_code == 400


def test_replayed_refresh_takes_the_session_back(guarded: Guarded) -> None:
    first = guarded.by_code()
    second = guarded.exchange(
        grant_type="refresh_token", refresh_token=first["refresh_token"], client_id="editor"
    ).json()
    stolen = guarded.exchange(grant_type="refresh_token", refresh_token=first["refresh_token"], client_id="editor")
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    refused(guarded, second["access_token"])
    last = guarded.exchange(grant_type="refresh_token", refresh_token=second["refresh_token"], client_id="editor")
    assert last.status_code == 400


def test_refresh_by_another_client(guarded: Guarded) -> None:
    refresh = guarded.by_code()["refresh_token"]
    with guarded.http(auth=("robot", guarded.secrets["robot"])) as robot:
        told = robot.post("/auth/token", data={"grant_type": "refresh_token", "refresh_token": refresh})
    assert told.status_code == 400


def test_code_by_another_client_or_for_another_address(guarded: Guarded) -> None:
    verifier = secrets.token_urlsafe(48)
    code = query_of(guarded.signed_in(verifier=verifier))["code"]
    assert code_exchange(guarded, code, verifier, client_id="robot").status_code in {400, 401}
    assert code_exchange(guarded, code, verifier, redirect_uri="http://127.0.0.1:9/other").status_code == 400


@pytest.mark.parametrize("verifier", ["", "x", "a" * 43, "a" * 200])
def test_code_without_its_verifier(guarded: Guarded, verifier: str) -> None:
    code = query_of(guarded.signed_in())["code"]
    assert code_exchange(guarded, code, verifier).status_code == 400


@pytest.mark.parametrize(
    "more",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge_method": "s256"},
        {"code_challenge": "short"},
    ],
)
def test_pkce_downgrade(guarded: Guarded, more: dict[str, Any]) -> None:
    answer = guarded.ask("GET", "/auth/authorize", params=authorizing(secrets.token_urlsafe(48), **more))
    assert query_of(answer)["error"] == "invalid_request"
    assert "code" not in query_of(answer)


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/callback", "http://127.0.0.1:9/callback/../x", "http://127.0.0.1:9/callback?x=1",
        "http://127.0.0.1:9@evil.example/callback", "http://127.0.0.1.evil.example:9/callback", "//evil.example",
        "http://127.0.0.1:9/callback#f", "javascript:alert(1)", "http://evil.example:9/callback", "/callback",
        "http://user@127.0.0.1:9/callback", "https://127.0.0.1:9/callback", 'http://127.0.0.1:9/callback"', "http://[::1",
    ],
)  # fmt: skip
def test_open_redirect(guarded: Guarded, address: str) -> None:
    """Nobody is sent to an address that was not registered, not even with an error."""
    answer = guarded.ask("GET", "/auth/authorize", params=authorizing(secrets.token_urlsafe(48), redirect_uri=address))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "<script" not in answer.text


@pytest.mark.parametrize("more", [{"scope": "read root"}, {"scope": "read\nwrite"}, {"scope": "x" * 3000}])
def test_scope_that_is_none(guarded: Guarded, more: dict[str, str]) -> None:
    answer = guarded.ask("GET", "/auth/authorize", params=authorizing(secrets.token_urlsafe(48), **more))
    assert answer.status_code == 400 or query_of(answer)["error"] == "invalid_scope"


@pytest.mark.parametrize(
    "resource",
    ["https://elsewhere.example/mcp", "/mcp", "http://127.0.0.1/mcp", "BASE.evil/mcp", "BASE/mcp#x", "BASE/../x"],
)
def test_token_for_anothers_resource(guarded: Guarded, resource: str) -> None:
    told = authorizing(secrets.token_urlsafe(48), resource=resource.replace("BASE", guarded.base))
    assert query_of(guarded.ask("GET", "/auth/authorize", params=told))["error"] == "invalid_target"


def test_more_scope_or_resource_on_refresh(guarded: Guarded) -> None:
    for more in ({"scope": "commit"}, {"scope": "kis-trade:change"}, {"resource": "https://elsewhere.example"}):
        refresh = guarded.by_code("read")["refresh_token"]
        told = guarded.exchange(grant_type="refresh_token", refresh_token=refresh, client_id="editor", **more)
        assert told.status_code == 400, more


# --- escalation -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Dari-Reach": "commit"},
        {"X-Dari-Allow": "*"},
        {"X-Dari-Deny": ""},
        {"X-Dari-Tenant": "beta"},
        {"X-Forwarded-User": "admin"},
        {"X-Dari-Scope": "commit"},
        {"X-Original-URL": "/health"},
        {"Mcp-Name": "get_quote"},
    ],
)
def test_scope_escalation_by_header(guarded: Guarded, headers: dict[str, str]) -> None:
    token = guarded.token("kim", "read")
    answer = guarded.call("apply_plan", {"plan_id": "a", "fingerprint": "b"}, token, **headers)
    assert answer.status_code in {400, 403}
    assert "result" not in answer.json()


def test_scope_escalation_by_query(guarded: Guarded) -> None:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "apply_plan", "arguments": {}}}
    headers = {
        "Authorization": f"Bearer {guarded.token('kim', 'read')}",
        "Accept": "application/json, text/event-stream",
    }
    for query in ("?reach=commit", "?scope=commit", "?profile=default&reach=commit", "?allow=*"):
        assert guarded.ask("POST", f"/kis-trade/mcp{query}", json=body, headers=headers).status_code == 403


def test_a_profile_that_is_not_bound(guarded: Guarded) -> None:
    token = guarded.token("park")
    assert guarded.call("get_quote", {"symbol": "005930"}, token, **{"X-Dari-Profile": "default"}).status_code == 403


def test_rights_taken_away_hold_for_tokens_that_are_out(guarded: Guarded) -> None:
    people = guarded.house.people
    people.add(Person(name="cho", tenant="acme", roles=("trader",)), PASSWORD)
    token = guarded.token("cho")
    people.change(Person(name="cho", tenant="acme", roles=("viewer",)))
    time.sleep(1.1)
    told = guarded.call("apply_plan", {"plan_id": "a", "fingerprint": "b"}, token)
    assert told.json()["result"]["structuredContent"]["code"] == "not_allowed"
    people.change(Person(name="cho", tenant="acme", roles=("viewer",), disabled=True))
    time.sleep(1.1)
    refused(guarded, token)


# --- guessing ---------------------------------------------------------------------------------------------------------


def test_brute_force_locks_the_name_and_tells_nothing(guarded: Guarded) -> None:
    guarded.house.people.add(Person(name="victim", tenant="acme", roles=("viewer",)), PASSWORD)
    said = {name: [guarded.login(name, password=f"wrong {time}") for time in range(6)] for name in ("victim", "nobody")}
    shapes = {name: [(one.status_code, one.json()["error"]) for one in answers] for name, answers in said.items()}
    assert shapes["victim"] == shapes["nobody"]  # which names exist is not told
    assert shapes["victim"] == [(401, "invalid_grant")] * 5 + [(429, "slow_down")]
    assert int(said["victim"][-1].headers["retry-after"]) > 0
    locked = guarded.login("victim")
    assert (locked.status_code, "access_token" in locked.json()) == (429, False)  # also the right password waits
    assert guarded.house.people.unlock("victim")
    assert guarded.login("victim").status_code == 200


def test_one_password_sprayed_over_many_names(guarded: Guarded) -> None:
    people = guarded.house.people
    before = list(people._failed.get("9.9.9.9", []))
    assert before == []
    for turn in range(30):
        assert people.signed_in(f"name{turn}", "spring 2026 spring", "9.9.9.9") is None
    with pytest.raises(TooOften):
        people.signed_in("kim", PASSWORD, "9.9.9.9")
    assert people.signed_in("kim", PASSWORD, "9.9.9.8") is not None


def test_client_secrets_are_not_guessed(guarded: Guarded) -> None:
    for secret in ("", "x", guarded.secrets["watcher"]):
        with guarded.http(auth=("robot", secret)) as client:
            told = client.post("/auth/token", data={"grant_type": "client_credentials"})
        assert told.status_code in {400, 401}
        assert told.json()["error"] == "invalid_client"
    for form in ({"client_id": "robot"}, {"client_id": "editor"}, {"client_id": "nobody"}):
        assert guarded.exchange(grant_type="client_credentials", **form).status_code in {400, 401}
