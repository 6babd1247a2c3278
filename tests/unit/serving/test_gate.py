"""The gate in front of every door: who gets in, and what the others are told."""

from __future__ import annotations

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from dari.serving.callers import Caller
from dari.serving.gate import Denied, Gated, Open, caller_of


class Strict:
    """Lets Kim in; says no to others as its table tells."""

    def __init__(self, denied: Denied) -> None:
        self.denied = denied

    async def admit(self, request: Request) -> Caller:
        if request.headers.get("authorization") == "Bearer kim":
            return Caller(name="kim", tenant="acme")
        raise self.denied


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse(caller_of(request).name)


async def asked(gate: Strict | Open, path: str = "/", token: str = "") -> httpx2.Response:
    app = Starlette(
        routes=[Route("/", hello), Route("/open", lambda _: PlainTextResponse("all"))],
        middleware=[Middleware(Gated, gate=gate, public=lambda path: path == "/open")],
    )
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://dari") as client:
        return await client.get(path, headers={"Authorization": f"Bearer {token}"} if token else {})


NOBODY = Denied(401, "missing_token", "sign in first", scope="read", metadata="http://dari/.well-known/x")


async def test_the_caller_reaches_the_door() -> None:
    assert (await asked(Strict(NOBODY), token="kim")).text == "kim"
    assert (await asked(Open(Caller(name="me")))).text == "me"
    assert (await asked(Strict(NOBODY), "/open")).text == "all"


@pytest.mark.parametrize(
    ("denied", "challenge"),
    [
        (NOBODY, 'Bearer scope="read", resource_metadata="http://dari/.well-known/x"'),
        (Denied(401, "invalid_token", "expired"), 'Bearer error="invalid_token", error_description="expired"'),
        (
            Denied(403, "insufficient_scope", "more", scope="read commit"),
            'Bearer error="insufficient_scope", error_description="more", scope="read commit"',
        ),
        (Denied(403, "access_denied", "not from there"), None),
        (
            Denied(401, "invalid_token", 'a"b\\c\r\nX: 1'),
            'Bearer error="invalid_token", error_description="a?b?c??X: 1"',
        ),
    ],
)
async def test_the_others_are_told(denied: Denied, challenge: str | None) -> None:
    answer = await asked(Strict(denied), token="lee")
    assert (answer.status_code, answer.headers.get("www-authenticate")) == (denied.status, challenge)
    assert answer.headers["cache-control"] == "no-store"
    assert "X" not in answer.headers


async def test_who_asks_too_often_is_told_how_long() -> None:
    answer = await asked(Strict(Denied(429, "slow_down", "too often", retry_after=7)))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")


def test_a_door_without_a_gate_lets_nobody_in() -> None:
    with pytest.raises(Denied):
        caller_of(Request({"type": "http", "headers": []}))
