"""The master files as endpoints: no key, no parameters, a zip a day."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from dari.core.endpoint import Endpoint
from dari.providers.kis.spec.platform_facts import master_files

PREFIX: Final = "master."
KEEP_SECONDS: Final = 6 * 3600.0
"""KIS writes them anew before the market opens; one taken in the evening must not last into the next session."""

_ANY_MODE: Final = MappingProxyType({"real": "file", "paper": "file"})


def file_endpoint(endpoint_id: str) -> Endpoint | None:
    """The row of `master.<name>`, None where there is no such file."""
    file = master_files()["files"].get(endpoint_id.removeprefix(PREFIX))
    if file is None or not endpoint_id.startswith(PREFIX):
        return None
    return Endpoint(
        id=endpoint_id,
        provider="kis",
        title=f"종목정보 파일 {endpoint_id.removeprefix(PREFIX)}",
        title_en=f"Master file {endpoint_id.removeprefix(PREFIX)}",
        category="master",
        transport="file",
        path=file["url"],
        codes=_ANY_MODE,
        cache_seconds=KEEP_SECONDS,
        lane="files",
        source=str(master_files()["source"]),
        checked=str(master_files()["checked"]),
    )
