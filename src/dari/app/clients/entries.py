"""What is written into a client for one server: the command, and settings by reference, never a secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from dari.app.clients import Client
from dari.app.clients.machine import Machine
from dari.app.servers import SERVERS, Server
from dari.core.errors import Hint
from dari.settings import SETTINGS, Setting, Settings

PREFIXES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "kis": ("KOREA_INVESTMENT_", "KIS_", "DARI_KIS_", "DARI_ORDER_", "MAX_RANKING_", "UNUSUAL_"),
        "kiwoom": ("KIWOOM_", "DARI_KIWOOM_", "DARI_ORDER_"),
        "naramarket": ("NARAMARKET_", "DARI_NARAMARKET_", "OUTPUT_DIR"),
        "payments": ("API_BASE_URL", "DARI_PAYMENTS_OPERATE", "DARI_PAYMENTS_ACTS"),
    }
)
"""How the names of a provider's settings begin."""

EVERYWHERE: Final = frozenset(
    {"DARI_REACH", "DARI_LANG", "DARI_HOME", "DARI_TRUSTED_HOSTS", "DARI_REDIS_URL", "DARI_DEADLINE_SECONDS"}
    | {"CACHE_L1_TTL_SECONDS", "CACHE_L2_TTL_SECONDS", "LOG_LEVEL"}
)
"""Settings that every server reads."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One server of a client's configuration, and what a person must still do for it."""

    name: str
    value: dict[str, Any]
    notes: tuple[Hint, ...] = ()


def settings_of(server: Server) -> Iterable[Setting]:
    """The settings that a server reads."""
    mine = tuple({one for provider, _ in server.tools() for one in PREFIXES[provider]})
    return (row for row in SETTINGS if row.name in EVERYWHERE or row.name.startswith(mine))


def entry(
    client: Client, server: Server, settings: Settings, machine: Machine, *, simulated: bool = False, uvx: bool = False
) -> Entry:
    """What to write for a server.

    Keys that `dari setup` keeps, or kis_devlp.yaml holds, need no word here: the server reads them itself. What only
    this shell knows is referred to where the client can; a secret that could only be written out is left to a note.
    """
    program, first = machine.command(uvx=uvx)
    value: dict[str, Any] = {"type": "stdio"} if client.typed else {}
    value |= {"command": program, "args": [*first, "serve", server.name]}
    notes: list[Hint] = []
    environment: dict[str, str] = {}
    if simulated:
        value["args"].append("--simulated")
    for row in settings_of(server):
        found = settings.found(row.name)
        if simulated and row.secret:
            continue
        if found.won == ".env":
            file = Path(machine.environment.get("DARI_DOTENV", ".env"))
            environment["DARI_DOTENV"] = str(file if file.is_absolute() else machine.folder / file)
        elif found.won == "environment" and not row.secret:
            environment[row.name] = found.value
        elif found.won == "environment" and client.reference:
            environment[row.name] = client.referring(row.name)
        elif found.won == "environment":
            notes.append(
                Hint(
                    f"{client.title}은(는) 셸의 {row.name}을(를) 보지 못합니다. dari setup으로 저장하세요.",
                    f"{client.title} does not see {row.name} of this shell: keep it with dari setup.",
                )
            )
    if environment:
        value["env"] = environment
    return Entry(server.name, value, tuple(notes))


def is_ours(value: object) -> bool:
    """Whether an entry of a client's configuration starts Dari."""
    if not isinstance(value, Mapping):
        return False
    words = [str(value.get("command", "")), *map(str, value.get("args") or ())]
    starts = any(Path(word.replace("\\", "/")).stem == "dari" or word.startswith("dari") for word in words)
    return starts and "serve" in words


def served(value: Mapping[str, Any]) -> str:
    """The server that an entry of ours starts ("" where it names none)."""
    words = [str(one) for one in value.get("args") or ()]
    place = words.index("serve") + 1 if "serve" in words else len(words)
    return words[place] if place < len(words) else ""


def every_name() -> tuple[str, ...]:
    """The servers by name."""
    return tuple(SERVERS)
