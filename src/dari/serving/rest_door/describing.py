"""The OpenAPI 3.1 document, from the same declarations the MCP doors list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from dari.core.endpoint import Effect
from dari.core.tool import Tool
from dari.serving.dispatch import Dispatch
from dari.serving.rest_door.aliases import ALIASES, SERVER, Alias
from dari.serving.rest_door.replying import MEANINGS
from dari.serving.schemas import input_schema, output_schema

TOOL_STATUSES: Final = (400, 401, 403, 404, 408, 409, 413, 415, 421, 422, 429, 500, 501, 502, 503, 504, 507)
JOB_STATUSES: Final = (401, 403, 404, 421, 503, 504)

ERROR: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What went wrong: `executed` is false where surely nothing happened, null where that is not known.",
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "executed": {"type": ["boolean", "null"]},
        "hint": {"type": "string"},
        "retry_after": {"type": "number"},
        "error": {"type": "string"},
        "error_description": {"type": "string"},
    },
}
STANDING: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "key": {"type": "string"},
        "kind": {"type": "string"},
        "state": {"enum": ["queued", "running", "done", "failed", "cancelled"]},
        "tries": {"type": "integer"},
        "progress": {"type": "object"},
        "error": {"type": ["object", "null"]},
    },
    "required": ["key", "kind", "state"],
}
EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "One event of a stream; `data` is a JSON object.",
    "properties": {
        "id": {"type": "string"},
        "event": {"enum": ["started", "progress", "done", "error", "failed", "cancelled", "gap"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer"},
    },
}
EVENTS: Final[dict[str, Any]] = {"text/event-stream": {"schema": {"$ref": "#/components/schemas/Event"}}}


def openapi(servers: Mapping[str, Dispatch], *, version: str, secured: bool) -> dict[str, Any]:
    """The document for these servers; `secured`: with a bearer token."""
    parts: dict[str, Any] = {"Error": ERROR, "Event": EVENT, "Job": STANDING}
    paths: dict[str, dict[str, Any]] = {"/api/v1/health": {"get": _health()}}
    for server, dispatch in servers.items():
        for name, offered in dispatch.offered.items():
            paths[f"/api/v1/{server}/{name}"] = {"post": _operation(server, offered.tool, parts)}
    if SERVER in servers:
        for alias in ALIASES:
            offered = servers[SERVER].offered[alias.tool]
            operation = _alias(alias, offered.tool, parts)
            paths.setdefault(alias.path, {})[alias.method.lower()] = operation
        paths["/api/v1/crawl/{crawl_id}/events"] = {"get": _events("crawl_events", "crawl_id", "Progress of a crawl")}
    paths["/api/v1/jobs/{job}"] = {
        "get": _job("job_standing", "How a job stands"),
        "delete": _job("job_cancel", "Ask a job to stop"),
    }
    paths["/api/v1/jobs/{job}/events"] = {"get": _events("job_events", "job", "Events of a job")}
    described: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Dari",
            "version": version,
            "description": "Every tool of the MCP servers as one POST. Ask with `Accept: text/event-stream` for "
            "progress; a stream that broke goes on with `Last-Event-ID`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": name} for name in servers],
        "paths": paths,
        "components": {"schemas": parts},
    }
    if secured:
        described["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        described["security"] = [{"bearer": []}]
        paths["/api/v1/health"]["get"]["security"] = []
    return described


def _errors(statuses: Iterable[int]) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    told: dict[str, Any] = {str(one): {"description": MEANINGS[one], "content": content} for one in statuses}
    for one in ("429", "503"):
        if one in told:
            told[one] = {**told[one], "headers": {"Retry-After": {"schema": {"type": "integer"}}}}
    return told


def _answers(told: dict[str, Any], statuses: Iterable[int], description: str = "The answer") -> dict[str, Any]:
    return {"200": {"description": description, "content": told}, **_errors(statuses)}


def _health() -> dict[str, Any]:
    schema = {"type": "object", "properties": {"status": {"const": "ok"}}, "required": ["status"]}
    content = {"application/json": {"schema": schema}}
    return {"operationId": "health", "summary": "Whether this address answers", "responses": _answers(content, (421,))}


def _operation(server: str, tool: Tool, parts: dict[str, Any]) -> dict[str, Any]:
    """One tool. An event stream may be asked for instead, except of what cannot be taken back."""
    schema = _moved(input_schema(tool.query), f"{server}.{tool.name}", parts)
    content = {"application/json": {"schema": _output(server, tool, parts)}}
    return {
        "operationId": f"{server}.{tool.name}",
        "tags": [server],
        "summary": tool.title,
        "description": tool.description,
        "requestBody": {
            "required": bool(schema.get("required")),
            "content": {"application/json": {"schema": schema}},
        },
        "responses": _answers(content | ({} if tool.effect is Effect.COMMIT else EVENTS), TOOL_STATUSES),
        "x-effect": tool.effect.name,
    }


def _output(server: str, tool: Tool, parts: dict[str, Any]) -> dict[str, Any]:
    name = f"{server}.{tool.name}"
    parts[f"{name}.answer"] = _moved(output_schema(tool.output), name, parts)
    return {"$ref": f"#/components/schemas/{name}.answer"}


def _alias(alias: Alias, tool: Tool, parts: dict[str, Any]) -> dict[str, Any]:
    told = _operation(SERVER, tool, parts)
    told["operationId"] = re.sub(r"[^a-z]+", "_", f"{alias.method} {alias.path}".lower()).strip("_")
    if alias.streams:
        told["responses"]["200"]["content"] = EVENTS
    if alias.method == "GET":
        body = told.pop("requestBody")["content"]["application/json"]["schema"]
        inside = {name: part for part, name in alias.renamed}
        told["parameters"] = [
            {
                "name": inside.get(name, name),
                "in": "path" if name in inside else "query",
                "required": name in inside or name in body.get("required", ()),
                "schema": schema,
            }
            for name, schema in body.get("properties", {}).items()
        ]
    return told


def _parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _job(name: str, summary: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}
    return {
        "operationId": name,
        "tags": ["jobs"],
        "summary": summary,
        "parameters": [_parameter("job")],
        "responses": _answers(content, JOB_STATUSES),
    }


def _events(name: str, parameter: str, summary: str) -> dict[str, Any]:
    last = {
        "name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"},
        "description": "The id of the last event seen: only what came after it is told.",
    }  # fmt: skip
    return {
        "operationId": name,
        "tags": ["jobs"],
        "summary": summary,
        "parameters": [_parameter(parameter), last],
        "responses": _answers(EVENTS, JOB_STATUSES, "Events `started`, `progress`, `done`, `error`, `failed` …"),
    }


def _moved(schema: dict[str, Any], name: str, parts: dict[str, Any]) -> dict[str, Any]:
    """The schema with its own definitions moved to where an OpenAPI document keeps them."""
    for key, definition in schema.get("$defs", {}).items():
        parts[f"{name}.{key}"] = _pointed(definition, name)
    told: dict[str, Any] = _pointed({key: one for key, one in schema.items() if key != "$defs"}, name)
    return told


def _pointed(node: Any, name: str) -> Any:
    if isinstance(node, list):
        return [_pointed(one, name) for one in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return {**node, "$ref": node["$ref"].replace("#/$defs/", f"#/components/schemas/{name}.")}
    return {key: _pointed(value, name) for key, value in node.items()}
