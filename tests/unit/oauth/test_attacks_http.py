"""Attacks on the address itself, each by its name: forged names, others' forms, bodies too large or too slow."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dari.core.errors import BadSetting, InvalidInput
from dari.serving.mcp_door import listening, outside, punctual
from dari.serving.mcp_door.guards import Bounded
from tests.unit.oauth.guarded import BACK, PASSWORD, Guarded, authorizing, settings, ticket_of

PATHS = ["/mcp", "/kis-trade/mcp", "/auth/token", "/auth/me", "/.well-known/oauth-authorization-server"]
FORGED = ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:80", "169.254.169.254"]
RUBBISH = [b"\xff\xfe", b"", b"null", b"[]", b'{"username":1}', b'{"username":"kim","password":["x"]}']

# --- forged names (DNS rebinding), forms of others (CSRF) -------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/mcp", "/kis-trade/mcp", "/auth/token", "/auth/me", "/.well-known/oauth-authorization-server"]
)
@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil.example:80", "169.254.169.254"]
)
def test_forged_host(guarded: Guarded, path: str, host: str) -> None:
    assert guarded.ask("POST", path, json={}, headers={"Host": host}).status_code in {400, 421}


@pytest.mark.parametrize("path", ["/mcp", "/kis-trade/mcp", "/auth/login", "/auth/authorize", "/auth/me"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example", "file://"])
def test_forged_origin(guarded: Guarded, path: str, origin: str) -> None:
    headers = {"Origin": origin, "Authorization": f"Bearer {guarded.token()}"}
    assert guarded.ask("POST", path, json={}, headers=headers).status_code == 403


def test_metadata_and_tokens_may_be_asked_by_scripts_without_cookies(guarded: Guarded) -> None:
    headers = {"Origin": "https://editor.example"}
    answer = guarded.ask("GET", "/.well-known/oauth-authorization-server", headers=headers)
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
    assert "access-control-allow-credentials" not in answer.headers
    assert "set-cookie" not in answer.headers
    preflight = guarded.ask("OPTIONS", "/auth/token", headers={**headers, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204
    assert "access-control-allow-origin" not in guarded.ask("GET", "/kis-trade/mcp").headers


def test_csrf_a_form_of_another_site(guarded: Guarded) -> None:
    told = {"username": "kim", "password": PASSWORD, "decision": "allow"}
    with guarded.http() as attacker, guarded.http() as victim:
        page = attacker.get("/auth/authorize", params=authorizing(secrets.token_urlsafe(48)))
        stolen = {**told, "ticket": ticket_of(page)}
        # The attacker's own form, sent by the victim's browser: its other half is a cookie the victim does not have.
        assert victim.post("/auth/authorize", data=stolen).status_code == 403
        victim.get("/auth/authorize", params=authorizing(secrets.token_urlsafe(48)))
        assert victim.post("/auth/authorize", data=stolen).status_code == 403
        # From a page elsewhere, and without any ticket, or with one that was changed.
        assert (
            attacker.post("/auth/authorize", data=stolen, headers={"Origin": "https://evil.example"}).status_code == 403
        )
        assert attacker.post("/auth/authorize", data=told).status_code == 403
        assert (
            attacker.post("/auth/authorize", data={**stolen, "ticket": stolen["ticket"][:-4] + "AAA="}).status_code
            == 403
        )
        good = attacker.post("/auth/authorize", data=stolen, headers={"Origin": guarded.base})
        assert good.status_code == 302


def test_the_form_cannot_be_framed_or_read_elsewhere(guarded: Guarded) -> None:
    page = guarded.ask("GET", "/auth/authorize", params=authorizing(secrets.token_urlsafe(48)))
    cookie = page.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"


def test_markup_in_what_a_client_says(guarded: Guarded) -> None:
    from dari.serving.oauth.clients import OAuthClient  # noqa: PLC0415 -- only here

    name = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    guarded.house.clients.add(OAuthClient(client_id="loud", name=name, redirect_uris=(BACK,)))
    page = guarded.ask(
        "GET", "/auth/authorize", params=authorizing(secrets.token_urlsafe(48), client_id="loud", state="'><b>")
    )
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "<img" not in page.text
    assert "<b>'" not in page.text


# --- bodies -----------------------------------------------------------------------------------------------------------


def test_oversized_bodies(guarded: Guarded) -> None:
    huge = b"x" * (4 * 1024 * 1024 + 1)
    bearer = {"Authorization": f"Bearer {guarded.token()}", "Content-Type": "application/json"}
    for path in ("/mcp", "/auth/login", "/auth/token"):
        assert guarded.ask("POST", path, content=huge, headers=bearer).status_code == 413
        pieces = (huge[at : at + 65536] for at in range(0, len(huge), 65536))  # without a Content-Length
        assert guarded.ask("POST", path, content=pieces, headers=bearer).status_code == 413
    assert guarded.ask("GET", "/auth/me", headers={"X-Long": "x" * 40_000}).status_code in {400, 431}
    assert guarded.login().status_code == 200


def test_deeply_nested_bodies(guarded: Guarded) -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_quote","arguments":' + deep + b"}}"
    headers = {
        "Authorization": f"Bearer {guarded.token()}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
    }
    for path, body in (("/auth/login", deep), ("/kis-trade/mcp", deep), ("/kis-trade/mcp", call), ("/mcp", call)):
        answer = guarded.ask("POST", path, content=body, headers=headers)
        assert answer.status_code == 400, (path, answer.status_code)
        assert "Traceback" not in answer.text
        assert "RecursionError" not in answer.text
    assert guarded.login().status_code == 200


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"", b"null", b"[]", b'{"username":1}', b'{"username":"kim","password":["x"]}']
)
def test_rubbish_bodies(guarded: Guarded, body: bytes) -> None:
    assert guarded.ask("POST", "/auth/login", content=body).status_code == 400
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert guarded.ask("POST", "/auth/token", content=body, headers=form).status_code in {400, 401}


# --- slow clients -----------------------------------------------------------------------------------------------------


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def test_slow_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(punctual, "HEADER_SECONDS", 0.3)
    app = Starlette(routes=[Route("/", hello)])
    async with listening.serving(app) as address:
        begun = time.monotonic()
        async with connected(address) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            trickle = asyncio.create_task(trickled(writer, b"X-A: b\r\n"))
            assert await asyncio.wait_for(reader.read(), 5) == b""  # dropped, however it trickles
            assert time.monotonic() - begun < 2
            trickle.cancel()
        async with connected(address) as (reader, writer):  # a second request on one connection is held to the same
            writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            writer.write(b"GET / HTTP/1.1\r\nX-")
            assert b"HTTP" not in await asyncio.wait_for(reader.read(), 5)
        async with httpx2.AsyncClient() as client:
            assert (await client.get(address)).text == "0"


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    try:
        yield reader, writer
    finally:
        writer.close()


async def trickled(writer: asyncio.StreamWriter, what: bytes) -> None:
    while True:
        await asyncio.sleep(0.05)
        writer.write(what)


async def test_slow_body() -> None:
    app = Bounded(Starlette(routes=[Route("/", hello, methods=["POST"])]), seconds=0.3)
    async with listening.serving(app) as address:
        async with connected(address) as (reader, writer):
            writer.write(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n")
            trickle = asyncio.create_task(trickled(writer, b"x"))
            assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)
            trickle.cancel()
        async with httpx2.AsyncClient() as client:
            assert (await client.post(address, content=b"abc")).text == "3"


# --- injection --------------------------------------------------------------------------------------------------------


def test_header_injection(guarded: Guarded) -> None:
    for state in ("x\r\nSet-Cookie: evil=1", "x%0d%0aSet-Cookie:%20evil=1", "\x00", "é"):
        sent = guarded.signed_in(state=state)
        assert sent.status_code == 302
        assert "evil=1" not in str(sent.headers.get("set-cookie", ""))
        assert not any(letter in sent.headers["location"] for letter in "\r\n\x00")
    for name in ("scope", "client_id", "redirect_uri", "resource", "response_type"):
        told = authorizing(secrets.token_urlsafe(48), **{name: 'x"\r\nEvil: 1'})
        answer = guarded.ask("GET", "/auth/authorize", params=told)
        assert answer.status_code == 400
        assert "evil" not in answer.headers


def test_log_and_audit_injection(guarded: Guarded, caplog: pytest.LogCaptureFixture) -> None:
    forged = 'get_quote\n{"v":1,"caller":"forged"}'
    with caplog.at_level(logging.DEBUG):
        guarded.login('kim"}\n{"forged": true', password=f"secret-{secrets.token_hex(4)}\r\nINFO root: all is well")
        headers = guarded.session(guarded.token())
        for name, arguments in ((forged, {}), ("get_quote", {"symbol\n": forged}), ("get_quote", {forged: "1"})):
            call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
            assert guarded.ask("POST", "/kis-trade/mcp", json=call, headers=headers).json()["result"]["isError"]
    assert "secret-" not in caplog.text
    assert PASSWORD not in caplog.text
    guarded.runtime.audit.flush()
    told = ""
    for file in Path(guarded.runtime.parts.places.state, "audit").glob("*.jsonl"):
        text = file.read_text("utf-8")
        told += text
        assert '"caller":"forged"' not in text
        assert not any(line and not line.startswith("{") for line in text.splitlines())
    assert '"caller":"acme/kim"' in told  # whose a call was, with the tenant


def test_nothing_secret_lies_open(guarded: Guarded) -> None:
    """Passwords, tokens, codes, client secrets and signing keys are not in any file as they are."""
    token = guarded.by_code()
    planted = [PASSWORD, token["access_token"], token["refresh_token"], *guarded.secrets.values()]
    home = Path(guarded.house.settings.text("DARI_HOME"))
    files = [one for one in home.rglob("*") if one.is_file()]
    assert {"auth.sqlite", "vault.key"} <= {one.name for one in files}
    for file in files:
        content = file.read_bytes()
        assert not any(one.encode() in content for one in planted), file.name
        assert b'"d":' not in content
        assert file.stat().st_mode & 0o077 == 0, file.name


# --- requests made for an attacker (SSRF) -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "client_id",
    [
        "https://127.0.0.1/client.json", "https://localhost/client.json", "https://169.254.169.254/latest/meta-data",
        "https://[::1]/client.json", "https://10.0.0.1/client.json", "https://0.0.0.0/x", "https://[::ffff:127.0.0.1]/x",
        "https://2130706433/x", "https://0x7f.1/x",
    ],
)  # fmt: skip
def test_ssrf_by_a_clients_own_page(guarded: Guarded, client_id: str) -> None:
    answer = guarded.ask("GET", "/auth/authorize", params=authorizing(secrets.token_urlsafe(48), client_id=client_id))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "refused" not in answer.text.lower()  # what was found there is not told


async def test_a_clients_page_is_https_only() -> None:
    for client_id in ("http://127.0.0.1/x", "file:///etc/passwd", "gopher://x/y", "https://example.com"):
        with pytest.raises(InvalidInput):
            await outside.page_of(client_id)


@pytest.mark.parametrize("setting", ["DARI_KIS_URL", "DARI_KIWOOM_URL", "DARI_NARAMARKET_URL"])
@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/x",
        "http://evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
    ],
)
def test_ssrf_by_a_setting_that_names_an_address(tmp_path: Path, setting: str, url: str) -> None:
    from dari.app.runtime import Runtime  # noqa: PLC0415 -- only here

    runtime = Runtime(settings(tmp_path, **{setting: url}))
    with pytest.raises(BadSetting):
        runtime.parts.origin(setting)


@pytest.mark.parametrize(
    "issuer", ["http://evil.example", "ftp://x", "http://169.254.169.254", "evil", "http://localhost.evil.example"]
)
def test_an_issuer_is_https(tmp_path: Path, issuer: str) -> None:
    from dari.app.guarding import guard  # noqa: PLC0415 -- only here
    from dari.app.runtime import Runtime  # noqa: PLC0415 -- only here

    with pytest.raises(BadSetting):
        guard(Runtime(settings(tmp_path, DARI_AUTH=issuer)), "http://127.0.0.1:1", ["kis-code"])
