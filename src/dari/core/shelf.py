"""What a server offers to read beside its tools: documents by address, what is pushed by address, and prompts."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import unquote

from dari.core.alerts import Alert
from dari.core.endpoint import NOTHING
from dari.core.errors import Hint, InvalidInput, NotFound
from dari.core.live import Tick, Topic

_PART: Final = re.compile(r"\\\{(\w+)\\\}")
_URI_LIMIT: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Documents of one kind. `address` is a URI, with `{part}` where documents differ: kis://api/{id}.

    `read` takes the parts by name and gives the text (or, where it must be waited for, the promise of it), or raises
    NotFound. `own`: it is the business of the person at this machine alone, not of callers who signed in.
    """

    address: str
    name: str
    description: str
    read: Callable[..., str | Awaitable[str]]
    mime: str = "text/markdown"
    own: bool = False

    @property
    def template(self) -> bool:
        """Whether the address has parts."""
        return "{" in self.address

    def parts_of(self, uri: str) -> Mapping[str, str] | None:
        """The parts of `uri`, or None where it is no address of this kind."""
        return _parts(self.address, uri)


@dataclass(frozen=True, slots=True)
class Watched:
    """What stands behind an address of pushed data. `alert`: it changes only when that alert goes off."""

    title: str
    topics: tuple[Topic, ...]
    scope: str = "market"
    alert: Alert | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveResource:
    """What an upstream pushes, by address: kis://realtime/{kind}/{symbol}. Its parts are percent-decoded.

    `watched` takes the parts by name, or raises InvalidInput or NotFound. `told` gives one record in our words, without
    what belongs to nobody else (account numbers); `shown` the names that a table of a kind begins with; `figures` the
    numbers of a record that alerts speak of (price, change in percent, volume, executed).
    """

    address: str
    name: str
    description: str
    watched: Callable[..., Watched]
    told: Callable[[Tick], Mapping[str, Any]]
    shown: Callable[[str], Sequence[str]]
    figures: Callable[[str, Mapping[str, Any]], Mapping[str, float]]
    mime: str = "application/json"

    @property
    def template(self) -> bool:
        """Whether the address has parts."""
        return "{" in self.address

    def parts_of(self, uri: str) -> Mapping[str, str] | None:
        """The parts of `uri`, or None where it is no address of this kind."""
        found = _parts(self.address, uri)
        return {name: unquote(value) for name, value in found.items()} if found is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A way to begin a piece of work. `arguments` maps names to what they mean; those in `required` must be given.

    `write` takes the given arguments by name (the others are absent) and gives what is said to the model.
    """

    name: str
    title: str
    description: str
    write: Callable[..., str]
    arguments: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    required: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Shelf:
    """The resources and prompts of one server. `found` lists those resources of the person here that come and go."""

    resources: tuple[Resource, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    live: tuple[LiveResource, ...] = ()
    found: Callable[[], Awaitable[tuple[Resource, ...]]] | None = None

    @cached_property
    def _by_name(self) -> Mapping[str, Prompt]:
        return {one.name: one for one in self.prompts}

    async def read(self, uri: str, *, own: bool = True) -> tuple[str, str]:
        """The media type and the text of a document; with `own`, also of the person's own. Raises NotFound."""
        for one in self.resources:
            parts = one.parts_of(uri) if own or not one.own else None
            if parts is not None:
                told = one.read(**parts)
                return one.mime, told if isinstance(told, str) else await told
        raise self._no_such(uri)

    def watched(self, uri: str) -> tuple[LiveResource, Watched]:
        """What is pushed under an address. Raises NotFound, and InvalidInput for parts that name nothing."""
        for one in self.live:
            parts = one.parts_of(uri)
            if parts is not None:
                return one, one.watched(**parts)
        raise self._no_such(uri)

    def is_live(self, uri: str) -> bool:
        """Whether an address is one of pushed data."""
        return any(one.parts_of(uri) is not None for one in self.live)

    def _no_such(self, uri: str) -> NotFound:
        known = ", ".join([*(one.address for one in self.resources), *(one.address for one in self.live)])
        hint = Hint(f"주소: {known}", f"There are: {known}")
        return NotFound(f"there is no resource {uri[:_URI_LIMIT]!r}", hint=hint)

    def prompt(self, name: str, given: Mapping[str, str]) -> tuple[Prompt, str]:
        """A prompt and its text. Raises NotFound or InvalidInput."""
        found = self._by_name.get(name)
        if found is None:
            known = ", ".join(self._by_name)
            raise NotFound(f"there is no prompt {name[:100]!r}", hint=Hint(f"목록: {known}", f"There are: {known}"))
        wrong = [*(given.keys() - found.arguments.keys()), *(found.required - given.keys())]
        if wrong:
            raise InvalidInput(f"{name} takes {_named(found.arguments)}; see {', '.join(sorted(wrong))[:100]}")
        return found, found.write(**given)


def _parts(address: str, uri: str) -> Mapping[str, str] | None:
    found = re.fullmatch(_PART.sub(r"(?P<\1>[^/?#]+)", re.escape(address)), uri)
    return found.groupdict() if found else None


def _named(names: Iterable[str]) -> str:
    return ", ".join(names) or "no arguments"
