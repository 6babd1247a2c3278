"""`dari install`: write named servers into an MCP client, or take them out again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console

from dari.app.clients import CLIENTS, client
from dari.app.clients.entries import entry, every_name
from dari.app.clients.links import links
from dari.app.clients.machine import Machine
from dari.app.clients.writing import apply, installing, removing
from dari.app.servers import server
from dari.app.setting_up import settings_of
from dari.cli.printing import OK, document
from dari.core.clock import KST
from dari.core.errors import Hint, InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How it is to be done."""

    remove: bool = False
    simulated: bool = False
    uvx: bool = False
    dry_run: bool = False
    link: bool = False
    file: Path | None = None


async def install(name: str, names: tuple[str, ...], asked: Asked, *, as_json: bool) -> int:
    """Show the change, write it with a backup, and say what to do next."""
    chosen = client(name)
    if not names:
        raise InvalidInput(
            "name a server", hint=Hint(f"서버: {', '.join(every_name())}", f"Servers: {', '.join(every_name())}")
        )
    servers = [server(one) for one in (every_name() if "all" in names else dict.fromkeys(names))]
    machine = Machine.this()
    settings = settings_of()
    entries = [
        entry(chosen, one, settings, machine, simulated=asked.simulated, uvx=asked.uvx or asked.link) for one in servers
    ]
    if asked.link:
        for one in entries:
            one.value["command"] = "uvx"  # a link is for other people's machines
        return _tell_links(chosen.name, [links(one)[chosen.name] for one in entries if chosen.name in links(one)])
    where = asked.file or chosen.where(machine)
    if asked.remove:
        change = removing(chosen, where, [one.name for one in servers])
    else:
        change = installing(chosen, where, entries)
    backup = apply(change, datetime.now(KST)) if change.needed and not asked.dry_run else None
    language = settings.text("DARI_LANG").lower()
    notes = (
        () if asked.remove else tuple(dict.fromkeys(note.said_in(language) for one in entries for note in one.notes))
    )
    if as_json:
        document(
            {
                "client": chosen.name,
                "file": str(where),
                "changed": change.needed and not asked.dry_run,
                "change": list(change.told),
                "backup": None if backup is None else str(backup),
                "entries": {} if asked.remove else {one.name: one.value for one in entries},
                "notes": list(notes),
            }
        )
        return OK
    console = Console(highlight=False, soft_wrap=True, markup=False)
    console.print(f"{chosen.title}: {where}")
    for told in change.told or ("nothing to change",):
        console.print(f"  {told}")
    if backup is not None:
        console.print(f"  backup: {backup}")
    for note in notes:
        console.print(f"  ! {note}")
    if change.needed and not asked.dry_run:
        console.print(f"→ {chosen.after.said_in(language)}")
    return OK


def _tell_links(name: str, found: list[str]) -> int:
    if not found:
        clickable = ", ".join(one for one in CLIENTS if one in {"cursor", "vscode"})
        raise InvalidInput(f"{name} has no one-click link; these have: {clickable}")
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for one in found:
        console.print(one)
    return OK
