"""The wire says whether a request can have arrived, and never repeats a secret of the URL."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request as Asked
from starlette.responses import JSONResponse
from starlette.routing import Route

from dari.core.errors import Unreachable
from dari.core.provider import Request
from dari.upstream import wire as room
from dari.upstream.wire import Wire, listens

SECRET = Request("GET", "http://upstream.test/price", query={"serviceKey": "very-secret"})


def answering(handler: object) -> Wire:
    return Wire(timeout=0.5, transport=httpx2.MockTransport(handler))  # type: ignore[arg-type]  # a handler


async def test_a_body_goes_out_whole_with_its_length() -> None:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(500, json={"ok": True}, headers={"tr_cont": "M"})

    wire = answering(handler)
    reply = await wire.send(Request("POST", "http://upstream.test/x", {"a": "1"}, payload={"이름": "값"}))
    await wire.send(Request("POST", "http://upstream.test/x", payload={}))
    await wire.close()
    await wire.close()
    assert (reply.status, reply.headers["tr_cont"], json.loads(reply.content)) == (500, "M", {"ok": True})
    assert seen[0].headers["content-length"] == str(len(seen[0].content))
    assert json.loads(seen[0].content) == {"이름": "값"}


@pytest.mark.parametrize(
    ("raised", "executed"),
    [
        (httpx2.ConnectError("refused"), False),
        (httpx2.ConnectTimeout("slow"), False),
        (httpx2.ConnectError("CERTIFICATE_VERIFY_FAILED"), False),
        (httpx2.ReadTimeout("silent"), None),
        (httpx2.ReadError("reset"), None),
        (httpx2.RemoteProtocolError("cut"), None),
    ],
)
async def test_it_tells_whether_the_request_can_have_arrived(raised: Exception, *, executed: bool | None) -> None:
    def handler(_: httpx2.Request) -> httpx2.Response:
        raise raised

    with pytest.raises(Unreachable) as told:
        await answering(handler).send(SECRET)
    assert told.value.executed is executed
    assert "very-secret" not in f"{told.value} {told.value.as_dict()} {told.value.__cause__} {told.value.__context__}"
    if "CERTIFICATE" in str(raised):
        assert "ca-certificates" in told.value.hint.en


async def test_a_reply_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "BODY_LIMIT", 10)
    with pytest.raises(Unreachable, match="more than 10 bytes"):
        await answering(lambda _: httpx2.Response(200, content=b"x" * 11)).send(SECRET)


async def test_an_app_in_this_process_is_asked_without_a_socket() -> None:
    async def hello(asked: Asked) -> JSONResponse:
        return JSONResponse({"path": asked.url.path})

    wire = Wire.to_app(Starlette(routes=[Route("/hello", hello)]))
    reply = await wire.send(Request("GET", "http://anything.invalid/hello"))
    assert json.loads(reply.content) == {"path": "/hello"}
    await wire.close()


async def test_nobody_listening_is_surely_not_executed() -> None:
    async with await asyncio.start_server(lambda _, __: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    wire = Wire()
    with pytest.raises(Unreachable) as told:
        await wire.send(Request("GET", f"http://127.0.0.1:{port}/"))
    await wire.close()
    assert told.value.executed is False


async def test_a_reply_cut_short_is_not_an_answer() -> None:
    wire = answering(lambda _: httpx2.Response(200, content=b'{"rt_cd":', headers={"content-length": "4096"}))
    with pytest.raises(Unreachable) as told:
        await wire.send(SECRET)
    assert told.value.executed is None


async def test_a_port_listens_or_not() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await listens(port)
    server.close()
    await server.wait_closed()
    assert not await listens(port)
