"""The procurement server's routes by the names its document gave them: other doors to the same tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SERVER: Final = "naramarket"


@dataclass(frozen=True, slots=True)
class Alias:
    """A path that calls a tool. `query` and `{…}` of the path are arguments (of a GET); `streams`: always as events."""

    method: str
    path: str
    tool: str
    streams: bool = False
    renamed: tuple[tuple[str, str], ...] = ()
    """Part of the path → the tool's argument."""


ALIASES: Final = (
    Alias("POST", "/api/v1/crawl/list", "crawl_list"),
    Alias("POST", "/api/v1/crawl/attributes", "get_detailed_attributes"),
    Alias("POST", "/api/v1/crawl/csv", "crawl_to_csv"),
    Alias("POST", "/api/v1/crawl/csv/stream", "crawl_to_csv", streams=True),
    Alias("POST", "/api/v1/files/save", "save_results"),
    Alias("POST", "/api/v1/files/convert/parquet", "convert_json_to_parquet"),
    Alias("POST", "/api/v1/files/merge", "merge_csv_files"),
    Alias("GET", "/api/v1/files/list", "list_saved_json"),
    Alias("GET", "/api/v1/files/csv/{path}/summary", "summarize_csv", renamed=(("path", "csv_path"),)),
    Alias("GET", "/api/v1/server/info", "server_info"),
)
