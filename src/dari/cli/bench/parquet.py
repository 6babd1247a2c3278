"""How fast pages reach Parquet through the store (keys, versions, receipts), beside PyArrow alone with these rows."""

from __future__ import annotations

import json
import tempfile
import time
from datetime import date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from dari.cli.bench.shared import Measured, child
from dari.core.clock import KST
from dari.core.endpoint import Endpoint
from dari.providers.naramarket.crawler import Book, whole
from dari.providers.naramarket.export.tabular import ParquetFile
from dari.providers.naramarket.spec import SPEC
from dari.serving.resident import resident_bytes

PAGE: Final = 999
NOW: Final = datetime(2026, 11, 20, tzinfo=KST)
MONTH: Final = (date(2026, 9, 1), date(2026, 9, 30))
FORMS: Final = {
    "lists": ("ShoppingMallPrdctInfoService.getShoppingMallPrdctInfoList", 40_000.0, 250),
    "notices": ("BidPublicInfoService.getBidPblancListInfoThng", 12_000.0, 350),
}
"""Operation, rows a CPU second, and megabytes that its process may hold in the end."""
VALUES: Final = {
    "amount": "1153900", "number": "19", "rate": "84.25", "flag": "N", "url": "https://www.g2b.go.kr/files/1",
    "code": "4321", "packed": "[1^43211507^x]", "month": "2026-09",
}  # fmt: skip
TIMES: Final = {"YYYY-MM-DD": "2026-09-01", "YYYYMMDD": "20260901", "YYYY-MM-DD HH:MM": "2026-09-01 10:00"}


async def measure(*, long: bool) -> list[Measured]:
    """Each form in a process of its own, as wide rows and narrow ones."""
    pages = 300 if long else 40
    found = []
    for name, (operation, least, megabytes) in FORMS.items():
        async with child("dari.cli.bench.children", "store", operation, str(pages)) as line:
            told = json.loads(line)
        found.append(
            Measured(
                name=f"parquet {name}",
                figure=told["ours"],
                unit="rows/CPU s",
                floor=told["bare"],
                ratio=round(told["ours"] / told["bare"], 3),
                limit=least,
                rising=True,
                within=told["ours"] >= least and told["megabytes"] <= megabytes,
                more={"fields": told["fields"], "rows": told["rows"], "peak_megabytes": told["megabytes"]},
            )
        )
    return found


def store(operation: str, pages: int) -> dict[str, Any]:
    """Rows a CPU second through the store to Parquet, then by PyArrow alone; what the process held at most."""
    endpoint = SPEC.endpoint(operation)
    sample, key = _sample(endpoint), endpoint.wire["key"][0]
    with tempfile.TemporaryDirectory() as folder:
        written, busy = _stored(endpoint, Path(folder), sample, pages)
        megabytes = (resident_bytes(line="VmHWM:") or 0) // (1 << 20)
        bare = _bare(Path(folder), sample, key, pages)
    return {
        "fields": len(sample),
        "rows": written,
        "ours": round(written / busy),
        "bare": round(pages * PAGE / bare),
        "megabytes": megabytes,
    }


def _stored(endpoint: Endpoint, folder: Path, sample: dict[str, str], pages: int) -> tuple[int, float]:
    """Rows that reached Parquet, and the seconds of CPU that took; making the pages does not count."""
    book, key = Book(folder / "book.sqlite"), endpoint.wire["key"][0]
    way = next(word for word, told in endpoint.wire["by"].items() if "from" in told)
    crawl = book.begin(endpoint.id, way, {}, [whole(*MONTH)], now=NOW)
    window, busy = book.windows(crawl)[0].id, 0.0
    for page in range(1, pages + 1):
        text = _page(sample, key, page)
        began = time.process_time()
        call = book.calling(endpoint.id, now=NOW, crawl=crawl, window=window, page=page, size=PAGE)
        book.page(
            endpoint, way, call=call, window=window, number=page, size=PAGE, told=PAGE, total=pages * PAGE,
            rows=json.loads(text), at=NOW,
        )  # fmt: skip
        busy += time.process_time() - began
    began, written, file = time.process_time(), 0, ParquetFile(endpoint)
    for month in book.months(endpoint.id):

        def chunks(size: int, month: str = month) -> Any:
            return book.chunks(endpoint.id, month=month, most=size)

        written += file.write(folder / f"{month}.parquet", chunks)
    busy += time.process_time() - began
    book.close()
    return written, busy


def _bare(folder: Path, sample: dict[str, str], key: str, pages: int) -> float:
    """Seconds of CPU of PyArrow alone: the same text, read and written as it is."""
    pa, pq = import_module("pyarrow"), import_module("pyarrow.parquet")  # an extra; without types
    schema, busy = pa.schema([(name, pa.string()) for name in sample]), 0.0
    with pq.ParquetWriter(str(folder / "bare.parquet"), schema) as out:
        for page in range(pages):
            text = _page(sample, key, page)
            began = time.process_time()
            out.write_table(pa.Table.from_pylist(json.loads(text), schema))
            busy += time.process_time() - began
    return busy


def _sample(endpoint: Endpoint) -> dict[str, str]:
    """One row with a value in every field, of the kind that the field has."""
    units = {one.name: one.unit for one in endpoint.blocks[0].fields}

    def value(field: str, kind: str) -> str:
        if kind in ("date", "datetime"):
            return TIMES.get(units[field] or "", "2026-09-01 10:00:00")
        return VALUES.get(kind, "데스크톱컴퓨터 구매 사업")

    return {field: value(field, kind) for field, kind in endpoint.wire["kinds"].items()}


def _page(sample: dict[str, str], key: str, page: int) -> str:
    rows = [{**sample, key: f"R26BK{page * PAGE + at:08d}"} for at in range(PAGE)]
    return json.dumps(rows, ensure_ascii=False)
