"""What is wrong where an MCP client meets Dari: its configuration, the program it names, its start, its log."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from dari.app.checkup.findings import Check, faulty
from dari.app.clients import Client
from dari.app.clients.entries import is_ours, served
from dari.app.clients.machine import Machine
from dari.app.servers import ALIASES, SERVERS
from dari.settings import EXAMPLE, SETTINGS

REFERENCE: Final = re.compile(r"\$\{(?:env:)?([A-Za-z_]\w*)(:-[^}]*)?\}|\$([A-Za-z_]\w*)")
PROMPTED: Final = re.compile(r"\$\{input:[^}]+\}")
ERROR: Final = re.compile(
    r"\b(ENOENT|error|Error|Traceback|failed|timed out|not valid JSON|disconnected)\b|\[[a-z_]+\] "
)
FINE: Final = re.compile(r"connected successfully|Discovered \d+ tools|\"result\"")
TAIL: Final = 200
"""Lines of a log that are looked at."""

Start = Callable[[str, Sequence[str], Mapping[str, str]], Awaitable[int]]
"""Launch a server as a client does, and count its tools. Raises RuntimeError with the last word on its stderr."""


async def client_checks(
    client: Client, machine: Machine, start: Start, file: Path | None = None
) -> AsyncIterator[Check]:
    """Everything of one client; each entry of ours is started as the client would."""
    file = file or client.where(machine)
    subject = client.name
    told: dict[str, Any] = {"client": client.name, "server": "volume-ranking", "file": file}
    if not file.is_file():
        yield faulty("client_no_file", subject=subject, what="file", found=f"no {file}", expected=str(file), **told)
        return
    try:
        document = json.loads(file.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError:
        yield faulty("file_cp949", subject=subject, what="file", found=f"{file}: CP949 (ANSI)", expected="UTF-8")
        return
    except json.JSONDecodeError as error:
        found = f"line {error.lineno}, column {error.colno}: {error.msg}"
        yield faulty(
            "client_syntax", subject=subject, what="file", found=found, expected="JSON", line=error.lineno, **told
        )
        return
    section = document.get(client.section) if isinstance(document, dict) else None
    ours = {name: one for name, one in (section or {}).items() if is_ours(one)} if isinstance(section, dict) else {}
    yield Check(subject=subject, what="file", state="ok", found=str(file))
    if not ours:
        yield faulty(
            "client_no_entry", subject=subject, what=client.section, found="no server of Dari",
            expected="at least one", **told,
        )  # fmt: skip
    for name, one in ours.items():
        wrong = list(entry_checks(client, machine, name, one))
        for check in wrong:
            yield check
        if not any(check.state == "wrong" for check in wrong):
            yield await _started(client, machine, name, one, start)
        for check in log_checks(client, machine, name):
            yield check


def entry_checks(client: Client, machine: Machine, name: str, entry: Mapping[str, Any]) -> Iterator[Check]:
    """One entry as it is written."""
    subject, program = f"{client.name} {name}", str(entry.get("command", ""))
    again: dict[str, Any] = {"client": client.name, "server": served(entry) or name}
    if shutil.which(program, path=machine.environment.get("PATH")) is None:
        yield faulty("client_no_program", subject=subject, what="command", found=program, expected="a program", **again)
    if served(entry) not in {*SERVERS, *ALIASES}:
        yield faulty(
            "client_unknown_server", subject=subject, what="args", found=served(entry) or "no server",
            expected="a server of dari", **again,
        )  # fmt: skip
    secret = {row.name for row in SETTINGS if row.secret}
    for variable, value in (entry.get("env") or {}).items():
        text = str(value)
        referred = REFERENCE.fullmatch(text)
        if variable in secret and text and not referred and not PROMPTED.fullmatch(text):
            fault = "example_value" if EXAMPLE.fullmatch(text) else "client_secret_written"
            yield faulty(
                fault, subject=subject, what=variable, found="a value", expected="a reference, or nothing",
                state="warning", name=variable,
            )  # fmt: skip
        elif referred and not machine.environment.get(referred[1] or referred[3]):
            yield faulty(
                "client_reference_empty", subject=subject, what=variable, found=f"{text}: not set here",
                expected="set where the client starts", state="warning", name=referred[1] or referred[3],
            )  # fmt: skip


async def _started(client: Client, machine: Machine, name: str, entry: Mapping[str, Any], start: Start) -> Check:
    subject = f"{client.name} {name}"
    program, words = str(entry["command"]), [str(one) for one in entry.get("args") or ()]
    environment = {
        variable: REFERENCE.sub(lambda found: machine.environment.get(found[1] or found[3], ""), str(value))
        for variable, value in (entry.get("env") or {}).items()
        if not PROMPTED.fullmatch(str(value))
    }
    try:
        count = await start(program, words, environment)
    except RuntimeError as error:
        return faulty(
            "client_start_failed", subject=subject, what="start", found=str(error)[:200], expected="tools",
            said=" ".join((program, *words)),
        )  # fmt: skip
    return Check(subject=subject, what="start", state="ok", found=f"{count} tools")


def log_checks(client: Client, machine: Machine, name: str) -> Iterator[Check]:
    """The last error in the client's newest log of a server, unless it went well after."""
    if client.logs is None:
        return
    folder, pattern = client.logs(machine)
    files = [one for one in folder.glob(pattern.replace("NAME", name)) if one.is_file()] if folder.is_dir() else []
    if not files:
        return
    newest = max(files, key=lambda one: one.stat().st_mtime)
    lines = newest.read_text("utf-8", errors="replace").splitlines()[-TAIL:]
    bad = max((number for number, line in enumerate(lines) if ERROR.search(line)), default=-1)
    good = max((number for number, line in enumerate(lines) if FINE.search(line)), default=-1)
    subject = f"{client.name} {name}"
    if bad > good:
        said = _masked(lines[bad].strip(), machine)[:200]
        yield faulty("client_logged_error", subject=subject, what="log", found=said, state="warning", file=newest)
    else:
        yield Check(subject=subject, what="log", state="ok", found=str(newest))


def _masked(line: str, machine: Machine) -> str:
    """A log's line without what could be a key: a run of 24 signs that is no path and no word."""
    home = str(machine.home)
    return re.sub(
        r"[A-Za-z0-9+/=_%-]{24,}", lambda found: found[0] if found[0] in home or "/" in found[0] else "…", line
    )
