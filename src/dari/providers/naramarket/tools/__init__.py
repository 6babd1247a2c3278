"""The procurement tools, in three toolsets: search, crawl, files."""

from typing import Final

from dari.core.tool import Tool
from dari.providers.naramarket.tools import (
    attachments,
    attributes,
    companies,
    crawls,
    files,
    institutions,
    lists,
    mall,
    operations,
    store,
    tracing,
    watching,
)

TOOLS: Final[tuple[Tool, ...]] = (
    *mall.TOOLS,
    *attributes.TOOLS,
    *files.TOOLS,
    *store.TOOLS,
    *lists.TOOLS,
    *institutions.TOOLS,
    *tracing.TOOLS,
    *companies.TOOLS,
    *operations.TOOLS,
    *attachments.TOOLS,
    *crawls.TOOLS,
    *watching.TOOLS,
)

__all__ = ["TOOLS"]
