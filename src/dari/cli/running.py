"""How a command runs: logs to stderr, errors told with the next step, Ctrl-C a normal way to stop."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import sys
from collections.abc import Callable, Coroutine
from importlib.metadata import requires
from typing import Any

from dari.cli.printing import fail
from dari.core.errors import DariError, Hint, MissingExtra


def prepare() -> None:
    """Logs go to stderr: stdout belongs to the answer, or to MCP. A console that lacks a sign (cp949) shows `?`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="replace")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


def missing_extra(error: ModuleNotFoundError) -> MissingExtra:
    """The error that names the extra which brings a module that is not installed. Any other module is our bug."""
    module = (error.name or "").partition(".")[0]
    extras = sorted(extras_of(module))
    if not extras:
        raise error
    what = f"pip install 'dari[{extras[0]}]'"
    return MissingExtra(f"this needs the extra dari[{extras[0]}] ({module} is missing)", hint=Hint(what, what))


def extras_of(module: str) -> set[str]:
    """The extras of the package that bring a module, as the installed package itself says."""
    found = set()
    for row in requires("dari") or ():
        wanted, _, marker = row.partition(";")
        name = re.split(r"[^A-Za-z0-9._-]", wanted.strip(), maxsplit=1)[0]
        extra = re.search(r"extra == ['\"]([^'\"]+)", marker)
        if extra and name.lower().replace("-", "_") == module.lower():
            found.add(extra[1])
    return found - {"all"}


def run(work: Coroutine[Any, Any, int | None], *, as_json: bool = False, quick: bool = False) -> None:
    """Run a command to its end and leave with its exit code. Ctrl-C is a normal way to stop.

    `quick`: on uvloop, where it is installed (the extra `fast`).
    """
    try:
        with asyncio.Runner(loop_factory=_uvloop() if quick else None) as runner:
            code = runner.run(work)
    except DariError as error:
        code = fail(error, as_json=as_json)
    except ModuleNotFoundError as error:
        code = fail(missing_extra(error), as_json=as_json)
    except KeyboardInterrupt:
        code = 130
    raise SystemExit(code or 0)


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        from uvloop import new_event_loop  # noqa: PLC0415 -- an extra
    except ImportError:
        return None
    made: Callable[[], asyncio.AbstractEventLoop] = new_event_loop
    return made
