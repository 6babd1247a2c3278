from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import yaml

from dari.services.stack.stores import MARIADB, REDIS
from dari.services.stack.watchers import WATCHERS

PLACE = Path(__file__).parents[2] / "deployments" / "payments"


def test_the_compose_file_of_the_parts_is_valid_and_keeps_to_loopback() -> None:
    tool = Path(sysconfig.get_path("scripts")) / "check-jsonschema"
    command = [str(tool), "--builtin-schema", "vendor.compose-spec", "compose.yaml"]
    done = subprocess.run(command, cwd=PLACE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    services = yaml.safe_load((PLACE / "compose.yaml").read_text("utf-8"))["services"]
    # The same parts as the stack without containers; exporters are for a machine, not for its containers.
    parts = {part.name for part in (MARIADB, REDIS, *WATCHERS) if not part.name.endswith("exporter")}
    assert set(services) == parts | {"kafka"}
    for name, service in services.items():
        assert all(door.startswith("127.0.0.1:") for door in service["ports"]), name
        assert ":" in service["image"].rpartition("/")[2], f"{name} names no version"


def test_its_prometheus_reads_the_payment_alerts() -> None:
    told = yaml.safe_load((PLACE / "prometheus.yml").read_text("utf-8"))
    (rules,) = told["rule_files"]
    services = yaml.safe_load((PLACE / "compose.yaml").read_text("utf-8"))["services"]
    source = next(v.split(":")[0] for v in services["prometheus"]["volumes"] if v.split(":")[1] == rules)
    assert (PLACE / source).resolve().name == "alerts.yml"
    assert (PLACE / source).resolve().is_file()
