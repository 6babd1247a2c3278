"""Every way of every operation answers with the rows its sheet promises, dated inside the window that was asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest

from dari.core.endpoint import Endpoint
from dari.providers.naramarket.simulator.bindings import bound
from dari.providers.naramarket.spec import SPEC
from dari.worlds.procurement import Purchase, World
from tests.unit.naramarket_simulator.conftest import NOW, Upstream, key_of

WAYS = [(name, word) for name in SPEC.ids() for word in SPEC.endpoint(name).wire["by"]]
FEW = {  # at this scale a month of the smallest sources may have none
    ("CntrctInfoService.getCntrctInfoListFrgcptDltHstry", "deleted"),
    ("PrvtCntrctInfoService.getPrvtCntrctInfoListDltHstry", "deleted"),
    ("HrcspSsstndrdInfoService.getPublicPrcureThngInfoFrgcpt", "changed"),
}
EMPTY = {
    "KDSISInfoService.getKDSISSpecNoList",
    "UsrInfoService02.getUnptRsttCorpInfo02",  # few companies were ever sanctioned
    "IndstrytyBaseLawrgltInfoService.getIndstrytyBaseLawrgltInfoList",
    "ThngListInfoService02.getLsfgdNdPrdlstChghstlnfoSttus02",  # few products were ever changed
    "ThngListInfoService02.getThngPrdnmLocplcAccotListInfoInfoPrdlstSearch02",
}
BLANK_WHEN_FAILED = {"opengCorpInfo"}
NOT_UNIQUE = {"ShoppingMallPrdctInfoService.getSpcifyPrdlstPrcureTotList"}
NUMBER = re.compile(r"-?\d+(\.\d+)?")


def wanted(name: str) -> dict[str, Any]:
    """What a purchase must have for this operation to say something about it."""
    if "Failing" in name:
        return {"fate": "failed"}
    if "Rebid" in name:
        return {"fate": "rebid"}
    if "ChgHstry" in name:
        return {"contract_changed": True} if "Cntrct" in name else {"notices": True}
    if "DltHstry" in name:
        return {"contract_deleted": True}
    return {"reserve_prices": True} if "PreparPc" in name or "BsicList" in name else {}


def purchase_for(world: World, endpoint: Endpoint) -> Purchase | None:
    """A purchase of this operation's kind with every number it may be asked by."""
    source = next(iter(bound(endpoint.id).sources), "goods")
    source = source if source in ("services", "works", "foreign", "other") or source[:2] == "p_" else "goods"
    asks, special = set(), wanted(endpoint.id)
    for parameter in endpoint.parameters:
        asks.add(parameter.name)
    best = None
    start, end = datetime(2026, 6, 1, tzinfo=NOW.tzinfo), datetime(2026, 8, 31, 23, 59, tzinfo=NOW.tzinfo)
    for ref in world.window(source, "notice.posted", start, end):
        found = world.purchase(ref.source, ref.day, ref.nth)
        trait = found.trait
        if special.get("fate") and trait.fate != special["fate"]:
            continue
        if special.get("notices") and len(trait.notices) < 2:
            continue
        if any(special.get(name) and not getattr(trait, name) for name in special if name not in ("fate", "notices")):
            continue
        if "/1690000/" in endpoint.path and trait.residue % 6 != 4:
            continue
        best = best or found
        numbers = [found.plan_number, found.prespec_number, found.contract_number]
        if special.get("fate") or (all(numbers) and (found.request_number or "/1690000/" in endpoint.path)):
            return found
    return best


def told(world: World, endpoint: Endpoint, word: str) -> dict[str, str]:
    """A query for this way, with real numbers."""
    way = endpoint.wire["by"][word]
    found = purchase_for(world, endpoint)
    notice = found.notice_number if found else ""
    names = {
        "bidNtceNo": notice,
        "ntceNo": notice,
        "bfSpecRgstNo": found.prespec_number if found else "",
        "orderPlanUntyNo": found.plan_number if found else "",
        "orderPlanNo": f"1-{found.plan_number}" if found else "",
        "prcrmntReqNo": found.request_number if found else "",
        "reqNo": found.request_number if found else "",
        "untyCntrctNo": found.contract_number if found else "",
        "cntrctNo": found.contract_number if found else "",
        "dcsnCntrctNo": f"{found.contract_number}00" if found else "",
        "refNo": f"{notice}-참조",
        "bizno": world.company_of(world.company_ref(77)).business_number,
        "prdctIdntNo": "20000012",
        "prdctClsfcNo": "43211507",
        "dcsNo": f"D{notice[1:]}",
        "dcsnNumb": f"D{notice[1:]}",
        "pblancNo": f"P{notice[1:]}",
        "cntrwkNo": f"F{notice[1:]}",
        "demandYear": "2026",
        "srchBssYear": "2026",
        "seqn": "3",
        "bsnsDivCd": "1" if "OpnStd" in endpoint.id else "01",
        "dlvrReqNo": "R26TB81230001",
        "shopngCntrctNo": "R26TB11230001",
    }
    if "getDlvrReq" in endpoint.id:
        names["cntrctNo"] = "R26TB11030000"
    if "getDminsttInfo" in endpoint.id:
        names["bizno"] = world.institution_of(world.institution_ref(9)).business_number
    query = dict(way["send"])
    first = {"YYYYMM": "202609", "YYYYMMDD": "20260901", "YYYYMMDDHHMM": "202609010000"}
    last = {"YYYYMM": "202609", "YYYYMMDD": "20260930", "YYYYMMDDHHMM": "202609302359"}
    required = [parameter.name for parameter in endpoint.parameters if parameter.required]
    for name in [*way["requires"], *required]:
        if name == way.get("from") or name.endswith("DateBegin"):
            query[name] = first[way.get("format", "YYYYMMDD")]
        elif name == way.get("to") or name.endswith("DateEnd"):
            query[name] = last[way.get("format", "YYYYMMDD")]
            if days := way.get("window", {}).get("days"):
                query[name] = f"202609{days:02d}{query[name][8:]}"
        else:
            query.setdefault(name, names.get(name, "1"))
    return query


def wrong(endpoint: Endpoint, row: Mapping[str, str]) -> Iterator[str]:
    """What in a row is not of its kind."""
    units = {field.name: field.unit for field in endpoint.blocks[0].fields}
    for name, kind in endpoint.wire["kinds"].items():
        value = row[name]
        if value == "":
            continue
        if kind in ("amount", "number", "rate") and not NUMBER.fullmatch(value):
            yield f"{name}: {value!r} is no {kind}"
        if kind == "flag" and value not in ("Y", "N"):
            yield f"{name}: {value!r} is no flag"
        if kind in ("date", "datetime") and len(value) != len(units[name]):
            yield f"{name}: {value!r} is not {units[name]}"
        if kind == "packed" and not re.fullmatch(r"(\[[^\]]*\],?)+|[^\[\]]+", value):
            yield f"{name}: {value!r} is not packed"


@pytest.mark.parametrize(("name", "word"), WAYS)
async def test_a_way_answers_as_its_sheet_says(upstream: Upstream, name: str, word: str) -> None:
    endpoint = SPEC.endpoint(name)
    query = told(upstream.world, endpoint, word)
    heard = await upstream.ask(name, query, numOfRows=200)
    assert heard.code == "00", heard.text[:300]
    assert heard.envelope == ("ok" if "json" in endpoint.wire["answers"] else "ok_xml")
    assert heard.rows or name.removeprefix("D2B.") in EMPTY or (name, word) in FEW, query
    assert len(heard.rows) == min(heard.total, 200)
    names = [field.name for field in endpoint.blocks[0].fields]
    for row in heard.rows:
        assert list(row) == names
        assert not list(wrong(endpoint, row))
        assert all(row[always] for always in endpoint.wire["always"] - BLANK_WHEN_FAILED), row
    keys = [key_of(name, row) for row in heard.rows]
    assert name in NOT_UNIQUE or len(set(keys)) == len(keys)
    truth = await upstream.truth(name, query)
    assert keys == truth[:200] or name in NOT_UNIQUE
    dated(endpoint, word, query, heard.rows)


def dated(endpoint: Endpoint, word: str, query: Mapping[str, str], rows: list[dict[str, str]]) -> None:
    """The field that a window is about lies in the window."""
    way = endpoint.wire["by"][word]
    if "field" not in way or "from" not in way or way["format"] == "YYYYMM":
        return
    for row in rows:
        value = re.sub(r"\D", "", row[way["field"]])
        size = min(8, len(value))
        assert query[way["from"]][:size] <= value[:size] <= query[way["to"]][:size], (way["field"], row[way["field"]])
