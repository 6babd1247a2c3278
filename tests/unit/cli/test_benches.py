from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dari.app.payment_demo import PaymentSystem
from dari.cli import measuring
from dari.cli.bench import (
    console,
    crawl,
    diagnosis,
    endpoint_call,
    memory,
    parquet,
    payment_load,
    promises,
    ranking_cost,
    report,
)
from dari.cli.bench.shared import Measured, p95
from dari.core.errors import InvalidInput, Malformed, NotFound


def figure(**more: Any) -> Measured:
    facts = {"name": "x", "figure": 2.0, "unit": "s", "floor": 1.0, "ratio": 2.0, "limit": 3.0, "within": True}
    return Measured(**{**facts, **more})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "docs" / "reference").mkdir(parents=True)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report.committed, "__defaults__", (tmp_path,))
    monkeypatch.setattr(report.written, "__defaults__", (tmp_path,))
    monkeypatch.setattr(measuring, "BENCHES", {"one": "dari.cli.bench.single_flight"})
    return tmp_path


def finds(monkeypatch: pytest.MonkeyPatch, *ratios: float, **more: Any) -> list[float]:
    """The one bench finds these ratios, one after the other; the list of those that are left."""
    left = list(ratios)

    async def measure(*, long: bool) -> list[Measured]:
        del long
        return [figure(ratio=left.pop(0), **more)]

    monkeypatch.setattr("dari.cli.bench.single_flight.measure", measure)
    return left


async def test_what_is_written_is_what_later_runs_are_held_against(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    finds(monkeypatch, 2.0)
    assert await measuring.bench("all", as_json=True, long=False, write=True) == 0
    page = (root / report.PAGE).read_text("utf-8")
    assert "| x | 2 s | 1 | 2 | 3 | yes |" in page
    assert "none is recorded" in page
    assert report.committed(root)["x"]["ratio"] == 2.0


@pytest.mark.parametrize(
    ("ratios", "code"),
    [((2.19,), 0), ((2.3, 2.1), 0), ((2.3, 2.4, 2.5), 1)],
    ids=["within a tenth", "worse once", "worse three times"],
)
async def test_a_regression_is_measured_again_before_it_fails(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    ratios: tuple[float, ...], code: int,
) -> None:  # fmt: skip
    (root / report.PAGE).write_text(report.written([figure()], root), encoding="utf-8")
    rest = finds(monkeypatch, *ratios)
    assert await measuring.bench("one", as_json=True, long=False, compare=True) == code
    assert not rest
    assert bool(json.loads(capsys.readouterr().out)["worse"]) is bool(code)


def test_more_is_better_for_some() -> None:
    than = {"x": {"ratio": 1.0}}
    assert report.worse([figure(ratio=0.89, rising=True)], than)
    assert not report.worse([figure(ratio=0.89), figure(ratio=0.91, rising=True), figure(name="new", ratio=9)], than)


def test_proofs_are_read_from_the_record(tmp_path: Path) -> None:
    place = tmp_path / report.ACCEPTANCE
    place.parent.mkdir(parents=True)
    proof = {"name": "kill", "title": "Nothing is lost.", "holds": False, "why": "one row", "commit": "abc"}
    proof |= {"date": "2026-11-20", "figures": {"rows": 7, "why": "a|b"}}
    place.write_text(f"# Acceptance\n\n<!-- proof {json.dumps(proof)} -->\n", encoding="utf-8")
    page = report.written([], tmp_path, failed={"crawl": "Refused: a|b"})
    assert "| kill | Nothing is lost. | **no**: one row | rows 7; why a/b | 2026-11-20, abc |" in page
    assert "| crawl | not measured: Refused: a/b | | | | **no** |" in page
    assert "What was promised" not in page


async def test_without_a_page_nothing_is_compared(root: Path) -> None:
    del root
    with pytest.raises(NotFound, match="no figures"):
        await measuring.bench("one", as_json=True, long=False, compare=True)
    with pytest.raises(InvalidInput, match="--write is for"):
        await measuring.bench("one", as_json=True, long=False, write=True)


async def test_one_that_fails_costs_the_others_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(measuring, "BENCHES", {"lost": "dari.cli.bench.nowhere", "one": measuring.BENCHES["one"]})
    finds(monkeypatch, 2.0)
    assert await measuring.bench("all", as_json=True, long=False, write=True) == 1
    told = capsys.readouterr()
    assert [one["name"] for one in json.loads(told.out)["figures"]] == ["x"]
    assert "nowhere" in json.loads(told.out)["failed"]["lost"]
    assert "[1/2 lost" in told.err
    assert "[2/2 one" in told.err
    assert "| lost | not measured: " in (root / report.PAGE).read_text("utf-8")


PROMISES = """
[[promise]]
of = "house"
claim = "fast"
bench = ["x"]

[[promise]]
of = "house"
claim = "whole"
proof = ["kill", "none"]
test = ["tests/unit/cli/test_benches.py::test_promises"]

[[promise]]
of = "house"
claim = "everywhere"
short = "nothing was run on Windows"
"""


def test_promises_are_held_against_figures_and_records(tmp_path: Path) -> None:
    place = tmp_path / promises.PLACE
    place.parent.mkdir(parents=True)
    place.write_text(PROMISES, encoding="utf-8")
    told = promises.kept(tmp_path)
    fast, whole, everywhere = promises.judged(told, {"x": figure()}, {"kill": {"holds": False, "why": "one row"}})
    assert fast.met
    assert fast.by == "x: 2 s"
    assert whole.why == "kill: one row; the long form of none is not on record"
    assert whole.by == "proof kill, proof none, `test_promises`"
    assert everywhere.why == "nothing was run on Windows"
    (missed, *_) = promises.judged(told, {"x": figure(within=False)}, {})
    assert missed.why == "2 s, ratio 2, limit 3"
    (unmeasured, *_) = promises.judged(told, {}, {})
    assert unmeasured.why == "x was not measured"
    assert "1 of 3 figures are met" in report.written([figure()], tmp_path)
    assert "| house | everywhere | **missed**: nothing was run on Windows |" in report.written([], tmp_path)


@pytest.mark.parametrize(
    "row", ['claim = "x"\nof = "y"', 'claim = "x"\nof = "y"\nguess = "z"'], ids=["nobody judges it", "unknown word"]
)
def test_a_promise_is_judged_by_somebody(tmp_path: Path, row: str) -> None:
    place = tmp_path / promises.PLACE
    place.parent.mkdir(parents=True)
    place.write_text(f"[[promise]]\n{row}\n", encoding="utf-8")
    with pytest.raises(Malformed, match=promises.PLACE):
        promises.kept(tmp_path)


async def test_the_console_is_timed_beside_its_own_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "ROUNDS", 2)
    monkeypatch.setattr(console, "CALLS", 1_200)
    (told,) = await console.measure(long=False)
    assert told.within
    assert told.figure > 0
    assert told.floor > 0
    assert 10_000 < told.more["bytes"] < console.BYTES


async def test_payments_are_sent_as_fast_as_they_are_answered_and_at_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_load, "ROUNDS", 1)
    monkeypatch.setattr(payment_load, "SECONDS", 0.19)
    monkeypatch.setattr(payment_load, "RATE", 50)
    monkeypatch.setattr(payment_load, "LINES", 4)
    rate, late = await payment_load.measure(long=False)
    assert rate.figure > 0
    assert rate.more["approved"] > 0.9
    assert rate.more["cpu_ms_each"] > 0
    assert late.more["sent"] == 10
    assert late.figure > 0


def test_the_tail_of_a_hundred() -> None:
    assert p95([1.0] * 94 + [9.0] * 6) == 9.0


async def test_a_ranking_costs_what_its_sources_ask_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_cost, "LEAST", {"get_volume_ranking": (4, 1)})
    monkeypatch.setattr(ranking_cost, "COUNT", 3)
    (told,) = await ranking_cost.measure(long=False)
    assert (told.figure, told.floor, told.within) == (7.0, 7.0, True)


async def test_a_crawl_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crawl, "START", "2026-09-29")
    (told,) = await crawl.measure(long=False)
    assert told.within
    assert told.more["success"] is True
    assert told.more["rows"] > 0


def test_the_store_is_timed_beside_bare_parquet() -> None:
    told = parquet.store(parquet.FORMS["lists"][0], 1)
    assert (told["rows"], told["fields"]) == (999, 33)
    assert told["ours"] > 0
    assert told["bare"] > told["ours"], "a book and its keys cost something"


async def test_short_forms_of_what_needs_other_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_call, "PAIRS", 3)
    (call,) = await endpoint_call.measure(long=False)
    assert call.floor > 0
    assert call.more["pairs"] == 3


async def test_memory_counts_calls_and_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "WARM", 2)
    monkeypatch.setattr(memory, "CALLS", 4)
    monkeypatch.setattr(
        memory, "QUESTIONS",
        (("kis-code", "find_api", {"question": "일봉"}), ("kis-code", "find_api", {"question": 1})),
    )  # fmt: skip
    told = await memory.called({"DARI_HOME": str(tmp_path)})
    assert told["refused"] == 3
    assert told["after"] > 0


async def test_a_diagnosis_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nobody(_: PaymentSystem) -> None:
        return

    monkeypatch.setattr(diagnosis, "ROUNDS", 2)
    monkeypatch.setattr(PaymentSystem, "pay_several", nobody)
    (told,) = await diagnosis.measure(long=False)
    assert told.figure > 0
    assert told.floor > 0
