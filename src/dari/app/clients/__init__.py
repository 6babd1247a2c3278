"""The MCP clients that Dari can be written into: where each keeps its servers, how it spells them, where it logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from dari.app.clients.machine import Machine
from dari.core.errors import Hint, NotFound

RESTART: Final = Hint("클라이언트를 완전히 종료했다가 다시 켜세요.", "Quit the client completely and start it again.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One MCP client. `section` holds its servers by name; `reference` spells "take it from the environment".

    A client without `reference` passes on what is written as it is: no secret goes there.
    `typed`: each entry says that it is "stdio".
    """

    name: str
    title: str
    where: Callable[[Machine], Path]
    section: str = "mcpServers"
    reference: str = ""
    typed: bool = False
    logs: Callable[[Machine], tuple[Path, str]] | None = None
    after: Hint = RESTART

    def referring(self, variable: str) -> str:
        """How an entry says: the value of this environment variable."""
        return self.reference.replace("NAME", variable)


def _claude_folder(machine: Machine) -> Path:
    """Claude Desktop's folder; the Microsoft Store's edition has one of its own, which wins where it is there."""
    if machine.platform == "win32":
        packaged = sorted((machine.local / "Packages").glob("Claude_*/LocalCache/Roaming/Claude"))
        return packaged[0] if packaged else machine.roaming / "Claude"
    return machine.application("Claude")


def _claude_logs(machine: Machine) -> tuple[Path, str]:
    if machine.platform == "darwin":
        return machine.home / "Library" / "Logs" / "Claude", "mcp-server-NAME.log"
    return _claude_folder(machine) / "logs", "mcp-server-NAME.log"


def _claude_code(machine: Machine) -> Path:
    chosen = machine.environment.get("CLAUDE_CONFIG_DIR", "")
    return (Path(chosen) if chosen else machine.home) / ".claude.json"


def _claude_code_logs(machine: Machine) -> tuple[Path, str]:
    return machine.caches("claude-cli-nodejs"), "*/mcp-logs-NAME/*"


def _editor_logs(product: str, pattern: str) -> Callable[[Machine], tuple[Path, str]]:
    return lambda machine: (machine.application(product) / "logs", pattern)


CLIENTS: Final = MappingProxyType(
    {
        client.name: client
        for client in (
            Client(
                name="claude-desktop",
                title="Claude Desktop",
                where=lambda machine: _claude_folder(machine) / "claude_desktop_config.json",
                logs=_claude_logs,
            ),
            Client(
                name="claude-code",
                title="Claude Code",
                where=_claude_code,
                reference="${NAME:-}",
                typed=True,
                logs=_claude_code_logs,
                after=Hint("claude 안에서 /mcp 로 확인하세요.", "Look with /mcp inside claude."),
            ),
            Client(
                name="cursor",
                title="Cursor",
                where=lambda machine: machine.home / ".cursor" / "mcp.json",
                reference="${env:NAME}",
                logs=_editor_logs("Cursor", "*/*/exthost/anysphere.cursor-mcp/*NAME*.log"),
                after=Hint("Settings > MCP 에서 켜졌는지 보세요.", "See Settings > MCP."),
            ),
            Client(
                name="vscode",
                title="VS Code",
                where=lambda machine: machine.application("Code") / "User" / "mcp.json",
                section="servers",
                reference="${env:NAME}",
                typed=True,
                logs=_editor_logs("Code", "*/*/mcpServer*NAME*.log"),
                after=Hint("명령 팔레트에서 MCP: List Servers 로 시작하세요.", "Start it with MCP: List Servers."),
            ),
            Client(
                name="gemini-cli",
                title="Gemini CLI",
                where=lambda machine: machine.home / ".gemini" / "settings.json",
                reference="${NAME}",
                after=Hint("gemini 안에서 /mcp 로 확인하세요.", "Look with /mcp inside gemini."),
            ),
            Client(
                name="windsurf",
                title="Windsurf",
                where=lambda machine: machine.home / ".codeium" / "windsurf" / "mcp_config.json",
                reference="${env:NAME}",
                after=Hint("Cascade의 MCP 목록을 새로 고치세요.", "Refresh the MCP list of Cascade."),
            ),
            Client(
                name="mcp-json",
                title="mcp.json",
                where=lambda machine: machine.folder / "mcp.json",
                after=Hint("이 파일을 읽는 클라이언트를 다시 시작하세요.", "Restart the client that reads this file."),
            ),
        )
    }
)
ALIASES: Final = MappingProxyType({"mcp.json": "mcp-json", "gemini": "gemini-cli", "vs-code": "vscode"})


def client(name: str) -> Client:
    """The client of that name. Raises NotFound with the names there are."""
    found = CLIENTS.get(ALIASES.get(name.lower(), name.lower()))
    if found is None:
        names = ", ".join(CLIENTS)
        raise NotFound(f"there is no MCP client {name[:40]!r}", hint=Hint(f"클라이언트: {names}", f"Clients: {names}"))
    return found
