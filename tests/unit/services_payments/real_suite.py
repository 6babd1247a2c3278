"""Which tests of the platform run on its real parts, and the few that cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

STORED: Final = ("test_api", "test_pipeline", "test_races", "test_together")
"""The suite: what is asked of a whole platform, whatever keeps its tables, keys and records."""

ONLY_SIMULATED: Final = {
    "test_pipeline.test_the_log_elects_another_leader_and_counts_its_replicas": (
        "about the simulated log itself; leaders and replicas of three real brokers are killed by the proof of faults"
    ),
}
"""Test → why it says nothing of a real part."""


def stored(function: Callable[..., Any]) -> bool:
    """Whether a test asks a sandbox: by its fixture, or by one of its own."""
    code = function.__code__
    return (
        "sandbox" in code.co_varnames[: code.co_argcount]
        or "app" in code.co_varnames[: code.co_argcount]
        or ("Sandbox" in code.co_names)
    )


def only_simulated(module: str, name: str) -> bool:
    """Whether a test is one of those that cannot run on real parts."""
    return f"{module}.{name}" in ONLY_SIMULATED
