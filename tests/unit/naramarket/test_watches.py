"""Saved searches: the first look is the ground; what comes or changes after it is told, within the calls."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dari.app.naramarket import desk_of, shelf_of
from dari.core.clock import KST
from dari.core.errors import InvalidInput, NotFound
from dari.providers.naramarket.crawler import Book
from dari.providers.naramarket.crawler.watches import Watch, Watches, next_look
from dari.providers.naramarket.spec import SPEC
from tests.support import StillClock, simulated

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=KST)
GOODS = "BidPublicInfoService.getBidPblancListInfoThng"


async def test_what_comes_after_the_first_look_is_told_as_new(tmp_path: Path) -> None:
    async with simulated("naramarket", tmp_path, now=NOON) as asker:
        first = await asker.answer("watch_search", name="서버 구매", operation=GOODS, days=2, most_calls=5)
        assert first["success"]
        assert first["count"] == 0
        assert first["watch"]["operation"] == GOODS
        assert isinstance(asker.clock, StillClock)
        asker.clock.at = NOON + timedelta(hours=5)
        again = await asker.answer("watch_search", name="서버 구매")
        assert again["count"] > 0
        assert {one["change"] for one in again["news"]} == {"new"}
        assert all(one["notice_title"] for one in again["news"])
        assert (await asker.answer("watch_search", name="서버 구매"))["count"] == 0
        # beside a crawl of the same days nothing is mixed up
        stored = (await asker.answer("crawl_status"))["stored"]
        assert stored == {}
        # and the document tells all of it
        shelf = shelf_of(asker.runtime.client_of("naramarket"))
        assert shelf.found is not None
        (listed,) = await shelf.found()
        assert listed.address == f"naramarket://watch/{quote('서버 구매')}"
        _, text = await shelf.read(listed.address)
        assert f"{again['count']} new or changed" in text
        assert again["news"][0]["key"] in text
        with pytest.raises(NotFound, match="no saved search"):
            await shelf.read("naramarket://watch/nobody")


async def test_a_round_keeps_to_its_calls_and_goes_on_in_the_next(tmp_path: Path) -> None:
    async with simulated("naramarket", tmp_path, now=NOON) as asker:
        desk = desk_of(asker.runtime.client_of("naramarket"))
        await desk.on(lambda book: book.learn(GOODS, size=200))
        told = await asker.answer("watch_search", name="a", operation=GOODS, days=9, most_calls=3)
        assert not told["success"]
        assert told["gaps"]
        rounds = 1
        while not told["success"]:
            rounds += 1
            assert rounds < 20
            told = await asker.answer("watch_search", name="a")
        spent = (await asker.answer("quota_status"))["rows"][0]["spent"]
        assert rounds > 1
        assert spent <= 3 * rounds + 32  # those in flight when the limit was reached are still taken


def page(book: Book, watch: Watch, crawl: str, *rows: dict[str, str]) -> None:
    window = book.windows(crawl)[0].id
    call = book.calling(GOODS, now=NOON, crawl=crawl, window=window)
    book.page(
        SPEC.endpoint(GOODS), "registered", call=call, window=window, number=1, size=99, told=99, total=len(rows),
        rows=rows, at=NOON, watch=watch.name,
    )  # fmt: skip


def test_what_was_known_in_another_form_is_told_as_changed(tmp_path: Path) -> None:
    book = Book(tmp_path / "book.sqlite")
    watches, watch = Watches(book), Watch("w", GOODS, "registered", {}, 7, 9, None, None, None)
    watches.save(watch, now=NOON)
    crawl = book.begin(GOODS, "registered", {}, [None], now=NOON, watch="w")
    one, other = ({"bidNtceNo": f"R26BK0000000{at}", "bidNtceOrd": "000", "bidNtceNm": "x"} for at in (1, 2))
    page(book, watch, crawl, one)
    watches.ended("w", whole=True, now=NOON)
    page(book, watch, crawl, one, other, {**one, "bidNtceNm": "y"})
    told = {(news.change, news.row["bidNtceNo"], news.row["bidNtceNm"]) for news in watches.news("w")}
    assert told == {("changed", one["bidNtceNo"], "y"), ("new", other["bidNtceNo"], "x")}
    watches.save(watch, now=NOON)  # the same again: what it has seen stays
    assert len(watches.news("w")) == 2
    watches.save(Watch("w", GOODS, "registered", {"a": "b"}, 7, 9, None, None, None), now=NOON)
    assert watches.one("w").seen is None
    watches.remove("w")
    with pytest.raises(NotFound):
        watches.one("w")
    with pytest.raises(InvalidInput):
        watches.save(Watch("a/b", GOODS, "registered", {}, 7, 9, None, None, None), now=NOON)
    book.close()


@pytest.mark.parametrize(
    ("cost", "left", "seconds"),
    [(1, 1000, 1800.0), (10, 100, 43_200 / 11), (10, 9, 43_201.0), (0, 5, 43_200 / 6)],
)
def test_rounds_are_spread_so_that_the_calls_last_until_midnight(cost: int, left: int, seconds: float) -> None:
    assert next_look(NOON, every=1800.0, cost=cost, left=left) == pytest.approx(seconds, abs=1.0)


async def test_the_command_tells_saves_and_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dari.cli import saved_searches  # noqa: PLC0415 -- the command loads it so

    monkeypatch.setenv("DARI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DARI_DOTENV", str(tmp_path / "no.env"))
    asked: dict[str, Any] = {"by": None, "days": 1, "calls": 30, "every": 30.0, "once": True, "remove": False,
                             "as_json": False, "simulated": True, "seed": 1}  # fmt: skip
    with pytest.raises(InvalidInput):
        await saved_searches.watch(None, None, {}, **asked)
    assert await saved_searches.watch("w", GOODS, {}, **asked) == 0
    assert "w: 0 new or changed" in capsys.readouterr().out
    assert await saved_searches.watch(None, None, {}, **asked | {"as_json": True}) == 0
    assert '"watches"' in capsys.readouterr().out
    endless = asyncio.ensure_future(saved_searches.watch(None, None, {}, **asked | {"once": False}))
    for _ in range(500):
        await asyncio.sleep(0.02)
        if "next look in" in capsys.readouterr().err:
            break
    endless.cancel()
    await asyncio.gather(endless, return_exceptions=True)
    assert await saved_searches.watch("w", None, {}, **asked | {"remove": True}) == 0
