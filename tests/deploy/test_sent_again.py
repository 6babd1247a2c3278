"""The proxy as it is shipped: a READ that met a dying replica is sent to the next; a COMMIT is sent once."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from dari.cli.bench.shared import Connection
from tests.prove.proofs.replicas import nginx

pytestmark = pytest.mark.needs("nginx")
WELL = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nwell"
TRIES = 6


@asynccontextmanager
async def replica(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A replica that reads a request, then answers or (for b"") hangs up, as one that is killed does."""
    read: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                read.append(await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(2))
                if not answer:
                    break
                writer.write(answer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], read
    finally:
        server.close()


@pytest.mark.parametrize(
    ("path", "name", "again"),
    [
        ("/volume-ranking/mcp", "get_volume_ranking", True),
        ("/mcp", "start_crawl", True),
        ("/kis-trade/mcp", "apply_plan", False),
        ("/kis-trade/mcp", "", False),
        ("/api/v1/kis-trade/apply_plan", "", False),
        ("/api/v1/kis-trade/apply_plan", "get_volume_ranking", False),
    ],
)
async def test_what_is_sent_again(path: str, name: str, again: bool) -> None:  # noqa: FBT001 -- a column of the table above
    with tempfile.TemporaryDirectory() as folder:
        async with (
            replica(b"") as (dying, met),
            replica(WELL) as (alive, answered),
            nginx(Path(folder), [dying, alive], 1000, fails=0) as address,
        ):
            statuses = []
            for _ in range(TRIES):
                connection = await Connection.to(address)
                headers = {"content-type": "application/json", **({"mcp-name": name} if name else {})}
                statuses.append((await connection.request("POST", path, headers, b"{}"))[0])
                connection.close()
    assert met, "the dying one was asked too"
    if again:
        assert statuses == [200] * TRIES
        assert len(answered) == TRIES
    else:
        assert statuses.count(502) == len(met)
        assert len(met) + len(answered) == TRIES, "each was sent once"
