"""`dari setup` takes what it is told, keeps it private, and never shows it; `dari doctor CLIENT` reads a client."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from dari.app.checkup.clients import client_checks, log_checks
from dari.app.checkup.files import file_checks
from dari.app.checkup.findings import Check
from dari.app.clients import client
from dari.app.clients.machine import Machine
from dari.app.keeping import fitting, keep, way
from dari.app.setting_up import settings_of
from dari.cli import guiding
from dari.cli.main import app
from dari.cli.printing import line
from dari.cli.running import prepare
from dari.core.errors import BadSetting, InvalidInput, MissingExtra
from dari.serving.mcp_door.asking import count_tools

KEY, SECRET = "K" * 36, "S" * 180


def exits(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        app([*words])
    return int(left.value.code or 0)


def told_by(file: Path) -> str:
    return file.read_text("utf-8")


@pytest.fixture
def file(home: Path) -> Path:
    return home / "config" / "dari.env"


def test_paper_keys_are_asked_for_and_kept_private(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\n'{SECRET}'\n12345678-01\n"))
    assert exits("setup", "kis", "--mode", "paper", "--keep", "file") == 0
    said = capsys.readouterr().out
    assert "apiportal.koreainvestment.com" in said
    assert KEY not in said
    settings = settings_of()
    assert settings.text("KOREA_INVESTMENT_PAPER_APP_SECRET") == SECRET
    assert settings.found("KIS_MODE").won == "dari.env"
    assert os.name == "nt" or file.stat().st_mode & 0o777 == 0o600


async def test_what_is_kept_already_stays(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(file, {"KIWOOM_APP_KEY": KEY, "OUTPUT_DIR": "/폴더 하나/it's"}, "file")
    answers = iter(["naramarket", "%2Bkey="])
    assert await guiding.setup(None, mode=None, how="file", ask=lambda *_: next(answers), as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["kept"] == ["NARAMARKET_SERVICE_KEY"]
    settings = settings_of()
    assert settings.text("KIWOOM_APP_KEY") == KEY
    assert settings.text("OUTPUT_DIR") == "/폴더 하나/it's"
    assert settings.text("NARAMARKET_SERVICE_KEY") == "%2Bkey="


async def test_the_guides_file_is_read_and_only_what_it_lacks_is_asked(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    guide = home / "kis" / "config" / "kis_devlp.yaml"
    guide.parent.mkdir(parents=True)
    guide.write_text(f'paper_app: "{KEY}"\npaper_sec: "{SECRET}"\n', encoding="utf-8")
    asked = []

    def ask(name: str) -> str:
        asked.append(name)
        return ["paper", "oops", "12345678"][len(asked) - 1]

    await guiding.setup("kis", mode=None, how="file", ask=ask, as_json=False)
    assert asked[1:] == ["KOREA_INVESTMENT_PAPER_ACCOUNT"] * 2
    said = capsys.readouterr().out
    assert "8 digits" in said
    assert "chmod 600" in said


async def test_secrets_go_into_the_keyring_and_other_settings_beside_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyring = pytest.importorskip("keyring")
    held: dict[tuple[str, str], str] = {}
    monkeypatch.setattr(keyring, "set_password", lambda service, name, value: held.update({(service, name): value}))
    monkeypatch.setattr(keyring, "get_password", lambda service, name: held[service, name])
    answers = iter([KEY, SECRET])
    await guiding.setup("kiwoom", mode="paper", how="keyring", ask=lambda *_: next(answers), as_json=True)
    assert KEY not in told_by(file)
    assert held["dari", "KIWOOM_SECRET_KEY"] == SECRET
    settings = settings_of()
    assert (settings.text("KIWOOM_APP_KEY"), settings.found("KIWOOM_APP_KEY").won) == (KEY, "keyring")
    assert settings.text("KIWOOM_MODE") == "mock"

    def closed(*_: str) -> None:
        raise keyring.errors.NoKeyringError

    monkeypatch.setattr(keyring, "set_password", closed)
    with pytest.raises(BadSetting, match="no keyring"):
        keep(file, {"KIWOOM_APP_KEY": KEY}, "keyring")
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    with pytest.raises(MissingExtra):
        keep(file, {"KIWOOM_APP_KEY": KEY}, "keyring")


def test_a_value_must_fit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert fitting("KIWOOM_APP_KEY", " “abc” ") == "abc"
    for name, value in (("KIWOOM_APP_KEY", "여기에 키"), ("KOREA_INVESTMENT_ACCOUNT", "123")):
        with pytest.raises(InvalidInput):
            fitting(name, value)
    with pytest.raises(InvalidInput):
        way("emart")
    monkeypatch.setattr("sys.stdin", io.StringIO("여기에 키\n"))
    assert exits("setup", "naramarket", "--json") == 2
    assert "invalid_input" in capsys.readouterr().out


@pytest.mark.parametrize("provider", ["kis", "kiwoom", "naramarket"])
def test_the_way_to_the_keys_is_told_in_both_languages(provider: str) -> None:
    steps = way(provider).steps
    assert len(steps) >= 4
    assert all(step.ko and step.en for step in steps)
    assert any("https://" in step.ko for step in steps)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(
        platform="linux", home=tmp_path, folder=tmp_path, environment={"PATH": os.environ["PATH"]}, prefix=tmp_path,
        executable=tmp_path / "python",
    )  # fmt: skip


async def three(program: str, words: Sequence[str], environment: Mapping[str, str]) -> int:
    if "broken" in words:
        raise RuntimeError("[bad_setting] KIS_MODE")
    del program, environment
    return 3


async def looked(machine: Machine, content: str | bytes | None, name: str = "cursor") -> list[Check]:
    file = client(name).where(machine)
    file.parent.mkdir(parents=True, exist_ok=True)
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [one async for one in client_checks(client(name), machine, three)]


def entry(**other: Any) -> str:
    told = {"command": "sh", "args": ["-m", "dari", "serve", "kiwoom"], **other}
    return json.dumps({"mcpServers": {"kiwoom": told}}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "client_no_file"),
        ('{"mcpServers": {,}}', "client_syntax"),
        ('{"이름": 1}'.encode("cp949"), "file_cp949"),
        ('{"mcpServers": {"x": {"command": "npx", "args": []}}}', "client_no_entry"),
        ("[]", "client_no_entry"),
        (entry(command="/gone/dari"), "client_no_program"),
        (entry(args=["-m", "dari", "serve", "kiwoon"]), "client_unknown_server"),
        (entry(env={"KIWOOM_APP_KEY": KEY}), "client_secret_written"),
        (entry(env={"KIWOOM_APP_KEY": "여기에 앱키"}), "example_value"),
        (entry(env={"KIWOOM_APP_KEY": "${env:KIWOOM_APP_KEY}"}), "client_reference_empty"),
        (entry(args=["-m", "dari", "serve", "kiwoom", "broken"]), "client_start_failed"),
        (entry(env={"KIWOOM_APP_KEY": "${input:key}", "DARI_LANG": "ko"}), None),
    ],
)
async def test_each_fault_of_a_client_is_named(
    machine: Machine, content: str | bytes | None, fault: str | None
) -> None:
    found = await looked(machine, content)
    assert [one.fault for one in found if one.fault] == ([fault] if fault else [])
    assert KEY not in str(found)
    if fault is None:
        assert found[-1].found == "3 tools"


def test_the_last_error_of_a_clients_log_is_told_unless_it_went_well_after(machine: Machine) -> None:
    assert list(log_checks(client("gemini-cli"), machine, "kiwoom")) == []
    chosen = client("claude-desktop")
    assert list(log_checks(chosen, machine, "kiwoom")) == []
    assert chosen.logs is not None
    log = chosen.logs(machine)[0] / "mcp-server-kiwoom.log"
    log.parent.mkdir(parents=True)
    log.write_text(f"2026 [info] Server started\n2026 [error] spawn dari ENOENT {KEY}\n")
    (check,) = log_checks(chosen, machine, "kiwoom")
    assert (check.fault, KEY in check.found, "ENOENT" in check.found) == ("client_logged_error", False, True)
    with log.open("a") as more:
        more.write("2026 [info] Server started and connected successfully\n")
    (check,) = log_checks(chosen, machine, "kiwoom")
    assert check.state == "ok"


def test_the_doctor_looks_at_a_client_by_its_name(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir(exist_ok=True)
    monkeypatch.chdir(home)
    monkeypatch.setattr("dari.serving.mcp_door.asking.count_tools", three)
    assert exits("doctor", "mcp.json", "--json") == 1
    assert json.loads(capsys.readouterr().out)["faults"] == ["client_no_file"]
    assert exits("install", "mcp.json", "kis-code") == 0
    capsys.readouterr()
    assert exits("doctor", "mcp-json") == 0
    assert "3 tools" in capsys.readouterr().out
    assert exits("doctor", "emacs") == 2


async def test_a_server_that_does_not_start_says_its_last_word() -> None:
    with pytest.raises(RuntimeError, match="no such server"):
        await count_tools("sh", ["-c", "echo 'no such server' >&2; exit 1"], {})


def test_a_console_in_cp949_shows_what_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    console = io.TextIOWrapper(written, encoding="cp949")
    monkeypatch.setattr("sys.stdout", console)
    monkeypatch.setattr("sys.stderr", io.StringIO())
    prepare()
    line("✓ 삼성전자 → 69,000")
    console.flush()
    assert written.getvalue().decode("cp949").strip() == "? 삼성전자 → 69,000"


def test_on_windows_no_file_mode_is_asked_for_and_the_guides_file_is_found(tmp_path: Path) -> None:
    guide = tmp_path / "KIS" / "config" / "kis_devlp.yaml"
    guide.parent.mkdir(parents=True)
    guide.write_bytes('\ufeffmy_prod: "01"\r\n'.encode())
    guide.chmod(0o644)
    told = {"DARI_HOME": str(tmp_path), "DARI_DOTENV": str(tmp_path / "none")}
    assert [one.state for one in file_checks(told, tmp_path, platform="win32")] == ["ok", "ok"]
    assert "file_mode" in [one.fault for one in file_checks(told, tmp_path, platform="linux")]
