"""MariaDB and Redis as parts of the stack."""

from __future__ import annotations

import getpass
import subprocess
from collections.abc import Sequence
from typing import Final

from dari.services.stack.adapters.doors import greets_as_database, says
from dari.services.stack.part import Part, Place, program

SETUP: Final = """\
CREATE DATABASE IF NOT EXISTS paydb CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS pay@'127.0.0.1' IDENTIFIED BY 'pay';
GRANT ALL ON paydb.* TO pay@'127.0.0.1';
GRANT TRIGGER, SUPER ON *.* TO pay@'127.0.0.1';
CREATE USER IF NOT EXISTS look@'127.0.0.1' IDENTIFIED BY 'look' WITH MAX_USER_CONNECTIONS 16 MAX_STATEMENT_TIME 5;
GRANT SELECT, SHOW VIEW ON paydb.* TO look@'127.0.0.1';
CREATE USER IF NOT EXISTS exporter@'127.0.0.1' IDENTIFIED BY 'exporter' WITH MAX_USER_CONNECTIONS 3;
GRANT PROCESS, REPLICATION CLIENT, SLAVE MONITOR ON *.* TO exporter@'127.0.0.1';
"""
"""`pay` is the platform, `look` the monitor, which may only read, `exporter` Prometheus' view of the server."""
SIZES: Final = ("--innodb-log-file-size=128M", "--innodb-buffer-pool-size=384M")
"""For a hundred thousand payments: some 4 KB each, with their events and entries."""


def _prepare_mariadb(place: Place) -> None:
    if (place.folder / "data" / "mysql").is_dir():
        return
    command = [
        program("mariadb-install-db") or "mariadb-install-db",
        "--no-defaults",
        f"--user={getpass.getuser()}",
        f"--datadir={place.folder / 'data'}",
        "--skip-test-db",
        "--auth-root-authentication-method=normal",
        *SIZES,
    ]
    subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 — our own words
    place.folder.joinpath("setup.sql").write_text(SETUP, "utf-8")


def _mariadb(place: Place) -> Sequence[str]:
    return [
        program("mariadbd") or "mariadbd",
        "--no-defaults",
        # Whoever starts it owns its files, also root: a private folder of root is closed to everybody else.
        f"--user={getpass.getuser()}",
        f"--datadir={place.folder / 'data'}",
        f"--socket={place.folder / 'my.sock'}",
        f"--pid-file={place.folder / 'my.pid'}",
        f"--port={place.port}",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        f"--init-file={place.folder / 'setup.sql'}",
        # As in production: what was answered outlives a machine without power. Transactions are shared, so it is cheap.
        "--innodb-flush-log-at-trx-commit=1",
        "--performance-schema=OFF",
        "--max-connections=200",
        "--character-set-server=utf8mb4",
        *SIZES,
    ]


def _redis(place: Place) -> Sequence[str]:
    command = [program("redis-server") or "redis-server", "--port", str(place.port), "--bind", "127.0.0.1"]
    command += ["--save", "", "--appendonly", "no", "--dir", str(place.folder), "--maxmemory", "128mb"]
    return [*command, "--slowlog-log-slower-than", "10000", "--latency-monitor-threshold", "100"]


MARIADB: Final = Part(
    name="mariadb",
    programs=("mariadbd", "mariadb-install-db"),
    how="apt-get install mariadb-server · brew install mariadb",
    prepare=_prepare_mariadb,
    command=_mariadb,
    well=lambda place: greets_as_database(place.port),
)
REDIS: Final = Part(
    name="redis",
    programs=("redis-server",),
    how="apt-get install redis-server · brew install redis",
    command=_redis,
    well=lambda place: says(place.port, b"PING\r\n", b"+PONG"),
)
