"""The one page a person sees: who asks for what, name and password, allow or deny. No script, no session of its own."""

from __future__ import annotations

import html
import json
import secrets
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse

from dari.core.clock import Clock
from dari.core.errors import BadSetting
from dari.serving.oauth.clients import OAuthClient
from dari.serving.oauth.vault import Vault

NONCE_COOKIE: Final = "dari_authorize"
TICKET_SECONDS: Final = 600.0
MEANING: Final = {
    "read": ("조회", "look at data"),
    "change": ("변경", "change what can be changed back (files, stored data)"),
    "commit": ("되돌릴 수 없는 실행 (주문 등)", "do what cannot be taken back (orders, replays, load tests)"),
}
HEAD: Final = (
    "<!doctype html><html lang=ko><meta charset=utf-8><title>Dari</title>"
    "<meta name=viewport content='width=device-width'>"
)
STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:8vh auto;padding:0 1rem;color:#1a1a1a}"
    "input{display:block;width:100%;box-sizing:border-box;padding:.5rem;margin:.25rem 0 1rem;font:inherit}"
    "button{padding:.5rem 1.2rem;font:inherit;margin-right:.5rem}.no{color:#a00}code{word-break:break-all}"
)


class Consent:
    """Makes the page, and opens what its form brings back."""

    def __init__(self, base: str, vault: Vault, clock: Clock) -> None:
        self._secure, self._vault, self._clock = base.startswith("https://"), vault, clock

    def page(
        self,
        client: OAuthClient,
        scope: str,
        redirect: str,
        told: Sequence[tuple[str, str]],
        *,
        status: int = 200,
        wait: int | None = None,
    ) -> HTMLResponse:
        """The form, for one browser: its other half is a cookie that no other site's page can send."""
        nonce = secrets.token_urlsafe(18)
        ticket = {"told": list(told), "nonce": nonce, "ends": self._clock.now().timestamp() + TICKET_SECONDS}
        trouble = ""
        if wait is not None:
            trouble = f"<p class=no role=alert>{wait}초 뒤에 다시 시도하세요. Try again in {wait} s.</p>"
        elif status != 200:  # noqa: PLR2004 -- HTTP
            trouble = "<p class=no role=alert>이름 또는 비밀번호가 틀립니다. Wrong name or password.</p>"
        known = (
            ""
            if client.source == "registered"
            else "<p class=no>미등록 프로그램 This program is not registered here.</p>"
        )
        page = (
            f"<h1>다리 Dari</h1><p><b>{html.escape(client.name or client.client_id)}</b>: 허용합니까? May it:</p>"
            f"<ul>{''.join(map(_line, scope.split()))}</ul>{known}"
            f"<p>돌아갈 곳 then goes to <code>{html.escape(_place(redirect))}</code></p>{trouble}"
            "<form method=post action=/auth/authorize autocomplete=on>"
            f"<input type=hidden name=ticket value='{html.escape(self._vault.locked(json.dumps(ticket)))}'>"
            "<label>이름 Name<input name=username autocomplete=username autofocus></label>"
            "<label>비밀번호 Password<input type=password name=password autocomplete=current-password></label>"
            "<button name=decision value=allow>허용 Allow</button><button name=decision value=deny>거부 Deny</button>"
            "</form>"
        )
        response = _html(page, status, redirect)
        if wait is not None:
            response.headers["Retry-After"] = str(wait)
        response.set_cookie(
            NONCE_COOKIE, nonce, max_age=int(TICKET_SECONDS), path="/auth/authorize", secure=self._secure,
            httponly=True, samesite="strict",
        )  # fmt: skip
        return response

    def opened(self, ticket: str, nonce: str) -> list[tuple[str, str]] | None:
        """The request a form belongs to; None for one that is too old, made up or of another browser."""
        try:
            told = json.loads(self._vault.opened(ticket))
        except (BadSetting, ValueError):
            return None
        fits = secrets.compare_digest(str(told["nonce"]).encode(), nonce.encode())
        if not fits or told["ends"] < self._clock.now().timestamp():
            return None
        return [(str(name), str(value)) for name, value in told["told"]]

    def wrong(self, why: str, status: int = 400) -> HTMLResponse:
        """A page that says why there is nothing to decide; nobody is sent anywhere."""
        return _html(f"<h1>다리 Dari</h1><p class=no role=alert>{html.escape(why)}</p>", status, "")


def _line(scope: str) -> str:
    place, _, reach = scope.rpartition(":")
    ko, en = MEANING.get(reach, (reach, reach))
    where = f" ({place})" if place else ""
    return f"<li>{html.escape(ko + where)}<br><small>{html.escape(en)}</small></li>"


def _place(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def _html(page: str, status: int, redirect: str) -> HTMLResponse:
    # A browser checks form-action again for where the answer of a form sends it: the client's address is named.
    to = f" {_place(redirect)}" if redirect else ""
    headers = {
        "Content-Security-Policy": f"default-src 'none'; style-src 'unsafe-inline'; form-action 'self'{to}; "
        "frame-ancestors 'none'; base-uri 'none'",
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",  # with none at all the form would not say which page it came from
        "Cache-Control": "no-store",
    }
    return HTMLResponse(f"{HEAD}<style>{STYLE}</style>{page}", status, headers=headers)
