from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.kiwoom.doubles import Rig


@pytest.fixture(autouse=True)
def rigs_are_closed() -> Iterator[None]:
    yield
    while Rig.opened:
        Rig.opened.pop().audit.close()
