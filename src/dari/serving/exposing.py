"""The counts as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from dari.serving.metrics import BOUNDS, Metrics
from dari.serving.resident import resident_bytes

KIND: Final = "text/plain; version=0.0.4; charset=utf-8"


def exposed(metrics: Metrics, *, firing: Mapping[str, bool], version: str) -> str:
    """Every figure in the text format, one family after the other."""
    return "\n".join([*_lines(metrics, firing, version), ""])


def _lines(metrics: Metrics, firing: Mapping[str, bool], version: str) -> Iterator[str]:
    yield from _family("dari_info", "gauge", "The version at work.")
    yield f'dari_info{{version="{version}"}} 1'
    yield from _family("dari_tool_calls_total", "counter", "Finished calls of a tool.")
    tools = sorted(metrics.tools.items())
    for name, one in tools:
        yield f'dari_tool_calls_total{{tool="{_safe(name)}"}} {one.calls}'
    yield from _family("dari_tool_cached_total", "counter", "Calls answered from kept replies alone.")
    for name, one in tools:
        yield f'dari_tool_cached_total{{tool="{_safe(name)}"}} {one.cached}'
    yield from _family("dari_tool_errors_total", "counter", "Calls that ended in an error, by its code.")
    for name, one in tools:
        for code, count in sorted(one.errors.items()):
            yield f'dari_tool_errors_total{{tool="{_safe(name)}",code="{_safe(code)}"}} {count}'
    yield from _family("dari_tool_seconds", "histogram", "How long calls took.")
    for name, one in tools:
        total = 0
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), one.buckets, strict=True):
            total += count
            yield f'dari_tool_seconds_bucket{{tool="{_safe(name)}",le="{bound}"}} {total}'
        yield f'dari_tool_seconds_sum{{tool="{_safe(name)}"}} {one.seconds:.6f}'
        yield f'dari_tool_seconds_count{{tool="{_safe(name)}"}} {one.calls}'
    yield from _family("dari_events_total", "counter", "What the policies told: retries, breakers, caches.")
    for name, count in sorted(metrics.events.items()):
        yield f'dari_events_total{{event="{_safe(name)}"}} {count}'
    yield from _family("dari_unusual_volumes_total", "counter", "Issues found far above their mean volume.")
    yield f"dari_unusual_volumes_total {metrics.findings}"
    yield from _family("dari_alert_firing", "gauge", "1 while the last calls of this process pass a threshold.")
    for name, on in sorted(firing.items()):
        yield f'dari_alert_firing{{alert="{_safe(name)}"}} {int(on)}'
    resident = resident_bytes()
    if resident is not None:
        yield from _family("dari_resident_memory_bytes", "gauge", "Memory of this process.")
        yield f"dari_resident_memory_bytes {resident}"


def _family(name: str, kind: str, about: str) -> tuple[str, str]:
    return f"# HELP {name} {about}", f"# TYPE {name} {kind}"


def _safe(label: str) -> str:
    return label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
