"""Load tests: shapes, a generator that is k6 or speaks like it, its progress and stop, the books after it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from dari.services.monitoring import load_tests
from dari.services.monitoring.adapters import k6_runner
from dari.services.monitoring.adapters.operator_hands import runners_of
from dari.services.monitoring.api.loadtest_pages import analysed, values
from dari.services.monitoring.load_shapes import SHAPES, due, planned, steps
from dari.services.monitoring.load_tests import conduct
from dari.services.monitoring.operating import Going, Load, Operator
from scripts.provision import BUILT

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="k6's double is a script with a shebang")

DOUBLE = """#!{python}
import http.server, json, sys, threading, time
words = sys.argv[1:]
told = dict(pair.split("=", 1) for at, pair in enumerate(words) if words[at - 1] == "-e")
host, port = words[words.index("--address") + 1].split(":")
state = dict(begun=0, stopped=False)
class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sample = dict(iterations=dict(count=state["begun"]), http_reqs=dict(count=state["begun"]),
            http_req_failed=dict(rate=0.5), http_req_duration={{"p(95)": 12.5}})
        body = json.dumps(dict(data=[dict(id=n, attributes=dict(sample=s)) for n, s in sample.items()])).encode()
        self.send_response(200); self.end_headers(); self.wfile.write(body)
    def do_PATCH(self):
        said = json.loads(self.rfile.read(int(self.headers["content-length"])))
        state["stopped"] = said["data"]["attributes"]["stopped"]
        self.send_response(200); self.end_headers(); self.wfile.write(b"{{}}")
    def log_message(self, *words): pass
server = http.server.ThreadingHTTPServer((host, int(port)), Pages)
threading.Thread(target=server.serve_forever, daemon=True).start()
if told["TARGET"].endswith("/broken"):
    sys.exit("no such script")
until = time.time() + float(told["SECONDS"])
while time.time() < until and not state["stopped"]:
    time.sleep(0.05); state["begun"] += 1
figures = dict(iterations=dict(count=state["begun"]), http_reqs=dict(count=state["begun"], rate=20.0),
    http_req_failed=dict(rate=0.0, passes=0, fails=state["begun"]), http_req_duration={{"p(95)": 12.5, "avg": 5.0}})
metrics = {{name: dict(values=figure) for name, figure in figures.items()}}
json.dump(dict(generator="double", metrics=metrics), open(told["SUMMARY"], "w"))
sys.exit(103 if state["stopped"] else 0)
"""


@pytest.fixture
def double(tmp_path: Path) -> str:
    place = tmp_path / "k6"
    place.write_text(DOUBLE.format(python=sys.executable))
    place.chmod(0o700)
    return str(place)


def load(**changes: Any) -> Load:
    return Load(**{"target": "http://127.0.0.1:9", "rate": 10, "seconds": 2, **changes})


def test_a_spike_is_the_whole_rate_for_a_fifth_of_the_time() -> None:
    assert steps("spike", 100, 10) == [(20, 4), (100, 2), (20, 4)]
    assert steps("spike", 3, 1) == [(3, 1)]
    assert planned("spike", 100, 10) == 360 == len(list(due("spike", 100, 10)))
    times = list(due("spike", 100, 10))
    assert times == sorted(times)
    assert sum(4 <= at < 6 for at in times) == 200


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_has_its_script_and_its_payments(name: str) -> None:
    text = k6_runner.SCRIPTS.joinpath(f"{name}.js").read_text(encoding="utf-8")
    shape = SHAPES[name]
    assert f"pay({str(shape.capture).lower()}, {str(shape.refund).lower()})" in text
    assert ("CALM" in text) is shape.sudden
    assert planned("full-flow", 200, 60) == 12_000


async def test_k6_is_run_watched_and_read(double: str, tmp_path: Path) -> None:
    going, file = Going(20), tmp_path / "results" / "summary-1.json"
    run = asyncio.create_task(runners_of(double)["k6"](load(), file, going))
    await asyncio.sleep(1.6)
    assert (going.begun > 0, going.failed, going.p95_ms) == (True, round(going.answered * 0.5), 12.5)
    await run
    assert (going.begun, going.failed) == (json.loads(file.read_text())["metrics"]["iterations"]["values"]["count"], 0)
    assert analysed(json.loads(file.read_text()))["performanceGrade"] == "EXCELLENT"


async def test_k6_is_stopped_by_its_own_page_and_keeps_its_result(double: str, tmp_path: Path) -> None:
    going, file = Going(600), tmp_path / "summary-1.json"
    run = asyncio.create_task(k6_runner.run_k6(double, load(seconds=60), file, going))
    await asyncio.sleep(0.5)
    going.stop = True
    await asyncio.wait_for(run, 10)
    assert values(json.loads(file.read_text()), "iterations")["count"] < 200


async def test_without_a_summary_it_says_what_k6_said(double: str, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no such script"):
        await k6_runner.run_k6(double, load(target="http://127.0.0.1:9/broken"), tmp_path / "summary-1.json", Going(1))


class Paying:
    """A platform that pays everybody; each tenth capture meets a worker that was quicker (409)."""

    def __init__(self) -> None:
        self.paid = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        self.paid += "/authorize" in scope["path"]
        status = 409 if "/capture/" in scope["path"] and scope["path"].endswith("5") else 200
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/json")]})
        await send({"type": "http.response.body", "body": json.dumps({"paymentId": self.paid}).encode()})


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[tuple[Paying, str]]:
    paying = Paying()
    server = uvicorn.Server(uvicorn.Config(paying, host="127.0.0.1", port=0, log_level="critical", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells it by an attribute
        await asyncio.sleep(0.01)
    yield paying, f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = server.force_exit = True
    await task


async def clean() -> dict[str, Any]:
    report = {"status": "consistent", "findingCount": 0, "byInvariant": {}, "unknown": [], "checked": {"payments": 3}}
    return {**report, "unpublished": 0, "waitingInConsumers": 0}


def operator(runners: Any) -> Operator:
    return Operator(token="t", platform=None, runners=runners)  # type: ignore[arg-type]  # nothing is posted here


async def test_a_run_of_ours_is_stopped_and_its_books_are_read(platform: tuple[Paying, str], tmp_path: Path) -> None:
    reports = [{**await clean(), "waitingInConsumers": 4}, await clean()]

    async def reconcile() -> dict[str, Any]:
        return reports.pop(0)

    going, file = Going(600), tmp_path / "summary-1.json"
    wanted = load(target=platform[1], rate=50, seconds=12)
    hands = operator(runners_of(None))
    run = asyncio.create_task(conduct(hands, wanted, file, going, reconcile=reconcile))
    await asyncio.sleep(0.4)
    going.stop = True
    await run
    assert (going.status, going.runner, reports) == ("stopped", "builtin", [])
    said = json.loads(file.read_text())
    assert said["dari"]["ledger"] == going.ledger
    assert going.ledger is not None
    assert (going.ledger["status"], going.ledger["stillOnItsWay"]) == ("consistent", 0)
    assert 0 < values(said, "iterations")["count"] < 100


async def test_a_target_that_is_not_there_is_a_failure_each_time(tmp_path: Path) -> None:
    going, file = Going(4), tmp_path / "summary-1.json"
    await runners_of(None)["builtin"](load(rate=4, seconds=1), file, going)
    assert (going.begun, going.answered, going.failed) == (4, 4, 4)


async def test_a_backlog_that_stands_still_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load_tests, "LOOK", 0.0)
    looks = 0

    async def stuck() -> dict[str, Any]:
        nonlocal looks
        looks += 1
        return {**await clean(), "unpublished": 7}

    said = await load_tests.books(stuck)
    assert (said["stillOnItsWay"], looks) == (7, load_tests.STANDING + 1)


async def test_a_run_that_fails_says_why(tmp_path: Path) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("no such target")

    going = Going(1)
    hands = operator({"k6": broken})
    await conduct(hands, load(), tmp_path / "summary-1.json", going, reconcile=clean)
    assert (going.status, going.reason, going.ledger) == ("failed", "no such target", None)


@pytest.mark.needs("k6")
async def test_k6_itself_agrees_with_ours(
    platform: tuple[Paying, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}{os.pathsep}{BUILT}")
    path = k6_runner.program()
    assert path is not None
    found = {}
    for name, run in runners_of(path).items():
        going, file, platform[0].paid = Going(0), tmp_path / f"summary-{name}.json", 0
        await run(load(target=platform[1], rate=20, seconds=2, capture=True, scenario="spike"), file, going)
        found[name] = analysed(json.loads(file.read_text()))
        # k6 begins one more payment at the very end of each step.
        assert 0 <= going.begun - planned("spike", 20, 2) <= len(steps("spike", 20, 2))
    k6, ours = found["k6"], found["builtin"]
    assert ours["requests"] == 2 * planned("spike", 20, 2)
    assert k6["requests"] == pytest.approx(ours["requests"], rel=0.1)
    assert (k6["failureRate"], ours["failureRate"]) == (0, 0)
    assert ours["conflicts409"] == 2  # payments 5 and 15 of 24; k6 may have made a 25th
    assert k6["conflicts409"] in {2, 3}
    assert k6["percentiles"].keys() == ours["percentiles"].keys()
