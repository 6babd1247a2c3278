"""How much memory this process holds, where the machine tells."""

from __future__ import annotations

from pathlib import Path
from typing import Final

STATUS: Final = Path("/proc/self/status")


def resident_bytes(status: Path = STATUS) -> int | None:
    """Bytes in memory; None where the machine does not tell (it is not Linux)."""
    try:
        told = status.read_text()
    except OSError:
        return None
    found = next((line.split()[1] for line in told.splitlines() if line.startswith("VmRSS:")), None)
    return int(found) * 1024 if found else None
