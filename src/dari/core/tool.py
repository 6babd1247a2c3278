"""One operation we offer: input model, async function and this declaration, side by side in a provider's `tools/`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict

from dari.core.endpoint import Effect
from dari.core.errors import DariError
from dari.core.exchange import Answer, Provenance, Reply


class Query(BaseModel):
    """The base of every tool's input model: an unknown argument is refused, never dropped."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


@dataclass(frozen=True, slots=True)
class Standing:
    """How we stand with an upstream: the mode asked by default, and until when we are signed in (None: no need to)."""

    mode: str
    signed_in_until: datetime | None


class Upstream(Protocol):
    """What a tool may do: ask endpoints of its provider, and know the time. It never sees keys, hosts or policies."""

    @property
    def sources(self) -> tuple[Provenance, ...]:
        """The provenance of everything asked so far in this call of the tool."""
        ...

    def now(self) -> datetime:
        """The time, in KST."""
        ...

    async def ask(
        self,
        endpoint: str,
        parameters: Mapping[str, str] | None = None,
        *,
        mode: str | None = None,
        cursor: str | None = None,
        venue: str | None = None,
        fresh: bool = False,
        max_age: float | None = None,
    ) -> Reply:
        """Ask one endpoint by its id. Raises a DariError; records the provenance of the reply."""
        ...

    async def standing(self, *, scope: str = "account") -> Standing:
        """Sign in where that is needed, and tell how we stand. Raises a DariError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool. `endpoints` are the ids it may ask: its effect is never below theirs (checked for every tool).

    `output` is the model of the structured content, of which only the schema is used, or a schema as it is.
    `failed` gives what a failing call says beside the error's own fields, from the arguments and the error (None: a
    fault of ours). `sample` makes the answer of a server that was told to go on with sample values when its upstream
    does not answer; dispatch marks it. `own`: what it changes lies in Dari's own folders on this machine, and nowhere
    else. `deadline` is how long it may take, where the server's own is not enough.
    """

    name: str
    title: str
    description: str
    query: type[Query]
    output: type[BaseModel] | Mapping[str, Any]
    run: Callable[[Any, Any], Awaitable[Answer]]
    effect: Effect = Effect.READ
    toolset: str = "default"
    endpoints: tuple[str, ...] = ()
    open_world: bool = True
    failed: Callable[[Mapping[str, Any], DariError | None], Mapping[str, Any]] | None = None
    sample: Callable[[Any, DariError, datetime], Answer] | None = None
    deadline: float | None = None
    own: bool = False
    app: str = ""
    """Where the page is (`ui://`) in which hosts that open apps show the picture of its answers; "": it draws none."""
