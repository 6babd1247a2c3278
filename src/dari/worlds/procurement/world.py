"""The world: how many happenings there are each day, their streams, and whose number is whose."""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache, partial
from typing import Final

from dari.worlds.procurement import goods, identifiers, places
from dari.worlds.procurement.days import first_day, last_day, moment
from dari.worlds.procurement.draw import draws, share
from dari.worlds.procurement.purchases import Purchase
from dari.worlds.procurement.streams import (
    CLASS_CYCLE,
    EVERYTHING,
    STREAMS,
    Cut,
    Ref,
    Segment,
    Window,
    latest_sight,
    segment,
)
from dari.worlds.procurement.traits import residue_of

PER_DAY: Final = {
    "goods": 520,
    "services": 480,
    "works": 420,
    "foreign": 14,
    "other": 26,
    "p_goods": 14,
    "p_services": 16,
    "p_works": 22,
    "p_other": 5,
    "mas": 3_270,
    "third": 2_400,
    "unit": 1_500,
    "delivery": 900,
    "venture": 30,
    "item_change": 120,
    "class_change": 2,
}
"""Happenings of a business day at scale 1: about 32,000 notices and 72,000 MAS registrations a month."""

WEEKDAYS: Final = (1.0, 1.12, 1.05, 1.0, 0.83)
COMPANY_DAY: Final = 1_200
"""The business day from which companies and institutions are registered."""
COMPANIES_PER_DAY: Final = 5
INSTITUTION_EVERY: Final = 5
"""An institution each so many business days."""
SANCTION_EVERY: Final = 2
"""A sanction each so many business days."""
CHANGE_DAY: Final = 100_003
CHANGE_STEP: Final = 15_013
"""Change n of a day is about product (day · CHANGE_DAY + n · CHANGE_STEP) modulo the catalogue."""
COMPANY_STEP: Final = 7
"""Sanction n strikes company 7 n modulo 30,000."""


class World:
    """A pure function of its seed. `scale` makes days busier or quieter, for tests and for load."""

    def __init__(self, seed: int = 1, scale: float = 1.0) -> None:
        self.seed, self.scale = seed, scale
        self.count = lru_cache(maxsize=50_000)(self._count)
        self._whole = lru_cache(maxsize=1_500)(self._whole_day)
        self.purchase = lru_cache(maxsize=20_000)(self._purchase)

    def _count(self, source: str, day: int) -> int:
        """How many happenings of a source a business day has."""
        if day < 0:
            return 0
        if source == "company":
            left = places.COMPANIES - (day - COMPANY_DAY) * COMPANIES_PER_DAY
            return max(0, min(COMPANIES_PER_DAY, left)) if day >= COMPANY_DAY else 0
        if source == "institution":
            nth, rest = divmod(day - COMPANY_DAY, INSTITUTION_EVERY)
            return int(rest == 0 and 0 <= nth < places.INSTITUTIONS)
        if source == "sanction":
            return int(day % SANCTION_EVERY == 0)
        lot = share(draws(self.seed, "busy", source, day)[0])
        return max(1, math.floor(PER_DAY[source] * self.scale * WEEKDAYS[day % 5] * (0.85 + 0.3 * lot)))

    def _purchase(self, source: str, day: int, index: int) -> Purchase:
        """A purchase, whether or not its day has so many."""
        return Purchase(self.seed, source, day, index)

    def _whole_day(self, source: str, stream: str, day: int) -> Segment:
        return self._day(source, stream, day, EVERYTHING)

    def _day(self, source: str, stream: str, day: int, cut: Cut) -> Segment:
        return segment(source, stream, day, partial(self.count, source), cut)

    def window(self, source: str, stream: str, start: datetime, end: datetime, now: datetime | None = None) -> Window:
        """The rows of a stream whose date lies from `start` to the minute of `end`, as far as seen at `now`."""
        first, last = first_day(start.date()), last_day(end.date())
        today, present = last_day(now.date()) if now else 1 << 40, 0
        if now:
            present = now.hour * 60 + now.minute if moment(today, 0).date() == now.date() else 1440
        settled = today - latest_sight(stream)
        found = []
        for day in range(first, last + 1):
            low = start.hour * 60 + start.minute if moment(day, 0).date() == start.date() else 0
            high = end.hour * 60 + end.minute if moment(day, 0).date() == end.date() else 1440
            if low == 0 and high >= 1439 and day < settled:
                found.append(self._whole(source, stream, day))
            else:
                sight = (today - day) * 1440 + present
                found.append(self._day(source, stream, day, Cut(low, high, sight)))
        return Window(found)

    def parts(self, purchase: Purchase, stream: str, now: datetime) -> list[Ref]:
        """The rows of one purchase in a stream, as far as seen at `now`, in order of part."""
        return [
            Ref(purchase.source, purchase.day, purchase.index, part)
            for part, _, seen in sorted(STREAMS[stream](purchase.trait))
            if moment(purchase.day + seen.lag, seen.minute) <= now
        ]

    def mall_product(self, ref: Ref) -> goods.Product:
        """What a mall row offers. Its class follows from its residue."""
        item = residue_of(ref.day, ref.nth) % CLASS_CYCLE
        step = (ref.day * 4_001 + ref.nth * 7 + len(ref.source)) % (goods.CATALOGUE // CLASS_CYCLE)
        return goods.product(self.seed, step * CLASS_CYCLE + item)

    def changed_product(self, ref: Ref) -> goods.Product:
        """Which product an `item_change` row is about."""
        return goods.product(self.seed, (ref.day * CHANGE_DAY + ref.nth * CHANGE_STEP) % goods.CATALOGUE)

    def changes_of(self, product: int, now: datetime) -> list[Ref]:
        """The changes of a catalogue product up to now, the oldest first."""
        today, back = last_day(now.date()), pow(CHANGE_DAY, -1, goods.CATALOGUE)
        most = math.ceil(PER_DAY["item_change"] * self.scale * 1.4)
        found = []
        for nth in range(most):
            day = (product - nth * CHANGE_STEP) * back % goods.CATALOGUE
            if day <= today and nth < self.count("item_change", day):
                found.append(Ref("item_change", day, nth, 0))
        return sorted(found)

    def at_number(self, number: str, kind: str) -> Purchase | None:
        """The purchase with this number of this kind (BK, BD, DD, TA, PE), if it reached that stage."""
        origin = identifiers.read(number)
        if origin is None or origin.kind != kind or origin.nth >= self.count(origin.source, origin.day):
            return None
        found = self.purchase(origin.source, origin.day, origin.nth)
        held = {
            "BK": found.notice_number,
            "BD": found.prespec_number,
            "DD": found.plan_number,
            "TA": found.contract_number,
            "PE": found.request_number,
        }
        return found if held[kind] == number else None

    def company_of(self, ref: Ref) -> places.Company:
        """The company that a `company` or `sanction` row is about."""
        if ref.source == "sanction":
            return places.company(self.seed, ref.day // SANCTION_EVERY * COMPANY_STEP % places.COMPANIES)
        return places.company(self.seed, (ref.day - COMPANY_DAY) * COMPANIES_PER_DAY + ref.nth)

    def company_ref(self, number: int) -> Ref:
        """Where a company was registered."""
        day, index = divmod(number, COMPANIES_PER_DAY)
        return Ref("company", COMPANY_DAY + day, index, 0)

    def institution_of(self, ref: Ref) -> places.Institution:
        """The institution that an `institution` row is about."""
        return places.institution(self.seed, (ref.day - COMPANY_DAY) // INSTITUTION_EVERY)

    def institution_ref(self, number: int) -> Ref:
        """Where an institution was registered."""
        return Ref("institution", COMPANY_DAY + number * INSTITUTION_EVERY, 0, 0)

    def sanctions(self, company: int, now: datetime) -> list[Ref]:
        """The sanctions of a company up to now."""
        cycle = places.COMPANIES * SANCTION_EVERY
        first = company * pow(COMPANY_STEP, -1, places.COMPANIES) % places.COMPANIES * SANCTION_EVERY
        today = last_day(now.date())
        return [Ref("sanction", day, 0, 0) for day in range(first, today + 1, cycle)]
