"""The commands of `dari stack`; what they do stands in `stacking`, loaded when one is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from dari.cli.options import Json

stack = App(name="stack", help="Private MariaDB, Redis, Kafka and Prometheus on this machine, without containers.")
Folder = Annotated[Path | None, Parameter(help="Where the stack lives; by default in Dari's data folder.")]


@stack.command
def up(*parts: str, folder: Folder = None, brokers: int | None = None, json: Json = False) -> None:
    """Start what is installed and does not run (or only PARTS); --brokers 3 makes a cluster with a controller."""
    from dari.cli import stacking  # noqa: PLC0415 -- each command pays for its own imports

    stacking.act("up", parts, folder=folder, brokers=brokers, as_json=json)


@stack.command
def down(
    *parts: str,
    folder: Folder = None,
    hard: Annotated[bool, Parameter(negative="", help="SIGKILL instead of SIGTERM.")] = False,
    json: Json = False,
) -> None:
    """Stop the stack (or only PARTS); what it stored stays."""
    from dari.cli import stacking  # noqa: PLC0415

    stacking.act("down", parts, folder=folder, hard=hard, as_json=json)


@stack.command(name="status")
def stack_status(*, folder: Folder = None, json: Json = False) -> None:
    """Show every part: well, ill, paused, stopped, or absent and how to get it."""
    from dari.cli import stacking  # noqa: PLC0415

    stacking.act("status", (), folder=folder, as_json=json)


@stack.command
def pause(part: str, *parts: str, folder: Folder = None, json: Json = False) -> None:
    """Let parts hang (SIGSTOP): their connections stay open and nobody answers."""
    from dari.cli import stacking  # noqa: PLC0415

    stacking.act("pause", (part, *parts), folder=folder, as_json=json)


@stack.command
def resume(part: str, *parts: str, folder: Folder = None, json: Json = False) -> None:
    """Let paused parts go on."""
    from dari.cli import stacking  # noqa: PLC0415

    stacking.act("resume", (part, *parts), folder=folder, as_json=json)
