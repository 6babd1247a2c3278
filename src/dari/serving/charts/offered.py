"""The tools that draw: each asks a tool that is there anyway, and tells its figures with a picture of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal

from pydantic import Field

from dari.core.exchange import Answer
from dari.core.shelf import Resource, Shelf
from dari.core.tool import Query, Tool
from dari.serving.charts.drawing import Picture
from dari.serving.charts.figures import candle_chart, crawl_chart, incident_chart, ranking_chart, sector_map

APP: Final = "ui://dari/chart"
APP_KIND: Final = "text/html;profile=mcp-app"
SIMULATED: Final = "모의 데이터 simulated"
OUTPUT: Final = {"type": "object", "properties": {"alt": {"type": "string"}, "figures": {"type": "object"}}}


class ChartStock(Query):
    """Arguments of chart_stock."""

    symbol: str = Field(min_length=1, max_length=20, description="종목코드 or name")
    days: int = Field(default=60, ge=2, le=100)


class ChartRanking(Query):
    """Arguments of chart_ranking."""

    market: Literal["ALL", "KOSPI", "KOSDAQ"] = "ALL"
    count: int = Field(default=10, ge=1, le=20)


class ChartSectors(Query):
    """Arguments of chart_sectors."""

    market: Literal["KOSPI", "KOSDAQ"] = "KOSPI"


class ChartCrawl(Query):
    """Arguments of chart_crawl."""

    crawl_id: str = Field(max_length=80)


class ChartIncident(Query):
    """Arguments of chart_incident."""

    minutes: int = Field(default=30, ge=1, le=60)


def charted(
    inner: Tool,
    name: str,
    title: str,
    description: str,
    *,
    query: type[Query],
    asked: Callable[[Any], Mapping[str, Any]],
    draw: Callable[[Mapping[str, Any], Any], Picture],
) -> Tool:
    """A tool that asks `inner` (in its words, by `asked`) and draws what it tells."""

    async def run(given: Any, upstream: Any) -> Answer:
        """Raises what the tool it asks raises."""
        told = await inner.run(inner.query.model_validate(asked(given)), upstream)
        picture = draw(told.data, given)
        if told.data.get("simulated") or any(one.simulated for one in told.sources):
            picture = picture.marked(SIMULATED)
        return Answer(
            {"alt": picture.label, "figures": told.data},
            told.sources, told.gaps, f"{picture.label}\n{told.text}", picture=picture,
        )  # fmt: skip

    return Tool(
        name=name, title=title, description=description, query=query, output=OUTPUT, run=run,
        endpoints=inner.endpoints, open_world=inner.open_world, toolset="charts", app=APP,
    )  # fmt: skip


def market_charts(candles: Tool, ranking: Tool, sectors: Tool) -> tuple[Tool, ...]:
    """Those of the stock market."""
    return (
        charted(
            candles, "chart_stock", "일봉 차트", "Daily candles 일봉 of an issue as a chart, with the figures.",
            query=ChartStock, asked=lambda q: {"symbol": q.symbol}, draw=lambda told, q: candle_chart(told, q.days),
        ),
        charted(
            ranking, "chart_ranking", "거래대금 차트", "Traded value 거래대금 순위 as bars, with the figures.",
            query=ChartRanking, asked=lambda q: {"market": q.market, "count": q.count},
            draw=lambda told, _: ranking_chart(told),
        ),
        charted(
            sectors, "chart_sectors", "업종 지도", "Sectors 업종 as a treemap: area is traded value, colour change.",
            query=ChartSectors, asked=lambda q: {"market": q.market}, draw=lambda told, _: sector_map(told),
        ),
    )  # fmt: skip


def crawl_charts(status: Tool) -> tuple[Tool, ...]:
    """That of a crawl."""
    return (
        charted(
            status, "chart_crawl", "수집 진행", "Progress of a crawl 수집: windows read and left, as a bar.",
            query=ChartCrawl, asked=lambda q: {"crawl_id": q.crawl_id}, draw=lambda told, _: crawl_chart(told),
        ),
    )  # fmt: skip


def incident_charts(snapshot: Tool) -> tuple[Tool, ...]:
    """That of the payment system."""
    return (
        charted(
            snapshot, "chart_incident", "장애 흐름",
            "The last minutes of the payment system 장애: unpublished events, brokers, breaker moves, as a chart.",
            query=ChartIncident, asked=lambda q: {"minutes": q.minutes}, draw=lambda told, _: incident_chart(told),
        ),
    )  # fmt: skip


def chart_shelf() -> Shelf:
    """The page that shows a chart in hosts which open apps (`ui://`)."""
    from dari.serving.charts.app_page import PAGE  # noqa: PLC0415 -- only a host that opens apps reads it

    page = Resource(
        address=APP, name="chart", description="Shows the picture of a chart tool", read=lambda: PAGE, mime=APP_KIND
    )
    return Shelf(resources=(page,))
