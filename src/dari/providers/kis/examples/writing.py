"""Pieces that examples of several languages share: quoted values, parameter lines, field tables, words of warning."""

from __future__ import annotations

import json
from collections.abc import Iterable

from dari.providers.kis.examples.recipe import Recipe, Shown, Value

WIDTH = 118
"""A comment is cut so that its line stays within this many characters."""


def quoted(text: str) -> str:
    """A double-quoted literal that Python, JavaScript and JSON read alike."""
    return json.dumps(text, ensure_ascii=False)


def one_line(text: str) -> str:
    """Text without line breaks and without what would end a comment or a docstring."""
    return " ".join(text.replace('"""', "'").replace("*/", "* /").split())


def commented(code: str, comment: str, sign: str = "#") -> str:
    """A line of code with its comment, cut to the width."""
    said = one_line(comment)
    if not said:
        return code
    room = WIDTH - len(code) - len(sign) - 3
    return f"{code}  {sign} {said}" if len(said) <= room else f"{code}  {sign} {said[: max(room - 1, 8)]}…"


def heading(recipe: Recipe) -> list[str]:
    """What the example does, its tr_id and its warnings, a line each."""
    row = recipe.row
    lines = [f"{row.title} · {row.title_en} ({row.id})"]
    lines += recipe.warnings
    return [one_line(line) for line in lines]


def python_value(value: Value) -> str:
    """The value as a Python expression."""
    return "ACCOUNT" if value.source == "account" else quoted(value.value)


def python_values(recipe: Recipe, indent: str) -> list[str]:
    """The parameters as lines of a Python dict."""
    return [commented(f"{indent}{quoted(one.name)}: {python_value(one)},", one.comment) for one in recipe.values]


def field_table(shown: Iterable[Shown], indent: str = "    ") -> list[str]:
    """The response fields as lines of a Python dict of dicts: block → upstream name → English name."""
    lines = []
    for block in shown:
        lines.append(f"{indent}{quoted(block.name or '')}: {{")
        lines += [
            commented(f"{indent}    {quoted(name)}: {quoted(english)},", korean)
            for name, english, korean in block.fields
        ]
        if block.total > len(block.fields):
            lines.append(f"{indent}    # 그 밖에 {block.total - len(block.fields)}개 필드 more fields in the reply")
        lines.append(f"{indent}}},")
    return lines


def codes_line(recipe: Recipe) -> str:
    """The other tr_ids of the endpoint, as one comment."""
    return " / ".join(recipe.other_codes)
