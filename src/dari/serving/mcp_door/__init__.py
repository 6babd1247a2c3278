"""The only room that speaks MCP: two fronts (stdio on the SDK's low-level server, HTTP on FastMCP), one dispatch."""
