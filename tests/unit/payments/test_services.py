"""`dari service`, `dari faults run` and the demo's incident, as a person starts them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dari.app.doctoring import examined
from dari.app.payment_demo import BEFORE, QUESTIONS, payment_system
from dari.app.payment_services import port_of, service, trial
from dari.app.runtime import Runtime
from dari.app.servers import PAYMENT_SERVERS, server
from dari.cli import operating
from dari.core.errors import NotFound
from dari.services.monitoring.diagnosis.engine import RULES
from dari.serving.mcp_door import listening
from dari.settings import resolve
from tests.support import settings


async def test_the_trial_counts_and_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert await operating.run_faults(("kafka_unreachable", "C1"), seed=2, as_json=True) == 0
    said = json.loads(capsys.readouterr().out)
    assert {name: said[name] for name in ("passed", "total", "false_alarms", "profile")} == {
        "passed": 1,
        "total": 1,
        "false_alarms": 0,
        "profile": "sim",
    }
    assert [case["scenario"] for case in said["scenarios"]] == ["F01", "C1"]
    assert said["scenarios"][0]["found"] == ["KAFKA_UNREACHABLE"]


async def test_a_fault_that_is_missed_is_told_by_the_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dari.services.monitoring.monitor import Monitor  # noqa: PLC0415 -- only here

    async def nothing(_: Monitor) -> dict[str, object]:
        return {"root_cause": None, "causes": []}

    monkeypatch.setattr(Monitor, "diagnose", nothing)
    assert await operating.run_faults(("F10",), seed=2, as_json=False) == 1
    assert "0/1 faults named" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["F99", "F01+", "nothing"])
async def test_an_unknown_scenario_is_refused(name: str) -> None:
    with pytest.raises(NotFound):
        await trial([name], resolve(), seed=0)


def test_an_unknown_service_is_refused() -> None:
    assert (port_of("monitoring"), port_of("payments")) == (8082, 8090)
    with pytest.raises(NotFound):
        port_of("ledger")


def test_every_next_step_is_a_tool_there_is() -> None:
    there = {tool.name for name in PAYMENT_SERVERS for _, tool in server(name).tools()}
    assert {rule.next_step for rule in RULES} <= there


def test_the_demo_asks_each_server() -> None:
    assert set(QUESTIONS) == set(PAYMENT_SERVERS)


async def test_pay_break_kafka_and_ask_why(tmp_path: Path) -> None:
    async with payment_system(listening.serving, seed=1, home=str(tmp_path)) as payments:
        found = resolve(environment=settings(tmp_path, API_BASE_URL=payments.monitoring), home=tmp_path)
        async with Runtime(found) as runtime:
            await payments.pay_several()
            _, database = runtime.server("payment-database")
            one = await database.call("payment_timeline", {"payment_id": 1}, runtime.caller())
            assert one.structured["status"] == "CAPTURED"
            assert one.structured["simulated"] is True
            await payments.kafka("down")
            number = await payments.pay(BEFORE)
            await payments.seen()
            why = await database.call("payment_timeline", {"payment_id": number}, runtime.caller())
            assert [cause["id"] for cause in why.structured["causes"]] == ["KAFKA_UNREACHABLE"]
            assert "0/3" in why.text
            refused = await database.call("apply_plan", {}, runtime.caller())
            assert refused.error == "not_found"


async def test_monitoring_without_a_platform_says_unknown(tmp_path: Path) -> None:
    found = resolve(environment=settings(tmp_path, DARI_PAYMENTS_URL="http://127.0.0.1:9"), home=tmp_path)
    async with service("monitoring", found, seed=1, switches=False) as app, listening.serving(app) as address:
        asked = resolve(environment=settings(tmp_path, API_BASE_URL=address), home=tmp_path)
        async with Runtime(asked) as runtime:
            _, health = runtime.server("payment-system-health")
            outcome = await health.call("check_all_services", {}, runtime.caller())
    assert outcome.structured["overall"] == "unknown"
    assert {one["status"] for one in outcome.structured["services"].values()} == {"unknown"}


async def test_ordinary_life_raises_no_alarm() -> None:
    said = await trial(["C1"], resolve(), seed=4, healthy=2)
    assert (said["healthy"], said["false_alarms"]) == (2, 0)
    assert [case["scenario"] for case in said["scenarios"]] == ["C1", "healthy", "healthy"]


async def test_doctor_looks_at_the_monitoring_service_where_one_is_named(tmp_path: Path) -> None:
    silent = resolve(environment=settings(tmp_path), home=tmp_path)
    async with Runtime(silent) as runtime:
        assert not [check for check in await examined(runtime, None) if check.subject.startswith("payments")]
        asked = await examined(runtime, "payments")
    assert any(check.state == "wrong" and "dari service monitoring" in check.next_step.en for check in asked)
    found = resolve(environment=settings(tmp_path, DARI_PAYMENTS_URL="http://127.0.0.1:9"), home=tmp_path)
    async with (
        service("monitoring", found, seed=1, switches=False) as app,
        listening.serving(app) as address,
        Runtime(resolve(environment=settings(tmp_path, API_BASE_URL=address), home=tmp_path)) as runtime,
    ):
        checks = await examined(runtime, None)
    read = next(check for check in checks if check.subject == "payments real" and check.what == "one read")
    assert read.state == "ok"
