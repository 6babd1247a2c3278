"""What the measurements share: child processes with an address, a plain HTTP client, a report."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from dari.core.errors import Unreachable

START_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A figure, the floor it is compared with, their ratio and the limit it is held against.

    `rising`: more of it is better (a rate, a share), so that a fall is the regression.
    """

    name: str
    figure: float
    unit: str
    floor: float
    ratio: float
    limit: float
    within: bool
    more: dict[str, Any] = field(default_factory=dict)
    rising: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The report as an object."""
        return asdict(self)


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return statistics.quantiles(values, n=20)[-1]


@asynccontextmanager
async def child(*arguments: str, **environment: str) -> AsyncIterator[str]:
    """A Python process of ours that prints its address on its first line; stopped at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, stdout=asyncio.subprocess.PIPE, env={**os.environ, **environment}
    )
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), START_SECONDS)
        if not line:
            raise Unreachable(f"{arguments[0]} ended before it served")
        yield line.decode().strip()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


class Connection:
    """One kept-alive HTTP/1.1 connection that posts JSON: as little client as there can be beside the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host

    @classmethod
    async def to(cls, address: str) -> Connection:
        """Connect to `http://host:port`."""
        parts = urlsplit(address)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        return cls(reader, writer, parts.netloc)

    async def request(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, bytes]:
        """One request and its whole reply: (status, body)."""
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        )
        return status, await self._reader.readexactly(length)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def used(address: str) -> float:
    """Seconds of CPU that a measured process has used, which it tells at /cpu."""
    line = await Connection.to(address)
    _, reply = await line.request("GET", "/cpu", {})
    line.close()
    return float(reply)


def tool_call(tool: str, arguments: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    """Headers and body of a tools/call of 2026-07-28."""
    version = "2026-07-28"
    meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": version,
        "mcp-method": "tools/call",
        "mcp-name": tool,
    }
    return headers, body
