"""What Kiwoom's API is, as data: sheets, error codes, limits and websocket rules; nothing is read before it is asked.

Sources, read on 2026-11-20 for facts alone: field tables of the vendor's own package `kwcli` 1.0.3, an independent
scrape of the vendor's portal (MIT; field names agree on 205 of 206 rows) and notes of live probes in public projects.
"""

from dari.providers.kiwoom.spec.platform_facts import (
    REFUSALS,
    REFUSALS_OF_FRAMES,
    Refusal,
    hosts,
    limits,
    named_in,
    platform,
)
from dari.providers.kiwoom.spec.sheets import SPEC, KiwoomSpec

__all__ = [
    "REFUSALS",
    "REFUSALS_OF_FRAMES",
    "SPEC",
    "KiwoomSpec",
    "Refusal",
    "hosts",
    "limits",
    "named_in",
    "platform",
]
