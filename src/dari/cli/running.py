"""How a command runs: logs to stderr, errors told with the next step, Ctrl-C a normal way to stop."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine
from typing import Any

from dari.cli.printing import fail
from dari.core.errors import DariError


def prepare() -> None:
    """Logs go to stderr: stdout belongs to the answer, or to MCP."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


def run(work: Coroutine[Any, Any, int | None], *, as_json: bool = False) -> None:
    """Run a command to its end and leave with its exit code. Ctrl-C is a normal way to stop."""
    try:
        code = asyncio.run(work)
    except DariError as error:
        code = fail(error, as_json=as_json)
    except KeyboardInterrupt:
        code = 130
    raise SystemExit(code or 0)
