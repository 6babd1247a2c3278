import io
import zipfile

import pytest

from dari.providers.kis.simulator import PAPER
from dari.providers.kis.spec import SPEC, master_files
from dari.worlds.market import Market
from tests.unit.kis_simulator.client import NOON, Client


async def test_a_price_agrees_with_the_world(client: Client, market: Market) -> None:
    row = await client.rows("inquire_price", {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"})
    quote = market.quote("005930", NOON)
    assert list(row) == [field.name for field in SPEC.endpoint("domestic_stock.inquire_price").blocks[0].fields]
    assert all(isinstance(value, str) for value in row.values())
    assert int(row["stck_prpr"]) == quote.price
    assert int(row["acml_tr_pbmn"]) == quote.value
    assert int(row["frgn_hldn_qty"]) == quote.issue.foreign_held
    assert float(row["per"]) == float(quote.per)
    assert int(row["hts_avls"]) == quote.market_cap // 100_000_000
    assert int(row["w52_hgpr"]) >= int(row["stck_hgpr"])


async def test_paper_reads_prices_too(client: Client) -> None:
    reply = await client.get("inquire_price", {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}, key=PAPER)
    assert reply.json()["output"]["stck_shrn_iscd"] == "005930"


async def test_a_code_that_is_not_listed_is_answered_with_zeros(client: Client) -> None:
    row = await client.rows("inquire_price", {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "999999"})
    assert row["stck_prpr"] == "0"
    assert row["stck_shrn_iscd"] in {"", "0"}


async def test_thirty_prices_at_once(client: Client, market: Market) -> None:
    codes = [issue.code for issue in market.issues[::90]][:30]
    asked = {f"FID_COND_MRKT_DIV_CODE_{number}": "J" for number in range(1, 31)}
    asked |= {f"FID_INPUT_ISCD_{number}": code for number, code in enumerate(codes, start=1)}
    rows = await client.rows("intstock_multprice", asked)
    assert [row["inter_shrn_iscd"] for row in rows] == codes
    for row in rows:
        quote = market.quote(row["inter_shrn_iscd"], NOON)
        assert int(row["inter2_prpr"]) == quote.price
        assert int(row["acml_tr_pbmn"]) == quote.value


async def test_index_units_are_million_won_and_thousand_shares(client: Client, market: Market) -> None:
    for code in ("0001", "1001", "0013"):
        row = await client.rows("inquire_index_price", {"FID_COND_MRKT_DIV_CODE": "U", "FID_INPUT_ISCD": code})
        index = market.index(code, NOON)
        assert int(row["acml_tr_pbmn"]) == index.value // 1_000_000
        assert int(row["acml_vol"]) == index.volume // 1_000
        assert row["bstp_nmix_prpr"] == str(index.level)


@pytest.mark.parametrize(("name", "board"), [("kospi", "KOSPI"), ("kosdaq", "KOSDAQ")])
async def test_master_files_are_cut_as_the_layout_says(client: Client, market: Market, name: str, board: str) -> None:
    reply = await client.http.get(f"/master/{name}_code.mst.zip")
    assert reply.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(reply.content))
    assert archive.namelist() == [f"{name}_code.mst"]
    lines = archive.read(f"{name}_code.mst").decode("cp949").splitlines()
    mine = [issue for issue in market.issues if issue.board == board]
    assert len(lines) == len(mine)
    tail = master_files()["layouts"][name]["tail"]
    width = sum(cell[2] for cell in tail)
    assert width == {"kospi": 227, "kosdaq": 221}[name]
    for line, issue in zip(lines, mine, strict=True):
        assert line[:9].strip() == issue.code
        assert line[9:21] == issue.isin
        assert line[21:-width].strip() == issue.name
        cells, place = {}, len(line) - width
        for korean, _, size in tail:
            cells[korean] = line[place : place + size]
            place += size
        quote = market.quote(issue.code, NOON)
        assert int(cells["기준가"]) == quote.base
        assert int(cells["전일거래량"]) == quote.previous_volume
        assert int(cells["상장주수(천)"]) == issue.shares // 1_000
        assert int(cells["전일시가총액(억)"]) == quote.base * issue.shares // 100_000_000
        assert cells["거래정지"] == ("Y" if issue.halted else "N")
        assert (cells["우선주"] == "1") is (issue.kind == "preferred")


async def test_sector_names_and_absent_files(client: Client) -> None:
    reply = await client.http.get("/master/idxcode.mst.zip")
    lines = zipfile.ZipFile(io.BytesIO(reply.content)).read("idxcode.mst").decode("cp949").splitlines()
    assert next(line for line in lines if line[1:5] == "0013")[5:].strip() == "전기·전자"
    assert (await client.http.get("/master/none.mst.zip")).status_code == 404


@pytest.mark.parametrize("name", ["nas", "nys", "ams", "hks", "shs", "szs", "tse", "hsx", "hnx"])
async def test_master_files_abroad_are_tables(client: Client, name: str) -> None:
    reply = await client.http.get(f"/master/{name}mst.cod.zip")
    lines = zipfile.ZipFile(io.BytesIO(reply.content)).read(f"{name}mst.cod").decode("cp949").splitlines()
    columns = master_files()["layouts"]["overseas"]["columns"]
    assert lines
    for line in lines:
        cells = dict(zip((korean for korean, _ in columns), line.split("\t"), strict=True))
        asked = {"EXCD": cells["거래소코드"], "SYMB": cells["심볼"], "AUTH": ""}
        row = await client.rows("overseas_stock.price", asked)
        assert row["base"] == cells["기준가"]


async def test_themes_name_listed_issues(client: Client, market: Market) -> None:
    reply = await client.http.get("/master/theme_code.mst.zip")
    lines = zipfile.ZipFile(io.BytesIO(reply.content)).read("theme_code.mst").decode("cp949").splitlines()
    assert all(line[-9:-3] in market.by_code for line in lines)
