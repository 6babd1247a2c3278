"""Parquet files that lie encrypted (Parquet's own encryption: AES-GCM over footer and columns, one key a file)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

from dari.core.errors import Hint, MissingExtra
from dari.core.sealing import Sealing, unopened

ENCRYPTED: Final = b"PARE"
"""An encrypted Parquet file begins with it (an open one with PAR1)."""


def sealing_of_file(sealing: Sealing | None) -> Any:
    """Encryption properties of pyarrow for a new file; None where it is to lie open. Raises MissingExtra."""
    return None if sealing is None else _encryption().create_encryption_properties(footer_key=sealing.keys[0])


def opened_file(pq: Any, path: Path, sealing: Sealing | None, columns: list[str] | None = None) -> Any:
    """An encrypted file as a table, with whichever key opens it. Raises BadSetting where none does."""
    for key in sealing.keys if sealing else ():
        properties = _encryption().create_decryption_properties(footer_key=key)
        try:
            with pq.ParquetFile(path, decryption_properties=properties) as file:
                return file.read(columns=columns, use_threads=False)
        except OSError:
            continue  # another key's
    raise unopened()


def _encryption() -> Any:
    found = import_module("pyarrow.parquet.encryption")
    if not hasattr(found, "create_encryption_properties"):
        hint = Hint("pip install --upgrade pyarrow", "pip install --upgrade pyarrow")
        raise MissingExtra("DARI_STORE_KEY needs a newer pyarrow for the day store", hint=hint)
    return found
