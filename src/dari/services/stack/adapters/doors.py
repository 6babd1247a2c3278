"""Free ports, and whether somebody answers on one."""

from __future__ import annotations

import socket
import struct
import urllib.error
import urllib.request
from typing import Final

HOST: Final = "127.0.0.1"
PATIENCE: Final = 0.5
GOOD: Final = 200
PROTOCOL: Final = 10


def free_port() -> int:
    """A port on loopback that nobody holds now."""
    with socket.socket() as found:
        found.bind((HOST, 0))
        return int(found.getsockname()[1])


def free_ports(count: int) -> list[int]:
    """As many different ones: they are held until all are found."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in held]
    finally:
        for one in held:
            one.close()


def listens(port: int) -> bool:
    """Whether a connection is taken."""
    with socket.socket() as asking:
        asking.settimeout(PATIENCE)
        return asking.connect_ex((HOST, port)) == 0


def says(port: int, question: bytes, answer: bytes) -> bool:
    """Whether `question` is answered with something that begins with `answer` (a paused server takes connections)."""
    try:
        with socket.create_connection((HOST, port), PATIENCE) as line:
            line.settimeout(PATIENCE)
            if question:
                line.sendall(question)
            return line.recv(256).startswith(answer)
    except OSError:
        return False


def page_is_good(port: int, path: str) -> bool:
    """Whether GET answers 200."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=PATIENCE) as said:
            return bool(said.status == GOOD)
    except (OSError, urllib.error.URLError):
        return False


def greets_as_database(port: int) -> bool:
    """Whether a MariaDB sends its greeting: packet 0, protocol 10 (a paused one takes the connection and is silent)."""
    try:
        with socket.create_connection((HOST, port), PATIENCE) as line:
            line.settimeout(PATIENCE)
            said = line.recv(64)
            return len(said) > 5 and said[3] == 0 and said[4] == PROTOCOL  # noqa: PLR2004 — the shortest greeting
    except OSError:
        return False


def kafka_answers(port: int) -> bool:
    """Whether a broker answers ApiVersions (key 18, version 0), the one question that needs nothing before it."""
    number = 0x0DA21
    asked = struct.pack(">hhih", 18, 0, number, -1)
    try:
        with socket.create_connection((HOST, port), PATIENCE) as line:
            line.settimeout(PATIENCE)
            line.sendall(struct.pack(">i", len(asked)) + asked)
            return line.recv(64)[4:8] == struct.pack(">i", number)
    except OSError:
        return False
