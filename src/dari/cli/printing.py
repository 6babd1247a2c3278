"""What people and programs see of a command: text, or one JSON document, and an exit code."""

from __future__ import annotations

import json
import sys
from typing import Any, Final

from dari.core.errors import CallerError, DariError

OK: Final = 0
FAULT: Final = 1
MISTAKE: Final = 2
_MISTAKES: Final = frozenset({"caller_error", *(kind.code for kind in CallerError.__subclasses__())})


def exit_code(error: str | None) -> int:
    """The exit code of a call that ended with this error code (None: well)."""
    if error is None:
        return OK
    return MISTAKE if error in _MISTAKES else FAULT


def document(value: Any) -> None:
    """Print one JSON document to stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str) + "\n")


def line(text: str = "") -> None:
    """Print a line for a person."""
    sys.stdout.write(f"{text}\n")


def fail(error: DariError, *, as_json: bool) -> int:
    """Say what went wrong and what to do, and return the exit code."""
    if as_json:
        document(error.as_dict())
    else:
        sys.stderr.write(f"[{error.code}] {error.message}\n")
        if error.hint:
            sys.stderr.write(f"→ {error.hint.ko}\n→ {error.hint.en}\n")
    return exit_code(error.code)
