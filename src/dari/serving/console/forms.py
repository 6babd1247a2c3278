"""From a tool's schema to a form, and from what was typed into it to arguments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request

READ_AS_JSON: Final = frozenset({"integer", "number", "boolean", "array", "object", "null"})
MOST_FIELDS: Final = 200


@dataclass(frozen=True, slots=True)
class FormField:
    """One argument. `choices` closes the list; `kind` is its JSON type."""

    name: str
    kind: str
    about: str
    required: bool
    default: str
    choices: tuple[str, ...]


def fields(schema: Mapping[str, Any]) -> list[FormField]:
    """What a form for these arguments asks."""
    needed = set(schema.get("required", ()))
    return [
        FormField(
            name=name,
            kind=_kind(one),
            about=_about(one),
            required=name in needed,
            default=_written(one["default"]) if "default" in one else "",
            choices=_choices(one),
        )
        for name, one in schema.get("properties", {}).items()
    ]


def arguments(told: Mapping[str, str], asked: Sequence[FormField]) -> dict[str, Any]:
    """What was typed, in the types the schema names. What is empty is left out; what cannot be read goes as it is.

    The tool judges it then in its own words, as it does for any client.
    """
    found: dict[str, Any] = {}
    for one in asked:
        text = told.get(one.name, "").strip()
        if text:
            found[one.name] = _read(text, one.kind)
    return found


async def typed(request: Request) -> dict[str, str]:
    """A form's fields; nothing where it cannot be read."""
    try:
        told = (await request.body()).decode()
        return dict(parse_qsl(told, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        return {}


def _read(text: str, kind: str) -> Any:
    kinds = set(kind.split(" | "))
    if not kinds & READ_AS_JSON:
        return text
    try:
        value = json.loads(text)
    except ValueError:
        return text
    if "string" in kinds and not isinstance(value, (dict, list)):
        return text
    return value


def _kind(one: Mapping[str, Any]) -> str:
    if "anyOf" in one:
        return " | ".join(dict.fromkeys(_kind(option) for option in one["anyOf"]))
    return str(one.get("type", "string"))


def _choices(one: Mapping[str, Any]) -> tuple[str, ...]:
    if one.get("type") == "boolean":
        return ("true", "false")
    return tuple(_written(choice) for choice in one.get("enum", ()))


def _about(one: Mapping[str, Any]) -> str:
    limits = {"minimum": "≥", "maximum": "≤", "maxLength": "…", "pattern": "~"}
    return " ".join(
        [*filter(None, [str(one.get("description", ""))]), *(f"{sign} {one[name]}" for name, sign in limits.items()
                                                             if name in one)]
    )  # fmt: skip


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
