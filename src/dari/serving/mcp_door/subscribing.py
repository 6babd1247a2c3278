"""Subscriptions to pushed data: resources/subscribe until 2025-11-25, subscriptions/listen since 2026-07-28."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Final

import mcp_types as types
from mcp import MCPError
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated

from dari.core.errors import DariError
from dari.serving.boards import Boards
from dari.serving.callers import Caller

Context = ServerRequestContext[Any, Any]
Held = dict[str, AsyncExitStack]
STATE: Final = "dari subscriptions"
"""Where a connection keeps what it has subscribed to."""
STREAMS: Final = 256
"""Listening clients of one server."""


def failed(error: DariError) -> MCPError:
    """A protocol error: a subscription has no `isError`."""
    said = f"{error.message}. {error.hint.en}" if error.hint else error.message
    return MCPError(types.INVALID_PARAMS, said, {"code": error.code})


def subscriptions(server: Server[Any], boards: Boards, who: Callable[[Context], Caller]) -> None:
    """Let clients of either era hear of news."""
    _until_2025(server, boards, who)
    _since_2026(server, boards, who)


def _until_2025(server: Server[Any], boards: Boards, who: Callable[[Context], Caller]) -> None:
    async def subscribe(ctx: Context, params: types.SubscribeRequestParams) -> dict[str, Any]:
        uri, held = str(params.uri), _held(ctx)
        if uri in held or not boards.shelf.is_live(uri):
            if uri not in held:
                await _must_exist(boards, uri)
            return {}
        stack = AsyncExitStack()
        await _subscribed(stack, boards, uri, who(ctx), ctx.session.send_resource_updated)
        held[uri] = stack
        return {}

    async def unsubscribe(ctx: Context, params: types.UnsubscribeRequestParams) -> dict[str, Any]:
        stack = _held(ctx).pop(str(params.uri), None)
        if stack is not None:
            await stack.aclose()
        return {}

    server.add_request_handler("resources/subscribe", types.SubscribeRequestParams, subscribe)
    server.add_request_handler("resources/unsubscribe", types.UnsubscribeRequestParams, unsubscribe)


def _held(ctx: Context) -> Held:
    """What the client of this connection has subscribed to; given back when the connection ends."""
    connection = ctx.session._connection  # noqa: SLF001 -- the SDK shows a handler no public way to its connection
    held: Held | None = connection.state.get(STATE)
    if held is None:
        held = connection.state[STATE] = {}

        async def leave() -> None:
            while held:
                await held.popitem()[1].aclose()

        connection.exit_stack.push_async_callback(leave)
    return held


def _since_2026(server: Server[Any], boards: Boards, who: Callable[[Context], Caller]) -> None:
    listening: set[object] = set()

    async def listen(ctx: Context, params: types.SubscriptionsListenRequestParams) -> types.SubscriptionsListenResult:
        """One stream. What is acknowledged is what can change: pushed data; lists and sheets never do."""
        if len(listening) >= STREAMS:
            raise MCPError(types.INTERNAL_ERROR, "too many clients listen")
        asked = dict.fromkeys(params.notifications.resource_subscriptions or ())
        live = [uri for uri in asked if boards.shelf.is_live(uri)]
        bus = InMemorySubscriptionBus()

        async def publish(uri: str) -> None:
            await bus.publish(ResourceUpdated(uri))

        token = object()
        listening.add(token)
        try:
            async with AsyncExitStack() as stack:
                for uri in live:
                    await _subscribed(stack, boards, uri, who(ctx), publish)
                honest = types.SubscriptionFilter(resource_subscriptions=live or None)
                return await ListenHandler(bus)(ctx, params.model_copy(update={"notifications": honest}))
        finally:
            listening.discard(token)

    server.add_request_handler("subscriptions/listen", types.SubscriptionsListenRequestParams, listen)


async def _subscribed(
    stack: AsyncExitStack, boards: Boards, uri: str, caller: Caller, news: Callable[[str], Awaitable[None]]
) -> None:
    try:
        await stack.enter_async_context(boards.subscribed(uri, caller, news))
    except DariError as error:
        raise failed(error) from None


async def _must_exist(boards: Boards, uri: str) -> None:
    """A document that never changes may be subscribed to; one that is not there may not."""
    try:
        await boards.shelf.read(uri)
    except DariError as error:
        raise failed(error) from None
