"""Tools of the 2026-07-28 era that answer with a question first (`InputRequiredResult`)."""

from __future__ import annotations

from typing import Any

import mcp_types as types
from fastmcp import Context, FastMCP

ABOUT = "Conformance fixture."
ROOTS = types.ListRootsRequest(method="roots/list")
Reply = str | types.InputRequiredResult


def ask(message: str, field: str, kind: str = "string") -> types.ElicitRequest:
    schema: Any = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    form = types.ElicitRequestFormParams(message=message, requested_schema=schema)
    return types.ElicitRequest(method="elicitation/create", params=form)


def sample(text: str) -> types.CreateMessageRequest:
    message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=text))
    asked = types.CreateMessageRequestParams(messages=[message], max_tokens=100)
    return types.CreateMessageRequest(method="sampling/createMessage", params=asked)


def need(state: str | None = None, **requests: Any) -> types.InputRequiredResult:
    return types.InputRequiredResult(result_type="input_required", input_requests=requests, request_state=state)


def said(ctx: Context, key: str, field: str) -> str:
    answer = (ctx.input_responses or {})[key]
    return str((answer.content or {}).get(field, "")) if isinstance(answer, types.ElicitResult) else ""


def questions(server: FastMCP) -> None:
    """Every shape of question the suite knows."""
    for shape in (one_answer, several_answers, checked_answers):
        shape(server)


def one_answer(server: FastMCP) -> None:
    """One question, one answer."""

    @server.tool(description=ABOUT)
    def test_input_required_result_elicitation(ctx: Context) -> Reply:
        if "user_name" not in (ctx.input_responses or {}):
            return need(user_name=ask("What is your name?", "name"))
        return f"Hello, {said(ctx, 'user_name', 'name')}!"

    @server.tool(description=ABOUT)
    def test_input_required_result_sampling(ctx: Context) -> Reply:
        if not ctx.input_responses:
            return need(capital_question=sample("What is the capital of France?"))
        return f"Answer: {ctx.input_responses['capital_question']}"

    @server.tool(description=ABOUT)
    def test_input_required_result_list_roots(ctx: Context) -> Reply:
        if not ctx.input_responses:
            return need(client_roots=ROOTS)
        return f"Roots: {ctx.input_responses['client_roots']}"


def several_answers(server: FastMCP) -> None:
    """Several questions, at once or in rounds."""

    @server.tool(description=ABOUT)
    def test_input_required_result_request_state(ctx: Context) -> Reply:
        if not ctx.input_responses:
            return need("s1", confirm=ask("Please confirm", "ok", "boolean"))
        return "state-ok" if ctx.request_state == "s1" else "state-bad"

    @server.tool(description=ABOUT)
    def test_input_required_result_multiple_inputs(ctx: Context) -> Reply:
        if not ctx.input_responses:
            greeting = sample("Generate a greeting")
            return need("m1", user_name=ask("name?", "name"), greeting=greeting, client_roots=ROOTS)
        return f"{len(ctx.input_responses)} answers"

    @server.tool(description=ABOUT)
    def test_input_required_result_multi_round(ctx: Context) -> Reply:
        given = ctx.input_responses or {}
        if not given:
            return need("r1", step1=ask("Step 1: name?", "name"))
        if "step1" in given:
            return need("r2:" + said(ctx, "step1", "name"), step2=ask("Step 2: colour?", "color"))
        return f"{(ctx.request_state or ':').split(':', 1)[1]} likes {said(ctx, 'step2', 'color')}"


def checked_answers(server: FastMCP) -> None:
    """Answers and clients that must be looked at, and the question of a prompt."""

    @server.tool(description=ABOUT)
    def test_input_required_result_tampered_state(ctx: Context) -> Reply:
        if not ctx.input_responses:
            return need("sealed", confirm=ask("Please confirm", "confirmation"))
        return "accepted"

    @server.tool(description=ABOUT)
    def test_input_required_result_capabilities(ctx: Context) -> Reply:
        if ctx.input_responses:
            return "done"
        known = ctx.session.client_params.capabilities if ctx.session.client_params else None
        requests: dict[str, Any] = {}
        if known and known.sampling is not None:
            requests["q"] = sample("capital?")
        if known and known.elicitation is not None:
            requests["n"] = ask("name?", "name")
        if known and known.roots is not None:
            requests["r"] = ROOTS
        return need(**requests) if requests else "no input capability"

    @server.prompt(description=ABOUT)
    def test_input_required_result_prompt(ctx: Context) -> Any:
        if not ctx.input_responses:
            return need(user_context=ask("context?", "context"))
        return f"ctx={said(ctx, 'user_context', 'context')}"
