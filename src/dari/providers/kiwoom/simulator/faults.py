"""Faults on demand: what can go wrong between asking and hearing, before or after the upstream has acted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

FaultKind = Literal[
    "delay",  # acts, then answers late
    "drop",  # acts, then the connection ends without an answer
    "reset",  # does not act, the connection ends
    "hang_before",  # does not act and never answers
    "hang_after",  # acts and never answers
    "error_before",  # 500, nothing done
    "error_after",  # 500, but done
    "html",  # HTTP 200 with a page, nothing done
    "unauthorized",  # HTTP 401 with 8005, nothing done
    "refuse",  # the refusal code in `code`, nothing done
]
KINDS: Final = get_args(FaultKind)
ACTS: Final = frozenset({"delay", "drop", "hang_after", "error_after"})
"""Kinds after which the upstream has done what was asked."""


@dataclass(slots=True, kw_only=True)
class Fault:
    """One planned fault: for `api_id` ("*": any), the next `times` calls (after `skip` that pass)."""

    kind: FaultKind
    api_id: str = "*"
    mode: str = "*"
    times: int = 1
    skip: int = 0
    seconds: float = 0.0
    status: int = 500
    code: str = "1999"

    def fits(self, api_id: str, mode: str) -> bool:
        """Whether it is meant for this call."""
        return self.times > 0 and self.api_id in ("*", api_id) and self.mode in ("*", mode)


class Faults:
    """The planned faults, first planned first met."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self.met: dict[str, int] = {}

    def plan(self, wanted: Mapping[str, Any]) -> Fault:
        """Plan one. Raises ValueError for an unknown kind and TypeError for an unknown key."""
        if wanted.get("kind") not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}")
        fault = Fault(**wanted)
        self._planned.append(fault)
        return fault

    def next(self, api_id: str, mode: str) -> Fault | None:
        """The fault this call meets, if any."""
        for fault in self._planned:
            if fault.fits(api_id, mode):
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                self.met[fault.kind] = self.met.get(fault.kind, 0) + 1
                return fault
        return None

    def clear(self) -> None:
        """Forget every planned fault."""
        self._planned.clear()

    def told(self) -> dict[str, Any]:
        """What is planned and what was met."""
        return {"planned": [asdict(one) for one in self._planned if one.times > 0], "met": dict(self.met)}
