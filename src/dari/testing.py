"""For people who test a client of their own: KIS, Kiwoom and 나라장터 on loopback, without keys, as pytest fixtures.

Put `pytest_plugins = ["dari.testing"]` into conftest.py (needs `pip install 'dari[simulators]' pytest`), then take
`kis_simulator`, `kiwoom_simulator` or `naramarket_simulator` in a test. Without pytest: `with running("kis") as kis:`.

PYTEST_DONT_REWRITE: it may be imported before pytest loads it as a plugin.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import pytest

from dari.app import demonstration
from dari.app.simulators import simulator
from dari.core.clock import KST
from dari.core.provider import Request, Response
from dari.serving.mcp_door import listening
from dari.upstream.wire import Wire

__all__ = ["NOON", "Simulated", "kis_simulator", "kiwoom_simulator", "naramarket_simulator", "running"]

NOON: Final = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
"""A Friday noon with both markets open: the time the fixtures' world stands at."""

START_SECONDS: Final = 30.0
BAD_REQUEST: Final = 400


@dataclass(frozen=True, slots=True)
class Simulated:
    """A simulator that runs: its address, and the settings (with its keys) that point Dari at it.

    KIS serves real mode under `/real` and paper under `/paper`; Kiwoom `/real` and `/mock`; 나라장터 its services at
    once. `settings` holds the keys by the names of `docs/reference/settings.md`.
    """

    provider: str
    url: str
    settings: Mapping[str, str]
    _ask: Callable[[Request], Response]

    def fail(self, **switches: Any) -> None:
        """Let calls fail: the switches of the simulator's faults, such as `server_error=1` of KIS.

        KIS: counters (`rate=1`, `reset=2`, `token_refusals=1` …); Kiwoom: one planned fault (`kind="reset"`,
        `times=1`); 나라장터: scripts by name (`quota={"calls": 1}`). Raises ValueError for a switch it has not.
        """
        self._switch("POST", switches)

    def heal(self) -> None:
        """Forget every fault."""
        self._switch("DELETE", None)

    def expire_tokens(self) -> None:
        """Let every token of KIS be over; a new one may be asked for at once (KIS issues one a minute otherwise)."""
        if self.provider == "kis":
            self._switch("POST", {}, "expire-tokens")

    def stats(self) -> dict[str, Any]:
        """What the simulator has counted so far."""
        return self._switch("GET", None, "stats")

    def _switch(self, method: str, body: Mapping[str, Any] | None, what: str = "faults") -> dict[str, Any]:
        reply = self._ask(Request(method, f"{self.url}/__sim__/{what}", payload=body))
        if reply.status >= BAD_REQUEST:
            raise ValueError(reply.content.decode("utf-8", "replace"))
        return dict(json.loads(reply.content or b"{}"))


@contextmanager
def running(provider: str, *, seed: int = 1, now: datetime | None = NOON, speed: float = 0.0) -> Iterator[Simulated]:
    """Serve a simulator in a thread of its own while the block runs, so that blocking clients can ask it.

    `now`: the time of its world (None: the present); `speed`: how fast that runs (0: it stands).
    """
    told: dict[str, str] = {}
    ready, stop = threading.Event(), threading.Event()
    failed: list[BaseException] = []
    loops: list[asyncio.AbstractEventLoop] = []

    async def serve() -> None:
        app = simulator(provider, seed=seed, now=now, speed=speed)
        async with listening.serving(app) as address:
            told["address"] = address
            loops.append(asyncio.get_running_loop())
            ready.set()
            await asyncio.to_thread(stop.wait)

    def work() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 -- told by the thread that asked
            failed.append(error)
            ready.set()

    def ask(request: Request) -> Response:
        async def sent() -> Response:
            wire = Wire()
            try:
                return await wire.send(request)
            finally:
                await wire.close()

        return asyncio.run_coroutine_threadsafe(sent(), loops[0]).result(START_SECONDS)

    thread = threading.Thread(target=work, name=f"{provider} simulator", daemon=True)
    thread.start()
    try:
        if not ready.wait(START_SECONDS) or failed:
            raise RuntimeError(f"the {provider} simulator did not start") from (failed[0] if failed else None)
        settings = demonstration.flags({provider: told["address"]})
        del settings["DARI_HOME"]
        yield Simulated(provider, told["address"], MappingProxyType(settings), ask)
    finally:
        stop.set()
        thread.join(START_SECONDS)


def _healed(provider: str) -> Iterator[Simulated]:
    with running(provider) as simulated:
        yield simulated


@pytest.fixture(scope="session")
def _kis() -> Iterator[Simulated]:
    yield from _healed("kis")


@pytest.fixture(scope="session")
def _kiwoom() -> Iterator[Simulated]:
    yield from _healed("kiwoom")


@pytest.fixture(scope="session")
def _naramarket() -> Iterator[Simulated]:
    yield from _healed("naramarket")


@pytest.fixture
def kis_simulator(_kis: Simulated) -> Iterator[Simulated]:
    """KIS 한국투자증권, one for the run, without faults at the start of each test."""
    yield _kis
    _kis.heal()


@pytest.fixture
def kiwoom_simulator(_kiwoom: Simulated) -> Iterator[Simulated]:
    """Kiwoom 키움증권, one for the run, without faults at the start of each test."""
    yield _kiwoom
    _kiwoom.heal()


@pytest.fixture
def naramarket_simulator(_naramarket: Simulated) -> Iterator[Simulated]:
    """data.go.kr's procurement services 나라장터, one for the run, without faults at the start of each test."""
    yield _naramarket
    _naramarket.heal()
