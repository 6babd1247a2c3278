"""Charts: every figure is one that was given, every letter is there, and a host gets what it can show."""

from __future__ import annotations

import base64
import re
import struct
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mcp import Client

from dari.app.runtime import Runtime
from dari.app.servers import SERVERS
from dari.cli.gateway import gateway
from dari.core.errors import MissingExtra
from dari.serving.charts import drawing, figures
from dari.serving.charts.drawing import Box, Candle, Picture, candles, picture, sparkline, treemap
from dari.serving.charts.offered import APP, SIMULATED
from dari.serving.charts.png import FONT_FILE, png
from dari.serving.mcp_door import listening
from dari.serving.mcp_door.answering import APP_KIND, APPS, _opens_apps, with_picture
from dari.settings import resolve
from tests.support import settings, simulated

RARE = "뷁똠펲쌰갂힣"
"""Syllables that smaller Korean fonts leave blank."""


def glyph(letter: str) -> bytes:
    return png(picture(30, 30, "", [f'<text class="on" x="5" y="20">{letter}</text>']))


def texts(svg: str) -> str:
    return "".join(re.findall(r"<text[^>]*>([^<]*)</text>", svg))


@pytest.fixture(scope="module")
def drawn() -> list[Picture]:
    """One of each kind."""
    sectors = [
        {"sector_name": "전기·전자", "trading_value": 900, "average_change_rate": 1.25},
        {"sector_name": "금융", "trading_value": 400, "average_change_rate": -2.5},
        {"sector_name": "없음", "trading_value": 0, "average_change_rate": None},
    ]
    rows = [
        {"rank": 1, "stock_name": "삼성전자", "trading_value": 5_559_350_900_600, "change_rate": 1.77},
        {"rank": 2, "stock_name": "가나<b>", "trading_value": 100_000_000, "change_rate": None},
        {"rank": 3, "stock_name": "다라", "trading_value": None, "change_rate": -1.0},
    ]
    told = {"symbol": "005930", "name": "삼성전자", "columns": ["date", "open", "high", "low", "close"],
            "rows": [["20261120", 10, 14, 9, 12], ["20261119", 12, 13, 8, 10],
                     ["20261118", None, 1, 1, 1]]}  # fmt: skip
    crawl = {"crawl": {"endpoint": "a.b"}, "state": "done", "windows": {"total": 4, "done": 3}, "rows": 1234,
             "receipts": [{"state": "gap", "start": "2026-09-01", "gap": "한도 quota"}]}  # fmt: skip
    incident = {
        "verdict": {"status": "cause_found", "root_cause": "KAFKA_UNREACHABLE"},
        "samples": [{"at": f"2026-11-20T10:0{n}:00+09:00", "unpublished": n * 7} for n in range(4)]
        + [{"at": "2026-11-20T10:05:00+09:00", "unpublished": None}],
        "transitions": [
            {"at": "2026-11-20T10:02:30+09:00", "circuit_breaker_name": "kafka", "transition": "열림 OPEN"}
        ],
    }
    return [
        figures.sector_map({"ranking": sectors}), figures.ranking_chart({"ranking": rows}),
        figures.candle_chart(told, 60), figures.crawl_chart(crawl), figures.incident_chart(incident),
    ]  # fmt: skip


def test_what_is_drawn_is_what_was_given(drawn: list[Picture]) -> None:
    sectors, ranking, stock, crawl, incident = (one.body for one in drawn)
    widths = [float(one) for one in re.findall(r'width="([\d.]+)"', sectors)]
    assert len(widths) == 2  # what trades nothing has no area
    assert widths[0] / widths[1] == pytest.approx(900 / 400, rel=0.02)
    assert "+1.25%" in sectors
    bars = [float(one) for one in re.findall(r'width="([\d.]+)"', ranking)]
    assert len(bars) == 2
    assert bars[1] / bars[0] == pytest.approx(1 / 55_593.5, abs=1e-3)
    assert "55,594억원 +1.77%" in ranking
    assert "<b>" not in ranking
    assert stock.count("<rect") == 2  # the day without an opening price is left out
    assert "2026-11-20 10 14 9 12" in stock
    assert re.findall(r'class="(up|down|flat)"', stock) == ["down", "up"]  # oldest first; red rises
    assert "75%" in crawl
    assert "한도 quota" in crawl
    line = re.findall(r'points="([^"]+)"', incident)[0]
    assert line.split() == ["0.0,200.0", "286.7,150.0", "573.3,100.0", "860.0,50.0"]
    assert "열림 OPEN" in incident


def test_nothing_to_draw_is_an_empty_picture() -> None:
    for empty in (
        figures.sector_map({}), figures.ranking_chart({}), figures.candle_chart({}, 60), figures.crawl_chart({}),
        figures.incident_chart({}), sparkline([1.0], "x"), candles([], "x"), treemap([], "x"),
    ):  # fmt: skip
        assert empty.document().startswith("<svg")
        assert "<rect" not in empty.inline() or "grid" in empty.inline()


def test_a_line_is_as_steep_as_its_values() -> None:
    line = sparkline([1.0, 3.0, 2.0], "x").body
    assert 'class="line up"' in line
    assert line.count(",") == 3
    flat = candles([Candle("a", 5, 5, 5, 5)], "x").body
    assert 'class="flat"' in flat


def test_themes_and_labels() -> None:
    one = picture(10, 10, 'a "b" <c>', ())
    assert 'aria-label="a &quot;b&quot; &lt;c&gt;"' in one.inline()
    assert "<style>" not in one.inline()
    assert drawing.PALETTES["dark"]["ink"] in one.document("dark")
    assert "prefers-color-scheme" in one.document("")
    assert one.marked("모의").label.startswith("[모의]")


def test_every_letter_of_a_chart_is_in_the_font(drawn: list[Picture]) -> None:
    missing, blank = glyph("\U0010fffe"), glyph(" ")
    letters = set("".join(texts(one.body) for one in drawn) + SIMULATED + RARE + "0123456789+-%,.~:") - {" "}
    assert len(letters) > 60
    assert [one for one in sorted(letters) if glyph(one.replace("&", "&amp;")) in (missing, blank)] == []
    assert FONT_FILE.with_name("OFL.txt").is_file()


def test_a_png_is_twice_as_sharp(drawn: list[Picture]) -> None:
    for one in drawn:
        image = png(one)
        assert image.startswith(b"\x89PNG")
        assert struct.unpack(">II", image[16:24]) == (one.width * 2, one.height * 2)


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("squarify", "resvg_py"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match="charts"):
        treemap([Box("a", 1, None)], "x")
    with pytest.raises(MissingExtra, match="charts"):
        png(picture(1, 1, "x", ()))


# --- the tools, and what a host gets of them ---


async def test_the_tools_tell_the_figures_they_draw(tmp_path: Path) -> None:
    async with simulated("charts", tmp_path) as asker, simulated("volume-ranking", tmp_path / "b") as plain:
        for tool, other in (("chart_ranking", "get_volume_ranking"),):
            outcome = await asker.outcome(tool, count=3)
            again = await plain.answer(other, count=3)
            assert outcome.structured["figures"]["ranking"] == again["ranking"]
            assert outcome.structured["alt"].startswith(f"[{SIMULATED}]")
            assert outcome.picture
            assert again["ranking"][0]["stock_name"] in outcome.picture.document()
        stock = await asker.outcome("chart_stock", symbol="005930", days=5)
        assert stock.picture
        assert stock.picture.document().count("<g ") == 5
        told_again = await asker.outcome("chart_stock", symbol="005930", days=5)
        assert told_again.picture == stock.picture
        wrong = await asker.outcome("chart_crawl", crawl_id="nobody")
        assert (wrong.error, wrong.picture) == ("not_found", None)


async def test_a_client_without_apps_gets_a_png_and_the_page_is_there(tmp_path: Path) -> None:
    found = resolve(environment=settings(tmp_path, DARI_RANKING_SOURCES="none"), home=tmp_path)
    async with (
        Runtime(found, simulated=True) as runtime,
        listening.serving(gateway(runtime, ["charts"])) as address,
        Client(f"{address}/charts/mcp") as client,
    ):
        listed = {one.name: one for one in (await client.list_tools()).tools}
        assert {(one.meta or {})["ui"]["resourceUri"] for one in listed.values()} == {APP}
        page = (await client.read_resource(APP)).contents[0]
        assert page.mime_type == APP_KIND
        told: Any = await client.call_tool("chart_ranking", {"count": 2})
        assert [one.type for one in told.content] == ["text", "image"]
        assert base64.b64decode(told.content[1].data).startswith(b"\x89PNG")
        assert told.structured_content["alt"] in told.content[0].text


async def test_a_host_that_opens_apps_gets_the_drawing_instead() -> None:
    plain = {"content": [{"type": "text", "text": "x"}]}
    told = await with_picture(plain, picture(4, 4, "네모", ()), opens_apps=True)
    assert told["content"] == plain["content"]
    assert set(told["_meta"]["dari/picture"]) == {"alt", "light", "dark"}


async def test_where_no_png_can_be_made_the_words_stand_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    plain: dict[str, Any] = {"content": []}
    assert await with_picture(plain, picture(4, 4, "네모", ()), opens_apps=False) == plain


@pytest.mark.parametrize(
    ("extensions", "opens"),
    [(None, False), ({}, False), ({APPS: {}}, False), ({APPS: {"mimeTypes": "x"}}, False),
     ({APPS: {"mimeTypes": [APP_KIND]}}, True)],
)  # fmt: skip
def test_who_opens_apps_has_said_so(extensions: Any, opens: Any) -> None:
    said = SimpleNamespace(extensions=extensions)
    ctx: Any = SimpleNamespace(session=SimpleNamespace(client_capabilities=said))
    assert _opens_apps(ctx) is opens
    nobody: Any = SimpleNamespace(session=SimpleNamespace(client_capabilities=None))
    assert _opens_apps(nobody) is False


def test_the_other_servers_draw_nothing() -> None:
    assert [name for name, one in SERVERS.items() if any(tool.app for _, tool in one.tools())] == ["charts"]
