"""What was crawled, as files (CSV, JSON lines, Parquet, OCDS) and as a table to ask."""

from __future__ import annotations

import base64
import json
import os
import re
import tempfile
import threading
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.endpoint import Effect, Endpoint
from dari.core.errors import Hint, InvalidInput, MissingExtra, NotFound
from dari.core.exchange import Answer
from dari.core.sealing import KEY_BYTES
from dari.core.tool import Query, Tool
from dari.providers.naramarket.crawler import Book
from dari.providers.naramarket.crawler.desk import Desk, Procurement
from dari.providers.naramarket.export.ocds import release_package
from dari.providers.naramarket.export.tabular import ParquetFile, rows_csv, rows_jsonl
from dari.providers.naramarket.models import plain
from dari.providers.naramarket.tools.operations import named
from dari.providers.naramarket.tools.shapes import SURE, TEXT, WHOLE, schema, text

QUERY_SECONDS: Final = 10.0
SELECT: Final = re.compile(r"\s*(select|with|describe|summarize)\b", re.IGNORECASE)


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


async def export_store(query: ExportStore, upstream: Procurement) -> Answer:
    """What the store holds of an operation as a file; people are left out. Raises NotFound where it holds nothing."""
    desk = upstream.desk
    endpoint, path = named(query.operation), desk.folder.inside(query.output)
    await _held(desk, endpoint)
    rows, unread = await desk.apart(lambda book: _exported(desk, book, query, endpoint, path))
    data = {"success": True, "output": desk.folder.told(path), "rows": rows, "text_columns": sorted(unread)}
    return Answer(data, (), (), f"{data['output']}: {rows:,} rows")


async def _held(desk: Desk, endpoint: Endpoint) -> None:
    if not await desk.on(lambda book: book.holds(endpoint.id)):
        raise NotFound(
            f"the store holds nothing of {endpoint.id}",
            hint=Hint("먼저 start_crawl로 수집하세요.", "start_crawl first."),
        )


def _exported(desk: Desk, book: Book, query: ExportStore, endpoint: Endpoint, path: Path) -> tuple[int, set[str]]:
    """How many rows were written, and which columns stayed text."""

    def held() -> Any:
        return book.rows(endpoint.id, history=query.history)

    if query.format == "csv":
        return rows_csv(desk.folder, path, endpoint, held), set()
    if query.format == "jsonl":
        return rows_jsonl(desk.folder, path, endpoint, held), set()
    if query.format == "parquet":
        file = ParquetFile(endpoint)
        with desk.folder.replacing(path) as beside:
            rows = file.write(beside, lambda size: book.chunks(endpoint.id, history=query.history, most=size))
        return rows, file.unread
    package = release_package(endpoint, held(), published=desk.now())
    with desk.folder.writing(path) as out:
        json.dump(plain(package), out, ensure_ascii=False)
    return len(package["releases"]), set()


async def query_store(query: QueryStore, upstream: Procurement) -> Answer:
    """One SELECT over what the store holds of an operation, as the table `rows`. Raises InvalidInput, MissingExtra."""
    desk = upstream.desk
    endpoint = named(query.operation)
    if not SELECT.match(query.sql):
        raise InvalidInput("only SELECT is possible here", hint=Hint("SELECT ... FROM rows", "SELECT ... FROM rows"))
    await _held(desk, endpoint)

    def asked(book: Book) -> tuple[list[str], list[Any], int]:
        with tempfile.TemporaryDirectory(prefix="dari-") as held:
            path = Path(held, "rows.parquet")
            key = os.urandom(KEY_BYTES) if book.sealing else None  # what is sealed does not lie open here either
            stored = ParquetFile(endpoint, key=key).write(path, lambda size: book.chunks(endpoint.id, most=size))
            return *_asked(path, query.sql, query.limit, key), stored

    columns, rows, stored = await desk.apart(asked)
    data = {
        "columns": columns,
        "rows": [list(plain(row)) for row in rows[: query.limit]],
        "count": min(len(rows), query.limit),
        "truncated": len(rows) > query.limit,
        "stored": {"rows": stored},
    }
    lines = [" | ".join(columns), *(" | ".join(map(str, row)) for row in rows[:20])]
    return Answer(data | {"simulated": desk.simulated}, (), (), text(lines))


def _asked(path: Path, sql: str, limit: int, key: bytes | None) -> tuple[list[str], list[Any]]:
    """Run the query in a database of its own: nothing outside is reached, no setting can be changed, time is capped."""
    try:
        duckdb = import_module("duckdb")  # an extra: only who asks the store pays for it
    except ImportError:
        raise MissingExtra(
            "query_store needs duckdb",
            hint=Hint("pip install 'dari[naramarket]'", "pip install 'dari[naramarket]'"),
        ) from None
    base = duckdb.connect(":memory:", config={"threads": "2", "memory_limit": "1GB"})
    locked = ""
    if key is not None:
        base.execute(f"PRAGMA add_parquet_key('once', '{base64.b64encode(key).decode('ascii')}')")
        locked = ", encryption_config={footer_key: 'once'}"
    base.execute(f"CREATE TABLE rows AS SELECT * FROM read_parquet(?{locked})", [str(path)])  # noqa: S608 -- our words
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


TOOLS: Final = (
    Tool(
        name="export_store",
        title="저장소 내보내기",
        run=export_store,
        query=ExportStore,
        toolset="files",
        open_world=False,
        description="Write crawled rows of an operation as CSV, JSONL, Parquet or OCDS 1.1.",
        output=schema(output=TEXT, rows=WHOLE),
        effect=Effect.CHANGE,
        own=True,
    ),
    Tool(
        name="query_store",
        title="저장소 질의",
        run=query_store,
        query=QueryStore,
        open_world=False,
        description="SELECT over crawled rows of an operation: table `rows`, upstream's field names.",
        output=schema(columns={"type": "array"}, rows={"type": "array"}, truncated=SURE),
        toolset="crawl",
        deadline=60.0,
    ),
)
