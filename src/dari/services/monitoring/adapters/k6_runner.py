"""Load by k6, where it is on PATH: our scripts, its own pages for progress and stop, its summary as it writes it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from importlib import resources
from pathlib import Path
from typing import Any, Final

import httpx2

from dari.services.monitoring.operating import Going, Load

LOOK: Final = 1.0
ENDING: Final = 45.0
"""Seconds k6 may take to end after its time: its own graceful stop is thirty."""
SCRIPTS: Final = resources.files("dari.services.monitoring").joinpath("adapters/k6_scripts")
STOP: Final = {"data": {"type": "status", "id": "default", "attributes": {"stopped": True}}}
KEPT: Final = ("PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR")


def program() -> str | None:
    """The k6 of this machine, or None."""
    return shutil.which("k6")


def arguments(load: Load, folder: Path, file: Path, port: int) -> list[str]:
    """k6's command line after its name."""
    told = {
        "TARGET": load.target,
        "RATE": load.rate,
        "SECONDS": load.seconds,
        "CAPTURE": int(load.capture),
        "REFUND": int(load.refund),
        "SUMMARY": file,
        "RUN": file.stem,
    }
    flags = ["--quiet", "--no-color", "--no-usage-report", "--address", f"127.0.0.1:{port}"]
    pairs = [word for name, value in told.items() for word in ("-e", f"{name}={value}")]
    return ["run", *flags, *pairs, str(folder / f"{load.scenario}.js")]


async def run_k6(path: str, load: Load, file: Path, going: Going) -> None:
    """Run to the end, or until `going.stop` is set; `file` is then k6's summary. Raises RuntimeError without one."""
    await asyncio.to_thread(file.parent.mkdir, parents=True, exist_ok=True)
    port = _free()
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    with resources.as_file(SCRIPTS) as folder:
        words = arguments(load, folder, file, port)
        process = await asyncio.create_subprocess_exec(path, *words, stdout=DEVNULL, stderr=PIPE, env=environment)
        try:
            said = await _watched(process, load, going, f"http://127.0.0.1:{port}/v1")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    if not await asyncio.to_thread(file.is_file):
        raise RuntimeError(f"k6 ended with {process.returncode} and wrote no summary: {said[-300:]}")


async def _watched(process: Process, load: Load, going: Going, pages: str) -> str:
    """Tell how far it is each second, stop it when that is asked or its time is long over; what it said at last."""
    assert process.stderr is not None
    told, ended = bytearray(), asyncio.create_task(process.wait())
    listening = asyncio.create_task(_hear(process.stderr, told))
    loop = asyncio.get_running_loop()
    last = loop.time() + load.seconds + ENDING
    async with httpx2.AsyncClient(timeout=2.0) as client:
        while not ended.done() and loop.time() < last:
            if going.stop and not going.stopping:
                going.stopping = True
                last = loop.time() + ENDING
                await _stop(client, pages)
            await asyncio.wait({ended}, timeout=LOOK)
            with suppress(httpx2.HTTPError, ValueError, KeyError):
                progress(going, (await client.get(f"{pages}/metrics")).json())
    if not ended.done():
        process.kill()
    await ended
    await listening
    return bytes(told).decode(errors="replace")


async def _hear(stream: asyncio.StreamReader, into: bytearray) -> None:
    """The last of what it says: a failing target is said line by line."""
    while line := await stream.read(4096):
        into += line
        del into[:-4096]


async def _stop(client: httpx2.AsyncClient, pages: str) -> None:
    with suppress(httpx2.HTTPError):
        await client.patch(f"{pages}/status", json=STOP)


def progress(going: Going, said: dict[str, Any]) -> None:
    """Read k6's /v1/metrics: payments begun, requests answered, those that failed, their p95."""
    found = {one["id"]: one["attributes"]["sample"] for one in said["data"]}
    going.begun = max(going.begun, int(found.get("iterations", {}).get("count", 0)))
    going.answered = int(found.get("http_reqs", {}).get("count", 0))
    going.failed = round(going.answered * float(found.get("http_req_failed", {}).get("rate", 0.0)))
    p95 = found.get("http_req_duration", {}).get("p(95)")
    going.p95_ms = None if p95 is None else round(float(p95), 3)


def _free() -> int:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


def finished(going: Going, file: Path) -> None:
    """The last figures, from the summary."""
    metrics = json.loads(file.read_text(encoding="utf-8"))["metrics"]
    figures = {name: metrics.get(name, {}).get("values", {}) for name in ("iterations", "http_reqs", "http_req_failed")}
    going.begun = int(figures["iterations"].get("count", going.begun))
    going.answered = int(figures["http_reqs"].get("count", going.answered))
    going.failed = int(figures["http_req_failed"].get("passes", going.failed))
