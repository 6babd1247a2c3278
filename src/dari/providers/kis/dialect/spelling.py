"""What of a call goes where: the tr_id of a variant, the parameters, the way to the next page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dari.core.endpoint import Endpoint
from dari.core.errors import Hint, InvalidInput
from dari.core.exchange import Call
from dari.core.provider import Response

TR_ID: Final = "tr_id"
"""A parameter of this name chooses one of a row's variants; it travels as the header it is."""
GOES_ON: Final = "P"
"""QRY_TP of a chart that goes on from an INDEX_KEY."""


def tr_id(call: Call) -> str:
    """The tr_id to send: the one asked for, which must be one of the row's in this mode, or the row's own."""
    row, asked = call.endpoint, call.parameters.get(TR_ID)
    own = str(row.codes[call.mode])
    if asked is None:
        return own
    variants = (str(one[call.mode]) for one in row.wire["variants"] if one.get(call.mode))
    allowed = list(dict.fromkeys([own, *variants]))
    if asked in allowed:
        return asked
    successor = row.wire["retired"].get(asked)
    raise InvalidInput(
        f"{asked} is retired; its successor is {successor}" if successor else f"{row.id} has no tr_id {asked!r}",
        hint=Hint(
            f"{', '.join(dict.fromkeys(allowed))} 중에서 고르세요.", f"One of {', '.join(dict.fromkeys(allowed))}."
        ),
        details={"parameter": TR_ID, "allowed": list(dict.fromkeys(allowed))},
    )


def sent(call: Call, account: Mapping[str, str]) -> dict[str, Any]:
    """Every parameter as it travels: the call's, those that go on from a page, and, over all, the account's."""
    told = {**call.parameters, **going_on(call), **account}
    told.pop(TR_ID, None)
    return told


def going_on(call: Call) -> dict[str, str]:
    """The parameters a cursor stands for: the paging keys of its row and no others. Raises InvalidInput."""
    if call.cursor is None:
        return {}
    allowed = {*call.endpoint.wire["paging"].get("keys", ()), "QRY_TP"}
    try:
        told = json.loads(call.cursor)
    except ValueError:
        told = None
    good = isinstance(told, dict) and told.keys() <= allowed and all(isinstance(one, str) for one in told.values())
    if not good:
        raise InvalidInput(
            "cursor: it must be one that an answer of this endpoint gave",
            hint=Hint("응답의 cursor 값을 그대로 쓰세요.", "Give the cursor of the last answer as it was."),
            details={"parameter": "cursor"},
        )
    return {name: told[name] for name in told}


def continues(call: Call) -> str:
    """The tr_cont header: N only where KIS pages by it."""
    return "N" if call.cursor is not None and call.endpoint.wire["paging"]["mode"] == "tr_cont" else ""


def cursor(row: Endpoint, response: Response, body: Mapping[str, Any]) -> str | None:
    """Where the next page begins, or None on the last.

    `tr_cont`: a header says that more follows, and ctx_area_* go back as they came. `key`: a key that is not blank
    says so itself; an INDEX_KEY stands inside a block and asks for QRY_TP=P.
    """
    paging = row.wire["paging"]
    keys: tuple[str, ...] = tuple(paging.get("keys", ()))
    if paging["mode"] == "tr_cont":
        if response.headers.get("tr_cont", "").strip() not in {"M", "F"}:
            return None
        return _written({key: _found(body, key) or "" for key in keys})
    if paging["mode"] != "key" or any(one.name in keys and one.fixed is not None for one in row.parameters):
        return None
    told = {key: _found(body, key) or "" for key in keys}
    if not all(value.strip() for key, value in told.items() if "_FK" not in key):
        return None
    if "INDEX_KEY" in told and any(one.name == "QRY_TP" for one in row.parameters):
        told["QRY_TP"] = GOES_ON
    return _written(told)


def _written(told: Mapping[str, str]) -> str:
    return json.dumps(told, ensure_ascii=False)


def _found(body: Mapping[str, Any], key: str) -> str | None:
    for place in _places(body):
        for name in (key.lower(), key):
            if name in place:
                return str(place[name])
    return None


def _places(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield body
    yield from (block for block in body.values() if isinstance(block, Mapping))
