from __future__ import annotations

import shutil
import subprocess
from importlib import resources
from pathlib import Path

import pytest
import yaml

RULES = resources.files("dari.services.monitoring").joinpath("alerts.yml")
CASES = Path(__file__).with_name("alerts_test.yml")


def promtool(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    folder.joinpath("alerts.yml").write_text(RULES.read_text("utf-8"), "utf-8")
    shutil.copy(CASES, folder)
    return subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.needs("prometheus")
def test_every_alert_fires_on_its_trouble_and_not_on_a_good_day(tmp_path: Path) -> None:
    checked = promtool(tmp_path, "check", "rules", "alerts.yml")
    assert checked.returncode == 0, checked.stderr
    tested = promtool(tmp_path, "test", "rules", CASES.name)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alert_has_its_case() -> None:
    rules = yaml.safe_load(RULES.read_text("utf-8"))["groups"][0]["rules"]
    alerts = {rule["alert"] for rule in rules if "alert" in rule}
    good, bad = yaml.safe_load(CASES.read_text("utf-8"))["tests"]
    assert {case["alertname"] for case in good["alert_rule_test"]} == alerts
    assert bad["promql_expr_test"][0]["exp_samples"] == [{"value": len(alerts)}]
