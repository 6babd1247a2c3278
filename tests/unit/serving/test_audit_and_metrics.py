"""An audit line cannot be altered, removed or moved without a trace; durations fall into their buckets."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from dari.core.clock import KST
from dari.core.endpoint import Effect
from dari.core.events import Event
from dari.serving.audit import Audit, redacted, verified
from dari.serving.metrics import BOUNDS, Metrics

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)


def written(folder: Path, lines: int, effect: Effect = Effect.READ) -> Path:
    audit = Audit(folder, process="test")
    for number in range(lines):
        audit.write(at=NOON, caller="me", tool=f"tool_{number}", effect=effect, arguments={"n": number}, outcome="ok")
    audit.close()
    audit.close()
    audit.flush()
    return folder / "audit-test.jsonl"


def test_an_untouched_file_has_no_fault_also_after_a_restart(tmp_path: Path) -> None:
    written(tmp_path, 3)
    path = written(tmp_path, 2, Effect.COMMIT)
    assert list(verified(path)) == []
    assert len(path.read_text().splitlines()) == 5
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "touch",
    [
        lambda lines: [lines[0].replace("tool_0", "tool_9"), *lines[1:]],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [lines[1], lines[0], *lines[2:]],
        lambda lines: [lines[0], "not a line", *lines[1:]],
        lambda lines: lines[1:],
    ],
    ids=["altered", "removed", "moved", "added", "beheaded"],
)
def test_a_touched_file_shows_it(tmp_path: Path, touch: object) -> None:
    path = written(tmp_path, 4)
    path.write_text("\n".join(touch(path.read_text().splitlines())) + "\n")  # type: ignore[operator]  # a lambda above
    assert list(verified(path)) != []


def test_values_are_hidden_by_name() -> None:
    assert redacted({"account_no": "1", "API_KEY": "2", "code": "3"}) == {
        "account_no": "…",
        "API_KEY": "…",
        "code": "3",
    }


def test_durations_fall_into_their_buckets() -> None:
    metrics = Metrics()
    for seconds in (0.001, 0.3, 99.0):
        metrics.called("t", seconds, cached=False, error=None)
    counts = metrics.tools["t"].buckets
    assert (counts[0], counts[BOUNDS.index(0.5)], counts[-1], sum(counts)) == (1, 1, 1, 3)
    metrics.heard(Event("cache.hit"))
    assert metrics.events["cache.hit"] == 1
