"""How a page is made: templates, language and theme of a person, and the headers that keep strangers out of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, Undefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from dari.serving.console.words import LANGUAGES, words

HERE: Final = Path(__file__).parent
THEMES: Final = ("light", "dark")
YEAR_SECONDS: Final = 31_536_000
LANGUAGE_COOKIE: Final = "dari_lang"
THEME_COOKIE: Final = "dari_theme"
HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; object-src 'none'; "
        "frame-ancestors 'none'; form-action 'self'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
)
PICTURE_HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, max-age=30",
    }
)
"""A picture of ours styles itself, and may do nothing else. It is shown again from the browser for half a minute."""
ASSETS: Final = MappingProxyType({"console.css": "text/css", "console.js": "text/javascript"})

MENU: Final = (
    ("overview", "/"),
    *((one, f"/console/{one}") for one in (
        "calls", "market", "procurement", "payments", "audit", "settings", "playground",
    )),
)  # fmt: skip


@cache
def templates() -> Environment:
    """The templates, which escape whatever they are given."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"won": won, "percent": percent, "menu": MENU, "along": along}
    return made


PAYMENT_PATH: Final = ("application", "redis", "database", "outbox", "circuit_breaker", "kafka", "consumers", "ledger")
"""The way of a payment through the parts that check_all_services tells of."""


def along(parts: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Parts in the order a payment meets them; those it does not meet come last."""
    order = {name: place for place, name in enumerate(PAYMENT_PATH)}
    return sorted(parts.items(), key=lambda one: order.get(one[0], len(order)))


def won(value: Any) -> str:
    """1234567 → 1,234,567; a number there is none of is a dash."""
    if value is None or isinstance(value, Undefined):
        return "–"
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def percent(value: Any) -> str:
    """1.5 → +1.50 %."""
    return f"{value:+.2f} %" if isinstance(value, int | float) else "–"


def language_of(request: Request, otherwise: str = "ko") -> str:
    """As asked, as asked before, or the other."""
    for told in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE), otherwise):
        if told in LANGUAGES:
            return str(told)
    return LANGUAGES[0]


def theme_of(request: Request) -> str:
    """As asked or as asked before; "" leaves it to the browser."""
    for told in (request.query_params.get("theme"), request.cookies.get(THEME_COOKIE)):
        if told in THEMES:
            return str(told)
    return ""


def link(request: Request, **other: str) -> str:
    """This page with other parameters."""
    return f"?{urlencode({**request.query_params, **other})}"


def markup(svg: str) -> Markup:
    """A drawing of ours, whose every text was escaped when it was drawn."""
    return Markup(svg)  # noqa: S704 -- see above


def page(request: Request, name: str, *, status: int = 200, language: str = "ko", **told: Any) -> Response:
    """A page or a part of one. What was chosen in the address is remembered."""
    lang, theme = language_of(request, language), theme_of(request)
    said = words(lang)
    known: dict[str, Any] = {"lang": lang, "theme": theme, "w": said, "link": lambda **other: link(request, **other)}
    html = templates().get_template(f"{name}.html").render({"page": name, "signed_in": None, **known, **told})
    answer = HTMLResponse(html, status, headers=dict(HEADERS))
    for cookie, asked, chosen in ((LANGUAGE_COOKIE, "lang", lang), (THEME_COOKIE, "theme", theme)):
        if asked in request.query_params and chosen:
            answer.set_cookie(cookie, chosen, max_age=YEAR_SECONDS, path="/", httponly=True, samesite="strict")
    return answer


def asset(name: str) -> Response:
    """A style sheet or a script of the package."""
    kind = ASSETS.get(name)
    if kind is None:
        return Response(status_code=404)
    headers: Mapping[str, str] = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response((HERE / "assets" / name).read_bytes(), headers=headers, media_type=kind)
