"""Rows for files, with people kept out: the upstream's own words, save those that name or reach a person."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dari.core.endpoint import Endpoint
from dari.providers.naramarket.models import HIDDEN


def hide_parts(text: str, layout: tuple[str, ...], hidden: tuple[str, ...]) -> str:
    """A packed string without the parts that name people."""
    places = [at for at, name in enumerate(layout) if name in hidden]
    groups = text.strip().removeprefix("[").removesuffix("]").split("],[")
    told = []
    for group in groups:
        parts = group.split("^")
        for at in places:
            if at < len(parts) and parts[at].strip():
                parts[at] = HIDDEN
        told.append("^".join(parts))
    return f"[{'],['.join(told)}]"


def hider(endpoint: Endpoint) -> Callable[[Mapping[str, str]], dict[str, str]]:
    """What makes a row of this operation fit to be written where others read."""
    wire = endpoint.wire
    personal: frozenset[str] = wire["pii"]
    parts: Mapping[str, tuple[str, ...]] = wire["pii_parts"]

    def told(row: Mapping[str, str]) -> dict[str, str]:
        shown = dict(row)
        for name in personal:
            if shown.get(name, "").strip():
                shown[name] = HIDDEN
        for name, hidden in parts.items():
            if shown.get(name, "").strip():
                shown[name] = hide_parts(shown[name], wire["packed"][name], hidden)
        return shown

    return told
