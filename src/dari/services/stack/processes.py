"""Programs that outlive the command that started them: known by process id and birth, so that no other is ever hit."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

GRACE: Final = 10.0
KILL: Final = getattr(signal, "SIGKILL", signal.SIGTERM)
STOP: Final = getattr(signal, "SIGSTOP", None)
GO_ON: Final = getattr(signal, "SIGCONT", None)


@dataclass(frozen=True, slots=True)
class Started:
    """One program: its id, and when that process was born (a number may be given again)."""

    pid: int
    born: str


def birth(pid: int) -> str | None:
    """When the process was born, in its system's own words; None when there is none, or only its remains."""
    try:
        said = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return None if said[0] == "Z" else said[19]
    except (OSError, IndexError):
        pass
    if Path("/proc/self/stat").exists():
        return None
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603, S607 — fixed words
    return asked.stdout.strip() or None


def start(command: Sequence[str], log: Path, *, places: Mapping[str, str] | None = None) -> Started:
    """Start a program in a session of its own; its words (also that it is not there) go to `log`."""
    # By a shell that ends at once: nobody of ours is its parent, so nobody has to wait for it.
    said = subprocess.run(  # noqa: S603 — our own commands
        ["sh", "-c", '"$@" </dev/null >>"$STACK_LOG" 2>&1 & echo $!', "sh", *command],  # noqa: S607 — every system has it
        capture_output=True,
        check=True,
        start_new_session=True,
        env={**os.environ, **(places or {}), "STACK_LOG": str(log)},
    )
    pid = int(said.stdout)
    return Started(pid, birth(pid) or "gone")


def alive(one: Started) -> bool:
    """Whether that very process lives (paused counts as living)."""
    return birth(one.pid) == one.born


def paused(one: Started) -> bool:
    """Whether it was stopped by SIGSTOP."""
    try:
        return Path(f"/proc/{one.pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] == "T"
    except (OSError, IndexError):
        return False


def send(one: Started, sign: int) -> bool:
    """Send a signal; False when that process is gone."""
    if not alive(one):
        return False
    os.kill(one.pid, sign)
    return True


def hold(one: Started) -> bool:
    """SIGSTOP, and back when it stands still; False when it is gone or the system cannot do that."""
    if STOP is None or not send(one, STOP):
        return False
    while alive(one) and not paused(one):
        time.sleep(0.005)
    return True


def let_go(one: Started) -> bool:
    """SIGCONT, and back when it moves again."""
    if GO_ON is None or not send(one, GO_ON):
        return False
    while paused(one):
        time.sleep(0.005)
    return True


def end(one: Started, *, hard: bool = False) -> None:
    """SIGTERM (also to a paused one), after ten seconds SIGKILL; back when it is gone."""
    if hard:
        send(one, KILL)
    else:
        send(one, signal.SIGTERM)
        if GO_ON is not None:
            send(one, GO_ON)
    until = time.monotonic() + GRACE
    while alive(one):
        if time.monotonic() > until:
            send(one, KILL)
        time.sleep(0.02)
