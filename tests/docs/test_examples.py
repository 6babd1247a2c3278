"""The examples do what they say: rules of risk as numbers, a backtest that knows nothing early, each script alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from dari.testing import Simulated, running

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def rules() -> Iterator[Any]:
    sys.path.insert(0, str(EXAMPLES))
    yield import_module("risk"), import_module("backtest")
    sys.path.remove(str(EXAMPLES))


@pytest.mark.parametrize(
    ("price", "why"), [(67_900, "stop-loss"), (67_901, None), (74_199, None), (74_200, "take-profit"), (70_000, None)]
)
def test_a_position_is_left_at_the_bounds(rules: Any, price: int, why: str | None) -> None:
    risk, _ = rules
    assert risk.exit_reason(70_000, price, risk.Limits()) == why


def test_limits_hold(rules: Any) -> None:
    risk, _ = rules
    limits = risk.Limits()
    assert risk.quantity(10_000_000, 10_000_000, 69_000, limits) == 14
    assert risk.quantity(100_000, 10_000_000, 69_000, limits) == 1
    assert risk.quantity(0, 10_000_000, 69_000, limits) == 0
    assert risk.may_open(4, 99, 100, limits)
    assert not risk.may_open(5, 100, 100, limits)
    assert not risk.may_open(0, 98, 100, limits)


def test_a_backtest_knows_nothing_early(rules: Any) -> None:
    _, backtest = rules
    rising = [backtest.Bar(f"{day:08}", 1000 + day, 1000 + day) for day in range(60)]
    told = backtest.backtest(rising, 1_000_000)
    assert (told.trades, told.worst) == (1, pytest.approx(0, abs=0.001))
    # tomorrow's jump must not be bought today: the last close changes, and no earlier decision
    jump = [*rising[:-1], backtest.Bar("x", 10, 10)]
    assert backtest.backtest(jump, 1_000_000).trades == told.trades
    falling = [backtest.Bar(f"{day:08}", 2000 - day * 10, 2000 - day * 10) for day in range(60)]
    assert backtest.backtest(falling, 1_000_000).trades == 0


@pytest.fixture(scope="module")
def upstreams() -> Iterator[tuple[Simulated, Simulated]]:
    with running("kis", now=None, speed=1.0) as kis, running("kiwoom") as kiwoom:
        yield kis, kiwoom


@pytest.mark.parametrize(
    ("script", "shows"),
    [
        ("kis_candles.py", "005930"),
        ("kiwoom_account.py", "not_found"),
        ("asking_servers.py --simulated naramarket", "search_notices"),
        ("paper_trading.py 005930", "stop-loss: "),
    ],
)
def test_each_script_runs(upstreams: tuple[Simulated, Simulated], tmp_path: Path, script: str, shows: str) -> None:
    kis, kiwoom = upstreams
    kis.expire_tokens()
    name, *words = script.split()
    told = {
        **os.environ, **kis.settings, **kiwoom.settings, "PYTHONPATH": str(EXAMPLES.parent / "src"),
        "DARI_HOME": str(tmp_path), "KOREA_INVESTMENT_PAPER_ACCOUNT": "60005678-01",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *words],
        env=told,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert shows in done.stdout
