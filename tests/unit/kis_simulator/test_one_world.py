"""The same quantity is the same wherever it is read."""

import random
from datetime import timedelta
from typing import Any

import pytest

from dari.core import krx
from dari.providers.kis.simulator.streams.frames import market_records, stream_subject
from dari.providers.kis.spec import SPEC
from dari.worlds.market import Market, partition
from tests.unit.kis_simulator.client import NOON, Client

CHART = {"FID_COND_MRKT_DIV_CODE": "J", "FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "0"}
DATES = {"FID_INPUT_DATE_1": "20260101", "FID_INPUT_DATE_2": "20261120"}
NEWS = {"FID_INPUT_DATE_1": "", "FID_INPUT_HOUR_1": ""}
COUNTS = {"FID_INPUT_ISCD": "0000", "FID_DIV_CLS_CODE": "1", "FID_RANK_SORT_CLS_CODE": "0", "FID_ETC_CLS_CODE": "1"}
SECTORS = {"FID_INPUT_ISCD": "0001", "FID_MRKT_CLS_CODE": "K", "FID_BLNG_CLS_CODE": "0"}


def some_codes(market: Market, count: int) -> list[str]:
    return [issue.code for issue in random.Random(1).sample(market.issues, count)]


async def test_two_hundred_issues_agree_in_three_places(client: Client, market: Market) -> None:
    codes = some_codes(market, 200)
    many: dict[str, Any] = {}
    for first in range(0, 200, 30):
        part = codes[first : first + 30]
        asked = {f"FID_COND_MRKT_DIV_CODE_{number}": "J" for number in range(1, 31)}
        asked |= {f"FID_INPUT_ISCD_{number}": code for number, code in enumerate(part, start=1)}
        asked |= {f"FID_INPUT_ISCD_{number}": "" for number in range(len(part) + 1, 31)}
        many |= {row["inter_shrn_iscd"]: row for row in await client.rows("intstock_multprice", asked)}
    for code in codes:
        one = await client.rows("inquire_price", {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code})
        chart = (await client.get("inquire_daily_itemchartprice", CHART | DATES | {"FID_INPUT_ISCD": code})).json()
        bar, head = chart["output2"][0], chart["output1"]
        assert one["stck_prpr"] == many[code]["inter2_prpr"] == bar["stck_clpr"] == head["stck_prpr"]
        assert one["acml_vol"] == many[code]["acml_vol"] == bar["acml_vol"] == head["acml_vol"]
        assert one["acml_tr_pbmn"] == many[code]["acml_tr_pbmn"] == bar["acml_tr_pbmn"] == head["acml_tr_pbmn"]
        assert one["stck_hgpr"] == many[code]["inter2_hgpr"] == bar["stck_hgpr"]
        assert one["stck_sdpr"] == many[code]["inter2_sdpr"] == chart["output2"][1]["stck_clpr"]


async def test_two_hundred_ticks_are_the_quotes(client: Client, market: Market) -> None:
    """The same issues as above, in the trade frame (H0STCNT0) and in the book frame (H0STASP0)."""
    trade, book = (SPEC.endpoint(f"domestic_stock.{name}") for name in ("ccnl_krx", "asking_price_krx"))
    for code in some_codes(market, 200):
        quote = await client.rows("inquire_price", {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": code})
        subject = stream_subject(market, trade, code, NOON)
        assert subject is not None
        names = [one.name for one in trade.blocks[0].fields]
        tick = dict(zip(names, market_records(trade, subject, 1)[-1], strict=True))
        pairs = {"STCK_PRPR": "stck_prpr", "ACML_VOL": "acml_vol", "ACML_TR_PBMN": "acml_tr_pbmn"}
        pairs |= {"STCK_OPRC": "stck_oprc", "STCK_HGPR": "stck_hgpr", "STCK_LWPR": "stck_lwpr"}
        assert {name: tick[name] for name in pairs} == {name: quote[other] for name, other in pairs.items()}
        names = [one.name for one in book.blocks[0].fields]
        asks = dict(zip(names, market_records(book, subject, 1)[-1], strict=True))
        assert (tick["ASKP1"], tick["BIDP1"]) == (asks["ASKP1"], asks["BIDP1"])


async def test_the_board_and_its_own_statistics_agree_by_every_name(client: Client, market: Market) -> None:
    """One share's price, volume and value through six endpoints of the generic kind."""
    asked = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "000660"}
    quote = market.quote("000660", NOON)
    days = await client.rows("inquire_daily_price", asked | {"FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "0"})
    ticks = await client.rows("inquire_ccnl", asked)
    book = await client.rows("inquire_asking_price_exp_ccn", asked, "output1")
    minutes = (await client.get("inquire_time_itemchartprice", asked | {"FID_INPUT_HOUR_1": "110000"})).json()
    assert [int(row["stck_prpr"]) for row in (ticks[0], minutes["output1"])] == [quote.price] * 2
    assert int(days[0]["stck_clpr"]) == int(minutes["output2"][0]["stck_prpr"]) == quote.price
    assert int(days[0]["acml_vol"]) == int(minutes["output1"]["acml_vol"]) == quote.volume
    assert int(minutes["output1"]["acml_tr_pbmn"]) == quote.value
    assert int(book["askp1"]) == market.book("000660", NOON).asks[0].price
    assert int(book["total_bidp_rsqn"]) == market.book("000660", NOON).bid_total
    one = await client.rows("inquire_price", asked)
    estimate = await client.rows("investor_trend_estimate", {"MKSC_SHRN_ISCD": "000660"}, "output2")
    assert int(one["frgn_ntby_qty"]) == int(estimate[0]["frgn_fake_ntby_qty"])
    program = await client.rows("inquire_daily_price", asked | {"FID_PERIOD_DIV_CODE": "D", "FID_ORG_ADJ_PRC": "0"})
    assert program == days


async def test_bars_stop_at_a_hundred_and_keep_to_their_days(client: Client) -> None:
    chart = CHART | DATES | {"FID_INPUT_ISCD": "000660"}
    bars = await client.rows("inquire_daily_itemchartprice", chart, "output2")
    assert [bar["stck_bsop_date"] for bar in bars] == [f"{day:%Y%m%d}" for day in krx.trading_days(NOON.date(), 100)]
    few = await client.rows("inquire_daily_itemchartprice", chart | {"FID_INPUT_DATE_1": "20261116"}, "output2")
    assert few == bars[:5]
    months = await client.rows("inquire_daily_itemchartprice", chart | {"FID_PERIOD_DIV_CODE": "M"}, "output2")
    assert len(months) == 11
    november = [bar for bar in bars if bar["stck_bsop_date"][:6] == "202611"]
    assert int(months[0]["acml_vol"]) == sum(int(bar["acml_vol"]) for bar in november)
    assert int(months[0]["stck_hgpr"]) == max(int(bar["stck_hgpr"]) for bar in november)
    weeks = await client.rows("inquire_daily_itemchartprice", chart | {"FID_PERIOD_DIV_CODE": "W"}, "output2")
    assert weeks[0]["stck_oprc"] == bars[4]["stck_oprc"]
    bad = await client.get("inquire_daily_itemchartprice", chart | {"FID_INPUT_DATE_1": "yesterday"})
    assert bad.json()["rt_cd"] == "2"


async def test_sectors_of_a_market_add_up(client: Client, market: Market) -> None:
    reply = (await client.get("inquire_index_category_price", SECTORS)).json()
    rows = {row["bstp_cls_code"]: row for row in reply["output2"]}
    assert reply["output1"]["acml_tr_pbmn"] == rows["0001"]["acml_tr_pbmn"]
    parts = [sector.code for sector in partition("KOSPI")]
    total = sum(int(rows[code]["acml_tr_pbmn"]) for code in parts)
    assert 0 <= int(rows["0001"]["acml_tr_pbmn"]) - total < len(parts)
    alone = await client.rows("inquire_index_price", {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": "0013"})
    assert alone["acml_tr_pbmn"] == rows["0013"]["acml_tr_pbmn"]
    assert int(rows["0013"]["acml_vol"]) == market.index("0013", NOON).volume // 1000


async def test_investors_of_a_market_are_those_of_its_issues(client: Client, market: Market) -> None:
    row = (await client.rows("inquire_investor_time_by_market", {"fid_input_iscd": "KSP", "fid_input_iscd_2": "0001"}))[
        0
    ]
    flows = [market.flows(issue.code, NOON) for issue in market.members["0001"]]
    whole = sum(one["individual"].net_value for one in flows)
    assert int(row["prsn_ntby_tr_pbmn"]) == (abs(whole) // 1_000_000) * (1 if whole > 0 else -1)
    nets = [int(row[f"{who}_ntby_tr_pbmn"]) for who in ("prsn", "frgn", "orgn", "etc_corp")]
    assert abs(sum(nets)) < 4
    sector = (
        await client.rows("inquire_investor_time_by_market", {"fid_input_iscd": "KSP", "fid_input_iscd_2": "0013"})
    )[0]
    assert 0 < int(sector["frgn_shnu_tr_pbmn"]) < int(row["frgn_shnu_tr_pbmn"])


async def test_an_issues_investors_are_blank_until_the_close(client: Client, market: Market) -> None:
    asked = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}
    today, yesterday = (await client.rows("inquire_investor", asked))[:2]
    assert today["stck_bsop_date"] == "20261120"
    assert today["frgn_ntby_qty"] == ""
    sides = [int(yesterday[f"{who}_shnu_vol"]) for who in ("prsn", "frgn", "orgn")]
    corporations = market.flows_of_day("005930", market.bar("005930", krx.previous_trading_day(NOON.date())))
    sides.append(corporations["other_corporation"].bought)
    assert sum(sides) == market.quote("005930", NOON).previous_volume


@pytest.mark.parametrize(("kind", "prefix"), [("1", "frgn"), ("2", "orgn")])
@pytest.mark.parametrize("order", ["0", "1"])
async def test_provisional_counts_rank_by_what_they_show(client: Client, kind: str, prefix: str, order: str) -> None:
    asked = COUNTS | {"FID_ETC_CLS_CODE": kind, "FID_RANK_SORT_CLS_CODE": order}
    rows = await client.rows("foreign_institution_total", asked, "Output")
    figures = [int(row[f"{prefix}_ntby_tr_pbmn"]) for row in rows]
    assert len(rows) == 30
    assert figures == sorted(figures, reverse=order == "0")
    assert all((figure > 0) is (order == "0") for figure in figures)
    investor = {"frgn": "FOREIGN", "orgn": "INSTITUTION"}[prefix]
    side = {"0": "BUY", "1": "SELL"}[order]
    truth = await client.truth("investor-ranking", investor_type=investor, side=side, count=30)
    assert [row["mksc_shrn_iscd"] for row in rows] == [row["stock_code"] for row in truth["ranking"]]
    assert [figure * 1_000_000 for figure in figures] == [row["net_amount"] for row in truth["ranking"]]


async def test_counts_come_at_their_hours(market: Market) -> None:
    early, later = market.estimates(NOON.replace(hour=9, minute=40)), market.estimates(NOON)
    assert early.foreign_at == NOON.replace(hour=9, minute=30)
    assert early.institutions_at is None
    assert early.net("005930", "institution") == 0
    assert later.institutions_at == NOON.replace(hour=10)
    assert market.estimates(NOON.replace(hour=9, minute=10)).foreign == {}


async def test_capitalisations(client: Client) -> None:
    rows = await client.rows(
        "market_cap", {"fid_cond_mrkt_div_code": "J", "fid_input_iscd": "0000", "fid_div_cls_code": "0"}
    )
    truth = (await client.truth("market-cap-ranking", count=30))["ranking"]
    for row, right in zip(rows, truth, strict=True):
        assert row["mksc_shrn_iscd"] == right["stock_code"]
        assert int(row["stck_avls"]) * 100_000_000 == right["published_market_cap"]
        assert float(row["mrkt_whol_avls_rlim"]) == right["weight"]
        assert int(row["stck_prpr"]) * int(row["lstn_stcn"]) == right["market_cap"]


async def test_news_are_those_of_the_world_and_never_from_the_future(client: Client, market: Market) -> None:
    rows = await client.rows("news_title", NEWS | {"FID_INPUT_ISCD": "005930"})
    today = [row for row in rows if row["data_dt"] == "20261120"]
    assert len(today) == len(market.news("005930", NOON)) > 0
    assert all(row["data_tm"] <= "110000" for row in today)
    moments = [row["data_dt"] + row["data_tm"] for row in rows]
    assert moments == sorted(moments, reverse=True)
    before = await client.rows(
        "news_title", {"FID_INPUT_ISCD": "005930", "FID_INPUT_DATE_1": "0020261119", "FID_INPUT_HOUR_1": ""}
    )
    assert before[0]["data_dt"] <= "20261119"
    everybody = await client.rows("news_title", NEWS)
    assert len(everybody) == 40


async def test_interruptions_stand_where_the_price_went(client: Client, market: Market) -> None:
    asked = {
        "FID_DIV_CLS_CODE": "0",
        "FID_MRKT_CLS_CODE": "0",
        "FID_RANK_SORT_CLS_CODE": "0",
        "FID_INPUT_DATE_1": "20261120",
    }
    rows = await client.rows("inquire_vi_status", asked)
    assert rows
    for row in rows:
        quote = market.quote(row["mksc_shrn_iscd"], NOON)
        assert quote.high * 100 >= quote.base * 109 or quote.low * 100 <= quote.base * 91
        assert int(row["vi_stnd_prc"]) == quote.base
    up = await client.rows("inquire_vi_status", asked | {"FID_DIV_CLS_CODE": "1"})
    assert all(float(row["vi_dprt"]) > 0 for row in up)


async def test_the_calendar(client: Client) -> None:
    rows = await client.rows("chk_holiday", {"BASS_DT": "20260921"})
    assert [row["bass_dt"] for row in rows if row["opnd_yn"] == "Y"][:4] == [
        "20260921",
        "20260922",
        "20260923",
        "20260928",
    ]
    assert rows[0]["wday_dvsn_cd"] == "02"
    assert len(rows) >= 24


async def test_near_highs_are_the_nearest_of_all(client: Client, market: Market) -> None:
    asked = {"fid_aply_rang_vol": "0", "fid_div_cls_code": "0", "fid_prc_cls_code": "0", "fid_input_iscd": "1001"}
    asked |= {"fid_trgt_cls_code": "0", "fid_trgt_exls_cls_code": "0"}
    rows = await client.rows("near_new_highlow", asked)
    rates = [float(row["hprc_near_rate"]) for row in rows]
    assert rates == sorted(rates)
    listed = {row["mksc_shrn_iscd"] for row in rows}
    for code in some_codes(market, 120):
        quote = market.quote(code, NOON)
        if quote.issue.board == "KOSDAQ" and quote.volume and code not in listed:
            assert (market.range(code, NOON)[0] - quote.price) * 100 / quote.price >= rates[-1] - 0.006


@pytest.mark.parametrize("period", ["1D", "5D", "20D"])
async def test_growth_is_over_the_days_before(client: Client, market: Market, period: str) -> None:
    truth = await client.truth("volume-change-ranking", market="KOSPI", period=period, count=30)
    days = int(period[:-1])
    row = truth["ranking"][0]
    bars = market.daily(row["stock_code"], NOON, days + 1)
    mean = sum(bar.volume for bar in bars[1:]) / days
    assert row["previous_shares"] == pytest.approx(mean, abs=0.01)
    assert row["shares_change_rate"] == pytest.approx((bars[0].volume - mean) / mean * 100, abs=0.006)
    rates = [row["shares_change_rate"] for row in truth["ranking"]]
    assert rates == sorted(rates, reverse=True)
    asked = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "0001", "FID_DIV_CLS_CODE": "0", "FID_BLNG_CLS_CODE": "1"}
    rows = await client.rows("volume_rank", asked | {"FID_TRGT_CLS_CODE": "111111111", "FID_TRGT_EXLS_CLS_CODE": ""})
    assert {row["mksc_shrn_iscd"] for row in rows} == {row["stock_code"] for row in truth["ranking"]}


async def test_unusual_volume_counts_days_and_causes(client: Client, market: Market) -> None:
    evening = (NOON + timedelta(hours=9)).isoformat()
    truth = await client.truth("unusual-volume", threshold=150, candidates=60, count=50, at=evening)
    rows = truth["unusual_stocks"]
    assert rows
    for row in rows:
        bars = market.daily(row["stock_code"], NOON + timedelta(hours=9), 42)
        ratios = [bars[day].volume * 2000 / sum(bar.volume for bar in bars[day + 1 : day + 21]) for day in range(21)]
        assert row["volume_ratio"] == pytest.approx(ratios[0], abs=0.006)
        assert all(ratio >= 150 for ratio in ratios[: row["consecutive_days"]])
        assert ratios[row["consecutive_days"]] < 150
    assert any(row["evidence"]["vi_count"] for row in rows)


async def test_sector_truth_follows_the_published_rows(client: Client) -> None:
    truth = await client.truth("sector-volume-ranking", market="KOSPI", count=30)
    rows = {row["bstp_cls_code"]: row for row in await client.rows("inquire_index_category_price", SECTORS, "output2")}
    assert truth["total"] == len(partition("KOSPI"))
    for row in truth["ranking"]:
        assert int(rows[row["sector_code"]]["acml_tr_pbmn"]) * 1_000_000 == row["trading_value"]
        assert int(rows[row["sector_code"]]["acml_vol"]) * 1_000 == row["trading_volume"]
        assert float(rows[row["sector_code"]]["bstp_nmix_prdy_ctrt"]) == row["index_change_rate"]
