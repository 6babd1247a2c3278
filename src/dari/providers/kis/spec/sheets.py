"""The endpoint sheets of KIS as a Spec: one line is parsed when its endpoint is first asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, NotFound
from dari.providers.kis.spec.files import file_endpoint
from dari.providers.kis.spec.reading import endpoint_of

CATEGORIES: Final = (
    "auth",
    "domestic_stock",
    "etfetn",
    "elw",
    "domestic_futureoption",
    "overseas_stock",
    "overseas_futureoption",
    "domestic_bond",
)

_ID: Final = re.compile(rb'^\{"id":"([^"]+)"', re.MULTILINE)


class Sheets:
    """A folder of `<category>.jsonl`. Nothing is read before it is asked for; what was read is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, bytes] = {}
        self._endpoints: dict[str, Endpoint] = {}

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """The row of `endpoint_id`. Raises NotFound with the nearest ids."""
        known = self._endpoints.get(endpoint_id)
        if known is not None:
            return known
        if file := file_endpoint(endpoint_id):
            self._endpoints[endpoint_id] = file
            return file
        category = endpoint_id.partition(".")[0]
        if category in CATEGORIES:
            for line in self._lines_with(category, f'{{"id":"{endpoint_id}",'):
                return self._kept(line)
        raise self._not_found(endpoint_id)

    def ids(self) -> tuple[str, ...]:
        """Every endpoint id, in sheet order."""
        return tuple(found.decode() for category in CATEGORIES for found in _ID.findall(self._file(category)))

    def by_tr_id(self, tr_id: str) -> Endpoint:
        """The endpoint that sends `tr_id` in some mode or variant, or did before it was retired.

        Whether it is retired stands in `wire["retired"]`. Raises NotFound.
        """
        for category in CATEGORIES:
            for line in self._lines_with(category, f'"{tr_id}"'):
                found = self._kept(line)
                if tr_id in tr_ids(found) or tr_id in found.wire["retired"]:
                    return found
        raise NotFound(f"no KIS endpoint has the tr_id {tr_id!r}")

    def by_path(self, path: str) -> Endpoint:
        """The endpoint at `path` (each has its own). Raises NotFound."""
        for category in CATEGORIES:
            for line in self._lines_with(category, f'"path":"{path}",'):
                return self._kept(line)
        raise NotFound(f"no KIS endpoint has the path {path!r}")

    def __iter__(self) -> Iterator[Endpoint]:
        """Every endpoint, in sheet order (reads all sheets)."""
        return map(self.endpoint, self.ids())

    def _file(self, category: str) -> bytes:
        if category not in self._files:
            path = self._folder / f"{category}.jsonl"
            self._files[category] = path.read_bytes() if path.exists() else b""
        return self._files[category]

    def _lines_with(self, category: str, text: str) -> Iterator[bytes]:
        content, wanted, at = self._file(category), text.encode(), 0
        while (at := content.find(wanted, at)) >= 0:
            end = content.find(b"\n", at)
            yield content[content.rfind(b"\n", 0, at) + 1 : end]
            at = end

    def _kept(self, line: bytes) -> Endpoint:
        found = _ID.match(line)
        endpoint_id = found[1].decode() if found else ""
        if endpoint_id not in self._endpoints:
            self._endpoints[endpoint_id] = endpoint_of(line)
        return self._endpoints[endpoint_id]

    def _not_found(self, endpoint_id: str) -> NotFound:
        from difflib import get_close_matches  # noqa: PLC0415 - only a wrong id pays for it

        ids = self.ids()
        name = endpoint_id.rpartition(".")[2]
        near = [known for known in ids if name and name in known][:3]
        near += [known for known in get_close_matches(endpoint_id, ids, 5, 0.5) if known not in near]
        said = ", ".join(near[:5])
        return NotFound(
            f"no KIS endpoint {endpoint_id!r}" + (f"; near it: {said}" if said else ""),
            hint=Hint("search_endpoints로 찾으십시오.", "Look it up with search_endpoints."),
            details={"near": near[:5]},
        )


def tr_ids(endpoint: Endpoint) -> frozenset[str]:
    """Every tr_id the endpoint may be asked with today, over modes and variants."""
    told = [endpoint.codes, *endpoint.wire["variants"]]
    return frozenset(one for row in told for mode in ("real", "paper") if (one := row.get(mode)))
