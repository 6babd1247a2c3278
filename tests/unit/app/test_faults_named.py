"""Misconfigurations planted one at a time: `dari doctor` names exactly the fault and its cure, and shows no secret."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dari.app import demonstration
from dari.app.checkup import installation
from dari.app.checkup.findings import FAULTS
from dari.app.checkup.installation import installation_checks, package_checks
from dari.app.simulators import simulator
from dari.cli import examining
from dari.core.clock import SystemClock
from dari.providers.kis.simulator.keys import PAPER, REAL
from dari.providers.kiwoom.simulator import MOCK_KEY, REAL_KEY
from dari.providers.naramarket.simulator import SIMULATED_KEY, Account
from dari.providers.naramarket.simulator import create_app as procurement
from dari.serving.mcp_door import listening
from dari.worlds.procurement import World as Procurement

UNGRANTED = "N0" + "n" * 62
"""A key of data.go.kr that applied for no service."""
SECRETS = (REAL.appkey, REAL.appsecret, PAPER.appkey, PAPER.appsecret, MOCK_KEY.app_key, SIMULATED_KEY)
GUIDE = """\
#실전투자
my_app: "{real}"      # 한국투자증권에서 발급받은 APP KEY 입력
my_sec: "{real_secret}"
#모의투자
paper_app: "{paper}"
paper_sec: "{paper_secret}"
my_acct_stock: "50001234"
my_paper_stock: "60005678"
my_prod: "01"
"""


@dataclass
class Place:
    """A person's machine: settings by environment, a home, the simulators' addresses and the simulators themselves."""

    home: Path
    set: Callable[[str, str], None]
    kis: Any
    kiwoom: Any
    naramarket: Any
    capsys: pytest.CaptureFixture[str]

    def guide(
        self, text: str | bytes | None = None, where: str = "KIS/config/kis_devlp.yaml", mode: int = 0o600
    ) -> Path:
        """Write KIS's file instead of the environment's keys."""
        for name in KIS_NAMES:
            self.set(name, "")
        file = self.home / where
        file.parent.mkdir(parents=True, exist_ok=True)
        told = filled() if text is None else text
        file.write_bytes(told if isinstance(told, bytes) else told.encode())
        file.chmod(mode)
        return file

    async def doctor(self, subject: str | None) -> dict[str, Any]:
        await examining.doctor(subject, as_json=True)
        written = self.capsys.readouterr().out
        assert not [one for one in SECRETS if one in written]
        return dict(json.loads(written))


KIS_NAMES = (
    "KOREA_INVESTMENT_APP_KEY", "KOREA_INVESTMENT_APP_SECRET",
    "KOREA_INVESTMENT_PAPER_APP_KEY", "KOREA_INVESTMENT_PAPER_APP_SECRET",
)  # fmt: skip


def filled(**other: str) -> str:
    told = {"real": REAL.appkey, "real_secret": REAL.appsecret, "paper": PAPER.appkey, "paper_secret": PAPER.appsecret}
    return GUIDE.format(**{**told, **other})


@pytest.fixture
async def place(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Place]:
    made = {name: simulator(name, seed=1, now=None, speed=1.0) for name in ("kis", "kiwoom")}
    keys = {SIMULATED_KEY: Account(), UNGRANTED: Account(services=frozenset())}
    made["naramarket"] = procurement(Procurement(1), clock=SystemClock(), accounts=keys)
    async with (
        listening.serving(made["kis"]) as kis,
        listening.serving(made["kiwoom"]) as kiwoom,
        listening.serving(made["naramarket"]) as naramarket,
    ):
        addresses = {"kis": kis, "kiwoom": kiwoom, "naramarket": naramarket}
        for name, value in demonstration.flags(addresses).items():
            if name != "DARI_HOME":
                monkeypatch.setenv(name, value)
        yield Place(home, monkeypatch.setenv, made["kis"], made["kiwoom"], made["naramarket"], capsys)


Plant = Callable[[Place], object]


def env(**values: str) -> Plant:
    def plant(place: Place) -> None:
        for name, value in values.items():
            place.set(name, value)

    return plant


def guide(text: str | bytes | None = None, **how: Any) -> Plant:
    return lambda place: place.guide(text, **how)


def clock(place: Place) -> None:
    place.kis.faults.clock_offset = 600.0


def elsewhere(place: Place) -> None:
    """Kiwoom takes the key, but not from this address (지정단말기)."""
    place.kiwoom.service.faults.plan({"kind": "refuse", "code": "8050", "times": 9})


def portal(**script: dict[str, int]) -> Plant:
    return lambda place: place.naramarket.state.engine.faults.put(script)


def kis_down(place: Place) -> None:
    place.kis.faults.html_502 = -1


def no_folder(place: Place) -> None:
    """A file lies where Dari's state would: nobody can write into it, not even root."""
    place.set("DARI_HOME", str(place.home / "dari"))
    place.home.mkdir(exist_ok=True)
    (place.home / "dari").write_text("", "utf-8")


def dotenv(content: bytes) -> Plant:
    def plant(place: Place) -> None:
        place.home.mkdir(exist_ok=True)
        file = place.home / ".env"
        file.write_bytes(content)
        file.chmod(0o600)

    return plant


PLANTED: dict[str, tuple[str | None, Plant, str]] = {
    "wrong key": ("kis", env(KOREA_INVESTMENT_APP_KEY="PS" + "x" * 34), "wrong_key"),
    "wrong secret": ("kis", env(KOREA_INVESTMENT_APP_SECRET="w" * 180), "wrong_secret"),
    "key and secret swapped": (
        "kis",
        env(KOREA_INVESTMENT_APP_KEY=REAL.appsecret, KOREA_INVESTMENT_APP_SECRET=REAL.appkey),
        "swapped_pair",
    ),
    "paper key on real": (
        "kis",
        env(
            KOREA_INVESTMENT_APP_KEY=PAPER.appkey, KOREA_INVESTMENT_APP_SECRET=PAPER.appsecret,
            KOREA_INVESTMENT_PAPER_APP_KEY="", KOREA_INVESTMENT_PAPER_APP_SECRET="",
        ),
        "paper_key_on_real",
    ),
    "real key on paper": (
        "kis",
        env(
            KOREA_INVESTMENT_PAPER_APP_KEY=REAL.appkey, KOREA_INVESTMENT_PAPER_APP_SECRET=REAL.appsecret,
            KOREA_INVESTMENT_APP_KEY="", KOREA_INVESTMENT_APP_SECRET="",
        ),
        "real_key_on_paper",
    ),
    "half of a pair": ("kis", env(KOREA_INVESTMENT_PAPER_APP_SECRET=""), "half_pair"),
    "clock off by ten minutes": ("kis", clock, "clock_off"),
    "file others can read": ("kis", guide(mode=0o644), "file_mode"),
    "bad YAML: a tab": ("kis", guide(filled().replace("my_sec", "\tmy_sec")), "yaml_syntax"),
    "bad YAML: no space after the colon": ("kis", guide(filled().replace("my_sec: ", "my_sec:")), "yaml_syntax"),
    "bad YAML: a quote that does not end": ("kis", guide(filled().replace('01"', "01")), "yaml_syntax"),
    "curly quotes": ("kis", guide(filled().replace('"01"', "“01”")), "typographic_quotes"),
    "file in CP949": ("kis", guide(filled().encode("cp949")), "file_cp949"),
    "file in UTF-16": ("kis", guide(filled().encode("utf-16")), "file_utf16"),
    "file in another folder": ("kis", guide(where="KIS/devlp.yaml"), "misplaced_file"),
    "misspelt name": ("kis", guide(filled() + 'my_htsidd: "someone"\n'), "unknown_name"),
    "example's words": ("kis", guide(filled() + 'my_htsid: "실제_HTS_ID"\n'), "example_value"),
    "product code": ("kis", guide(filled().replace('my_prod: "01"', 'my_prod: "1234"')), "product_code"),
    "account number": ("kis", env(KOREA_INVESTMENT_ACCOUNT="1234"), "account_form"),
    "no network": ("kis", env(DARI_KIS_URL="http://127.0.0.1:9"), "no_network"),
    "untrusted host": ("kis", env(DARI_KIS_URL="https://elsewhere.example"), "untrusted_host"),
    "mode that does not exist": ("kis", env(KIS_MODE="pretend"), "bad_setting"),
    "Kiwoom: mock key, real mode": ("kiwoom", env(KIWOOM_MODE="real"), "other_mode"),
    "Kiwoom: real key, mock mode": (
        "kiwoom", env(KIWOOM_APP_KEY=REAL_KEY.app_key, KIWOOM_SECRET_KEY=REAL_KEY.secret_key), "other_mode",
    ),
    "Kiwoom: wrong key": ("kiwoom", env(KIWOOM_APP_KEY="x" * 43), "wrong_key"),
    "Kiwoom: wrong secret": ("kiwoom", env(KIWOOM_SECRET_KEY="x" * 43), "wrong_secret"),
    "Kiwoom: another address": ("kiwoom", elsewhere, "address_not_registered"),
    "a file in the folder's place": (None, no_folder, "folder_unwritable"),
    "data.go.kr: unknown key": ("naramarket", env(NARAMARKET_SERVICE_KEY="y" * 64), "service_key_unknown"),
    "data.go.kr: not applied for": ("naramarket", env(NARAMARKET_SERVICE_KEY=UNGRANTED), "service_not_granted"),
    "data.go.kr: key run out": ("naramarket", portal(expire={"after": 0}), "service_key_expired"),
    "data.go.kr: quota spent": ("naramarket", portal(quota={"calls": 0}), "quota_spent"),
    "KIS in trouble": ("kis", kis_down, "upstream_down"),
    "data.go.kr: encoded twice": (
        "naramarket", env(NARAMARKET_SERVICE_KEY=SIMULATED_KEY + "%253D"), "service_key_encoded_twice",
    ),
    "monitoring service absent": ("payments", env(API_BASE_URL="http://127.0.0.1:9"), "monitoring_absent"),
    "misspelt setting in .env": (None, dotenv(b"KIWOOM_APPKEY=x\n"), "unknown_name"),
    "cp949 .env": (None, dotenv("KIWOOM_MODE=mock # 모의".encode("cp949")), "file_cp949"),
}  # fmt: skip
MORE_TOLD = {"data.go.kr: encoded twice": {"service_key_unknown"}, "half of a pair": set[str]()}
"""Where one cause shows twice."""


@pytest.mark.parametrize("name", PLANTED)
async def test_the_doctor_names_exactly_the_planted_fault(place: Place, name: str) -> None:
    subject, plant, fault = PLANTED[name]
    plant(place)
    told = await place.doctor(subject)
    found = {one for one in told["faults"] if one != "port_taken"} - MORE_TOLD.get(name, set())
    assert found == {fault}, told["checks"]
    check = next(one for one in told["checks"] if one.get("fault") == fault)
    assert check["next_step"]
    assert "{" not in check["next_step"]
    assert check["found"]


@pytest.mark.parametrize("subject", ["kis", "kiwoom", "naramarket"])
async def test_nothing_is_named_where_all_is_well(place: Place, subject: str) -> None:
    if subject == "kis":
        place.guide()
    told = await place.doctor(subject)
    assert (told["ok"], told["faults"]) == (True, [])
    assert any(one.startswith(subject) for one in told["answered"])


async def test_the_same_pair_for_real_and_paper_is_named(place: Place) -> None:
    place.guide(filled(paper=REAL.appkey, paper_secret=REAL.appsecret))
    told = await place.doctor("kis")
    assert told["faults"][0] == "same_pair"
    assert "real_key_on_paper" not in told["faults"]


async def test_an_old_token_is_replaced_and_said_so(place: Place) -> None:
    await place.doctor("kis")
    place.kis.keyring.spoil_all()
    told = await place.doctor("kis")
    assert (told["ok"], told["faults"]) == (True, ["old_token"])


async def test_a_token_asked_for_too_soon_is_named(place: Place) -> None:
    place.kis.faults.token_refusals = 1
    told = await place.doctor("kis")
    assert told["faults"] == ["token_too_soon"]


async def test_a_taken_port_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening.serving(place.kis) as address:
        port = int(address.rpartition(":")[2])
        monkeypatch.setattr(installation_checks, "__defaults__", (None, port))
        told = await place.doctor(None)
    assert "port_taken" in told["faults"]
    monkeypatch.setattr(installation_checks, "__defaults__", ((3, 10), 9))
    assert (await place.doctor(None))["faults"] == ["python_old"]


class Package:
    """A distribution that was tampered with."""

    version = "1"
    requires = ("surely-not-there>=1", "pytest>=10000", "pytest; extra == 'x'", "pytest")

    class _File:
        suffix = ".py"
        hash = SimpleNamespace(mode="sha256", value="different")

        def read_binary(self) -> bytes:
            return b"changed"

        def __str__(self) -> str:
            return "dari/core/errors.py"

    files = (_File(),)


def test_changed_files_and_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "pytest":
            return "9"
        raise PackageNotFoundError(name)

    monkeypatch.setattr("dari.app.checkup.installation.Distribution.from_name", lambda _: Package)
    monkeypatch.setattr(installation, "version", version)
    found = list(package_checks())
    assert [one.fault for one in found] == ["package_changed", "package_missing"]
    assert "dari/core/errors.py" in found[0].found
    assert "surely-not-there (missing)" in found[1].found
    assert "pytest" in found[1].found


THE_LIST: dict[str, tuple[str, ...]] = {
    # MCP does not connect
    "restart the client": ("client_start_failed", "client_logged_error"),
    "the server's address": ("client_no_entry", "client_unknown_server", "client_no_program"),
    "firewall and internet": ("no_network",),
    # the API does not connect
    "key and secret as issued": ("wrong_key", "wrong_secret", "swapped_pair", "same_pair", "paper_key_on_real"),
    "files as downloaded": ("package_changed",),
    "kis_devlp.yaml in its folder": ("misplaced_file",),
    "what is written in it": ("example_value", "unknown_name", "half_pair", "account_form", "product_code"),
    "its form": ("yaml_syntax", "typographic_quotes", "file_cp949", "file_utf16"),
    # the environment, imports
    "packages and Python": ("package_missing", "python_old"),
}
"""Each thing that the setup guide tells to look at when something fails → the faults by which the doctor names it."""
LOOKED_AT = ("python", "dari on PATH", "uv", "state folder")
"""What the guide looks at without a right or wrong: the environment, uv's version."""


@pytest.mark.parametrize("page", ["docs/start/trouble.md", "docs/start/trouble.ko.md"])
def test_every_item_of_the_guides_list_has_its_check(page: str) -> None:
    text = (Path(__file__).parents[3] / page).read_text("utf-8")
    named = set(re.findall(r"`([a-z]+(?:_[a-z0-9]+)+)`", text)) - {"kis_devlp"}
    assert named - set(FAULTS) == set()
    for item, faults in THE_LIST.items():
        assert set(faults) <= set(FAULTS), item
        shown = {one for one in faults if not one.startswith("client_")}
        assert shown <= named, item


async def test_the_environment_and_uv_are_looked_at(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    told = {one["what"]: one["found"] for one in (await place.doctor(None))["checks"] if one["subject"] == "machine"}
    assert set(LOOKED_AT) <= set(told)
    assert re.match(r"uv \d+\.\d+", told["uv"])
    assert sys.prefix in told["dari on PATH"]
    monkeypatch.setenv("PATH", "/nowhere")
    told = {one["what"]: one["found"] for one in (await place.doctor(None))["checks"] if one["subject"] == "machine"}
    assert told["uv"].startswith("not on PATH")
    assert told["dari on PATH"].startswith("no;")


def test_every_fault_that_has_a_name_is_planted_somewhere() -> None:
    here, tests = Path(__file__), Path(__file__).parents[2]
    clients = "".join(
        file.read_text("utf-8") for file in (here, *tests.glob("unit/cli/test_*.py"), *tests.glob("e2e/*.py"))
    )
    assert [name for name in FAULTS if f'"{name}"' not in clients] == []


def test_every_cure_is_told_in_both_languages() -> None:
    assert all(one.ko and one.en for one in FAULTS.values())
    assert len(PLANTED) >= 20
