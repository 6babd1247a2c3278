"""Whatever Dari writes under DARI_HOME is for its owner alone, also where the umask would let others read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import simulated

TOUR: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("volume-ranking", "get_volume_ranking", {"count": 3}),
    ("kis-trade", "get_quote", {"symbol": "005930"}),
    ("kis-code", "find_api", {"question": "일봉"}),
    ("kiwoom", "get_stock_price", {"stock_code": "005930"}),
    ("naramarket", "search_notices", {"words": "서버", "limit": 2}),
    ("naramarket", "quota_status", {}),
)


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="platform: modes of files are POSIX's")
@pytest.mark.usefixtures("open_umask")
async def test_nobody_else_can_look_into_what_a_tour_leaves(tmp_path: Path) -> None:
    for server, tool, arguments in TOUR:
        async with simulated(server, tmp_path) as asker:
            await asker.answer(tool, **arguments)
    home = tmp_path / "home"
    files = [path for path in home.rglob("*") if not path.is_dir()]
    assert len(files) > 5
    folders = [home, *(path for path in home.rglob("*") if path.is_dir())]

    def open_to_others(path: Path) -> bool:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)

    reachable = [path for path in files if open_to_others(path) and not _shut(path, home)]
    assert [str(path.relative_to(home)) for path in reachable] == []
    listed = [path for path in folders if open_to_others(path) and not _shut(path, home)]
    assert [(str(path.relative_to(tmp_path)), oct(path.stat().st_mode)) for path in listed] == []


def _shut(path: Path, home: Path) -> bool:
    """Whether a folder above it, up to the home, keeps others out."""
    above = [one for one in path.parents if one == home or home in one.parents]
    return any(not stat.S_IMODE(one.stat().st_mode) & 0o011 for one in above)
