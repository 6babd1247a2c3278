"""A line of the master file, field by field as KIS lays it out."""

from __future__ import annotations

import pytest

from dari.providers.kis.models import listed
from dari.providers.kis.spec import master_files


@pytest.mark.parametrize(("code", "overheated"), [("0", False), ("1", False), ("2", True), ("3", True), (" ", False)])
def test_overheated_is_what_the_exchange_has_designated(code: str, *, overheated: bool) -> None:
    """0 none, 1 announced, 2 designated, 3 prolonged."""
    layout = master_files()["layouts"]["kospi"]
    tail = "".join((code if name == "단기과열" else " ").ljust(width) for name, _, width in layout["tail"])
    line = "005930".ljust(9) + "KR7005930003" + "삼성전자" + tail[: layout["tail_width"]].ljust(layout["tail_width"])
    told = listed(line, layout)
    assert (told.code, told.name, told.overheated) == ("005930", "삼성전자", overheated)
