"""The original server's crawl tools, by their names and parameters, over the crawler that counts what it got."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from dari.core.endpoint import Effect
from dari.core.errors import Hint, InvalidInput
from dari.core.exchange import Answer, Gap
from dari.core.progress import tell
from dari.core.tool import Query, Tool, Upstream
from dari.providers.naramarket.crawler import whole
from dari.providers.naramarket.crawler.attributes import ATTRIBUTES, FEED
from dari.providers.naramarket.crawler.desk import Plan, Procurement
from dari.providers.naramarket.export.hiding import hider
from dari.providers.naramarket.export.tabular import columns_of, write_csv
from dari.providers.naramarket.models import natural_key
from dari.providers.naramarket.spec import SPEC
from dari.providers.naramarket.tools.asking import by_period, gather
from dari.providers.naramarket.tools.attributes import attributes_of
from dari.providers.naramarket.tools.lists import MALL
from dari.providers.naramarket.tools.shapes import (
    ROWS,
    SURE,
    TEXT,
    WHOLE,
    WHOLE_NUMBER,
    Day,
    Page,
    period,
    schema,
)

CATEGORY: Final = "dtilPrdctClsfcNoNm"


class CrawlList(Query):
    """Arguments of crawl_list."""

    category: str
    page_no: Page = 1
    num_rows: Annotated[int, Field(ge=1, le=999), WHOLE_NUMBER] = 100
    days_back: Annotated[int, Field(ge=1, le=365), WHOLE_NUMBER] = 7
    inqry_bgn_date: Day | None = None
    inqry_end_date: Day | None = None


class CrawlToCsv(Query):
    """Arguments of crawl_to_csv."""

    category: str
    output_csv: str
    total_days: Annotated[int, Field(ge=1, le=3650), WHOLE_NUMBER] = 365
    window_days: Annotated[int, Field(ge=1, le=365), WHOLE_NUMBER] = 30
    anchor_end_date: Day | None = None
    max_windows_per_call: Annotated[int, Field(ge=0), WHOLE_NUMBER] = 0
    max_runtime_sec: Annotated[int, Field(ge=1, le=3600), WHOLE_NUMBER] = 3600
    append: bool = False
    fail_on_new_columns: bool = True
    explode_attributes: bool = False
    sanitize: bool = True
    delay_sec: float = 0.1
    keep_temp: bool = False


async def crawl_list(query: CrawlList, upstream: Upstream) -> Answer:
    """One page of a category, in the upstream's own field names as the original gave them."""
    span = period(query.inqry_bgn_date, query.inqry_end_date, upstream.now(), query.days_back)
    asks = by_period(MALL, "registered", *span, {CATEGORY: query.category})
    found = await gather(upstream, asks, limit=query.num_rows * len(asks), page=query.page_no)
    hide = hider(SPEC.endpoint(MALL))
    items = [hide(row) for _, row in found.raw]
    data = {
        "success": not found.gaps,
        "items": items,
        "total_count": found.total,
        "current_page": query.page_no,
        "category": query.category,
    }
    return Answer(data, upstream.sources, tuple(found.gaps), f"{query.category}: {found.total:,}건 중 {len(items)}건")


async def crawl_to_csv(query: CrawlToCsv, upstream: Procurement) -> Answer:
    """A category over a period into one CSV file of the output folder, the newest days first.

    Raises InvalidInput for a file outside the folder or, with append, one of other columns.
    """
    desk = upstream.desk
    path = desk.folder.inside(query.output_csv)
    endpoint = SPEC.endpoint(MALL)
    columns = columns_of(endpoint)
    if query.append and path.is_file():
        _same_columns(path, columns, strict=query.fail_on_new_columns)
    end = query.anchor_end_date or desk.now().date()
    start = end - timedelta(days=query.total_days - 1)
    plan = await desk.plan(MALL, "registered", start, end, {CATEGORY: query.category})
    if query.max_windows_per_call:
        parts = whole(start, end).parts(query.window_days)[: query.max_windows_per_call]
        plan = Plan(plan.endpoint, plan.way, plan.filters, tuple(parts), plan.quota, plan.spent_today)
    crawl, began = await desk.begin(plan), desk.now()
    async with aclosing(desk.run(crawl)) as told:
        async for progress in told:
            tell(asdict(progress))
            if (desk.now() - began).total_seconds() >= query.max_runtime_sec:
                break
    receipts, calls = await desk.on(lambda book: (book.receipts(crawl), book.calls(crawl)))
    covered = _covered(receipts, end)
    rows = await desk.apart(lambda book: [row for row in book.rows(MALL) if _within(row, query.category, start, end)])
    attributes, failed = (
        ({}, 0)
        if not query.explode_attributes
        else await attributes_of(upstream, [row["prdctIdntNo"] for row in rows if row.get("prdctIdntNo")])
    )
    names = sorted({name for told in attributes.values() for name in told})
    written = await asyncio.to_thread(_written, upstream, query, path, rows, attributes)
    success = await desk.success(crawl) and covered is not None and covered <= start and not failed
    remaining = 0 if covered is None and not receipts else max(0, ((covered or end + timedelta(days=1)) - start).days)
    data = {
        "success": success,
        "output_csv": desk.folder.told(path),
        "crawl_id": crawl,
        "rows": written,
        "windows_processed": sum(one["state"] == "done" for one in receipts),
        "pages_processed": calls.get("page", 0),
        "total_products": len(rows),
        "success_details": len(attributes),
        "failed_details": failed,
        "incomplete": not success,
        "remaining_days": remaining,
        "next_anchor_end_date": (start + timedelta(days=remaining - 1)).strftime("%Y%m%d") if remaining else None,
        "covered_days": query.total_days - remaining,
        "elapsed_sec": round((desk.now() - began).total_seconds(), 3),
        "basic_columns": len(columns),
        "attr_columns": len(names),
        "append_mode": query.append,
        "receipts": receipts[:24],
    }
    gaps = tuple(
        Gap(f"{one.get('start', '')[:10]} ~ {one.get('end', '')[:10]}", one["gap"]) for one in receipts if "gap" in one
    )
    if failed:
        gaps += (Gap("attributes", f"{failed} products gave none", "run it again"),)
    line = f"{data['output_csv']}: {written:,} rows, {data['covered_days']} of {query.total_days} days"
    return Answer(
        data | {"simulated": desk.simulated}, upstream.sources, gaps, line if success else f"{line} (incomplete)"
    )


def _covered(receipts: list[dict[str, Any]], end: date) -> date | None:
    """The first day down to which everything is there, from the newest on; None where not even the newest is."""
    reached = None
    for one in sorted(receipts, key=lambda one: one["end"], reverse=True):
        if one["state"] != "done":
            break
        reached = date.fromisoformat(one["start"][:10])
    return reached if reached is None or reached <= end else None


def _within(row: Mapping[str, str], category: str, start: date, end: date) -> bool:
    day = row.get("rgstDt", "").replace("-", "")[:8]
    return row.get(CATEGORY) == category and f"{start:%Y%m%d}" <= day <= f"{end:%Y%m%d}"


def _same_columns(path: Path, columns: list[str], *, strict: bool) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    new = [name for name in columns if name not in header]
    if new and strict:
        raise InvalidInput(
            f"{path.name} lacks the columns {', '.join(new)[:200]}",
            hint=Hint(
                "fail_on_new_columns=false로 두거나 새 파일에 쓰세요.", "Write a new file, or allow new columns."
            ),
        )


def _written(
    upstream: Procurement,
    query: CrawlToCsv,
    path: Path,
    rows: list[dict[str, str]],
    attributes: Mapping[str, Mapping[str, str]],
) -> int:
    """Write the file whole. Appending keeps the rows that are there and adds those that are not: twice is once."""
    endpoint = SPEC.endpoint(MALL)
    hide = hider(endpoint)
    found: dict[str, dict[str, Any]] = {}
    names = sorted({name for told in attributes.values() for name in told})
    header = [*columns_of(endpoint), *(f"attr_{name}" for name in names)]
    if query.append and path.is_file():
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                found[natural_key(endpoint, {k: v or "" for k, v in row.items() if k})] = dict(row)
                header = [*header, *(name for name in row if name and name not in header)]
    for row in rows:
        told = attributes.get(row.get("prdctIdntNo", ""), {})
        found[natural_key(endpoint, row)] = {**hide(row), **{f"attr_{name}": value for name, value in told.items()}}
    with upstream.desk.folder.writing(path) as file:
        return write_csv(file, dict.fromkeys(header), found.values(), sanitize=query.sanitize)


TOOLS: Final = (
    Tool(
        name="crawl_list",
        title="쇼핑몰 품목 목록",
        description="One page of mall products of a category (세부품명), last days_back days.",
        query=CrawlList,
        output=schema(success=SURE, items=ROWS, total_count=WHOLE, current_page=WHOLE, category=TEXT),
        run=crawl_list,
        toolset="crawl",
        endpoints=(MALL,),
    ),
    Tool(
        name="crawl_to_csv",
        title="CSV 수집",
        description="Crawl a mall category backwards from anchor_end_date into a CSV of the output folder. "
        "Partial runs tell next_anchor_end_date.",
        query=CrawlToCsv,
        output=schema(success=SURE, output_csv=TEXT, rows=WHOLE, incomplete=SURE, remaining_days=WHOLE, receipts=ROWS),
        run=crawl_to_csv,
        effect=Effect.CHANGE,
        own=True,
        toolset="crawl",
        endpoints=(MALL, ATTRIBUTES, FEED),
        deadline=3_660.0,
    ),
)
