"""One guarded address for all tests of this folder that only ask it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.oauth.guarded import Guarded, served


@pytest.fixture(scope="package")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with served(tmp_path_factory.mktemp("guarded")) as one:
        yield one
