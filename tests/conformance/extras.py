"""What the conformance suite wants of a server beyond our tools: pictures, prompts, resources, questions to the client.

The names and texts are the suite's contract. They are FastMCP's own tools on the server that our front made; a call of
one of our names goes to our dispatch, every other one here.
"""

from __future__ import annotations

import asyncio
import base64
import struct
from enum import StrEnum
from typing import Any

import mcp_types as types
from fastmcp import Context, FastMCP
from fastmcp.prompts import Message
from fastmcp.tools.function_tool import FunctionTool
from fastmcp.utilities.types import Audio, Image
from mcp.shared.exceptions import MCPError
from mcp_types.jsonrpc import MISSING_REQUIRED_CLIENT_CAPABILITY
from pydantic import BaseModel

from tests.conformance import questions

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGP4z8BQDwAEgAF/pooBPQAAAABJRU5ErkJggg=="
)
WAV = b"RIFF" + struct.pack("<I", 38) + b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 44100, 88200, 2, 16)
WAV += b"data" + struct.pack("<I", 2) + b"\0\0"
ABOUT = "Conformance fixture."
STEP = 0.02


def beside(server: FastMCP, ours: frozenset[str]) -> None:
    """Put the extras on `server` and let its list and calls reach them, while `ours` stay with our dispatch."""
    for subject in (contents, notices, handshake, dialect, capability, questions.questions, resources, prompts):
        subject(server)
    low = server._mcp_server
    listing, calling, schema = (
        low.get_request_handler("tools/list"),
        low.get_request_handler("tools/call"),
        low.get_tool_input_schema,
    )
    assert listing
    assert calling
    assert schema
    schemas = {}

    async def list_tools(ctx: Any, params: types.PaginatedRequestParams) -> dict[str, Any]:
        told: Any = await listing.handler(ctx, params)
        native = await server._on_list_tools(ctx, params)
        schemas.update({one.name: one.input_schema for one in native.tools})
        more = native.model_dump(by_alias=True, mode="json", exclude_none=True)["tools"]
        return {**told, "tools": told["tools"] + more}

    async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> Any:
        if params.name in ours:
            return await calling.handler(ctx, params)
        return await server._on_call_tool(ctx, params)

    low.add_request_handler("tools/list", types.PaginatedRequestParams, list_tools)
    low.add_request_handler("tools/call", types.CallToolRequestParams, call_tool)
    low.get_tool_input_schema = lambda name: schema(name) if name in ours else schemas.get(name)


def embedded(uri: str, text: str, kind: str = "text/plain") -> types.EmbeddedResource:
    return types.EmbeddedResource(
        type="resource", resource=types.TextResourceContents(uri=uri, mime_type=kind, text=text)
    )


def picture() -> types.ImageContent:
    return types.ImageContent(type="image", data=base64.b64encode(PNG).decode(), mime_type="image/png")


def contents(server: FastMCP) -> None:
    """Kinds of content."""

    @server.tool(description=ABOUT)
    def test_image_content() -> Image:
        return Image(data=PNG, format="png")

    @server.tool(description=ABOUT)
    def test_audio_content() -> Audio:
        return Audio(data=WAV, format="wav")

    @server.tool(description=ABOUT)
    def test_embedded_resource() -> list[Any]:
        return [embedded("test://embedded-resource", "This is an embedded resource content.")]

    @server.tool(description=ABOUT)
    def test_multiple_content_types() -> list[Any]:
        text = types.TextContent(type="text", text="Multiple content types test:")
        data = embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json")
        return [text, picture(), data]


def notices(server: FastMCP) -> None:
    """What a server tells while it works."""

    @server.tool(description=ABOUT)
    async def test_tool_with_logging(ctx: Context) -> str:
        for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await ctx.info(said)
            await asyncio.sleep(STEP)
        return "logged"

    @server.tool(description=ABOUT)
    async def test_tool_with_progress(ctx: Context) -> str:
        for percent in (0, 50, 100):
            await ctx.report_progress(percent, 100)
            await asyncio.sleep(STEP)
        return "progressed"

    @server.tool(description=ABOUT)
    async def test_reconnection(ctx: Context) -> str:
        await ctx.report_progress(0, 100)
        await ctx.close_sse_stream()
        await asyncio.sleep(5 * STEP)
        return "resumed"


class Person(BaseModel):
    username: str
    email: str


class Status(StrEnum):
    active = "active"
    inactive = "inactive"
    pending = "pending"


class Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Status = Status.active
    verified: bool = True


def choices() -> dict[str, Any]:
    options = ["option1", "option2", "option3"]
    names = enumerate(("First", "Second", "Third"), 1)
    titled = [{"const": f"value{number}", "title": f"{name} Option"} for number, name in names]
    legacy = {"enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]}
    fields = {
        "untitledSingle": {"type": "string", "enum": options},
        "titledSingle": {"type": "string", "oneOf": titled},
        "legacyEnum": {"type": "string", **legacy},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": options}},
        "titledMulti": {"type": "array", "items": {"anyOf": titled}},
    }
    return {"type": "object", "properties": fields, "required": []}


def handshake(server: FastMCP) -> None:
    """Questions to a client of the handshake era, asked in the middle of a call."""

    @server.tool(description=ABOUT)
    async def test_sampling(prompt: str, ctx: Context) -> str:
        content = types.TextContent(type="text", text=prompt)
        said = await ctx.session.create_message(
            messages=[types.SamplingMessage(role="user", content=content)],
            max_tokens=100,
            related_request_id=ctx.origin_request_id,
        )
        return f"LLM response: {getattr(said.content, 'text', '')}"

    @server.tool(description=ABOUT)
    async def test_elicitation(message: str, ctx: Context) -> str:
        return f"User response: {await ctx.elicit(message, Person)}"

    @server.tool(description=ABOUT)
    async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
        return f"{await ctx.elicit('Defaults', Defaults)}"

    @server.tool(description=ABOUT)
    async def test_elicitation_sep1330_enums(ctx: Context) -> str:
        said = await ctx.session.elicit(
            message="Choices", requested_schema=choices(), related_request_id=ctx.request_id
        )
        return f"action={said.action}"


def dialect(server: FastMCP) -> None:
    """Words of JSON Schema 2020-12 that must arrive as they are."""

    async def accepted(name: str | None = None, address: dict[str, Any] | None = None) -> str:
        return f"{name} {address}"

    street = {"street": {"type": "string"}, "city": {"type": "string"}}
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {"address": {"$anchor": "address", "type": "object", "properties": street}},
        "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
        "allOf": [{"anyOf": [{"required": ["name"]}, {"required": ["address"]}]}],
        "if": {"required": ["address"]},
        "then": {"properties": {"name": {"minLength": 1}}},
        "else": {},
        "additionalProperties": False,
    }
    server.add_tool(FunctionTool(fn=accepted, name="json_schema_2020_12_tool", description=ABOUT, parameters=schema))


def capability(server: FastMCP) -> None:
    """A tool that a client without sampling may not call."""

    @server.tool(description=ABOUT)
    def test_missing_capability(ctx: Context) -> str:
        known = ctx.session.client_params
        if known is None or known.capabilities.sampling is None:
            lacking = types.MissingRequiredClientCapabilityErrorData(
                required_capabilities=types.ClientCapabilities.model_validate({"sampling": {}})
            )
            data = lacking.model_dump(by_alias=True, mode="json", exclude_none=True)
            raise MCPError(code=MISSING_REQUIRED_CLIENT_CAPABILITY, message="sampling needed", data=data)
        return "ok"


def resources(server: FastMCP) -> None:
    """Resources and a template."""

    @server.resource("test://static-text", mime_type="text/plain")
    def static_text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", mime_type="image/png")
    def static_binary() -> bytes:
        return PNG

    @server.resource("test://template/{number}/data", mime_type="application/json")
    def template(number: str) -> str:
        return f'{{"id":"{number}","templateTest":true,"data":"Data for ID: {number}"}}'

    @server.resource("test://watched-resource", mime_type="text/plain")
    def watched() -> str:
        return "watched"


def prompts(server: FastMCP) -> None:
    """Prompts, and the completion of their arguments."""

    @server.prompt(description=ABOUT)
    def test_simple_prompt() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(description=ABOUT)
    def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(description=ABOUT)
    def test_prompt_with_embedded_resource(resourceUri: str) -> list[Any]:  # noqa: N803 -- the suite's name
        text = embedded(resourceUri, "Embedded resource content for testing.")
        return [Message(text), Message("Please process the embedded resource above.")]

    @server.prompt(description=ABOUT)
    def test_prompt_with_image() -> list[Any]:
        return [Message(picture()), Message("Please analyze the image above.")]

    @server.completion
    def complete(_: Any, argument: Any, __: Any) -> types.Completion:
        values = [word for word in ("paris", "park", "party") if word.startswith(argument.value)]
        return types.Completion(values=values, total=len(values), has_more=False)
