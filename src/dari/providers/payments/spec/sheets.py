"""The sheet of the monitoring service: one JSONL line per page, a line parsed when it is first asked for.

A line holds `id`, `path`, `title`, `title_en` and, where they say something, `effect` (READ), `method` (GET), `added`
(not in the original service), `parameters`: `[name, label, {required, list, data}?]`; `list` travels as a repeated
query parameter, `data` as JSON inside a body.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from dari.core.endpoint import Effect, Endpoint, Parameter
from dari.core.errors import Hint, NotFound

PROVIDER: Final = "payments"
SOURCE: Final = "Payment_SWElite 222db36 monitoring-service controllers; dari.services.monitoring"
CHECKED: Final = "2026-11-20"
KNOWN_KEYS: Final = frozenset({"id", "path", "title", "title_en", "effect", "method", "added", "parameters"})


@cache
def rows() -> Mapping[str, Mapping[str, Any]]:
    """Every line by its id."""
    text = (files(__package__) / "sheets" / "monitoring.jsonl").read_text("utf-8")
    read = [json.loads(line) for line in text.splitlines() if line.strip()]
    return MappingProxyType({row["id"]: row for row in read})


def _parameter(name: str, label: str, more: Mapping[str, Any] | None = None) -> Parameter:
    return Parameter(name=name, label=label, required=bool((more or {}).get("required")))


@cache
def read_endpoint(endpoint_id: str) -> Endpoint:
    """One line as an Endpoint. Raises KeyError, or ValueError for a key that nobody reads."""
    row = rows()[endpoint_id]
    if strange := set(row) - KNOWN_KEYS:
        raise ValueError(f"{endpoint_id}: unknown keys {sorted(strange)}")
    parameters = row.get("parameters", [])

    def marked(mark: str) -> tuple[str, ...]:
        return tuple(one[0] for one in parameters if one[2:] and one[2].get(mark))

    return Endpoint(
        id=row["id"],
        provider=PROVIDER,
        title=row["title"],
        title_en=row["title_en"],
        category=row["id"].partition(".")[0],
        effect=Effect[row.get("effect", "READ")],
        method=row.get("method", "GET"),
        path=row["path"],
        place="body" if row.get("method") == "POST" else "query",
        parameters=tuple(_parameter(*one) for one in parameters),
        cache_seconds=0.0,  # an operator asks how it is now
        wire=MappingProxyType({"lists": marked("list"), "data": marked("data"), "added": bool(row.get("added"))}),
        source=SOURCE,
        checked=CHECKED,
    )


class MonitoringSpec:
    """The monitoring service's pages (dari.core.provider.Spec)."""

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """The row of a page ("kafka.topics"). Raises NotFound with the nearest ids."""
        try:
            return read_endpoint(endpoint_id)
        except KeyError:
            near = ", ".join(get_close_matches(endpoint_id, self.ids(), n=3, cutoff=0.5))
            raise NotFound(
                f"the monitoring service has no page {endpoint_id[:60]!r}",
                hint=Hint(f"가까운 id: {near or '없음'}", f"Nearest ids: {near or 'none'}"),
            ) from None

    def ids(self) -> tuple[str, ...]:
        """Every id, in sheet order."""
        return tuple(rows())


SPEC: Final = MonitoringSpec()
