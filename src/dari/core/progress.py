"""How far a long work is, told in passing to whoever listens: a door that streams, or nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Listener = Callable[[Mapping[str, Any]], None]

_listener: ContextVar[Listener | None] = ContextVar("dari_progress", default=None)


def tell(progress: Mapping[str, Any]) -> None:
    """Tell how far it is, in plain JSON: counts and states, no values of a caller or an upstream."""
    listener = _listener.get()
    if listener is not None:
        listener(progress)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Let `listener` hear what is told while the block runs, and by the tasks it starts."""
    before = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(before)
