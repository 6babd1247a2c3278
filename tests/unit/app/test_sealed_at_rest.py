"""With DARI_STORE_KEY nothing an upstream has told lies open in a file; another key is told, with its cure."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from dari.app.naramarket import desk_of
from dari.core.errors import BadSetting
from dari.core.exchange import Reply
from dari.core.sealing import MAGIC, Sealing
from dari.core.shared_state import FileState
from dari.core.shared_state.sealed import SealedState
from dari.providers.dart.filings import Filings
from dari.providers.naramarket.crawler.attributes import Attributes
from dari.stores.days import DayStore
from tests.support import MORNING, Asker, simulated
from tests.unit.naramarket.conftest import GOODS
from tests.unit.stores.made import LAST, clock, row

OLD, NEW = (base64.b64encode(secrets.token_bytes(32)).decode() for _ in range(2))
PLANTED = "캐나리-canary-7391"
PRICE = {"FID_COND_MRKT_DIV_CODE": "J", "FID_INPUT_ISCD": "005930"}


def lying(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def found(folder: Path, text: str) -> bool:
    kept = lying(folder)
    return text.encode() in kept or json.dumps(text)[1:-1].encode() in kept


@asynccontextmanager
async def trade(folder: Path, key: str) -> AsyncIterator[Asker]:
    async with simulated("kis-trade", folder, DARI_STORE_KEY=key) as asker:
        yield asker


async def quoted(asker: Asker) -> None:
    outcome = await asker.outcome("call_endpoint", endpoint="domestic_stock.inquire_price", parameters=PRICE)
    assert outcome.error is None, outcome.text


@pytest.mark.parametrize("key", ["", NEW], ids=["open", "sealed"])
async def test_the_cache_and_the_token_lie_open_only_without_a_key(tmp_path: Path, key: str) -> None:
    async with trade(tmp_path, key) as asker:
        await quoted(asker)
        client = asker.runtime.client_of("kis")
        grant = await client.grants.get("default", "real")
        assert grant is not None
        kept = await client.state.names("reply *")
        assert kept
        assert found(tmp_path, "stck_prpr") is found(tmp_path, grant.token) is (not key)
        assert key == "" or not found(tmp_path, key)
    async with trade(tmp_path, key) as asker:  # another process reads what this one has kept
        await quoted(asker)
        assert asker.runtime.client_of("kis").cache.counts.l2_hits == 1


async def test_a_key_is_changed_and_a_lost_one_is_named(tmp_path: Path) -> None:
    async with trade(tmp_path, OLD) as asker:
        await quoted(asker)
    async with trade(tmp_path, f"{NEW},{OLD}") as asker:
        await quoted(asker)
        assert asker.runtime.client_of("kis").cache.counts.l2_hits == 1
    for lost in (NEW, ""):
        async with trade(tmp_path, lost) as asker:
            outcome = await asker.outcome("call_endpoint", endpoint="domestic_stock.inquire_price", parameters=PRICE)
            assert outcome.error == "bad_setting"
            assert "DARI_STORE_KEY" in outcome.text
            assert OLD not in outcome.text
    async with trade(tmp_path, NEW) as asker:
        await asker.runtime.client_of("kis").cache.clear("*")  # what the hint says
        await quoted(asker)


async def test_a_days_list_that_another_key_has_sealed_is_asked_for_again(tmp_path: Path) -> None:
    day = LAST - timedelta(days=1)
    state = FileState(tmp_path, clock())
    listed = [{"corp_code": "1", "rcept_no": "20261118000001", "report_nm": PLANTED, "rcept_dt": f"{day:%Y%m%d}"}]

    class Upstream:
        asked: ClassVar[list[str]] = []

        def now(self) -> datetime:
            return MORNING

        async def ask(self, endpoint: str, *_: object, **__: object) -> Reply:
            self.asked.append(endpoint)
            rows = [{"stock_code": "005930", "corp_code": "1"}] if endpoint == "corpCode" else listed
            return Reply({"list": rows, "total": len(rows)}, MORNING)

    upstream: Any = Upstream()
    for key, asked in ((OLD, 1), (OLD, 0), (NEW, 1), ("", 1), ("", 0)):
        sealing = Sealing.of(key)
        told = await Filings(upstream, SealedState(state, sealing) if sealing else state).of_day(["005930"], day)
        assert told["005930"][0].title == PLANTED
        assert upstream.asked.count("list") == asked
        assert found(tmp_path, PLANTED) is (not key)
        upstream.asked.clear()


async def test_a_word_that_is_no_key_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadSetting) as told:
        async with trade(tmp_path, "hunter2hunter2"):
            pass
    assert "hunter2" not in told.value.message


# --- what is stored -------------------------------------------------------------------------------------------------


def crawled(asker: Asker, *, name: str = PLANTED) -> None:
    """A page of one notice whose name is the planted text, and one product's attributes."""
    from tests.unit.naramarket.test_book import notice, page  # noqa: PLC0415 -- its helpers, for this alone

    book = desk_of(asker.runtime.client_of("naramarket")).book
    page(book, notice(1, name))
    Attributes(book).keep("11", {"재질": name}, now=MORNING)


def names(asker: Asker) -> list[str]:
    book = desk_of(asker.runtime.client_of("naramarket")).book
    told = Attributes(book).known(["11"])["11"]["재질"]
    return [*(one["bidNtceNm"] for one in book.rows(GOODS)), told]


@pytest.mark.parametrize("key", ["", NEW], ids=["open", "sealed"])
async def test_crawled_rows_lie_open_only_without_a_key(tmp_path: Path, key: str) -> None:
    pytest.importorskip("duckdb")
    async with simulated("naramarket", tmp_path, DARI_STORE_KEY=key) as asker:
        crawled(asker)
        assert names(asker) == [PLANTED] * 2
        (blob,) = desk_of(asker.runtime.client_of("naramarket")).book.told("SELECT packed FROM leaves")[0]
        assert blob.startswith(MAGIC) is bool(key)
        (kept,) = desk_of(asker.runtime.client_of("naramarket")).book.told("SELECT told FROM attributes")[0]
        assert (PLANTED in kept) is (not key)
        told = await asker.answer("query_store", operation=GOODS, sql="SELECT bidNtceNm FROM rows")
        assert told["rows"] == [[PLANTED]]


async def test_a_page_of_another_key_is_named_and_an_older_open_one_is_read(tmp_path: Path) -> None:
    async with simulated("naramarket", tmp_path) as asker:
        crawled(asker, name="open")
    async with simulated("naramarket", tmp_path, DARI_STORE_KEY=OLD) as asker:
        assert names(asker) == ["open"] * 2
        crawled(asker)
        assert names(asker) == [PLANTED] * 2
    async with simulated("naramarket", tmp_path, DARI_STORE_KEY=f"{NEW},{OLD}") as asker:
        assert names(asker) == [PLANTED] * 2
    async with simulated("naramarket", tmp_path, DARI_STORE_KEY=NEW) as asker:
        outcome = await asker.outcome("query_store", operation=GOODS, sql="SELECT bidNtceNm FROM rows")
        assert (outcome.error, PLANTED in outcome.text) == ("bad_setting", False)
        assert not found(tmp_path, PLANTED)


def days(folder: Path, key: str) -> DayStore:
    return DayStore(folder / "days", clock(), Sealing.of(key))


@pytest.mark.parametrize("key", ["", NEW], ids=["open", "sealed"])
def test_days_lie_open_only_without_a_key(tmp_path: Path, key: str) -> None:
    planted = row("005930", LAST)
    store = days(tmp_path, key)
    store.commit(LAST, "KOSPI", [planted], source="krx")
    store.commit(LAST, "KOSDAQ", [], source="krx")
    assert store.part(LAST, "KOSPI")[0] == [planted]
    assert found(tmp_path, planted.name) is (not key)
    history = days(tmp_path, key).history(1)
    assert history is not None
    assert history.shares["005930"].row == planted


def test_a_day_of_another_key_is_named(tmp_path: Path) -> None:
    days(tmp_path, OLD).commit(LAST, "KOSPI", [row("005930", LAST)], source="krx")
    assert len(days(tmp_path, f"{NEW},{OLD}").part(LAST, "KOSPI")[0]) == 1
    for lost in (NEW, ""):
        with pytest.raises(BadSetting) as told:
            days(tmp_path, lost).part(LAST, "KOSPI")
        assert "DARI_STORE_KEY" in told.value.hint.en
    days(tmp_path, "").commit(LAST - timedelta(days=1), "KOSPI", [row("005930", LAST)], source="krx")
    assert len(days(tmp_path, NEW).part(LAST - timedelta(days=1), "KOSPI")[0]) == 1  # older than the key


def test_a_broken_day_is_no_matter_of_keys(tmp_path: Path) -> None:
    store = days(tmp_path, NEW)
    store.commit(LAST, "KOSPI", [row("005930", LAST)], source="krx")
    next((tmp_path / "days").glob("*.parquet")).write_bytes(b"PAR1 cut off")
    with pytest.raises(Exception, match=r"(?i)parquet") as told:
        store.part(LAST, "KOSPI")
    assert not isinstance(told.value, BadSetting)


def test_duckdb_reads_a_day_with_the_key(tmp_path: Path) -> None:
    duckdb = pytest.importorskip("duckdb")
    days(tmp_path, NEW).commit(LAST, "KOSPI", [row("005930", LAST)], source="krx")
    base = duckdb.connect()
    base.execute(f"PRAGMA add_parquet_key('ours', '{NEW}')")
    file = str(next((tmp_path / "days").glob("*.parquet")))
    told = base.execute("SELECT code FROM read_parquet(?, encryption_config={footer_key: 'ours'})", [file]).fetchall()
    assert told == [("005930",)]
