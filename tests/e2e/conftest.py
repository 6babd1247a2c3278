"""One environment with the built wheel for all tests here, also when several processes run them."""

from __future__ import annotations

import os

import pytest

from tests.e2e.installed import Installed, built_and_installed


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, installed."""
    base = tmp_path_factory.getbasetemp()
    return built_and_installed(base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base)
