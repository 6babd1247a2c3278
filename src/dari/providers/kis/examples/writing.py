"""Pieces that examples of several languages share: quoted values, parameter lines, field tables, words of warning."""

from __future__ import annotations

import json
from collections.abc import Iterable
from unicodedata import east_asian_width

from dari.providers.kis.examples.recipe import Recipe, Shown, Value

WIDTH = 118
"""A comment is cut so that its line stays within this many columns."""


def quoted(text: str) -> str:
    """A double-quoted literal that Python, JavaScript and JSON read alike."""
    return json.dumps(text, ensure_ascii=False)


def wide(text: str) -> int:
    """How many columns a text takes: a Hangul syllable takes two."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def cut(text: str, columns: int) -> str:
    """The text, or its beginning and … where it is wider than `columns`."""
    if wide(text) <= columns:
        return text
    kept, room = [], columns - 1
    for letter in text:
        room -= wide(letter)
        if room < 0:
            break
        kept.append(letter)
    return "".join(kept).rstrip() + "…"


def one_line(text: str) -> str:
    """Text without line breaks and without what would end a comment or a docstring."""
    return " ".join(text.replace('"""', "'").replace("*/", "* /").split())


def commented(code: str, comment: str, sign: str = "#") -> str:
    """A line of code with its comment, cut to the width."""
    said = one_line(comment)
    if not said:
        return code
    return f"{code}  {sign} {cut(said, max(WIDTH - wide(code) - len(sign) - 3, 8))}"


def heading(recipe: Recipe) -> list[str]:
    """What the example does, its tr_id and its warnings, a line each."""
    row = recipe.row
    return [one_line(line) for line in (f"{row.title} · {row.id}", row.title_en, *recipe.warnings)]


def docstring(recipe: Recipe, *more: str) -> list[str]:
    """The heading, and what else there is to say, as the docstring of a Python program."""
    first, *others = heading(recipe)
    return [f'"""{first}', "", *others, *more, '"""', ""]


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
