"""What OpenDART is, as data: four operations, its status codes and code lists, and what holds for all of them.

Sources, read on 2026-11-20 for facts alone: the developers' guide of opendart.fss.or.kr as public projects carry it
over (DS001 and DS002), and notes of live calls in public client code (2026-07 to 2026-10).
`docs/reference/upstreams/opendart.md` has each fact's source.
"""

from dari.providers.dart.spec.sheets import (
    SPEC,
    DartSpec,
    Platform,
    Status,
    code_tables,
    platform,
    statuses,
)

__all__ = ["SPEC", "DartSpec", "Platform", "Status", "code_tables", "platform", "statuses"]
