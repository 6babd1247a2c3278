"""What a request must look like, field by field, as the sheets say; anything else is refused with the right code."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from dari.core.endpoint import Endpoint, Parameter
from dari.core.errors import NotFound
from dari.providers.kiwoom.simulator.refusals import Refused, too_long
from dari.providers.kiwoom.spec import SPEC

DATE: Final = re.compile(r"^\d{8}$")
NUMBER: Final = re.compile(r"^\d+$")
SUFFIX: Final = re.compile(r"(_NX|_AL)$")
CODE: Final = re.compile(r"^[0-9A-Z]{6}$")
BEARER: Final = "Bearer"


def endpoint_of(api_id: str, path: str) -> Endpoint:
    """The endpoint a header names. Refuses 1501 (no id), 1505 (unknown id) and 1504 (another path, or a frame)."""
    if not api_id:
        raise Refused("1501")
    try:
        endpoint = SPEC.endpoint(api_id)
    except NotFound:
        raise Refused("1505", f"API ID={api_id}") from None
    if endpoint.transport != "rest" or endpoint.path != path:
        raise Refused("1504", f"URI={path}, API ID={api_id}")
    return endpoint


def token_of(authorization: str | None) -> str:
    """The token of a header. Refuses 1513 (none), 1514 (form), 1515 (scheme) and 1516 (empty)."""
    if authorization is None or not authorization.strip():
        raise Refused("1513")
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != BEARER.lower():
        raise Refused("1515" if token else "1514")
    if not token.strip():
        raise Refused("1516")
    return token.strip()


def body_of(content: bytes, content_type: str) -> dict[str, str]:
    """The JSON object of a request, values as strings. Refuses 1512 (content type) and 1517 (not such an object)."""
    if "application/json" not in content_type.lower():
        raise Refused("1512", "Content-Type")
    try:
        read = json.loads(content or b"{}")
    except ValueError:
        raise Refused("1517", "JSON") from None
    if not isinstance(read, dict):
        raise Refused("1517", "JSON object")
    for name, value in read.items():
        if not isinstance(value, str):
            raise Refused("1517", f"파라미터={name}, 실패사유=문자열이 아님")
    return read


def _bad(name: str, why: str) -> Refused:
    return Refused("1517", f"파라미터={name}, 실패사유={why}")


def _check_value(endpoint: Endpoint, parameter: Parameter, value: str) -> None:
    name = parameter.name
    if parameter.fixed is not None and value != parameter.fixed:
        raise _bad(name, "고정값")
    if parameter.closed:
        if value not in parameter.codes:
            raise _bad(name, "허용되지 않은 값")
        return
    batch = endpoint.wire["batch"]
    if batch and name == batch["parameter"]:
        if len(value.split(batch["separator"])) > batch["most"]:
            raise too_long(endpoint.id)
        return
    if parameter.length is not None and len(value) > parameter.length:
        if name == "stk_cd" and len(SUFFIX.sub("", value)) <= parameter.length:
            return  # the length in the table counts the code alone
        raise _bad(name, "길이 초과")
    if "YYYYMMDD" in parameter.note and not DATE.match(value):
        raise _bad(name, "YYYYMMDD")
    if ("KRW" in parameter.note or "share" in parameter.note) and not NUMBER.match(value):
        raise _bad(name, "숫자")


def check(endpoint: Endpoint, body: Mapping[str, str]) -> None:
    """Every parameter of the sheet and no other. Refuses 1511 (missing), 1517 (unknown, wrong), 1634 (long)."""
    known = {parameter.name: parameter for parameter in endpoint.parameters}
    for name in body:
        if name not in known:
            raise _bad(name, "없는 항목")
    blank = endpoint.wire["blank_parameters"]
    for name, parameter in known.items():
        value = body.get(name)
        if value is None:
            if parameter.required:
                raise Refused("1511", f"파라미터={name}")
            continue
        if value == "":
            if parameter.required and name not in blank:
                raise Refused("1511", f"파라미터={name}")
            continue
        _check_value(endpoint, parameter, value)


def text(values: Mapping[str, Any]) -> bytes:
    """A reply's body as it travels."""
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
