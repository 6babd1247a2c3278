"""What an operator may have done through this service: by token, within limits, each act once, every act noted."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from dari.services.monitoring.ports import Page

MAX_RATE: Final = 200
MAX_SECONDS: Final = 600


class Posting(Protocol):
    """The platform's operator pages."""

    async def post(self, path: str, body: Mapping[str, Any]) -> Page:
        """One reply, whatever its status. Raises ProbeFailed when there is none."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One load test: payments a second at `target`, for how long, in which shape, and what follows an authorization.

    `runner`: `k6`, `builtin`, or `auto` (k6 where it is on PATH).
    """

    target: str
    rate: int
    seconds: int
    scenario: str = "authorize-only"
    runner: str = "auto"
    capture: bool = False
    refund: bool = False


@dataclass(slots=True)
class Going:
    """How far a load test is: payments planned and begun, requests answered, those that failed, their p95 in ms."""

    planned: int
    begun: int = 0
    answered: int = 0
    failed: int = 0
    p95_ms: float | None = None
    status: str = "running"
    """running, checking (its books are read), ended, stopped, failed."""
    runner: str = ""
    stop: bool = False
    """Asked to end early."""
    stopping: bool = False
    reason: str = ""
    """Why it failed."""
    ledger: dict[str, Any] | None = None
    """What a reconciliation found after it."""


Run = Callable[["Load", Path, "Going"], Coroutine[Any, Any, None]]


class Journal:
    """Every act by its id: begun before it is sent on, ended with its receipt; on disk where a path is given."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._acts: dict[str, dict[str, Any] | None] = {}
        if path is not None and path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                noted = json.loads(line)
                self._acts[noted["act"]] = noted.get("receipt")

    def begun(self, act: str) -> bool:
        """Whether the act was begun here."""
        return act in self._acts

    def receipt(self, act: str) -> dict[str, Any] | None:
        """How it ended; None while that is not known."""
        return self._acts.get(act)

    def note(self, act: str, receipt: dict[str, Any] | None = None) -> None:
        """Note that it begins, or how it ended."""
        self._acts[act] = receipt
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"v": 1, "act": act, "receipt": receipt}, ensure_ascii=False) + "\n")


@dataclass(kw_only=True)
class Operator:
    """Who does the acts: the platform's pages and the load generator. Without a token nothing is done."""

    token: str = field(repr=False)
    platform: Posting
    runners: Mapping[str, Run]
    """Load generators by name, the preferred one first."""
    targets: tuple[str, ...] = ()
    max_rate: int = MAX_RATE
    max_seconds: int = MAX_SECONDS
    journal: Journal = field(default_factory=Journal)
    going: dict[str, Going] = field(default_factory=dict)
    """Load tests of this process by their act."""

    def runner(self, name: str) -> tuple[str, Run]:
        """The generator of that name, or the preferred one. Raises KeyError."""
        chosen = next(iter(self.runners)) if name == "auto" else name
        return chosen, self.runners[chosen]
