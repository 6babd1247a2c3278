"""What happens to a purchase, by its place in a cycle of 240: told as a table, so that counting needs no purchases.

Every purchase of a business day has a residue. All yes-or-no facts and all lags depend on the residue alone; names,
amounts and companies depend on the purchase itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal, NamedTuple

PERIOD: Final = 240
SHIFT: Final = 53
"""Each day starts the cycle elsewhere, so that sources with few purchases a day meet every residue too."""

Fate = Literal["awarded", "rebid", "failed", "cancelled"]


class Moment(NamedTuple):
    """So many business days after the notice's day, at a minute of the day."""

    lag: int
    minute: int

    def later(self, minutes: int) -> Moment:
        """The same day, some minutes later."""
        return Moment(self.lag, self.minute + minutes)


@dataclass(frozen=True, slots=True)
class Trait:
    """The course of every purchase of one residue. `notices` holds first notice, changes and cancellation in order."""

    residue: int
    fate: Fate
    notices: tuple[Moment, ...]
    opening: Moment
    openings: tuple[Moment, ...]
    plan: Moment | None
    prespec: Moment | None
    prespec_changed: bool
    request: Moment | None
    award: Moment | None
    contract: Moment | None
    contract_changed: Moment | None
    contract_deleted: Moment | None
    opinions: int
    licences: int
    regions: int
    items: int
    files: int
    bidders: int
    reserve_prices: int

    @property
    def cancelled(self) -> bool:
        """The last notice withdraws the purchase."""
        return self.fate == "cancelled"


def spread(residue: int, step: int, *, first: int = 540, span: int = 540) -> int:
    """A minute of the working day for a residue; different steps scatter differently."""
    return first + residue * step % span


def residue_of(day: int, index: int) -> int:
    """The residue of the purchase `index` of a business day."""
    return (index + SHIFT * day) % PERIOD


def first_index(day: int, residue: int) -> int:
    """The first purchase of a business day with this residue; the next ones follow every 240."""
    return (residue - SHIFT * day) % PERIOD


def _fate(residue: int) -> Fate:
    lot = (residue * 97 + 31) % PERIOD
    if lot < 12:
        return "cancelled"
    if lot < 24:
        return "failed"
    return "rebid" if lot < 36 else "awarded"


@cache
def trait(residue: int) -> Trait:
    """The trait of a residue (0 … 239)."""
    r, fate = residue, _fate(residue)
    notices = [Moment(0, 540 + r * 9 // 4)]
    if r % 10 == 3:
        notices.append(Moment(1, spread(r, 41)))
    if r % 60 == 13:
        notices.append(Moment(3, spread(r, 43)))
    if fate == "cancelled":
        notices.append(Moment(5, spread(r, 47)))
    opening = Moment(7 + r % 8, (600, 660, 690, 840, 900, 960)[r // 8 % 6])
    openings: tuple[Moment, ...] = () if fate == "cancelled" else (opening,)
    if fate == "rebid":
        openings = (opening, Moment(opening.lag + 3, 660))
    award = contract = None
    if fate in ("awarded", "rebid"):
        award = Moment(openings[-1].lag + 1 + r % 3, spread(r, 37))
        contract = Moment(award.lag + 2 + r % 5, spread(r, 31))
    return Trait(
        residue=r,
        fate=fate,
        notices=tuple(notices),
        opening=opening,
        openings=openings,
        plan=Moment(-25 - r % 11, spread(r, 23)) if r % 10 < 7 else None,
        prespec=Moment(-6 - r % 5, spread(r, 29)) if r % 8 < 5 else None,
        prespec_changed=r % 7 == 0,
        request=Moment(-3 - r % 3, spread(r, 19)) if r % 4 == 1 else None,
        award=award,
        contract=contract,
        contract_changed=Moment(contract.lag + 20 + r % 7, spread(r, 17)) if contract and r % 12 == 5 else None,
        contract_deleted=Moment(contract.lag + 30, spread(r, 13)) if contract and r % 80 == 47 else None,
        opinions=r % 3 if r % 8 < 5 else 0,
        licences=1 + r % 3,
        regions=r % 4,
        items=1 + r % 2,
        files=1 + r % 3,
        bidders=2 + r % 9,
        reserve_prices=15 if r % 5 else 0,
    )
