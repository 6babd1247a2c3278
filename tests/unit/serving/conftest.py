"""A desk of plans: its clock, what is executed, and the process that plans; files are closed after each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dari.core.clock import ManualClock
from dari.serving.plans import Plans
from tests.unit.serving.plan_doubles import NOON, Ledger, closed, process


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def plans(tmp_path: Path, clock: ManualClock, ledger: Ledger) -> Plans:
    return process(tmp_path, clock, ledger)


@pytest.fixture(autouse=True)
def _closing() -> Iterator[None]:
    yield
    closed()
