"""The endpoint sheets of the KIS Open API (339 endpoints), its platform facts and its master file layouts."""

from pathlib import Path
from typing import Final

from dari.providers.kis.spec.platform_facts import ErrorCode, error_code, master_files, platform_facts
from dari.providers.kis.spec.sheets import Sheets, tr_ids

SPEC: Final = Sheets(Path(__file__).parent)
"""Implements `dari.core.provider.Spec`; also `by_tr_id` and `by_path`."""

__all__ = ["SPEC", "ErrorCode", "Sheets", "error_code", "master_files", "platform_facts", "tr_ids"]
