"""Trouble on demand: what a test asks the simulator to do wrong, and how often."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

Trouble = Literal["server_error", "html_502", "hang", "reset", "rate", "ledger_rate"]

_COUNTED: Final[tuple[Trouble, ...]] = ("html_502", "hang", "reset", "rate", "ledger_rate", "server_error")


@dataclass(slots=True)
class Faults:
    """The switches. Counts run down by one with each victim; -1 never runs down.

    `fail_percent`: that share of reads gets HTTP 500 EGW00001 (drawn from `chance`, so a run can be repeated).
    `html_502`, `hang`, `reset`, `rate`, `ledger_rate`, `server_error`: the next so many calls get an HTML page,
    no answer for `hang_seconds`, a connection closed in the middle of the body, EGW00201, EGW00215, EGW00001.
    `token_refusals`: the next so many token requests get 403 EGW00133. `clock_offset`: seconds the simulator's own
    clock is ahead, seen in the Date header and in token expiries. `only`: part of the path of the calls concerned.
    Orders alone: `order_drop_after` (executed, then the connection drops), `order_delay_after` (executed, answered
    `hang_seconds` later), `order_error_before` (HTTP 500, nothing done), `order_error_after` (HTTP 500, done).
    Streams alone: `stream_drop` (that many frames close the connection instead of going out) and
    `stream_extra_columns` (so many unknown columns end every record).
    """

    fail_percent: float = 0.0
    html_502: int = 0
    hang: int = 0
    reset: int = 0
    rate: int = 0
    ledger_rate: int = 0
    server_error: int = 0
    token_refusals: int = 0
    hang_seconds: float = 3600.0
    clock_offset: float = 0.0
    only: str = ""
    order_drop_after: int = 0
    order_delay_after: int = 0
    order_error_before: int = 0
    order_error_after: int = 0
    stream_drop: int = 0
    stream_extra_columns: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(0), repr=False)

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Turn switches; `seed` restarts the chance. Raises ValueError for a switch that does not exist."""
        known = {one.name: one for one in fields(self) if one.name != "chance"}
        for name, value in wanted.items():
            if name == "seed":
                self.chance = random.Random(value)
            elif name not in known:
                raise ValueError(f"no such fault: {name}; there are: seed, {', '.join(known)}")
            else:
                kind = type(getattr(self, name))
                setattr(self, name, kind(value))

    def clear(self) -> None:
        """Everything works again."""
        self.set({one.name: one.default for one in fields(self) if one.name != "chance"})

    def told(self) -> dict[str, Any]:
        """The switches as they stand."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "chance"}

    def spend(self, name: str) -> bool:
        """Whether a counted fault strikes now; runs its count down."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0

    def strike(self, path: str, *, read: bool) -> Trouble | None:
        """The trouble that befalls a call to `path`, if any."""
        if self.only not in path:
            return None
        for name in _COUNTED:
            if self.spend(name):
                return name
        if read and self.fail_percent and self.chance.random() * 100 < self.fail_percent:
            return "server_error"
        return None
