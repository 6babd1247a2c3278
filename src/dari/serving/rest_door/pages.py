"""/docs and /redoc: Swagger UI and ReDoc as this package ships them; a browser asks no other host."""

from __future__ import annotations

import gzip
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

KINDS: Final = MappingProxyType(
    {
        "swagger-ui-bundle.js": "text/javascript",
        "swagger-start.js": "text/javascript",
        "swagger-ui.css": "text/css",
        "redoc.standalone.js": "text/javascript",
    }
)
ASSETS: Final = "/docs/assets/"

START: Final = (
    'window.ui = SwaggerUIBundle({url: "/openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null});\n'
)
DOCS: Final = (
    '<!doctype html><html lang="ko"><head><meta charset="utf-8"><title>Dari</title>'
    f'<link rel="stylesheet" href="{ASSETS}swagger-ui.css"></head><body><div id="page"></div>'
    f'<script src="{ASSETS}swagger-ui-bundle.js"></script><script src="{ASSETS}swagger-start.js"></script>'
    "</body></html>"
)
REDOC: Final = (
    '<!doctype html><html lang="ko"><head><meta charset="utf-8"><title>Dari</title></head><body>'
    '<redoc spec-url="/openapi.json" disable-search="false"></redoc>'
    f'<script src="{ASSETS}redoc.standalone.js"></script></body></html>'
)
POLICY: Final = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; worker-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
)


def pages() -> list[BaseRoute]:
    """Their routes."""
    return [Route("/docs", _docs), Route("/redoc", _redoc), Route(f"{ASSETS}{{name}}", _asset)]


async def _docs(_: Request) -> Response:
    return HTMLResponse(DOCS, headers=dict(POLICY))


async def _redoc(_: Request) -> Response:
    return HTMLResponse(REDOC, headers=dict(POLICY))


async def _asset(request: Request) -> Response:
    name = request.path_params["name"]
    kind = KINDS.get(name)
    if kind is None:
        return Response(status_code=404)
    headers = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff", "Vary": "Accept-Encoding"}
    if name == "swagger-start.js":
        return Response(START, headers=headers, media_type=kind)
    packed = (files(__package__) / "assets" / f"{name}.gz").read_bytes()
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=kind)
    return Response(gzip.decompress(packed), headers=headers, media_type=kind)
