"""Complete call examples of every KIS endpoint, in several languages, written from its sheet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from dari.core.errors import Hint, InvalidInput
from dari.providers.kis.examples import curl, javascript, python_dari, python_kis_auth, python_rest, python_stream
from dari.providers.kis.examples.recipe import Recipe, find_row, recipe

__all__ = ["Example", "Language", "Recipe", "Style", "build", "find_row"]

Language = Literal["python", "javascript", "curl"]
Style = Literal["httpx2", "kis_auth", "dari"]
_INSTALL: Final = {"httpx2": "pip install httpx2", "kis_auth": "kis_auth.py, pandas", "dari": "pip install dari"}


@dataclass(frozen=True, slots=True)
class Example:
    """One written example: the code, what it was written from, its file name and what it needs."""

    code: str
    recipe: Recipe
    language: Language
    style: str
    file: str
    needs: str


def build(api: str, values: Mapping[str, str], today: date, language: Language, style: Style) -> Example:
    """The example of `api`. Raises NotFound or InvalidInput where there is none such."""
    told = recipe(api, values, today)
    if language == "curl":
        if told.stream:
            raise InvalidInput(
                f"{told.row.id} is a websocket stream: curl cannot hold one",
                hint=Hint("language를 python 또는 javascript로 하세요.", "Ask for python or javascript."),
            )
        return Example(curl.write(told), told, language, "curl", "example.sh", "curl")
    if language == "javascript":
        return Example(javascript.write(told), told, language, "fetch", "example.mjs", "Node 22")
    return Example(_python(told, style)(told), told, language, style, "example.py", _needs(told, style))


def _python(told: Recipe, style: Style) -> Callable[[Recipe], str]:
    if style == "kis_auth":
        if told.row.scope == "auth":
            raise InvalidInput(
                "kis_auth signs in by itself: ka.auth() and ka.auth_ws()",
                hint=Hint("style=httpx2 예제를 보세요.", "See the example of style httpx2."),
            )
        return python_kis_auth.write
    if style == "dari":
        if told.order or told.stream or told.row.scope == "auth":
            raise InvalidInput(
                "dari's client reads over REST; orders go by plan → apply of the server kis-trade",
                hint=Hint("style=httpx2 예제를 보세요.", "See the example of style httpx2."),
            )
        return python_dari.write
    return python_stream.write if told.stream else python_rest.write


def _needs(told: Recipe, style: Style) -> str:
    if style == "httpx2" and told.stream:
        return "pip install httpx2 websockets" + (" cryptography" if told.row.wire["encrypted"] else "")
    return _INSTALL[style]
