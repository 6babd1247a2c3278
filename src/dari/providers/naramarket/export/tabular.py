"""Rows to CSV (utf-8-sig, so that Excel reads Korean), JSON lines and Parquet with types."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, MissingExtra
from dari.providers.naramarket.crawler.folder import Folder
from dari.providers.naramarket.export.hiding import hide_parts, hider
from dari.providers.naramarket.models import HIDDEN, Reader, plain

CHUNK: Final = 10_000
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


def rows_csv(
    folder: Folder, path: Path, endpoint: Endpoint, bodies: Callable[[], Iterable[str]], *, people: bool
) -> int:
    """The rows of an operation as CSV; read twice, because the second pass knows all columns."""
    extra = dict.fromkeys(name for body in bodies() for name in json.loads(body))
    shown: Callable[[Mapping[str, str]], dict[str, str]] = dict if people else hider(endpoint)
    with folder.writing(path) as file:
        return write_csv(file, columns_of(endpoint, extra), (shown(json.loads(body)) for body in bodies()))


def rows_jsonl(
    folder: Folder, path: Path, endpoint: Endpoint, bodies: Callable[[], Iterable[str]], *, people: bool
) -> int:
    """The rows of an operation as values, one object a line, by our English names."""
    reader, count = Reader(endpoint, people=people), 0
    with folder.writing(path) as file:
        for body in bodies():
            file.write(json.dumps(plain(reader.read([json.loads(body)]).rows[0]), ensure_ascii=False) + "\n")
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


def _typed(pa: Any, column: Any, kind: str, unread: set[str], name: str) -> Any:
    """A column of text as values; where one cell does not read, the column stays text and is told."""
    compute = pa.compute
    if kind == "flag":
        read = compute.equal(column, "Y")
        return compute.if_else(compute.equal(column, ""), pa.scalar(None, pa.bool_()), read)
    kinds = {
        "amount": pa.decimal128(24, 4),
        "number": pa.float64(),
        "rate": pa.float64(),
        "date": pa.date32(),
        "datetime": pa.timestamp("s"),
    }
    if kind not in kinds:
        return column
    blank = compute.if_else(
        compute.equal(compute.utf8_trim_whitespace(column), ""), pa.scalar(None, pa.string()), column
    )
    if kind in ("amount", "number", "rate"):
        blank = compute.replace_substring(blank, ",", "")
    elif kind == "date":
        blank = compute.replace_substring_regex(blank, r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3")
    elif kind == "datetime":
        blank = compute.replace_substring_regex(blank, r"^(\d{4}-\d\d-\d\d \d\d:\d\d)$", r"\1:00")
    try:
        return compute.cast(blank, kinds[kind])
    except pa.ArrowInvalid:
        unread.add(name)
        return column


def _chunks(bodies: Iterable[str]) -> Iterator[list[str]]:
    left = iter(bodies)
    while chunk := list(itertools.islice(left, CHUNK)):
        yield chunk


class ParquetFile:
    """One Parquet file of an operation, written by chunks. `unread` are columns that stayed text."""

    def __init__(self, endpoint: Endpoint, *, people: bool = False) -> None:
        self._endpoint, self._people = endpoint, people
        self.unread: set[str] = set()

    def write(self, path: Path, bodies: Callable[[], Iterable[str]]) -> int:
        """All rows, typed by the sheet; a column that does not read in any chunk is text in the whole file."""
        pa = arrow()
        while True:
            before = set(self.unread)
            count = self._written(pa, path, bodies())
            if self.unread == before:
                return count

    def _written(self, pa: Any, path: Path, bodies: Iterable[str]) -> int:
        writer, count = None, 0
        try:
            for chunk in _chunks(bodies):
                table = self._table(pa, chunk)
                writer = writer or pa.parquet.ParquetWriter(path, table.schema, compression="zstd")
                if table.schema != writer.schema:
                    return 0  # a column was found out to be text: written once more
                writer.write_table(table)
                count += table.num_rows
            if writer is None:
                pa.parquet.write_table(self._table(pa, []), path)
        finally:
            if writer is not None:
                writer.close()
        return count

    def _table(self, pa: Any, bodies: list[str]) -> Any:
        wire, fields = self._endpoint.wire, [one.name for one in self._endpoint.blocks[0].fields]
        schema = pa.schema([(name, pa.string()) for name in fields])
        if bodies:
            options = pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
            read = pa.json.ReadOptions(use_threads=True, block_size=1 << 24)
            raw = pa.json.read_json(io.BytesIO("\n".join(bodies).encode()), read_options=read, parse_options=options)
        else:
            raw = schema.empty_table()
        columns = []
        for name in fields:
            column = raw.column(name)
            kind = "text" if name in self.unread else wire["kinds"][name]
            if not self._people and name in wire["pii"]:
                blank = pa.compute.equal(column, "")
                column = pa.compute.if_else(blank, column, pa.scalar(HIDDEN))
            elif not self._people and name in wire["pii_parts"]:
                layout, hidden = wire["packed"][name], wire["pii_parts"][name]
                told = [hide_parts(one, layout, hidden) if one else one for one in column.to_pylist()]
                column = pa.chunked_array([pa.array(told, pa.string())])
            columns.append(_typed(pa, column, kind, self.unread, name))
        return pa.table(columns, names=fields)
