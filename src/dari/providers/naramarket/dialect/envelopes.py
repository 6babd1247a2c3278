"""Reads a reply of any of the five envelopes, in JSON or XML, with its rows in any of their five shapes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.etree import ElementTree as ET

from dari.core.errors import Malformed, Unreachable
from dari.core.provider import Response
from dari.providers.naramarket.spec import error_codes, gateway_messages

Row = dict[str, str]

FAILED: Final = 400
SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Read:
    """What a reply says: a result code with its text, and on success the rows with the counts told beside them.

    `total` and `size` are None where the reply does not tell them. `envelope` names which of the five it was.
    """

    envelope: str
    code: str
    said: str = ""
    rows: list[Row] = field(default_factory=list)
    total: int | None = None
    size: int | None = None


def read(response: Response) -> Read:
    """Which envelope, and what is in it.

    Raises Unreachable for a body that broke off or is a web page, Malformed for one of no known envelope.
    """
    text = response.content.lstrip()
    if text[:1] == b"{":
        try:
            told = json.loads(text)
        except ValueError:
            raise _broken(response) from None
        return _json(told)
    if text[:1] == b"<" and not text[:15].lower().startswith((b"<html", b"<!doctype")):
        return _xml(response, text)
    if response.status >= FAILED:
        said = response.content[:SHOWN].decode("utf-8", "replace").strip()
        return Read("plain", f"http{response.status}", said)
    raise _broken(response)


def _broken(response: Response) -> Unreachable:
    """A whole reply never looks like this: a connection that was cut, or a page of a gateway's own."""
    if response.status >= FAILED:
        return Unreachable(f"data.go.kr answered HTTP {response.status}", upstream_code=f"http{response.status}")
    shown = response.content[:SHOWN].decode("utf-8", "replace")
    return Unreachable("data.go.kr's reply is not whole, or is a web page", upstream_text=shown)


# --- JSON ----------------------------------------------------------------------------------------------------------


def _json(told: Mapping[str, Any]) -> Read:
    for name, inside in told.items():
        if not isinstance(inside, Mapping):
            continue
        if name == "OpenAPI_ServiceResponse":
            return _gateway("gateway_json", {k: str(v) for k, v in (inside.get("cmmMsgHeader") or {}).items()})
        header = inside.get("header")
        if name.endswith("ResponseError") and isinstance(header, Mapping):
            return Read("service_error", _code(header.get("resultCode")), str(header.get("resultMsg", "")))
        if name == "response" and isinstance(header, Mapping):
            body = inside.get("body")
            return _page(header, body if isinstance(body, Mapping) else {})
    raise Malformed("data.go.kr answered in none of its envelopes", upstream_text=str(dict(told))[:SHOWN])


def _page(header: Mapping[str, Any], body: Mapping[str, Any]) -> Read:
    items = body.get("items")
    if isinstance(items, Mapping):
        items = items.get("item")
    if isinstance(items, Mapping):
        items = [items]
    rows: list[Row] = []
    for one in items or []:
        if not isinstance(one, Mapping):
            raise Malformed("data.go.kr sent a row that is not an object", upstream_text=str(one)[:SHOWN])
        rows.append({str(name): _string(value) for name, value in one.items()})
    return Read(
        "ok",
        _code(header.get("resultCode")),
        str(header.get("resultMsg", "")),
        rows,
        _count(body.get("totalCount")),
        _count(body.get("numOfRows")),
    )


def _string(value: Any) -> str:
    """A cell as it travels: every value is a string there, save where a service forgets it."""
    if isinstance(value, str):
        return value
    if value is None or value in ({}, []):
        return ""
    if isinstance(value, bool):
        return "Y" if value else "N"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


# --- XML -----------------------------------------------------------------------------------------------------------


def _xml(response: Response, text: bytes) -> Read:
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise Malformed("data.go.kr's XML declares entities, which no reply of it needs")
    try:
        root = ET.fromstring(text)  # noqa: S314 -- entities were refused above, and the body's size is capped by wire
    except ET.ParseError:
        raise _broken(response) from None
    if root.tag == "OpenAPI_ServiceResponse":
        return _gateway("gateway_xml", _leaves(root.find("cmmMsgHeader")))
    header = _leaves(root.find("header"))
    if root.tag.endswith("ResponseError"):
        return Read("service_error", _code(header.get("resultCode")), header.get("resultMsg", ""))
    if root.tag != "response" or not header:
        raise Malformed("data.go.kr answered in none of its envelopes", upstream_text=root.tag)
    body = root.find("body")
    counts = _leaves(body)
    rows = [] if body is None else [_leaves(item) for item in body.iterfind("items/item")]
    return Read(
        "ok",
        _code(header.get("resultCode")),
        header.get("resultMsg", ""),
        rows,
        _count(counts.get("totalCount")),
        _count(counts.get("numOfRows")),
    )


def _leaves(node: ET.Element | None) -> Row:
    return {} if node is None else {leaf.tag: leaf.text or "" for leaf in node if len(leaf) == 0}


# --- both ----------------------------------------------------------------------------------------------------------


def _gateway(envelope: str, header: Mapping[str, str]) -> Read:
    """The gateway's own refusal: the name of its message counts where the number says nothing."""
    said = header.get("returnAuthMsg") or header.get("errMsg", "")
    code = _code(header.get("returnReasonCode"))
    if code not in error_codes():
        named = gateway_messages()
        code = named.get(header.get("returnAuthMsg", ""), named.get(header.get("errMsg", ""), code))
    return Read(envelope, code, said)


def _code(told: Any) -> str:
    code = "" if told is None else str(told).strip()
    return code.zfill(2) if code.isdigit() else code


def _count(told: Any) -> int | None:
    text = str(told).strip() if told is not None else ""
    return int(text) if text.isdigit() else None
