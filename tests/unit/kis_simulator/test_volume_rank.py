import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from dari.providers.kis import simulator as package
from dari.providers.kis.simulator.answers import rankings
from dari.worlds.market import Issue, Market
from tests.unit.kis_simulator.client import NOON, Client

BY_VALUE = {
    "FID_COND_MRKT_DIV_CODE": "J",
    "FID_INPUT_ISCD": "0000",
    "FID_DIV_CLS_CODE": "0",
    "FID_BLNG_CLS_CODE": "3",
    "FID_TRGT_CLS_CODE": "111111111",
    "FID_TRGT_EXLS_CLS_CODE": "0000000000",
}


async def test_thirty_rows_by_value_equal_the_truth(client: Client) -> None:
    for market, code in (("ALL", "0000"), ("KOSPI", "0001"), ("KOSDAQ", "1001")):
        rows = await client.rows("volume_rank", BY_VALUE | {"FID_INPUT_ISCD": code})
        truth = (await client.truth("volume-ranking", market=market, count=30))["ranking"]
        assert len(rows) == 30
        for row, right in zip(rows, truth, strict=True):
            assert int(row["data_rank"]) == right["rank"]
            assert row["mksc_shrn_iscd"] == right["stock_code"]
            assert row["hts_kor_isnm"] == right["stock_name"]
            assert int(row["acml_tr_pbmn"]) == right["trading_value"]
            assert int(row["acml_vol"]) == right["volume"]
            assert int(row["stck_prpr"]) == right["current_price"]
            assert int(row["prdy_vrss"]) == right["change"]
            assert float(row["prdy_ctrt"]) == right["change_rate"]
            assert float(row["vol_tnrt"]) == right["turnover_rate"]
            assert int(row["stck_prpr"]) * int(row["lstn_stcn"]) == right["market_cap"]


@pytest.mark.parametrize(
    "mutant",
    [
        lambda quotes, _key, **_: sorted(quotes, key=lambda quote: -quote.volume)[:30],
        lambda quotes, _key, **_: sorted(quotes, key=lambda quote: (quote.value, quote.code))[:30],
        lambda quotes, _key, **_: sorted(quotes, key=lambda quote: (-quote.value, quote.code))[1:31],
        lambda quotes, _key, **_: sorted(quotes, key=lambda quote: quote.code, reverse=True)[:30],
    ],
)
async def test_a_broken_ranking_does_not_break_the_truth(
    client: Client, monkeypatch: pytest.MonkeyPatch, mutant: Callable[..., object]
) -> None:
    right = [row["stock_code"] for row in (await client.truth("volume-ranking", count=30))["ranking"]]
    assert [row["mksc_shrn_iscd"] for row in await client.rows("volume_rank", BY_VALUE)] == right
    monkeypatch.setattr(rankings, "ranked", mutant)
    told = [row["mksc_shrn_iscd"] for row in await client.rows("volume_rank", BY_VALUE)]
    assert told != right
    assert [row["stock_code"] for row in (await client.truth("volume-ranking", count=30))["ranking"]] == right


def test_the_truth_knows_nothing_of_the_answers() -> None:
    for path in (Path(package.__file__).parent / "truth").glob("*.py"):
        assert "simulator.answers" not in path.read_text("utf-8"), path


async def test_ties_stand_in_code_order(client: Client, market: Market) -> None:
    truth = (await client.truth("volume-ranking", count=300))["ranking"]
    pairs = [
        (first, second)
        for first, second in itertools.pairwise(truth)
        if first["trading_value"] == second["trading_value"]
    ]
    assert len(pairs) >= 3
    assert all(first["stock_code"] < second["stock_code"] for first, second in pairs)
    assert market.quote(pairs[0][0]["stock_code"], NOON).value == pairs[0][0]["trading_value"]


async def test_price_bands_include_both_ends_and_partition(client: Client) -> None:
    rows = await client.rows("volume_rank", BY_VALUE)
    price = int(rows[4]["stck_prpr"])
    band = {"FID_INPUT_PRICE_1": str(price), "FID_INPUT_PRICE_2": str(price)}
    inside = await client.rows("volume_rank", BY_VALUE | band)
    assert rows[4]["mksc_shrn_iscd"] in {row["mksc_shrn_iscd"] for row in inside}
    assert {int(row["stck_prpr"]) for row in inside} == {price}
    below = await client.rows("volume_rank", BY_VALUE | {"FID_INPUT_PRICE_2": str(price - 1)})
    assert all(int(row["stck_prpr"]) < price for row in below)
    above = await client.rows("volume_rank", BY_VALUE | {"FID_INPUT_PRICE_1": str(price + 1)})
    assert all(int(row["stck_prpr"]) > price for row in above)


async def test_fifty_can_be_put_together_from_bands(client: Client) -> None:
    """Splitting the price axis wherever thirty rows all matter finds the exact fifty: what a client needs works."""
    found: dict[str, int] = {}
    bands = [(1, 10_000_000)]
    while bands:
        low, high = bands.pop()
        band = {"FID_INPUT_PRICE_1": str(low), "FID_INPUT_PRICE_2": str(high)}
        rows = await client.rows("volume_rank", BY_VALUE | band)
        found |= {row["mksc_shrn_iscd"]: int(row["acml_tr_pbmn"]) for row in rows}
        floor = sorted(found.values(), reverse=True)[:50][-1]
        if len(rows) == 30 and int(rows[-1]["acml_tr_pbmn"]) >= floor and low < high:
            middle = int((low * high) ** 0.5)
            bands += [(low, middle), (middle + 1, high)]
    best = sorted(found, key=lambda code: (-found[code], code))[:50]
    truth = (await client.truth("volume-ranking", count=50))["ranking"]
    assert best == [row["stock_code"] for row in truth]


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"FID_DIV_CLS_CODE": "2"}, lambda issue: issue.kind == "preferred"),
        ({"FID_DIV_CLS_CODE": "1"}, lambda issue: issue.kind != "preferred"),
        ({"FID_TRGT_EXLS_CLS_CODE": "0000001001"}, lambda issue: issue.kind not in {"etf", "spac"}),
        ({"FID_TRGT_EXLS_CLS_CODE": "000010"}, lambda issue: issue.kind != "preferred"),
        ({"FID_TRGT_EXLS_CLS_CODE": "1100000000"}, lambda issue: not issue.warning and not issue.administered),
        ({"FID_TRGT_CLS_CODE": "010000000"}, lambda issue: issue.margin == 40),
        ({"FID_INPUT_ISCD": "0013"}, lambda issue: issue.sector == "0013"),
    ],
)
async def test_filters(client: Client, market: Market, change: dict[str, str], kept: Callable[[Issue], bool]) -> None:
    rows = await client.rows("volume_rank", BY_VALUE | change)
    quotes = market.snapshot(NOON).quotes.values()
    traded = [quote for quote in quotes if quote.volume and kept(quote.issue)]
    right = sorted(traded, key=lambda quote: (-quote.value, quote.code))[:30]
    assert [row["mksc_shrn_iscd"] for row in rows] == [quote.code for quote in right]


@pytest.mark.parametrize(
    ("order", "figure"),
    [
        ("0", lambda row: int(row["avrg_vol"])),
        ("1", lambda row: float(row["vol_inrt"])),
        ("2", lambda row: float(row["nday_vol_tnrt"])),
        ("4", lambda row: float(row["tr_pbmn_tnrt"])),
    ],
)
async def test_orders(client: Client, order: str, figure: Callable[[dict[str, str]], float]) -> None:
    figures = [figure(row) for row in await client.rows("volume_rank", BY_VALUE | {"FID_BLNG_CLS_CODE": order})]
    assert figures == sorted(figures, reverse=True)
    assert figures[0] > 0


async def test_growth_is_todays_volume_over_yesterdays(client: Client) -> None:
    row = (await client.rows("volume_rank", BY_VALUE | {"FID_BLNG_CLS_CODE": "1"}))[0]
    assert abs(float(row["vol_inrt"]) - int(row["acml_vol"]) * 100 / int(row["prdy_vol"])) < 0.006


async def test_venues_differ_and_add_up(client: Client) -> None:
    codes = {}
    for code in ("J", "NX", "UN"):
        rows = await client.rows("volume_rank", BY_VALUE | {"FID_COND_MRKT_DIV_CODE": code})
        codes[code] = {row["mksc_shrn_iscd"]: int(row["acml_tr_pbmn"]) for row in rows}
    both = codes["J"].keys() & codes["NX"].keys() & codes["UN"].keys()
    assert both
    assert all(codes["J"][code] + codes["NX"][code] == codes["UN"][code] for code in both)


async def test_a_truth_of_nonsense_is_refused(client: Client) -> None:
    for query in ("market=NYSE", "sort_by=name", "count=x", "exclude=bonds", "venue=LSE"):
        assert (await client.http.get(f"/__truth__/volume-ranking?{query}")).status_code == 400
    assert (await client.http.get("/__truth__/nothing")).status_code == 404
