"""The processes that benches measure, each in a thread of this one: the same roles, and no Python started for each."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import pytest

from dari.cli.bench import children
from dari.serving.mcp_door import listening

MOMENT: Final = 0.02
_here = threading.local()


async def _serve(app: Any, host: str, port: int, *, told: Callable[[str], object]) -> None:
    """As `listening.serve`, and gives its socket back when it is cancelled: a thread hears no signal."""
    async with listening.serving(app, host, port) as address:
        told(address)
        await asyncio.Event().wait()


class Role:
    """One role, played by `children.main` as in a process of its own; `line` is what it says first."""

    def __init__(self, *words: str) -> None:
        self.line = ""
        self._words = words
        self._said = threading.Event()
        self._stop: Callable[[], object] | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._play, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _play(self) -> None:
        _here.role = self
        try:
            with suppress(asyncio.CancelledError):
                children.main(*self._words)
        except BaseException as error:  # noqa: BLE001 -- whatever it is, the test that started it is told
            self._error = error
        self._said.set()

    def say(self, text: str) -> None:
        """What stdout would have been told."""
        self.line = text
        with suppress(RuntimeError):  # a role without a loop ends by itself
            loop, task = asyncio.get_running_loop(), asyncio.current_task()
            if task is not None:
                self._stop = lambda: loop.call_soon_threadsafe(lambda: loop.call_later(MOMENT, task.cancel))
        self._said.set()

    async def first(self) -> str:
        """Its first line. Raises what it died of."""
        await asyncio.to_thread(self._said.wait, 30.0)
        if self._error is not None:
            raise self._error
        return self.line

    async def end(self) -> None:
        """Stop it, as SIGTERM would, a moment after whoever asked it has hung up, and wait for its end."""
        await asyncio.sleep(MOMENT)
        with suppress(RuntimeError):  # its loop is closed already: it has ended by itself
            if self._stop is not None:
                self._stop()
        await self.ended()

    async def ended(self) -> None:
        """Wait for its end."""
        await asyncio.to_thread(self._thread.join, 30.0)
        assert not self._thread.is_alive()


def _say(text: str) -> None:
    _here.role.say(text)


@contextmanager
def environment(more: dict[str, str]) -> Iterator[None]:
    """These settings while a role starts, which is when it reads them."""
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@asynccontextmanager
async def child(module: str, *words: str, **more: str) -> AsyncIterator[str]:
    """Stands for `shared.child`."""
    assert module == "dari.cli.bench.children"
    role = Role(*words)
    with environment(more):
        role.start()
        line = await role.first()
    try:
        yield line
    finally:
        await role.end()


def played_here(patch: pytest.MonkeyPatch, *benches: Any) -> None:
    """Let these benches play their roles in this process."""
    patch.setattr(children, "say", _say)
    patch.setattr(listening, "serve", _serve)
    for bench in benches:
        patch.setattr(bench, "child", child)
