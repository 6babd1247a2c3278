"""Whole periods of an operation: planned before they are paid for, read in the background, told as receipts."""

from __future__ import annotations

import math
from datetime import date, timedelta
from typing import Any, Final

from pydantic import Field

from dari.core.endpoint import Effect
from dari.core.errors import Hint, InvalidInput
from dari.core.exchange import Answer, Gap
from dari.core.tool import Query, Tool
from dari.providers.naramarket.crawler import Book, CrawlRow, success, told
from dari.providers.naramarket.crawler.desk import FULL_PAGE, RESUMABLE, Desk, Plan, Procurement
from dari.providers.naramarket.tools.operations import named
from dari.providers.naramarket.tools.shapes import OBJECT, ROWS, SURE, TEXT, WHOLE, Day, schema, text

MOST_RECEIPTS: Final = 24
STATUS: Final = schema(
    crawl=OBJECT, state=TEXT, success=SURE, windows=OBJECT, calls=OBJECT, receipts=ROWS, resume_not_before=TEXT
)


class PlanCrawl(Query):
    """Arguments of plan_crawl and start_crawl."""

    operation: str
    start: Day | None = None
    end: Day | None = None
    by: str | None = None
    filters: dict[str, str] = Field(default_factory=dict)


class CrawlId(Query):
    """Arguments of tools about one crawl."""

    crawl_id: str


class CrawlStatus(Query):
    """Arguments of crawl_status: without an id, the latest crawls."""

    crawl_id: str | None = None


class NoArguments(Query):
    """No arguments."""


async def planned(query: PlanCrawl, desk: Desk) -> Plan:
    """The plan of what is asked."""
    end = query.end or (desk.now().date() if query.start else None)
    return await desk.plan(named(query.operation).id, query.by, query.start, end, query.filters)


async def plan_crawl(query: PlanCrawl, upstream: Procurement) -> Answer:
    """What a crawl will cost. Spends one call, to see how many rows the newest window has."""
    desk = upstream.desk
    plan = await planned(query, desk)
    call = desk.call(plan, plan.windows[0], 1, 1)
    reply = await upstream.ask(plan.endpoint.id, dict(call.parameters))
    newest, total = plan.windows[0], reply.body["total"] or len(reply.body["rows"])
    days = newest.days if newest else 1
    await desk.on(lambda book: book.measure(plan.endpoint.id, plan.way, plan.filters, total / days))
    rows = [round(total * one.days / days) if one else total for one in plan.windows]
    calls = sum(max(1, math.ceil(one / FULL_PAGE)) for one in rows)
    left = max(0, plan.quota - plan.spent_today)
    midnights = 0 if calls <= left else math.ceil((calls - left) / plan.quota)
    data = {
        "operation": plan.endpoint.id,
        "by": plan.way,
        "windows": len(plan.windows),
        "window_limit": dict(plan.endpoint.wire["by"][plan.way].get("window") or {}),
        "rows_estimate": sum(rows),
        "calls_estimate": calls,
        "calls_at_least": len(plan.windows),
        "calls_a_day": plan.quota,
        "calls_left_today": left,
        "midnights_to_wait": midnights,
        "done_not_before": (desk.now().date() + timedelta(days=midnights)).isoformat(),
    }
    gaps = (
        Gap("rows_estimate", f"drawn from the newest window ({total:,} rows in {days} days)", "the crawl itself"),
        Gap("calls_left_today", "counted by what this machine asked; no operation tells the remainder"),
    )
    line = f"{plan.endpoint.title}: {len(plan.windows)} windows, about {sum(rows):,} rows, {calls:,} calls"
    return Answer(data, upstream.sources, gaps, f"{line}; {left:,} calls left today, {midnights} midnight(s) to wait")


async def start_crawl(query: PlanCrawl, upstream: Procurement) -> Answer:
    """Begin in the background; the same crawl that was left unfinished is gone on with."""
    desk = upstream.desk
    plan = await planned(query, desk)
    crawl = await _left(desk, plan) or await desk.begin(plan)
    await desk.start(crawl)
    return await _status(desk, crawl)


async def _left(desk: Desk, plan: Plan) -> str | None:
    """An equal crawl that was not finished."""
    spans = [one for one in plan.windows if one]
    edges = (min((one.start for one in spans), default=None), max((one.end for one in spans), default=None))
    for row in await desk.on(lambda book: book.crawls(50)):
        same = (row.endpoint, row.way, dict(row.filters)) == (plan.endpoint.id, plan.way, dict(plan.filters))
        if same and not row.watch and (row.start, row.end) == edges and row.state in RESUMABLE:
            return row.id
    return None


async def crawl_status(query: CrawlStatus, upstream: Procurement) -> Answer:
    """How a crawl stands, with its receipts; or the latest crawls and what the store holds."""
    desk = upstream.desk
    if query.crawl_id:
        return await _status(desk, query.crawl_id)
    rows = await desk.on(
        lambda book: [{**told(one), "success": success(book.receipts(one.id))} for one in book.crawls(10)]
    )
    stored = await desk.apart(lambda book: book.stored())
    data = {"crawls": rows, "stored": stored, "state": f"{len(rows)} crawls"}
    return Answer(data, (), (), text(f"{one['id']} {one['endpoint']} {one['state']}" for one in rows))


async def resume_crawl(query: CrawlId, upstream: Procurement) -> Answer:
    """Go on where it was left; windows with a gap are read once more. Raises InvalidInput before the quota is back."""
    desk = upstream.desk
    row = await desk.on(lambda book: book.crawl(query.crawl_id))
    if row.resume_not_before and desk.now().isoformat() < row.resume_not_before:
        raise InvalidInput(
            f"the calls of today are spent; not before {row.resume_not_before}",
            hint=Hint("자정(KST) 이후에 다시 하세요.", "Again after midnight in Korea."),
        )
    if row.state in RESUMABLE:
        await desk.start(row.id, again=True)
    return await _status(desk, row.id)


async def cancel_crawl(query: CrawlId, upstream: Procurement) -> Answer:
    """Ask for no more pages; what was read stays, and it can be resumed."""
    await upstream.desk.cancel(query.crawl_id)
    return await _status(upstream.desk, query.crawl_id)


async def _status(desk: Desk, crawl: str) -> Answer:
    def read(book: Book) -> tuple[CrawlRow, list[dict[str, Any]], dict[str, int]]:
        return book.crawl(crawl), book.receipts(crawl), book.calls(crawl)

    row, receipts, calls = await desk.on(read)
    running = await desk.running(crawl)
    state = "running" if running else "interrupted" if row.state == "running" else row.state
    done = sum(one["state"] == "done" for one in receipts)
    left = [one for one in receipts if one["state"] != "done"]
    data: dict[str, Any] = {
        "crawl": told(row),
        "state": state,
        "success": success(receipts),
        "windows": {"total": len(receipts), "done": done},
        "rows": sum(one.get("distinct", 0) for one in receipts),
        "calls": calls,
        "receipts": (left + [one for one in receipts if one["state"] == "done"])[:MOST_RECEIPTS],
        "resume_not_before": row.resume_not_before,
    }
    gaps = tuple(
        Gap(f"{one.get('start', '')[:10]} ~ {one.get('end', '')[:10]}", one["gap"]) for one in left[:MOST_RECEIPTS]
    )
    line = f"{crawl} {state}: {done}/{len(receipts)} windows, {data['rows']:,} rows, {sum(calls.values()):,} calls"
    return Answer({**data, "simulated": row.simulated or desk.simulated}, (), gaps, line)


async def quota_status(_: NoArguments, upstream: Procurement) -> Answer:
    """Calls of today by operation, as far as this machine made them, beside the documented limit."""
    desk = upstream.desk
    now = desk.now()
    spent = await desk.on(lambda book: book.spent(now))
    tomorrow: date = desk.now().date() + timedelta(days=1)
    rows = [
        {"operation": name, "spent": count, "calls_a_day": quota, "left": max(0, quota - count)}
        for name, count in spent.items()
        for quota in [named(name).wire["quota"]]
    ]
    data = {"rows": rows, "resets_at": f"{tomorrow.isoformat()}T00:00:00+09:00"}
    gap = Gap("rows[].left", "no operation tells the remainder: calls of other machines and programs are not seen")
    return Answer(data, (), (gap,), text(f"{one['operation']} {one['spent']}/{one['calls_a_day']}" for one in rows))


TOOLS: Final = (
    Tool(
        name="plan_crawl",
        title="수집 계획",
        description="Estimate windows, rows, calls and days of taking a whole period of an operation (spends 1 call).",
        query=PlanCrawl,
        output=schema(operation=TEXT, windows=WHOLE, rows_estimate=WHOLE, calls_estimate=WHOLE, calls_left_today=WHOLE),
        run=plan_crawl,
        toolset="crawl",
    ),
    Tool(
        name="start_crawl",
        title="수집 시작",
        description="Take a whole period into the local store, in the background; resumes an equal unfinished one.",
        query=PlanCrawl,
        output=STATUS,
        run=start_crawl,
        effect=Effect.CHANGE,
        own=True,
        toolset="crawl",
    ),
    Tool(
        name="crawl_status",
        title="수집 상태",
        description="A crawl's state, receipts per window and gaps; without id, the latest crawls.",
        query=CrawlStatus,
        output=STATUS,
        run=crawl_status,
        toolset="crawl",
        open_world=False,
    ),
    Tool(
        name="resume_crawl",
        title="수집 재개",
        description="Go on with a crawl; windows with a gap are read again.",
        query=CrawlId,
        output=STATUS,
        run=resume_crawl,
        effect=Effect.CHANGE,
        own=True,
        toolset="crawl",
    ),
    Tool(
        name="cancel_crawl",
        title="수집 중지",
        description="Stop a crawl; what was read stays and it can be resumed.",
        query=CrawlId,
        output=STATUS,
        run=cancel_crawl,
        effect=Effect.CHANGE,
        own=True,
        toolset="crawl",
        open_world=False,
    ),
    Tool(
        name="quota_status",
        title="호출량",
        description="Calls spent and left today, by operation, as counted on this machine.",
        query=NoArguments,
        output=schema(rows=ROWS, resets_at=TEXT),
        run=quota_status,
        toolset="crawl",
        open_world=False,
    ),
)
