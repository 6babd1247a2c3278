"""Every named server as it is served to people, read strictly by a program of other hands."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dari.app.servers import SERVERS
from tests.conformance.suite import PYTHONPATH, ROOT
from tests.conformance.test_clients import inspected

pytestmark = [pytest.mark.needs("node"), pytest.mark.xdist_group("other hands")]

DARI = (sys.executable, "-m", "dari")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """All named servers on one address, without a key: to be listed needs none."""
    home = tmp_path_factory.mktemp("gateway")
    places = os.environ | {"PYTHONPATH": PYTHONPATH, "DARI_HOME": str(home)}
    command = [*DARI, "serve", "all", "--http", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=places, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr
    told = process.stderr.readline()
    assert "http://" in told, told
    name, _, address = told.strip().partition(": ")
    yield address.removesuffix(f"/{name}/mcp")
    process.terminate()
    process.wait(20)
    process.stderr.close()


@pytest.mark.parametrize("name", SERVERS)
def test_over_stdio(name: str, tmp_path: Path) -> None:
    env = [word for one in (f"PYTHONPATH={PYTHONPATH}", f"DARI_HOME={tmp_path}") for word in ("-e", one)]
    where = [*DARI, "serve", name, *env]
    clean(where, "modern", name, tmp_path)


@pytest.mark.parametrize("name", SERVERS)
def test_over_http(name: str, gateway: str, tmp_path: Path) -> None:
    clean(["--server-url", f"{gateway}/{name}/mcp", "--transport", "http"], "legacy", name, tmp_path)


def clean(where: list[str], era: str, name: str, home: Path) -> None:
    code, told, warned = inspected(where, era, "--method", "tools/list", "--strict", home=home)
    assert code == 0, (told, warned)
    assert {tool["name"] for tool in told["result"]["tools"]} == {tool.name for _, tool in SERVERS[name].tools()}
    assert "Warning:" not in warned, warned
    assert "Error:" not in warned, warned
