"""Who calls us, and how far they may reach, at which server and tool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from dari.core.endpoint import Effect
from dari.core.exchange import DEFAULT_PROFILE


@dataclass(frozen=True, slots=True)
class Permit:
    """So far a caller may reach at a server (`*`: at all of them), or at one toolset or tool of it."""

    reach: Effect
    server: str = "*"
    name: str = "*"

    def covers(self, server: str, toolset: str, tool: str) -> bool:
        """Whether it speaks of this tool."""
        return self.server in {"*", server} and self.name in {"*", toolset, tool}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who calls tools: on stdio the user who started the process, over HTTP who signed in.

    `reach` is the farthest anywhere; `permits` say where (None: everywhere). `allow` and `deny` are shell-style
    patterns of `server/tool` (or of a tool's name): each list in `allow` must name a tool, and deny wins. `profile`
    is the key set calls are made with, one of `profiles`; `tenant` ("" on stdio) is whom everything that is kept
    belongs to. `obtainable` are the permits a new token could have, so that a door can tell "ask for more" from
    "never".
    """

    name: str = "local"
    reach: Effect = Effect.READ
    profiles: tuple[str, ...] = (DEFAULT_PROFILE,)
    language: str = "ko"
    tenant: str = ""
    permits: tuple[Permit, ...] | None = None
    obtainable: tuple[Permit, ...] = ()
    allow: tuple[tuple[str, ...], ...] = ()
    deny: tuple[str, ...] = ()
    per_minute: int | None = None
    """Calls of one tool in a minute; None: not counted."""

    @property
    def profile(self) -> str:
        """The key set calls are made with."""
        return self.profiles[0] if self.profiles else ""

    def _listed(self, place: str) -> bool:
        return not _named(self.deny, place) and all(_named(one, place) for one in self.allow)

    def reach_at(self, server: str, toolset: str, tool: str) -> Effect | None:
        """How far the caller may reach at a tool; None where it may not be called at all."""
        if not self._listed(f"{server}/{tool}"):
            return None
        if self.permits is None:
            return self.reach
        farthest = _farthest(self.permits, server, toolset, tool)
        return None if farthest is None else min(farthest, self.reach)

    def could_reach(self, server: str, toolset: str, tool: str) -> Effect | None:
        """How far a token could let the caller reach here, if it were asked for; None: not at all."""
        if not self._listed(f"{server}/{tool}"):
            return None
        return _farthest(self.obtainable, server, toolset, tool)

    def lacking(self, server: str, toolset: str, tool: str, effect: Effect) -> Permit | None:
        """What a call lacks that a wider token would give; None where it may pass, or where asking is in vain."""
        reach, could = self.reach_at(server, toolset, tool), self.could_reach(server, toolset, tool)
        if (reach is not None and reach >= effect) or could is None or could < effect:
            return None
        return Permit(effect, server)

    def tightened(
        self,
        *,
        reach: Effect | None = None,
        allow: Iterable[str] = (),
        deny: Iterable[str] = (),
        profile: str | None = None,
    ) -> Caller:
        """This caller with less: never more, whatever is asked. A profile that is not bound leaves none."""
        allowed = tuple(allow)
        return replace(
            self,
            reach=self.reach if reach is None else min(reach, self.reach),
            obtainable=tuple(_at_most(one, reach) for one in self.obtainable),  # what was given up is not asked for
            allow=(*self.allow, allowed) if allowed else self.allow,
            deny=(*self.deny, *deny),
            profiles=self.profiles if profile is None else tuple(one for one in self.profiles if one == profile),
        )


def _at_most(permit: Permit, reach: Effect | None) -> Permit:
    return permit if reach is None else replace(permit, reach=min(permit.reach, reach))


def _named(patterns: Iterable[str], place: str) -> bool:
    return any(fnmatchcase(place, pattern if "/" in pattern else f"*/{pattern}") for pattern in patterns)


def _farthest(permits: Iterable[Permit], server: str, toolset: str, tool: str) -> Effect | None:
    return max((one.reach for one in permits if one.covers(server, toolset, tool)), default=None)
