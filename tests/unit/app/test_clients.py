"""What `dari install` writes, keeps, backs up and takes away, on every platform's paths; and links."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from dari.app.clients import CLIENTS, client
from dari.app.clients.entries import entry, is_ours, served, settings_of
from dari.app.clients.links import links
from dari.app.clients.machine import Machine
from dari.app.clients.writing import apply, installing, read, removing
from dari.app.servers import server
from dari.cli.main import app
from dari.core.clock import KST
from dari.core.errors import BadSetting, NotAllowed, NotFound
from dari.settings import resolve

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=KST)
SECRET = "s3cret-" + "x" * 30


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    home = tmp_path / "홍 길동"
    scripts = tmp_path / "env" / "bin"
    scripts.mkdir(parents=True)
    (scripts / "dari").touch()
    return Machine(
        platform="linux", home=home, folder=tmp_path / "자동매매", environment={}, prefix=scripts.parent,
        executable=scripts / "python",
    )  # fmt: skip


def windows(machine: Machine, **more: str) -> Machine:
    told = {"APPDATA": str(machine.home / "AppData" / "Roaming"), **more}
    (machine.executable.with_name("dari.exe")).touch()
    return replace(machine, platform="win32", environment=told)


def test_every_platform_has_its_places(machine: Machine) -> None:
    home = machine.home
    apple, pane = replace(machine, platform="darwin"), windows(machine)
    places = {one: [client(one).where(machine) for machine in (machine, apple, pane)] for one in CLIENTS}
    assert places["claude-desktop"] == [
        home / ".config/Claude/claude_desktop_config.json",
        home / "Library/Application Support/Claude/claude_desktop_config.json",
        home / "AppData/Roaming/Claude/claude_desktop_config.json",
    ]
    assert places["vscode"][2] == home / "AppData/Roaming/Code/User/mcp.json"
    assert set(places["cursor"]) == {home / ".cursor/mcp.json"}
    assert set(places["mcp-json"]) == {machine.folder / "mcp.json"}
    store = home / "AppData/Local/Packages/Claude_abc/LocalCache/Roaming/Claude"
    store.mkdir(parents=True)
    assert client("claude-desktop").where(pane) == store / "claude_desktop_config.json"
    moved = replace(machine, environment={"CLAUDE_CONFIG_DIR": "/elsewhere", "XDG_CONFIG_HOME": "/xdg"})
    assert client("claude-code").where(moved) == Path("/elsewhere/.claude.json")
    assert client("vscode").where(moved) == Path("/xdg/Code/User/mcp.json")
    for one in CLIENTS.values():
        assert one.logs is None or all(one.logs(machine)[0] != home for machine in (machine, apple, pane))
    with pytest.raises(NotFound):
        client("emacs")


def test_the_program_is_named_so_that_it_can_be_found_again(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.command() == (str(machine.executable.with_name("dari")), [])
    assert windows(machine).command()[0].endswith("dari.exe")
    machine.executable.with_name("dari").unlink()
    assert machine.command() == (str(machine.executable), ["-P", "-m", "dari"])
    passing = replace(machine, prefix=Path("/cache/uv/archive-v0/abc"))
    monkeypatch.setattr("dari.app.clients.machine.shutil.which", lambda *_, **__: "/opt/uvx")
    program, words = passing.command()
    assert (program, words[0], words[-1]) == ("/opt/uvx", "--from", "dari")


def wanted(machine: Machine, name: str, **environment: str) -> dict[str, Any]:
    told = replace(machine, environment={**machine.environment, **environment})
    settings = resolve(environment={"DARI_DOTENV": "/none", "DARI_HOME": "/none", **environment}, home=machine.home)
    return entry(client(name), server("kis-trade"), settings, told).value


@pytest.mark.parametrize("name", CLIENTS)
def test_a_secret_of_the_shell_is_referred_to_or_left_out(machine: Machine, name: str) -> None:
    value = wanted(machine, name, KOREA_INVESTMENT_APP_KEY=SECRET, KIS_MODE="real", NARAMARKET_SERVICE_KEY=SECRET)
    assert SECRET not in json.dumps(value)
    told = value["env"]
    assert told["KIS_MODE"] == "real"
    assert "NARAMARKET_SERVICE_KEY" not in told
    assert ("KOREA_INVESTMENT_APP_KEY" in told) is bool(client(name).reference)


def test_a_note_says_what_the_client_cannot_see_and_a_dotenv_is_pointed_at(machine: Machine) -> None:
    machine.folder.mkdir()
    (machine.folder / ".env").write_text("KIWOOM_APP_KEY=" + SECRET)
    told = {"DARI_DOTENV": str(machine.folder / ".env"), "DARI_HOME": "/none", "KIWOOM_SECRET_KEY": SECRET}
    made = entry(
        client("claude-desktop"), server("kiwoom"), resolve(environment=told, home=machine.home),
        replace(machine, environment=told),
    )  # fmt: skip
    assert made.value["env"]["DARI_DOTENV"] == str(machine.folder / ".env")
    (note,) = made.notes
    assert "KIWOOM_SECRET_KEY" in note.en


OTHERS: dict[str, Any] = {
    "theme": "어두움",
    "mcpServers": {"남의 서버": {"command": "npx", "args": ["-y", "it"], "env": {"KEY": "theirs"}}},
    "z": [1],
}


@pytest.mark.parametrize(("indent", "end"), [(2, "\n"), (4, ""), ("\t", "\r\n")])
def test_only_our_entry_changes_and_taking_it_out_leaves_the_file_as_it_was(
    machine: Machine, tmp_path: Path, indent: int | str, end: str
) -> None:
    file = tmp_path / "공백 있는 폴더" / "mcp.json"
    file.parent.mkdir()
    before = json.dumps(OTHERS, ensure_ascii=False, indent=indent) + ("\n" if end else "")
    before = before.replace("\n", "\r\n") if end == "\r\n" else before
    file.write_bytes(before.encode())
    file.chmod(0o640)
    made = entry(client("cursor"), server("kiwoom"), resolve(environment={}, home=tmp_path), machine)
    change = installing(client("cursor"), file, [made])
    backup = apply(change, NOW)
    assert backup is not None
    assert backup.read_bytes() == before.encode()
    assert file.stat().st_mode & 0o777 == backup.stat().st_mode & 0o777 == 0o640
    told = json.loads(file.read_text("utf-8"))
    assert told["mcpServers"].pop("kiwoom") == made.value
    assert told == OTHERS
    assert list(told) == list(OTHERS)
    assert not installing(client("cursor"), file, [made]).needed
    apply(removing(client("cursor"), file, ["kiwoom", "남의 서버"]), NOW)
    assert file.read_bytes() == before.encode()


def test_a_file_of_ours_alone_goes_when_nothing_is_left(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "new" / "mcp.json"
    made = entry(client("vscode"), server("kiwoom"), resolve(environment={}, home=tmp_path), machine)
    assert apply(installing(client("vscode"), file, [made]), NOW) is None
    assert json.loads(file.read_text())["servers"]["kiwoom"]["type"] == "stdio"
    apply(removing(client("vscode"), file, ["kiwoom"]), NOW)
    assert not file.exists()
    assert not removing(client("vscode"), file, ["kiwoom"]).needed


def test_what_a_person_added_stays_and_no_secret_of_the_old_entry_is_shown(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    old = {"command": "/old/dari", "args": ["serve", "kiwoom"], "disabled": True, "env": {"KIWOOM_APP_KEY": SECRET}}
    file.write_text(json.dumps({"mcpServers": {"kiwoom": old}}))
    made = entry(client("mcp.json"), server("kiwoom"), resolve(environment={}, home=tmp_path), machine)
    change = installing(client("mcp.json"), file, [made])
    told = json.loads(change.after or "")["mcpServers"]["kiwoom"]
    assert (told["disabled"], told["env"], told["command"]) == (True, old["env"], made.value["command"])
    assert SECRET not in change.told[0]


def test_what_is_not_ours_is_not_touched(machine: Machine, tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text('{"mcpServers": {"kiwoom": {"command": "npx", "args": ["kiwoom-mcp"]}}}')
    made = entry(client("cursor"), server("kiwoom"), resolve(environment={}, home=tmp_path), machine)
    with pytest.raises(NotAllowed, match="another server"):
        installing(client("cursor"), file, [made])
    assert not removing(client("cursor"), file, ["kiwoom"]).needed


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"mcpServers": {},}', "line 1"),
        (b'{\n  // mine\n  "mcpServers": {}\n}', "a comment"),
        ('{"이름": 1}'.encode("cp949"), "not UTF-8"),
        (b"[]", "not a JSON object"),
        (b'{"mcpServers": []}', "not a JSON object"),
    ],
)
def test_a_file_that_cannot_be_changed_safely_is_left(
    machine: Machine, tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "mcp.json"
    file.write_bytes(content)
    made = entry(client("cursor"), server("kiwoom"), resolve(environment={}, home=tmp_path), machine)
    with pytest.raises(BadSetting, match=said):
        installing(client("cursor"), file, [made])
    assert file.read_bytes() == content


def test_an_empty_file_or_one_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_bytes(b"")
    assert read(file)[1] == {}
    file.write_bytes('\ufeff{"가": 1}'.encode())
    assert read(file)[1] == {"가": 1}


def test_a_link_to_a_file_stays_a_link(machine: Machine, tmp_path: Path) -> None:
    kept = tmp_path / "dotfiles.json"
    kept.write_text("{}")
    file = tmp_path / "mcp.json"
    file.symlink_to(kept)
    made = entry(client("cursor"), server("kiwoom"), resolve(environment={}, home=tmp_path), machine)
    apply(installing(client("cursor"), file, [made]), NOW)
    assert file.is_symlink()
    assert "kiwoom" in kept.read_text()


def test_ours_is_known_however_it_is_started() -> None:
    for command, words in [
        ("C:\\다리 폴더\\Scripts\\dari.exe", ["serve", "kiwoom"]),
        ("uvx", ["--from", "dari==0.1.0", "dari", "serve", "kiwoom"]),
        ("/py", ["-P", "-m", "dari", "serve", "kiwoom"]),
    ]:
        assert is_ours({"command": command, "args": words})
        assert served({"args": words}) == "kiwoom"
    assert not is_ours({"command": "npx", "args": ["serve"]})
    assert not is_ours("x")
    assert served({}) == ""


def test_links_carry_the_entry(machine: Machine, tmp_path: Path) -> None:
    made = entry(client("vscode"), server("kiwoom"), resolve(environment={}, home=tmp_path), machine, uvx=True)
    told = links(made)
    packed = unquote(told["cursor"].rpartition("config=")[2])
    assert json.loads(base64.b64decode(packed))["args"][-2:] == ["serve", "kiwoom"]
    assert json.loads(unquote(told["vscode"].partition("?")[2]))["name"] == "kiwoom"


def test_a_server_reads_the_settings_of_its_providers() -> None:
    names = {row.name for row in settings_of(server("volume-ranking"))}
    assert {"KOREA_INVESTMENT_APP_KEY", "DARI_LANG", "MAX_RANKING_COUNT"} <= names
    assert not {"KIWOOM_APP_KEY", "API_BASE_URL"} & names


def exits(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        app([*words])
    return int(left.value.code or 0)


def test_the_command_shows_writes_and_takes_out(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = home / ".cursor" / "mcp.json"
    assert exits("install", "cursor", "all", "--simulated", "--dry-run") == 0
    assert not file.exists()
    assert "payment-kafka" in capsys.readouterr().out
    assert exits("install", "cursor", "kiwoom", "kis-code", "--simulated") == 0
    assert exits("install", "cursor", "kiwoom", "--simulated") == 0
    assert "nothing to change" in capsys.readouterr().out
    assert exits("install", "cursor", "kis-code", "--remove", "--json") == 0
    assert list(json.loads(file.read_text())["mcpServers"]) == ["kiwoom"]
    capsys.readouterr()
    assert exits("install", "vscode", "kiwoom", "--link") == 0
    assert capsys.readouterr().out.startswith("vscode:mcp/install?")


@pytest.mark.parametrize(
    "words", [("cursor",), ("emacs", "kiwoom"), ("cursor", "nothing"), ("claude-code", "kiwoom", "--link")]
)
def test_a_mistake_is_the_callers(words: tuple[str, ...]) -> None:
    assert exits("install", *words) == 2
