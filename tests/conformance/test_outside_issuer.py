"""An issuer of other hands (oidc-provider) is believed by settings alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from scripts.provision import node_tools
from tests.conformance.suite import HERE
from tests.unit.oauth.guarded import Guarded, free_port, served

pytestmark = [pytest.mark.xdist_group("other hands"), pytest.mark.needs("node")]

CLIENT = ("payops", "payops-secret-of-a-test")
SCOPES = "payments:read=read,payments:write=change,payments:replay=commit"
PLAN = {"plan_id": "none", "fingerprint": "none"}


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Guarded, str]]:
    tools = node_tools()
    assert tools
    port, ours = free_port(), free_port()
    issuer, base = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{ours}"
    command = [str(tools[0]), str(HERE / "issuer.mjs"), str(port), f"{base}/kis-trade/mcp", f"{base}/elsewhere"]
    quiet = os.environ | {"NODE_NO_WARNINGS": "1"}
    with subprocess.Popen(command, env=quiet, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout
            assert any(line.strip() == "up" for line in process.stdout), "the issuer did not start"
            home: Path = tmp_path_factory.mktemp("outside")
            with served(home, ("kis-trade",), port=ours, DARI_AUTH=issuer, DARI_AUTH_SCOPES=SCOPES) as one:
                yield one, issuer
        finally:
            process.terminate()


def token(outside: tuple[Guarded, str], scope: str, resource: str = "/kis-trade/mcp") -> str:
    guarded, issuer = outside
    form = {"grant_type": "client_credentials", "scope": scope, "resource": f"{guarded.base}{resource}"}
    told = httpx2.post(f"{issuer}/token", data=form, auth=CLIENT)
    assert told.status_code == 200, told.text
    return str(told.json()["access_token"])


def test_its_tokens_open_the_door(outside: tuple[Guarded, str]) -> None:
    guarded, _ = outside
    answer = guarded.call("search_endpoints", {"query": "주식현재가"}, token(outside, "payments:read"))
    assert answer.status_code == 200
    assert "isError" not in answer.json()["result"]


def test_the_door_names_the_issuer(outside: tuple[Guarded, str]) -> None:
    guarded, issuer = outside
    told = guarded.ask("GET", "/.well-known/oauth-protected-resource/kis-trade/mcp").json()
    assert told["authorization_servers"] == [issuer]
    assert told["scopes_supported"] == ["payments:read", "payments:write", "payments:replay"]
    assert guarded.ask("GET", "/.well-known/oauth-authorization-server").status_code in {401, 404}
    assert guarded.ask("POST", "/auth/login", json={}).status_code == 404


def test_step_up_in_the_issuers_own_words(outside: tuple[Guarded, str]) -> None:
    guarded, _ = outside
    answer = guarded.call("apply_plan", PLAN, token(outside, "payments:read"))
    assert answer.status_code == 403
    assert 'scope="payments:read payments:replay"' in answer.headers["www-authenticate"]
    answer = guarded.call("apply_plan", PLAN, token(outside, "payments:read payments:replay"))
    assert answer.json()["result"]["structuredContent"]["code"] == "not_found"


def test_a_token_for_another_resource_is_refused(outside: tuple[Guarded, str]) -> None:
    guarded, _ = outside
    assert guarded.call("search_endpoints", {}, token(outside, "payments:read", "/elsewhere")).status_code == 401


@pytest.mark.parametrize("cut", [0, 1, 2])
def test_a_token_that_was_changed_is_refused(outside: tuple[Guarded, str], cut: int) -> None:
    parts = token(outside, "payments:read").split(".")
    parts[cut] = parts[cut][:-3] + ("AAA" if not parts[cut].endswith("AAA") else "BBB")
    assert outside[0].call("search_endpoints", {}, ".".join(parts)).status_code == 401


def test_nobodys_token_is_refused(outside: tuple[Guarded, str]) -> None:
    for what in ("x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA"):
        assert outside[0].call("search_endpoints", {}, what).status_code == 401
