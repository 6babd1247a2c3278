"""Rows to CSV (utf-8-sig, so that Excel reads Korean), JSON lines and Parquet with types."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, MissingExtra
from dari.providers.naramarket.crawler.folder import Folder
from dari.providers.naramarket.crawler.leaves import BETWEEN, NEXT
from dari.providers.naramarket.export.hiding import hide_parts, hider
from dari.providers.naramarket.models import HIDDEN, Reader, plain

CELLS: Final = 250_000
"""Cells that are in memory at a time."""
CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
BREAKS: Final = re.compile(r"\s*[\r\n]+\s*")
FORMULA: Final = ("=", "+", "-", "@", "\t")
NUMBER: Final = re.compile(r"[+-]?[\d,.]+%?")


def clean(value: Any) -> str:
    """A cell that is one line and that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    text = BREAKS.sub(" ", CONTROL.sub("", text)).strip()
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text


def write_csv(
    file: IO[str], columns: Iterable[str], rows: Iterable[Mapping[str, Any]], *, sanitize: bool = True
) -> int:
    """Header and rows; how many. The byte order mark is written, as Excel needs it."""
    names = list(columns)
    file.write("\ufeff")
    table = csv.writer(file, lineterminator="\r\n")
    table.writerow(names)
    count = 0
    for row in rows:
        values = [row.get(name, "") for name in names]
        table.writerow([clean(one) for one in values] if sanitize else ["" if one is None else one for one in values])
        count += 1
    return count


def columns_of(endpoint: Endpoint, extra: Iterable[str] = ()) -> list[str]:
    """The upstream's field names in sheet order, then what its sheet does not know."""
    known = [one.name for one in endpoint.blocks[0].fields]
    return [*known, *(name for name in dict.fromkeys(extra) if name not in known)]


Rows = Callable[[], Iterable[Mapping[str, str]]]
"""The rows of an operation, as often as they are asked for."""


def rows_csv(folder: Folder, path: Path, endpoint: Endpoint, rows: Rows) -> int:
    """The rows as CSV, without people; read twice, because the second pass knows all columns."""
    extra = dict.fromkeys(name for row in rows() for name in row)
    hide = hider(endpoint)
    with folder.writing(path) as file:
        return write_csv(file, columns_of(endpoint, extra), (hide(row) for row in rows()))


def rows_jsonl(folder: Folder, path: Path, endpoint: Endpoint, rows: Rows) -> int:
    """The rows as values without people, one object a line, by our English names."""
    reader, count = Reader(endpoint), 0
    with folder.writing(path) as file:
        for row in rows():
            file.write(json.dumps(plain(reader.read([row]).rows[0]), ensure_ascii=False) + "\n")
            count += 1
    return count


# --- Parquet ---


def arrow() -> Any:
    """pyarrow, an extra. Raises MissingExtra."""
    try:
        pa = import_module("pyarrow")  # an extra: only who writes Parquet pays for it
        for part in ("compute", "json", "parquet"):
            import_module(f"pyarrow.{part}")
    except ImportError:
        raise MissingExtra(
            "Parquet needs pyarrow",
            hint=Hint("pip install 'dari[naramarket]' 로 설치하세요.", "Install it: pip install 'dari[naramarket]'"),
        ) from None
    return pa


KINDS: Final = ("amount", "number", "rate", "date", "datetime")


def _cast(pa: Any, column: Any, kind: str, *, careful: bool) -> Any:
    """A column of text as values; `careful` also reads what is spelled differently. Raises ArrowInvalid."""
    compute = pa.compute
    to = {
        "amount": pa.decimal128(24, 4),
        "number": pa.float64(),
        "rate": pa.float64(),
        "date": pa.date32(),
        "datetime": pa.timestamp("s"),
    }[kind]
    if careful:
        column = compute.utf8_trim_whitespace(column)
        if kind in ("amount", "number", "rate"):
            column = compute.replace_substring(column, ",", "")
        elif kind == "date":
            column = compute.replace_substring_regex(column, r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3")
        else:
            column = compute.replace_substring_regex(column, r"^(\d{4}-\d\d-\d\d \d\d:\d\d)$", r"\1:00")
    blank = compute.equal(column, "")
    if compute.any(blank).as_py():
        column = compute.if_else(blank, pa.scalar(None, pa.string()), column)
    return compute.cast(column, to)


Chunks = Callable[[int], Iterable[tuple[list[str], str]]]
"""From a size to chunks of so many rows: (field names, bodies joined by NEXT), as the book keeps them."""


class ParquetFile:
    """One Parquet file of an operation, written by chunks. `unread` are columns that stayed text; `key` encrypts it."""

    def __init__(self, endpoint: Endpoint, *, people: bool = False, key: bytes | None = None) -> None:
        self._endpoint, self._people, self._key = endpoint, people, key
        self._names = [one.name for one in endpoint.blocks[0].fields]
        self.unread: set[str] = set()
        self._careful: set[str] = set()

    def write(self, path: Path, chunks: Chunks) -> int:
        """All rows, typed by the sheet; a column that does not read in any chunk is text in the whole file."""
        pa = arrow()
        size = max(1_000, CELLS // max(1, len(self._names)))
        while True:
            before = set(self.unread)
            count = self._written(pa, path, chunks(size))
            if self.unread == before:
                return count

    def _written(self, pa: Any, path: Path, chunks: Iterable[tuple[list[str], str]]) -> int:
        writer, count = None, 0
        try:
            for names, bodies in chunks:
                table = self._table(pa, names, bodies)
                writer = writer or self._opened(pa, path, table.schema)
                if table.schema != writer.schema:
                    return 0  # a column was found out to be text: written once more
                writer.write_table(table)
                count += table.num_rows
            if writer is None:
                empty = self._table(pa, self._names, None)
                writer = self._opened(pa, path, empty.schema)
                writer.write_table(empty)
        finally:
            if writer is not None:
                writer.close()
        return count

    def _opened(self, pa: Any, path: Path, schema: Any) -> Any:
        """A writer; with a key it writes what only that key reads (Parquet's own encryption)."""
        properties = None
        if self._key is not None:
            properties = import_module("pyarrow.parquet.encryption").create_encryption_properties(footer_key=self._key)
        return pa.parquet.ParquetWriter(path, schema, compression="zstd", encryption_properties=properties)

    def _table(self, pa: Any, names: list[str], bodies: str | None) -> Any:
        compute, wire = pa.compute, self._endpoint.wire
        held = pa.array([] if bodies is None else [bodies], pa.large_string())
        rows = compute.list_flatten(compute.split_pattern(held, pattern=NEXT)).cast(pa.string())
        told = compute.split_pattern(rows, pattern=BETWEEN)
        places = {name: at for at, name in enumerate(names)} if bodies is not None else {}
        blank = pa.repeat("", len(rows))
        columns = []
        for name in self._names:
            column = compute.list_element(told, places[name]) if name in places else blank
            if not self._people and name in wire["pii"]:
                column = compute.if_else(compute.equal(column, ""), column, pa.scalar(HIDDEN))
            elif not self._people and name in wire["pii_parts"]:
                layout, hidden = wire["packed"][name], wire["pii_parts"][name]
                shown = [hide_parts(one, layout, hidden) if one else one for one in column.to_pylist()]
                column = pa.array(shown, pa.string())
            columns.append(self._typed(pa, name, column))
        return pa.table(columns, names=self._names)

    def _typed(self, pa: Any, name: str, column: Any) -> Any:
        """A column of text as values; where one cell does not read, the column stays text and is told."""
        compute, kind = pa.compute, self._endpoint.wire["kinds"][name]
        if kind == "flag":
            known = compute.if_else(compute.equal(column, ""), pa.scalar(None, pa.string()), column)
            return compute.equal(known, "Y")
        if kind not in KINDS or name in self.unread:
            return column
        if name not in self._careful:
            try:
                return _cast(pa, column, kind, careful=False)
            except pa.ArrowInvalid:
                self._careful.add(name)
        try:
            return _cast(pa, column, kind, careful=True)
        except pa.ArrowInvalid:
            self.unread.add(name)
            return column
