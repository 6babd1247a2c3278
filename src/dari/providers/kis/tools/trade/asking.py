"""A caller's parameters held against the sheet before the network: named, completed, refused with what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from dari.core.endpoint import Effect, Endpoint, Parameter
from dari.core.errors import Hint, InvalidInput, NotAllowed, WrongMode
from dari.providers.kis.spec import SPEC, tr_ids

OURS: Final = frozenset({"CANO", "ACNT_PRDT_CD"})
"""Filled in from the settings: an account number is never an argument."""
TR_ID: Final = "tr_id"
_TR_ID: Final = re.compile(r"[A-Z]{2,4}[0-9A-Z]{6,10}")
QUARTER: Final = timedelta(days=90)
SHOWN: Final = 40
VALUE_LIMIT: Final = 200
VENUES: Final[Mapping[str, str]] = {"J": "KRX", "NX": "NXT", "UN": "UN"}


def named(endpoint: str) -> tuple[Endpoint, str | None]:
    """The row of an id, or of a tr_id with that tr_id. Raises NotFound, or InvalidInput for a retired tr_id."""
    word = endpoint.strip()
    if not _TR_ID.fullmatch(word):
        return SPEC.endpoint(word), None
    row = SPEC.by_tr_id(word)
    if word in tr_ids(row):
        return row, word
    successor = row.wire["retired"][word]
    raise InvalidInput(
        f"{word} is retired; {row.id} is asked with {successor} now",
        hint=Hint(f"{row.id}({successor})를 쓰세요.", f"Use {row.id} ({successor})."),
        details={"parameter": TR_ID, "allowed": sorted(tr_ids(row)), "endpoint": row.id},
    )


def readable(row: Endpoint) -> Endpoint:
    """The row, if call_endpoint may call it. Raises NotAllowed for orders, sign-in and streams."""
    if row.effect is Effect.READ and row.transport == "rest" and row.scope != "auth":
        return row
    way = {
        "auth": Hint("인증은 자동입니다: dari doctor", "Signing in is automatic: dari doctor."),
        "stream": Hint("실시간은 collect_realtime으로 받으세요.", "Streams are read by collect_realtime."),
        "order": Hint("주문은 plan_order → apply_plan으로만 합니다.", "Orders go by plan_order → apply_plan only."),
    }
    kind = "auth" if row.scope == "auth" else "order" if row.effect > Effect.READ else "stream"
    raise NotAllowed(f"{row.id} ({row.title}) is not a reading REST endpoint", hint=way[kind])


def offered(row: Endpoint, mode: str) -> None:
    """Raise WrongMode, with what can be done instead, where this mode lacks the row."""
    if not row.codes.get(mode):
        can = [one.id for one in SPEC if one.effect is row.effect and one.scope == row.scope and one.codes.get(mode)]
        raise WrongMode(
            f"KIS does not offer {row.id} ({row.title}) in {mode} mode",
            hint=Hint(f"{mode}에서 되는 것: {', '.join(can)}", f"In {mode}: {', '.join(can)}"),
            details={f"{mode}_can": can},
        )


def completed(row: Endpoint, given: Mapping[str, str], mode: str, today: date) -> dict[str, str]:
    """Every parameter the row takes, in the sheet's spelling. Raises InvalidInput, naming what is wrong and allowed.

    Fixed values are put in, twins repeated, codes taken by value or by meaning, optional ones left out unless given.
    """
    told = _given(row, given)
    tr_id = told.pop(TR_ID, None)
    twins: Mapping[str, str] = row.wire["twins"]
    for copy, original in twins.items():
        if copy in told or original in told:
            told.setdefault(original, told.get(copy, ""))
            told[copy] = told[original]
    paging = row.wire["paging"].get("keys", ())
    for one in row.parameters:
        if one.name in told or one.name in OURS:
            continue
        if one.fixed is not None:
            told[one.name] = one.fixed
        elif one.name in paging:
            told[one.name] = ""
        elif one.required:
            raise _missing(row, one)
    chosen = tr_id or variant(row, mode, told, today)
    return {**told, TR_ID: chosen} if chosen else told


def _given(row: Endpoint, given: Mapping[str, str]) -> dict[str, str]:
    """What was given, each in the sheet's spelling and by its code."""
    names = {one.name.lower(): one for one in row.parameters}
    told: dict[str, str] = {}
    for name, value in given.items():
        one = names.get(name.lower())
        if name.lower() == TR_ID:
            told[TR_ID] = value.strip()
        elif one is None:
            raise _unknown(row, name)
        elif one.name in OURS:
            raise InvalidInput(
                f"{one.name} comes from the settings, never from an argument",
                hint=Hint("계좌는 설정(KOREA_INVESTMENT_ACCOUNT 등)으로만 정합니다.", "Accounts are set by settings."),
                details={"parameter": one.name},
            )
        else:
            told[one.name] = _value(row, one, value)
    return told


def variant(row: Endpoint, mode: str, told: Mapping[str, str], today: date) -> str | None:
    """The tr_id that these parameters mean, where a row has several; None for its own."""
    for one in row.wire["variants"]:
        when = one["when"]
        allowed: Mapping[str, list[str]] = when.get("parameters", {})
        fits = bool(allowed) and all(told.get(name) in values for name, values in allowed.items())
        if "period" in when:
            long_ago = told.get("INQR_STRT_DT", "99999999") < f"{today - QUARTER:%Y%m%d}"
            fits = long_ago is (when["period"] == "before_3_months")
        if fits and one.get(mode):
            return str(one[mode])
    return None


def venue_of(parameters: Mapping[str, str]) -> str | None:
    """The venue a question names, as provenance tells it."""
    return VENUES.get(parameters.get("FID_COND_MRKT_DIV_CODE", parameters.get("fid_cond_mrkt_div_code", "")))


def _value(row: Endpoint, one: Parameter, given: str) -> str:
    value = given.strip()
    if not value.isprintable() or len(value) > VALUE_LIMIT:
        raise _refused(row, one, "is not a printable value of sensible length")
    if one.fixed is not None and value not in {one.fixed, ""}:
        raise _refused(row, one, f"must be {one.fixed!r}", allowed=[one.fixed])
    if one.fixed is not None:
        return one.fixed
    if one.codes and value not in one.codes:
        value = _by_meaning(one, value) or value
        if one.closed and value not in one.codes and (value or one.required):
            allowed = dict(list(one.codes.items())[:SHOWN])
            raise _refused(row, one, f"is not one of {', '.join(allowed) or 'its values'}", allowed=allowed)
    if not value and one.required and one.sample and row.scope == "market" and one.name.upper().endswith("ISCD"):
        raise _refused(row, one, f"must not be empty (for example {one.sample!r})")
    if one.length is not None and len(value) > one.length:
        raise _refused(row, one, f"is longer than {one.length} characters", allowed=[f"≤ {one.length}"])
    return value


def _by_meaning(one: Parameter, value: str) -> str | None:
    """The code whose meaning this is: 매도 → 01."""

    def plain(text: str) -> str:
        return re.sub(r"\W", "", text).lower()

    wanted = plain(value)
    found = [code for code, meaning in one.codes.items() if wanted and plain(meaning) == wanted]
    return found[0] if len(found) == 1 else None


def _refused(row: Endpoint, one: Parameter, why: str, *, allowed: Any = None) -> InvalidInput:
    details: dict[str, Any] = {"endpoint": row.id, "parameter": one.name}
    if allowed is not None:
        details["allowed"] = allowed
    return InvalidInput(
        f"{one.name} ({one.label}) {why}", hint=Hint("값을 고치세요.", "Correct the value."), details=details
    )


def _missing(row: Endpoint, one: Parameter) -> InvalidInput:
    example = f" (for example {one.sample!r})" if one.sample else ""
    allowed = dict(list(one.codes.items())[:SHOWN])
    return InvalidInput(
        f"{one.name} ({one.label}) is missing{example}",
        hint=Hint("describe_endpoint로 값을 확인하세요.", "Ask describe_endpoint for its values."),
        details={"endpoint": row.id, "parameter": one.name, **({"allowed": allowed} if allowed else {})},
    )


def _unknown(row: Endpoint, name: str) -> InvalidInput:
    names = [one.name for one in row.parameters if one.name not in OURS]
    return InvalidInput(
        f"{row.id} has no parameter {name[:SHOWN]!r}",
        hint=Hint(f"있는 것: {', '.join(names)}", f"It has: {', '.join(names)}"),
        details={"endpoint": row.id, "parameter": name[:SHOWN], "allowed": names},
    )
