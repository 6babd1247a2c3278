"""The tables beside the sheets: error codes and their class, code lists, retired paths, the way to OCDS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

SHEETS: Final = files("dari.providers.naramarket.spec") / "data"

ENVELOPES: Final[Mapping[str, str]] = {
    "ok": "response.header.resultCode 00, rows in response.body.items",
    "service_error": "HTTP 200, a key that ends with ResponseError holding header.resultCode",
    "gateway_xml": "OpenAPI_ServiceResponse/cmmMsgHeader in XML, also where JSON was asked for",
    "gateway_json": "OpenAPI_ServiceResponse.cmmMsgHeader in JSON with HTTP 403",
    "plain": "an HTTP status of 400 and above with text",
}
"""The five ways one service answers; whoever reads only the first takes a failure for an empty page."""


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One result code: its class says what to do, `gateway` are the names the gateway uses for it.

    Classes: ok, empty, retry, quota (stop until midnight), window (split it), request (ask differently),
    moved (another path), key (the operator's matter).
    """

    code: str
    kind: str
    label: str
    gateway: tuple[str, ...] = ()


def lines(name: str) -> Iterator[dict[str, Any]]:
    """The rows of one sheet file, in order."""
    for line in (SHEETS / name).read_text(encoding="utf-8").splitlines():
        if line:
            yield json.loads(line)


@cache
def error_codes() -> Mapping[str, ErrorCode]:
    """Every documented result code."""
    return {
        row["code"]: ErrorCode(row["code"], row["class"], row["label"], tuple(row.get("gateway", ())))
        for row in lines("errors.jsonl")
    }


@cache
def error_classes() -> Mapping[str, tuple[str, ...]]:
    """Class → its codes."""
    classes: dict[str, tuple[str, ...]] = {}
    for row in error_codes().values():
        classes[row.kind] = (*classes.get(row.kind, ()), row.code)
    return classes


@cache
def gateway_messages() -> Mapping[str, str]:
    """The gateway's message name (returnAuthMsg, errMsg) → result code."""
    return {name: row.code for row in error_codes().values() for name in row.gateway}


@cache
def code_tables() -> Mapping[str, Mapping[str, str]]:
    """Code lists by our name (region, contract_method, business_of_plans …): code → Korean meaning."""
    tables: Mapping[str, Mapping[str, str]] = json.loads((SHEETS / "codes.json").read_text(encoding="utf-8"))
    return tables


@cache
def retired_paths() -> Mapping[str, Mapping[str, Any]]:
    """Paths that are gone → {code, use: the successor, still_answers?}."""
    return {row["path"]: row for row in lines("retired.jsonl")}


@cache
def ocds_rows() -> tuple[Mapping[str, Any], ...]:
    """How rows become OCDS 1.1 releases.

    Three shapes: {tag, service, operations?, map: OCDS path → upstream fields, the first that is filled counts},
    {codelist, values} and {scheme, value}. In a field name `1..5` counts and `-` joins.
    """
    return tuple(lines("ocds.jsonl"))
