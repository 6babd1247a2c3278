"""A guarded address over the simulators, served for many tests, with two tenants and what belongs to them."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import secrets
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
from argon2 import PasswordHasher

from dari.app.guarding import House, guard
from dari.app.runtime import Runtime
from dari.cli.gateway import gateway
from dari.core.clock import SystemClock
from dari.serving.mcp_door import listening
from dari.serving.oauth import people
from dari.serving.oauth.clients import OAuthClient
from dari.serving.oauth.people import Person, Tenant
from dari.settings import resolve

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""The real one takes 64 MiB and a tenth of a second; what is tested is not argon2."""
PASSWORD = "correct horse battery"
BACK = "http://127.0.0.1:9/callback"
MODERN = {"MCP-Protocol-Version": "2026-07-28"}


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def settings(home: Path, **more: str) -> Any:
    environment = {"DARI_HOME": str(home), "DARI_DOTENV": str(home / "no.env"), "DARI_AUTH": "builtin"}
    environment |= {"DARI_REACH": "commit", "DARI_LANG": "en", **more}
    return resolve(environment=environment, home=home)


@dataclass
class Guarded:
    """The address, what its house keeps, and a browser's way through it."""

    base: str
    house: House
    runtime: Any = None
    secrets: dict[str, str] = field(default_factory=dict)

    @property
    def issuer(self) -> Any:
        return self.house.issuer(self.base)

    def http(self, **more: Any) -> httpx2.Client:
        return httpx2.Client(base_url=self.base, timeout=20, follow_redirects=False, **more)

    def ask(self, method: str, path: str, **more: Any) -> httpx2.Response:
        with self.http() as client:
            return client.request(method, path, **more)

    def login(self, name: str = "kim", scope: str | None = None, password: str = PASSWORD) -> httpx2.Response:
        told = {"username": name, "password": password, **({"scope": scope} if scope else {})}
        return self.ask("POST", "/auth/login", json=told)

    def token(self, name: str = "kim", scope: str | None = None) -> str:
        answer = self.login(name, scope)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def exchange(self, **form: Any) -> httpx2.Response:
        return self.ask("POST", "/auth/token", data=form)

    def signed_in(
        self, *, name: str = "kim", decision: str = "allow", verifier: str = "", **more: Any
    ) -> httpx2.Response:
        """Through the page as a browser goes: the answer to the form."""
        with self.http() as browser:
            page = browser.get("/auth/authorize", params=authorizing(verifier or secrets.token_urlsafe(48), **more))
            if page.status_code != 200:
                return page
            form = {"ticket": ticket_of(page), "username": name, "password": PASSWORD, "decision": decision}
            return browser.post("/auth/authorize", data=form, headers={"Origin": self.base})

    def by_code(self, scope: str = "read", **more: Any) -> dict[str, Any]:
        """A token by code and PKCE."""
        verifier = secrets.token_urlsafe(48)
        sent = self.signed_in(verifier=verifier, scope=scope, **more)
        code = query_of(sent)["code"]
        told = self.exchange(
            grant_type="authorization_code", code=code, redirect_uri=BACK, client_id="editor", code_verifier=verifier
        )
        assert told.status_code == 200, told.text
        return dict(told.json())

    def call(
        self, tool: str, arguments: Mapping[str, Any], token: str, *, server: str = "kis-trade", **headers: str
    ) -> httpx2.Response:
        """tools/call on 2026-07-28, whole."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        told = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        body = {**told, "params": {"name": tool, "arguments": dict(arguments), "_meta": meta}}
        sent = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream", **MODERN}
        sent |= {"Mcp-Method": "tools/call", "Mcp-Name": tool, **headers}
        return self.ask("POST", f"/{server}/mcp", json=body, headers=sent)

    def session(self, token: str, *, server: str = "kis-trade") -> dict[str, str]:
        """The headers of a session of 2025-11-25."""
        headers = {"Accept": "application/json, text/event-stream", "Authorization": f"Bearer {token}"}
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}
        begun = self.ask("POST", f"/{server}/mcp", json=body, headers=headers)
        return {**headers, "Mcp-Session-Id": begun.headers["mcp-session-id"], "MCP-Protocol-Version": "2025-11-25"}


def authorizing(verifier: str, **more: Any) -> dict[str, Any]:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    told = {
        "response_type": "code", "client_id": "editor", "redirect_uri": BACK, "state": "s1", "scope": "read",
        "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    return {name: value for name, value in {**told, **more}.items() if value is not None}


def ticket_of(page: httpx2.Response) -> str:
    found = re.search(r"name=ticket value='([^']+)'", page.text)
    assert found
    return found[1]


def query_of(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def peopled(house: House) -> dict[str, str]:
    """Two tenants: acme (kim trades, lee looks) and beta (park looks, of two toolsets only), and their programs."""
    house.people.keep_tenant(Tenant(name="acme", profiles=("default",), roles=(("quotes", "kis-trade:read"),)))
    house.people.keep_tenant(Tenant(name="beta", deny=("kis-trade/get_account",)))
    for name, tenant, roles in (("kim", "acme", "trader"), ("lee", "acme", "viewer"), ("park", "beta", "viewer")):
        house.people.add(Person(name=name, tenant=tenant, roles=(roles,)), PASSWORD)
    house.clients.add(OAuthClient(client_id="editor", name="An editor", redirect_uris=(BACK,)))
    robot = OAuthClient(
        client_id="robot", grants=("client_credentials",), method="client_secret_basic", scope="change", tenant="acme"
    )
    other = OAuthClient(
        client_id="watcher", grants=("client_credentials",), method="client_secret_post", scope="read", tenant="beta"
    )
    return {"robot": house.clients.add(robot), "watcher": house.clients.add(other)}


@contextmanager
def served(
    home: Path, servers: tuple[str, ...] = ("kis-trade", "kis-code"), *, port: int = 0, **more: str
) -> Iterator[Guarded]:
    """Serve in a thread of its own; yields once the address answers."""
    setattr(people, "PasswordHasher", lambda: QUICK)  # noqa: B010 -- for the whole process of tests
    port = port or free_port()
    base = f"http://127.0.0.1:{port}"
    found = settings(home, **more)
    house = House.of(found, SystemClock())
    one = Guarded(base, house, secrets=peopled(house))
    ready, done = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    async def serve() -> None:
        async with Runtime(found, simulated=True) as runtime:
            one.runtime = runtime
            app = gateway(runtime, servers, guard=guard(runtime, base, servers))
            async with listening.serving(app, port=port):
                ready.set()
                await asyncio.to_thread(done.wait)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 -- told to the test below
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(30)
    if failed:
        raise failed[0]
    try:
        yield one
    finally:
        done.set()
        thread.join(20)
        house.records.close()
    if failed:
        raise failed[0]
