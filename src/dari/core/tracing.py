"""What happens inside what: a span is told to whoever listens (a log, OpenTelemetry); with nobody it costs nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

Hook = Callable[[str, Mapping[str, Any]], AbstractContextManager[Any]]
"""From a span's name and its harmless facts (no values, no keys) to what is open while it lasts."""

_hooks: list[Hook] = []


@contextmanager
def span(name: str, **facts: Any) -> Iterator[None]:
    """Tell that `name` happens while the block runs."""
    if not _hooks:
        yield
        return
    with ExitStack() as stack:
        for hook in _hooks:
            stack.enter_context(hook(name, facts))
        yield


@contextmanager
def heard_by(hook: Hook) -> Iterator[None]:
    """Let `hook` hear every span while the block runs."""
    _hooks.append(hook)
    try:
        yield
    finally:
        _hooks.remove(hook)
