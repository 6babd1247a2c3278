"""The source document's own example of its API, line by line: sign in with JSON, then call with the token."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dari.serving.oauth.people import Person
from tests.unit.oauth.guarded import PASSWORD, Guarded, served

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "sign-in.md"


@pytest.fixture(scope="module")
def procurement(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with served(tmp_path_factory.mktemp("procurement"), ("naramarket",)) as one:
        one.house.people.add(Person(name="admin", tenant="acme", roles=("admin",)), PASSWORD)
        yield one


def test_the_example(procurement: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the guide prints it: the address, and a password that nobody ships, are all that differs."""
    found = re.search(r"```python\n(import requests\n.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert found
    monkeypatch.setitem(sys.modules, "requests", httpx2)  # the same calls, of a client that is here
    program = found[1].replace("http://localhost:8000", procurement.base).replace("your-password", PASSWORD)
    told: dict[str, Any] = {}
    exec(compile(program, "example", "exec"), told)
    assert told["response"].status_code == 200, told["response"].text
    assert told["response"].json()["success"] is True


def test_the_documents_own_password_opens_nothing(procurement: Guarded) -> None:
    for name, password in (("admin", "admin123"), ("user", "user123")):
        assert procurement.login(name, password=password).status_code == 401


def test_rest_says_where_to_sign_in(procurement: Guarded) -> None:
    answer = procurement.ask("POST", "/api/v1/crawl/list", json={"category": "데스크톱컴퓨터"})
    assert answer.status_code == 401
    assert "/.well-known/oauth-protected-resource/api/v1" in answer.headers["www-authenticate"]
