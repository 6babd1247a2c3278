"""The MCP App that shows a chart: it draws nothing itself, asks no network, and takes the picture out of the result.

Spoken is JSON-RPC by postMessage, as the extension io.modelcontextprotocol/ui (2026-01-26) says.
"""

from __future__ import annotations

from typing import Final

PAGE: Final = """<!doctype html>
<html lang="ko"><head><meta charset="utf-8"><title>Dari</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body{margin:0;font:14px system-ui,sans-serif;color:#59636e}main{overflow-x:auto}
svg{width:100%;min-width:560px;max-width:860px;height:auto;display:block}</style>
</head><body><main id="chart" aria-live="polite">…</main><script>
"use strict";
const place = document.getElementById("chart");
let asked = 0, theme = "light", told = null;
const say = (message) => parent.postMessage({jsonrpc: "2.0", ...message}, "*");
function show() {
  const found = told && told._meta && told._meta["dari/picture"];
  if (!found) {
    place.textContent = told ? (told.content || []).map((one) => one.text || "").join("\\n") : "…";
    return;
  }
  // Into the page itself: the policy of a host that was told of no domains lets no image in, not even one of data.
  const parsed = new DOMParser().parseFromString(found[theme] || found.light, "image/svg+xml");
  place.replaceChildren(document.importNode(parsed.documentElement, true));
  say({method: "ui/notifications/size-changed",
    params: {width: document.body.scrollWidth, height: document.body.scrollHeight}});
}
addEventListener("message", (event) => {
  if (event.source !== parent || !event.data || event.data.jsonrpc !== "2.0") return;
  const {id, method, params, result} = event.data;
  if (id === asked && result) {
    theme = (result.hostContext && result.hostContext.theme) || theme;
    say({method: "ui/notifications/initialized", params: {}});
  } else if (method === "ui/notifications/tool-result") {
    told = params;
    show();
  } else if (method === "ui/notifications/host-context-changed") {
    theme = params.theme || theme;
    show();
  } else if (id !== undefined && method) say({id, result: {}});
});
asked = 1;
say({id: asked, method: "ui/initialize", params: {protocolVersion: "2026-01-26",
  appInfo: {name: "dari-chart", version: "1"}, appCapabilities: {}}});
</script></body></html>
"""
