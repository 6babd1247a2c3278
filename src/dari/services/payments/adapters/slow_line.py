"""A line between a client and a server that can be made slow or silent: loopback TCP, byte for byte."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

HOST: Final = "127.0.0.1"
CHUNK: Final = 65_536


class SlowLine:
    """Listens on `port` and passes everything on to `target`; answers come `delay` seconds late, or never (`cut`)."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.delay = 0.0
        self.cut = False
        self._target = target
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def close(self) -> None:
        """Stop, with every connection that is open."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        for writer in list(self._open):
            writer.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            there, back = await asyncio.open_connection(HOST, self._target)
        except OSError:
            self._end(writer)
            return
        self._open.add(back)
        ways = [asyncio.create_task(self._asked(reader, back)), asyncio.create_task(self._answered(there, writer))]
        self._tasks.update(ways)
        for way in ways:
            way.add_done_callback(self._tasks.discard)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        self._end(writer)
        self._end(back)
        for way in ways:
            way.cancel()

    def _end(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        writer.close()

    async def _asked(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if not self.cut:
                    writer.write(data)
                    await writer.drain()

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Each piece waits its own time, so that a slow line is late, not narrow."""
        loop, waiting = asyncio.get_running_loop(), asyncio.Queue[tuple[float, bytes]]()

        async def deliver() -> None:
            with suppress(OSError):
                while True:
                    due, data = await waiting.get()
                    if (left := due - loop.time()) > 0:
                        await asyncio.sleep(left)
                    writer.write(data)
                    await writer.drain()

        delivering = asyncio.create_task(deliver())
        try:
            with suppress(OSError):
                while data := await reader.read(CHUNK):
                    if not self.cut:
                        waiting.put_nowait((loop.time() + self.delay, data))
        finally:
            delivering.cancel()
