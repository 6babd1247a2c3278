"""Tool schemas as a model should pay for them: no titles, no definitions to follow, types only on the way out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel

from dari.core.endpoint import Effect
from dari.core.tool import Tool

HINTS = {
    Effect.READ: {"readOnlyHint": True},
    Effect.CHANGE: {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": True},
    Effect.COMMIT: {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": False},
}
"""MCP annotations of each effect."""


_IN = frozenset({"title", "$defs"})
_OUT = frozenset({"title", "$defs", "description", "required", "additionalProperties", "default", "examples"})


def _inlined(node: Any, definitions: Mapping[str, Any], drop: frozenset[str]) -> Any:
    if isinstance(node, list):
        return [_inlined(one, definitions, drop) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _inlined(definitions[node["$ref"].rpartition("/")[2]], definitions, drop)
    lean: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":
            lean[key] = {name: _inlined(one, definitions, drop) for name, one in value.items()}
        elif key == "type" and isinstance(value, list):  # one type at a place: some clients know no other
            lean["anyOf"] = [{"type": one} for one in value]
        elif key not in drop and not (key == "default" and value is None):
            lean[key] = _inlined(value, definitions, drop)
    if drop is _IN and "default" in node and node["default"] is None:
        return _left_out_for_none(lean)
    return lean


def _left_out_for_none(lean: dict[str, Any]) -> dict[str, Any]:
    """An argument that may be left out is left out for none: the null beside its type says nothing more."""
    options = [one for one in lean.get("anyOf", ()) if one != {"type": "null"}]
    if len(options) != 1:
        return lean
    rest = {key: value for key, value in lean.items() if key != "anyOf"}
    return {**options[0], **rest}


@cache
def input_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a tool's arguments; unknown arguments are refused by it."""
    schema = model.model_json_schema()
    lean: dict[str, Any] = _inlined(schema, schema.get("$defs", {}), _IN)
    lean.pop("description", None)
    return lean


def output_schema(output: type[BaseModel] | Mapping[str, Any]) -> dict[str, Any]:
    """The schema of the structured content: types only, nothing required, so that an error passes it too."""
    schema = dict(output) if isinstance(output, Mapping) else output.model_json_schema()
    lean: dict[str, Any] = _inlined(schema, schema.get("$defs", {}), _OUT)
    lean["properties"] = {
        **lean.get("properties", {}),
        "provenance": {"type": "array", "items": {"type": "object"}},
        "gaps": {"type": "array", "items": {"type": "object"}},
    }
    shared: dict[str, Any] = {}
    lean = _shared(lean, _nullable(lean), shared)
    return {**lean, "$defs": shared} if shared else lean


SHARED_FROM: Final = 4
"""How often "this or null" must stand in a schema before saying it once is shorter."""


def _nullable(node: Any) -> Counter[str]:
    """How often each "this or null" stands in a schema."""
    found: Counter[str] = Counter()
    if isinstance(node, dict):
        if set(node) == {"anyOf"} and {"type": "null"} in node["anyOf"]:
            found[json.dumps(node)] += 1
        for value in node.values():
            found += _nullable(value)
    elif isinstance(node, list):
        for value in node:
            found += _nullable(value)
    return found


def _shared(node: Any, counts: Counter[str], shared: dict[str, Any]) -> Any:
    """The schema with each frequent "this or null" said once, in `shared`, and pointed at where it stands."""
    if isinstance(node, list):
        return [_shared(one, counts, shared) for one in node]
    if not isinstance(node, dict):
        return node
    said = json.dumps(node)
    if counts[said] >= SHARED_FROM:
        name = next((one for one, kept in shared.items() if kept == node), f"n{len(shared)}")
        shared[name] = node
        return {"$ref": f"#/$defs/{name}"}
    return {key: _shared(value, counts, shared) for key, value in node.items()}


def listed(tool: Tool, name: str | None = None) -> dict[str, Any]:
    """The tool as `tools/list` tells it."""
    return {
        "name": name or tool.name,
        "description": tool.description,
        "inputSchema": input_schema(tool.query),
        "outputSchema": output_schema(tool.output),
        "annotations": HINTS[tool.effect],
        **({"_meta": {"ui": {"resourceUri": tool.app}}} if tool.app else {}),
    }
