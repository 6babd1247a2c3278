"""What a job is, how it stands, and what is told of it on the way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Protocol

from dari.core.errors import DariError

ENDED: Final = frozenset({"done", "failed", "cancelled"})
"""States nothing follows, until the job is started again."""

MOST_EVENTS: Final = 2_000
"""How many events of one job are kept; who comes back later than that is told so by a `gap`."""

GAP: Final = "gap"

Work = Callable[[Mapping[str, Any]], AsyncGenerator[Mapping[str, Any], None]]
"""A kind of job: from its arguments (plain JSON) to a generator of progress (plain JSON).

It must be able to begin again where it was left: a worker may die, and another then starts it with the same arguments.
Closing the generator at a yield cancels it. The last thing yielded is what the job came to.
"""


@dataclass(frozen=True, slots=True)
class Told:
    """One event. `id` rises within a job and is what `Last-Event-ID` gives back; `name` says what it is."""

    id: str
    name: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a job stands. `tries` counts the workers that have begun it; `owner` is whose it is."""

    key: str
    kind: str
    owner: str
    state: str = "queued"
    tries: int = 0
    progress: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, Any] | None = None
    run: str = ""
    """Tells one start of the key from the next."""

    @property
    def ended(self) -> bool:
        """Whether nothing more follows."""
        return self.state in ENDED

    def moved(self, **change: Any) -> Standing:
        """This standing, changed."""
        return replace(self, **change)

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON."""
        return asdict(self)


class Jobs(Protocol):
    """Where jobs run."""

    def register(self, kind: str, work: Work) -> None:
        """Say how a kind is done. Every process that may run it says so before it opens."""
        ...

    async def start(self, kind: str, arguments: Mapping[str, Any], *, key: str, owner: str = "local") -> Standing:
        """Start a job, unless one of that key is still on its way. Raises NotFound for a kind nobody registered."""
        ...

    async def standing(self, key: str) -> Standing | None:
        """How the job of that key stands; None where there is none."""
        ...

    async def cancel(self, key: str) -> bool:
        """Ask it to stop. False where there is nothing to stop."""
        ...

    def events(self, key: str, after: str = "") -> AsyncGenerator[Told, None]:
        """What was told of the job's latest run after the event `after` ("": all of it), then what is told, to its end.

        An event `gap` comes first where events after `after` are no longer kept.
        """
        ...

    async def close(self) -> None:
        """Stop working here; jobs that others can take over are left to them."""
        ...


def failure(error: BaseException, reference: str) -> dict[str, Any]:
    """An error as the event `failed` tells it; what is not ours to name gets the reference of the log's entry."""
    if isinstance(error, DariError):
        return error.as_dict()
    return {"code": "internal", "message": f"internal error {reference}", "executed": None, "reference": reference}
