"""One endpoint as a page to read: what it is, what it takes, what it gives."""

from __future__ import annotations

from collections.abc import Iterable

from dari.core.endpoint import Endpoint, Parameter
from dari.providers.kis.spec import SPEC

MEANINGS = 24
"""Meanings of codes told per parameter."""


def api_page(id: str) -> str:  # noqa: A002 -- the part of the address kis://api/{id} is called so
    """Markdown: titles, path, tr_ids, parameters with codes, response fields. Raises NotFound."""
    row = SPEC.endpoint(id)
    lines = [f"# {row.title} · {row.title_en}", "", f"`{row.id}` · {row.wire['group']}", ""]
    lines += [f"- {line}" for line in _facts(row)]
    lines += ["", "## Parameters 요청", "", "| name | label | needed | value |", "|---|---|---|---|"]
    lines += [
        f"| {one.name} | {one.label} | {'yes' if one.required else 'no'} | {_value(one)} |" for one in row.parameters
    ]
    for block in row.blocks:
        lines += [
            "",
            f"## {block.name or 'reply'} ({block.kind}) 응답",
            "",
            "| name | label | English | unit |",
            "|---|---|---|---|",
        ]
        lines += [f"| {one.name} | {one.label} | {one.english} | {one.unit} |" for one in block.fields]
    lines += ["", f"Source: {row.source}"]
    return "\n".join(lines)


def api_list() -> str:
    """Markdown: every endpoint, a line each."""
    lines = ["# KIS Open API", ""]
    category = ""
    for row in SPEC:
        if row.category != category:
            category = row.category
            lines += ["", f"## {category}", ""]
        lines.append(f"- `{row.id}` {row.title} · {row.title_en}")
    return "\n".join(lines)


def _facts(row: Endpoint) -> Iterable[str]:
    yield f"{'websocket' if row.transport == 'websocket' else row.method} `{row.path}`"
    yield f"tr_id: real {row.codes.get('real') or '없음 none'}, paper {row.codes.get('paper') or '미지원 none'}"
    for one in row.wire["variants"]:
        yield f"{one['label']}: real {one.get('real')}, paper {one.get('paper') or '미지원 none'}"
    if row.wire["screen"]:
        yield f"HTS [{row.wire['screen']}]"
    if row.wire["paging"]["mode"] != "none":
        yield f"paging: {row.wire['paging']['mode']} {', '.join(row.wire['paging'].get('keys', ()))}"


def _value(one: Parameter) -> str:
    if one.fixed is not None:
        return f"always `{one.fixed}`"
    if one.codes:
        told = [f"`{code}` {meaning}" for code, meaning in list(one.codes.items())[:MEANINGS]]
        return ", ".join(told) + (" …" if len(one.codes) > MEANINGS else "")
    return f"e.g. `{one.sample}`" if one.sample else one.note
