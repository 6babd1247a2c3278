"""The demo joins four simulators in its rankings, over days of its own that go with it."""

from __future__ import annotations

from pathlib import Path

from dari.app import demonstration
from dari.app.joining import KEYS
from dari.core.market import MARKETS
from tests.support import simulated


def test_everybody_joins_by_the_settings_of_the_demo() -> None:
    addresses = dict.fromkeys(("kis", "kiwoom", "krx", "dart", "naramarket"), "http://127.0.0.1:1")
    told = demonstration.settings(addresses)
    assert all(told.text(name) for names in KEYS.values() for name in names)
    assert set(KEYS) == set(told.text("DARI_RANKING_SOURCES").split(","))
    assert told.text("DARI_DAYS_FILL") == "off"


async def test_its_days_are_filled_once_and_gone_when_it_ends(tmp_path: Path) -> None:
    async with simulated("volume-ranking", tmp_path, DARI_RANKING_SOURCES="krx") as asker:
        store = asker.runtime.joining.days.store
        assert await demonstration.fill_days(asker.runtime, 1) == len(MARKETS)
        assert len(store.days()) == 1
        assert await demonstration.fill_days(asker.runtime, 1) == 0
    assert not store.folder.exists()
