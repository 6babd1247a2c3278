from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from dari.cli.main import app
from dari.services.monitoring.adapters.prometheus_api import PrometheusApi
from dari.services.monitoring.metrics.catalogue import CATALOGUE, promql_of
from dari.services.monitoring.ports import ProbeFailed
from dari.services.payments.metrics import Metrics
from dari.services.stack import part, processes
from dari.services.stack.adapters import doors
from dari.services.stack.brokers import CONTROLLER, fetch, jars, properties
from dari.services.stack.part import Part, Place
from dari.services.stack.processes import Started
from dari.services.stack.stack import Stack, StackError
from dari.services.stack.watchers import scraping
from scripts.payment_panels import PAYMENT_PANELS
from scripts.provision import JARS, ROOT

PARTS = ("mariadb", "redis", "kafka")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def stack(room: Path) -> Iterator[Stack]:
    made = Stack(room / "real", JARS)
    yield made
    made.down(hard=True)


def states(stack: Stack) -> dict[str, str]:
    return {one.part: one.state for one in stack.status()}


@pytest.mark.serial
@pytest.mark.needs("mariadb", "redis", "kafka", "prometheus")
def test_everything_is_well_within_fifteen_seconds(stack: Stack) -> None:
    assert stack.addresses() == {}
    told: list[str] = []
    began = time.monotonic()
    assert {one.state for one in stack.up(told=told.append)} == {"well"}
    assert time.monotonic() - began < 15
    assert set(told) == set(stack.parts)
    said = (stack.folder / "stack.env").read_text("utf-8")
    assert {line.split("=")[0] for line in said.splitlines()} == set(stack.addresses())
    assert "look:look@" in stack.reading_url
    # Another process (the next command) finds the same stack, and starts nothing twice.
    again = Stack(stack.folder, JARS)
    assert states(again) == dict.fromkeys(stack.parts, "well")
    before = {one.part: one.pid for one in again.status()}
    assert {one.part: one.pid for one in again.up()} == before


@pytest.mark.needs("mariadb", "redis", "kafka", "prometheus")
@pytest.mark.parametrize("name", PARTS)
def test_a_paused_part_is_told_and_goes_on(stack: Stack, name: str) -> None:
    stack.up([name])
    assert stack.pause([name]) == [name]
    assert states(stack)[name] == "paused"
    assert not stack.parts[name].well(stack.place(name)), "a paused server answers nobody"
    assert stack.resume([name]) == [name]
    until = time.monotonic() + 10
    while states(stack)[name] != "well":
        assert time.monotonic() < until


@pytest.mark.needs("mariadb", "redis", "kafka", "prometheus")
def test_a_killed_part_is_stopped_and_comes_up_on_its_old_port(stack: Stack) -> None:
    stack.up(PARTS)
    port = stack.ports["redis"]
    assert stack.down(["redis"], hard=True) == ["redis"]
    assert states(stack)["redis"] == "stopped"
    with pytest.raises(StackError, match="does not run"):
        stack.pause(["redis"])
    stack.up(["redis"])
    assert (states(stack)["redis"], stack.ports["redis"]) == ("well", port)
    with pytest.raises(StackError, match="brokers; take it down first"):
        Stack(stack.folder, JARS, brokers=3)


def test_what_is_missing_is_told_with_the_way_to_get_it(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "program", lambda _: None)
    made = Stack(room / "nothing", room / "no-jars")
    said = made.up()
    assert {one.state for one in said} == {"absent"}
    assert all(one.how and "needs" in one.how for one in said)
    assert "mvn" in str(next(one.how for one in said if one.part == "kafka"))
    assert "DARI_PAYMENTS_PROMETHEUS_URL" not in made.addresses()
    with pytest.raises(StackError, match="apt-get install redis-server"):
        made.up(["redis"])
    with pytest.raises(StackError, match="no such part"):
        made.up(["moon"])


def test_a_part_that_dies_at_its_start_is_told_with_its_last_words(room: Path) -> None:
    made = Stack(room / "dying", JARS)
    dying = Part(
        name="redis",
        programs=(),
        how="",
        command=lambda _: ["sh", "-c", "echo bad option; exit 1"],
        well=lambda _: False,
    )
    made.parts = {"redis": dying}
    with pytest.raises(StackError, match="bad option"):
        made.up(["redis"])
    made.parts = {"redis": Part(name="redis", programs=(), how="", command=lambda _: ["no-such"], well=lambda _: False)}
    with pytest.raises(StackError, match="no-such"):
        made.up(["redis"])


def test_only_the_very_process_is_hit(tmp_path: Path) -> None:
    sleeper = processes.start(["sleep", "30"], tmp_path / "log")
    assert processes.alive(sleeper)
    stranger = Started(sleeper.pid, "another birth")
    assert not processes.send(stranger, signal.SIGTERM)
    assert processes.alive(sleeper)
    assert processes.STOP is not None
    assert processes.send(sleeper, processes.STOP)
    until = time.monotonic() + 5
    while not processes.paused(sleeper):
        assert time.monotonic() < until
    processes.end(sleeper)  # also one that is paused
    assert not processes.alive(sleeper)
    assert not processes.paused(Started(2**22 + 1, ""))


def test_a_file_of_another_time_is_not_believed(room: Path) -> None:
    folder = room / "other"
    folder.mkdir()
    (folder / "stack.json").write_text(json.dumps({"v": 99, "brokers": 3}), "utf-8")
    assert Stack(folder, JARS).brokers == 1


def test_three_brokers_have_a_controller_of_their_own(tmp_path: Path) -> None:
    ports = {name: 1000 + at for at, name in enumerate(("kafka-1", "kafka-1-client", "kafka-1-line", "kafka-quorum"))}
    place = Place(tmp_path, 1000, ports)
    said = dict(line.split("=", 1) for line in properties("kafka-1", place, 3).splitlines())
    assert said["process.roles"] == "broker"
    assert said["min.insync.replicas"] == "2"
    assert said["advertised.listeners"] == "PLAINTEXT://127.0.0.1:1000,CLIENT://127.0.0.1:1002"
    assert "process.roles=controller\n" in properties(CONTROLLER, place, 3)
    ports |= {"kafka": 1, "kafka-client": 2}
    assert "process.roles=broker,controller\n" in properties("kafka", place, 1)


def test_prometheus_is_told_where_everybody_is(tmp_path: Path) -> None:
    names = ("platform", "monitoring", "node-exporter", "mariadb-exporter", "redis-exporter", "alertmanager")
    said = yaml.safe_load(scraping(Place(tmp_path, 1, {name: at for at, name in enumerate(names)})))
    jobs = {job["job_name"]: job for job in said["scrape_configs"]}
    assert jobs["payments"]["metrics_path"] == "/actuator/prometheus"
    assert set(jobs) == {"payments", "monitoring", "node", "mariadb", "redis"}


def test_nobody_answers_on_a_free_port() -> None:
    port = doors.free_port()
    assert not doors.listens(port)
    assert not doors.says(port, b"PING\r\n", b"+PONG")
    assert not doors.page_is_good(port, "/")
    assert not doors.greets_as_database(port)
    assert not doors.kafka_answers(port)


@pytest.mark.needs("kafka")
def test_jars_are_fetched_once() -> None:
    fetch(JARS)
    assert any(jars(JARS).glob("kafka-clients-*.jar"))


def test_the_command_tells_parts_and_mistakes(room: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def dari(*words: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            app(["stack", *words, "--folder", str(room / "cli")])
        return int(left.value.code or 0), capsys.readouterr().out

    code, said = dari("status", "--json")
    assert (code, {row["part"] for row in json.loads(said)["parts"]} >= {"mariadb", "kafka"}) == (0, True)
    assert "redis" in dari("status")[1]
    code, said = dari("pause", "redis", "--json")
    assert (code, json.loads(said)["code"]) == (1, "setup_error")
    if part.program("redis-server"):
        assert dari("up", "redis")[0] == 0
        assert dari("pause", "redis")[0] == 0
        assert "well" in dari("resume", "redis", "--json")[1]
        assert dari("down")[0] == 0


@pytest.mark.needs("prometheus")
async def test_every_panel_of_the_dashboard_is_a_question_prometheus_answers(stack: Stack) -> None:
    panels = json.loads((ROOT / "deployments/grafana/dashboards/dari-payments.json").read_text("utf-8"))["panels"]
    asked = [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(asked) == len(PAYMENT_PANELS)
    told = Metrics({}, lambda: (0, 0, 0)).text()
    ours = set(re.findall(r"# TYPE (\w+)", told)) | {"payments:authorize_errors:ratio1m"}
    exporters = r"(node|mysql|redis)_\w+|up"
    used = {
        name for one in asked for name in re.findall(r"[a-z_0-9:]+(?=[\[{ )]|$)", one) if "_" in name or ":" in name
    }
    used = {re.sub(r"_(bucket|count|sum)$", "", name) for name in used} - {"label_replace", "histogram_quantile"}
    assert {name for name in used if not re.fullmatch(exporters, name)} <= ours
    stack.up(["prometheus"])
    store = PrometheusApi(stack.addresses()["DARI_PAYMENTS_PROMETHEUS_URL"])
    now = datetime.now(UTC)
    try:
        for one in asked:
            await store.query_range(one, now - timedelta(minutes=5), now, 15)
    finally:
        await store.close()


@pytest.mark.needs("mariadb", "redis", "kafka", "prometheus")
async def test_every_named_metric_is_promql_that_prometheus_runs(stack: Stack) -> None:
    stack.up()
    store = PrometheusApi(stack.addresses()["DARI_PAYMENTS_PROMETHEUS_URL"])
    now = datetime.now(UTC)
    try:
        for metric in CATALOGUE:
            await store.query_range(promql_of(metric), now - timedelta(minutes=5), now, 15)
        with pytest.raises(ProbeFailed, match="bad_data"):
            await store.query_range("rate((", now - timedelta(minutes=5), now, 15)
    finally:
        await store.close()


@pytest.mark.needs("redis")
def test_what_started_is_known_where_another_part_did_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Stack(tmp_path / "half", JARS)

    def refused(_: Place) -> None:
        raise OSError("no room")

    broken = replace(made.parts["mariadb"], prepare=refused, programs=())
    monkeypatch.setattr(made, "parts", {**made.parts, "mariadb": broken})
    with pytest.raises(StackError, match="no room"):
        made.up(["mariadb", "redis"])
    assert made.down(hard=True) == ["redis"]
