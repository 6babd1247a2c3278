"""Whatever is sent to the MCP doors: they answer or drop it, go on, and hold no more memory than before."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from dari.cli.bench.shared import Connection, tool_call
from dari.serving.resident import resident_bytes
from tests.prove.proof import Outcome, Proof
from tests.prove.proofs.order_kills import free_port
from tests.prove.proofs.replicas import reached

PATIENCE: Final = 30.0
"""Seconds after which a door that does not answer hangs (on a busy machine)."""
EVERY: Final = 50
"""Messages between two signs of life."""
GROWTH_BYTES: Final = 24 * 1024 * 1024
"""What the memory may grow by after the first fifth: caches and pools fill up."""
SERVER: Final = "kis-code"
TOOL: Final = "find_api"

METHODS: Final = (
    "tools/list", "tools/call", "initialize", "ping", "server/discover", "resources/list", "resources/read",
    "prompts/list", "prompts/get", "completion/complete", "logging/setLevel", "notifications/initialized",
    "notifications/cancelled", "subscriptions/listen", "tasks/get", "", "tools/call\x00", "rpc.internal",
)  # fmt: skip
ODD: Final[tuple[Any, ...]] = (
    "\u202e",
    None, True, False, 0, -1, 2**63, 2**200, 1e308, -0.0, "", "\x00", "a" * 5000, "\ud7ff", "../../etc/passwd",
    "${jndi:ldap://x}", "'; DROP TABLE x; --", "<script>", [], {}, [[]], {"": ""}, {"__proto__": 1}, "\r\nX-A: b",
)  # fmt: skip


def value(dice: random.Random, depth: int = 0) -> Any:
    """Some JSON."""
    turn = dice.random()
    if depth > 4 or turn < 0.6:
        return dice.choice(ODD)
    if turn < 0.8:
        return [value(dice, depth + 1) for _ in range(dice.randint(0, 4))]
    return {str(dice.choice(ODD))[:40]: value(dice, depth + 1) for _ in range(dice.randint(0, 4))}


def message(dice: random.Random) -> bytes:
    """One message: mostly a request with something wrong, sometimes no JSON at all, sometimes a right one."""
    turn = dice.random()
    if turn < 0.05:
        return bytes(dice.randrange(256) for _ in range(dice.randint(1, 200))).replace(b"\n", b" ")
    if turn < 0.08:
        return b'{"a":' * dice.choice((50, 900, 5000))
    _, right = tool_call(TOOL, {"question": "삼성전자 현재가"})
    told: dict[str, Any] = json.loads(right)
    told["id"] = dice.randint(0, 10**6)
    if turn < 0.15:
        return json.dumps(told).encode()
    if turn < 0.3:
        told["params"]["arguments"] = {dice.choice(("question", "limit", "x")): value(dice)}
    elif turn < 0.7:
        place = dice.choice(("jsonrpc", "id", "method", "params", "extra"))
        told[place] = dice.choice(METHODS) if place == "method" else value(dice)
    elif turn < 0.85:
        inner = told["params"]
        inner[dice.choice(("name", "arguments", "_meta", "cursor", "uri"))] = value(dice)
    else:
        told = {"jsonrpc": "2.0", "method": dice.choice(METHODS), "params": value(dice), "id": value(dice)}
        if dice.random() < 0.2:
            told.pop("id")
    spelled = json.dumps(told, ensure_ascii=dice.random() < 0.5).encode(errors="surrogatepass")
    if dice.random() < 0.1:
        at = dice.randrange(len(spelled))
        spelled = spelled[:at] + bytes([dice.randrange(32, 256)]) + spelled[at + 1 :]
    return spelled[: dice.randrange(1, len(spelled))] if dice.random() < 0.05 else spelled


class Findings:
    """What went wrong, and how the memory went."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.ends: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.early = 0

    def resident(self) -> int:
        return resident_bytes(Path(f"/proc/{self.process.pid}/status")) or 0

    def settle(self) -> None:
        """Judge the memory, while the process is alive."""
        grown = max(0, self.resident() - self.early)
        self.ends["grown_bytes"] = grown
        if grown > GROWTH_BYTES:
            self.wrong.append(f"the memory grew by {grown:,} bytes")


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "DARI_HOME": str(folder / "home"), "DARI_DOTENV": str(folder / "no.env")}


GONE: Final = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, StopIteration, TimeoutError)
"""How a connection ends before a whole reply has come; a stream without a length among them."""


async def _asked(connection: Connection, dice: random.Random, number: int, found: Findings) -> None:
    """Send one message with headers that are sometimes wrong, and judge the reply. Raises one of GONE."""
    headers, _ = tool_call(TOOL, {})
    if dice.random() < 0.3:
        name = dice.choice(list(headers))
        headers[name] = dice.choice(("", "x" * 3000, "2025-11-25", "tools/list", "text/html", "*/*"))
    asked = connection.request("POST", "/mcp", headers, message(dice))
    status, told = await asyncio.wait_for(asked, PATIENCE)
    found.ends[str(status)] += 1
    if status >= 500 or b'"internal"' in told:
        found.wrong.append(f"message {number}: {status} {told[:200]!r}")


async def over_http(count: int, seed: int, folder: Path) -> Findings:
    """Every message gets a reply below 500; so do headers that are wrong."""
    dice, port = random.Random(seed), free_port()
    with (folder / "http.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dari", "serve", SERVER, "--http", "--port", str(port),
            env=environment(folder), stderr=log,
        )  # fmt: skip
    found, connection = Findings(process), None
    try:
        await reached(port)
        for number in range(count):
            if number == count // 5:
                found.early = found.resident()
            try:
                connection = connection or await Connection.to(f"http://127.0.0.1:{port}")
                await _asked(connection, dice, number, found)
            except GONE as error:
                found.ends[type(error).__name__] += 1
                if isinstance(error, TimeoutError) or process.returncode is not None:
                    found.wrong.append(f"message {number}: {type(error).__name__}, exit {process.returncode}")
                    break
                if connection is not None:
                    connection.close()
                connection = None
        found.settle()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
    return found


async def over_stdio(count: int, seed: int, folder: Path) -> Findings:
    """After every few messages a right question is answered."""
    dice = random.Random(seed)
    with (folder / "stdio.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dari", "serve", SERVER, env=environment(folder), limit=64 * 1024 * 1024,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
    found = Findings(process)
    stdout = process.stdout
    assert process.stdin is not None
    assert stdout is not None
    try:
        for number in range(count):
            process.stdin.write(message(dice).replace(b"\n", b" ") + b"\n")
            if number % EVERY == 0 or number == count - 1:
                _, right = tool_call(TOOL, {"question": "현재가"})
                alive = f"alive-{number}"
                process.stdin.write(json.dumps({**json.loads(right), "id": alive}).encode() + b"\n")
                await process.stdin.drain()
                try:
                    await asyncio.wait_for(_until(stdout, alive, found), PATIENCE)
                except (TimeoutError, EOFError) as error:
                    found.wrong.append(f"no sign of life after message {number}: {type(error).__name__}")
                    break
            if number == count // 5:
                found.early = found.resident()
        found.settle()
    finally:
        process.stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), PATIENCE)
        if process.returncode is None:
            process.kill()
            found.wrong.append("the process did not end when its input did")
            await process.wait()
    return found


async def _until(stdout: asyncio.StreamReader, key: str, found: Findings) -> None:
    while True:
        line = await stdout.readline()
        if not line:
            raise EOFError
        told = json.loads(line)
        if '"internal"' in str(told.get("result", {}).get("structuredContent", {}).get("code", "")):
            found.wrong.append(str(told)[:200])
        found.ends["error" if "error" in told else "answer"] += 1
        if told.get("id") == key:
            if "result" not in told or told["result"].get("isError"):
                found.wrong.append(f"{key}: {str(told)[:200]}")
            return


async def fuzz(count: int, seed: int) -> Outcome:
    """Half of the messages over stdio, half over HTTP."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        http = await over_http(count // 2, seed, folder)
        stdio = await over_stdio(count // 2, seed + 1, folder)
        logged = "".join((folder / f"{door}.log").read_text(errors="replace") for door in ("http", "stdio"))
    wrong = [*http.wrong, *stdio.wrong]
    internal = logged.count("internal error")
    return Outcome(
        holds=not wrong and not internal,
        figures={
            "messages": count,
            "crashes_hangs_or_faults": len(wrong) + internal,
            "http": ", ".join(f"{end} {number:,}" for end, number in sorted(http.ends.items())),
            "stdio": ", ".join(f"{end} {number:,}" for end, number in sorted(stdio.ends.items())),
        },
        seed=str(seed),
        load=f"{SERVER}, half over stdio, half over HTTP; a sign of life every {EVERY} on stdio",
        why="; ".join(wrong[:4]) + (f"; {internal} internal errors logged" if internal else ""),
    )


PROOF = Proof(
    name="fuzzed-messages",
    title="20,000 fuzzed MCP messages on stdio and HTTP: no crash, no hang, flat memory.",
    rooms=("src/dari/serving/mcp_door", "src/dari/serving/dispatch.py"),
    short=lambda: fuzz(600, seed=1),
    long=lambda: fuzz(20_000, seed=7),
)
