"""Release packages against the rules of OCDS 1.1: what is required, what kind a value is, which codes there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from dari.core.errors import InvalidInput
from dari.providers.naramarket.export.ocds import release_package
from dari.providers.naramarket.models import HIDDEN, plain
from dari.providers.naramarket.spec import SPEC
from tests.unit.naramarket.conftest import NOW, Sim
from tests.unit.naramarket.crawling import crawl

STAGES = [
    "BidPublicInfoService.getBidPblancListInfoThng",
    "BidPublicInfoService.getBidPblancListInfoServcPPSSrch",
    "ScsbidInfoService.getScsbidListSttusCnstwk",
    "CntrctInfoService.getCntrctInfoListServc",
    "HrcspSsstndrdInfoService.getPublicPrcureThngInfoServc",
    "OrderPlanSttusService.getOrderPlanSttusListThng",
]
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00")
TAGS = {"planning", "tender", "tenderCancellation", "award", "contract"}
CODES = {
    "procurementMethod": {"open", "selective", "limited", "direct"},
    "mainProcurementCategory": {"goods", "services", "works"},
    "currency": {"KRW"},
    "language": {"ko"},
}
STATUS = {"tender": {"planned", "active", "cancelled", "unsuccessful"}, "awards": {"active"}, "contracts": {"active"}}
REQUIRED = {
    "tender": {"id"}, "awards": {"id"}, "contracts": {"id", "awardID"}, "documents": {"id"}, "items": {"id"},
    "parties": {"id", "name", "roles"}, "suppliers": {"id", "name"}, "buyer": {"id", "name"},
}  # fmt: skip
DATES = {"date", "dateSigned", "startDate", "endDate", "publishedDate"}


def walked(node: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with the name it stands under; members of a list bear the name of the list."""
    yield name, node
    if isinstance(node, Mapping):
        for key, value in node.items():
            yield from walked(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from walked(value, name)


def of_release(release: Mapping[str, Any]) -> Iterator[str]:
    for name in ("ocid", "id", "date", "tag", "initiationType"):
        if not release.get(name):
            yield f"no {name}"
    if release.get("initiationType") != "tender" or not set(release.get("tag", ())) <= TAGS:
        yield "initiationType or tag"
    named = {party["id"] for party in release.get("parties", ())}
    for name, value in walked(release):
        refers = name in ("buyer", "suppliers", "procuringEntity") and isinstance(value, Mapping)
        if refers and value["id"] not in named:
            yield f"{name} {value['id']} is no party"


def of_object(name: str, value: Mapping[str, Any]) -> Iterator[str]:
    if lacking := REQUIRED.get(name, set()) - set(value):
        yield f"{name} lacks {lacking}"
    if name in STATUS and value.get("status", "active") not in STATUS[name]:
        yield f"{name}.status {value['status']}"


def of_value(name: str, value: Any) -> Iterator[str]:
    if value in (None, "", [], {}, HIDDEN):
        yield f"{name} is empty, or a person"
    if name in DATES and not DATE.fullmatch(str(value)):
        yield f"{name} {value!r}"
    if name in CODES and value not in CODES[name]:
        yield f"{name} {value!r}"
    if name == "amount" and not isinstance(value, Mapping | int | float):
        yield f"amount {value!r}"
    if name == "id" and not isinstance(value, str):
        yield f"id {value!r}"


def faults(release: Mapping[str, Any]) -> Iterator[str]:
    yield from of_release(release)
    for name, value in walked(release):
        yield from of_value(name, value)
        if isinstance(value, Mapping):
            yield from of_object(name, value)


@pytest.mark.parametrize("name", STAGES)
async def test_packages_keep_the_rules(sim: Sim, tmp_path: Path, name: str) -> None:
    days = (date(2026, 9, 1), date(2026, 9, 4)) if "Plan" not in name else (date(2026, 9, 1), date(2026, 9, 30))
    told = await crawl(sim, tmp_path, name, *days)
    package = json.loads(json.dumps(plain(release_package(SPEC.endpoint(name), told.book.rows(name), published=NOW))))
    releases = package["releases"]
    assert (package["version"], len(releases)) == ("1.1", len(told.keys))
    assert [fault for release in releases for fault in faults(release)] == []
    assert len({release["id"] for release in releases}) == len(releases)
    assert datetime.fromisoformat(package["publishedDate"]) == NOW


def test_an_operation_without_a_stage_is_refused() -> None:
    with pytest.raises(InvalidInput):
        release_package(SPEC.endpoint("UsrInfoService02.getDminsttInfo02"), [], published=NOW)


def test_the_rules_see_a_fault() -> None:
    broken = {"ocid": "x", "id": 1, "date": "2026", "tag": ["x"], "initiationType": "tender", "awards": [{"value": {}}]}
    assert len(list(faults(broken))) >= 5
