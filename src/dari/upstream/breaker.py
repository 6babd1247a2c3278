"""Stop asking an upstream that keeps failing, and try again carefully: one circuit a lane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dari.core.clock import Clock
from dari.core.errors import CircuitOpen, Hint, Malformed, Unreachable, UpstreamError
from dari.core.events import Events
from dari.core.exchange import Call, Reply, Sender


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """`failures` in a row open the circuit for `rest_seconds`; then one call at a time tries whether it is over."""

    failures: int = 5
    rest_seconds: float = 15.0


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    opened_at: float | None = None
    trying: bool = False


class Breaker:
    """A Sender that refuses with CircuitOpen while a lane rests.

    Only failures that say something of the upstream's health count: it could not be reached, or spoke nonsense.
    A refusal (wrong code, spent quota, too fast) is a healthy upstream saying no.
    """

    def __init__(
        self,
        inner: Sender,
        lane: Callable[[Call], str],
        clock: Clock,
        events: Events,
        rules: BreakerRules | None = None,
    ) -> None:
        self._inner = inner
        self._lane = lane
        self._clock = clock
        self._events = events
        self._rules = rules or BreakerRules()
        self._circuits: dict[str, _Circuit] = {}

    def state(self, lane: str) -> str:
        """One of "closed", "open", "half-open"."""
        circuit = self._circuits.get(lane)
        if circuit is None or circuit.opened_at is None:
            return "closed"
        return "open" if self._rest_left(circuit) > 0 else "half-open"

    def lanes(self) -> dict[str, str]:
        """The state of every lane that has been used."""
        return {lane: self.state(lane) for lane in self._circuits}

    def _rest_left(self, circuit: _Circuit) -> float:
        opened = circuit.opened_at if circuit.opened_at is not None else self._clock.monotonic()
        return opened + self._rules.rest_seconds - self._clock.monotonic()

    async def __call__(self, call: Call, /) -> Reply:
        lane = self._lane(call)
        circuit = self._circuits.setdefault(lane, _Circuit())
        if circuit.opened_at is not None:
            left = self._rest_left(circuit)
            if left > 0 or circuit.trying:
                raise CircuitOpen(
                    f"{call.endpoint.provider} failed {circuit.failures} times in a row; not asking for now",
                    retry_after=max(left, 1.0),
                    hint=Hint("잠시 후 다시 시도하세요.", "Try again after the stated time."),
                )
            circuit.trying = True
        try:
            reply = await self._inner(call)
        except (Unreachable, Malformed):
            self._failed(lane, circuit)
            raise
        except UpstreamError:
            self._answered(lane, circuit)
            raise
        finally:
            circuit.trying = False
        self._answered(lane, circuit)
        return reply

    def _failed(self, lane: str, circuit: _Circuit) -> None:
        circuit.failures += 1
        if circuit.opened_at is not None or circuit.failures >= self._rules.failures:
            circuit.opened_at = self._clock.monotonic()
            self._events.tell("breaker.opened", lane=lane, failures=circuit.failures)

    def _answered(self, lane: str, circuit: _Circuit) -> None:
        if circuit.opened_at is not None:
            self._events.tell("breaker.closed", lane=lane)
        circuit.failures = 0
        circuit.opened_at = None
