"""The original server's file tools, inside one folder."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import Field

from dari import __version__
from dari.core.clock import KST
from dari.core.endpoint import Effect
from dari.core.errors import InvalidInput, NotFound
from dari.core.exchange import Answer
from dari.core.tool import Query, Tool
from dari.providers.naramarket.crawler.desk import Desk, Procurement
from dari.providers.naramarket.export.tabular import arrow, write_csv
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools.crawls import NoArguments
from dari.providers.naramarket.tools.shapes import ROWS, SURE, TEXT, WHOLE, schema, text

MOST_FILES: Final = 200
MOST_BYTES: Final = 200 * 1024 * 1024
CATEGORIES: Final = ("데스크톱컴퓨터", "운영체제", "DVD드라이브", "마그네틱카드판독기")


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
    arrays = [
        pa.array([None if row.get(name) is None else str(row[name]) for row in flat], pa.string()) for name in columns
    ]
    with folder.replacing(target) as beside:
        pa.parquet.write_table(pa.table(arrays, names=columns), beside)
    data = {
        "success": True,
        "output_parquet": folder.told(target),
        "rows_converted": len(flat),
        "columns": len(columns),
    }
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
    headers = _header(path)
    data = {"success": True, "csv_path": folder.told(path), "headers": headers, "rows": count, "preview": preview}
    return Answer(data, (), (), f"{data['csv_path']}: {count:,} rows, {len(headers)} columns")


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
    data = {
        "status": "ok",
        "timestamp": upstream.now().isoformat(timespec="seconds"),
        "simulated": upstream.desk.simulated,
    }
    return Answer(data, (), (), "ok")


def _tool(name: str, title: str, run: Any, query: type[Query], /, **more: Any) -> Tool:
    more = {"toolset": "files", "open_world": False, **more}
    return Tool(name=name, title=title, run=run, query=query, **more)


TOOLS: Final = (
    _tool(
        "save_results",
        "결과 저장",
        save_results,
        SaveResults,
        description="Save rows as a JSON file in the output folder.",
        output=schema(success=SURE, filename=TEXT, count=WHOLE),
        effect=Effect.CHANGE,
        own=True,
    ),
    _tool(
        "list_saved_json",
        "저장 목록",
        list_saved_json,
        ListSaved,
        description="List files of the output folder by pattern.",
        output=schema(files=ROWS, count=WHOLE),
    ),
    _tool(
        "convert_json_to_parquet",
        "Parquet 변환",
        convert_json_to_parquet,
        ConvertJson,
        description="Convert a saved JSON file to Parquet.",
        output=schema(output_parquet=TEXT, rows_converted=WHOLE),
        effect=Effect.CHANGE,
        own=True,
    ),
    _tool(
        "merge_csv_files",
        "CSV 병합",
        merge_csv_files,
        MergeCsv,
        description="Merge CSV files of the output folder into one.",
        output=schema(output_csv=TEXT, rows=WHOLE, headers={"type": "array"}),
        effect=Effect.CHANGE,
        own=True,
    ),
    _tool(
        "summarize_csv",
        "CSV 요약",
        summarize_csv,
        SummarizeCsv,
        description="Headers, row count and first rows of a CSV file.",
        output=schema(headers={"type": "array"}, rows=WHOLE, preview=ROWS),
    ),
    _tool(
        "server_info",
        "서버 정보",
        server_info,
        NoArguments,
        description="Version, operations, categories and output folder.",
        output=schema(version=TEXT, operations=WHOLE, output_dir=TEXT),
    ),
    _tool(
        "health",
        "상태 확인",
        health,
        NoArguments,
        description="Whether this server answers; costs no call.",
        output=schema(status=TEXT, timestamp=TEXT),
    ),
)
