"""What can be refused before the network: a body with an unknown, missing or impossible parameter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from dari.core.endpoint import Endpoint, Parameter
from dari.core.errors import Hint, InvalidInput, WrongMode
from dari.core.exchange import Call
from dari.providers.kiwoom.spec import platform

CODE: Final = re.compile(r"[0-9A-Z]{6}(?P<venue>_NX|_AL)?|M[0-9]{8}")
"""A stock code, bare (KRX) or with the suffix of NXT or of both venues together; or a code of the gold market."""
STOCK_CODE: Final = "stk_cd"


def check_parameters(call: Call) -> None:
    """Raise InvalidInput for a body that Kiwoom would refuse, WrongMode for a venue that mock lacks.

    Lengths are not checked: the vendor's own values are longer than its lengths in places (ka10019.trde_qty_tp).
    """
    row = call.endpoint
    known = {one.name: one for one in row.parameters}
    if strange := sorted(set(call.parameters) - set(known)):
        raise _wrong(row, f"{', '.join(strange)} is not a parameter of it; it takes {', '.join(known) or 'none'}")
    if missing := [one.name for one in row.parameters if one.required and one.name not in call.parameters]:
        raise _wrong(row, f"{', '.join(missing)} is missing")
    for name, value in call.parameters.items():
        for fault in _faults(row, known[name], value):
            raise _wrong(row, f"{name}: {fault}")
    if call.mode == "paper":
        _no_other_venue(call)


def _faults(row: Endpoint, one: Parameter, value: str) -> Iterator[str]:
    if value == "":
        if one.required and one.name not in row.wire["blank_parameters"]:
            yield "may not be empty"
        return
    if one.fixed is not None and value != one.fixed:
        yield f"is always {one.fixed!r}"
    if one.codes and one.closed and value not in one.codes:
        yield "is one of " + ", ".join(f"{code} ({meaning})" for code, meaning in one.codes.items())
    batch = row.wire["batch"]
    if batch and batch["parameter"] == one.name:
        codes = value.split(batch["separator"])
        if len(codes) > batch["most"]:
            yield f"takes at most {batch['most']} codes; {len(codes)} were given"
        for code in codes:
            yield from _code_faults(row, one, code)
        return
    if one.name == STOCK_CODE and not one.codes:
        yield from _code_faults(row, one, value)


def _code_faults(row: Endpoint, one: Parameter, value: str) -> Iterator[str]:
    found = CODE.fullmatch(value)
    if found is None:
        yield "is six digits or capitals, such as 005930"
    elif found["venue"] and (
        one.name not in row.wire["venue_parameters"] or row.id in platform()["conventions"]["suffix_breaks"]
    ):
        yield "takes a bare code here: this endpoint knows KRX only"


def _no_other_venue(call: Call) -> None:
    for name in call.endpoint.wire["venue_parameters"]:
        if "_" in call.parameters.get(name, ""):
            raise WrongMode(
                f"{call.endpoint.id}: mock trading knows KRX only, without NXT (_NX) or both venues together (_AL)",
                hint=Hint(
                    "venue를 KRX로 지정하거나 KIWOOM_MODE=real로 바꾸세요.",
                    "Ask for venue KRX, or set KIWOOM_MODE=real.",
                ),
            )


def _wrong(row: Endpoint, fault: str) -> InvalidInput:
    return InvalidInput(
        f"{row.id} ({row.title}): {fault}",
        hint=Hint(
            f"describe_endpoint로 {row.id}의 인자를 확인하세요.", f"describe_endpoint tells the parameters of {row.id}."
        ),
    )
