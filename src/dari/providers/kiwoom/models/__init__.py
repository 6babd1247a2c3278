"""Kiwoom's strings as our words and units (won, shares, percent, ISO dates), here and nowhere else."""

from dari.providers.kiwoom.models.rows import Table, block_of, columns, frame, head, list_block, table
from dari.providers.kiwoom.models.written import DIRECTIONS, VENUE_OF_SUFFIX, code, number

__all__ = [
    "DIRECTIONS",
    "VENUE_OF_SUFFIX",
    "Table",
    "block_of",
    "code",
    "columns",
    "frame",
    "head",
    "list_block",
    "number",
    "table",
]
