"""Importing Dari does nothing: no file, no socket, no process, and no package that only HTTP or a service needs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dari.app.servers import SERVERS

ROOT = Path(__file__).parents[2]

WATCH = """
import importlib, os, pkgutil, sys
place, package = sys.argv[1], sys.argv[2]
told = []

def hook(event, args):
    written = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    if event == "open" and not written and not str(args[0]).endswith(DATA):
        return
    if event not in ("open", "socket.connect", "socket.bind", "socket.getaddrinfo", "subprocess.Popen", "os.mkdir",
                     "os.remove", "os.system", "shutil.rmtree", "os.putenv"):
        return
    frame = sys._getframe(1)
    while frame and (frame.f_code.co_filename.startswith("<frozen") or frame.f_code.co_filename.startswith(STDLIB)):
        frame = frame.f_back
    if frame and frame.f_code.co_filename.startswith(place) and event != "os.putenv":
        told.append(f"{event} {args[0]!r} from {frame.f_code.co_filename}:{frame.f_lineno}")

DATA = (".json", ".jsonl", ".tsv", ".csv", ".env", ".yaml", ".toml", ".zip")
STDLIB = os.path.dirname(os.__file__)
sys.addaudithook(hook)
top = importlib.import_module(package)
names = [package] + [one.name for one in pkgutil.walk_packages(top.__path__, package + ".")]
for name in names:
    if not name.endswith("__main__"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name.split(".")[0] == package:
                raise
print(len(names))
print("\\n".join(told))
"""


def imported(place: Path, package: str) -> tuple[int, list[str]]:
    command = [sys.executable, "-c", WATCH, str(place), package]
    places = os.environ | {"PYTHONPATH": os.pathsep.join((str(place), os.environ.get("PYTHONPATH", "")))}
    done = subprocess.run(command, cwd=ROOT, env=places, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    count, *told = done.stdout.splitlines()
    return int(count), [line for line in told if line]


def test_importing_every_module_does_nothing() -> None:
    count, told = imported(ROOT / "src", "dari")
    assert count > 50
    assert told == [], "\n".join(told)


@pytest.mark.parametrize(
    "act",
    [
        "open('left-behind', 'w').close()",
        "from pathlib import Path; Path(__file__).with_name('facts.json').read_text()",
        "import socket; socket.socket().bind(('127.0.0.1', 0))",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.mkdir('left-behind')",
    ],
)
def test_a_planted_act_is_seen(tmp_path: Path, act: str) -> None:
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted/__init__.py").write_text("")
    (tmp_path / "planted/facts.json").write_text("{}")
    (tmp_path / "planted/busy.py").write_text(act.replace("'left-behind'", repr(str(tmp_path / "left-behind"))))
    _, told = imported(tmp_path, "planted")
    assert len(told) >= 1
    assert "busy.py" in told[0]


STDIO = """
import asyncio, sys
from dari import __version__
from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.serving.mcp_door import stdio

async def start():
    async with Runtime(settings_of()) as runtime:
        named, dispatch = runtime.server(sys.argv[1])
        await stdio.serve(named.name, dispatch, runtime.caller(), version=__version__, instructions=named.about)

asyncio.run(start())
print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""

HEAVY = {
    "aiomysql", "cashews", "confluent_kafka", "duckdb", "fastapi", "fastmcp", "matplotlib", "pandas", "polars",
    "pyarrow", "sqlalchemy",
}  # fmt: skip


@pytest.mark.parametrize("server", [name for name in SERVERS if not name.startswith("payment")])
def test_a_broker_server_on_stdio_is_light(server: str) -> None:
    places = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-c", STDIO, server]
    done = subprocess.run(
        command, env=places, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = set(done.stderr.splitlines()[-1].split())
    assert "dari" in loaded
    assert loaded & HEAVY == set()
