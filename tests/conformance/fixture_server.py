"""A server on our own doors with the tools that the programs of other hands expect to find.

`python -m tests.conformance.fixture_server stdio` or `... http`, which prints its address. What our door answers in
earnest goes through `dispatch`; what the conformance suite wants beyond it (pictures, prompts, sampling) lies beside it
on the same FastMCP server, in `extras`, so that address, protection, streams and both eras are the real ones.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field

from dari.core.clock import SystemClock
from dari.core.errors import Hint, NotFound, Refused
from dari.core.exchange import Answer, Provenance, Reply
from dari.core.tool import Query, Standing, Tool
from dari.serving.audit import Audit
from dari.serving.callers import Caller
from dari.serving.dispatch import Dispatch, Offered
from dari.serving.mcp_door import stdio
from dari.serving.metrics import Metrics

NAME = "conformance-fixture"
VERSION = "0.1.0"
INSTRUCTIONS = "Tools for acceptance runs."


class NoUpstream:
    """The way to nowhere: these tools know their answers."""

    keep_seconds = 0.0
    sources: tuple[Provenance, ...] = ()

    def now(self) -> datetime:
        return SystemClock().now()

    async def ask(self, endpoint: str, parameters: Mapping[str, str] | None = None, **rest: Any) -> Reply:
        raise NotFound(f"no endpoint {endpoint} {parameters} {rest}")

    async def standing(self, *, scope: str = "account") -> Standing:
        raise NotFound(f"no upstream to stand with ({scope})")


class Nothing(Query):
    pass


class Spoken(BaseModel):
    said: str | None = None


class Message(Query):
    message: Annotated[str, Field(description="told back", json_schema_extra={"x-mcp-header": "Message"})]


class Code(Query):
    code: Annotated[str, Field(description="종목코드 6-digit stock code", pattern=r"^\d{6}$")]


class Quote(BaseModel):
    code: str
    price: int
    currency: str


class Pair(Query):
    a: int
    b: int


class Sum(BaseModel):
    sum: int


async def speak(_: Nothing, __: Any) -> Answer:
    return Answer({"said": "hello"}, text="This is a simple text response for testing.")


async def fail(_: Nothing, __: Any) -> Answer:
    raise Refused("This tool intentionally returns an error for testing")


async def echo(query: Message, _: Any) -> Answer:
    return Answer({"said": query.message}, text=query.message)


async def quote(query: Code, _: Any) -> Answer:
    if query.code == "000000":
        raise NotFound("no issue 000000", hint=Hint("종목코드를 확인하세요.", "Check the code."))
    data = Quote(code=query.code, price=70_000, currency="KRW").model_dump()
    return Answer(data, text=f"{query.code} 70,000 won")


async def add(query: Pair, _: Any) -> Answer:
    return Answer({"sum": query.a + query.b}, text=str(query.a + query.b))


def tool(name: str, query: type[Query], output: type[BaseModel], run: Any) -> Tool:
    return Tool(name=name, title=name, description=f"Acceptance fixture: {name}.", query=query, output=output, run=run)


TOOLS = (
    tool("test_simple_text", Nothing, Spoken, speak),
    tool("test_error_handling", Nothing, Spoken, fail),
    tool("test_custom_headers", Message, Spoken, echo),
    tool("get_quote", Code, Quote, quote),
    tool("add", Pair, Sum, add),
)


def dispatch(folder: Path) -> Dispatch:
    """Our tools behind the one path of a call."""
    offered = {one.name: Offered(one, lambda _: NoUpstream()) for one in TOOLS}
    return Dispatch(offered, clock=SystemClock(), audit=Audit(folder), metrics=Metrics())


async def over_http(folder: Path) -> None:
    """Our HTTP front, with the extras beside our tools."""
    from dari.serving.mcp_door import listening, web  # noqa: PLC0415 -- FastMCP is imported only where HTTP is spoken
    from tests.conformance import extras  # noqa: PLC0415 -- the same

    ours = dispatch(folder)
    server = web.front(NAME, ours, Caller(language="en"), version=VERSION, instructions=INSTRUCTIONS, traced=True)
    extras.beside(server, frozenset(ours.offered))
    app = web.web_app({NAME: server}, root=server, streaming={NAME})
    await listening.serve(app, "127.0.0.1", 0, told=lambda address: print(address, flush=True))  # noqa: T201 -- told to whoever started us


def main(arguments: list[str]) -> None:
    """Serve until the client leaves or the process is ended."""
    with tempfile.TemporaryDirectory() as folder:
        if arguments[0] == "stdio":
            asyncio.run(
                stdio.serve(
                    NAME, dispatch(Path(folder)), Caller(language="en"), version=VERSION, instructions=INSTRUCTIONS
                )
            )
        else:
            asyncio.run(over_http(Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1:])
