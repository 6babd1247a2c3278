"""An audit line cannot be altered, removed or moved without a trace; durations fall into their buckets."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from dari.core.clock import KST
from dari.core.endpoint import Effect
from dari.core.events import Event
from dari.serving.audit import FLUSH_SECONDS, Audit, redacted, sealed
from dari.serving.audit_reading import newest, verified
from dari.serving.metrics import BOUNDS, Metrics

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)


def written(folder: Path, lines: int, effect: Effect = Effect.READ, process: str = "test") -> Path:
    audit = Audit(folder, process=process)
    for number in range(lines):
        audit.write(at=NOON, caller="me", tool=f"tool_{number}", effect=effect, arguments={"n": number}, outcome="ok")
    audit.close()
    audit.close()
    return folder / f"audit-{process}.jsonl"


def test_an_untouched_file_has_no_fault_also_after_a_restart(tmp_path: Path) -> None:
    assert list(verified(tmp_path)) == []
    written(tmp_path, 3)
    path = written(tmp_path, 2, Effect.COMMIT)
    written(tmp_path, 1, process="other")
    assert list(verified(tmp_path)) == []
    assert len(path.read_text().splitlines()) == 5
    assert {one.stat().st_mode & 0o777 for one in tmp_path.iterdir() if one.suffix != ".lock"} == {0o600}


async def test_reads_are_written_together_and_others_at_once(tmp_path: Path) -> None:
    audit = Audit(tmp_path, process="test")
    path = tmp_path / "audit-test.jsonl"
    audit.write(at=NOON, caller="me", tool="t", effect=Effect.READ, arguments={}, outcome="ok")
    assert path.read_text() == ""
    audit.write(at=NOON, caller="me", tool="t", effect=Effect.CHANGE, arguments={}, outcome="ok")
    assert len(path.read_text().splitlines()) == 2
    audit.write(at=NOON, caller="me", tool="t", effect=Effect.READ, arguments={}, outcome="ok")
    await asyncio.sleep(FLUSH_SECONDS + 0.1)
    assert len(path.read_text().splitlines()) == 3
    audit.close()
    assert list(verified(tmp_path)) == []


def test_a_line_being_written_is_no_fault(tmp_path: Path) -> None:
    audit = Audit(tmp_path, process="test")
    for number in range(3):
        audit.write(at=NOON, caller="me", tool="t", effect=Effect.READ, arguments={"n": number}, outcome="ok")
        assert list(verified(tmp_path)) == []
    head = (tmp_path / "audit-test.head").read_bytes()
    audit.write(at=NOON, caller="me", tool="t", effect=Effect.READ, arguments={}, outcome="ok", tenant="a")
    (tmp_path / "audit-test.head").write_bytes(head)  # as a reader sees it between the line and the head
    assert list(verified(tmp_path)) == []
    audit.close()
    assert [line["tool"] for line in newest(tmp_path, 2)] == ["t", "t"]
    assert len(newest(tmp_path, 9, tenant="a")) == 1


TOUCHES: Final[dict[str, Callable[[list[str], int], list[str]]]] = {
    "altered": lambda lines, at: [*lines[:at], lines[at].replace("tool_", "TOOL_"), *lines[at + 1 :]],
    "removed": lambda lines, at: [*lines[:at], *lines[at + 1 :]],
    "moved": lambda lines, at: [*lines[:at], *reversed(lines[at:][:2]), *lines[at + 2 :]] if at < 3
    else [lines[3], *lines[:3]],
    "doubled": lambda lines, at: [*lines[:at], lines[at], *lines[at:]],
    "added": lambda lines, at: [*lines[:at], "not a line", *lines[at:]],
    "cut off": lambda lines, at: lines[:at],
}  # fmt: skip


@pytest.mark.parametrize("touch", TOUCHES)
@pytest.mark.parametrize("at", range(4))
def test_a_touch_of_any_line_shows(tmp_path: Path, touch: str, at: int) -> None:
    path = written(tmp_path, 4)
    path.write_text("".join(f"{line}\n" for line in TOUCHES[touch](path.read_text().splitlines(), at)))
    assert list(verified(tmp_path)) != []
    written(tmp_path, 1)  # whoever goes on with the file does not hide it
    assert list(verified(tmp_path)) != []


def test_a_line_sealed_anew_without_the_key_shows(tmp_path: Path) -> None:
    path = written(tmp_path, 4)
    lines, last = [], "0" * 32
    for line in path.read_bytes().splitlines():
        told = json.loads(line) | {"tool": "innocent", "previous": last}
        told.pop("seal")
        spelled = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
        last = sealed(b"guessed", spelled)
        lines.append(f'{spelled[:-1]},"seal":"{last}"}}\n')
    path.write_text("".join(lines))
    assert {fault.what for fault in verified(tmp_path)} >= {"altered"}


@pytest.mark.parametrize("gone", ["audit-test.jsonl", "audit-test.head", "key", "register.chain"])
def test_a_file_that_is_gone_is_missed(tmp_path: Path, gone: str) -> None:
    written(tmp_path, 2)
    (tmp_path / gone).unlink()
    assert list(verified(tmp_path)) != []


def test_a_touched_head_and_a_torn_line_show(tmp_path: Path) -> None:
    path = written(tmp_path, 2)
    head = path.with_suffix(".head")
    head.write_text(head.read_text().replace("000000000002", "000000000001"))
    assert list(verified(tmp_path)) != []
    torn = written(tmp_path, 2, process="torn")
    torn.write_bytes(torn.read_bytes()[:-20])
    written(tmp_path, 1, process="torn")
    faults = [fault for fault in verified(tmp_path) if fault.file == torn.name]
    assert [fault.line for fault in faults] == [2, 3, 3]


def test_a_chain_of_the_first_version_is_still_read(tmp_path: Path) -> None:
    last, lines = "0" * 64, []
    for number in range(3):
        told = json.dumps({"v": 1, "tool": f"t{number}", "previous": last}, separators=(",", ":"))
        last = hashlib.sha256(told.encode()).hexdigest()
        lines.append(f"{told}\n")
    (tmp_path / "audit-1.jsonl").write_text("".join(lines))
    assert list(verified(tmp_path)) == []
    (tmp_path / "audit-1.jsonl").write_text("".join([lines[0], "x\n", lines[2]]))
    assert [fault.line for fault in verified(tmp_path)] == [2, 3]


def test_values_are_hidden_by_name_at_any_depth() -> None:
    told = {"account_no": "1", "API_KEY": "2", "code": "3", "sent": [{"CANO": "4", "qty": 5}]}
    bulk = {"products": [{"a": 1}] * 99, "note": "x" * 900, "who": "hong@example.com 010-1234-5678 900101-1234567"}
    assert redacted(bulk) == {"products": "[99 items]", "note": f"{'x' * 500}… (900)", "who": "… … …"}
    assert redacted({"many": dict.fromkeys(map(str, range(60)), 1)}) == {"many": "{60 names}"}
    assert redacted({"notice": "20261100123-00", "code": "005930"}) == {"notice": "20261100123-00", "code": "005930"}
    assert redacted(told) == {"account_no": "…", "API_KEY": "…", "code": "3", "sent": [{"CANO": "…", "qty": 5}]}


def test_durations_fall_into_their_buckets() -> None:
    metrics = Metrics()
    for seconds in (0.001, 0.3, 99.0):
        metrics.called("t", seconds, cached=False, error=None)
    counts = metrics.tools["t"].buckets
    assert (counts[0], counts[BOUNDS.index(0.5)], counts[-1], sum(counts)) == (1, 1, 1, 3)
    metrics.heard(Event("cache.hit"))
    assert metrics.events["cache.hit"] == 1


@pytest.mark.parametrize("effect", [Effect.READ, Effect.COMMIT])
async def test_lines_wait_while_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, effect: Effect
) -> None:
    audit, real, room = Audit(tmp_path, process="test"), os.write, 10
    audit.write(at=NOON, caller="me", tool="first", effect=effect, arguments={}, outcome="ok")
    audit.flush()

    def write(file: int, content: bytes) -> int:
        nonlocal room
        if not room:
            raise OSError(errno.ENOSPC, "full")
        done, room = real(file, content[:room]), 0  # a part of a line still fits
        return done

    with monkeypatch.context() as patch:
        patch.setattr("dari.serving.audit.os.write", write)
        audit.write(at=NOON, caller="me", tool="second", effect=effect, arguments={}, outcome="ok")
        audit.flush()
    audit.close()
    assert [json.loads(one)["tool"] for one in (tmp_path / "audit-test.jsonl").read_text().splitlines()] == [
        "first", "second",
    ]  # fmt: skip
    assert list(verified(tmp_path)) == []


def test_a_line_that_never_found_room_is_told_to_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    audit = Audit(tmp_path, process="test")
    audit.write(at=NOON, caller="me", tool="first", effect=Effect.READ, arguments={}, outcome="ok")

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr("dari.serving.audit.os.write", full)
    audit.write(at=NOON, caller="me", tool="second", effect=Effect.COMMIT, arguments={}, outcome="ok")
    audit.close()
    assert '"tool":"second"' in caplog.text
