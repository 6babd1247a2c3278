"""What a server offers to read beside its tools: resources (documents by address) and prompts (ways to begin)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from dari.core.endpoint import NOTHING
from dari.core.errors import Hint, InvalidInput, NotFound

_PART: Final = re.compile(r"\\\{(\w+)\\\}")
_URI_LIMIT: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Documents of one kind. `address` is a URI, with `{part}` where documents differ: kis://api/{id}.

    `read` takes the parts by name and gives the text, or raises NotFound.
    """

    address: str
    name: str
    description: str
    read: Callable[..., str]
    mime: str = "text/markdown"

    @property
    def template(self) -> bool:
        """Whether the address has parts."""
        return "{" in self.address

    def parts_of(self, uri: str) -> Mapping[str, str] | None:
        """The parts of `uri`, or None where it is no address of this kind."""
        found = re.fullmatch(_PART.sub(r"(?P<\1>[^/?#]+)", re.escape(self.address)), uri)
        return found.groupdict() if found else None


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
    """The resources and prompts of one server."""

    resources: tuple[Resource, ...] = ()
    prompts: tuple[Prompt, ...] = ()

    @cached_property
    def _by_name(self) -> Mapping[str, Prompt]:
        return {one.name: one for one in self.prompts}

    def read(self, uri: str) -> tuple[str, str]:
        """The media type and the text of a document. Raises NotFound."""
        for one in self.resources:
            parts = one.parts_of(uri)
            if parts is not None:
                return one.mime, one.read(**parts)
        known = ", ".join(one.address for one in self.resources)
        raise NotFound(f"there is no resource {uri[:_URI_LIMIT]!r}", hint=Hint(f"주소: {known}", f"There are: {known}"))

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


def _named(names: Iterable[str]) -> str:
    return ", ".join(names) or "no arguments"
