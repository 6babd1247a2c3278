"""What holds for every test: no key and no state of the person at the machine, and no silent skip."""

from __future__ import annotations

import gc
import json
import os
from itertools import count
from pathlib import Path

import pytest

from scripts.provision import ABSENT, components, missing_programs

SKIPS = ABSENT.with_name("skips.jsonl")
"""Where `make test` reads what was skipped; written only when it asks by DARI_TELL_SKIPS."""

_OURS = ("DARI_", "KIWOOM_", "KOREA_INVESTMENT_", "KIS_", "NARAMARKET_", "KRX_", "DART_", "CACHE_L", "API_BASE_URL")
_KEPT = ("DARI_TELL_SKIPS", "DARI_LIVE", "DARI_FACTS")
_homes = count()

for _name in [name for name in os.environ if name.startswith(_OURS) and not name.startswith(_KEPT)]:
    del os.environ[_name]


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user folder of its own for every test; made by whoever first writes to it."""
    place = tmp_path_factory.getbasetemp() / f"home{next(_homes)}"
    monkeypatch.setenv("DARI_HOME", str(place))
    monkeypatch.setenv("HOME", str(place))  # where kis_devlp.yaml would lie
    monkeypatch.setenv("DARI_DOTENV", str(place / ".env"))
    return place


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--whole", action="store_true", help="also what CI alone has time for: the payment suite on real parts"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    table = components()
    told = json.loads(ABSENT.read_text("utf-8")) if ABSENT.exists() else {}
    for item in items:
        for name in (name for mark in item.iter_markers("needs") for name in mark.args):
            left = missing_programs(table[name])
            reason = told.get(name) or (f"no {', '.join(left)} on PATH" if left else "")
            if reason:
                item.add_marker(pytest.mark.skip(reason=f"absent: tier {table[name]['tier']}: {name}: {reason}"))


def pytest_collection_finish() -> None:
    """What was imported and collected is never garbage: looked through again and again it cost a sixth of a run."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What a test measured and told by record_property("figure", …) is shown, whichever worker measured it."""
    for report in (one for kind in ("passed", "failed") for one in terminalreporter.stats.get(kind, ())):
        for figure in (value for name, value in report.user_properties if name == "figure"):
            terminalreporter.write_line(str(figure))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.skipped and os.environ.get("DARI_TELL_SKIPS") and not os.environ.get("PYTEST_XDIST_WORKER"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        with SKIPS.open("a", encoding="utf-8") as told:
            told.write(json.dumps({"test": report.nodeid, "reason": reason.removeprefix("Skipped: ")}) + "\n")
