"""Reads the sheets: a line of `endpoints.jsonl` is one operation, parsed when the first one is asked for.

`parameters` hold `name`, `label` and, where they say something, `required` (true unless told), `length`, `format`,
`codes` ("@name" points into codes.json), `closed`, `default`, `note`. `fields` are
`[name, label, english, unit?, {format, codes}?]`. `paging` names the keys of a paged reply, `archive` a ZIP's file.
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

from dari.core.endpoint import NOTHING, Block, Endpoint, Field, Parameter
from dari.core.errors import Hint, NotFound

ROOM: Final = files(__package__)
CHECKED: Final = "2026-11-20"
GUIDE: Final = "opendart.fss.or.kr developers' guide {group}, apiId {id}, as copied in public projects; live-call notes"
KNOWN_KEYS: Final = frozenset(
    (
        *("id", "title", "title_en", "path", "guide", "cache", "parameters", "fields", "source"),
        *("rows", "paging", "archive"),
    ),
)
"""Every key a line may have; another one is a slip of the pen."""


@dataclass(frozen=True, slots=True)
class Status:
    """One status code. Kinds: ok, empty, key, address, quota, request, server. `label` is the upstream's own word."""

    code: str
    kind: Literal["ok", "empty", "key", "address", "quota", "request", "server"]
    label: str
    meaning: str
    basis: Literal["documented", "probed", "assumed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """What holds for every operation.

    More than `per_minute` calls shut an address out for `blocked_hours`; without a company, disclosures are told for
    at most `months_without_company` months at a time, and longer is refused with the words of `too_long`.
    """

    host: str
    viewer: str
    key_parameter: str
    key_length: int
    per_day: int
    per_minute: int
    blocked_hours: int
    months_without_company: int
    too_long: str
    reports_since: int
    page_without_key: str


class DartSpec:
    """OpenDART's sheets (dari.core.provider.Spec)."""

    def endpoint(self, endpoint_id: str) -> Endpoint:
        """The row of an operation ("list", "corpCode"). Raises NotFound with the nearest ids."""
        found = _endpoints().get(endpoint_id)
        if found is None:
            near = get_close_matches(endpoint_id, self.ids(), n=3, cutoff=0.5)
            raise NotFound(
                f"OpenDART has no operation {endpoint_id!r} here",
                hint=Hint(f"가까운 id: {', '.join(near) or '없음'}", f"Nearest ids: {', '.join(near) or 'none'}"),
                details={"nearest": near},
            )
        return found

    def ids(self) -> tuple[str, ...]:
        """Every id, in sheet order."""
        return tuple(_endpoints())


@cache
def code_tables() -> Mapping[str, Mapping[str, str]]:
    """Code lists by name (corp_cls, reprt_code, pblntf_ty, pblntf_detail_ty): code → Korean meaning."""
    read: dict[str, dict[str, str]] = json.loads((ROOM / "codes.json").read_text("utf-8"))
    return read


@cache
def _endpoints() -> Mapping[str, Endpoint]:
    lines = (ROOM / "endpoints.jsonl").read_text("utf-8").splitlines()
    return {found.id: found for found in (endpoint(json.loads(line)) for line in lines)}


def endpoint(row: Mapping[str, Any]) -> Endpoint:
    """One line as an Endpoint. Raises KeyError for a missing key and ValueError for one that nobody reads."""
    if strange := set(row) - KNOWN_KEYS:
        raise ValueError(f"{row['id']}: unknown keys {sorted(strange)}")
    group, _, number = row["guide"].partition("/")
    archive = row.get("archive")
    return Endpoint(
        id=row["id"],
        provider="dart",
        title=row["title"],
        title_en=row["title_en"],
        category=group,
        transport="file" if archive else "rest",
        path=row["path"],
        codes=MappingProxyType({"real": row["id"], "paper": None}),
        parameters=tuple(_parameter(one) for one in row["parameters"]),
        blocks=(Block(name="list", kind="array", fields=tuple(_field(*one) for one in row["fields"])),),
        max_rows=row.get("rows"),
        cache_seconds=row["cache"],
        lane=row["id"],
        wire=MappingProxyType(
            {
                "paging": MappingProxyType(row["paging"]) if "paging" in row else None,
                "archive": archive,
                "defaults": MappingProxyType({p["name"]: p["default"] for p in row["parameters"] if "default" in p}),
                "formats": MappingProxyType({p["name"]: p["format"] for p in row["parameters"] if "format" in p}),
            }
        ),
        source=GUIDE.format(group=group, id=number),
        checked=CHECKED,
    )


def _codes(written: Any) -> Mapping[str, str]:
    if not written:
        return NOTHING
    if isinstance(written, str):
        return MappingProxyType(dict(code_tables()[written.removeprefix("@")]))
    return MappingProxyType(written)


def _parameter(row: Mapping[str, Any]) -> Parameter:
    said = [row[name] for name in ("format", "note") if name in row]
    return Parameter(
        name=row["name"],
        label=row["label"],
        required=row.get("required", True),
        codes=_codes(row.get("codes")),
        closed=row.get("closed", False),
        length=row.get("length"),
        note="; ".join(said),
    )


def _field(name: str, label: str, english: str, unit: str = "", more: Mapping[str, Any] | None = None) -> Field:
    told = more or {}
    return Field(
        name=name,
        label=label,
        english=english,
        unit=unit,
        format=told.get("format", ""),
        codes=_codes(told.get("codes")),
    )


@cache
def statuses() -> Mapping[str, Status]:
    """Status code → what it means."""
    lines = (ROOM / "statuses.jsonl").read_text("utf-8").splitlines()
    return {one.code: one for one in (Status(**json.loads(line)) for line in lines)}


@cache
def platform() -> Platform:
    """platform.json."""
    told = json.loads((ROOM / "platform.json").read_text("utf-8"))
    limits = told["limits"]
    return Platform(
        host=told["host"],
        viewer=told["viewer"],
        key_parameter=told["key"]["parameter"],
        key_length=told["key"]["length"],
        per_day=limits["per_day"],
        per_minute=limits["per_minute"],
        blocked_hours=limits["blocked_hours"],
        months_without_company=told["list"]["months_without_company"],
        too_long=told["list"]["message_without_company"],
        reports_since=told["reports_since"],
        page_without_key=told["without_key"]["location"],
    )


SPEC: Final = DartSpec()
