"""The console without a browser: pages and parts over the simulators, its feed, its forms, and getting in and out."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from dari.app.runtime import Runtime
from dari.cli.gateway import gateway
from dari.serving.console.forms import arguments, fields
from dari.serving.console.looks import ASSETS, templates
from dari.serving.console.sections import Telling, Told
from dari.serving.console.words import WORDS, words
from dari.serving.mcp_door import asking, listening
from dari.settings import resolve
from tests.support import settings
from tests.unit.oauth.guarded import PASSWORD, Guarded, served

SERVERS = ["volume-ranking", "kis-trade", "naramarket", "payment-system-health"]
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("console")


@pytest.fixture
async def open_door(tmp_path: Path) -> AsyncIterator[tuple[httpx2.AsyncClient, Runtime]]:
    broken: list[str] = []

    async def fault() -> None:
        broken.append("kafka")

    told = settings(tmp_path, DARI_RANKING_SOURCES="none", KIWOOM_APP_KEY="very-secret-key")
    async with Runtime(resolve(environment=told, home=tmp_path), simulated=True) as runtime:
        app = gateway(runtime, SERVERS, faults={"kafka down": fault})
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client, runtime
            assert broken in ([], ["kafka"])


@pytest.mark.parametrize("lang", ["ko", "en"])
async def test_every_page_is_told_in_both_languages(open_door: tuple[httpx2.AsyncClient, Runtime], lang: str) -> None:
    client, _ = open_door
    for path, name in (
        ("/", "overview"), ("/console/calls", "calls"), ("/console/market", "market"), ("/console/audit", "audit"),
        ("/console/procurement", "procurement"), ("/console/settings", "settings"),
        ("/console/playground", "playground"), ("/console/login", "login"),
    ):  # fmt: skip
        answer = await client.get(path, params={"lang": lang})
        assert answer.status_code == 200, (path, answer.text[:500])
        assert f"<h1>{words(lang)[name]}" in answer.text, path
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=\"/console/)", answer.text), path
        assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", answer.text)
    assert client.cookies["dari_lang"] == lang
    assert f'lang="{lang}"' in (await client.get("/")).text


async def test_theme_is_kept_and_nonsense_is_not(open_door: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, _ = open_door
    assert "data-theme" not in (await client.get("/?theme=<b>&lang=xx")).text
    assert 'data-theme="dark"' in (await client.get("/?theme=dark")).text
    assert 'data-theme="dark"' in (await client.get("/console/calls")).text
    assert 'href="?theme=light"' in (await client.get("/")).text


async def test_market_parts_tell_what_the_tools_tell(open_door: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, runtime = open_door
    _, dispatch = runtime.server("volume-ranking")
    told = await dispatch.call("get_volume_ranking", {"count": 10}, runtime.caller())
    part = (await client.get("/console/parts/ranking?charts=yes&lang=en")).text
    for row in told.structured["ranking"]:
        assert f"{row['trading_value']:,}" in part
        assert row["stock_name"] in part
    for name in ("candles", "spark"):
        picture = await client.get(f"/console/charts/{name}.svg?symbol=005930&theme=dark")
        assert picture.headers["content-type"] == "image/svg+xml"
        assert picture.text.count("<rect") + picture.text.count("<polyline") >= 1
        nothing = await client.get(f"/console/charts/{name}.svg", params={"symbol": '"><b>'})
        assert nothing.status_code == 200
        assert "<b>" not in nothing.text


SECTORS = [
    {"sector_name": "전기·전자", "trading_value": 900, "average_change_rate": 1.25},
    {"sector_name": "<b>금융", "trading_value": 100, "average_change_rate": None},
]
FOUND = {"stock_name": "가나", "stock_code": "000010", "volume_ratio": 312.5, "price_change_rate": -1.5}


AT = "2026-11-20T10:{:02}:00+09:00"
HEALTHY = {
    "services": {"kafka": {"status": "healthy", "n": 3}, "application": {"status": "down"}, "extra": "unknown"},
    "status": "cause_found", "root_cause": "KAFKA_UNREACHABLE",
    "causes": [{"id": "K", "evidence": {"brokers": [0, None], "of": {"a": 1, "b": "<i>"}}, "en": "Kafka is gone."}],
    "unexplained_symptoms": [], "today": {"count": 12, "amount": 1234567}, "authorize_p95_ms": None,
    "new_dead_letters": 0, "outbox": {"unpublished": 7}, "lag": {"slow <group>": 40, "gone": None},
    "breakers": {"kafka-publisher": "OPEN"}, "checked_at": AT.format(30),
    "transitions": [{"at": AT.format(10), "circuit_breaker_name": "kafka-publisher", "transition": "CLOSED_TO_OPEN"}],
    "samples": [{"at": AT.format(9), "unpublished": 3, "breaker": "CLOSED"},
                {"at": AT.format(10), "unpublished": None, "breaker": None},
                {"at": AT.format(11), "unpublished": 7, "breaker": "OPEN"}],
    "total_debits": 300, "total_credits": 250, "debit_accounts": [{"debit_account": "merchant", "total": 300}],
    "credit_accounts": [{"credit_account": "cash", "total": 250}], "message": "differs", "findings": [{"a": 1}],
}  # fmt: skip


@pytest.mark.parametrize("found", [Told(HEALTHY, None), Told({"message": "no <one>"}, "unreachable"), None])
async def test_the_payments_tell_what_they_are_told(
    open_door: tuple[httpx2.AsyncClient, Runtime], monkeypatch: pytest.MonkeyPatch, found: Told | None
) -> None:
    async def told(_: Telling, __: str, tool: str, ___: Any, ____: Any) -> Told | None:
        if found is not None and not found.error and tool == "breaker_history":
            return Told({**found.told, "samples": {"since": AT.format(0)}}, None)
        return found

    monkeypatch.setattr(Telling, "told", told)
    client, _ = open_door
    assert (await client.get("/console/payments")).status_code == 200
    part = (await client.get("/console/parts/payments?lang=en")).text
    crawls = (await client.get("/console/parts/crawls")).text if found is None or found.error else ""
    assert 'data-again="no"' in crawls or not crawls
    if found is None:
        assert "does not serve" in part
    elif found.error:
        assert "no &lt;one&gt;" in part
    else:
        assert "<b>KAFKA_UNREACHABLE</b>" in part
        assert part.index("<b>application</b>") < part.index("<b>kafka</b>") < part.index("<b>extra</b>")
        for words_beside in (  # every figure that is drawn is told in a table too
            "<td>CLOSED</td><td>11-20 10:00:00</td><td>11-20 10:10:00</td>",
            "<td>OPEN</td><td>11-20 10:10:00</td><td>11-20 10:30:00</td>",
            '<td>10:10:00</td><td class="n">unknown</td>', '<b id="unpublished">7</b>', "<b>1,234,567</b>",
            "Kafka is gone.", "<b>brokers</b> 0, –", "<b>of</b> a 1 · b &lt;i&gt;",
            'slow &lt;group&gt;</th><td class="n">40</td>', 'gone</th><td class="n">unknown</td>',
            '<td class="n" id="debits">300</td><td class="n" id="credits">250</td>',
        ):  # fmt: skip
            assert words_beside in part
        assert part.count('role="img"') == 4
        assert "<group>" not in part


@pytest.mark.parametrize("error", [None, "unreachable"])
async def test_the_dear_parts_tell_what_they_are_told(
    open_door: tuple[httpx2.AsyncClient, Runtime], monkeypatch: pytest.MonkeyPatch, error: str | None
) -> None:
    async def told(_: Telling, __: str, tool: str, ___: Any, ____: Any) -> Told:
        failed = {"message": "nobody <is> there", "hint": "later"}
        rows = {"ranking": SECTORS} if "sector" in tool else {"unusual_stocks": [FOUND]}
        return Told(failed if error else rows, error)

    monkeypatch.setattr(Telling, "told", told)
    client, _ = open_door
    sectors, unusual = [(await client.get(f"/console/parts/{one}")).text for one in ("sectors", "unusual")]
    if error:
        assert "nobody &lt;is&gt; there — later" in sectors
        assert "nobody &lt;is&gt; there — later" in unusual
        return
    assert "전기·전자 +1.25%" in sectors
    assert "<b>" not in sectors
    assert "<style" not in sectors  # the page's policy would refuse it
    assert "312.5" in unusual
    assert "-1.50 %" in unusual


async def test_a_call_is_seen_opened_and_filtered(open_door: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, runtime = open_door
    _, dispatch = runtime.server("volume-ranking")
    await dispatch.call("get_volume_ranking", {"count": 1}, runtime.caller())
    await dispatch.call("no_such_tool<b>", {}, runtime.caller())
    page = (await client.get("/console/calls?lang=en")).text
    assert "no_such_tool&lt;b&gt;" in page
    assert "get_volume_ranking" not in (await client.get("/console/calls?errors=1")).text
    assert "no_such" not in (await client.get("/console/calls?tool=volume_ranking")).text
    opened = (await client.get("/console/calls/1")).text
    assert "domestic_stock.volume_rank" in opened
    assert (await client.get("/console/calls/999")).status_code == 404
    overview = (await client.get("/")).text
    assert '<b id="total">2</b>' in overview
    assert "badge simulated" in overview
    assert re.search(r"<b>\d+</b>/\d+ <small>in 1 s · real [0-9a-f]{4} all</small>", overview)
    part = (await client.get("/console/parts/upstreams?lang=en")).text
    assert part.startswith('<div class="scroll"')
    assert "in 1 s · real" in part
    assert "get_volume_ranking" in (await client.get("/console/audit")).text


async def test_the_playground_calls_by_the_real_path(open_door: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, runtime = open_door
    form = (await client.get("/console/playground?at=volume-ranking/get_volume_ranking")).text
    assert 'name="count"' in form
    assert (await client.get("/console/playground?at=volume-ranking/nothing")).status_code == 200
    address = "/console/playground?at=volume-ranking/get_volume_ranking"
    good = await client.post(address, data={"count": "2", "market": ""})
    assert good.text.count("stock_code") == 2
    assert runtime.journal.last("", 1)[0].tool == "get_volume_ranking"
    bad = await client.post(address, data={"count": "<script>"})
    assert "invalid_input" in bad.text
    assert "<script>" not in bad.text
    for lang, hint in (("ko", "인자를 확인하세요."), ("en", "Check the arguments.")):
        assert hint in (await client.post(f"{address}&lang={lang}", data={"count": "many"})).text
    assert (await client.post(address, content=b"count=\xff\xfe")).status_code == 200
    plan = await client.post("/console/playground?at=kis-trade/plan_order&lang=en", data={"symbol": "005930"})
    assert words("en")["plan_first"] in plan.text


async def test_settings_never_tell_a_secret(open_door: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, _ = open_door
    page = (await client.get("/console/settings?lang=en")).text
    assert "very-secret-key" not in page
    row = re.search(r"<code>KIWOOM_APP_KEY</code>.*?</tr>", page, re.DOTALL)
    assert row
    assert ">present<" in row[0]
    assert ">environment<" in row[0]


async def test_faults_are_there_in_the_demo_only(open_door: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, _ = open_door
    assert (await client.post("/console/faults/kafka down")).status_code == 303
    assert (await client.post("/console/faults/other")).status_code == 404


async def test_assets_are_the_packages_own(open_door: tuple[httpx2.AsyncClient, Runtime]) -> None:
    client, _ = open_door
    for name, kind in ASSETS.items():
        assert (await client.get(f"/console/assets/{name}")).headers["content-type"].startswith(kind)
    assert (await client.get("/console/assets/page.html")).status_code == 404


async def test_a_call_of_an_mcp_client_is_in_the_feed_within_a_second(tmp_path: Path) -> None:
    found = resolve(environment=settings(tmp_path), home=tmp_path)
    async with (
        Runtime(found, simulated=True) as runtime,
        listening.serving(gateway(runtime, ["kis-code"])) as address,
        httpx2.AsyncClient(base_url=address) as client,
        client.stream("GET", "/console/events") as stream,
    ):
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("retry")
        await asking.ask(f"{address}/kis-code/mcp", "find_api", {"question": "일봉"})
        async with asyncio.timeout(1.0):
            line = await anext(one async for one in lines if one.startswith("data:"))
        told = json.loads(line.removeprefix("data: "))
        assert [(one["tool"], one["server"]) for one in told["calls"]] == [("find_api", "kis-code")]


# --- forms and words ---


def test_what_is_typed_becomes_what_the_schema_asks() -> None:
    schema = {
        "properties": {
            "name": {"type": "string", "maxLength": 5}, "count": {"type": "integer", "default": 3},
            "sure": {"type": "boolean"}, "ids": {"type": "array"},
            "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]}, "one": {"enum": ["a", "b"]},
        },
        "required": ["name"],
    }  # fmt: skip
    asked = fields(schema)
    assert [(one.name, one.required, one.default) for one in asked][:2] == [("name", True, ""), ("count", False, "3")]
    assert asked[2].choices == ("true", "false")
    assert asked[5].choices == ("a", "b")
    typed = {"name": "007", "count": "4", "sure": "true", "ids": '["x"]', "either": "12", "one": " ", "other": "1"}
    assert arguments(typed, asked) == {"name": "007", "count": 4, "sure": True, "ids": ["x"], "either": "12"}
    assert arguments({"count": "many"}, asked) == {"count": "many"}


def test_every_word_a_template_says_is_there_in_both_languages() -> None:
    said = set[str]()
    for name in templates().list_templates():
        said |= set(re.findall(r"\bw\.([a-z_]+)", (Path(str(templates().get_template(name).filename))).read_text()))
    assert said - {"get"} <= set(WORDS)
    assert all(korean and english for korean, english in WORDS.values())


# --- getting in and out ---


@pytest.fixture(scope="module")
def guarded(folder: Path) -> Iterator[Guarded]:
    with served(folder, ("kis-code",)) as one:
        yield one


def browser(guarded: Guarded) -> Any:
    return httpx2.Client(base_url=guarded.base, follow_redirects=False)


@contextmanager
def entered(guarded: Guarded, name: str = "kim") -> Iterator[Any]:
    with browser(guarded) as client:
        told = client.post("/console/login", data={"username": name, "password": PASSWORD})
        assert (told.status_code, told.headers["location"]) == (303, "/")
        yield client


def test_who_is_not_signed_in_is_led_to_the_form(guarded: Guarded) -> None:
    with browser(guarded) as client:
        for path in ("/", "/console/calls", "/console/settings"):
            answer = client.get(path, headers=HTML)
            assert (answer.status_code, answer.headers["location"]) == (303, "/console/login")
        assert client.get("/console/events").status_code == 401
        assert client.get("/console/parts/crawls").status_code == 401
        assert client.get("/console/assets/console.css").status_code == 200
        page = client.get("/console/login")
        assert "password" in page.text
        assert "<nav" not in page.text


def test_in_and_out_again(guarded: Guarded) -> None:
    with entered(guarded) as client:
        cookie = next(one for one in client.cookies.jar if one.name == "dari_console")
        assert cookie.has_nonstandard_attr("HttpOnly")
        assert str(cookie.get_nonstandard_attr("SameSite")).lower() == "strict"
        token = str(cookie.value)
        page = client.get("/", headers=HTML)
        assert page.status_code == 200
        assert "acme/kim" in page.text
        assert client.get("/api/v1/nothing").status_code == 401  # the cookie opens the console alone
        assert client.post("/kis-code/mcp", json={}).status_code == 401
        stranger = client.post("/console/logout", headers={"origin": "https://elsewhere.example"})
        assert stranger.status_code == 403
        out = client.post("/console/logout")
        assert out.headers["location"] == "/console/login"
        assert client.get("/", headers=HTML).status_code == 303
    with browser(guarded) as client:  # and the token itself holds no more
        assert client.get("/", headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_wrong_words_do_not_get_in(guarded: Guarded) -> None:
    with browser(guarded) as client:
        wrong = client.post("/console/login", data={"username": "kim", "password": "wrong"})
        assert wrong.status_code == 401
        assert 'role="alert"' in wrong.text
        assert "dari_console" not in client.cookies
        assert client.post("/console/login", data={"token": "nonsense"}).status_code == 401
        answers = [client.post("/console/login", data={"username": "lee", "password": "no"}) for _ in range(12)]
        assert answers[-1].status_code == 429


def test_a_token_from_elsewhere_gets_in(guarded: Guarded) -> None:
    with entered(guarded) as client:
        token = next(str(one.value) for one in client.cookies.jar if one.name == "dari_console")
    with browser(guarded) as client:
        assert client.post("/console/login", data={"token": token}).status_code == 303
        assert client.get("/", headers=HTML).status_code == 200


def test_a_viewer_sees_no_settings_and_only_its_own_calls(guarded: Guarded) -> None:
    with entered(guarded, "park") as park:
        assert park.get("/console/settings", headers=HTML).status_code == 403
        park.post("/console/playground?at=kis-code/find_api", data={"question": "일봉"})
        assert "find_api" in park.get("/console/calls", headers=HTML).text
    with entered(guarded) as kim:
        assert "beta/park" not in kim.get("/console/calls", headers=HTML).text
        assert "beta/park" not in kim.get("/console/audit", headers=HTML).text
