"""Charts as pictures of their own, drawn of what the tools tell."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from dari.serving.charts.drawing import Picture, picture, sparkline
from dari.serving.charts.figures import candle_chart, closes
from dari.serving.console import looks
from dari.serving.console.sections import Telling
from dari.serving.gate import caller_of

TREND_DAYS: Final = 20
CANDLES: Final = 60


class Pictures:
    """/console/charts/…svg."""

    def __init__(self, telling: Telling) -> None:
        self._telling = telling

    def routes(self) -> list[BaseRoute]:
        """Both."""
        return [Route("/console/charts/spark.svg", self._spark), Route("/console/charts/candles.svg", self._candles)]

    async def _spark(self, request: Request) -> Response:
        symbol = request.query_params.get("symbol", "")[:12]
        told = await self._told(request, symbol)
        if told is None:
            return _drawn(request, picture(120, 28, symbol, ()))
        return _drawn(request, sparkline(closes(told)[-TREND_DAYS:], symbol))

    async def _candles(self, request: Request) -> Response:
        symbol = request.query_params.get("symbol", "")[:12]
        told = await self._told(request, symbol)
        return _drawn(request, picture(860, 320, symbol, ()) if told is None else candle_chart(told, CANDLES))

    async def _told(self, request: Request, symbol: str) -> dict[str, object] | None:
        found = await self._telling.told("kis-trade", "get_candles", {"symbol": symbol}, caller_of(request))
        return None if found is None or found.error else dict(found.told)


def _drawn(request: Request, drawing: Picture) -> Response:
    svg = drawing.document(looks.theme_of(request))
    return Response(svg, headers=dict(looks.PICTURE_HEADERS), media_type="image/svg+xml")
