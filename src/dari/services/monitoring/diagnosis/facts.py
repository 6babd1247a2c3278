"""Named facts with three answers: a value, or Unknown with the probe that failed; never a default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Unknown(Exception):
    """The fact could not be learned; `probe` says who should have."""

    def __init__(self, name: str, probe: str, reason: str) -> None:
        super().__init__(f"{name}: {probe}: {reason}")
        self.name = name
        self.probe = probe
        self.reason = reason


class Facts:
    """What is known, by name. `about` maps a name's first part (kafka, database …) to the failure that hides it."""

    def __init__(self, values: Mapping[str, Any], failures: Mapping[str, tuple[str, str]] | None = None) -> None:
        self._values = dict(values)
        self.failures = dict(failures or {})

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __getitem__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        probe, reason = self._why(name)
        raise Unknown(name, probe, reason)

    def get(self, name: str, default: Any = None) -> Any:
        """For evidence only, where an absent figure is printed as null."""
        return self._values.get(name, default)

    def _why(self, name: str) -> tuple[str, str]:
        part = name.split(".", 1)[0]
        for probe in SOURCES.get(part, (part,)):
            if probe in self.failures:
                kind, message = self.failures[probe]
                return probe, f"{kind}: {message}" if message else kind
        return SOURCES.get(part, (part,))[0], "not enough history yet"

    def plus(self, more: Mapping[str, Any]) -> Facts:
        """These facts and more."""
        return Facts({**self._values, **more}, self.failures)

    def with_(self, **changes: Any) -> Facts:
        """A copy with other values (`a__b` for a.b; None takes the fact away): for tests and what-if."""
        values = dict(self._values)
        for name, value in changes.items():
            key = name.replace("__", ".")
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value
        return Facts(values, self.failures)


SOURCES: Mapping[str, tuple[str, ...]] = {
    "app": ("app.info",),
    "http": ("app.metrics",),
    "publish": ("app.metrics",),
    "consume": ("app.metrics",),
    "pg": ("app.metrics",),
    "pool": ("app.metrics",),
    "limit": ("app.metrics", "redis"),
    "idempotency": ("app.metrics", "database"),
    "breaker": ("app.breakers", "app.events"),
    "poller": ("app.metrics", "database"),
    "topics": ("kafka",),
    "partitions": ("kafka",),
    "groups": ("kafka",),
    "letters": ("kafka",),
    "outbox": ("database",),
    "clock": ("app.info", "database.time", "redis"),
    "ledger": ("database",),
    "requests": ("database",),
    "traffic": ("app.metrics",),
}
