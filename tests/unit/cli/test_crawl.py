"""`dari crawl`: a period read to its end, told as text or as one document, gone on with, refused."""

from __future__ import annotations

import json

import pytest

from tests.support import exits

GOODS = "BidPublicInfoService.getBidPblancListInfoThng"


def test_a_period_is_read_told_and_gone_on_with(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("crawl", GOODS, "--start", "2026-09-01", "--end", "2026-09-02", "--simulated")
    assert exits(*words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["success"]
    assert told["rows"] == told["receipts"][0]["expected"] > 0
    assert exits("crawl", "--resume", told["crawl"], "--simulated") == 0
    said = capsys.readouterr()
    assert f"{told['crawl']}: done, {told['rows']:,} rows" in said.out
    assert exits(*words) == 0
    assert "calls left today" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [(), (GOODS, "--start", "yesterday"), ("no.such",), (GOODS, "nonsense=1"), (GOODS, "--by", "magic"),
     ("--resume", "nobody"), (GOODS, "--start", "2026-09-02", "--end", "2026-09-01")],
)  # fmt: skip
def test_a_mistake_is_told_before_a_call_is_spent(words: tuple[str, ...]) -> None:
    assert exits("crawl", *words, "--simulated") == 2


def test_without_a_key_it_says_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits("crawl", GOODS) == 1
    assert "NARAMARKET_SERVICE_KEY" in capsys.readouterr().err
