"""What both fronts say: tools, results, resources and prompts. Plain dicts: nothing is modelled twice."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server

from dari.core.errors import CallerError, DariError, MissingExtra
from dari.core.exchange import Drawn
from dari.core.shelf import LiveResource, Resource, Shelf
from dari.serving.boards import Boards
from dari.serving.callers import Caller
from dari.serving.dispatch import Offered, Outcome, visible
from dari.serving.mcp_door.subscribing import failed, subscriptions
from dari.serving.schemas import input_schema, listed

LIST_KEEPS_MILLISECONDS = 300_000
"""How long a client may keep the list of tools; it does not change while the process lives."""

APPS: Final = "io.modelcontextprotocol/ui"
APP_KIND: Final = "text/html;profile=mcp-app"
"""The extension by which a host opens a page of ours, and the kind of page it opens."""

Who = Callable[[ServerRequestContext[Any, Any]], Caller]
"""From a request to the caller behind it."""


def as_result(outcome: Outcome) -> dict[str, Any]:
    """A CallToolResult on the wire. An error is `isError`, never shaped like a success."""
    result: dict[str, Any] = {
        "resultType": "complete",  # asked for since 2026-07-28; the SDK leaves it out for older clients
        "content": [{"type": "text", "text": outcome.text}],
        "structuredContent": outcome.structured,
    }
    if outcome.error is not None:
        result["isError"] = True
    return result


async def with_picture(result: dict[str, Any], picture: Drawn, *, opens_apps: bool) -> dict[str, Any]:
    """The result with its picture: for an app as SVG beside the content, which no model reads, else as a PNG in it.

    Where nothing can make a PNG here, the words and the figures stand alone.
    """
    if opens_apps:
        shown = {"alt": picture.label, **{theme: picture.document(theme) for theme in ("light", "dark")}}
        return {**result, "_meta": {"dari/picture": shown}}
    from dari.serving.charts.png import png  # noqa: PLC0415 -- only who is sent pictures pays for it

    try:
        image = base64.b64encode(await asyncio.to_thread(png, picture)).decode()
    except MissingExtra:
        return result
    told = {"type": "image", "data": image, "mimeType": "image/png", "annotations": {"audience": ["user"]}}
    return {**result, "content": [*result["content"], told]}


def _opens_apps(ctx: ServerRequestContext[Any, Any]) -> bool:
    """Whether the client has said that it opens MCP Apps of the kind we have."""
    capabilities = ctx.session.client_capabilities
    told = (capabilities.extensions or {}).get(APPS) if capabilities else None
    kinds = told.get("mimeTypes") if isinstance(told, Mapping) else None
    return isinstance(kinds, list | tuple) and APP_KIND in kinds


class Answering(Protocol):
    """What a door asks: one server's dispatch, or the union of many."""

    @property
    def offered(self) -> Mapping[str, Offered]:
        """The tools by name."""
        ...

    async def call(self, name: str, arguments: Mapping[str, Any] | None, caller: Caller) -> Outcome:
        """Call one."""
        ...


def answer(
    server: Server[Any], dispatch: Answering, who: Who, shelf: Shelf | None = None, boards: Boards | None = None
) -> None:
    """Let `server` answer tools/list and tools/call from `dispatch`, what stands on its shelf and what is pushed."""
    if shelf and (shelf.resources or boards):
        _resources(server, shelf, who, boards)
    if boards is not None:
        subscriptions(server, boards, who)
    if shelf and shelf.prompts:
        _prompts(server, shelf)
    listing: dict[str, Any] = {
        "resultType": "complete",
        "ttlMs": LIST_KEEPS_MILLISECONDS,
        "cacheScope": "private",  # what is listed may depend on who asks
        "tools": [listed(offered.tool, name) for name, offered in dispatch.offered.items()],
    }
    if any(offered.tool.app for offered in dispatch.offered.values()):
        server.extensions[APPS] = {}
    tools = {name: offered.tool for name, offered in dispatch.offered.items()}
    at = getattr(dispatch, "server", "")
    schemas = {name: input_schema(offered.tool.query) for name, offered in dispatch.offered.items()}

    async def list_tools(ctx: ServerRequestContext[Any, Any], _: types.PaginatedRequestParams) -> dict[str, Any]:
        caller = who(ctx)
        if caller.permits is None and not caller.allow and not caller.deny:
            return listing
        seen = [one for one in listing["tools"] if not at or visible(tools[one["name"]], at, caller)]
        return {**listing, "tools": seen}

    async def call_tool(ctx: ServerRequestContext[Any, Any], params: types.CallToolRequestParams) -> dict[str, Any]:
        outcome = await dispatch.call(params.name, params.arguments, who(ctx))
        result = as_result(outcome)
        if outcome.picture is None:
            return result
        return await with_picture(result, outcome.picture, opens_apps=_opens_apps(ctx))

    server.add_request_handler("tools/list", types.PaginatedRequestParams, list_tools)
    server.add_request_handler("tools/call", types.CallToolRequestParams, call_tool)
    # Without this, each tools/call on 2026-07-28 runs a whole tools/list first, to look for x-mcp-header.
    server.get_tool_input_schema = schemas.get


def _listing(**what: Any) -> dict[str, Any]:
    return {"resultType": "complete", "ttlMs": LIST_KEEPS_MILLISECONDS, "cacheScope": "private", **what}


def _resource(one: Resource | LiveResource) -> dict[str, Any]:
    address = {"uriTemplate" if one.template else "uri": one.address}
    return {**address, "name": one.name, "description": one.description, "mimeType": one.mime}


def _resources(server: Server[Any], shelf: Shelf, who: Who, boards: Boards | None) -> None:
    every: list[Resource | LiveResource] = [*shelf.resources, *(shelf.live if boards else ())]
    fixed = [_resource(one) for one in every if not one.template]
    templates = _listing(resourceTemplates=[_resource(one) for one in every if one.template])

    async def list_fixed(ctx: ServerRequestContext[Any, Any], _: types.PaginatedRequestParams) -> dict[str, Any]:
        found = await shelf.found() if shelf.found and not who(ctx).tenant else ()
        return _listing(resources=[*fixed, *map(_resource, found)])

    async def list_templates(_: ServerRequestContext[Any, Any], __: types.PaginatedRequestParams) -> dict[str, Any]:
        return templates

    async def read(ctx: ServerRequestContext[Any, Any], params: types.ReadResourceRequestParams) -> dict[str, Any]:
        uri = str(params.uri)
        moves = boards is not None and shelf.is_live(uri)
        try:
            caller = who(ctx)
            pushed = boards.read(uri, caller) if boards is not None and moves else None
            mime, text = await (pushed or shelf.read(uri, own=not caller.tenant))
        except DariError as error:
            raise failed(error) from None
        contents = [{"uri": uri, "mimeType": mime, "text": text}]
        return {**_listing(contents=contents), **({"ttlMs": 0} if moves else {})}

    server.add_request_handler("resources/list", types.PaginatedRequestParams, list_fixed)
    server.add_request_handler("resources/templates/list", types.PaginatedRequestParams, list_templates)
    server.add_request_handler("resources/read", types.ReadResourceRequestParams, read)


def _prompts(server: Server[Any], shelf: Shelf) -> None:
    listing = _listing(
        prompts=[
            {
                "name": one.name,
                "title": one.title,
                "description": one.description,
                "arguments": [
                    {"name": name, "description": meaning, "required": name in one.required}
                    for name, meaning in one.arguments.items()
                ],
            }
            for one in shelf.prompts
        ]
    )

    async def list_prompts(_: ServerRequestContext[Any, Any], __: types.PaginatedRequestParams) -> dict[str, Any]:
        return listing

    async def get(_: ServerRequestContext[Any, Any], params: types.GetPromptRequestParams) -> dict[str, Any]:
        try:
            prompt, text = shelf.prompt(params.name, params.arguments or {})
        except CallerError as error:
            raise failed(error) from None
        said = [{"role": "user", "content": {"type": "text", "text": text}}]
        return {"resultType": "complete", "description": prompt.description, "messages": said}

    server.add_request_handler("prompts/list", types.PaginatedRequestParams, list_prompts)
    server.add_request_handler("prompts/get", types.GetPromptRequestParams, get)
