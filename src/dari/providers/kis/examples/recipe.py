"""What an example must do: host, tr_id, parameters with values and their meaning, paging, and what comes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any, Final

from dari.core.endpoint import Effect, Endpoint, Parameter
from dari.core.errors import Hint, InvalidInput
from dari.providers.kis.spec import SPEC, platform_facts

SHOWN_FIELDS: Final = 12
"""Response fields an example names, per block: the rest are there in the reply all the same."""
CHOICES: Final[Mapping[str, str]] = {
    "side": "buy",
    "action": "cancel",
    "session": "day",
    "venue": "KRX",
    "period": "within_3_months",
    "market": "US",
}
"""What tells one tr_id of an endpoint from another, and what is taken where nothing is said."""
_PRODUCTS: Final = {"domestic_futureoption": "03", "overseas_futureoption": "08"}
_DATE: Final = re.compile(r"(00)?20[0-9]{6}")
_LAST_DAY: Final = re.compile(r"END|_2$|(?:^|_)TO_DT|^T_DT|ED_YMD|CLOSE", re.IGNORECASE)
_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Value:
    """One parameter with the value it is sent with. `source` is "account", "product" or "" for a plain text."""

    name: str
    value: str
    comment: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One block of the reply and the fields of it that are shown: upstream name → (English, Korean)."""

    name: str | None
    kind: str
    fields: tuple[tuple[str, str, str], ...]
    total: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything an example is written from."""

    row: Endpoint
    mode: str
    host: str
    tr_id: str
    values: tuple[Value, ...]
    shown: tuple[Shown, ...]
    paging: str
    paging_keys: tuple[str, ...]
    other_codes: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def order(self) -> bool:
        """Whether running it places, changes or cancels an order."""
        return self.row.effect is Effect.COMMIT

    @property
    def stream(self) -> bool:
        """Whether it is asked over a websocket."""
        return self.row.transport == "websocket" and not self.row.wire["rest"]

    @property
    def method(self) -> str:
        """GET or POST."""
        return str((self.row.wire["rest"] or {}).get("method", self.row.method))

    @property
    def path(self) -> str:
        """The path under the host."""
        return str((self.row.wire["rest"] or {}).get("path", self.row.path))

    @property
    def key_names(self) -> tuple[str, str]:
        """The environment variables that hold the pair of keys of this mode."""
        paper = "PAPER_" if self.mode == "paper" else ""
        return f"KOREA_INVESTMENT_{paper}APP_KEY", f"KOREA_INVESTMENT_{paper}APP_SECRET"


def recipe(api: str, given: Mapping[str, str], today: date) -> Recipe:
    """The recipe of `api` (an id of the sheets, a path or a tr_id) with the caller's values.

    `given` names parameters as KIS spells them (in either case), and side, action, session, venue, period or market,
    which choose among the tr_ids of one endpoint. Raises NotFound or InvalidInput.
    """
    row = find_row(api)
    known = {one.name.lower(): one for one in row.parameters}
    chosen = {name.lower(): str(value).strip() for name, value in given.items()}
    strange = [name for name in chosen if name not in known and name not in CHOICES]
    if strange:
        raise _unknown(row, strange)
    order = row.effect is Effect.COMMIT
    mode = "paper" if row.codes.get("paper") and row.scope == "account" else "real"
    values = tuple(
        value for one in row.parameters if (value := _value(row, one, chosen.get(one.name.lower()), today)) is not None
    )
    values = tuple(map(_market_price(row, values), values))
    code, others = _tr_id(row, mode, chosen, {one.name: one.value for one in values})
    if order and mode == "paper" and code is None:
        mode = "real"
        code, others = _tr_id(row, mode, chosen, {one.name: one.value for one in values})
    keys = tuple(row.wire["paging"].get("keys", ()))
    constant = {one.name for one in row.parameters if one.fixed is not None}
    hosts = platform_facts()["hosts"][mode]
    return Recipe(
        row=row,
        mode=mode,
        host=hosts["websocket" if row.transport == "websocket" and not row.wire["rest"] else "rest"],
        tr_id=code or "",
        values=values,
        shown=_all_shown(row),
        paging="none" if constant & set(keys) else row.wire["paging"]["mode"],
        paging_keys=keys,
        other_codes=others,
        warnings=tuple(_warnings(row, mode)),
    )


def _market_price(row: Endpoint, values: tuple[Value, ...]) -> Callable[[Value], Value]:
    """A market order carries the price 0, where the sheet says so."""
    notes = {one.name: one.note for one in row.parameters}
    kinds = {one.name: one.codes for one in row.parameters}
    market = any("시장가" in kinds[one.name].get(one.value, "") for one in values if one.name.startswith("ORD_DVSN"))

    def priced(one: Value) -> Value:
        return replace(one, value="0") if market and "시장가는 0" in notes[one.name] else one

    return priced


def find_row(api: str) -> Endpoint:
    """The sheet that an id, a path or a tr_id names. Raises NotFound with the nearest ids."""
    name = api.strip()
    if "/" in name and not name.startswith("/") and name.count("/") == 1 and "." not in name:
        name = name.replace("/", ".")
    if name.startswith("/"):
        return SPEC.by_path(name)
    if re.fullmatch(r"[A-Z0-9]{8,14}", name):
        return SPEC.by_tr_id(name)
    return SPEC.endpoint(name)


def _unknown(row: Endpoint, strange: list[str]) -> InvalidInput:
    names = [one.name for one in row.parameters]
    near = [close for name in strange for close in get_close_matches(name.upper(), names, 1)]
    said = ", ".join(near or names[:12])
    return InvalidInput(
        f"{row.id} has no parameter {', '.join(strange)[:80]}",
        hint=Hint(f"파라미터: {said}", f"Its parameters: {said}"),
        details={"parameters": names},
    )


def _value(row: Endpoint, one: Parameter, given: str | None, today: date) -> Value | None:
    if given is not None:
        return _given(one, given)
    if one.name in {"CANO", "ACNT_PRDT_CD"}:
        return _account(row, one)
    if one.fixed is not None:
        return Value(one.name, one.fixed, f"{one.label} (고정값 fixed)")
    if not one.required:  # the first page asks with empty keys: KIS misses them otherwise
        if row.wire["rest"] and one.sample:
            return _sampled(row, one, today)
        return Value(one.name, "", f"{one.label} (첫 조회는 빈 값 empty at first)") if _pages_by(row, one) else None
    return _sampled(row, one, today)


def _given(one: Parameter, value: str) -> Value:
    if one.closed and value not in one.codes:
        told = ", ".join(f"{code} {text}" for code, text in list(one.codes.items())[:12])
        raise InvalidInput(f"{one.name} {one.label} cannot be {value[:40]!r}", hint=Hint(told, told))
    return Value(one.name, value, one.label + (f": {one.codes[value]}" if value in one.codes else ""))


def _account(row: Endpoint, one: Parameter) -> Value:
    if one.name == "CANO":
        return Value(one.name, "", f"{one.label} (앞 8자리 first 8 digits)", "account")
    product = "29" if "pension" in row.id else _PRODUCTS.get(row.category, "01")
    return Value(one.name, product, f"{one.label} (뒤 2자리 last 2 digits)", "product")


def _pages_by(row: Endpoint, one: Parameter) -> bool:
    return one.name in row.wire["paging"].get("keys", ())


def _sampled(row: Endpoint, one: Parameter, today: date) -> Value:
    value = one.sample if one.sample is not None else next(iter(one.codes), "")
    if one.sample is None and not one.codes:
        return Value(one.name, value, f"{one.label}: 값을 넣으세요 fill in")
    if row.effect is Effect.READ and _DATE.fullmatch(value):
        value = value[:-8] + _day(row, one, today)  # some want ten places, filled up with 00
    comment = one.label
    if one.codes:
        comment += ": " + ", ".join(f"{code or '빈값'} {text}" for code, text in list(one.codes.items())[:4])
        comment += " …" if len(one.codes) > 4 else ""  # noqa: PLR2004 -- four meanings fit beside a line
    elif one.note:
        comment += f" ({one.note})"
    return Value(one.name, value, comment)


def _day(row: Endpoint, one: Parameter, today: date) -> str:
    """Days that make sense now: a range of a month that ends today; a single day is the last weekday before today."""
    days = [other for other in row.parameters if other.sample and _DATE.fullmatch(other.sample)]
    if len(days) > 1:
        return f"{today if _LAST_DAY.search(one.name) else today - timedelta(days=30):%Y%m%d}"
    last = today - timedelta(days=1)
    while last.weekday() >= _SATURDAY:
        last -= timedelta(days=1)
    return f"{last:%Y%m%d}"


def _tr_id(
    row: Endpoint, mode: str, chosen: Mapping[str, str], values: Mapping[str, str]
) -> tuple[str | None, tuple[str, ...]]:
    """The tr_id for what was chosen, and a line for each other one of the endpoint."""
    fits = [one for one in row.wire["variants"] if _holds(one.get("when", {}), chosen, values)]
    code = fits[0].get(mode) if fits else row.codes.get(mode)
    told = [row.codes, *row.wire["variants"]]
    other_mode = "real" if mode == "paper" else "paper"
    others = [f"{one.get('label', row.title)}: {one[mode]}" for one in row.wire["variants"] if one.get(mode) != code]
    match = next((one for one in told if one.get(mode) == code), row.codes)
    if match.get(other_mode) and match.get(other_mode) != code:
        others.insert(0, f"{'실전 real' if other_mode == 'real' else '모의 paper'}: {match[other_mode]}")
    return code, tuple(others)


def _holds(when: Mapping[str, Any], chosen: Mapping[str, str], values: Mapping[str, str]) -> bool:
    for axis, wanted in when.items():
        if axis == "parameters":
            if any(values.get(name) not in allowed for name, allowed in wanted.items() if name in values):
                return False
        elif axis == "market" and "parameters" in when and "market" not in chosen:
            continue  # the exchange parameter decides
        elif chosen.get(axis, CHOICES.get(axis, "")).lower() != str(wanted).lower():
            return False
    return True


def _all_shown(row: Endpoint) -> tuple[Shown, ...]:
    if not row.wire["rest"]:
        keys = {key.lower() for key in row.wire["paging"].get("keys", ())}
        return tuple(
            _shown(row, block)
            for block in row.blocks
            if block.name or not {one.name.lower() for one in block.fields} <= keys
        )
    known = {one.name: one for block in row.blocks for one in block.fields}
    told = []
    for block in row.wire["rest"]["blocks"]:
        fields = [
            (name, known[name].english, known[name].label) if name in known else (name, name, "")
            for name in block["fields"]
        ]
        told.append(Shown(block["name"], block["kind"], tuple(fields[:SHOWN_FIELDS]), len(fields)))
    return tuple(told)


def _shown(row: Endpoint, block: Any) -> Shown:
    wanted = row.wire["columns"].get(block.name)
    fields = [one for one in block.fields if not wanted or one.name in wanted][:SHOWN_FIELDS]
    seen: dict[str, int] = {}
    told = []
    for one in fields:
        english = one.english or one.name.lower()
        seen[english] = seen.get(english, 0) + 1
        told.append((one.name, english if seen[english] == 1 else f"{english}_{seen[english]}", one.label))
    return Shown(block.name, block.kind, tuple(told), len(block.fields))


def _warnings(row: Endpoint, mode: str) -> list[str]:
    said = []
    if row.effect is Effect.COMMIT:
        if mode == "paper":
            said += ["주문 예제: 모의투자 계좌로만 보냅니다.", "It acts on orders, of the paper account only."]
        else:
            said += [
                "이 주문은 모의투자가 없어 실계좌로 나갑니다: KIS_REAL_ORDER=yes 없이는 보내지 않습니다.",
                "No paper version exists: it would reach the real account, and stops unless KIS_REAL_ORDER=yes is set.",
            ]
    elif mode == "real" and not row.codes.get("paper") and row.scope != "auth":
        said += ["모의투자 미지원: 실전 앱키가 필요합니다.", "Not served in paper trading: it needs the real key pair."]
    return said
