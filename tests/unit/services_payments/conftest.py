"""The platform's tests once more on what it is made for: on a private MariaDB, and on MariaDB, Redis and Apache Kafka.

`real` (with `--whole`: in CI) is the same tests over a deployment's adapters. The platform's own clock and schedule
stay virtual; the broker keeps its own time, and Redis is told what has passed (real_keys). What asks for a thing that
only the simulated log can do is named in real_suite, with the reason.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from dari.core.clock import KST
from dari.services.payments.adapters import kafka_log
from dari.services.payments.sandbox import Sandbox
from dari.services.stack.stack import Stack
from scripts.provision import JARS
from tests.unit.services_payments.private_parts import mariadb_server
from tests.unit.services_payments.real_cluster import Cluster
from tests.unit.services_payments.real_keys import RealKeys
from tests.unit.services_payments.real_log import RealLog
from tests.unit.services_payments.real_suite import STORED, only_simulated, stored

MARIADB = pytest.param("mariadb", marks=pytest.mark.needs("mariadb"), id="mariadb")
REAL = pytest.param("real", marks=pytest.mark.needs("mariadb", "redis", "kafka"), id="real")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    module, name = metafunc.module.__name__.rpartition(".")[2], metafunc.function.__name__
    if module in STORED and stored(metafunc.function):
        real = metafunc.config.getoption("whole") and not only_simulated(module, name)
        where = ["memory", MARIADB, *([REAL] if real else [])]
        # By session: those of one kind follow each other, so that few workers need a broker.
        metafunc.parametrize("kept", where, indirect=True, scope="session")


@pytest.fixture(scope="session")
def memory_folder() -> Iterator[Path]:
    # Not under pytest's own folder: MariaDB gives up root's rights and cannot look into it.
    # In memory where the system has a place for that: making the tables anew waits for the disk again and again.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="store-", dir=memory) as made:
        yield Path(made)


@pytest.fixture(scope="session")
def mariadb_url(memory_folder: Path) -> Iterator[str]:
    place = memory_folder / "mariadb"
    place.mkdir()
    with mariadb_server(place) as (url, _):
        yield url


@dataclass(frozen=True, slots=True)
class Parts:
    """A Redis and a Kafka of this session."""

    redis: str
    cluster: Cluster


@pytest.fixture(scope="session")
def parts(memory_folder: Path) -> Iterator[Parts]:
    stack = Stack(memory_folder / "stack", JARS)
    try:
        stack.up(["redis", "kafka"])
        cluster = Cluster(stack)
        yield Parts(stack.addresses()["DARI_PAYMENTS_REDIS_URL"], cluster)
        cluster.close()
    finally:
        stack.down(hard=True)


@pytest.fixture(scope="session")
def kept(request: pytest.FixtureRequest) -> str:
    """What keeps a sandbox's tables, keys and records: memory, mariadb (its tables) or real (everything)."""
    return str(getattr(request, "param", "memory"))


@pytest.fixture(autouse=True)
def store(request: pytest.FixtureRequest, kept: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a sandbox keeps what it keeps unless the test says otherwise."""
    if kept == "memory":
        return
    usual = Sandbox.__init__.__kwdefaults__ or {}
    url = request.getfixturevalue("mariadb_url")
    engine = sa.create_engine(sa.make_url(url).set(drivername="mysql+pymysql"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP DATABASE paydb")
        connection.exec_driver_sql("CREATE DATABASE paydb")
    engine.dispose()
    monkeypatch.setitem(usual, "database_url", url)
    if kept == "real":
        made: Parts = request.getfixturevalue("parts")
        monkeypatch.setattr(kafka_log, "FETCH_SECONDS", 0.0)  # the face waits, and knows for how long
        # The broker's clients stamp records by the system's clock: the platform's begins where that is.
        monkeypatch.setitem(usual, "start", datetime.now(KST))
        monkeypatch.setitem(usual, "log", partial(RealLog, made.cluster))
        monkeypatch.setitem(usual, "keys", partial(RealKeys, made.redis))
