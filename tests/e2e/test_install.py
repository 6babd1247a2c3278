"""What `dari install` writes starts the server when each client launches it as that client does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from dari.app.clients import CLIENTS, client
from dari.app.clients.machine import Machine
from tests.e2e.installed import UV, Installed, install, run

SECRET = "k" * 36
KEPT = ("PATH", "LANG", "SYSTEMROOT")
WHEEL_LIMIT = 4_000_000
"""Bytes. 3.64 million when it was set: 1.1 of them a Korean font, 0.8 the pages that show the REST door."""
SIMULATED = "claude-desktop"
"""The client that asks a simulated upstream; the others ask the one server that needs none, which starts faster."""


WRITING = """
import sys
from dari.cli.main import app
for words in sys.argv[1:]:
    try:
        app(words.split())
    except SystemExit as left:
        if left.code:
            raise
"""
"""`dari install` for every client in one process: seven starts of Python would only cost time."""


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of somebody whose home has a space and Korean letters, and who keeps a key in the shell."""
    home = tmp_path_factory.mktemp("사람") / "홍 길동"
    home.mkdir()
    names: tuple[str, ...] = KEPT
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**kept, "HOME": str(home), "DARI_HOME": str(home / "다리 home"), "KIWOOM_APP_KEY": SECRET}


def servers_of(name: str) -> tuple[str, ...]:
    return ("volume-ranking", "kiwoom", "--simulated") if name == SIMULATED else ("kis-code", "kiwoom")


@pytest.fixture(scope="module")
def written(installed: Installed, person: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Client → the servers in its configuration after `dari install`."""
    lines = [f"install {name} {' '.join(servers_of(name))} --json" for name in CLIENTS]
    told = installed.python("-c", WRITING, *lines, env=person)
    found = {}
    for name, line in zip(CLIENTS, told.splitlines(), strict=True):
        file = Path(json.loads(line)["file"])
        assert file.is_relative_to(person["HOME"])
        text = file.read_text("utf-8")
        assert SECRET not in text
        found[name] = json.loads(text)[client(name).section]
    return found


def filled(value: str, environment: dict[str, str]) -> str:
    """A value of an entry as the clients fill it in: ${NAME}, ${NAME:-other}, ${env:NAME}."""
    return re.sub(r"\$\{(?:env:)?(\w+)(?::-([^}]*))?\}", lambda found: environment.get(found[1], found[2] or ""), value)


def launched(entry: dict[str, Any], person: dict[str, str]) -> StdioServerParameters:
    """As a client launches it: its command, its arguments, a small environment of its own, the entry's variables."""
    names: tuple[str, ...] = ("HOME", *KEPT)
    small = {name: person[name] for name in names if name in person}
    told = {name: filled(value, person) for name, value in entry.get("env", {}).items()}
    return StdioServerParameters(
        command=entry["command"], args=entry["args"], env={**small, **told}, cwd=person["HOME"]
    )


async def first_answer(entry: dict[str, Any], person: dict[str, str], tool: str, **words: object) -> dict[str, Any]:
    async with Client(stdio_client(launched(entry, person))) as asking:
        result = await asking.call_tool(tool, dict(words))
    assert not result.is_error
    return dict(result.structured_content or {})


@pytest.mark.parametrize("name", CLIENTS)
async def test_what_is_written_starts_the_server_and_answers(
    written: dict[str, dict[str, Any]], person: dict[str, str], name: str
) -> None:
    if client(name).reference:
        assert filled(written[name]["kiwoom"]["env"]["KIWOOM_APP_KEY"], person) == SECRET
    entry = written[name][servers_of(name)[0]]
    assert "빈 환경 empty" in entry["command"]
    if name == SIMULATED:
        answer = await first_answer(entry, person, "get_volume_ranking", count=1, include_details=False)
        assert (len(answer["ranking"]), answer["simulated"]) == (1, True)
    else:
        answer = await first_answer(entry, person, "find_api", question="국내주식 현재가 시세", limit=1)
        assert "inquire" in json.dumps(answer)


def test_the_same_program_runs_from_the_wheel_by_uvx(installed: Installed, person: dict[str, str]) -> None:
    words = ("--from", str(installed.wheel), "dari", "--version")
    told = {**os.environ, **person}
    try:
        said = run(*UV, "tool", "run", "--offline", *words, env=told)
    except subprocess.CalledProcessError:
        said = run(*UV, "tool", "run", *words, env=told)
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", said)


def test_the_same_program_is_installed_run_and_taken_out_by_pipx(
    installed: Installed, person: dict[str, str], tmp_path: Path
) -> None:
    folders = {"PIPX_HOME": "파이프 pipx", "PIPX_BIN_DIR": "bin", "PIPX_MAN_DIR": "man"}
    told = {**os.environ, **person, **{name: str(tmp_path / place) for name, place in folders.items()}}
    told["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), told["PATH"]))  # where uv is
    told.pop("PYTHONPATH", None)
    pipx = (sys.executable, "-m", "pipx")
    words = (*pipx, "install", "--quiet", "--backend", "uv", str(installed.wheel))
    try:
        run(*words, env={**told, "UV_OFFLINE": "1"})
    except subprocess.CalledProcessError:
        run(*words, env=told)
    dari = tmp_path / "bin" / ("dari.exe" if sys.platform == "win32" else "dari")
    assert run(str(dari), "call", "kis-code", "explain_error", "code=EGW00133", env=told).startswith("EGW00133")
    run(*pipx, "uninstall", "dari", env=told)
    assert not dari.exists()


@pytest.mark.parametrize("words", [("demo", "--once"), ("serve", "all", "--http")])
def test_a_missing_extra_is_named_with_what_brings_it(
    installed: Installed, person: dict[str, str], words: tuple[str, ...]
) -> None:
    done = subprocess.run([str(installed.dari), *words], env=person, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "dari[http]" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_installed_machine_is_known(installed: Installed, person: dict[str, str]) -> None:
    machine = Machine(
        platform=sys.platform, home=Path(person["HOME"]), folder=Path(person["HOME"]), environment=person,
        prefix=installed.environment, executable=installed.scripts / "python",
    )  # fmt: skip
    assert machine.command() == (str(installed.dari), [])


def test_the_wheel_is_small_typed_and_holds_no_tests(installed: Installed) -> None:
    assert installed.wheel.stat().st_size < WHEEL_LIMIT
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = wheel.namelist()
    assert "dari/py.typed" in names
    assert not [name for name in names if not name.startswith(("dari/", "dari-"))]
    assert not [name for name in names if Path(name).name.startswith(("test_", "conftest"))]
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in names}


@pytest.mark.parametrize("words", [("doctor", "cursor"), ("install", "windsurf", "kis-code", "--dry-run")])
def test_a_cp949_console_breaks_nothing(installed: Installed, person: dict[str, str], words: tuple[str, ...]) -> None:
    told = {**person, "PYTHONIOENCODING": "cp949", "PYTHONUTF8": "0"}
    done = subprocess.run([str(installed.dari), *words], env=told, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr
    assert words[1] in done.stdout.decode("cp949").lower()


def test_every_python_that_is_here_runs_it(installed: Installed, person: dict[str, str], tmp_path: Path) -> None:
    told = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    for minor in (12, 13, 14):
        find = [*UV, "python", "find", "--no-project", "--system", f"3.{minor}"]
        found = subprocess.run(find, env=told, capture_output=True, text=True, check=False)
        if found.returncode:
            continue  # not on this machine
        environment = tmp_path / f"python 3.{minor}"
        run(*UV, "venv", "-q", "--python", found.stdout.strip(), str(environment))
        install(environment, str(installed.wheel))
        other = Installed(installed.wheel, environment)
        assert other.python("-m", "dari", "call", "kis-code", "explain_error", "code=EGW00133", env=person)
