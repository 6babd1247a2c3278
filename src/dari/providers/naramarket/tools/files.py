"""The original server's file tools, inside one folder, and the store as files and as a table to ask."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import tempfile
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from dari import __version__
from dari.core.clock import KST
from dari.core.endpoint import Effect
from dari.core.errors import Hint, InvalidInput, MissingExtra, NotFound
from dari.core.exchange import Answer
from dari.core.tool import Query, Tool
from dari.providers.naramarket.desk import Desk, Procurement
from dari.providers.naramarket.export.ocds import release_package
from dari.providers.naramarket.export.tabular import ParquetFile, arrow, rows_csv, rows_jsonl, write_csv
from dari.providers.naramarket.folder import Folder
from dari.providers.naramarket.models import plain
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools.crawls import NoArguments
from dari.providers.naramarket.tools.operations import named
from dari.providers.naramarket.tools.shapes import OBJECT, ROWS, SURE, TEXT, WHOLE, schema, text

MOST_FILES: Final = 200
MOST_BYTES: Final = 200 * 1024 * 1024
CATEGORIES: Final = ("데스크톱컴퓨터", "운영체제", "DVD드라이브", "마그네틱카드판독기")
QUERY_SECONDS: Final = 10.0
SELECT: Final = re.compile(r"\s*(select|with|describe|summarize)\b", re.IGNORECASE)


class SaveResults(Query):
    """Arguments of save_results."""

    products: list[dict[str, Any]]
    filename: str = "products.json"
    directory: str = ""


class ListSaved(Query):
    """Arguments of list_saved_json."""

    pattern: str = "*.json"
    directory: str = ""


class ConvertJson(Query):
    """Arguments of convert_json_to_parquet."""

    json_path: str
    output_parquet: str
    explode_attributes: bool = False


class MergeCsv(Query):
    """Arguments of merge_csv_files."""

    input_pattern: str
    output_csv: str


class SummarizeCsv(Query):
    """Arguments of summarize_csv."""

    csv_path: str
    max_rows_preview: int = Field(default=5, ge=0, le=100)


class ExportStore(Query):
    """Arguments of export_store."""

    operation: str
    output: str
    format: Literal["csv", "jsonl", "parquet", "ocds"] = "csv"
    history: bool = False


class QueryStore(Query):
    """Arguments of query_store."""

    operation: str
    sql: str
    limit: int = Field(default=50, ge=1, le=1000)


def _joined(directory: str, name: str) -> str:
    return f"{directory.rstrip('/')}/{name}" if directory else name


async def save_results(query: SaveResults, upstream: Procurement) -> Answer:
    """Write rows as a JSON file."""
    folder = upstream.desk.folder
    path = folder.inside(_joined(query.directory, query.filename))
    with folder.writing(path) as file:
        json.dump(query.products, file, ensure_ascii=False, indent=1)
    data = {"success": True, "filename": folder.told(path), "count": len(query.products)}
    return Answer(data, (), (), f"{data['filename']}: {data['count']}건")


async def list_saved_json(query: ListSaved, upstream: Procurement) -> Answer:
    """Files of the output folder."""
    folder = upstream.desk.folder
    found = folder.found(query.pattern, query.directory)
    files = [
        {
            "name": folder.told(path),
            "bytes": path.stat().st_size,
            "modified": datetime.fromtimestamp(path.stat().st_mtime, KST).isoformat(timespec="seconds"),
        }
        for path in found[:MOST_FILES]
    ]
    data = {"success": True, "files": files, "count": len(found), "truncated": len(found) > MOST_FILES}
    return Answer(data, (), (), text(f"{one['name']} {one['bytes']:,}" for one in files))


async def convert_json_to_parquet(query: ConvertJson, upstream: Procurement) -> Answer:
    """A JSON list of objects as Parquet. Raises NotFound, InvalidInput, MissingExtra."""
    folder = upstream.desk.folder
    source, target = folder.existing(query.json_path), folder.inside(query.output_parquet)
    pa = arrow()
    rows = _objects(source)
    if query.explode_attributes:
        rows = [_exploded(row) for row in rows]
    flat = [{name: _cell(value) for name, value in row.items()} for row in rows]
    columns = list(dict.fromkeys(name for row in flat for name in row))
    arrays = [pa.array([None if row.get(name) is None else str(row[name]) for row in flat], pa.string()) for name in columns]
    with folder.replacing(target) as beside:
        pa.parquet.write_table(pa.table(arrays, names=columns), beside)
    data = {"success": True, "output_parquet": folder.told(target), "rows_converted": len(flat), "columns": len(columns)}
    return Answer(data, (), (), f"{data['output_parquet']}: {len(flat)}건")


def _objects(path: Path) -> list[dict[str, Any]]:
    if path.stat().st_size > MOST_BYTES:
        raise InvalidInput(f"{path.name} is larger than {MOST_BYTES:,} bytes")
    try:
        told = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError:
        raise InvalidInput(f"{path.name} is not JSON") from None
    rows = told.get("products", told.get("items")) if isinstance(told, dict) else told
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidInput(f"{path.name} is not a list of objects")
    return rows


def _exploded(row: dict[str, Any]) -> dict[str, Any]:
    told = row.get("attributes")
    if not isinstance(told, dict):
        return row
    return {**{k: v for k, v in row.items() if k != "attributes"}, **{f"attr_{k}": v for k, v in told.items()}}


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


async def merge_csv_files(query: MergeCsv, upstream: Procurement) -> Answer:
    """CSV files of one pattern as one, with all their columns. Raises NotFound where none matches."""
    folder = upstream.desk.folder
    target = folder.inside(query.output_csv)
    found = [path for path in folder.found(query.input_pattern) if path != target]
    if not found:
        raise NotFound(f"no file matches {query.input_pattern[:80]!r}")
    header = dict.fromkeys(name for path in found for name in _header(path))
    with folder.writing(target) as file:
        rows = write_csv(file, header, (row for path in found for row in _read(path)), sanitize=False)
    data = {"success": True, "output_csv": folder.told(target), "files": len(found), "rows": rows, "headers": [*header]}
    return Answer(data, (), (), f"{data['output_csv']}: {len(found)} files, {rows:,} rows")


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])


def _read(path: Path) -> Any:
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


async def summarize_csv(query: SummarizeCsv, upstream: Procurement) -> Answer:
    """Headers, rows and the first lines of a CSV file. Raises NotFound."""
    folder = upstream.desk.folder
    path = folder.existing(query.csv_path)
    preview: list[dict[str, Any]] = []
    count = 0
    for row in _read(path):
        count += 1
        if len(preview) < query.max_rows_preview:
            preview.append({str(name): value for name, value in row.items()})
    data = {"success": True, "csv_path": folder.told(path), "headers": _header(path), "rows": count, "preview": preview}
    return Answer(data, (), (), f"{data['csv_path']}: {count:,} rows, {len(data['headers'])} columns")


async def export_store(query: ExportStore, upstream: Procurement) -> Answer:
    """What the store holds of an operation as a file; people are left out. Raises NotFound where it holds nothing."""
    desk = upstream.desk
    endpoint, path = named(query.operation), desk.folder.inside(query.output)
    if endpoint.id not in desk.book.stored():
        raise NotFound(
            f"the store holds nothing of {endpoint.id}", hint=Hint("먼저 start_crawl로 수집하세요.", "start_crawl first.")
        )
    unread: set[str] = set()

    def bodies() -> Any:
        return desk.book.bodies(endpoint.id, history=query.history)

    if query.format == "csv":
        rows = rows_csv(desk.folder, path, endpoint, bodies, people=False)
    elif query.format == "jsonl":
        rows = rows_jsonl(desk.folder, path, endpoint, bodies, people=False)
    elif query.format == "parquet":
        file = ParquetFile(endpoint)
        with desk.folder.replacing(path) as beside:
            rows = file.write(beside, bodies)
        unread = file.unread
    else:
        package = release_package(endpoint, map(json.loads, bodies()), published=desk.now())
        rows = len(package["releases"])
        with desk.folder.writing(path) as out:
            json.dump(plain(package), out, ensure_ascii=False)
    data = {"success": True, "output": desk.folder.told(path), "rows": rows, "text_columns": sorted(unread)}
    return Answer(data, (), (), f"{data['output']}: {rows:,} rows")


# --- asking the store ---


async def query_store(query: QueryStore, upstream: Procurement) -> Answer:
    """One SELECT over what the store holds of an operation, as the table `rows`. Raises InvalidInput, MissingExtra."""
    desk = upstream.desk
    endpoint = named(query.operation)
    if not SELECT.match(query.sql):
        raise InvalidInput("only SELECT is possible here", hint=Hint("SELECT ... FROM rows", "SELECT ... FROM rows"))
    stored = desk.book.stored().get(endpoint.id)
    if stored is None:
        raise NotFound(f"the store holds nothing of {endpoint.id}")
    with tempfile.TemporaryDirectory(prefix="dari-") as held:
        path = Path(held, "rows.parquet")
        ParquetFile(endpoint).write(path, lambda: desk.book.bodies(endpoint.id))
        columns, rows = await asyncio.to_thread(_asked, path, query.sql, query.limit)
    data = {
        "columns": columns,
        "rows": [list(plain(row)) for row in rows[: query.limit]],
        "count": min(len(rows), query.limit),
        "truncated": len(rows) > query.limit,
        "stored": stored,
    }
    lines = [" | ".join(columns), *(" | ".join(map(str, row)) for row in rows[:20])]
    return Answer(data | {"simulated": desk.simulated}, (), (), text(lines))


def _asked(path: Path, sql: str, limit: int) -> tuple[list[str], list[Any]]:
    """Run the query in a database of its own: nothing outside is reached, no setting can be changed, time is capped."""
    try:
        import duckdb  # noqa: PLC0415 -- an extra: only who asks the store pays for it
    except ImportError:
        raise MissingExtra(
            "query_store needs duckdb",
            hint=Hint("pip install 'dari[naramarket]'", "pip install 'dari[naramarket]'"),
        ) from None
    base = duckdb.connect(":memory:", config={"threads": "2", "memory_limit": "1GB"})
    base.execute("CREATE TABLE rows AS SELECT * FROM read_parquet(?)", [str(path)])
    base.execute("SET python_enable_all_frames=false")
    base.execute("SET python_enable_replacements=false")
    base.execute("SET enable_external_access=false")
    base.execute("SET lock_configuration=true")
    timer = threading.Timer(QUERY_SECONDS, base.interrupt)
    timer.start()
    try:
        told = base.execute(sql)
        columns = [str(one[0]) for one in told.description or ()]
        return columns, told.fetchmany(limit + 1)
    except duckdb.Error as error:
        said = "took longer than 10 s" if isinstance(error, duckdb.InterruptException) else str(error)[:300]
        raise InvalidInput(f"the query failed: {said}") from None
    finally:
        timer.cancel()
        base.close()


# --- the server itself ---


async def server_info(_: NoArguments, upstream: Procurement) -> Answer:
    """What this server is, and where its files are."""
    desk: Desk = upstream.desk
    data = {
        "success": True,
        "name": "naramarket",
        "version": __version__,
        "operations": len(SPEC.ids()),
        "services": len(SPEC.services()),
        "categories": list(CATEGORIES),
        "output_dir": str(desk.folder.root),
        "simulated": desk.simulated,
    }
    return Answer(data, (), (), f"Dari {__version__}: {data['operations']} operations; files in {data['output_dir']}")


async def health(_: NoArguments, upstream: Procurement) -> Answer:
    """Whether the server answers; nothing is asked of data.go.kr."""
    data = {"status": "ok", "timestamp": upstream.now().isoformat(timespec="seconds"), "simulated": upstream.desk.simulated}
    return Answer(data, (), (), "ok")


def _tool(name: str, title: str, description: str, query: type[Query], run: Any, output: Any, **more: Any) -> Tool:
    return Tool(
        name=name,
        title=title,
        description=description,
        query=query,
        output=output,
        run=run,
        toolset=more.pop("toolset", "files"),
        open_world=False,
        **more,
    )


CHANGES: Final = {"effect": Effect.CHANGE}
TOOLS: Final = (
    _tool("save_results", "결과 저장", "Save rows as a JSON file in the output folder.", SaveResults, save_results,
          schema(success=SURE, filename=TEXT, count=WHOLE), **CHANGES),
    _tool("list_saved_json", "저장 목록", "List files of the output folder by pattern.", ListSaved, list_saved_json,
          schema(files=ROWS, count=WHOLE)),
    _tool("convert_json_to_parquet", "Parquet 변환", "Convert a saved JSON file to Parquet.", ConvertJson,
          convert_json_to_parquet, schema(output_parquet=TEXT, rows_converted=WHOLE), **CHANGES),
    _tool("merge_csv_files", "CSV 병합", "Merge CSV files of the output folder into one.", MergeCsv, merge_csv_files,
          schema(output_csv=TEXT, rows=WHOLE, headers={"type": "array"}), **CHANGES),
    _tool("summarize_csv", "CSV 요약", "Headers, row count and first rows of a CSV file.", SummarizeCsv, summarize_csv,
          schema(headers={"type": "array"}, rows=WHOLE, preview=ROWS)),
    _tool("export_store", "저장소 내보내기", "Write what the store holds of an operation as CSV, JSONL, Parquet or OCDS 1.1.",
          ExportStore, export_store, schema(output=TEXT, rows=WHOLE), **CHANGES),
    _tool("query_store", "저장소 질의", "SELECT over crawled rows of an operation: table `rows`, upstream's field names.",
          QueryStore, query_store, schema(columns={"type": "array"}, rows={"type": "array"}, truncated=SURE),
          toolset="crawl", deadline=60.0),
    _tool("server_info", "서버 정보", "Version, operations, categories and output folder.", NoArguments, server_info,
          schema(version=TEXT, operations=WHOLE, output_dir=TEXT)),
    _tool("health", "상태 확인", "Whether this server answers; costs no call.", NoArguments, health,
          schema(status=TEXT, data=OBJECT)),
)  # fmt: skip
