"""Gives every response field a short English name, from the dictionary of KIS abbreviations in words.tsv."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent
NUMBERED = re.compile(r"^([a-z]+?)(\d+)$")


def table(name: str) -> dict[str, str]:
    """A two-column TSV file as a mapping; a key told twice is an error of ours."""
    rows: dict[str, str] = {}
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        key, value = line.split("\t")[:2]
        if key in rows:
            raise ValueError(f"{name}: {key} stands twice")
        rows[key] = value
    return rows


WORDS = table("words.tsv")
LABELLED = table("labels.tsv")
"""`name|label` → English, where one KIS name carries different things, or says nothing by itself."""
LONGEST = max(key.count("_") + 1 for key in WORDS)


def english(name: str, label: str, *, literal: bool = False) -> str:
    """The English name of one field. `literal` takes it word by word, without the phrases: for a name already taken."""
    lower = name.lower()
    told = LABELLED.get(f"{lower}|{label.replace(' ', '')}")
    if told and not literal:
        return told
    parts = [part for part in lower.split("_") if part]
    out: list[str] = []
    at = 0
    while at < len(parts):
        longest = 1 if literal else min(LONGEST, len(parts) - at)
        for width in range(longest, 0, -1):
            said = _word("_".join(parts[at : at + width]))
            if said is not None:
                out.append(said)
                at += width
                break
        else:
            raise KeyError(f"no English for {parts[at]!r} of {name} ({label})")
    return re.sub(r"_+", "_", "_".join(word for word in out if word)).strip("_")


def _word(key: str) -> str | None:
    if key in WORDS:
        return WORDS[key]
    if key.isdigit():
        return key
    numbered = NUMBERED.match(key) if "_" not in key else re.match(r"^(.+?[a-z])(\d+)$", key)
    if numbered and numbered[1] in WORDS:
        return f"{WORDS[numbered[1]]}_{numbered[2]}"
    return None


def unique(fields: list[tuple[str, str]]) -> list[str]:
    """English names of one block's fields `(name, label)`, in order, each once."""
    taken: set[str] = set()
    names: list[str] = []
    for name, label in fields:
        said = english(name, label)
        if said in taken:
            said = english(name, label, literal=True)
        if said in taken:
            said = next(f"{said}_{n}" for n in range(2, 99) if f"{said}_{n}" not in taken)
        taken.add(said)
        names.append(said)
    return names
