"""The day store comes up to date by itself where that costs few calls; a first fill runs beside the answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dari.app.kept_days import WINDOW, KeptDays
from dari.app.parts import Parts
from dari.app.places import Places
from dari.core.errors import InvalidInput, MissingCredential, SignInRefused, Unreachable
from dari.core.events import Events
from dari.core.krx import trading_days
from dari.settings import resolve
from dari.stores.filling import Filler
from tests.unit.stores.made import LAST, Charts, Exchange, clock


@asynccontextmanager
async def kept(
    folder: Path, source: Any, *, charts: Any = None, days: int = 0, **environment: str
) -> AsyncIterator[KeptDays]:
    """A store with `days` already in it, all but the newest two."""
    settings = resolve(environment={"DARI_DOTENV": str(folder / "no.env"), **environment}, home=folder)
    parts = Parts(
        settings=settings, clock=clock(), places=Places.of(str(folder)), events=Events(), simulated=False, seed=1
    )
    given: Callable[[], Any] | None = None if source is None else lambda: source
    async with parts.closing:
        one = KeptDays(parts, given, "", None if charts is None else lambda: charts)
        if days:
            older = trading_days(LAST, 3)[2]
            async for _ in Filler(one.store).from_days(Exchange(), older, days):
                pass
        yield one


async def test_a_day_or_two_are_fetched_before_the_answer(tmp_path: Path) -> None:
    source = Exchange()
    async with kept(tmp_path, source, days=WINDOW - 2) as one:
        history = await one.history(5)
        assert history is not None
        assert history.days[0] == LAST
        assert len(source.asked) == 4
        assert one.lacking == ""
        await one.history(5)
        assert len(source.asked) == 4


async def test_a_first_fill_runs_beside_and_is_said(tmp_path: Path) -> None:
    source = Exchange()
    async with kept(tmp_path, source) as one:
        assert await one.history(5) is None
        assert ("being filled" in one.lacking, one.filled_by) == (True, "time")
        assert one._first is not None
        await one._first
        history = await one.history(5)
        assert history is not None
        assert (history.days[0], one.lacking, len(source.asked)) == (LAST, "", 2 * WINDOW)


async def test_a_first_fill_is_stopped_with_the_process(tmp_path: Path) -> None:
    class Endless(Exchange):
        async def part(self, day: Any, market: Any) -> Any:
            await asyncio.sleep(3_600)
            return await super().part(day, market)

    async with kept(tmp_path, Endless()) as one:
        await one.history(5)
        first = one._first
        assert first is not None
        await asyncio.sleep(0)
    assert first.cancelled()


async def test_a_hole_of_two_weeks_is_filled_whole(tmp_path: Path) -> None:
    source = Exchange()
    async with kept(tmp_path, source) as one:
        async for _ in Filler(one.store).from_days(Exchange(), trading_days(LAST, 11)[10], WINDOW):
            pass
        assert await one.history(21) is not None
        assert "being filled" in one.lacking
        assert one._first is not None
        await one._first
        history = await one.history(21)
        assert history is not None
        assert (history.days, one.lacking, len(source.asked)) == (trading_days(LAST, 21), "", 20)


async def test_older_days_than_are_asked_for_are_not_missed(tmp_path: Path) -> None:
    async with kept(tmp_path, None) as one:
        async for _ in Filler(one.store).from_days(Exchange(), LAST, 5):
            pass
        assert await one.history(5) is not None
        assert (one.lacking, one.filled_by) == ("", "KRX_AUTH_KEY")
        await one.history(6)
        assert "lacks 1 of the 6 days" in one.lacking


async def test_off_means_by_hand(tmp_path: Path) -> None:
    source = Exchange()
    async with kept(tmp_path, source, DARI_DAYS_FILL="off") as one:
        assert await one.history(5) is None
        assert ("dari days fill" in one.lacking, one.filled_by) == (True, "dari days fill")
        assert source.asked == []
        told = [step async for step in one.filling("krx", 2)]
        assert told[-1].calls == 4
        assert one.store.days() == list(trading_days(LAST, 2))


async def test_a_day_that_is_not_published_is_not_asked_for_again_at_once(tmp_path: Path) -> None:
    source = Exchange(closed=[LAST])
    async with kept(tmp_path, source, days=WINDOW - 2) as one:
        history = await one.history(3)
        assert history is not None
        assert history.days[0] == trading_days(LAST, 2)[1]
        assert "lacks" in one.lacking
        asked = len(source.asked)
        await one.history(3)
        assert len(source.asked) == asked


@pytest.mark.parametrize("failure", [Unreachable("gone"), SignInRefused("who are you")])
async def test_an_answer_does_not_fail_for_a_fill(tmp_path: Path, failure: Exception) -> None:
    async with kept(tmp_path, Exchange(fails=failure), days=WINDOW - 2) as one:
        assert await one.history(3) is not None
        assert "could not be filled" in one.lacking


async def test_without_a_key_the_store_is_read_and_charts_can_fill_it(tmp_path: Path) -> None:
    charts = Charts(trading_days(LAST, 3))
    async with kept(tmp_path, None, charts=charts) as one:
        assert await one.history(3) is None
        assert one.lacking
        with pytest.raises(MissingCredential):
            one.filling("krx", 3)
        with pytest.raises(InvalidInput):
            one.filling("elsewhere", 3)
        async for _ in one.filling("kis", 3):
            pass
        history = await one.history(3)
        assert history is not None
        assert history.source == "kis"
        with pytest.raises(RuntimeError):
            one.fill(1)


async def test_without_pyarrow_an_answer_goes_without_the_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    async with kept(tmp_path, None, days=3) as one:
        monkeypatch.setattr("dari.stores.days.import_module", absent)
        assert await one.history(3) is None
        assert "dari[market]" in one.lacking


async def test_another_process_that_fills_is_left_alone(tmp_path: Path) -> None:
    source = Exchange()
    async with kept(tmp_path, source, days=WINDOW - 2) as one:
        other = Filler(one.store)
        lock = other._lock()
        assert await one.history(3) is not None
        lock.release()
        assert source.asked == []
