"""Reads the sheets: a line of `endpoints.jsonl` is one service, parsed when the first one is asked for.

`fields` are `[name, label, english, unit?, {sign, format}?]` in the order of the manual. Every service asks for one day
(`basDd`) and answers with the rows of `OutBlock_1`, all of them at once: nothing is paged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final, Literal

from dari.core.endpoint import Block, Endpoint, Field, Parameter
from dari.core.errors import Hint, NotFound

ROOM: Final = files(__package__)
CHECKED: Final = "2026-11-20"
SOURCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "manual+code": (
            "openapi.krx.co.kr service pages, as copied in seobaeksol/krx-rs docs/KRX_API_Spec (samples of 2024-01-05) "
            "and in a manual of 2026-02-04; cpaikr/krx-cli contracts/krx (reviewed 2026-08-12)"
        )
    }
)
KNOWN_KEYS: Final = frozenset(
    ("id", "title", "title_en", "group", "cache", "fields", "source", "market", "closed_day"),
)
"""Every key a line may have; another one is a slip of the pen."""

Basis = Literal["documented", "probed", "assumed"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One way of refusing: `code` is the text of respMsg, `http` the status; `basis` says how surely it is known.

    Kinds: key, service (not applied for), quota (until midnight KST), request, path, server.
    """

    code: str
    http: int
    kind: Literal["key", "service", "quota", "request", "path", "server"]
    meaning: str
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What holds for every service.

    `per_day` calls a key and KST day; a day is out `published_at` (HH:MM) on the next trading day; `blanks` stand where
    a row has no figure.
    """

    host: str
    key_header: str
    rows: str
    error_code: str
    error_message: str
    per_day: int
    history_since: str
    published_at: str
    blanks: tuple[str, ...]


class KrxSpec:
    """The exchange's sheets (dari.core.provider.Spec)."""

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """The row of a service ("stk_bydd_trd"). Raises NotFound with the nearest ids."""
        found = _endpoints().get(endpoint_id)
        if found is None:
            near = get_close_matches(endpoint_id, self.ids(), n=3, cutoff=0.5)
            raise NotFound(
                f"the KRX Open API has no service {endpoint_id!r}",
                hint=Hint(f"가까운 id: {', '.join(near) or '없음'}", f"Nearest ids: {', '.join(near) or 'none'}"),
                details={"nearest": near},
            )
        return found

    def ids(self) -> tuple[str, ...]:
        """Every id, in sheet order."""
        return tuple(_endpoints())


@cache
def _endpoints() -> Mapping[str, Endpoint]:
    lines = (ROOM / "endpoints.jsonl").read_text("utf-8").splitlines()
    return {found.id: found for found in (endpoint(json.loads(line)) for line in lines)}


def endpoint(row: Mapping[str, Any]) -> Endpoint:
    """One line as an Endpoint. Raises KeyError for a missing key and ValueError for one that nobody reads."""
    if strange := set(row) - KNOWN_KEYS:
        raise ValueError(f"{row['id']}: unknown keys {sorted(strange)}")
    return Endpoint(
        id=row["id"],
        provider="krx",
        title=row["title"],
        title_en=row["title_en"],
        category=row["group"],
        path=f"/svc/apis/{row['group']}/{row['id']}",
        codes=MappingProxyType({"real": row["id"], "paper": None}),
        parameters=(
            Parameter(name="basDd", label="기준일자", length=8, sample="20240105", note="YYYYMMDD, since 20100104"),
        ),
        blocks=(Block(name="OutBlock_1", kind="array", fields=tuple(_field(*one) for one in row["fields"])),),
        cache_seconds=row["cache"],
        lane=row["id"],
        wire=MappingProxyType({"market": row["market"], "closed_day": row.get("closed_day", "no_rows")}),
        source=SOURCES[row["source"]],
        checked=CHECKED,
    )


def _field(name: str, label: str, english: str, unit: str = "", more: Mapping[str, str] | None = None) -> Field:
    told = more or {}
    return Field(
        name=name,
        label=label,
        english=english,
        unit=unit,
        sign="value" if told.get("sign") == "value" else "",
        format=told.get("format", ""),
    )


@cache
def refusals() -> Mapping[str, Refusal]:
    """The words of a refusal → what they mean."""
    lines = (ROOM / "refusals.jsonl").read_text("utf-8").splitlines()
    return {one.code: one for one in (Refusal(**json.loads(line)) for line in lines)}


@cache
def platform() -> Platform:
    """platform.json."""
    told = json.loads((ROOM / "platform.json").read_text("utf-8"))
    return Platform(
        host=told["host"],
        key_header=told["key"]["header"],
        rows=told["envelope"]["rows"],
        error_code=told["envelope"]["error_code"],
        error_message=told["envelope"]["error_message"],
        per_day=told["limits"]["per_day"],
        history_since=told["history_since"],
        published_at=told["published"]["at"],
        blanks=tuple(told["blanks"]),
    )


SPEC: Final = KrxSpec()
