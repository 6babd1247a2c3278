"""A simulated KIS on loopback, for programs that know it only by its address."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import uvicorn

from dari.app.simulators import market_of
from dari.core.clock import KST, RunningClock
from dari.providers.kis.simulator import PAPER, REAL, Key, Simulator, create_app

NOON = datetime(2026, 11, 20, 11, 0, tzinfo=KST)
FAST = 10_000
"""Calls a second: what is under test is the example, not the limit."""


@dataclass(frozen=True)
class Served:
    """Where the simulator listens, and tokens of both its keys."""

    origin: str
    tokens: Mapping[str, str]
    simulator: Simulator

    def environment(self, mode: str) -> dict[str, str]:
        """What an example reads from its environment, for one mode."""
        key = REAL if mode == "real" else PAPER
        paper = "PAPER_" if mode == "paper" else ""
        return {
            "KIS_HOST": f"{self.origin}/{mode}",
            "KIS_STREAM": f"{self.origin.replace('http', 'ws')}/ws/{mode}/tryitout",
            f"KOREA_INVESTMENT_{paper}APP_KEY": key.appkey,
            f"KOREA_INVESTMENT_{paper}APP_SECRET": key.appsecret,
            "KIS_ACCOUNT": key.accounts[0][0],
            "KIS_HTS_ID": "hts_id",
            "KIS_REAL_ORDER": "yes",
            "KIS_TOKEN": self.tokens[mode],
            "KIS_RECORDS": "1",
        }


def accounts(key: Key) -> tuple[tuple[str, str], ...]:
    """The accounts of a key, and a pension account beside them (29)."""
    return (*key.accounts, (key.accounts[0][0], "29"))


def keys() -> list[Key]:
    """The two keys of every simulator, without their limits."""
    return [Key(one.appkey, one.mode, FAST, accounts(one)) for one in (REAL, PAPER)]


@contextmanager
def served() -> Iterator[Served]:
    """Serve a simulator on a free port while the block runs."""
    simulator = create_app(market_of(3), world=RunningClock(NOON, speed=0), keys=keys(), ledger_per_second=FAST)
    simulator.streams.interval = 0.02
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            simulator, log_level="error", access_log=False, date_header=False, ws="websockets-sansio"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        tokens: dict[str, str] = {}
        for one in simulator.keyring.keys.values():
            issued = simulator.keyring.issue(one)
            assert issued is not None
            tokens[one.mode] = issued.text
        try:
            yield Served(f"http://127.0.0.1:{bound.getsockname()[1]}", tokens, simulator)
        finally:
            server.should_exit = True
            thread.join(5)


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the block runs."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run_here(code: str, values: Mapping[str, str]) -> tuple[list[str], str]:
    """Run a Python example in this process: the lines it printed, and why it stopped early ("" if it did not)."""
    printed, stopped = io.StringIO(), ""
    with environment(values), contextlib.redirect_stdout(printed):
        try:
            exec(compile(code, "example.py", "exec"), {"__name__": "__main__"})
        except SystemExit as stop:
            stopped = str(stop.code or "")
    return printed.getvalue().splitlines(), stopped
