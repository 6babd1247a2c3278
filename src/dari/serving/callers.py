"""Who calls us, and how far they may reach."""

from __future__ import annotations

from dataclasses import dataclass

from dari.core.endpoint import Effect
from dari.core.exchange import DEFAULT_PROFILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who calls tools: on stdio the user who started the process, over HTTP who signed in."""

    name: str = "local"
    reach: Effect = Effect.READ
    profiles: tuple[str, ...] = (DEFAULT_PROFILE,)
    language: str = "ko"
