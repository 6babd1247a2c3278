"""A line that can be made late or silent, between a client and a server of loopback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dari.services.payments.adapters.slow_line import HOST, SlowLine
from tests.unit.services_payments.private_parts import free_port


@asynccontextmanager
async def shouting() -> AsyncIterator[int]:
    """A server that gives back each line in capitals; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line.upper())
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@asynccontextmanager
async def asking(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, port)
    yield reader, writer
    writer.close()
    await asyncio.gather(writer.wait_closed(), return_exceptions=True)


@pytest.fixture
async def line() -> AsyncIterator[SlowLine]:
    async with shouting() as target:
        made = SlowLine(free_port(), target)
        await made.start()
        yield made
        await made.close()


async def test_what_goes_in_comes_out_as_it_was(line: SlowLine) -> None:
    async with asking(line.port) as (reader, writer):
        for word in (b"one\n", b"x" * 50_000 + b"\n"):
            writer.write(word)
            assert await reader.readline() == word.upper()


async def test_a_late_line_is_late_and_not_narrow(line: SlowLine) -> None:
    """Each answer waits its own time: ten in a row come together, not one after the other."""
    async with asking(line.port) as (reader, writer):
        line.delay = 0.3
        begun = time.monotonic()
        for number in range(10):
            writer.write(f"a{number}\n".encode())
            await asyncio.sleep(0.01)
        assert [await reader.readline() for _ in range(10)] == [f"A{number}\n".encode() for number in range(10)]
        assert 0.3 <= time.monotonic() - begun < 2.0
        line.delay = 0.0
        writer.write(b"quick\n")
        assert await asyncio.wait_for(reader.readline(), 5.0) == b"QUICK\n"


async def test_a_cut_line_says_nothing_and_stays_open(line: SlowLine) -> None:
    async with asking(line.port) as (reader, writer):
        line.cut = True
        writer.write(b"lost\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readline(), 0.1)
        line.cut = False
        writer.write(b"heard\n")
        assert await asyncio.wait_for(reader.readline(), 5.0) == b"HEARD\n", "what was lost does not come later"


async def test_who_hangs_up_is_hung_up_on(line: SlowLine) -> None:
    async with asking(line.port) as (reader, writer):
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 5.0) == b""


async def test_a_line_to_nobody_ends_at_once() -> None:
    line = SlowLine(free_port(), free_port())
    await line.close()  # was never opened
    await line.start()
    async with asking(line.port) as (reader, _):
        assert await asyncio.wait_for(reader.read(), 5.0) == b""
    await line.close()


async def test_a_closed_line_leaves_nobody_waiting(line: SlowLine) -> None:
    async with asking(line.port) as (reader, writer):
        line.delay = 30.0
        writer.write(b"late\n")
        await asyncio.sleep(0.05)
        await line.close()
        assert await asyncio.wait_for(reader.read(), 5.0) == b""
    with pytest.raises(OSError, match="Connect call failed"):
        await asyncio.open_connection(HOST, line.port)
