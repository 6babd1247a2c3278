"""Any named server from Python, as an MCP client asks it: notices of 나라장터, and the health of a payment system.

python examples/asking_servers.py [--simulated] [SERVER]
"""

import asyncio
import sys

from mcp import Client
from mcp.client.stdio import StdioServerParameters, get_default_environment, stdio_client

QUESTIONS = (
    ("naramarket", "search_notices", {"words": "서버", "limit": 3}),
    ("payment-system-health", "diagnose_issues", {}),
)


async def ask(server: str, tool: str, arguments: dict[str, object], more: list[str]) -> str:
    """Start the server, call one tool, give its text."""
    words = ["-m", "dari", "serve", server, *more]
    start = StdioServerParameters(command=sys.executable, args=words, env=environment())
    async with Client(stdio_client(start)) as client:
        result = await client.call_tool(tool, arguments)
    return "\n".join(block.text for block in result.content)


def environment() -> dict[str, str]:
    """What the server needs of ours: its settings, and where our packages are."""
    import os  # noqa: PLC0415 -- only here

    ours = ("DARI_", "NARAMARKET_", "API_BASE_URL", "PYTHONPATH", "KIWOOM_", "KOREA_INVESTMENT_", "KIS_")
    return get_default_environment() | {name: value for name, value in os.environ.items() if name.startswith(ours)}


async def main(more: list[str], only: list[str]) -> None:
    """Ask every question, or those of the named servers."""
    for server, tool, arguments in QUESTIONS:
        if only and server not in only:
            continue
        print(f"== {server} {tool}")
        print(await ask(server, tool, arguments, more))


if __name__ == "__main__":
    names = [one for one in sys.argv[1:] if not one.startswith("-")]
    asyncio.run(main(["--simulated"] if "--simulated" in sys.argv else [], names))
