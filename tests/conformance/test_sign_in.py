"""Programs of other hands sign in at our own authorization server by code and PKCE, in a real browser."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from scripts.provision import node_tools
from tests.conformance.suite import HERE, MODULES, ROOT
from tests.unit.oauth.guarded import PASSWORD, Guarded, free_port, served

pytestmark = [pytest.mark.xdist_group("other hands"), pytest.mark.needs("node", "chromium")]

INSPECTOR = MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
SUITE = MODULES / "@modelcontextprotocol/conformance/dist/index.js"
GO = re.compile(r"https?://127\.0\.0\.1:\d+/auth/authorize\?[^\s\"]+")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    from dari.serving.oauth.clients import OAuthClient  # noqa: PLC0415 -- an extra: only where the test can run

    with served(tmp_path_factory.mktemp("signing-in"), ("kis-trade",)) as one:
        for name, path in (("suite", "callback"), ("inspector", "oauth/callback"), ("typescript", "callback")):
            one.house.clients.add(OAuthClient(client_id=name, redirect_uris=(f"http://127.0.0.1:1/{path}",)))
        yield one


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 -- only where there is a browser

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield chromium
        chromium.close()


def person(browser: Any, address: str) -> str:
    """What a person does: reads the page, gives name and password, allows. Returns where the browser was sent."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(address)
    assert page.locator("h1").inner_text().endswith("Dari")
    page.fill("input[name=username]", "kim")
    page.fill("input[name=password]", PASSWORD)
    with page.expect_navigation(url=re.compile("callback")):
        page.click("button[value=allow]")
    came = str(page.url)
    context.close()
    return came


@contextmanager
def started(program: Path, *arguments: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    tools = node_tools()
    assert tools
    places = os.environ | {"PATH": f"{tools[0].parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(home)}
    places |= {"MCP_AUTO_OPEN_ENABLED": "true", "MCP_INSPECTOR_SECRET_STORE": "memory"}  # it prints the address as well
    command = [str(tools[0]), str(program), *arguments]
    with subprocess.Popen(
        command, cwd=ROOT, env=places, text=True, bufsize=1, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def address_in(output: IO[str] | None, said: list[str]) -> str:
    """The address a program prints for a person."""
    assert output
    for line in output:
        said.append(line)
        if found := GO.search(line):
            return found[0]
    raise AssertionError("".join(said))


def ended(process: subprocess.Popen[str], said: list[str]) -> str:
    rest, _ = process.communicate(timeout=60)
    return "".join(said) + rest


def test_the_conformance_suites_authorization_scenarios(guarded: Guarded, browser: Any, tmp_path: Path) -> None:
    port, said = free_port(), list[str]()
    arguments = ("authorization", "--url", guarded.base, "--client-id", "suite", "-p", str(port), "-o", str(tmp_path))
    resource = ("--resource", f"{guarded.base}/kis-trade/mcp")
    with started(SUITE, *arguments, *resource, home=tmp_path) as process:
        person(browser, address_in(process.stdout, said))
        told = ended(process, said)
    found = {}
    for file in tmp_path.rglob("checks.json"):
        for check in json.loads(file.read_text("utf-8")):
            found[check["id"], check.get("name")] = check["status"]
    assert found, told
    assert set(found.values()) <= {"SUCCESS", "INFO"}, (found, told)
    assert {"authorization-server-metadata", "authorization-code-grant"} <= {one for one, _ in found}, found


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_inspector(guarded: Guarded, browser: Any, tmp_path: Path, era: str) -> None:
    said = list[str]()
    where = ("--server-url", f"{guarded.base}/kis-trade/mcp", "--transport", "http", "--protocol-era", era)
    signing = ("--client-id", "inspector", "--callback-url", f"http://127.0.0.1:{free_port()}/oauth/callback")
    call = ("--method", "tools/call", "--tool-name", "search_endpoints", "--tool-arg", "query=주식현재가")
    with started(INSPECTOR, "--cli", "--format", "json", *where, *signing, *call, home=tmp_path) as process:
        person(browser, address_in(process.stdout, said))
        told = ended(process, said)
        assert process.returncode == 0, told
    assert '"isError":true' not in told.replace(" ", "")
    assert "inquire" in told, told


@pytest.mark.parametrize(("mode", "protocol"), [("legacy", "2025-11-25"), ("modern", "2026-07-28")])
def test_typescript_client_signs_in_and_steps_up(
    guarded: Guarded, browser: Any, tmp_path: Path, mode: str, protocol: str
) -> None:
    said = list[str]()
    arguments = (f"{guarded.base}/kis-trade/mcp", "typescript", str(free_port()), mode)
    with started(HERE / "sign_in.mjs", *arguments, home=tmp_path) as process:
        person(browser, address_in(process.stdout, said))
        person(browser, address_in(process.stdout, said))  # the second tool needs more: it asks again by itself
        lines = ended(process, said).splitlines()
    told = next((json.loads(line)["told"] for line in lines if line.startswith('{"told"')), None)
    assert told, lines
    assert (told["protocol"], told["read"], told["first"]) == (protocol, True, "read"), told
    assert "kis-trade:commit" in told["then"].split(), told
    assert told["act"] == "not_found", told  # the plan is not there; the call itself was let in
