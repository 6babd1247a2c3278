"""Release packages against the official schema of OCDS 1.1.5, and against the rules that it only describes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from dari.core.errors import InvalidInput
from dari.providers.naramarket.crawler import whole
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
    "BidPublicInfoService.getBidPblancListInfoChgHstryServc",
    "CntrctInfoService.getCntrctInfoListThngChgHstry",
]
BIDDERS = "ScsbidInfoService.getOpengResultListInfoOpengCompt"
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+09:00")
TAGS = {"planning", "tender", "tenderAmendment", "tenderCancellation", "award", "contract", "contractAmendment"}
SCHEMAS = Path(__file__).parent / "ocds_1_1_5"
CODES = {
    "procurementMethod": {"open", "selective", "limited", "direct"},
    "mainProcurementCategory": {"goods", "services", "works"},
    "currency": {"KRW"},
    "language": {"ko"},
}
STATUS = {
    "details": {"valid"},
    "tender": {"planned", "active", "cancelled", "unsuccessful"},
    "awards": {"active"},
    "contracts": {"active"},
}
REQUIRED = {
    "tender": {"id"}, "awards": {"id"}, "contracts": {"id", "awardID"}, "documents": {"id"}, "items": {"id"},
    "parties": {"id", "name", "roles"}, "suppliers": {"id", "name"}, "buyer": {"id", "name"},
    "details": {"id", "tenderers"}, "tenderers": {"id", "name"}, "amendments": {"id", "date"},
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
        refers = name in ("buyer", "suppliers", "procuringEntity", "tenderers") and isinstance(value, Mapping)
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


@pytest.fixture(scope="module")
def official() -> Draft4Validator:
    """The official schema of release packages, with the one of releases that it refers to."""
    release, package = (
        json.loads((SCHEMAS / f"{name}-schema.json").read_text("utf-8")) for name in ("release", "release-package")
    )
    assert "1__1__5" in release["id"]
    registry: Registry[Any] = Registry().with_resources(
        (one["id"], Resource.from_contents(one, default_specification=DRAFT4)) for one in (release, package)
    )
    return Draft4Validator(package, registry=registry)


async def test_500_generated_packages_validate_against_the_official_schema(sim: Sim, official: Draft4Validator) -> None:
    packages: list[dict[str, Any]] = []
    tags: set[str] = set()
    numbers: list[str] = []
    for name in STAGES:
        endpoint = SPEC.endpoint(name)
        way = next(told for told in endpoint.wire["by"].values() if "from" in told)
        first, last = whole(date(2026, 9, 1), date(2026, 9, 30)).spelled(way["format"])
        reply = await sim.ask(name, {**way["send"], way["from"]: first, way["to"]: last, "numOfRows": "80"})
        packages += [release_package(endpoint, [row], published=NOW) for row in reply.body["rows"]]
        numbers += [row["bidNtceNo"] for row in reply.body["rows"] if "sucsfbidAmt" in row]
    endpoint = SPEC.endpoint(BIDDERS)
    for number in numbers[:40]:
        reply = await sim.ask(BIDDERS, {"bidNtceNo": number, "numOfRows": "5"})
        if reply.body["rows"]:
            packages.append(release_package(endpoint, reply.body["rows"], published=NOW))
    for package in packages:
        told = json.loads(json.dumps(plain(package)))
        official.validate(told)
        for release in told["releases"]:
            tags |= {*release["tag"], *(["bids"] if "bids" in release else [])}
            assert list(faults(release)) == []
    assert len(packages) >= 500
    assert tags >= TAGS - {"tenderCancellation"} | {"bids"}


def test_the_official_schema_sees_a_fault(official: Draft4Validator) -> None:
    row = {"bidNtceNo": "R26BK00000001", "bidNtceOrd": "000", "bidNtceNm": "x"}
    package = json.loads(json.dumps(plain(release_package(SPEC.endpoint(STAGES[0]), [row], published=NOW))))
    official.validate(package)
    package["releases"][0]["tag"] = ["tendered"]
    assert not official.is_valid(package)


def test_an_operation_without_a_stage_is_refused() -> None:
    with pytest.raises(InvalidInput):
        release_package(SPEC.endpoint("UsrInfoService02.getDminsttInfo02"), [], published=NOW)


def test_the_rules_see_a_fault() -> None:
    broken = {"ocid": "x", "id": 1, "date": "2026", "tag": ["x"], "initiationType": "tender", "awards": [{"value": {}}]}
    assert len(list(faults(broken))) >= 5
