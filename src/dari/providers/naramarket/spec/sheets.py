"""Reads the endpoint sheets, a service at a time, when an endpoint of it is first asked for.

A line of `data/endpoints/<service>.jsonl` is one operation. `parameters` and `fields` are names separated by
blanks, `!` marks the required (always sent, always present); what a name means stands once in `parameters.jsonl`
and `fields.jsonl`, and `…_as` holds where one operation differs.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from dari.core.endpoint import Block, Endpoint, Field, Parameter
from dari.core.errors import Hint, NotFound
from dari.providers.naramarket.spec.tables import code_tables, lines, retired_paths

CHECKED: Final = "2026-08-10"
MOST_ROWS: Final = 999
"""numOfRows that was seen to be honoured; the default is 10."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service of data.go.kr: each must be applied for on its own; `quota` calls a day and operation (dev key)."""

    id: str
    title: str
    title_en: str
    agency: str
    path: str
    quota: int
    answers: tuple[str, ...]
    operations: tuple[str, ...]
    portal: str = ""


class Sheets:
    """The provider's spec (`dari.core.provider.Spec`)."""

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """The row of `Service.operation`. Raises NotFound, naming the successor of a retired one or the nearest ids."""
        service, _, operation = endpoint_id.rpartition(".")
        found = _endpoints(service).get(operation) if service in services() else None
        if found is None:
            raise _unknown(endpoint_id)
        return found

    def ids(self) -> tuple[str, ...]:
        """Every endpoint id, in sheet order."""
        return _ids()

    def services(self) -> Mapping[str, Service]:
        """Service id → service, in sheet order."""
        return services()


@cache
def services() -> Mapping[str, Service]:
    """Service id → service, in sheet order."""
    return {
        row["id"]: Service(
            **{**row, "answers": tuple(row["answers"]), "operations": tuple(row["operations"].split())},
        )
        for row in lines("services.jsonl")
    }


@cache
def _ids() -> tuple[str, ...]:
    return tuple(f"{service.id}.{operation}" for service in services().values() for operation in service.operations)


def _unknown(endpoint_id: str) -> NotFound:
    service, _, operation = endpoint_id.rpartition(".")
    for path, row in retired_paths().items():
        *_, last = path.split("/")
        if last in (service, operation):
            use = str(row["use"]).rpartition("/")[2]
            return NotFound(
                f"{endpoint_id} is retired; use {use}",
                hint=Hint(f"{use}(으)로 옮겨졌습니다.", f"Moved to {use}."),
                details={"successor": use},
            )
    near = difflib.get_close_matches(endpoint_id, _ids(), n=3, cutoff=0.5)
    return NotFound(
        f"no operation {endpoint_id!r}",
        hint=Hint(f"비슷한 이름: {', '.join(near)}", f"Nearest: {', '.join(near)}") if near else Hint("", ""),
        details={"nearest": near},
    )


@cache
def _dictionary(name: str) -> Mapping[str, Mapping[str, Any]]:
    return {row["name"]: row for row in lines(name)}


@cache
def _endpoints(service_id: str) -> Mapping[str, Endpoint]:
    service = services()[service_id]
    return {row["id"]: _endpoint(service, row) for row in lines(f"endpoints/{service_id}.jsonl")}


def _meant(dictionary: str, name: str, differs: Mapping[str, Any]) -> dict[str, Any]:
    meant = {**_dictionary(dictionary)[name], **differs}
    return {key: value for key, value in meant.items() if value is not None}


def _names(text: str) -> list[tuple[str, bool]]:
    return [(name.rstrip("!"), name.endswith("!")) for name in text.split()]


def _parameter(name: str, meant: Mapping[str, Any], by: Mapping[str, Any], *, required: bool) -> Parameter:
    codes: Mapping[str, str] = code_tables()[meant["codes"]] if "codes" in meant else {}
    if name == "inqryDiv":
        codes = {ways["send"]["inqryDiv"]: ways.get("label", word) for word, ways in by.items()}
    return Parameter(
        name=name,
        label=meant.get("label", ""),
        required=required,
        codes=codes,
        closed=bool(codes),
        length=meant.get("length"),
        sample=meant.get("sample"),
        note=meant.get("format", ""),
    )


def _endpoint(service: Service, row: Mapping[str, Any]) -> Endpoint:
    by: Mapping[str, Any] = row["by"]
    differs: Mapping[str, Mapping[str, Any]] = row.get("fields_as", {})
    meant = {name: _meant("fields.jsonl", name, differs.get(name, {})) for name, _ in _names(row["fields"])}
    wire: dict[str, Any] = {
        "service": service.id,
        "operation": row["id"],
        "agency": service.agency,
        "answers": service.answers,
        "quota": service.quota,
        "tps": 30,
        "by": by,
        "key": tuple(row["key"].split()),
        "always": frozenset(name for name, sure in _names(row["fields"]) if sure),
        "kinds": {name: facts["kind"] for name, facts in meant.items()},
        "pii": frozenset(name for name, facts in meant.items() if facts.get("pii")),
        "packed": {name: tuple(facts["packed"]) for name, facts in meant.items() if "packed" in facts},
        "pii_parts": {name: tuple(facts["pii_parts"]) for name, facts in meant.items() if "pii_parts" in facts},
        "english": {name: facts["english"] for name, facts in meant.items()},
        "doubt": row.get("required_by_one_source", {}),
        "also_spelled": row.get("also_spelled", {}),
        "only_in_guide": row.get("only_in_guide", False),
    }
    parameters_as = row.get("parameters_as", {})
    return Endpoint(
        id=f"{service.id}.{row['id']}",
        provider="naramarket",
        title=row["title"],
        title_en=row["title_en"],
        category=service.id,
        path=f"{service.path}/{row['id']}",
        parameters=tuple(
            _parameter(name, _meant("parameters.jsonl", name, parameters_as.get(name, {})), by, required=required)
            for name, required in _names(row["parameters"])
        ),
        blocks=(
            Block(
                name="items",
                kind="array",
                fields=tuple(
                    Field(
                        name=name,
                        label=facts.get("label", ""),
                        english=facts["english"],
                        unit=facts.get("unit", ""),
                    )
                    for name, facts in meant.items()
                ),
            ),
        ),
        max_rows=MOST_ROWS,
        lane=f"{service.id}.{row['id']}",
        wire=wire,
        source=f"data.go.kr {service.portal or service.path}: Swagger and guide",
        checked=CHECKED,
    )


SPEC: Final = Sheets()
