"""How a command runs and ends, what it serves to whom, and what a person at a terminal is asked and told."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.prompt import Prompt

import dari.cli
from dari.app.keeping import way
from dari.app.setting_up import settings_of
from dari.app.watching import Seen, View, Webhook
from dari.cli import crawling, guiding, installing, main, measuring, observing, operating, running, saved_searches
from dari.cli import watching as command
from dari.cli.bench.shared import Connection, Measured
from dari.core.errors import InvalidInput, MissingExtra, NotFound
from dari.core.live import Cut
from dari.serving.mcp_door import listening, stdio
from tests.support import MORNING, exits

# -- how a command ends


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the installed package says of its extras; it need not be installed where it is tested."""
    rows = ["httpx2>=2", "pyarrow>=20; extra == 'data'", 'fastmcp>=4 ; extra == "http"', "pyarrow>=20; extra == 'all'"]
    monkeypatch.setattr(running, "requires", lambda _: rows)


def left(work: Any, **how: bool) -> int:
    """The exit code a command left with."""
    with pytest.raises(SystemExit) as ended:
        running.run(work, **how)
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("end", "code"),
    [(None, 0), (3, 3), (InvalidInput("not so"), 2), (ModuleNotFoundError("?", name="pyarrow.parquet"), 1),
     (KeyboardInterrupt(), 130)],
    ids=["well", "its own code", "a mistake", "an extra is missing", "Ctrl-C"],
)  # fmt: skip
def test_a_command_leaves_with_its_code(
    end: int | BaseException | None, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work() -> int | None:
        if isinstance(end, BaseException):
            raise end
        return end

    assert left(work()) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert ("not so" in said.err) is (code == 2)
    assert ("pip install 'dari[" in said.err) is (code == 1)


@pytest.mark.parametrize("there", [True, False])
def test_uvloop_is_used_where_it_is_installed(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001 -- two cases
    """It is an extra: whoever has not installed it is served by the loop of the standard library."""

    class Fast:
        new_event_loop = staticmethod(asyncio.SelectorEventLoop)

    monkeypatch.setitem(sys.modules, "uvloop", Fast if there else None)
    loops: list[type] = []

    async def work() -> None:
        loops.append(type(asyncio.get_running_loop()))

    assert left(work(), quick=True) == 0
    assert (running._uvloop() is asyncio.SelectorEventLoop) is there
    assert issubclass(loops[0], asyncio.SelectorEventLoop)


def test_a_module_that_no_extra_brings_is_our_fault() -> None:
    assert running.extras_of("pyarrow") == {"data"}, "not `all`, which brings everything"
    assert running.extras_of("httpx2") == running.extras_of("nothing_of_this_name") == set()
    with pytest.raises(ModuleNotFoundError, match="ours"):
        running.missing_extra(ModuleNotFoundError("ours", name="nothing_of_this_name"))


@pytest.fixture
def logged() -> Any:
    """The root logger as it was."""
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = before


@pytest.mark.usefixtures("logged")
@pytest.mark.parametrize(
    ("error", "code", "kind"),
    [(NotFound("no such thing"), 2, "not_found"), (ModuleNotFoundError("?", name="fastmcp"), 1, "missing_extra")],
    ids=["ours", "an extra is missing"],
)  # fmt: skip
def test_what_no_command_caught_is_told_as_its_caller_reads(
    error: Exception, code: int, kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise error

    monkeypatch.setattr(main, "app", broken)
    for words, as_json in (["dari", "x"], False), (["dari", "x", "--json"], True):
        monkeypatch.setattr("sys.argv", words)
        with pytest.raises(SystemExit) as ended:
            main.main()
        assert ended.value.code == code
        said = capsys.readouterr()
        if as_json:
            assert json.loads(said.out)["code"] == kind
        else:
            assert f"[{kind}]" in said.err


# -- what is served


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """`listening.serve` serves as long as it takes to ask for `path`; what was asked for and answered."""
    told: dict[str, Any] = {"path": "/"}

    async def serve(app: Any, host: str, port: int, *, told: Callable[[str], object]) -> None:
        async with listening.serving(app) as address:
            told(address)
            line = await Connection.to(address)
            status, _ = await line.request("GET", kept["path"], {"accept": "text/html, application/json"})
            line.close()
            kept.update(host=host, port=port, address=address, status=status)

    kept = told
    monkeypatch.setattr(listening, "serve", serve)
    return told


def test_several_servers_share_an_address_and_a_console(
    served: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exits("serve", "volume-ranking", "kis-code", "--http", "--simulated") == 0
    said = capsys.readouterr()
    assert said.out == "", "stdout belongs to the answer"
    assert said.err.splitlines()[-3:] == [
        f"volume-ranking: {served['address']}/volume-ranking/mcp",
        f"kis-code: {served['address']}/kis-code/mcp",
        f"console: {served['address']}/",
    ]
    assert (served["status"], served["host"]) == (200, "127.0.0.1")
    assert exits("serve", "all", "--http", "--port", "0", "--simulated") == 0
    assert served["port"] == 0
    assert len(capsys.readouterr().err.splitlines()) > 8


def test_one_server_listens_where_its_clients_expect_it(served: dict[str, Any]) -> None:
    from dari.app.servers import GATEWAY_PORT, server  # noqa: PLC0415 -- read by this test alone

    assert exits("serve", "kis-code", "--http", "--simulated") == 0
    assert served["port"] == server("kis-code").port != GATEWAY_PORT
    assert exits("serve", "kis-code", "volume-ranking", "--http", "--simulated") == 0
    assert served["port"] == GATEWAY_PORT


def test_who_guards_lets_nobody_in_without_a_token(served: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARI_AUTH", "builtin")
    served["path"] = "/kis-code/mcp"
    assert exits("serve", "kis-code", "--http", "--simulated") == 0
    assert served["status"] == 401


def test_http_without_its_extra_says_which(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "dari.cli.gateway", None)
    assert exits("serve", "kis-code", "--http", "--simulated") == 1
    assert "pip install 'dari[http]'" in capsys.readouterr().err


def test_auth_without_its_extra_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dari.cli.authing", None)
    monkeypatch.delattr(dari.cli, "authing", raising=False)
    with pytest.raises(MissingExtra, match=r"dari\[http\]"):
        main.app(["auth", "users"])


def test_a_client_on_stdio_is_told_who_it_speaks_with(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    async def serve(name: str, dispatch: Any, caller: Any, **more: Any) -> None:
        outcome = await dispatch.call("get_volume_ranking", {"count": 1, "include_details": False}, caller)
        asked.update(name=name, answered=len(outcome.structured["ranking"]), **more)

    monkeypatch.setattr(stdio, "serve", serve)
    assert exits("serve", "volume-ranking", "--simulated") == 0
    assert (asked["name"], asked["answered"]) == ("volume-ranking", 1)
    assert asked["instructions"]
    assert asked["version"] == dari.__version__


def test_a_simulator_says_where_it_is_and_tells_the_time_it_was_given(
    served: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exits("simulate", "naramarket", "--now", "2026-11-20T10:30:00", "--speed", "0") == 0
    assert capsys.readouterr().out.splitlines() == [served["address"]]
    assert (served["host"], served["port"]) == ("127.0.0.1", 0)
    assert exits("simulate", "kis", "--port", "7") == 0
    assert served["port"] == 7


def test_the_platform_is_served_with_its_address_first(
    served: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers give way to an API on the same machine."""
    gave: list[int] = []
    monkeypatch.setattr(os, "nice", gave.append)
    served["path"] = "/actuator/health"
    assert exits("service", "payments", "--port", "0") == 0
    assert capsys.readouterr().out.splitlines() == [served["address"]]
    assert (served["status"], gave) == (200, [])
    exits("service", "payments", "--port", "0", "--role", "workers")
    assert gave == [operating.GIVE_WAY]


def test_a_worker_without_a_shared_queue_has_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits("worker") == 1
    assert "DARI_JOBS=workers" in capsys.readouterr().err


# -- what a person is asked and told


class AtTerminal(io.StringIO):
    """Standard input of a person."""

    def isatty(self) -> bool:
        return True


def test_a_secret_is_typed_unseen_and_a_choice_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", AtTerminal())
    monkeypatch.setattr(guiding, "getpass", lambda asked: f"unseen {asked}")
    monkeypatch.setattr(Prompt, "ask", lambda asked: f"seen {asked}")
    assert guiding._typed("KIWOOM_APP_KEY") == "unseen KIWOOM_APP_KEY: "
    assert guiding._typed("provider") == "seen provider"


async def test_who_mistypes_is_asked_again_and_a_script_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["여기에 키", "%2Bkey="])
    asked: dict[str, Any] = {"mode": None, "how": "file", "as_json": False}
    assert await guiding.setup("naramarket", ask=lambda _: next(answers), **asked) == 0
    assert "! " in capsys.readouterr().out
    assert settings_of().text("NARAMARKET_SERVICE_KEY") == "%2Bkey="
    monkeypatch.setattr("sys.stdin", io.StringIO("여기에 키\n" * 4))
    with pytest.raises(InvalidInput):
        await guiding.setup("kiwoom", ask=None, **{**asked, "mode": "paper"})


def test_a_mode_is_one_of_those_there_are() -> None:
    with pytest.raises(InvalidInput, match="paper"):
        guiding._mode(way("kis"), "pretend", guiding._typed)
    assert guiding._mode(way("kis"), None, lambda _: "") == "paper", "who says nothing risks nothing"


@pytest.mark.parametrize(
    ("priority", "works"), [(5, True), (0, False), (RuntimeError("no keyring"), False), (None, False)]
)
def test_a_keyring_is_used_where_it_opens(
    priority: int | Exception | None, works: bool, monkeypatch: pytest.MonkeyPatch  # noqa: FBT001 -- a column of the table
) -> None:  # fmt: skip
    """A headless machine has the package and no keyring behind it."""

    class Ring:
        @property
        def priority(self) -> Any:
            if isinstance(priority, Exception):
                raise priority
            return priority

    class Keyring:
        get_keyring = Ring

    monkeypatch.setitem(sys.modules, "keyring", None if priority is None else Keyring)
    assert guiding._keyring_works() is works


def test_a_setting_that_cannot_be_read_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIWOOM_APP_KEY", "k" * 43)
    assert guiding._known("KIWOOM_APP_KEY")
    monkeypatch.setenv("KIS_MODE", "pretend")
    assert not guiding._known("KIWOOM_APP_KEY")


CRAWL = {"crawl": "c", "state": "quota", "rows": 1, "calls": {"page": 1}, "success": False, "reason": "the quota",
         "receipts": [], "resume_not_before": "tomorrow"}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said"),
    [({}, "the calls of today are spent; go on after tomorrow: dari crawl --resume c"),
     ({"resume_not_before": None}, "not complete: the quota: dari crawl --resume c"),
     ({"resume_not_before": None, "reason": ""}, "not complete: dari crawl --resume c"),
     ({"resume_not_before": None, "success": True}, "c: quota, 1 rows, 1 calls")],
    ids=["spent", "why", "nobody knows why", "whole"],
)  # fmt: skip
def test_a_crawl_says_how_to_go_on(changed: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    crawling._shown({**CRAWL, **changed})
    assert capsys.readouterr().out.splitlines()[-1] == said


async def test_who_stops_a_crawl_is_told_that_nothing_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    reading, closed = asyncio.Event(), []

    class Desk:
        async def run(self, *_: Any, **__: Any) -> AsyncIterator[Any]:
            try:
                reading.set()
                await asyncio.Event().wait()
                yield
            finally:
                closed.append(True)

    crawl = asyncio.ensure_future(crawling._read(Desk(), "c", quiet=True, left=None))
    await reading.wait()
    crawl.cancel()
    with pytest.raises(asyncio.CancelledError):
        await crawl
    assert "nothing read is lost: dari crawl --resume c" in capsys.readouterr().err
    assert closed == [True]


def test_a_saved_search_tells_its_lines_and_that_it_is_not_whole(capsys: pytest.CaptureFixture[str]) -> None:
    told = {"watch": {"name": "w"}, "count": 1, "calls": 3, "lines": ["new: a road"], "success": False, "state": "gap"}
    saved_searches._shown(told)
    assert capsys.readouterr().out.splitlines() == [
        "w: 1 new or changed, 3 calls", "  new: a road", "  not whole yet: gap",
    ]  # fmt: skip
    saved_searches._shown({**told, "success": True, "lines": []})
    assert capsys.readouterr().out.splitlines() == ["w: 1 new or changed, 3 calls"]


def test_a_log_of_nothing_says_so_and_one_of_errors_names_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "some.log"
    file.write_text("", encoding="utf-8")
    observing.logs(file, as_json=False)
    assert capsys.readouterr().out == "errors 0 · unusual volumes 0\n"
    file.write_text("2026-11-20 10:30:00,000 - dari - ERROR - it broke\n", encoding="utf-8")
    observing.logs(file, as_json=False)
    assert "it broke" in capsys.readouterr().out
    with pytest.raises(NotFound, match="none"):
        observing.logs(tmp_path / "none", as_json=False)


def test_what_an_installation_has_to_say_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mcp.json"
    for changed in (True, False):
        assert exits("install", "mcp-json", "kiwoom", "--file", str(file)) == 0
        said = capsys.readouterr().out
        assert ("nothing to change" in said) is not changed
        assert ("→ " in said) is changed
    assert "kiwoom" in json.loads(file.read_text("utf-8"))["mcpServers"]
    assert installing.Asked().remove is False


async def nothing() -> AsyncIterator[Seen]:
    return
    yield  # pragma: no cover -- nobody asks


async def test_the_end_of_a_watch_says_how_its_webhook_went(capsys: pytest.CaptureFixture[str]) -> None:
    class Deaf:
        failed, dropped = 2, 1

    hook: Webhook = Deaf()  # type: ignore[assignment]  # its counts alone
    for screen in (command.Lines(), command.Terminal(Console(width=120))):
        screen.begin(View((), (), nothing()))
        screen.tell(Seen(Cut(MORNING, MORNING + timedelta(seconds=3), "broken")))
        screen.end(hook)
    lines = capsys.readouterr().out.splitlines()
    assert json.loads(lines[-3])["webhook"] == {"failed": 2, "dropped": 1}
    assert "nothing received: broken" in lines[-2], "no terminal: a line for each"
    assert lines[-1] == "0 records, 0 alerts, 1 cuts, 0 lost; webhook: 2 failed, 1 dropped"


def test_alerts_of_a_watch_reach_a_webhook(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[dict[str, Any]] = []

    class Hook:
        failed = dropped = 0

        def __init__(self, url: str, _: Any) -> None:
            assert url == "http://127.0.0.1:9/hook"

        def tell(self, told: dict[str, Any]) -> None:
            heard.append(told)

        async def close(self) -> None:
            heard.append({"closed": True})

    monkeypatch.setattr(command, "Webhook", Hook)
    words = ("watch", "kis-trade", "005930", "--webhook", "http://127.0.0.1:9/hook", "--seconds", "2", "--simulated")
    assert exits(*words, "--alert", "price>=1") == 0
    assert [one.get("event", "closed") for one in heard] == ["alert", "closed"]
    assert heard[0]["text"].startswith("[모의 데이터 simulated] *: price ≥ 1: 005930 ")
    assert "webhook: 0 failed, 0 dropped" in capsys.readouterr().out
    heard.clear()
    assert exits(*words, "--json") == 0
    assert heard == [], "without an alert there is nothing to tell"


async def test_a_regression_is_told_to_a_person_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def measure(*, long: bool) -> list[Measured]:
        del long
        return [Measured(name="x", figure=9.0, unit="s", floor=1.0, ratio=9.0, limit=10.0, within=True)]

    monkeypatch.setattr("dari.cli.bench.single_flight.measure", measure)
    monkeypatch.setattr("dari.cli.bench.report.committed", lambda: {"x": {"ratio": 2.0}})
    assert await measuring.bench("single-flight", as_json=False, long=False, compare=True) == 1
    assert "worse than committed, 3 times: x: ratio 9, committed 2" in capsys.readouterr().out
    with pytest.raises(InvalidInput, match="--questions"):
        await measuring.bench("single-flight", as_json=False, long=False, questions=Path("x"))
