"""One exchange rate a day, told alike by quotations and statements; a won figure is the foreign one times the rate."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from dari.providers.kis.simulator.answers.plain import walk_of
from dari.worlds.market import Market
from dari.worlds.market.abroad import won_rate
from tests.unit.kis_simulator.client import NOON, Client

ACCOUNT = {"CANO": "50001234", "ACNT_PRDT_CD": "01"}
BALANCE = ACCOUNT | {"WCRC_FRCR_DVSN_CD": "02", "NATN_CD": "000", "TR_MKET_CD": "00", "INQR_DVSN_CD": "00"}
STANDARD = ACCOUNT | {"BASS_DT": "20261120", "WCRC_FRCR_DVSN_CD": "02", "INQR_DVSN_CD": "00"}


async def quoted(client: Client, exchange: str, symbol: str) -> dict[str, Any]:
    return dict(await client.rows("overseas_stock.price_detail", {"AUTH": "", "EXCD": exchange, "SYMB": symbol}))


async def rates(client: Client) -> dict[str, Decimal]:
    places = (("NAS", "AAPL"), ("HKS", "00700"), ("SHS", "600519"), ("TSE", "7203"), ("HSX", "VNM"))
    told = [await quoted(client, exchange, symbol) for exchange, symbol in places]
    return {one["curr"]: Decimal(one["t_rate"]) for one in told}


async def test_a_price_abroad_is_told_in_won(client: Client) -> None:
    told = await quoted(client, "NAS", "TSLA")
    rate, last, base = Decimal(told["t_rate"]), Decimal(told["last"]), Decimal(told["base"])
    assert 1_000 < rate < 2_000
    assert int(told["t_xprc"]) == int(last * rate)
    assert int(told["t_xdif"]) == int(abs(last - base) * rate)
    assert Decimal(told["t_xrat"]) == ((last - base) * 100 / base).quantize(Decimal("0.01"))
    assert told["t_xsgn"] == {1: "2", 0: "3", -1: "5"}[int((last - base).compare(Decimal(0)))]
    many = {"AUTH": "", "NREC": "1", "EXCD_01": "NAS", "SYMB_01": "TSLA"}
    assert (await client.rows("overseas_stock.multprice", many, "output2"))[0]["t_xprc"] == told["t_xprc"]


@pytest.mark.parametrize(
    ("exchange", "symbol", "currency"),
    [("NASD", "AAPL", "USD"), ("SEHK", "00700", "HKD"), ("SHAA", "600519", "CNY"), ("TKSE", "7203", "JPY")],
)
async def test_what_may_be_bought_comes_with_the_rate(
    client: Client, exchange: str, symbol: str, currency: str
) -> None:
    asked = ACCOUNT | {"OVRS_EXCG_CD": exchange, "OVRS_ORD_UNPR": "10", "ITEM_CD": symbol}
    told = await client.rows("overseas_stock.inquire_psamount", asked)
    assert told["tr_crcy_cd"] == currency
    assert Decimal(told["exrt"]) == (await rates(client))[currency] > 0


@pytest.mark.parametrize(
    ("name", "asked"),
    [("inquire_present_balance", BALANCE), ("inquire_paymt_stdr_balance", STANDARD)],
)
async def test_balances_tell_every_currency_and_its_rate(client: Client, name: str, asked: dict[str, str]) -> None:
    known = await rates(client)
    body = (await client.get(f"overseas_stock.{name}", asked)).json()
    assert {one["crcy_cd"]: Decimal(one["frst_bltn_exrt"]) for one in body["output2"]} == known
    for one in body["output2"]:
        cash = Decimal(one["frcr_dncl_amt_2"])
        assert cash > 0
        assert int(one["frcr_evlu_amt2"]) == int(cash * known[one["crcy_cd"]])
    assert body["output1"]
    for one in body["output1"]:
        assert Decimal(one["bass_exrt"]) == known[one["buy_crcy_cd"]]


async def test_a_balance_of_one_country_tells_its_currency_alone(client: Client) -> None:
    body = (await client.get("overseas_stock.inquire_present_balance", BALANCE | {"NATN_CD": "344"})).json()
    assert [(one["crcy_cd"], one["crcy_cd_name"]) for one in body["output2"]] == [("HKD", "홍콩달러")]


async def test_margins_tell_the_rates_too(client: Client) -> None:
    known = await rates(client)
    rows = await client.rows("overseas_stock.foreign_margin", ACCOUNT)
    assert {one["crcy_cd"]: Decimal(one["bass_exrt"]) for one in rows} == known
    asked = ACCOUNT | {"CMA_EVLU_AMT_ICLD_YN": "N", "WCRC_FRCR_DVSN_CD": "01", "FWEX_CTRT_FRCR_DVSN_CD": "01"}
    told = await client.rows("domestic_stock.intgr_margin", asked)
    for currency in ("USD", "HKD", "JPY", "CNY"):
        assert Decimal(told[f"{currency.lower()}_frst_bltn_exrt"]) == known[currency]


def test_a_rate_holds_for_a_day_and_moves_with_days(market: Market) -> None:
    walk = walk_of(market.seed)
    assert won_rate(walk, "USD", NOON) == won_rate(walk, "USD", NOON + timedelta(hours=3))
    week = {won_rate(walk, "USD", NOON - timedelta(days=days)) for days in range(1, 8)}
    assert len(week) > 2
    assert won_rate(walk, "KRW", NOON) == 1
    with pytest.raises(KeyError):
        won_rate(walk, "EUR", NOON)


async def test_the_dollar_chart_opens_at_the_rate(client: Client, market: Market) -> None:
    asked = {"FID_COND_MRKT_DIV_CODE": "X", "FID_INPUT_ISCD": "FX@KRW"}
    asked |= {"FID_HOUR_CLS_CODE": "0", "FID_PW_DATA_INCU_YN": "Y"}
    now = await client.rows("overseas_stock.inquire_time_indexchartprice", asked, "output1")
    assert Decimal(now["ovrs_prod_oprc"]) == won_rate(walk_of(market.seed), "USD", NOON)


@pytest.mark.parametrize(
    ("name", "asked", "assets"),
    [
        ("inquire_present_balance", BALANCE, "tot_asst_amt"),
        ("inquire_paymt_stdr_balance", STANDARD, "tot_asst_amt2"),
    ],
)
async def test_a_balance_asked_in_won_is_the_foreign_one_times_the_rate(
    client: Client, name: str, asked: dict[str, str], assets: str
) -> None:
    foreign = (await client.get(f"overseas_stock.{name}", asked)).json()["output1"]
    body = (await client.get(f"overseas_stock.{name}", asked | {"WCRC_FRCR_DVSN_CD": "01"})).json()
    for here, there in zip(body["output1"], foreign, strict=True):
        rate = Decimal(here["bass_exrt"])
        assert rate > 1_000
        assert here["cblc_qty13"] == there["cblc_qty13"]
        assert here["evlu_pfls_rt1"] == there["evlu_pfls_rt1"]
        for field in ("ovrs_now_pric1", "frcr_pchs_amt", "frcr_evlu_amt2", "evlu_pfls_amt2"):
            assert abs(Decimal(here[field]) - Decimal(there[field]) * rate) <= rate / 100
    sums = body["output3"]
    worth = sum((Decimal(one["frcr_evlu_amt2"]) for one in body["output1"]), Decimal(0))
    money = sum(int(one["frcr_evlu_amt2"]) for one in body["output2"])
    assert abs(int(sums[assets]) - worth - money - 300_000_000) < 10
    gain = sum((Decimal(one["evlu_pfls_amt2"]) for one in body["output1"]), Decimal(0))
    assert abs(int(sums["tot_evlu_pfls_amt"]) - gain) < 2
