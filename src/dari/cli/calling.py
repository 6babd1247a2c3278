"""`dari tools` and `dari call`: the same declarations and the same path as the MCP door."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from dari.app.runtime import Runtime
from dari.app.servers import chosen_toolsets, narrowed, server
from dari.app.setting_up import settings_of
from dari.cli.printing import document, exit_code, line
from dari.core.errors import InvalidInput
from dari.serving.schemas import listed


def tools(name: str, *, toolsets: str | None = None, as_json: bool) -> None:
    """Print the tools of a server and what they weigh."""
    offer = narrowed(server(name).tools(), chosen_toolsets([name], toolsets))
    told = [listed(tool) for _, tool in offer]
    outputs = [one.pop("outputSchema") for one in told]
    shape = {
        "server": name,
        "tools": [{**one, "outputSchema": output} for one, output in zip(told, outputs, strict=True)],
        "tools_list_chars": sum(len(compact(one)) for one in told),
        "output_schema_chars": sum(len(compact(one)) for one in outputs),
    }
    if as_json:
        document(shape)
        return
    for one in told:
        hints = ", ".join(hint for hint, on in one["annotations"].items() if on) or "—"
        line(f"{one['name']}  [{hints}]")
        line(f"    {one['description']}")
        for argument, schema in one["inputSchema"].get("properties", {}).items():
            line(f"    {argument}: {compact(schema)}")
    line(
        f"{len(told)} tools, {shape['tools_list_chars']} characters; schemas of answers {shape['output_schema_chars']}"
    )


def compact(value: Any) -> str:
    """JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


async def call(name: str, tool: str, arguments: Iterable[str], *, as_json: bool, simulated: bool, seed: int) -> int:
    """Call a tool; show its tables in a terminal, else print its text; or its structured content (or error) as JSON."""
    given = dict(map(_argument, arguments))
    async with Runtime(settings_of(), simulated=simulated, seed=seed) as runtime:
        _, dispatch = runtime.server(name)
        outcome = await dispatch.call(tool, given, runtime.caller())
    if as_json:
        document(outcome.structured)
    elif not _shown(outcome.structured, outcome.text):
        line(outcome.text)
    return exit_code(outcome.error)


def _shown(told: Mapping[str, Any], text: str) -> bool:
    if not sys.stdout.isatty() and "FORCE_COLOR" not in os.environ:
        return False
    from dari.cli.showing import show  # noqa: PLC0415 -- a program that reads our answer does not pay for rich

    return show(told, text)


def _argument(written: str) -> tuple[str, Any]:
    """`key=value`; a value that opens with a bracket or a brace is JSON, anything else is text the tool will read."""
    key, sign, value = written.partition("=")
    if not sign or not key:
        raise InvalidInput(f"an argument is key=value, not {written[:60]!r}")
    if value[:1] in {"[", "{"}:
        try:
            return key, json.loads(value)
        except ValueError:
            raise InvalidInput(f"the value of {key} is not JSON") from None
    return key, value
