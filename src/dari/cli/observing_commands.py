"""`dari status`, `dari logs` and `dari audit` as commands; what they do is loaded when one is called."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

from dari.cli.options import Json
from dari.cli.running import run


def status(*, json: Json = False) -> None:
    """Show how many calls the servers of this user answered in a day, how fast, how often from a cache."""
    from dari.cli import observing  # noqa: PLC0415 -- each command pays for its own imports

    run(observing.status(as_json=json), as_json=json)


def logs(file: Path, *, json: Json = False) -> None:
    """Sum up a log file: errors, calls by endpoint, cache hits, unusual volumes."""
    from dari.cli import observing  # noqa: PLC0415

    observing.logs(file, as_json=json)


audit = App(name="audit", help="Who did what: every call is a sealed line.")


@audit.command(name="verify")
def audit_verify(*, json: Json = False) -> None:
    """Look whether any line was altered, removed or moved; exit code 1 if so."""
    from dari.cli import observing  # noqa: PLC0415

    raise SystemExit(observing.verify(as_json=json))


@audit.command(name="tail")
def audit_tail(count: int = 20, *, json: Json = False) -> None:
    """Show the newest lines."""
    from dari.cli import observing  # noqa: PLC0415

    observing.tail(count, as_json=json)
