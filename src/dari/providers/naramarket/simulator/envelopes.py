"""The five ways a service answers, spelled as bytes, and the five shapes its rows come in."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple
from xml.sax.saxutils import escape

from dari.providers.naramarket.spec import error_codes, gateway_messages

Shape = Literal["list", "item_list", "item_dict", "blank", "absent"]
SHAPES: Final[tuple[Shape, ...]] = ("list", "item_list", "item_dict", "blank", "absent")

JSON_TYPE: Final = "application/json;charset=UTF-8"
XML_TYPE: Final = "application/xml;charset=UTF-8"
SPELL: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""One encoder for all rows: making one costs more than a row does."""
TEXT_TYPE: Final = "text/plain;charset=UTF-8"


class Spelled(NamedTuple):
    """One reply: status, content type, body."""

    status: int
    content_type: str
    body: bytes


def row_json(row: Mapping[str, str]) -> bytes:
    """One row; every value is a string."""
    return SPELL(row).encode()


def row_xml(row: Mapping[str, str]) -> bytes:
    """One row as <item>."""
    return f"<item>{''.join(f'<{name}>{escape(value)}</{name}>' for name, value in row.items())}</item>".encode()


class Page(NamedTuple):
    """One page, its rows already spelled."""

    rows: Sequence[bytes]
    size: int
    number: int
    total: int


def page_json(page: Page, shape: Shape) -> Spelled:
    """A page in JSON. One row alone may come as {item: {…}}; no rows as "" or as nothing at all."""
    rows = b",".join(page.rows)
    if not page.rows and shape in ("blank", "item_dict"):
        items = b'"items":"",'
    elif not page.rows and shape == "absent":
        items = b""
    elif shape == "item_list" or (shape == "item_dict" and len(page.rows) > 1):
        items = b'"items":{"item":[' + rows + b"]},"
    elif shape == "item_dict":
        items = b'"items":{"item":' + rows + b"},"
    else:
        items = b'"items":[' + rows + b"],"
    counts = f'"numOfRows":{page.size},"pageNo":{page.number},"totalCount":{page.total}'.encode()
    head = '{"response":{"header":{"resultCode":"00","resultMsg":"정상"},"body":{'.encode()
    return Spelled(200, JSON_TYPE, head + items + counts + b"}}}")


def page_xml(page: Page, shape: Shape) -> Spelled:
    """A page in XML."""
    items = b"<items>" + b"".join(page.rows) + b"</items>"
    if not page.rows and shape == "absent":
        items = b""
    head = (
        '<?xml version="1.0" encoding="UTF-8"?><response><header><resultCode>00</resultCode>'
        "<resultMsg>정상</resultMsg></header><body>"
    )
    counts = f"<numOfRows>{page.size}</numOfRows><pageNo>{page.number}</pageNo><totalCount>{page.total}</totalCount>"
    return Spelled(200, XML_TYPE, head.encode() + items + counts.encode() + b"</body></response>")


def service_error(code: str, *, as_json: bool) -> Spelled:
    """The service's own refusal: HTTP 200, under a key that ends with ResponseError."""
    said = error_codes()[code].label
    if as_json:
        told = {"nkoneps.com.response.ResponseError": {"header": {"resultCode": code, "resultMsg": said}}}
        return Spelled(200, JSON_TYPE, json.dumps(told, ensure_ascii=False).encode())
    body = (
        '<?xml version="1.0" encoding="UTF-8"?><nkoneps.com.response.ResponseError><header>'
        f"<resultCode>{code}</resultCode><resultMsg>{escape(said)}</resultMsg>"
        "</header></nkoneps.com.response.ResponseError>"
    )
    return Spelled(200, XML_TYPE, body.encode())


def _gateway_message(code: str) -> str:
    named = [name for name, told in gateway_messages().items() if told == code]
    return named[-1] if named else "HTTP_ERROR"


def gateway_error(code: str, *, as_json: bool, message: str = "") -> Spelled:
    """The gateway's refusal: XML with HTTP 200 whatever was asked for, or JSON with HTTP 403."""
    auth = message or _gateway_message(code)
    if as_json:
        header = {"errMsg": "SERVICE ERROR", "returnAuthMsg": auth, "returnReasonCode": code}
        told = {"OpenAPI_ServiceResponse": {"cmmMsgHeader": header}}
        return Spelled(403, JSON_TYPE, json.dumps(told).encode())
    body = (
        "<OpenAPI_ServiceResponse><cmmMsgHeader><errMsg>SERVICE ERROR</errMsg>"
        f"<returnAuthMsg>{auth}</returnAuthMsg><returnReasonCode>{code}</returnReasonCode>"
        "</cmmMsgHeader></OpenAPI_ServiceResponse>"
    )
    return Spelled(200, XML_TYPE, body.encode())


def plain(status: int, text: str) -> Spelled:
    """Neither: a status and a line of text."""
    return Spelled(status, TEXT_TYPE, text.encode())
