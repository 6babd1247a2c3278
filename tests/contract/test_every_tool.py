"""The same questions to every tool of every named server, from the registry: nobody is asked less for being new.

What a client reads of each server stands word for word in docs/reference/servers (checked by test_scripts.py).
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dari.app.runtime import Runtime
from dari.app.servers import SERVERS
from dari.core.endpoint import Effect
from dari.core.tool import Tool
from dari.serving.schemas import HINTS, listed
from dari.settings import resolve
from scripts.reference import weight

ONE_TOOL = 1000
"""What the heaviest tool may weigh in tools/list, in characters."""
AVERAGE = 450
"""What a server may spend a tool on the average; one that has a single tool may spend more."""
SINGLE = 700
ALLOWED = {"volume-ranking": 3_500, "get_market_cap_ranking": 950, "query_payments": 1_000}
"""Servers and tools whose document fixes rich arguments (a closed list of filters) have a budget of their own."""
ANSWER_SHAPE = 900
DESCRIPTION = range(30, 500)
LONGEST_NAME = 64
NO_SECRET = {"idempotency_key"}
"""A merchant's own name for a payment: the document calls it a key, and it opens nothing."""
SECRETS = re.compile(r"key|secret|token|password|credential|app_?sec", re.IGNORECASE)

TOOLS = [
    pytest.param(server, provider, tool, id=f"{server}.{tool.name}")
    for server, named in SERVERS.items()
    for provider, tool in named.tools()
]


def asked(function: Any) -> Any:
    return pytest.mark.parametrize(("server", "provider", "tool"), TOOLS)(function)


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    async with Runtime(resolve()) as one:  # no keys: what is refused here is refused before the network
        yield one


@asked
def test_its_name_fits_every_client(server: str, provider: str, tool: Tool) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", tool.name), provider
    assert len(f"{server}__{tool.name}".replace("-", "_")) <= LONGEST_NAME


@asked
def test_it_says_what_it_does_in_few_words(server: str, provider: str, tool: Tool) -> None:
    assert len(tool.description) in DESCRIPTION, (server, provider)
    assert tool.title


@asked
def test_its_hints_follow_its_effect(server: str, provider: str, tool: Tool) -> None:
    hints = listed(tool)["annotations"]
    assert hints == HINTS[tool.effect], (server, provider)
    assert hints["readOnlyHint"] is (tool.effect is Effect.READ)


@asked
def test_it_weighs_little(server: str, provider: str, tool: Tool) -> None:
    told = listed(tool)
    assert weight(told.pop("outputSchema")) <= ANSWER_SHAPE, (server, provider)
    assert weight(told) <= ALLOWED.get(tool.name, ONE_TOOL)


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_weighs_little(server: str) -> None:
    told = [listed(tool) for _, tool in SERVERS[server].tools()]
    shapes = [one.pop("outputSchema") for one in told]
    assert len(shapes) == len(told)
    assert sum(map(weight, told)) <= ALLOWED.get(server, max(SINGLE, AVERAGE * len(told)))


@asked
def test_it_takes_no_secret_and_refuses_what_it_does_not_know(server: str, provider: str, tool: Tool) -> None:
    schema = listed(tool)["inputSchema"]
    assert schema["additionalProperties"] is False, (server, provider)
    assert [name for name in schema.get("properties", {}) if SECRETS.search(name) and name not in NO_SECRET] == []


@asked
async def test_an_unknown_argument_is_refused(server: str, provider: str, tool: Tool, runtime: Runtime) -> None:
    _, dispatch = runtime.server(server)
    outcome = await dispatch.call(tool.name, {"no_such_argument": 1}, runtime.caller())
    assert outcome.error in ({"invalid_input"} if tool.effect is Effect.READ else {"invalid_input", "not_allowed"})
    assert "no_such_argument" in str(outcome.structured) or outcome.error == "not_allowed", provider


@asked
def test_its_effect_is_not_below_that_of_what_it_asks(server: str, provider: str, tool: Tool, runtime: Runtime) -> None:
    spec = runtime.client_of(provider).spec
    for name in tool.endpoints:
        assert spec.endpoint(name).effect <= tool.effect, (server, name)


def test_the_pattern_of_secrets_sees_one() -> None:
    assert SECRETS.search("app_key")
    assert SECRETS.search("AccessToken")
    assert not SECRETS.search("market")
