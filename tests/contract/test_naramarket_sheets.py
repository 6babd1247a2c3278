"""The sheets of 나라장터 and D2B keep their own rules, and agree with the API facts where those are at hand."""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest

from dari.core.endpoint import Effect, Endpoint
from dari.core.errors import NotFound
from dari.providers.naramarket.spec import (
    ENVELOPES,
    SPEC,
    code_tables,
    error_classes,
    error_codes,
    gateway_messages,
    ocds_rows,
    retired_paths,
    sheets,
)
from dari.providers.naramarket.spec.tables import lines
from tests.contract.facts import absent, facts_file

FACTS = facts_file("naramarket_api.json")
KINDS = {"amount", "number", "rate", "date", "datetime", "month", "flag", "code", "text", "url", "packed"}
OF_FACT = {
    "amount": {"amount"},
    "rate": {"rate"},
    "date": {"date"},
    "datetime": {"datetime"},
    "yearmonth": {"month"},
    "url": {"url"},
    "yn": {"flag"},
    "number": {"number", "code"},  # a 차수 ("000") is told with its zeros
    "string": KINDS - {"url", "flag"},
}
NOT_PERSONAL = {"attrNm"}  # the name of a product attribute, tagged as a person's by mistake
A_COUNT_NAMED_DATE = ("dlvrTmlmtDate", "납품기한일수")

Fact = Mapping[str, Any]


@cache
def facts() -> Mapping[str, Any]:
    return json.loads(FACTS.read_text(encoding="utf-8"))  # type: ignore[no-any-return]  # the file's own shape


def fact_of() -> Mapping[str, tuple[Fact, Fact]]:
    found = {}
    for group, prefix in (("services", ""), ("d2b_services", "D2B.")):
        for service in facts()[group]:
            for operation in service["operations"]:
                found[f"{prefix}{service['id']}.{operation['name']}"] = (service, operation)
    return found


@pytest.fixture
def known() -> Mapping[str, tuple[Fact, Fact]]:
    if not FACTS.exists():
        pytest.skip(absent(FACTS))
    return fact_of()


def fields(endpoint: Endpoint) -> list[str]:
    return [field.name for field in endpoint.blocks[0].fields]


def names(endpoint: Endpoint) -> list[str]:
    return [parameter.name for parameter in endpoint.parameters]


# ---- rules a sheet keeps on its own -------------------------------------------------------------------------------


def rule_titles(endpoint: Endpoint) -> Iterator[str]:
    if not re.search("[가-힣]", endpoint.title):
        yield "no Korean title"
    if not endpoint.title_en or not endpoint.title_en.isascii() or len(endpoint.title_en) > 80:
        yield "no English title"


def rule_reads_by_get(endpoint: Endpoint) -> Iterator[str]:
    if endpoint.effect is not Effect.READ or endpoint.method != "GET" or endpoint.place != "query":
        yield "every operation reads, by GET"


def rule_key(endpoint: Endpoint) -> Iterator[str]:
    key = endpoint.wire["key"]
    if not key or len(set(key)) < len(key) or not set(key) <= set(fields(endpoint)):
        yield "the natural key is empty, repeats itself or is not among the fields"


def rule_fields(endpoint: Endpoint) -> Iterator[str]:
    own = fields(endpoint)
    if not own or len(set(own)) < len(own):
        yield "no fields, or one twice"
    english = Counter(field.english for field in endpoint.blocks[0].fields)
    for word, count in english.items():
        if count > 1 or not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", word):
            yield f"English name {word!r} is not one, or stands twice"
    if any(not field.label for field in endpoint.blocks[0].fields):
        yield "a field without a Korean label"


def rule_kinds(endpoint: Endpoint) -> Iterator[str]:
    units = {field.name: field.unit for field in endpoint.blocks[0].fields}
    for name, kind in endpoint.wire["kinds"].items():
        if kind not in KINDS:
            yield f"{name}: no such kind {kind}"
        if (kind in ("amount", "rate", "date", "datetime", "month")) != bool(units[name]):
            yield f"{name}: a {kind} with unit {units[name]!r}"
        if (kind == "packed") != (name in endpoint.wire["packed"]):
            yield f"{name}: packed strings and layouts go together"


def rule_by(endpoint: Endpoint) -> Iterator[str]:
    ways, own = endpoint.wire["by"], set(names(endpoint))
    if not ways:
        yield "no way to ask"
    tables = [parameter.codes for parameter in endpoint.parameters if parameter.name == "inqryDiv"]
    if tables and sorted(tables[0]) != sorted(way["send"]["inqryDiv"] for way in ways.values()):
        yield "inqryDiv and its ways differ"
    sure = {parameter.name for parameter in endpoint.parameters if parameter.required} - {"inqryDiv"}
    for word, way in ways.items():
        asked = set(way["requires"]) | set(way["send"])
        if not asked <= own:
            yield f"{word}: asks for unknown parameters {asked - own}"
        if "number" not in way and not sure <= asked:
            yield f"{word}: leaves out the required {sure - asked}"
        if ("from" in way) != ("to" in way) or ("from" in way and not {way["from"], way["to"]} <= asked):
            yield f"{word}: half a window"
        if "window" in way and way["window_basis"] not in ("documented", "observed", "assumed"):
            yield f"{word}: a window without its basis"
        if "field" in way and way["field"] not in fields(endpoint):
            yield f"{word}: dated by an unknown field"


def rule_samples_fit(endpoint: Endpoint) -> Iterator[str]:
    for parameter in endpoint.parameters:
        if parameter.note and not re.fullmatch("(YYYY|MM|DD|HH)+", parameter.note):
            yield f"{parameter.name}: unknown form {parameter.note}"


# ---- rules against the facts -------------------------------------------------------------------------------------


def against_place(endpoint: Endpoint, service: Fact, operation: Fact) -> Iterator[str]:
    if endpoint.path != f"{service['base_path']}/{operation['name']}" or endpoint.title != operation["title"]:
        yield "path or title"
    if endpoint.wire["quota"] != service["dev_daily_traffic_per_operation"]:
        yield "daily quota"
    if (endpoint.wire["answers"] == ("xml",)) != (service.get("response") == "xml"):
        yield "answers"


def against_parameters(endpoint: Endpoint, service: Fact, operation: Fact) -> Iterator[str]:
    del service
    if names(endpoint) != [fact["name"] for fact in operation["params"]]:
        yield "parameter names or their order"
    table = any(fact["name"] == "inqryDiv" for fact in operation["params"])
    for own, fact in zip(endpoint.parameters, operation["params"], strict=False):
        disputed = fact.get("required_in_guide") or fact.get("optional_in_guide")
        if disputed:
            if endpoint.wire["doubt"].get(own.name) != ("guide" if fact.get("required_in_guide") else "swagger"):
                yield f"{own.name}: a dispute of the sources is not told"
            by_way = table and own.name in ("bidNtceNo", "shopngCntrctNo")
            if own.required != bool(fact.get("required_in_guide") and not by_way):
                yield f"{own.name}: the guide decides"
        elif own.required != fact["required"]:
            yield f"{own.name}: required"


def against_forms(endpoint: Endpoint, service: Fact, operation: Fact) -> Iterator[str]:
    del service
    for own, fact in zip(endpoint.parameters, operation["params"], strict=False):
        if fact.get("codes") and own.name not in ("inqryDiv", "insttCd") and dict(own.codes) != fact["codes"]:
            yield f"{own.name}: codes"
        if own.name == "inqryDiv" and dict(own.codes) != fact["codes"]:
            yield "inqryDiv: codes"
        if own.length != fact.get("size"):
            yield f"{own.name}: length"
        if fact.get("format", "").replace("HH24M", "HHMM") != own.note:
            yield f"{own.name}: form"


def against_ways(endpoint: Endpoint, service: Fact, operation: Fact) -> Iterator[str]:
    del service
    for way in endpoint.wire["by"].values():
        code = way["send"].get("inqryDiv")
        for fact in operation["params"]:
            when = fact.get("required_when_inqryDiv", [])
            if code in when and fact["name"] not in way["requires"]:
                yield f"{fact['name']} is required with inqryDiv {code}"
            if fact["name"] == way.get("from") and (fact.get("max_window") or operation.get("max_window")):
                limit = fact.get("max_window") or operation["max_window"]
                if way.get("window") != limit or way["window_basis"] != "documented":
                    yield f"{fact['name']}: the documented window is {limit}"


def against_fields(endpoint: Endpoint, service: Fact, operation: Fact) -> Iterator[str]:
    del service
    if fields(endpoint) != [fact["name"] for fact in operation["fields"]]:
        yield "field names or their order"
        return
    for own, fact in zip(endpoint.blocks[0].fields, operation["fields"], strict=True):
        name = own.name
        kind = endpoint.wire["kinds"][name]
        if own.label != fact["label"]:
            yield f"{name}: label"
        if (name in endpoint.wire["always"]) != bool(fact.get("required")):
            yield f"{name}: always there"
        if "packed" in fact:
            if list(endpoint.wire["packed"].get(name, ())) != fact["packed"]:
                yield f"{name}: layout"
        elif kind not in OF_FACT[fact["type"]] and (name, fact["label"]) != A_COUNT_NAMED_DATE:
            yield f"{name}: {kind} where the facts say {fact['type']}"
        if fact.get("pii") and name not in endpoint.wire["pii"] | NOT_PERSONAL:
            yield f"{name}: a person's data, not marked"
        if fact.get("guide_spelling") and endpoint.wire["also_spelled"].get(fact["guide_spelling"]) != name:
            yield f"{name}: the guide's other spelling is lost"


def against_key(endpoint: Endpoint, service: Fact, operation: Fact) -> Iterator[str]:
    del service
    if not set(operation.get("natural_key", [])) & set(fields(endpoint)) <= set(endpoint.wire["key"]):
        yield "the natural key of the facts is part of ours"


OWN_RULES = [rule_titles, rule_reads_by_get, rule_key, rule_fields, rule_kinds, rule_by, rule_samples_fit]
FACT_RULES = [against_place, against_parameters, against_forms, against_ways, against_fields, against_key]


@pytest.mark.parametrize("rule", OWN_RULES)
def test_every_sheet_keeps_the_rule(rule: Callable[[Endpoint], Iterator[str]]) -> None:
    complaints = {i: found for i in SPEC.ids() if (found := list(rule(SPEC.endpoint(i))))}
    assert complaints == {}


@pytest.mark.parametrize("rule", FACT_RULES)
def test_every_sheet_agrees_with_the_facts(
    rule: Callable[[Endpoint, Fact, Fact], Iterator[str]], known: Mapping[str, tuple[Fact, Fact]]
) -> None:
    complaints = {i: found for i in SPEC.ids() if (found := list(rule(SPEC.endpoint(i), *known[i])))}
    assert complaints == {}


def test_all_237_operations_of_25_services_are_there(known: Mapping[str, tuple[Fact, Fact]]) -> None:
    assert SPEC.ids() == tuple(known)
    assert (len(SPEC.ids()), len(SPEC.services())) == (237, 25)
    assert sum(i.startswith("D2B.") or "1690000" in SPEC.endpoint(i).path for i in SPEC.ids()) == 45


def test_the_counts_stand_without_the_facts() -> None:
    assert len(SPEC.ids()) == len(set(SPEC.ids())) == 237
    assert len({SPEC.endpoint(i).path for i in SPEC.ids()}) == 237
    assert sum("window" in way and way["window_basis"] == "documented" for i in SPEC.ids() for way in ways(i)) >= 21


def ways(endpoint_id: str) -> list[Mapping[str, Any]]:
    return list(SPEC.endpoint(endpoint_id).wire["by"].values())


# ---- a broken sheet is caught ------------------------------------------------------------------------------------

GOODS = "BidPublicInfoService.getBidPblancListInfoThng"
STANDARD = "PubDataOpnStdService.getDataSetOpnStdCntrctInfo"


def with_wire(endpoint: Endpoint, **change: Any) -> Endpoint:
    return dataclasses.replace(endpoint, wire={**endpoint.wire, **change})


def with_field(endpoint: Endpoint, name: str, /, **change: Any) -> Endpoint:
    block = endpoint.blocks[0]
    changed = tuple(dataclasses.replace(f, **change) if f.name == name else f for f in block.fields)
    return dataclasses.replace(endpoint, blocks=(dataclasses.replace(block, fields=changed),))


def with_parameter(endpoint: Endpoint, name: str, /, **change: Any) -> Endpoint:
    changed = tuple(dataclasses.replace(p, **change) if p.name == name else p for p in endpoint.parameters)
    return dataclasses.replace(endpoint, parameters=changed)


def with_way(endpoint: Endpoint, word: str, **change: Any) -> Endpoint:
    return with_wire(endpoint, by={**endpoint.wire["by"], word: {**endpoint.wire["by"][word], **change}})


OWN_MUTANTS: list[tuple[Callable[[Endpoint], Iterator[str]], Callable[[Endpoint], Endpoint]]] = [
    (rule_titles, lambda e: dataclasses.replace(e, title_en="")),
    (rule_titles, lambda e: dataclasses.replace(e, title="Goods")),
    (rule_reads_by_get, lambda e: dataclasses.replace(e, method="POST")),
    (rule_reads_by_get, lambda e: dataclasses.replace(e, effect=Effect.CHANGE)),
    (rule_key, lambda e: with_wire(e, key=())),
    (rule_key, lambda e: with_wire(e, key=("bidNtceNo", "nowhere"))),
    (rule_fields, lambda e: with_field(e, "bidNtceNo", name="bidNtceOrd")),
    (rule_fields, lambda e: with_field(e, "bidNtceNo", english="notice_revision")),
    (rule_fields, lambda e: with_field(e, "bidNtceNo", label="")),
    (rule_kinds, lambda e: with_wire(e, kinds={**e.wire["kinds"], "bidNtceNo": "string"})),
    (rule_kinds, lambda e: with_field(e, "presmptPrce", unit="")),
    (rule_kinds, lambda e: with_wire(e, packed={})),
    (rule_by, lambda e: with_wire(e, by={})),
    (rule_by, lambda e: with_way(e, "registered", send={"inqryDiv": "9"})),
    (rule_by, lambda e: with_way(e, "registered", requires=["inqryBgnDt"])),
    (rule_by, lambda e: with_way(e, "registered", requires=["nowhere"])),
    (rule_by, lambda e: with_way(e, "registered", window_basis="guessed")),
    (rule_by, lambda e: with_way(e, "registered", field="nowhere")),
    (rule_samples_fit, lambda e: with_parameter(e, "inqryBgnDt", note="later")),
]

FACT_MUTANTS: list[tuple[Callable[[Endpoint, Fact, Fact], Iterator[str]], str, Callable[[Endpoint], Endpoint]]] = [
    (against_place, GOODS, lambda e: dataclasses.replace(e, path="/1230000/ao/X/getBidPblancListInfoThng")),
    (against_place, GOODS, lambda e: with_wire(e, quota=10)),
    (against_place, GOODS, lambda e: with_wire(e, answers=("xml",))),
    (against_parameters, GOODS, lambda e: dataclasses.replace(e, parameters=e.parameters[1:])),
    (against_parameters, GOODS, lambda e: with_parameter(e, "inqryDiv", required=False)),
    (against_forms, GOODS, lambda e: with_parameter(e, "inqryDiv", codes={"1": "개찰일시"})),
    (against_forms, GOODS, lambda e: with_parameter(e, "inqryBgnDt", length=8)),
    (against_forms, GOODS, lambda e: with_parameter(e, "inqryBgnDt", note="YYYYMMDD")),
    (against_parameters, STANDARD, lambda e: with_wire(e, doubt={})),
    (against_parameters, STANDARD, lambda e: with_parameter(e, "cntrctCnclsBgnDate", required=False)),
    (against_ways, STANDARD, lambda e: with_way(e, "signed", window={"months": 1})),
    (
        against_ways,
        "ScsbidInfoService.getScsbidListSttusThng",
        lambda e: with_way(e, "notice_number", requires=[]),
    ),
    (against_fields, GOODS, lambda e: with_field(e, "bidNtceNo", name="bidNo")),
    (against_fields, GOODS, lambda e: with_field(e, "bidNtceNo", label="번호")),
    (against_fields, GOODS, lambda e: with_wire(e, always=frozenset())),
    (against_fields, GOODS, lambda e: with_wire(e, kinds={**e.wire["kinds"], "presmptPrce": "text"})),
    (against_fields, GOODS, lambda e: with_wire(e, pii=frozenset())),
    (against_fields, GOODS, lambda e: with_wire(e, packed={"purchsObjPrdctList": ("세부품명",)})),
    (
        against_fields,
        "BidPublicInfoService.getBidPblancListEvaluationIndstrytyMfrcInfo",
        lambda e: with_wire(e, also_spelled={}),
    ),
    (against_key, GOODS, lambda e: with_wire(e, key=("bidNtceNo",))),
]


@pytest.mark.parametrize(("rule", "broken"), OWN_MUTANTS)
def test_a_broken_sheet_is_caught(
    rule: Callable[[Endpoint], Iterator[str]], broken: Callable[[Endpoint], Endpoint]
) -> None:
    assert not list(rule(SPEC.endpoint(GOODS)))
    assert list(rule(broken(SPEC.endpoint(GOODS))))


@pytest.mark.parametrize(("rule", "endpoint_id", "broken"), FACT_MUTANTS)
def test_a_sheet_that_leaves_the_facts_is_caught(
    rule: Callable[[Endpoint, Fact, Fact], Iterator[str]],
    endpoint_id: str,
    broken: Callable[[Endpoint], Endpoint],
    known: Mapping[str, tuple[Fact, Fact]],
) -> None:
    assert list(rule(broken(SPEC.endpoint(endpoint_id)), *known[endpoint_id]))


# ---- tables and the loader ---------------------------------------------------------------------------------------


def test_error_codes_and_classes_are_those_of_the_facts(known: Mapping[str, tuple[Fact, Fact]]) -> None:
    del known
    common = facts()["common"]
    assert {code: row.label for code, row in error_codes().items() if code != "00"} == common["error_codes"]
    assert dict(gateway_messages()) == common["gateway_messages"]
    assert {row["path"] for row in retired_paths().values()} == {row["path"] for row in common["retired"]}
    assert len(ENVELOPES) == len(common["envelopes"])


def test_what_a_code_asks_for() -> None:
    classes = error_classes()
    assert classes["quota"] == ("22",)
    assert classes["window"] == ("07",)
    assert set(classes["key"]) == {"20", "29", "30", "31", "32"}
    assert {"01", "02", "04", "05", "23"} == set(classes["retry"])
    assert sum(len(codes) for codes in classes.values()) == len(error_codes())


def test_three_code_systems_of_one_parameter_stay_apart() -> None:
    tables = code_tables()
    assert tables["business_of_open_standard"] == {"1": "물품", "2": "외자", "3": "공사", "5": "용역"}
    assert tables["business_of_private"]["2"] == "공사"
    assert tables["business_of_plans"]["07"] == "공사"


def test_the_42_tables_of_one_parameter_are_told_as_words() -> None:
    tables = {
        (service, tuple(parameter.codes.items()))
        for i in SPEC.ids()
        for service in [i.rpartition(".")[0]]
        for parameter in SPEC.endpoint(i).parameters
        if parameter.name == "inqryDiv"
    }
    assert len(tables) >= 40
    by_number = {
        SPEC.endpoint(i).wire["by"]["notice_number"]["send"].get("inqryDiv")
        for i in SPEC.ids()
        if "notice_number" in SPEC.endpoint(i).wire["by"]
    }
    assert by_number >= {"2", "3", "4"}


def test_the_way_to_ocds_names_only_fields_that_exist() -> None:
    rows = [row for row in ocds_rows() if "map" in row]
    assert {row["tag"] for row in rows} >= {"planning", "tender", "tenderAmendment", "award", "contract", "link"}
    for row in rows:
        there = {
            name for i in SPEC.ids() if i.startswith(row["service"] + ".") for name in fields(SPEC.endpoint(i))
        } | {"bidwinnrBizno"}
        for sources in row["map"].values():
            for source in sources:
                for word in re.findall(r"[a-z][A-Za-z]+(?:\d+(?=\.\.))?", source.replace("KR-BRN-", "")):
                    assert word in there, (row["tag"], word)


def test_an_unknown_operation_names_its_successor_or_its_neighbours() -> None:
    with pytest.raises(NotFound, match="UsrInfoService02"):
        SPEC.endpoint("UsrInfoService.getDminsttInfo")
    with pytest.raises(NotFound) as caught:
        SPEC.endpoint("BidPublicInfoService.getBidPblancListInfoThngs")
    assert GOODS in caught.value.details["nearest"]
    with pytest.raises(NotFound) as nothing:
        SPEC.endpoint("x")
    assert nothing.value.details["nearest"] == []


def test_one_operation_loads_one_service(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def watched(name: str) -> Iterator[dict[str, Any]]:
        read.append(name)
        return lines(name)

    sheets._endpoints.cache_clear()
    monkeypatch.setattr(sheets, "lines", watched)
    SPEC.endpoint(GOODS)
    SPEC.endpoint("BidPublicInfoService.getBidPblancListInfoServc")
    assert [name for name in read if name.startswith("endpoints/")] == ["endpoints/BidPublicInfoService.jsonl"]
