"""Logs: no secret passes, one JSON object a line, and what they say in sum."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from datetime import datetime
from pathlib import Path

import pytest

from dari.core.clock import KST
from dari.core.events import Event
from dari.core.secret import Secret
from dari.core.tracing import heard_by, span
from dari.serving import logs
from dari.serving.log_reading import summarised

KEY = "PSabcdef0123456789"


def test_a_secret_does_not_print() -> None:
    secret = Secret(KEY)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", f"{secret:>9}", repr([secret])]
    assert not any(KEY in one or KEY[:8] in one for one in shown)
    for dump in (json.dumps, pickle.dumps, copy.copy):
        with pytest.raises(TypeError):
            dump(secret)
    assert secret.reveal() == KEY
    assert secret == Secret(KEY)
    assert secret != KEY
    assert not Secret("")
    assert len({secret, Secret(KEY)}) == 1


def test_no_secret_passes_the_log(tmp_path: Path) -> None:
    log = logging.getLogger("dari.test")
    handler = logs.to_file(tmp_path / "logs", [Secret(KEY), Secret("ab")])
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        log.info("signing in with %s and ab", KEY)
        log.warning("Authorization: Bearer abcdef.ghijkl-123 at redis://user:hunter2@host/0?serviceKey=a%2Bb%3D&x=1")
        log.info("two\nlines", extra={"told": {"n": 1}})
        try:
            int(KEY)
        except ValueError:
            log.exception("broken")
    finally:
        log.removeHandler(handler)
        handler.close()
    file = tmp_path / "logs" / "dari.log"
    text = file.read_text()
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert KEY not in text
    for leak in ("abcdef.ghijkl", "hunter2", "a%2Bb"):
        assert leak not in text
    rows = [json.loads(line) for line in text.splitlines()]
    assert [row["level"] for row in rows] == ["INFO", "WARNING", "INFO", "ERROR"]
    assert rows[0]["message"].endswith("and ab")
    assert rows[2]["message"] == "two\nlines"
    assert rows[2]["told"] == {"n": 1}
    assert "ValueError" in rows[3]["trace"]


PLAIN = """\
2026-11-20 10:00:00 INFO API call to volume-rank took 0.50s
2026-11-20 10:00:01 INFO API call to volume-rank took 1.50s
2026-11-20 10:00:01 INFO Cache hit for volume_rank_KOSPI
2026-11-20 10:00:01 INFO Unusual volume detected: 삼성전자
2026-11-20 10:00:02 ERROR it broke
"""


def test_a_log_in_sum_plain_or_ours(caplog: pytest.LogCaptureFixture) -> None:
    told = summarised(PLAIN.splitlines())
    assert told["error_count"] == 1
    assert told["api_call_stats"] == {
        "total_calls": 2, "average_duration": 1.0, "max_duration": 1.5, "min_duration": 0.5,
    }  # fmt: skip
    assert told["endpoints"]["volume-rank"]["total_calls"] == 2
    assert told["cache_hit_distribution"] == {"volume_rank_KOSPI": 1}
    assert told["cache_hit_rate"] == pytest.approx(100 / 3)
    assert (told["unusual_volume_count"], told["recent_unusual_volumes"]) == (1, ["삼성전자"])
    assert summarised([])["api_call_stats"] == {}
    with caplog.at_level(logging.INFO), heard_by(logs.attempts):
        with span("upstream", endpoint="kis.price"):
            pass
        with span("tool", tool="x"):
            pass
        logs.heard(Event("cache.hit", {"endpoint": "kis.price"}))
        logs.heard(Event("cache.miss", {"endpoint": "kis.price"}))
    at = datetime(2026, 11, 20, 10, 0, tzinfo=KST)
    ours = [json.dumps({"at": at.isoformat(), "level": "INFO", "message": one.getMessage()}) for one in caplog.records]
    told = summarised([*ours, '{"broken', '{"at": 3}'])
    assert (told["endpoints"]["kis.price"]["total_calls"], told["cache_hit_rate"]) == (1, 50.0)
    assert summarised(ours, since=at.replace(hour=11))["cache_hit_rate"] is None
