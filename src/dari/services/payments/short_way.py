"""The usual payment call answered before the framework's machinery; whatever is unusual goes on to it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dari.services.payments.assembly import PaymentPlatform
from dari.services.payments.replies import AuthorizeRequest, CaptureRequest, RefundRequest, Reply

JSON: Final = (b"content-type", b"application/json")
Answering = Callable[[BaseModel], Awaitable[Reply]]


class ShortWay:
    """ASGI middleware of one platform: routes, statuses and refusals are the framework's, whose calls these are too.

    Routing, dependencies and encoding cost the framework more than the payment costs us.
    """

    def __init__(self, app: ASGIApp, platform: PaymentPlatform) -> None:
        self._app = app
        self._platform = platform

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._call(scope)
        if found is None:
            await self._app(scope, receive, send)
            return
        model, answer = found
        first = await receive()
        try:
            if first["type"] != "http.request" or first.get("more_body"):
                raise _Unusual  # noqa: TRY301 — it ends like a body that does not fit
            asked = model.model_validate_json(first["body"])
        except (_Unusual, ValidationError):
            await self._app(scope, _again(first, receive), send)
            return
        await _tell(await answer(asked), send)

    def _call(self, scope: Scope) -> tuple[type[BaseModel], Answering] | None:
        if scope["type"] != "http" or scope["method"] != "POST" or JSON not in scope["headers"]:
            return None
        ingest = self._platform.ingest
        match scope["path"].split("/"):
            case ["", "payments", "authorize"]:
                return AuthorizeRequest, ingest.authorize  # type: ignore[return-value]  # the model before it fits
            case ["", "payments", "capture", number] if number.isascii() and number.isdecimal():
                return CaptureRequest, lambda asked: ingest.capture(int(number), asked)
            case ["", "payments", "refund", number] if number.isascii() and number.isdecimal():
                return RefundRequest, lambda asked: ingest.refund(int(number), asked)
        return None


class _Unusual(Exception):
    """A body in pieces, or nobody who waits for the answer."""


def _again(first: Message, receive: Receive) -> Receive:
    """What was read is read once more."""
    waiting = [first]

    async def read() -> Message:
        return waiting.pop() if waiting else await receive()

    return read


async def _tell(reply: Reply, send: Send) -> None:
    body = reply.body.encode()
    headers = [(name.lower().encode(), text.encode()) for name, text in reply.headers.items()]
    headers += [(b"content-length", b"%d" % len(body)), JSON]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
