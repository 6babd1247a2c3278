"""`dari watch`: records and alerts on a terminal, as lines and to a webhook; and how it ends."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dari.app.runtime import Runtime
from dari.app.watching import Seen, View, Webhook, checked, watching
from dari.cli import watching as command
from dari.cli.main import app
from dari.core.alerts import Alert, Fired, written
from dari.core.clock import RunningClock
from dari.core.errors import BadSetting, InvalidInput, NotAllowed, NotFound
from dari.core.live import Cut, Overrun, Tick, Topic
from dari.serving.mcp_door import listening
from dari.settings import resolve
from dari.upstream.wire import Wire
from tests.support import MORNING, settings

BEGUN = ({"provider": "kis", "endpoint": "x", "mode": "paper", "simulated": True},)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(tmp_path))


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("name", ["kis-trade", "kiwoom"])
def test_lines_tell_records_alerts_and_the_end(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["watch", name, "005930", "--alert", "price>=1", "--seconds", "1.5", "--simulated", "--json"]
    with pytest.raises(SystemExit) as left:
        app(words)
    assert left.value.code == 0
    told = lines(capsys)
    assert told[0]["event"] == "watching"
    assert told[0]["provenance"][0]["simulated"] is True
    (alert,) = [one for one in told if one["event"] == "alert"]
    assert alert["text"].startswith("[모의 데이터")
    first = next(one for one in told if one["event"] == "record")
    assert (first["item"], first["record"]["price"]) == ("005930", alert["value"])
    assert told[-1] == {"event": "ended", "records": len(told) - 3, "alerts": 1, "cuts": 0, "lost": 0}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("naramarket", "1"), "nothing is pushed"),
        (("kis-trade",), "watched for items"),
        (("kiwoom",), "is watched for items"),
        (("kis-trade", "005930", "--kind", "colour"), "kind"),
        (("kiwoom", "005930", "--kind", "colour"), "kind"),
        (("kis-trade", "005930", "--alert", "colour>1"), "alert"),
        (("kis-trade", "005930", "--alert", "own", "--webhook", "http://example.com/x"), "webhook"),
    ],
)
def test_what_cannot_be_watched_is_said_before_anything_is_opened(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        app(["watch", *words, "--simulated", "--json"])
    assert left.value.code in {1, 2}
    (told,) = lines(capsys)
    assert said in told["message"]
    assert "example.com" not in json.dumps(told)  # a webhook's address may be a secret


async def test_own_executions_and_prices_are_watched_at_once(tmp_path: Path) -> None:
    told = {"DARI_REACH": "commit", "DARI_ORDER_ACCOUNT": "60005678-01", "DARI_ORDER_MAX_KRW": "100000000"}
    found = resolve(environment=settings(tmp_path, KIS_MODE="paper", **told), home=tmp_path)
    async with Runtime(found, simulated=True, clock=RunningClock(MORNING)) as runtime:
        _, dispatch = runtime.server("kis-trade")
        async with watching(runtime, "kis-trade", ["005930"], kind="trade", alerts=[written("own")]) as view:
            assert {one["mode"] for one in view.begun} == {"real", "paper"}  # prices real, executions the account's
            asked = {"side": "buy", "symbol": "005930", "quantity": 1}
            plan = (await dispatch.call("plan_order", asked, runtime.caller())).structured
            keys = {"plan_id": plan["plan_id"], "fingerprint": plan["fingerprint"]}
            assert (await dispatch.call("apply_plan", keys, runtime.caller())).structured["outcome"] == "done"
            async with asyncio.timeout(8):
                async for seen in view.seen:
                    if seen.fired:
                        break
    (fired,) = seen.fired
    assert fired.value == 1
    assert seen.record["account_number"].startswith("****")


async def test_a_watch_that_is_cut_off_gives_the_session_back(tmp_path: Path) -> None:
    found = resolve(environment=settings(tmp_path), home=tmp_path)
    seen: list[Seen] = []

    async def watched() -> None:
        async with (
            Runtime(found, simulated=True, clock=RunningClock(MORNING)) as runtime,
            watching(runtime, "kiwoom", ["005930"], kind="trade", alerts=[]) as view,
        ):
            async for one in view.seen:
                seen[:] = [one]

    first = asyncio.ensure_future(watched())
    async with asyncio.timeout(8):
        while not seen:  # noqa: ASYNC110 -- a list tells nobody
            await asyncio.sleep(0.02)
    with pytest.raises(NotAllowed, match="held by process"):
        await watched()
    first.cancel()  # what Ctrl-C does
    await asyncio.gather(first, return_exceptions=True)
    seen.clear()
    second = asyncio.ensure_future(watched())
    async with asyncio.timeout(8):
        while not seen:  # noqa: ASYNC110 -- a list tells nobody
            await asyncio.sleep(0.02)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)


async def test_a_webhook_is_told_and_a_deaf_one_delays_nothing() -> None:
    heard: list[Mapping[str, Any]] = []

    async def hook(request: Request) -> Response:
        heard.append(await request.json())
        return Response(status_code=204 if len(heard) == 1 else 500)

    wire = Wire(timeout=2)
    async with listening.serving(Starlette(routes=[Route("/hook", hook, methods=["POST"])])) as address:
        told = Webhook(f"{address}/hook", wire)
        told.tell({"event": "alert", "item": "005930"})
        told.tell({"event": "alert", "item": "000660"})
        await told.close()
    assert [one["item"] for one in heard] == ["005930", "000660"]
    assert (told.failed, told.dropped) == (1, 0)
    gone = Webhook(f"{address}/hook", wire)
    for _ in range(150):
        gone.tell({})
    assert gone.dropped == 50
    await gone.close()
    assert gone.failed + gone.dropped == 150
    await wire.close()


@pytest.mark.parametrize("url", ["http://example.com", "ftp://127.0.0.1", "x", "https://"])
def test_a_webhook_beyond_this_machine_is_https(url: str) -> None:
    with pytest.raises(BadSetting) as refused:
        checked(url)
    assert url not in refused.value.message or len(url) == 1
    assert checked("https://example.com/x") == "https://example.com/x"


def test_a_terminal_shows_a_line_an_item_and_the_last_alerts() -> None:
    written_to = io.StringIO()
    screen = command.Terminal(Console(file=written_to, force_terminal=True, width=120))

    async def nothing() -> Any:
        yield  # pragma: no cover -- nobody asks

    screen.begin(View(BEGUN, ("price", "change", "other"), nothing()))
    rise = Seen(
        Tick(Topic("x", "005930"), {}, MORNING, 1),
        {"price": 70_000, "change": 1.5, "other": None},
        {"price": 70_000, "change": 1.5},
        (Fired(Alert("price", bound=1.0), "005930", 70_000),),
    )
    screen.tell(rise)
    screen.tell(Seen(Cut(MORNING, MORNING + timedelta(seconds=3), "broken")))
    screen.tell(Seen(Overrun(4)))
    table = screen.table()
    screen.end(None)
    assert [column.header for column in table.columns] == ["at", "item", "price", "change", "other"]
    assert table.row_count == 1
    assert table.rows[0].style == "red"
    assert "🔔" in str(table.caption)
    assert "nothing received: broken" in str(table.caption)
    assert "1 records, 1 alerts, 1 cuts, 4 lost" in written_to.getvalue()


def test_gaps_are_lines_too(capsys: pytest.CaptureFixture[str]) -> None:
    screen = command.Lines()
    screen.tell(Seen(Cut(MORNING, MORNING, "broken")))
    screen.tell(Seen(Overrun(4)))
    screen.end(None)
    assert [one["event"] for one in lines(capsys)] == ["gap", "gap", "ended"]


async def test_unknown_servers_and_streams_raise(tmp_path: Path) -> None:
    found = resolve(environment=settings(tmp_path), home=tmp_path)
    async with Runtime(found, simulated=True) as runtime:
        for name, kind, error in (("nothing", "trade", NotFound), ("kis-trade", "colour", InvalidInput)):
            with pytest.raises(error):
                async with watching(runtime, name, ["005930"], kind=kind, alerts=[]):
                    pass
