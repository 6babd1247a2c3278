"""The sheets: one JSONL file per path of the upstream, one line per API, a line parsed when it is first asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, Final

from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, NotFound
from dari.providers.kiwoom.spec.reading import endpoint

ROOM: Final = files(__package__)
SHEETS: Final = (
    *("oauth", "stkinfo", "mrkcond", "rkinfo", "chart", "acnt", "sect", "frgnistt", "shsa", "slb", "thme"),
    *("watchlist", "elw", "etf", "ordr", "crdordr", "screen", "realtime"),
)
OPENING: Final = '{"id":"'


@cache
def tables() -> Mapping[str, Mapping[str, str]]:
    """The value tables that several fields share."""
    read: dict[str, dict[str, str]] = json.loads((ROOM / "codes.json").read_text("utf-8"))
    return read


@cache
def lines() -> Mapping[str, str]:
    """Every sheet line by its id, unparsed: a line begins with its id."""
    found: dict[str, str] = {}
    for name in SHEETS:
        for line in (ROOM / "sheets" / f"{name}.jsonl").read_text("utf-8").splitlines():
            found[line[len(OPENING) : line.index('"', len(OPENING))]] = line
    return found


@cache
def row(endpoint_id: str) -> Mapping[str, Any]:
    """One line as written. Raises KeyError."""
    read: dict[str, Any] = json.loads(lines()[endpoint_id])
    return read


@cache
def read_endpoint(endpoint_id: str) -> Endpoint:
    """One line as an Endpoint. Raises KeyError."""
    return endpoint(row(endpoint_id), tables())


class KiwoomSpec:
    """Kiwoom's sheets (dari.core.provider.Spec)."""

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """The row of an api-id ("ka10001", "kt10000") or realtime type ("0B"). Raises NotFound with the nearest ids."""
        try:
            return read_endpoint(endpoint_id)
        except KeyError:
            near = get_close_matches(endpoint_id, self.ids(), n=3, cutoff=0.5)
            raise NotFound(
                f"Kiwoom has no endpoint {endpoint_id!r}",
                hint=Hint(
                    ko=f"가까운 id: {', '.join(near) or '없음'}",
                    en=f"Nearest ids: {', '.join(near) or 'none'}",
                ),
                details={"nearest": near},
            ) from None

    def ids(self) -> tuple[str, ...]:
        """Every id, in sheet order."""
        return tuple(lines())


SPEC: Final = KiwoomSpec()
