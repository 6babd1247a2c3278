"""Prometheus, Alertmanager and the exporters as parts of the stack."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import Final

import yaml

from dari.services.stack.adapters.doors import page_is_good
from dari.services.stack.part import Part, Place, program

APT: Final = "apt-get install prometheus{} (Debian, Ubuntu)"


def _address(port: int) -> str:
    return f"127.0.0.1:{port}"


def scraping(place: Place) -> str:
    """prometheus.yml: what is looked at every second, the alert rules, and who is told."""
    ports = place.ports
    jobs = {
        "payments": [ports["platform"]],
        "monitoring": [ports["monitoring"]],
        "node": [ports["node-exporter"]],
        "mariadb": [ports["mariadb-exporter"]],
        "redis": [ports["redis-exporter"]],
    }
    path = {"payments": "/actuator/prometheus", "monitoring": "/actuator/prometheus"}
    said = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "900ms"},
        "rule_files": [str(place.folder / "alerts.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [_address(ports["alertmanager"])]}]}]},
        "scrape_configs": [
            {
                "job_name": job,
                "metrics_path": path.get(job, "/metrics"),
                "static_configs": [{"targets": [_address(port) for port in where]}],
            }
            for job, where in jobs.items()
        ],
    }
    return yaml.safe_dump(said, sort_keys=False)


def _prepare_prometheus(place: Place) -> None:
    rules = resources.files("dari.services.monitoring").joinpath("alerts.yml").read_text("utf-8")
    place.folder.joinpath("alerts.yml").write_text(rules, "utf-8")
    place.folder.joinpath("prometheus.yml").write_text(scraping(place), "utf-8")


def _prometheus(place: Place) -> Sequence[str]:
    return [
        program("prometheus") or "prometheus",
        f"--config.file={place.folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={place.folder / 'data'}",
        f"--web.listen-address={_address(place.port)}",
        "--storage.tsdb.retention.time=24h",
        "--web.enable-lifecycle",
        "--log.level=warn",
    ]


def _prepare_alertmanager(place: Place) -> None:
    # Nobody is called from a private stack: alerts are read from Alertmanager's own page.
    said = {
        "route": {"receiver": "page", "group_by": ["alertname"], "group_wait": "1s"},
        "receivers": [{"name": "page"}],
    }
    place.folder.joinpath("alertmanager.yml").write_text(yaml.safe_dump(said), "utf-8")


def _alertmanager(place: Place) -> Sequence[str]:
    return [
        program("prometheus-alertmanager") or program("alertmanager") or "prometheus-alertmanager",
        f"--config.file={place.folder / 'alertmanager.yml'}",
        f"--storage.path={place.folder / 'data'}",
        f"--web.listen-address={_address(place.port)}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]


def _exporter(name: str, debian: str, *more: str) -> Part:
    def command(place: Place) -> Sequence[str]:
        words = [word.format(**{key.replace("-", "_"): port for key, port in place.ports.items()}) for word in more]
        return [program(debian) or debian, f"--web.listen-address={_address(place.port)}", *words]

    def places(place: Place) -> dict[str, str]:
        if name != "mariadb-exporter":
            return {}
        return {"DATA_SOURCE_NAME": f"exporter:exporter@({_address(place.ports['mariadb'])})/"}

    return Part(
        name=name,
        programs=(debian,),
        how=APT.format(debian.removeprefix("prometheus")),
        command=command,
        places=places,
        well=lambda place: page_is_good(place.port, "/metrics"),
    )


WATCHERS: Final = (
    _exporter("node-exporter", "prometheus-node-exporter", "--log.level=warn"),
    _exporter("mariadb-exporter", "prometheus-mysqld-exporter", "--log.level=warn"),
    _exporter("redis-exporter", "prometheus-redis-exporter", "--redis.addr=redis://127.0.0.1:{redis}"),
    Part(
        name="alertmanager",
        programs=("prometheus-alertmanager",),
        how=APT.format("-alertmanager"),
        prepare=_prepare_alertmanager,
        command=_alertmanager,
        well=lambda place: page_is_good(place.port, "/-/ready"),
    ),
    Part(
        name="prometheus",
        programs=("prometheus",),
        how=APT.format(""),
        prepare=_prepare_prometheus,
        command=_prometheus,
        well=lambda place: page_is_good(place.port, "/-/ready"),
    ),
)
