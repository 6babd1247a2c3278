"""Options that several commands have, each with the one sentence that `--help` says of it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

Json = Annotated[bool, Parameter(name="--json", negative="", help="One JSON document on stdout and nothing else.")]
Simulated = Annotated[
    bool, Parameter(name="--simulated", negative="", help="Answer from the simulator; needs no key. Answers say so.")
]
Toolsets = Annotated[str | None, Parameter(help="Only these toolsets of a server, with commas: search,crawl,files.")]
Seed = Annotated[int, Parameter(help="Seed of the simulated world.")]
