"""What is shipped to run Dari on servers: every file read by the program, or by the schema, it is made for."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import validate  # type: ignore[attr-defined]  # it exports by a star

from dari.app.servers import SERVERS
from dari.core.endpoint import Effect
from dari.settings import SETTINGS
from scripts import deployment_files

ROOT = Path(__file__).parents[2]
PLACE = ROOT / "deployments"
KUBERNETES = "1.33"


def ran(*command: str, cwd: Path = PLACE) -> str:
    """Run a linter that must be content; what it says."""
    found = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


def program(name: str) -> str:
    """A linter that a wheel has brought beside this Python."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    assert found, name
    return found


def test_generated_files_are_as_the_code_says(tmp_path: Path) -> None:
    assert deployment_files.stale() == []
    assert deployment_files.stale(tmp_path) == [
        "deployments/.env.example",
        "deployments/grafana/dashboards/dari.json",
        "deployments/grafana/dashboards/dari-payments.json",
    ]
    told = (PLACE / ".env.example").read_text()
    assert all(f"# {row.name}=" in told for row in SETTINGS)
    assert not any(row.default for row in SETTINGS if row.secret)


def test_the_image_passes_its_linter_and_runs_as_nobody() -> None:
    ran(program("hadolint"), "Containerfile")
    told = (PLACE / "Containerfile").read_text()
    stages = re.findall(r"^FROM \S+ AS (\w+)$", told, re.MULTILINE)
    assert stages == ["base", "build", "development", "production"]
    production = told.partition("AS production")[2]
    assert "USER 10001" in production
    assert "HEALTHCHECK" in production
    assert "COPY . ." not in production
    ignored = (ROOT / ".containerignore").read_text().split()
    assert {".env", "deployments/.env", ".git"} <= set(ignored)


def compose() -> dict[str, Any]:
    told: dict[str, Any] = yaml.safe_load((PLACE / "compose.yaml").read_text())
    return told


def test_the_stack_passes_its_schema_and_has_what_the_documents_name() -> None:
    ran(program("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", "compose.yaml")
    services = compose()["services"]
    assert {"redis", "nginx", "prometheus", "grafana", "mcp-volume-ranking"} <= set(services)
    assert "naramarket-mcp" in services["dari-1"]["networks"]["inside"]["aliases"]
    ranking = services["mcp-volume-ranking"]
    assert ranking["ports"] == ["127.0.0.1:8081:8080"]
    assert "/health" in str(ranking["healthcheck"]["test"])
    assert any("/var/log/dari" in one for one in ranking["volumes"])
    known = {row.name for row in SETTINGS} | {"DARI_PORT"}
    for name, service in services.items():
        if name.startswith(("dari", "worker", "mcp")):
            assert set(service["environment"]) <= known, name
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
        published = [str(port) for port in service.get("ports", ())]
        assert all(port.startswith(("127.0.0.1:", "${DARI_BIND:-127.0.0.1}:")) for port in published), name


def test_every_mounted_file_and_variable_of_the_stack_is_there() -> None:
    told = (PLACE / "compose.yaml").read_text()
    for mounted in re.findall(r"- (\./[^:]+):", told):
        assert (PLACE / mounted).exists(), mounted
    example = (PLACE / ".env.example").read_text()
    for name in set(re.findall(r"\$\{(\w+):", told)) - {"DARI_IMAGE", "DARI_TARGET"}:
        assert f"{name}=" in example, name


def test_the_script_passes_its_linter_and_says_how_it_is_used() -> None:
    ran(program("shellcheck"), "deploy.sh")
    said = subprocess.run(["sh", str(PLACE / "deploy.sh"), "nothing"], capture_output=True, text=True, check=False)
    assert said.returncode in {1, 2}
    told = (PLACE / "deploy.sh").read_text()
    for word in ("deploy)", "status)", "logs)", "restart)", "health)"):
        assert word in told
    replicas = re.search(r'REPLICAS="([^"]+)"', told)
    assert replicas
    assert all(one in compose()["services"] for one in replicas.group(1).split())


@pytest.mark.parametrize("file", sorted((PLACE / "kubernetes").glob("*.yaml")), ids=lambda path: path.name)
def test_kubernetes_takes_its_manifests(file: Path) -> None:
    documents = list(yaml.safe_load_all(file.read_text()))
    for one in documents:
        if one["kind"] == "Kustomization":
            assert set(one["resources"]) == {p.name for p in file.parent.glob("*.yaml")} - {file.name}
            continue
        validate(one, KUBERNETES, strict=True)
        pod = one.get("spec", {}).get("template", {}).get("spec")
        for container in pod["containers"] if pod else ():
            assert pod["securityContext"]["runAsNonRoot"]
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert not container["securityContext"]["allowPrivilegeEscalation"]


@pytest.mark.needs("prometheus")
def test_alert_rules_do_what_they_say() -> None:
    folder = PLACE / "prometheus"
    ran("promtool", "check", "config", "--syntax-only", "prometheus.yml", cwd=folder)
    assert "SUCCESS" in ran("promtool", "test", "rules", "alerts_test.yml", cwd=folder)
    rules = yaml.safe_load((folder / "alerts.yml").read_text())["groups"][0]["rules"]
    tested = (folder / "alerts_test.yml").read_text()
    assert all(rule["alert"] in tested for rule in rules)


@pytest.mark.needs("prometheus")
def test_prometheus_reads_every_question_of_the_dashboard(tmp_path: Path) -> None:
    told = json.loads((PLACE / "grafana" / "dashboards" / "dari.json").read_text())
    asked = [target["expr"] for panel in told["panels"] for target in panel["targets"]]
    rules = [{"record": f"panel:{place}", "expr": one} for place, one in enumerate(asked)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    ran("promtool", "check", "rules", "rules.yml", cwd=tmp_path)
    from dari.serving.exposing import exposed  # noqa: PLC0415 -- only here
    from dari.serving.metrics import Metrics  # noqa: PLC0415

    ours = set(re.findall(r"# TYPE (\w+)", exposed(Metrics(), firing={}, version="1")))
    used = {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count")
            for one in asked for name in re.findall(r"dari_\w+", one)}  # fmt: skip
    alerted = set(re.findall(r"dari_\w+", (PLACE / "prometheus" / "alerts.yml").read_text()))
    alerted = {name.removesuffix("_sum").removesuffix("_count") for name in alerted}
    assert used | alerted <= ours | {"dari_resident_memory_bytes"}


@pytest.mark.needs("nginx")
def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    told = (PLACE / "nginx" / "dari.conf.template").read_text()
    values = {"REPLICAS": "server 127.0.0.1:1;", "LISTEN": "127.0.0.1:18099", "CALLS_PER_SECOND": "100"}
    for name, value in values.items():
        told = told.replace(f"${{DARI_{name}}}", value)
    assert "${" not in told
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ access_log off;\n{told} }}")
    ran("nginx", "-t", "-p", str(tmp_path), "-e", str(tmp_path / "log"), "-c", str(tmp_path / "nginx.conf"))


def test_nginx_knows_every_tool_that_may_not_be_sent_again() -> None:
    commits = {tool.name for server in SERVERS.values() for _, tool in server.tools() if tool.effect is Effect.COMMIT}
    block = (PLACE / "nginx" / "dari.conf.template").read_text().partition("map $http_mcp_name")[2].partition("}")[0]
    told = dict(re.findall(r"^\s*(\S+) ([01]);", block, re.MULTILINE))
    assert {name for name, once in told.items() if once == "1"} == commits | {'""'}
    assert told["default"] == "0"


@pytest.mark.needs("systemd")
@pytest.mark.parametrize("unit", ["dari.service", "dari-worker.service"])
def test_systemd_takes_its_units(unit: str, tmp_path: Path) -> None:
    told = (PLACE / "systemd" / unit).read_text().replace("/usr/local/bin/dari", sys.executable)
    (tmp_path / unit).write_text(told)
    said = ran("systemd-analyze", "verify", str(tmp_path / unit), cwd=tmp_path)
    assert unit not in said, said
