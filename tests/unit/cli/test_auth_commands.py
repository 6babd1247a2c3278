"""`dari auth`: what a person does before anybody can sign in, and after."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from dari.cli import main
from dari.cli.printing import fail
from dari.core.errors import DariError, InvalidInput
from dari.serving.oauth import people
from dari.serving.oauth.sessions import Sessions
from tests.unit.oauth.guarded import PASSWORD, QUICK


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "PasswordHasher", lambda: QUICK)


def dari(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str, said: str = "") -> Any:
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    code = 0
    try:
        main.app(["auth", *words])
    except SystemExit as ended:
        code = int(ended.code or 0)
    except DariError as error:  # what main() does with one
        code = fail(error, as_json=False)
    told = capsys.readouterr()
    return json.loads(told.out) if "--json" in words else (code, told.out, told.err)


def test_from_nothing_to_a_team(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def ask(*words: str, said: str = "") -> Any:
        return dari(capsys, monkeypatch, *words, said=said)

    assert ask("admin", "root", said=f"{PASSWORD}\n")[0] == 0
    assert ask("admin", "second", said=f"{PASSWORD}\n")[0] == 2  # there is one already
    assert ask("user", "kim", "--role", "trader", said="short\n")[0] == 2
    keys = tmp_path / "acme.env"
    keys.write_text("KOREA_INVESTMENT_APP_KEY=abc\nKOREA_INVESTMENT_APP_SECRET=very-secret\n")
    assert ask("profile", "acme/main", "--file", str(keys))[0] == 0
    assert ask("profile", "default", "--shared")[0] == 0
    told = ask("profiles", "--json")
    assert told["profiles"][0] == {
        "name": "acme/main", "settings": ["KOREA_INVESTMENT_APP_KEY", "KOREA_INVESTMENT_APP_SECRET"], "shared": False,
    }  # fmt: skip
    assert "very-secret" not in str(told)
    made = ("tenant", "acme", "--profile", "acme/main", "--deny", "kis-trade/plan_*", "--ip", "10.0.0.0/8")
    assert ask(*made, "--per-minute", "30", "--role", "analyst=kis-trade:read")[0] == 0
    assert ask("tenant", "beta", "--profile", "acme/main")[0] == 2  # it is acme's
    assert ask("user", "lee", "--tenant", "acme", "--role", "analyst", said=f"{PASSWORD}\n")[0] == 0
    assert ask("user", "lee", "--disabled")[0] == 0
    found = {one["name"]: one for one in ask("users", "--json")["users"]}
    assert (found["lee"]["tenant"], found["lee"]["disabled"], found["root"]["roles"]) == ("acme", True, ["admin"])
    assert "password" not in str(found)
    tenants = {one["name"]: one for one in ask("tenants", "--json")["tenants"]}
    assert (tenants["acme"]["per_minute"], tenants["acme"]["addresses"]) == (30, ["10.0.0.0/8"])
    assert ask("tenant", "acme", "--deny", "none")[0] == 0
    assert ask("tenants")[0] == 0
    assert ask("user", "lee", "--remove")[0] == 0
    assert ask("user", "lee", "--remove")[0] == 2
    assert ask("profile", "acme/main", "--remove")[0] == 0
    assert ask("profile", "acme/main", "--remove")[0] == 2
    assert ask("profile", "acme/main", "--file", str(tmp_path / "none.env"))[0] == 2


def test_programs(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*words: str, said: str = "") -> Any:
        return dari(capsys, monkeypatch, *words, said=said)

    assert ask("admin", "root", said=f"{PASSWORD}\n")[0] == 0
    assert ask("client", "editor", "--redirect", "http://127.0.0.1:1/cb")[:2] == (0, "")
    assert ask("client", "bad", "--redirect", "http://evil.example/cb")[0] == 2
    code, secret, _ = ask("client", "robot", "--machine", "default", "--scope", "read")
    assert (code, len(secret.strip()) > 40) == (0, True)
    assert ask("client", "robot2", "--machine", "nobody")[0] == 2
    told = ask("clients", "--json")
    assert [one["client_id"] for one in told["clients"]] == ["editor", "robot"]
    assert secret.strip() not in str(told)
    assert ask("client", "robot", "--remove")[0] == 0
    assert ask("client", "robot", "--remove")[0] == 2
    for words in (("users",), ("clients",), ("profiles",), ("sessions",), ("rotate-keys",), ("vault-key",)):
        assert ask(*words)[0] == 0
    assert ask("sessions", "--json") == {"sessions": []}
    assert ask("revoke", "nothing")[0] == 2
    assert ask("revoke")[0] == 2
    assert ask("unlock", "nobody")[0] == 2


def test_two_passwords_at_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from dari.cli import authing  # noqa: PLC0415 -- only here

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    answers = iter([PASSWORD, "another one entirely", PASSWORD, PASSWORD])
    monkeypatch.setattr(authing, "getpass", lambda _: next(answers))
    monkeypatch.setattr("sys.stdin", Terminal())
    with pytest.raises(InvalidInput):
        main.app(["auth", "admin", "root"])
    with pytest.raises(SystemExit) as ended:
        main.app(["auth", "admin", "root"])
    assert ended.value.code in {0, None}
    assert "root" in capsys.readouterr().out


def test_sessions_are_listed_and_taken_back(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dari.cli import authing  # noqa: PLC0415 -- only here

    def ask(*words: str, said: str = "") -> Any:
        return dari(capsys, monkeypatch, *words, said=said)

    assert ask("admin", "root", said=f"{PASSWORD}\n")[0] == 0
    grants: dict[str, Any] = {
        "client_id": "editor",
        "tenant": "default",
        "scope": "read",
        "resources": (),
        "grant": "code",
    }
    with authing._house() as house:
        kept = Sessions(house.records, house.clock)
        first, *_ = [kept.begin(**{**grants, "user": user}) for user in ("root", "root", "kim", "lee", "")]
    told = ask("sessions", "--json")["sessions"]
    assert len(told) == 5
    assert told[0]["ends"] > told[0]["made"]
    assert "+09:00" in told[0]["ends"]
    _, text, _ = ask("sessions")
    assert len([line for line in text.splitlines() if line.split()[1] == "editor"]) == 1, "a program has no user"
    assert [one["user"] for one in ask("sessions", "--of", "kim", "--json")["sessions"]] == ["kim"]
    assert ask("revoke", first.id)[:2] == (0, "1\n")
    assert ask("revoke", first.id)[0] == 2, "once"
    assert ask("revoke", "--of", "root")[:2] == (0, "1\n")
    assert ask("user", "root", "--password", said="another long password\n")[0] == 0
    assert ask("revoke", "--everybody")[:2] == (0, "3\n")
    assert ask("sessions", "--json") == {"sessions": []}
