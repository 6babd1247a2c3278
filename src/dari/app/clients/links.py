"""Links that install a server by one click, for the clients that understand such links."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

from dari.app.clients.entries import Entry


def links(entry: Entry) -> dict[str, str]:
    """Client → link. Cursor reads base64 of the entry; VS Code reads the entry with its name, as JSON.

    The sources are cursor.com's page on MCP install links and code.visualstudio.com's on MCP servers (both 2026-11).
    """
    plain = {key: value for key, value in entry.value.items() if key != "type"}
    packed = base64.b64encode(json.dumps(plain, ensure_ascii=False).encode()).decode()
    named = json.dumps({"name": entry.name, **entry.value}, ensure_ascii=False, separators=(",", ":"))
    cursor = f"cursor://anysphere.cursor-deeplink/mcp/install?name={quote(entry.name)}&config="
    return {"cursor": cursor + quote(packed, safe=""), "vscode": "vscode:mcp/install?" + quote(named, safe="")}
