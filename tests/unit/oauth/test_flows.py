"""Signing in by each of the ways, and what the tokens then do at the doors."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.unit.oauth.guarded import BACK, Guarded, authorizing, query_of

ACCOUNT = {"symbol": "005930"}


def test_the_documents_login(guarded: Guarded) -> None:
    told = guarded.login().json()
    assert set(told) == {"access_token", "token_type", "expires_in", "scope"}
    assert (told["token_type"], told["expires_in"]) == ("Bearer", 1800)
    me = guarded.ask("GET", "/auth/me", headers={"Authorization": f"Bearer {told['access_token']}"}).json()
    assert (me["username"], me["tenant"], me["scopes"]) == ("kim", "acme", ["commit"])


def test_code_with_pkce_then_refresh(guarded: Guarded) -> None:
    first = guarded.by_code("read kis-trade:change")
    assert first["scope"] == "read kis-trade:change"
    second = guarded.exchange(grant_type="refresh_token", refresh_token=first["refresh_token"], client_id="editor")
    assert second.status_code == 200, second.text
    less = guarded.exchange(
        grant_type="refresh_token",
        refresh_token=second.json()["refresh_token"],
        client_id="editor",
        scope="kis-trade:read",
    )
    assert less.json()["scope"] == "kis-trade:read"
    assert guarded.call("describe_endpoint", {"endpoint": "x"}, less.json()["access_token"]).status_code == 200


def test_the_answer_names_its_issuer_and_the_state(guarded: Guarded) -> None:
    told = query_of(guarded.signed_in())
    assert (told["iss"], told["state"]) == (guarded.base, "s1")


def test_a_person_may_say_no(guarded: Guarded) -> None:
    assert query_of(guarded.signed_in(decision="deny"))["error"] == "access_denied"


def test_nobody_gives_what_is_not_theirs(guarded: Guarded) -> None:
    verifier = secrets.token_urlsafe(48)
    sent = query_of(guarded.signed_in(name="lee", verifier=verifier, scope="commit"))
    told = guarded.exchange(
        grant_type="authorization_code",
        code=sent["code"],
        redirect_uri=BACK,
        client_id="editor",
        code_verifier=verifier,
    )
    assert told.json()["scope"] == "read"


def test_client_credentials(guarded: Guarded) -> None:
    with guarded.http(auth=("robot", guarded.secrets["robot"])) as client:
        told = client.post("/auth/token", data={"grant_type": "client_credentials", "scope": "commit"})
    assert told.status_code == 200, told.text
    assert told.json()["scope"] == "change"
    assert "refresh_token" not in told.json()
    me = guarded.ask("GET", "/auth/me", headers={"Authorization": f"Bearer {told.json()['access_token']}"}).json()
    assert (me["username"], me["tenant"]) == ("robot", "acme")


def test_the_password_grant_is_off_and_names_the_alternative(guarded: Guarded) -> None:
    told = guarded.exchange(grant_type="password", username="kim", password="x", client_id="editor")
    assert (told.status_code, told.json()["error"]) == (400, "unsupported_grant_type")
    assert "authorization_code with PKCE" in told.json()["error_description"]


def test_a_token_taken_back_is_over(guarded: Guarded) -> None:
    token = guarded.by_code()
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert guarded.ask("GET", "/auth/me", headers=bearer).status_code == 200
    assert (
        guarded.ask("POST", "/auth/revoke", data={"token": token["access_token"], "client_id": "editor"}).status_code
        == 200
    )
    assert guarded.ask("GET", "/auth/me", headers=bearer).status_code == 401
    again = guarded.exchange(grant_type="refresh_token", refresh_token=token["refresh_token"], client_id="editor")
    assert again.status_code == 200  # one access token went alone
    guarded.ask("POST", "/auth/revoke", data={"token": again.json()["refresh_token"], "client_id": "editor"})
    bearer = {"Authorization": f"Bearer {again.json()['access_token']}"}
    assert guarded.ask("GET", "/auth/me", headers=bearer).status_code == 401


def test_introspection_is_for_ones_own_tokens(guarded: Guarded) -> None:
    with guarded.http(auth=("robot", guarded.secrets["robot"])) as client:
        own = client.post("/auth/token", data={"grant_type": "client_credentials"}).json()["access_token"]
        told = client.post("/auth/introspect", data={"token": own}).json()
        assert (told["active"], told["client_id"], told["scope"]) == (True, "robot", "read")
        assert client.post("/auth/introspect", data={"token": guarded.token()}).json() == {"active": False}
    assert guarded.ask("POST", "/auth/introspect", data={"token": own, "client_id": "editor"}).status_code == 401


def test_metadata(guarded: Guarded) -> None:
    server = guarded.ask("GET", "/.well-known/oauth-authorization-server").json()
    assert server["issuer"] == guarded.base
    assert server["code_challenge_methods_supported"] == ["S256"]
    assert "registration_endpoint" not in server
    assert guarded.ask("POST", "/auth/register", json={}).status_code in {401, 404}
    resource = guarded.ask("GET", "/.well-known/oauth-protected-resource/kis-trade/mcp").json()
    assert resource["resource"] == f"{guarded.base}/kis-trade/mcp"
    assert resource["authorization_servers"] == [guarded.base]
    assert guarded.ask("GET", "/.well-known/oauth-protected-resource/nothing/mcp").status_code == 404


def test_keys_rotate_and_old_tokens_hold(guarded: Guarded) -> None:
    before = guarded.token()
    old = {key["kid"] for key in guarded.ask("GET", "/auth/jwks").json()["keys"]}
    guarded.issuer.keys.rotate()
    bearer = {"Authorization": f"Bearer {before}"}
    assert guarded.ask("GET", "/auth/me", headers=bearer).status_code == 200
    keys = guarded.issuer.keys.jwks()["keys"]
    assert old < {key["kid"] for key in keys}
    assert not any("d" in key for key in keys)


def test_without_a_token_the_door_says_where_to_get_one(guarded: Guarded) -> None:
    answer = guarded.ask("POST", "/kis-trade/mcp", json={})
    assert answer.status_code == 401
    told = answer.headers["www-authenticate"]
    assert f'resource_metadata="{guarded.base}/.well-known/oauth-protected-resource/kis-trade/mcp"' in told
    assert "error" not in told


@pytest.mark.parametrize("era", ["2026-07-28", "2025-11-25"])
def test_a_call_that_needs_more_is_told_so_in_both_eras(guarded: Guarded, era: str) -> None:
    token = guarded.by_code("read")["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    call: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    call["params"] = {"name": "apply_plan", "arguments": {"plan_id": "a", "fingerprint": "b"}}
    answer = guarded.ask("POST", "/kis-trade/mcp", json=call, headers={**headers, "MCP-Protocol-Version": era})
    assert answer.status_code == 403
    told = answer.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in told
    assert 'scope="read kis-trade:commit"' in told
    more = guarded.by_code("read kis-trade:commit")
    assert more["scope"] == "read kis-trade:commit"
    assert guarded.call("apply_plan", call["params"]["arguments"], more["access_token"]).status_code == 200


def test_who_never_may_is_told_so_as_an_error_of_the_call(guarded: Guarded) -> None:
    answer = guarded.call("apply_plan", {"plan_id": "a", "fingerprint": "b"}, guarded.token("lee"))
    assert answer.status_code == 200
    assert answer.json()["result"]["isError"] is True
    assert answer.json()["result"]["structuredContent"]["code"] == "not_allowed"


def test_what_was_given_up_is_not_asked_for(guarded: Guarded) -> None:
    token = guarded.token("kim", "commit")
    answer = guarded.call("apply_plan", {"plan_id": "a", "fingerprint": "b"}, token, **{"X-Dari-Reach": "read"})
    assert answer.json()["result"]["structuredContent"]["code"] == "not_allowed"


def test_rest_names_the_scopes_to_ask_for(guarded: Guarded) -> None:
    plan = {"plan_id": "a", "fingerprint": "b"}

    def asked(name: str, scope: str | None = None) -> Any:
        bearer = {"Authorization": f"Bearer {guarded.token(name, scope)}"}
        return guarded.ask("POST", "/api/v1/kis-trade/apply_plan", json=plan, headers=bearer)

    more = asked("kim", "read")
    assert more.status_code == 403
    assert 'error="insufficient_scope"' in more.headers["www-authenticate"]
    assert 'scope="read kis-trade:commit"' in more.headers["www-authenticate"]
    never = asked("lee")
    assert never.status_code == 403
    assert "www-authenticate" not in never.headers
    assert asked("kim").status_code == 404


def test_headers_and_query_only_tighten(guarded: Guarded) -> None:
    token = guarded.token("kim")
    for more in ({"X-Dari-Reach": "read"}, {"X-Dari-Deny": "apply_plan"}, {"X-Dari-Allow": "get_quote"}):
        answer = guarded.call("apply_plan", {"plan_id": "a", "fingerprint": "b"}, token, **more)
        assert answer.status_code in {200, 403}
        told = answer.json().get("result", {}).get("structuredContent", {})
        assert answer.status_code == 403 or told["code"] == "not_allowed"
    assert guarded.call("get_quote", ACCOUNT, token, **{"X-Dari-Reach": "everything"}).status_code == 400
    assert guarded.call("get_quote", ACCOUNT, token, **{"X-Dari-Profile": "other"}).status_code == 403


def test_an_authorization_needs_what_the_page_was_asked_with(guarded: Guarded) -> None:
    page = guarded.ask("GET", "/auth/authorize", params=authorizing(secrets.token_urlsafe(48)))
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert "An editor" in page.text
