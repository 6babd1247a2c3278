"""The benches with the processes they measure, whose roles are played in this one: what they find and refuse."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dari.cli.bench import (
    children,
    code_search,
    cold_start,
    console,
    memory,
    overhead,
    pacing,
    parquet,
    payment_load,
    shared,
    single_flight,
)
from dari.cli.bench.shared import Connection
from dari.core.clock import SystemClock
from dari.core.endpoint import Endpoint
from dari.core.errors import InvalidInput, Malformed, NotFound, Unreachable
from dari.core.exchange import Call
from dari.providers.kis.tools.code_assistant import QUESTION_LIMIT
from tests.unit.cli.in_process import Role, child, played_here


@pytest.fixture
async def hung_up(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """A bench that ends in an error leaves its lines to the end of its process."""
    opened: list[Connection] = []
    to = Connection.to

    async def noted(address: str) -> Connection:
        opened.append(await to(address))
        return opened[-1]

    monkeypatch.setattr(Connection, "to", noted)
    yield
    for line in opened:
        line.close()
    await asyncio.sleep(0)


async def test_the_whole_path_is_held_against_the_bare_server(monkeypatch: pytest.MonkeyPatch) -> None:
    played_here(monkeypatch, overhead)
    asked: dict[str, list[int]] = {}
    spent = overhead._cpu

    async def fewer(address: str, requests: int) -> float:
        asked.setdefault(address, []).append(requests)
        return await spent(address, 1)

    monkeypatch.setattr(overhead, "_cpu", fewer)
    over, flat = await overhead.measure(long=False, brief=True)
    assert (over.name, over.limit, flat.name, flat.limit) == ("overhead", 1.3, "flat", 1.05)
    assert over.figure > 0 < flat.figure
    assert over.within is (over.ratio <= 1.3)
    assert list(asked.values()) == [[100] * 5] * 4, "every server in every round, the first of which warms up"
    assert over.more["rounds"] == flat.more["rounds"] == 4


@pytest.mark.usefixtures("hung_up")
async def test_a_measured_server_that_answers_something_else_measures_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    played_here(monkeypatch)
    pages = json.dumps({"/mcp": "no ranking", "/cpu": "0.5"})
    with_file = Path(os.environ["DARI_HOME"]).with_suffix(".json")
    with_file.write_text(pages, encoding="utf-8")
    async with child("dari.cli.bench.children", "static", str(with_file)) as address:
        with pytest.raises(Malformed, match="answered 405"):
            await overhead._cpu(address, 1)


def test_rounds_are_compared_with_their_neighbours() -> None:
    """A machine that is slower in the second half is so for both: the ratio within each round counts."""
    told = overhead._compared("x", [2.0, 20.0, 22.0], [1.0, 10.0, 10.0], 1.9, "")
    assert (told.figure, told.floor, told.ratio, told.within) == (20.0, 10.0, 2.0, False)


async def test_what_calls_leave_behind_is_held_against_what_the_first_ones_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played_here(monkeypatch, memory)
    monkeypatch.setattr(memory, "WARM", 5)
    monkeypatch.setattr(memory, "CALLS", 2)
    (told,) = await memory.measure(long=False)
    assert told.more["refused"] == 1, "of the seven questions one names no market"
    assert told.floor > 0
    assert told.within is (told.figure <= 1.05 * told.floor) or told.ratio == pytest.approx(1.05, abs=0.01)


async def test_memory_is_not_measured_of_calls_that_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "QUESTIONS", (("volume-ranking", "get_volume_ranking", {"count": 1}),))
    with pytest.raises(Malformed, match="get_volume_ranking failed"):
        await memory.called({"DARI_HOME": str(tmp_path)})  # no key


async def test_payments_are_measured_on_the_whole_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    played_here(monkeypatch, payment_load)
    for name, few in (("ROUNDS", 1), ("SECONDS", 0.09), ("RATE", 50), ("LINES", 2)):
        monkeypatch.setattr(payment_load, name, few)
    rate, late = await payment_load.measure(long=False)
    assert rate.more["approved"] > 0.9
    assert rate.floor > 0
    assert late.more["sent"] == 5, "at their due times: fifty a second for a tenth of a second"


@pytest.mark.usefixtures("hung_up")
async def test_a_payment_that_is_neither_approved_nor_declined_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    played_here(monkeypatch)
    monkeypatch.setattr(payment_load, "LINES", 1)
    place = Path(os.environ["DARI_HOME"]).with_suffix(".json")
    place.write_text(json.dumps({"/cpu": "0.5"}), encoding="utf-8")
    async with child("dari.cli.bench.children", "static", str(place)) as address:
        with pytest.raises(Malformed, match="answered 404"):
            await payment_load.asked(payment_load.Told(), address, "x", rate=None)


async def test_the_console_is_held_against_its_own_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    played_here(monkeypatch, console)
    monkeypatch.setattr(console, "ROUNDS", 1)
    monkeypatch.setattr(console, "CALLS", 1_100)
    (told,) = await console.measure(long=False)
    assert told.more["rounds"] == 1
    assert told.more["slowest_ms"] >= told.figure > 0 < told.floor
    assert told.more["bytes"] > 10_000


async def test_an_overview_without_the_recorded_calls_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def painted(_: str) -> tuple[float, dict[str, bytes]]:
        return 0.1, {"/": b"3 calls"}

    played_here(monkeypatch, console)
    monkeypatch.setattr(console, "CALLS", 2)
    monkeypatch.setattr(console, "painted", painted)
    with pytest.raises(Malformed, match="does not show"):
        await console.measure(long=False)


async def test_the_store_is_measured_form_by_form(monkeypatch: pytest.MonkeyPatch) -> None:
    played_here(monkeypatch, parquet)
    name, (operation, _, _) = next(iter(parquet.FORMS.items()))

    def store(asked: str, pages: int) -> dict[str, Any]:
        assert (asked, pages) == (operation, 40)
        return {"fields": 3, "rows": 40, "ours": 100, "bare": 400, "megabytes": 50}

    monkeypatch.setattr(parquet, "store", store)
    for least, most, within in ((100, 50, True), (101, 50, False), (100, 49, False)):
        monkeypatch.setattr(parquet, "FORMS", {name: (operation, least, most)})
        (told,) = await parquet.measure(long=False)
        assert (told.figure, told.floor, told.ratio, told.within) == (100, 400, 0.25, within)
        assert told.more == {"fields": 3, "rows": 40, "peak_megabytes": 50}


async def test_equal_questions_at_once_reach_the_upstream_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_flight, "QUESTIONS", 4)
    (told,) = await single_flight.measure(long=False)
    assert (told.figure, told.within, told.more) == (1.0, True, {"questions": 4, "rounds": 2})


# -- cold start: programs that speak on stdin and stdout

SAYS = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("id") == 1:
        print(json.dumps({"id": 1, "result": {}}), flush=True)
    if asked.get("id") == 2:
        print(json.dumps({"id": 2, "result": {"isError": %r}}), flush=True)
        break
"""


@pytest.mark.parametrize(
    ("program", "said"),
    [(SAYS % False, None), (SAYS % True, "answered with an error"), ("", "ended without an answer")],
    ids=["answers", "refuses", "ends"],
)
async def test_the_first_answer_of_a_program_is_timed(program: str, said: str | None, tmp_path: Path) -> None:
    (tmp_path / "measured_program.py").write_text(program, encoding="utf-8")
    places = {"PYTHONPATH": str(tmp_path)}
    if said is None:
        assert 0 < await cold_start._first_result(["measured_program"], places) < 30
    else:
        with pytest.raises(Malformed, match=said):
            await cold_start._first_result(["measured_program"], places)


async def test_both_are_started_in_turns_and_the_first_turn_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []

    async def first_result(module: list[str], environment: dict[str, str]) -> float:
        bare = module[1] == "bare-stdio"
        if bare:
            tool, structured, text = json.loads(Path(module[2]).read_bytes())  # noqa: ASYNC240 -- a small file
            assert tool["name"] == children.TOOL
            assert len(structured["ranking"]) == 20
            assert text
        else:
            assert environment["DARI_KIS_URL"].startswith("http://127.0.0.1")
        started.append("bare" if bare else "ours")
        turn = (len(started) - 1) // 2
        return (9.0, 1.0, 1.0, 3.0)[turn] / (2 if bare else 1)

    monkeypatch.setattr(cold_start, "_first_result", first_result)
    (told,) = await cold_start.measure(long=False, brief=True)
    assert started == ["ours", "bare"] * 4
    assert (told.figure, told.floor, told.ratio, told.within) == (1.0, 0.5, 2.0, False)


# -- how well find_api finds


async def test_questions_are_asked_and_their_answers_counted(tmp_path: Path) -> None:
    rows = [
        {"q": "주식 현재가 시세", "answers": ["domestic_stock/inquire_price"]},
        {"q": "current price of a Korean stock", "lang": "en", "answers": ["domestic_stock.inquire_price"]},
        {"q": "오늘 서울 날씨", "answers": []},
    ]
    place = tmp_path / "some.jsonl"
    place.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    told = {
        one.name.removeprefix("code-search "): one for one in await code_search.measure(long=False, questions=place)
    }
    assert told["hit@5"].figure == told["English hit@5"].figure == 1.0
    assert told["right abstention"].figure == 1.0
    assert told["wrong abstention"].figure == 0.0
    assert told["p95"].unit == "ms"
    assert told["longest reply of five"].figure > 100
    assert {one.more["questions"] for one in told.values()} == {3}


def test_hits_are_counted_by_place() -> None:
    def asked(place: int | None, **more: Any) -> code_search._Asked:
        return code_search._Asked(**{"answerable": True, "english": False, "abstained": False, "seconds": 0.0,
                                     "place": place, **more})  # fmt: skip

    rows = [asked(1), asked(5), asked(6), asked(None, abstained=True), asked(None, answerable=False, abstained=True)]
    told = {one.name.removeprefix("code-search "): one for one in code_search._figures(rows, 30.0, 100.0, 5)}
    assert [told[name].figure for name in ("hit@1", "hit@5", "MRR@10")] == [
        0.25,
        0.5,
        round((1 + 1 / 5 + 1 / 6) / 4, 4),
    ]
    assert (told["right abstention"].figure, told["wrong abstention"].figure) == (1.0, 0.25)
    assert "English hit@5" not in told, "nobody asked in English"
    assert [told[name].within for name in ("hit@1", "right abstention", "wrong abstention", "p95")] == [
        False, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", '{"q": "a", "answers": []}', '{"q": "a"}\n{"q": "b"}', "no json\nat all", "[]\n[]"],
    ids=["empty", "one", "no answers", "no JSON", "no objects"],
)  # fmt: skip
def test_a_file_that_is_no_question_set_is_refused(text: str, tmp_path: Path) -> None:
    place = tmp_path / "some.jsonl"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"some\.jsonl is no question set"):
        code_search._read(place)
    with pytest.raises(NotFound, match="no question set"):
        code_search._read(tmp_path / "none.jsonl")


async def test_a_question_that_is_refused_is_no_figure(tmp_path: Path) -> None:
    place = tmp_path / "some.jsonl"
    rows = [{"q": "x" * (QUESTION_LIMIT + 1), "answers": []}, {"q": "y", "answers": []}]
    place.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.raises(InvalidInput, match="xxx"):
        await code_search.measure(long=False, questions=place)


# -- pacing: a strict window, workers of one key


async def test_the_window_refuses_what_is_more_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    played_here(monkeypatch)
    async with child("dari.cli.bench.children", "window", "3") as address:
        line = await Connection.to(address)
        replies = [json.loads((await line.request("GET", "/price", {}))[1])["msg_cd"] for _ in range(5)]
        told = json.loads((await line.request("GET", "/told", {}))[1])
        line.close()
    assert replies == ["MCA00000"] * 3 + ["EGW00201"] * 2
    assert told["refused"] == len(told["short_by_ms"]) == 2
    assert len(told["arrivals"]) == 3
    assert all(0 < late <= 1000 for late in told["short_by_ms"])


def test_the_window_opens_again_after_a_second() -> None:
    told: dict[str, Any] = {"refused": 0, "short_by_ms": [], "arrivals": []}
    window = children.Window(2, deque(maxlen=2), told)

    class Nobody:
        def write(self, _: bytes) -> None: ...

    window._transport = Nobody()
    for at in (0.0, 0.5, 0.999, 1.0, 1.4, 1.5):
        window._answer(b"GET /price HTTP/1.1", at)
    assert (told["arrivals"], told["short_by_ms"]) == ([0.0, 0.5, 1.0, 1.5], [1.0, 100.0])


async def test_a_worker_stays_within_the_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The whole policy chain against the strict window, as one of the measured processes runs it."""
    played_here(monkeypatch)
    monkeypatch.setenv("DARI_HOME", str(tmp_path))
    async with child("dari.cli.bench.children", "window", str(pacing.LIMIT)) as address:
        began = time.monotonic()
        worker = Role("worker", address, "0.4")
        worker.start()
        await worker.ended()
        took = time.monotonic() - began
        line = await Connection.to(address)
        told = json.loads((await line.request("GET", "/told", {}))[1])
        line.close()
    cost = json.loads(worker.line)
    assert told["refused"] == 0
    assert 8 <= len(told["arrivals"]) <= pacing.LIMIT * (int(took) + 1), "each of its eight tasks asks"
    assert set(cost) == {"cpu_ms", "wall_ms", "corrected"}
    assert cost["wall_ms"] > 0


class Greedy:
    """A worker that asks without waiting, and says what it cost the loop."""

    def __init__(self, address: str, count: int, cost: dict[str, float]) -> None:
        self._address, self._count, self._cost = address, count, cost

    async def communicate(self) -> tuple[bytes, None]:
        line = await Connection.to(self._address)
        for _ in range(self._count):
            await line.request("GET", "/price", {})
        line.close()
        return json.dumps(self._cost).encode(), None


async def test_a_run_counts_what_came_through_and_what_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    played_here(monkeypatch, pacing)
    started: list[tuple[str, ...]] = []

    async def start(*words: str, env: dict[str, str], **_: Any) -> Greedy:
        assert env["DARI_HOME"]
        started.append(words)
        number = len(started)
        return Greedy(words[4], 6, {"cpu_ms": number, "wall_ms": 10 * number, "corrected": 1})

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    told = await pacing._run(1.0, 0)
    assert started[0][:4] == (sys.executable, "-m", "dari.cli.bench.children", "worker")
    assert len(started) == pacing.PROCESSES
    assert (told["share"], told["refused"], told["corrected"]) == (1.0, 6, 4), "24 asked at once, 18 may come through"
    assert len(told["short_by_ms"]) == 5
    assert (told["loop_held_cpu_ms"], told["loop_held_wall_ms"]) == (4, 40)


@pytest.mark.parametrize(
    ("told", "within"),
    [({}, True), ({"share": 0.96}, False), ({"refused": 1}, False), ({"loop_held_cpu_ms": 21.0}, False),
     ({"loop_held_wall_ms": 21.0}, None)],
    ids=["held", "too slow", "refused", "held the loop", "held it while others computed"],
)  # fmt: skip
async def test_what_holds_of_pacing(
    told: dict[str, Any], within: bool | None, monkeypatch: pytest.MonkeyPatch  # noqa: FBT001 -- a column of the table
) -> None:  # fmt: skip
    """Wall time counts only where nobody else computes; beside hogs it is the scheduler's."""
    runs: list[tuple[float, int, int]] = []

    async def ran(seconds: float, hogs: int, machines: int = 1) -> dict[str, Any]:
        runs.append((seconds, hogs, machines))
        return {"share": 0.98, "refused": 0, "loop_held_cpu_ms": 1.0, "loop_held_wall_ms": 2.0, **told}

    monkeypatch.setattr(pacing, "_run", ran)
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/redis-server")
    found = {one.name: one for one in await pacing.measure(long=False)}
    assert runs == [(10.0, 0, 1), (10.0, pacing.HOGS, 1), (10.0, 0, 2)]
    held = {name: one.within for name, one in found.items()}
    if within is None:
        assert held == {"pacing-idle": False, "pacing-hogs": True, "pacing-machines": False}
    elif "loop_held_cpu_ms" in told:
        assert held == {"pacing-idle": True, "pacing-hogs": False, "pacing-machines": True}
    else:
        assert set(held.values()) == {within}
    assert found["pacing-hogs"].figure == round(told.get("share", 0.98) * pacing.LIMIT, 2)
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert [one.name for one in await pacing.measure(long=False, brief=True)] == ["pacing-hogs"]


@pytest.mark.needs("redis")
async def test_machines_share_a_redis_of_their_own(tmp_path: Path) -> None:
    """Private to the run: on a socket in its folder, and gone with it."""
    async with pacing.redis_server(str(tmp_path)) as url:
        assert url == f"unix://{tmp_path}/redis.sock"
        reader, writer = await asyncio.open_unix_connection(tmp_path / "redis.sock")
        writer.write(b"PING\r\n")
        assert await reader.readline() == b"+PONG\r\n"
        writer.close()
        await writer.wait_closed()
    assert not (tmp_path / "redis.sock").exists()


async def test_the_plain_dialect_has_one_lane_and_no_sign_in() -> None:
    plain = pacing.Plain(None, "", SystemClock())  # type: ignore[arg-type]  # nothing is sent
    asked = Call(Endpoint(id="bench.price", provider="bench", title="", cache_seconds=0), {})
    assert (plain.lane(asked), plain.limits(asked)[0][1].limit) == ("bench", pacing.LIMIT)
    assert plain.grant_name("default", "real") is None
    with pytest.raises(NotImplementedError):
        await plain.sign_in("default", "real")
    assert pacing.Rows().ids() == (pacing.Rows().endpoint("any").id,)


# -- what they share


async def test_a_child_that_dies_before_it_serves_is_told() -> None:
    with pytest.raises(Unreachable, match="ended before it served"):
        async with shared.child("dari.cli.bench.nowhere"):
            raise AssertionError


async def test_a_child_that_has_ended_is_not_stopped_again() -> None:
    async with shared.child("platform") as line:
        assert line
        await asyncio.sleep(0.2)
