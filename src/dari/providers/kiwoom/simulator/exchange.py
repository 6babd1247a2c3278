"""What goes to an answering function and what comes back: Ask in, Told out, Rows inside."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from dari.core import krx
from dari.core.clock import KST
from dari.core.endpoint import Endpoint
from dari.providers.kiwoom.simulator.refusals import Refused
from dari.providers.kiwoom.simulator.writing import Value
from dari.worlds.market import Market, Snapshot

VENUE_OF_SUFFIX: Final[Mapping[str, krx.Venue]] = {"": "KRX", "_NX": "NXT", "_AL": "UN"}
SUFFIX_OF_VENUE: Final = {venue: suffix for suffix, venue in VENUE_OF_SUFFIX.items()}
VENUE_OF_MARKET: Final[Mapping[str, krx.Venue]] = {"1": "KRX", "2": "NXT", "3": "UN"}
VENUE_OF_ACCOUNT: Final[Mapping[str, krx.Venue]] = {"0": "UN", "1": "KRX", "2": "NXT"}
BOARDS: Final = {"000": "ALL", "001": "KOSPI", "101": "KOSDAQ", "P00101": "KOSPI", "P10102": "KOSDAQ", "201": "KOSPI"}
_CODE: Final = re.compile(r"^(?P<code>[0-9A-Z]{6})(?P<suffix>_NX|_AL|)$")


class Row:
    """One record on its way out: a value for each field name, and the previous close that directions are told against.

    `known` is a mapping or a function of the name; `more` wins over it. A name nobody knows is None (written "").
    """

    def __init__(
        self,
        known: Mapping[str, Value] | Callable[[str], Value],
        base: Decimal | float | None = None,
        /,
        **more: Value,
    ) -> None:
        self._known = known
        self._more = more
        self.base = None if base is None else Decimal(str(base))

    def get(self, name: str) -> Value:
        """The value of a field in plain units, or None."""
        if name in self._more:
            return self._more[name]
        return self._known(name) if callable(self._known) else self._known.get(name)

    def given(self, **more: Value) -> Row:
        """The same record with some values told otherwise."""
        return Row(self._known, self.base, **{**self._more, **more})


NO_ROW: Final = Row({})


@dataclass(frozen=True, slots=True)
class Told:
    """An answer: the top level, and the rows of its list (no API of this upstream has two)."""

    top: Row = NO_ROW
    rows: Sequence[Row] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One accepted request. `now` is the moment its figures speak of; the pages of one answer share it."""

    endpoint: Endpoint
    body: Mapping[str, str]
    mode: str
    market: Market
    now: datetime
    desk: Any = None
    """The order desk of the key's account (desk.Desk)."""
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.body.get(name, "")

    @property
    def day(self) -> date:
        """The trading day that KRX figures belong to."""
        return krx.board(self.now).day

    def split(self, text: str) -> tuple[str, krx.Venue]:
        """(code, venue) of a code as it was sent. Refuses 1902 (no such issue) and 1903 (not on that exchange)."""
        match = _CODE.match(text.strip())
        if match is None or match["code"] not in self.market.by_code:
            raise Refused("1902", f"종목코드={text}")
        venue = VENUE_OF_SUFFIX[match["suffix"]]
        issue = self.market.by_code[match["code"]]
        if venue != "KRX" and self.mode == "mock":
            raise Refused("1903", f"거래소구분={venue}, 종목코드={text}")
        if venue == "NXT" and not issue.nxt_share:
            raise Refused("1903", f"거래소구분={venue}, 종목코드={text}")
        return match["code"], venue

    def venue(self, table: Mapping[str, krx.Venue] = VENUE_OF_MARKET, name: str = "stex_tp") -> krx.Venue:
        """The venue a 거래소구분 names; mock knows KRX alone."""
        return "KRX" if self.mode == "mock" else table.get(self[name], "KRX")

    def snapshot(self, venue: krx.Venue | None = None) -> Snapshot:
        """Every issue on the venue asked for."""
        return self.market.snapshot(self.now, venue or self.venue())

    def date(self, name: str, otherwise: date | None = None) -> date:
        """A YYYYMMDD parameter, never later than the board's day. Refuses 1517 for a day that does not exist."""
        text = self[name]
        if not text:
            return otherwise or self.day
        try:
            return min(datetime.strptime(text, "%Y%m%d").replace(tzinfo=KST).date(), self.day)
        except ValueError:
            raise Refused("1517", f"파라미터={name}, 실패사유=YYYYMMDD") from None


Answer = Callable[[Ask], Told]
ANSWERS: Final[dict[str, Answer]] = {}
"""Every answering function by api-id, filled by the modules of `answers`."""


def answers(*api_ids: str) -> Callable[[Answer], Answer]:
    """Declare which api-ids a function answers."""

    def declare(function: Answer) -> Answer:
        for api_id in api_ids:
            if api_id in ANSWERS:
                raise ValueError(f"{api_id} is answered twice")
            ANSWERS[api_id] = function
        return function

    return declare


def ranked(rows: Iterable[Row]) -> list[Row]:
    """Rows with their place in `rank`, from 1."""
    return [row.given(rank=str(place)) for place, row in enumerate(rows, 1)]
