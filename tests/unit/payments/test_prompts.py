"""The document's routines and troubleshooting scenarios as prompts: every tool they name is there."""

from __future__ import annotations

import re

import pytest

from dari.app.servers import PAYMENT_SERVERS, server
from dari.core.errors import InvalidInput

TOOLS = {tool.name for name in PAYMENT_SERVERS for _, tool in server(name).tools()}
PROMPTS = [(name, prompt) for name in PAYMENT_SERVERS for prompt in server(name).shelf().prompts]


def test_each_server_has_a_way_to_begin() -> None:
    assert {name for name, _ in PROMPTS} == set(PAYMENT_SERVERS)


@pytest.mark.parametrize(("name", "prompt"), PROMPTS)
def test_it_names_tools_that_are_there_and_the_laws_of_the_answer(name: str, prompt: object) -> None:
    shelf = server(name).shelf()
    assert hasattr(prompt, "name")
    found = next(one for one in shelf.prompts if one.name == prompt.name)
    given = dict.fromkeys(found.required, "12345")
    _, text = shelf.prompt(found.name, given)
    named = {
        word for word in re.findall(r"\b[a-z]+(?:_[a-z0-9]+)+\b", text) if not re.search(rf"{word}=|{word}의 글", text)
    }
    assert named & TOOLS
    assert named - TOOLS <= {"untrusted_text", "never_expires", "payment_id", "merchant_id", "time_range", "plan_"}
    assert "unknown" in text
    if found.required:
        assert "12345" in text
        with pytest.raises(InvalidInput):
            shelf.prompt(found.name, {})
