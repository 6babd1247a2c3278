"""How much memory this process holds, where the machine tells."""

from __future__ import annotations

from pathlib import Path
from typing import Final

STATUS: Final = Path("/proc/self/status")


def resident_bytes(status: Path = STATUS, *, line: str = "VmRSS:") -> int | None:
    """Bytes in memory (`line` VmHWM: the most there were); None where the machine does not tell (it is not Linux)."""
    try:
        told = status.read_text()
    except OSError:
        return None
    found = next((one.split()[1] for one in told.splitlines() if one.startswith(line)), None)
    return int(found) * 1024 if found else None
