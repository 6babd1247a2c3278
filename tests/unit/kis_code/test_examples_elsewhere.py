"""Examples run where people run them: a fresh interpreter, a shell, node, beside kis_auth.py, over our own client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from dari.core.endpoint import Effect
from dari.core.errors import InvalidInput, NotAllowed
from dari.kis import KisClient
from dari.providers.kis.examples import Language, Style, build
from dari.providers.kis.spec import SPEC
from scripts.provision import node_tools
from tests.unit.kis_code.serving import Served, run_here, served

TODAY = date(2026, 11, 20)
READING = [row.id for row in SPEC if row.transport == "rest" and row.effect is Effect.READ and row.scope != "auth"]
NODE = str((node_tools() or ("node",))[0])
SAMPLE = [READING[place * len(READING) // 40] for place in range(40)]
"""Forty over all categories, always the same."""


@pytest.fixture(scope="module")
def kis() -> Iterator[Served]:
    with served() as one:
        yield one


def run(kis: Served, name: str, language: Language, command: list[str], folder: Path) -> str:
    example = build(name, {}, TODAY, language, "httpx2")
    file = folder / example.file
    file.write_text(example.code, encoding="utf-8")
    environment = {**os.environ, **kis.environment(example.recipe.mode)}
    done = subprocess.run(
        [*command, str(file)], env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_sample_is_forty() -> None:
    assert len(SAMPLE) == 40
    assert len({SPEC.endpoint(name).category for name in SAMPLE}) == 7


@pytest.mark.parametrize("name", SAMPLE)
def test_in_a_fresh_interpreter(kis: Served, tmp_path: Path, name: str) -> None:
    for line in run(kis, name, "python", [sys.executable], tmp_path).splitlines():
        assert isinstance(json.loads(line), dict)


@pytest.mark.parametrize("name", SAMPLE)
@pytest.mark.needs("curl")
def test_in_a_shell(kis: Served, tmp_path: Path, name: str) -> None:
    assert json.loads(run(kis, name, "curl", ["sh"], tmp_path))["rt_cd"] == "0"


@pytest.mark.parametrize("name", SAMPLE)
@pytest.mark.needs("node")
def test_in_node(kis: Served, tmp_path: Path, name: str) -> None:
    assert json.loads(run(kis, name, "javascript", [NODE], tmp_path))["rt_cd"] == "0"


@pytest.mark.parametrize("name", SAMPLE[:6])
def test_over_our_own_client(tmp_path: Path, name: str) -> None:
    """The client of the settings, told to ask the simulator in its own process."""
    example = build(name, {}, TODAY, "python", "dari")
    code = example.code.replace("KisClient()", "KisClient(simulated=True)")
    lines, stopped = run_here(code, {"DARI_HOME": str(tmp_path), "KIS_ACCOUNT": "50001234"})
    assert not stopped
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert lines


async def test_our_own_client_takes_no_orders(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="plan → apply"):
        build("domestic_stock.order_cash", {}, TODAY, "python", "dari")
    async with KisClient(simulated=True, DARI_HOME=tmp_path) as kis:
        with pytest.raises(NotAllowed, match="plan → apply"):
            await kis.ask("domestic_stock.order_cash", {})


@pytest.mark.parametrize(
    "name", ["domestic_stock.order_cash", "domestic_stock.order_resv", "auth.hashkey", "auth.auth_ws_token"]
)
@pytest.mark.needs("curl")
def test_a_post_in_a_shell(kis: Served, tmp_path: Path, name: str) -> None:
    told = json.loads(run(kis, name, "curl", ["sh"], tmp_path))
    assert told.get("rt_cd", "0") == "0"


def test_every_shell_example_parses(tmp_path: Path) -> None:
    scripts = []
    for row in SPEC:
        if row.transport == "rest":
            scripts.append(tmp_path / f"{row.id}.sh")
            scripts[-1].write_text(build(row.id, {}, TODAY, "curl", "httpx2").code, encoding="utf-8")
    for script in scripts:
        assert subprocess.run(["sh", "-n", str(script)], capture_output=True, check=False).returncode == 0, script.name


def test_curl_holds_no_stream() -> None:
    with pytest.raises(InvalidInput, match="websocket"):
        build("domestic_stock.ccnl_krx", {}, TODAY, "curl", "httpx2")


GUIDE = """
from collections import namedtuple
calls = []
Env = namedtuple("Env", "my_acct my_prod my_htsid")

def auth(svr="prod", product="01", url=None):
    calls.append(("auth", svr, product))

def auth_ws(svr="prod", product="01"):
    calls.append(("auth_ws", svr))

def getTREnv():
    return Env("12345678", "01", "me")

class Reply:
    def isOK(self):
        return True
    def getBody(self):
        body = namedtuple("Body", BLOCKS)
        return body(*([{}] * len(BLOCKS)))

def _url_fetch(api_url, ptr_id, tr_cont, params, appendHeaders=None, postFlag=False, hashFlag=True):
    calls.append((api_url, ptr_id, dict(params), postFlag))
    return Reply()

def data_fetch(tr_id, tr_type, params, appendHeaders=None):
    return {"body": {"input": {"tr_id": tr_id, **params}}}

class KISWebSocket:
    def __init__(self, api_url, max_retries=3):
        calls.append(("ws", api_url))
    def subscribe(self, request, data, kwargs=None):
        calls.append(request("1", data[0]))
    def start(self, on_result, result_all_data=False):
        calls.append("start")
"""
"""The names and signatures of the setup guide's kis_auth, and nothing behind them."""
PANDAS = """
class DataFrame:
    def __init__(self, rows):
        pass

    def rename(self, columns):
        return columns
"""


def guided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> list[object]:
    blocks = [block.name or "_0" for block in SPEC.endpoint(name).blocks]
    (tmp_path / "kis_auth.py").write_text(
        GUIDE.replace("BLOCKS", repr([one for one in blocks if one != "_0"] or ["output"]))
    )
    (tmp_path / "pandas.py").write_text(PANDAS)
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("kis_auth", "pandas"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    _, stopped = run_here(build(name, {}, TODAY, "python", "kis_auth").code, {"KIS_REAL_ORDER": "yes"})
    calls = list(sys.modules["kis_auth"].calls)
    for module in ("kis_auth", "pandas"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert not stopped
    return calls


@pytest.mark.parametrize(
    ("name", "server", "code"),
    [
        ("domestic_stock.inquire_price", "prod", "FHKST01010100"),
        ("domestic_stock.inquire_balance", "vps", "TTTC8434R"),  # kis_auth makes VTTC8434R of it
        ("domestic_stock.order_cash", "vps", "TTTC0012U"),
        ("domestic_stock.order_resv", "prod", "CTSC0008U"),
        ("domestic_bond.inquire_price", "prod", "FHKBJ773400C0"),
    ],
)
def test_in_the_layout_of_the_guide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, server: str, code: str
) -> None:
    signed, asked = guided(tmp_path, monkeypatch, name)
    row = SPEC.endpoint(name)
    assert signed == ("auth", server, "01")
    assert isinstance(asked, tuple)
    assert asked[:2] == (row.path, code)
    assert asked[3] == (row.method == "POST")


def test_a_stream_in_the_layout_of_the_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = guided(tmp_path, monkeypatch, "domestic_stock.ccnl_krx")
    assert ("ws", "/tryitout") in calls
    assert calls[-1] == "start"


LANGUAGES: list[tuple[Language, Style]] = [("python", "httpx2"), ("python", "kis_auth"), ("python", "dari")]


def test_every_python_example_passes_ruff(tmp_path: Path) -> None:
    written = 0
    for row in SPEC:
        for language, style in LANGUAGES:
            try:
                example = build(row.id, {}, TODAY, language, style)
            except InvalidInput:
                continue
            (tmp_path / f"{row.id.replace('.', '_')}_{style}.py").write_text(example.code, encoding="utf-8")
            written += 1
    assert written > 339 + 335 + 200
    for command in (["check", "--select=E,F,W,I,B,UP"], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--isolated", "--no-cache", "--line-length=120", str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.needs("node")
def test_every_javascript_example_parses(tmp_path: Path) -> None:
    for row in SPEC:
        (tmp_path / f"{row.id}.mjs").write_text(build(row.id, {}, TODAY, "javascript", "httpx2").code, encoding="utf-8")
    script = (
        "import { readdirSync, readFileSync } from 'node:fs'; import { SourceTextModule } from 'node:vm';"
        "for (const name of readdirSync(process.argv[1]).filter((one) => one.endsWith('.mjs')))"
        "  new SourceTextModule(readFileSync(process.argv[1] + '/' + name, 'utf8'), { identifier: name });"
    )
    done = subprocess.run(
        ["node", "--experimental-vm-modules", "--no-warnings", "--input-type=module", "-e", script, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-1000:]
