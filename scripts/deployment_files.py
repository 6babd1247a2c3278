"""Write the files of `deployments/` that follow from the code: .env.example from the settings, Grafana's dashboards.

`python -m scripts.deployment_files` writes them; `--check` tells which are not as the code says, and exits 1.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from dari.settings import SETTINGS, Setting
from scripts.payment_panels import PAYMENT_PANELS, Panel

ROOT: Final = Path(__file__).parents[1]
HEAD: Final = """\
# Every setting of Dari, with its default. Copy this file to .env beside compose.yaml, fill in what you use, keep it
# to yourself (chmod 600). A line that stays commented out keeps its default.

# --- what compose.yaml itself asks for ---
# Password of the stack's own Redis
DARI_REDIS_PASSWORD=
# Password of Grafana's admin
GRAFANA_PASSWORD=
# The address nginx is published on
# DARI_BIND=127.0.0.1
# Calls a second one address may make at nginx
# DARI_CALLS_PER_SECOND=100
# Address of the service mcp-volume-ranking
# DARI_RANKING_PUBLIC_URL=http://localhost:8081

# --- settings ---
"""
ERRORS: Final = (
    "sum(rate(dari_tool_errors_total[5m])) by (code) / ignoring(code) group_left sum(rate(dari_tool_calls_total[5m]))"
)
PANELS: Final[tuple[tuple[str, str, str, str], ...]] = (
    ("Calls a second 초당 호출", "reqps", "sum(rate(dari_tool_calls_total[5m])) by (tool)", "{{tool}}"),
    (
        "Mean response time 평균 응답 시간", "s",
        "sum(rate(dari_tool_seconds_sum[5m])) by (tool) / sum(rate(dari_tool_seconds_count[5m])) by (tool)", "{{tool}}",
    ),
    (
        "p95", "s", "histogram_quantile(0.95, sum(rate(dari_tool_seconds_bucket[5m])) by (le, tool))", "{{tool}}",
    ),
    (
        "Errors 에러율", "percentunit",
        ERRORS, "{{code}}",
    ),
    (
        "From a cache 캐시 히트율", "percentunit",
        "sum(rate(dari_tool_cached_total[5m])) / sum(rate(dari_tool_calls_total[5m]))", "all tools",
    ),
    ("Memory 메모리", "bytes", "dari_resident_memory_bytes", "{{instance}}"),
    ("Policies 정책 이벤트", "ops", "sum(rate(dari_events_total[5m])) by (event)", "{{event}}"),
    ("Unusual volumes 이상 거래량", "short", "sum(increase(dari_unusual_volumes_total[15m]))", "issues"),
    ("Alerts of the processes 경고", "short", "sum(dari_alert_firing) by (alert)", "{{alert}}"),
    ("Replicas 레플리카", "short", 'sum(up{job="dari"})', "up"),
)  # fmt: skip
"""Title, unit, PromQL, legend."""


def env_example() -> str:
    """Every setting as a commented line, under what it means; those a stack must have stand uncommented above."""
    return HEAD + "\n".join(_line(row) for row in SETTINGS) + "\n"


def _line(row: Setting) -> str:
    more = [f"one of {', '.join(one or 'empty' for one in row.choices)}"] if row.choices else []
    more += ["secret"] if row.secret else []
    notes = f" ({'; '.join(more)})" if more else ""
    return f"# {row.about}{notes}\n# {row.name}={row.default}"


def dashboard(uid: str = "dari", title: str = "Dari", panels: Sequence[Panel] = PANELS) -> str:
    """A dashboard as Grafana reads it: two panels a row."""
    told: dict[str, Any] = {
        "uid": uid,
        "title": title,
        "schemaVersion": 41,
        "version": 1,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "Asia/Seoul",
        "tags": ["dari"],
        "panels": [_panel(place, *panel) for place, panel in enumerate(panels)],
    }
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def _panel(place: int, title: str, unit: str, query: str, legend: str) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "prometheus"}
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "gridPos": {"h": 8, "w": 12, "x": 12 * (place % 2), "y": 8 * (place // 2)},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [{"refId": "A", "datasource": source, "expr": query, "legendFormat": legend}],
    }


def files(root: Path = ROOT) -> dict[Path, str]:
    """Every generated file and what it should hold."""
    return {
        root / "deployments" / ".env.example": env_example(),
        root / "deployments" / "grafana" / "dashboards" / "dari.json": dashboard(),
        root / "deployments" / "grafana" / "dashboards" / "dari-payments.json": dashboard(
            "dari-payments", "Dari payments 결제", PAYMENT_PANELS
        ),
    }


def stale(root: Path = ROOT) -> list[str]:
    """Files that are not as the code says."""
    return [
        path.relative_to(root).as_posix()
        for path, told in files(root).items()
        if not path.exists() or path.read_text("utf-8") != told
    ]


def main() -> None:
    """Write them, or check them."""
    if "--check" in sys.argv:
        if found := stale():
            raise SystemExit(f"not as the code says: {', '.join(found)}; python -m scripts.deployment_files")
        return
    for path, told in files().items():
        path.write_text(told, "utf-8")


if __name__ == "__main__":
    main()
