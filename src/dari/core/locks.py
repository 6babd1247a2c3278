"""Locks between processes of one user: held by the operating system, so a killed holder leaves nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from dari.core.clock import Clock

POLL_SECONDS: Final = 0.002
"""How often a waiting task looks again: the event loop is never blocked by somebody else's lock."""


class Held(Exception):
    """Another process holds the lock."""


def take(path: Path) -> FileLock:
    """Take the lock at once, or raise Held. The caller releases it."""
    lock = FileLock(path, mode=0o600, thread_local=False, is_singleton=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise Held(path.name) from None
    return lock


@asynccontextmanager
async def held(path: Path, clock: Clock) -> AsyncIterator[None]:
    """Wait for the lock by short polls, hold it, release it."""
    while True:
        try:
            lock = take(path)
        except Held:
            await clock.sleep(POLL_SECONDS)
        else:
            break
    try:
        yield
    finally:
        lock.release()
