"""Mends the shape of an entry: parameters told as a range of names, and blocks told in two parts."""

from __future__ import annotations

from typing import Any

from scripts.kis_sheets.decisions import CORRECTIONS


def expanded(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The request parameters, with `EXCD_01 ~ 10` written out; only the first of a range stays required."""
    ranges = CORRECTIONS["expand"].get(entry["id"], {})
    facts: list[dict[str, Any]] = []
    for fact in entry["request"]["params"]:
        if fact["name"] not in ranges:
            facts.append(fact)
            continue
        pattern, first, last, required = ranges[fact["name"]]
        facts += [
            {**fact, "name": pattern % n, "required": bool(required) and n == first, "label": fact["label"].rstrip("…")}
            for n in range(first, last + 1)
        ]
    return facts


def merged(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The response blocks, each name once (in the place of its first part) and each field once."""
    removed = CORRECTIONS["fields_removed"].get(entry["id"], {})
    blocks: dict[str | None, dict[str, Any]] = {}
    for fact in entry["response"]["blocks"]:
        start, end = removed.get(fact["name"] or "", (0, 0))
        fields = fact["fields"][:start] + fact["fields"][end:]
        if fact["name"] in blocks:
            have = blocks[fact["name"]]["fields"]
            names = {field["name"] for field in have}
            have += [field for field in fields if field["name"] not in names]
        else:
            blocks[fact["name"]] = {**fact, "fields": list(fields)}
    return list(blocks.values())
