"""Real servers for one test session: own folders, free ports, loopback only, stopped by their process."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT = 20.0


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _running(command: list[str], port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
    try:
        until = time.monotonic() + WAIT
        while not _listening(port):
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"{command[0]} did not start: {log.read_text(errors='replace')[-800:]}")
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait(WAIT)


@contextmanager
def redis_server(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`(url, process)` of an empty Redis."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with _running([*command, "--dir", str(folder)], port, folder / "redis.log") as process:
        yield f"redis://127.0.0.1:{port}", process


@contextmanager
def mariadb_server(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`(SQLAlchemy url, process)` of a MariaDB with an empty database `paydb`; `folder` lies in a temporary folder."""
    port, data = free_port(), folder / "data"
    user = "mysql" if os.geteuid() == 0 else getpass.getuser()
    if user == "mysql":
        # The server gives up root's rights and must still reach its files: the caller's own folder, nothing above it.
        folder.parent.chmod(0o755)
        shutil.chown(folder, "mysql")
    install = ["mariadb-install-db", "--no-defaults", f"--user={user}", f"--datadir={data}", "--skip-test-db"]
    small = ["--innodb-log-file-size=16M", "--innodb-buffer-pool-size=32M"]
    normal = ["--auth-root-authentication-method=normal"]
    subprocess.run([*install, *normal, *small], check=True, capture_output=True)
    setup = folder / "setup.sql"
    setup.write_text(
        "CREATE DATABASE IF NOT EXISTS paydb;\n"
        "CREATE USER IF NOT EXISTS pay@'127.0.0.1' IDENTIFIED BY 'pay';\n"
        "GRANT ALL ON paydb.* TO pay@'127.0.0.1';\n"
        "CREATE USER IF NOT EXISTS look@'127.0.0.1' IDENTIFIED BY 'look';\n"
        "GRANT SELECT ON paydb.* TO look@'127.0.0.1';\n",
    )
    command = [
        "mariadbd",
        "--no-defaults",
        f"--user={user}",
        f"--datadir={data}",
        f"--socket={folder / 'my.sock'}",
        f"--port={port}",
        "--bind-address=127.0.0.1",
        "--skip-name-resolve",
        f"--init-file={setup}",
        "--innodb-flush-log-at-trx-commit=2",
        "--character-set-server=utf8mb4",
        *small,
    ]
    with _running(command, port, folder / "mariadb.log") as process:
        yield f"mysql+aiomysql://pay:pay@127.0.0.1:{port}/paydb?charset=utf8mb4", process
