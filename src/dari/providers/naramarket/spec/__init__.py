"""What the procurement services are: 237 operations as sheets, with the tables that explain their answers."""

from dari.providers.naramarket.spec.sheets import SPEC, Service, Sheets
from dari.providers.naramarket.spec.tables import (
    ENVELOPES,
    ErrorCode,
    code_tables,
    error_classes,
    error_codes,
    gateway_messages,
    ocds_rows,
    retired_paths,
)

__all__ = [
    "ENVELOPES",
    "SPEC",
    "ErrorCode",
    "Service",
    "Sheets",
    "code_tables",
    "error_classes",
    "error_codes",
    "gateway_messages",
    "ocds_rows",
    "retired_paths",
]
