"""What the service says into our words: snake_case names, integer won, strangers' text apart, an answer that fits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from dari.core.errors import Hint, Unreachable

ANSWER_CHARACTERS: Final = 8_000
"""How much structured content an answer carries: with its text below 4,000 tokens, Korean or not."""
TEXT_LIMIT: Final = 400
"""How much of a stranger's text one field carries."""

_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CAMEL: Final = re.compile(r"[a-z][a-z0-9]*(?:[A-Z]+[a-z0-9]*)+")
_HIDDEN: Final = (
    (re.compile(r"(?<!\d)\d{6}-?[1-4]\d{6}(?!\d)"), "[주민번호]"),
    (re.compile(r"(?<!\d)\d{4}[ -]?(?:\d{4}[ -]?\d{4}[ -]?\d{1,7}|\d{6}[ -]?\d{4,5})(?!\d)"), "[카드번호]"),
    (re.compile(r"(?<!\d)01[016789]-?\d{3,4}-?\d{4}(?!\d)"), "[전화번호]"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.]+"), "[이메일]"),
)
"""Shapes of what identifies a person: a resident number, a card, a phone, an address."""

PART_HINT: Final = Hint(
    "그 부분이 응답하지 않아 알 수 없습니다. check_all_services와 diagnose_issues로 원인을 확인하세요.",
    "That part does not answer, so it is unknown: ask check_all_services and diagnose_issues.",
)


def snake(name: str) -> str:
    """`totalLag` → `total_lag`; a name that is data (a topic, a merchant, a key) stays."""
    return _HUMP.sub("_", name).lower() if _CAMEL.fullmatch(name) else name


def words(value: Any) -> Any:
    """A reply with our names all the way down."""
    if isinstance(value, Mapping):
        return {snake(str(name)): words(one) for name, one in value.items()}
    if isinstance(value, list):
        return [words(one) for one in value]
    return value


def away(body: Mapping[str, Any]) -> bool:
    """Whether the reply says that a part could not be read (the original says so inside HTTP 200)."""
    return body.get("error") is True


def told(body: Mapping[str, Any]) -> dict[str, Any]:
    """The reply in our words. Raises Unreachable where it says that a part could not be read: that is not an answer."""
    if away(body):
        found = unknown(body)
        raise Unreachable(
            f"{found['component']} 확인 불가 unknown: {found['error_class']}",
            executed=False,
            hint=PART_HINT,
            details=found,
        )
    said: dict[str, Any] = words(body)
    return said


def unknown(body: Mapping[str, Any]) -> dict[str, Any]:
    """A failed probe as facts: which part, its client's own error class, and that its state is unknown."""
    return {
        "status": "unknown",
        "component": str(body.get("component") or "kafka"),
        "error_class": str(body.get("errorClass") or body.get("message") or "?")[:TEXT_LIMIT],
    }


def untrusted(text: Any) -> str:
    """A stranger's text as data: no control characters, what identifies a person hidden, capped."""
    said = "".join(sign if sign.isprintable() else " " for sign in str(text))
    for shape, word in _HIDDEN:
        said = shape.sub(word, said)
    return said if len(said) <= TEXT_LIMIT else said[: TEXT_LIMIT - 1] + "…"


def weight(value: Any) -> int:
    """Characters as JSON; a Korean one counts twice, because it costs a model more."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return len(text) + sum(not sign.isascii() for sign in text)


def fitted(data: dict[str, Any], limit: int = ANSWER_CHARACTERS) -> dict[str, Any]:
    """The answer within its limit: the heaviest list is cut first, wherever it lies, and `cut` says how long it was."""
    cut: dict[str, int] = {}
    while weight(data) > limit:
        heavy = max(_lists(data, ()), key=lambda one: weight(one[1]), default=None)
        if heavy is None:
            break
        path, rows = heavy
        cut.setdefault(".".join(map(str, path)), len(rows))
        _put(data, path, rows[: max(1, len(rows) * 2 // 3)])
    return {**data, "truncated": True, "cut": cut} if cut else data


def _lists(value: Any, path: tuple[str | int, ...]) -> list[tuple[tuple[str | int, ...], list[Any]]]:
    """Every list of more than one row, those inside rows included."""
    if isinstance(value, list):
        own = [(path, value)] if len(value) > 1 else []
        return [*own, *(found for at, one in enumerate(value) for found in _lists(one, (*path, at)))]
    if isinstance(value, Mapping):
        return [found for name, one in value.items() for found in _lists(one, (*path, str(name)))]
    return []


def _put(data: Any, path: tuple[str | int, ...], rows: list[Any]) -> None:
    for name in path[:-1]:
        data = data[name]
    data[path[-1]] = rows
