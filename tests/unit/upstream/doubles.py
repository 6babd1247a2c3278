"""An upstream made of plain functions, for tests of the policies around it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType

from dari.core.clock import KST, ManualClock
from dari.core.endpoint import Effect, Endpoint
from dari.core.exchange import Call, Reply

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)


def endpoint(effect: Effect = Effect.READ, *, scope: str = "market", cache: float | None = None) -> Endpoint:
    return Endpoint(
        id="test.price",
        provider="test",
        title="현재가",
        effect=effect,
        scope=scope,  # type: ignore[arg-type]  # the test names all three
        cache_seconds=cache,
        codes=MappingProxyType({"real": "T1"}),
    )


def call(code: str = "005930", row: Endpoint | None = None, *, fresh: bool = False) -> Call:
    return Call(row or endpoint(), {"code": code}, fresh=fresh)


class Scripted:
    """A Sender that answers or raises what it is told, in order; the last one again and again."""

    def __init__(self, clock: ManualClock, *script: Exception | str | Callable[[Call], Reply]) -> None:
        self.clock = clock
        self.script = list(script) or ["ok"]
        self.calls: list[Call] = []
        self.times: list[float] = []

    async def __call__(self, call: Call, /) -> Reply:
        self.calls.append(call)
        self.times.append(self.clock.monotonic())
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, Exception):
            raise said
        if callable(said):
            return said(call)
        return Reply({"said": said}, self.clock.now())
