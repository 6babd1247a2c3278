"""Who gives a setting, what is refused, and that a secret is never told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dari.app.places import Places
from dari.app.runtime import Runtime
from dari.core.errors import BadSetting, MissingExtra
from dari.settings import SETTINGS, Settings, resolve

DEVLP = """
my_app: "{key}"
my_sec: "{secret}"
paper_app: ""
my_acct_stock: 12345678
"""


def found(folder: Path, dotenv: str = "", flags: dict[str, str] | None = None, **environment: str) -> Settings:
    path = folder / "test.env"
    path.write_text(dotenv)
    return resolve(flags=flags, environment={"DARI_DOTENV": str(path), **environment}, home=folder)


def test_flag_beats_environment_beats_dotenv_beats_default(tmp_path: Path) -> None:
    told = found(tmp_path, "DARI_LANG=en\nLOG_LEVEL=DEBUG\nDARI_REACH=change", {"DARI_LANG": "ko"}, LOG_LEVEL="ERROR")
    names = ("DARI_LANG", "LOG_LEVEL", "DARI_REACH", "KIS_MODE")
    assert [(told.text(name), told.found(name).won) for name in names] == [
        ("ko", "flag"), ("ERROR", "environment"), ("change", ".env"), ("paper", "default"),
    ]  # fmt: skip


def test_the_file_of_the_setup_guide_gives_what_nobody_else_does(tmp_path: Path) -> None:
    folder = tmp_path / "KIS" / "config"
    folder.mkdir(parents=True)
    (folder / "kis_devlp.yaml").write_text(DEVLP.format(key="K" * 36, secret="S" * 180), encoding="utf-8")
    told = found(tmp_path)
    assert told.text("KOREA_INVESTMENT_APP_KEY") == "K" * 36
    assert told.found("KOREA_INVESTMENT_APP_KEY").won == "kis_devlp.yaml"
    assert told.found("KOREA_INVESTMENT_PAPER_APP_KEY").won == "default"
    assert found(tmp_path, KOREA_INVESTMENT_APP_KEY="other").text("KOREA_INVESTMENT_APP_KEY") == "other"


@pytest.mark.parametrize("content", ["my_app: [", "just a line", b"my_app: \xb0\xa1\n"])
def test_a_damaged_file_is_named_or_ignored(tmp_path: Path, content: str | bytes) -> None:
    folder = tmp_path / "KIS" / "config"
    folder.mkdir(parents=True)
    (folder / "kis_devlp.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    if content == "just a line":
        assert found(tmp_path).text("KOREA_INVESTMENT_APP_KEY") == ""
    else:
        with pytest.raises(BadSetting, match=r"kis_devlp\.yaml"):
            found(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DARI_REACH", "everything"), ("KIS_MODE", "pretend"), ("DARI_DEADLINE_SECONDS", "soon"),
        ("KIS_REAL_PER_SECOND", "1.5"), ("CACHE_L1_TTL_SECONDS", "-1"), ("KIWOOM_MODE", "paper"),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_stops_the_start(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=name):
        found(tmp_path, flags={name: value})


def test_a_secret_is_never_told(tmp_path: Path) -> None:
    told = found(tmp_path, KOREA_INVESTMENT_APP_SECRET="very-secret")
    assert all("very-secret" not in repr(one) for _, one in told)
    assert {row.name for row in SETTINGS if row.secret} >= {
        "KOREA_INVESTMENT_APP_KEY", "KOREA_INVESTMENT_APP_SECRET", "KIWOOM_APP_KEY", "KIWOOM_SECRET_KEY",
    }  # fmt: skip


def test_places_are_the_platforms_or_below_one_home(tmp_path: Path) -> None:
    home = Places.of(str(tmp_path))
    assert {home.config.parent, home.data.parent, home.state.parent, home.cache.parent} == {tmp_path}
    assert Places.of("").cache.name == "dari"


@pytest.mark.parametrize(
    ("address", "trusted", "refused"),
    [
        ("http://127.0.0.1:9000", "", False),
        ("http://localhost:9000", "", False),
        ("https://proxy.example", "", True),
        ("https://proxy.example", "other.example, proxy.example", False),
    ],
)
async def test_keys_go_nowhere_else_unless_it_is_trusted(
    tmp_path: Path, address: str, trusted: str, *, refused: bool
) -> None:
    told = found(tmp_path, DARI_HOME=str(tmp_path), DARI_KIS_URL=address, DARI_TRUSTED_HOSTS=trusted)
    async with Runtime(told) as runtime:
        if refused:
            with pytest.raises(BadSetting, match=r"proxy\.example"):
                runtime.client_of("kis")
        else:
            runtime.client_of("kis")


async def test_the_documents_limits_take_effect(tmp_path: Path) -> None:
    told = found(tmp_path, DARI_HOME=str(tmp_path), MAX_RANKING_COUNT="10", UNUSUAL_VOLUME_THRESHOLD="300")
    async with Runtime(told, simulated=True) as runtime:
        _, dispatch = runtime.server("volume-ranking")
        over = await dispatch.call("get_volume_ranking", {"count": 11}, runtime.caller())
        unusual = dispatch.offered["get_unusual_volume"].tool.query()
        assert over.error == "invalid_input"
        assert (unusual.threshold, unusual.count) == (300.0, 10)  # type: ignore[attr-defined]  # the tuned model


def test_what_setup_kept_is_read_after_the_environment_and_before_the_guides_file(tmp_path: Path) -> None:
    kept = tmp_path / "home" / "config" / "dari.env"
    kept.parent.mkdir(parents=True)
    kept.write_text("\ufeffKIWOOM_APP_KEY=mine\nKIS_MODE=real\n", encoding="utf-8")
    told = found(tmp_path, DARI_HOME=str(tmp_path / "home"), KIS_MODE="paper")
    assert (told.text("KIWOOM_APP_KEY"), told.found("KIWOOM_APP_KEY").won) == ("mine", "dari.env")
    assert told.text("KIS_MODE") == "paper"


def test_a_secret_in_the_keyring_is_read_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = tmp_path / "config" / "dari.env"
    kept.parent.mkdir(parents=True)
    kept.write_text("KIWOOM_APP_KEY=@keyring\n")
    keyring = pytest.importorskip("keyring")
    monkeypatch.setattr(keyring, "get_password", lambda service, name: f"{service}/{name}")
    told = found(tmp_path, DARI_HOME=str(tmp_path))
    assert (told.text("KIWOOM_APP_KEY"), told.found("KIWOOM_APP_KEY").won) == ("dari/KIWOOM_APP_KEY", "keyring")

    def locked(service: str, name: str) -> str:
        raise keyring.errors.KeyringLocked(service + name)

    monkeypatch.setattr(keyring, "get_password", locked)
    with pytest.raises(BadSetting, match="KeyringLocked"):
        found(tmp_path, DARI_HOME=str(tmp_path))
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(MissingExtra, match="keyring"):
        found(tmp_path, DARI_HOME=str(tmp_path))


@pytest.mark.parametrize("place", ["KIS/config/kis_devlp.yml", "kis/config/kis_devlp.yaml", "KIS/devlp.yaml"])
def test_the_guides_other_spellings_are_read_and_its_example_words_are_no_values(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True)
    file.write_text('my_app: "발급받은_실제_APP_KEY"\nmy_sec: real\nmy_acct_stock: "실제_계좌번호"\n', encoding="utf-8")
    told = found(tmp_path, KIS_MODE="${user_config.kis_mode}", KIWOOM_APP_KEY="여기에 키")
    names = ("KOREA_INVESTMENT_APP_KEY", "KOREA_INVESTMENT_APP_SECRET", "KOREA_INVESTMENT_ACCOUNT", "KIS_MODE")
    assert [told.text(name) for name in (*names, "KIWOOM_APP_KEY")] == ["", "real", "", "paper", ""]


def test_a_dotenv_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "test.env").write_bytes("KIWOOM_MODE=mock # 모의".encode("cp949"))
    with pytest.raises(BadSetting, match=r"test\.env is not UTF-8"):
        resolve(environment={"DARI_DOTENV": str(tmp_path / "test.env")}, home=tmp_path)
