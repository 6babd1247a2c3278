"""The platform's tests on the database they are made for: each of them once more, on a private MariaDB.

Redis and Kafka stay in this process: their time is virtual here, and what is special of the real ones has its own tests
(test_real_parts, tests/unit/stack, the proofs of faults, load and chaos).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from dari.services.payments.sandbox import Sandbox
from tests.unit.services_payments.private_parts import mariadb_server

STORED = {"test_api", "test_pipeline", "test_races", "test_together"}
MARIADB = pytest.param("mariadb", marks=pytest.mark.needs("mariadb"), id="mariadb")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    module = metafunc.module.__name__.rpartition(".")[2]
    if module in STORED and "sandbox" in metafunc.fixturenames:
        metafunc.parametrize("store", ["memory", MARIADB], indirect=True)


@pytest.fixture(scope="session")
def mariadb_url() -> Iterator[str]:
    # Not under pytest's own folder: MariaDB gives up root's rights and cannot look into it.
    # In memory where the system has a place for that: making the tables anew waits for the disk again and again.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="store-", dir=memory) as made:
        place = Path(made) / "mariadb"
        place.mkdir()
        with mariadb_server(place) as (url, _):
            yield url


@pytest.fixture(autouse=True)
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a sandbox keeps its tables unless the test says otherwise."""
    if getattr(request, "param", "memory") == "mariadb":
        url = request.getfixturevalue("mariadb_url")
        engine = sa.create_engine(sa.make_url(url).set(drivername="mysql+pymysql"))
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP DATABASE paydb")
            connection.exec_driver_sql("CREATE DATABASE paydb")
        engine.dispose()
        monkeypatch.setitem(Sandbox.__init__.__kwdefaults__ or {}, "database_url", url)
