"""What a call asks, checked against its sheet as strictly as the guide is written."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from dari.core.clock import KST
from dari.core.endpoint import Endpoint
from dari.providers.dart.spec import platform, statuses

_DIGITS: Final = {"corp_code": 8, "bsns_year": 4, "page_no": 5, "page_count": 3}


class Refused(Exception):
    """A call that is answered with a status instead of rows."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code)
        self.code = code
        self.message = message or statuses()[code].label


@dataclass(frozen=True, slots=True)
class Search:
    """What `list` asks for."""

    corp_code: str
    start: date
    end: date
    final_only: bool
    kind: str
    detail: str
    market: str
    order: str
    rising: bool
    page: int
    size: int


def checked(endpoint: Endpoint, query: Mapping[str, str]) -> Mapping[str, str]:
    """The query with the sheet's defaults. Raises Refused (100) for what the sheet does not know."""
    known = {one.name: one for one in endpoint.parameters}
    if strange := set(query) - set(known):
        raise Refused("100", f"필드의 부적절한 값입니다. ({', '.join(sorted(strange))})")
    found = dict(endpoint.wire["defaults"])
    for name, parameter in known.items():
        value = query.get(name, "")
        if not value:
            if parameter.required:
                raise Refused("100", f"필수값이 누락되었습니다. ({name})")
            continue
        too_long = parameter.length is not None and len(value) > parameter.length
        if too_long or (parameter.closed and value not in parameter.codes) or not _fits(name, value):
            raise Refused("100", f"필드의 부적절한 값입니다. ({name})")
        found[name] = value
    return found


def _fits(name: str, value: str) -> bool:
    digits = _DIGITS.get(name)
    if digits is None:
        return True
    exact = name in {"corp_code", "bsns_year"}
    return value.isascii() and value.isdigit() and (not exact or len(value) == digits)


def day_of(name: str, text: str) -> date:
    """YYYYMMDD. Raises Refused (100)."""
    try:
        day = datetime.strptime(text, "%Y%m%d").replace(tzinfo=KST).date()
    except ValueError:
        raise Refused("100", f"필드의 부적절한 값입니다. ({name})") from None
    if f"{day:%Y%m%d}" != text:
        raise Refused("100", f"필드의 부적절한 값입니다. ({name})")
    return day


def months_before(day: date, months: int) -> date:
    """The same day of the month some months before, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def search_of(asked: Mapping[str, str], today: date) -> Search:
    """A checked query of `list`. Raises Refused."""
    end = day_of("end_de", asked["end_de"]) if "end_de" in asked else today
    start = day_of("bgn_de", asked["bgn_de"]) if "bgn_de" in asked else end
    corp_code = asked.get("corp_code", "")
    if not corp_code and start < months_before(end, platform().months_without_company):
        raise Refused("100", platform().too_long)
    page, size = int(asked["page_no"]), int(asked["page_count"])
    if page < 1 or not 1 <= size <= 100:
        raise Refused("100", "필드의 부적절한 값입니다. (page_count)")
    return Search(
        corp_code,
        start,
        end,
        asked["last_reprt_at"] == "Y",
        asked.get("pblntf_ty", ""),
        asked.get("pblntf_detail_ty", ""),
        asked.get("corp_cls", ""),
        asked["sort"],
        asked["sort_mth"] == "asc",
        page,
        size,
    )
