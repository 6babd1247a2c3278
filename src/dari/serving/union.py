"""Many servers on one address: instead of every tool, three that find, describe and call them (`server__tool`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import Field, ValidationError

from dari.core.endpoint import Effect
from dari.core.errors import DariError, Hint, InvalidInput, NotAllowed, NotFound
from dari.core.exchange import Answer
from dari.core.tool import Query, Tool, Upstream
from dari.serving.callers import Caller
from dari.serving.dispatch import Dispatch, Offered, Outcome, explained, failed, visible
from dari.serving.schemas import listed

BETWEEN: Final = "__"


class SearchTools(Query):
    """Arguments of search_tools."""

    question: str = Field(min_length=1, max_length=400)
    limit: int = Field(default=8, ge=1, le=20)


class DescribeTool(Query):
    """Arguments of describe_tool."""

    name: str = Field(max_length=80)


class ShowPolicy(Query):
    """Arguments of show_policy: none."""


class CallTool(Query):
    """Arguments of call_tool."""

    name: str = Field(max_length=80)
    arguments: dict[str, Any] = Field(default_factory=dict)


OPEN: Final[dict[str, Any]] = {"type": "object", "properties": {}}


class Union:
    """What a door asks in place of one server's dispatch.

    Only tools that look are called from here: a plan is applied at the address of the server that made it, where a
    client sees by the tool's own hints that it cannot be taken back.
    """

    def __init__(self, servers: Mapping[str, Dispatch]) -> None:
        self._servers = dict(servers)
        self._tools = {
            f"{server}{BETWEEN}{name}": (dispatch, offered.tool)
            for server, dispatch in self._servers.items()
            for name, offered in dispatch.offered.items()
        }
        self.offered: dict[str, Offered] = {tool.name: Offered(tool, _nowhere) for tool in _declared()}

    async def call(
        self, name: str, arguments: Mapping[str, Any] | None, caller: Caller, *, profile: str | None = None
    ) -> Outcome:
        """Answer one of our own, or pass a call on; the server that is meant audits and counts it."""
        try:
            match name:
                case "search_tools":
                    return self._search(SearchTools.model_validate(arguments or {}), caller)
                case "describe_tool":
                    return self._describe(DescribeTool.model_validate(arguments or {}), caller)
                case "call_tool":
                    return await self._pass(CallTool.model_validate(arguments or {}), caller, profile)
                case "show_policy":
                    ShowPolicy.model_validate(arguments or {})
                    return self._policy(caller)
            raise NotFound(f"there is no tool {name[:80]!r} here", hint=_LOOK)
        except ValidationError as error:
            return failed(InvalidInput(explained(error)), caller.language)
        except DariError as error:
            return failed(error, caller.language)

    def _found(self, name: str, caller: Caller) -> tuple[Dispatch, Tool]:
        found = self._tools.get(name)
        if found is None or not visible(found[1], found[0].server, caller):
            raise NotFound(f"there is no tool {name!r}", hint=_LOOK)
        return found

    def _search(self, query: SearchTools, caller: Caller) -> Outcome:
        wanted = pairs(query.question)
        scored = [
            (len(wanted & pairs(f"{name} {tool.title} {tool.description}")), name, tool)
            for name, (dispatch, tool) in self._tools.items()
            if visible(tool, dispatch.server, caller)
        ]
        best = sorted((one for one in scored if one[0]), key=lambda one: (-one[0], one[1]))[: query.limit]
        told = [{"name": name, "title": tool.title, "description": tool.description} for _, name, tool in best]
        text = "\n".join(f"{one['name']}: {one['title']}" for one in told) or "아무것도 맞지 않습니다. Nothing fits."
        return Outcome({"tools": told, "total": len(self._tools)}, text)

    def _describe(self, query: DescribeTool, caller: Caller) -> Outcome:
        _, tool = self._found(query.name, caller)
        told = listed(tool, query.name)
        told.pop("outputSchema")
        return Outcome(told, f"{query.name}: {tool.description}\n{told['inputSchema']}")

    async def _pass(self, query: CallTool, caller: Caller, profile: str | None) -> Outcome:
        dispatch, tool = self._found(query.name, caller)
        if tool.effect is not Effect.READ:
            server = query.name.partition(BETWEEN)[0]
            raise NotAllowed(
                f"{tool.name} changes something: call it at /{server}/mcp",
                hint=Hint(f"/{server}/mcp 에 연결해 부르세요.", f"Connect to /{server}/mcp and call it there."),
            )
        return await dispatch.call(tool.name, query.arguments, caller, profile=profile)

    def _policy(self, caller: Caller) -> Outcome:
        """What the caller may call, by server: how many tools of each effect, and those a wider token would allow."""
        servers = []
        for server, dispatch in self._servers.items():
            may, more = Counter[str](), []
            for name, offered in dispatch.offered.items():
                tool = offered.tool
                places = (server, tool.toolset, name)
                reach, could = caller.reach_at(*places), caller.could_reach(*places)
                if reach is not None and reach >= tool.effect:
                    may[tool.effect.name.lower()] += 1
                elif could is not None and could >= tool.effect:
                    more.append(name)
            servers.append({"server": server, "may": dict(may), "with_more_scope": more})
        told: dict[str, Any] = {
            "caller": caller.name,
            "tenant": caller.tenant or None,
            "reach": caller.reach.name.lower(),
            "profiles": list(caller.profiles),
            "allow": [list(one) for one in caller.allow],
            "deny": list(caller.deny),
            "per_minute": caller.per_minute,
            "servers": servers,
        }
        lines = [f"{one['server']}: {one['may'] or 'none'}" for one in servers]
        return Outcome(told, "\n".join([f"{caller.name}: reach {told['reach']}", *lines]))


_LOOK: Final = Hint("search_tools로 찾으세요.", "Find it with search_tools.")


def pairs(text: str) -> set[str]:
    """Neighbouring letters of each word: finds 거래대금 in 거래대금순위 and rank in ranking."""
    words: Sequence[str] = "".join(letter if letter.isalnum() else " " for letter in text.lower()).split()
    return {word[at : at + 2] for word in words for at in range(max(1, len(word) - 1))}


def _nowhere(_: str) -> Any:
    raise NotImplementedError  # the union answers its tools itself


async def _unasked(_: Query, __: Upstream) -> Answer:
    raise NotImplementedError  # the union answers its tools itself


def _declared() -> tuple[Tool, ...]:
    def tool(name: str, title: str, description: str, query: type[Query]) -> Tool:
        return Tool(name=name, title=title, description=description, query=query, output=OPEN, run=_unasked)

    return (
        tool(
            "search_tools", "도구 찾기",
            "Find tools of all servers (Korean stocks, KIS and Kiwoom APIs, procurement 나라장터, payments) for a "
            "question in Korean or English.", SearchTools,
        ),
        tool("describe_tool", "도구 설명", "The arguments of one tool found by search_tools.", DescribeTool),
        tool("call_tool", "도구 호출", "Call one read-only tool by its name with its arguments.", CallTool),
        tool("show_policy", "내 권한", "What you may call here: reach, key profiles, limits, by server.", ShowPolicy),
    )  # fmt: skip
