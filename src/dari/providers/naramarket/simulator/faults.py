"""Named fault scripts: each is something that was seen at the real services, or that their users must survive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dari.worlds.procurement.draw import draws, share


@dataclass(frozen=True, slots=True)
class Script:
    """One fault: what it does, and its figures with their defaults."""

    name: str
    tells: str
    figures: Mapping[str, Any] = field(default_factory=dict)


SCRIPTS: Final = {
    script.name: script
    for script in (
        # totals that lie
        Script("total_zero", "totalCount is 0 though there are rows"),
        Script("total_high", "totalCount exceeds what the pages give", {"share": 0.07}),
        Script("total_low", "totalCount is short of what the pages give", {"share": 0.05}),
        Script("total_jitter", "totalCount differs by a few from page to page", {"by": 3}),
        # lists that move
        Script("arrivals", "rows arrive inside the window after so many calls", {"share": 0.02, "after": [1, 4]}),
        Script("arrivals_first", "new rows arrive at the head and push the others back", {"rows": 25, "after": 2}),
        Script(
            "vanish", "rows are withdrawn and the others move up over the page borders", {"share": 0.01, "after": 2}
        ),
        Script("overlap", "a page repeats the last rows of the one before it", {"rows": 3}),
        Script("unstable", "asked first, a page begins with its neighbour's last row instead of its own", {}),
        # pages that are not whole
        Script("hollow", "asked first, a page after the first comes empty", {"share": 0.3}),
        Script("short", "asked first, a page lacks its last rows", {"share": 0.3, "rows": 5}),
        Script("cap", "no page has more than so many rows, and numOfRows says so", {"rows": 100}),
        Script("cap_silent", "no page has more than so many rows, and numOfRows repeats what was asked", {"rows": 100}),
        # limits
        Script("rate", "HTTP 429 above so many calls a second", {"rate": 10, "burst": 10}),
        Script("rate_23", "code 23 in the gateway's XML above so many calls a second", {"rate": 10, "burst": 10}),
        Script("concurrency", "HTTP 429 above so many calls at once", {"calls": 4}),
        Script("quota", "code 22 after so many calls a day and operation", {"calls": 50}),
        Script("narrow", "code 07 above so many days, which nobody documented", {"days": 7}),
        Script("expire", "code 31 after so many calls", {"after": 20}),
        # slowness
        Script("slow", "seconds a call and a row", {"base": 0.5, "row": 0.005}),
        Script("big_pages", "HTTP 504 for pages above so many rows", {"rows": 300}),
        # failures in passing
        Script("http_5xx", "HTTP 500, 502, 503 or 504 now and then", {"share": 0.1}),
        Script("reset", "the connection breaks off", {"share": 0.05}),
        Script("truncated", "the body ends early, with the right status", {"share": 0.05}),
        Script("garbage", "an HTML page with HTTP 200", {"share": 0.05}),
        Script("service_error", "codes 01, 02, 04 and 05 in the service's own envelope", {"share": 0.1}),
        Script("gateway_xml", "code 04 in the gateway's XML although JSON was asked for", {"share": 0.1}),
        # spellings
        Script("gateway_json", "the gateway refuses in JSON with HTTP 403"),
        Script("xml_for_json", "XML although JSON was asked for", {"share": 0.3}),
        Script("shapes", "items in another shape every time"),
        Script("no_data", "an empty window is code 03, not an empty page"),
    )
}


class Faults:
    """The scripts that are on, with their figures; chance is a function of seed, script and call number."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._on: dict[str, Mapping[str, Any]] = {}

    def put(self, scripts: Mapping[str, Mapping[str, Any] | None]) -> None:
        """Let exactly these scripts be on. Raises ValueError for an unknown name or figure."""
        on: dict[str, Mapping[str, Any]] = {}
        for name, figures in scripts.items():
            script = SCRIPTS.get(name)
            if script is None or set(figures or {}) - set(script.figures):
                raise ValueError(f"{name}: no such script, or figures it lacks")
            on[name] = {**script.figures, **(figures or {})}
        self._on = on

    def on(self) -> Mapping[str, Mapping[str, Any]]:
        """What is on."""
        return dict(self._on)

    def get(self, name: str) -> Mapping[str, Any] | None:
        """The figures of a script that is on, else None."""
        return self._on.get(name)

    def strikes(self, name: str, call: int) -> bool:
        """Does a script with a share strike this call?"""
        figures = self._on.get(name)
        return figures is not None and share(draws(self._seed, name, call)[0]) < figures["share"]

    def lot(self, name: str, call: int) -> int:
        """A draw for a script and a call."""
        return draws(self._seed, name, call)[1]
