"""One purchase from plan to contract: every figure of it follows from the seed, its source, its day and its index."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from dari.worlds.procurement.days import moment
from dari.worlds.procurement.draw import draws, pick, share
from dari.worlds.procurement.goods import CLASSES, SERVICES, WORKS, ItemClass
from dari.worlds.procurement.identifiers import spelled
from dari.worlds.procurement.places import COMPANIES, INSTITUTIONS, Company, Institution, company, institution
from dari.worlds.procurement.traits import Moment, Trait, residue_of, trait

BUSINESS: Final = {
    "goods": "물품",
    "services": "용역",
    "works": "공사",
    "foreign": "외자",
    "other": "기타",
    "p_goods": "물품",
    "p_services": "용역",
    "p_works": "공사",
    "p_other": "기타",
}
METHODS: Final = ("일반경쟁", "제한경쟁", "제한경쟁", "제한경쟁", "수의계약", "수의계약", "지명경쟁")
FLOORS: Final = (87.745, 84.245, 80.495, 77.995)


@dataclass(frozen=True, slots=True)
class Bid:
    """One bidder's offer: won, rate in percent of the planned price; `rank` 0 lies below the floor."""

    company: Company
    amount: int
    rate: float
    rank: int


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to be bought under a notice."""

    item: ItemClass
    quantity: int
    unit_price: int


class Purchase:
    """A whole chain. Money in won. What a purchase lacks (no plan, no award) is None."""

    def __init__(self, seed: int, source: str, day: int, index: int) -> None:
        self.seed, self.source, self.day, self.index = seed, source, day, index
        self.trait: Trait = trait(residue_of(day, index))
        self.draws = draws(seed, source, day, index)
        self.second = self.draws[11] % 60

    def at(self, when: Moment) -> datetime:
        """A moment of this purchase as time."""
        return moment(self.day + when.lag, when.minute, self.second)

    def maybe(self, when: Moment | None) -> datetime | None:
        """A moment that may not come."""
        return None if when is None else self.at(when)

    def number(self, kind: str) -> str:
        """Its number of a kind (BK, BD, DD, TA, PE), whether or not that stage exists."""
        return spelled(kind, self.source, self.day, self.index)

    @property
    def notice_number(self) -> str:
        """입찰공고번호."""
        return self.number("BK")

    @property
    def prespec_number(self) -> str:
        """사전규격등록번호, "" where there was none."""
        return self.number("BD") if self.trait.prespec else ""

    @property
    def plan_number(self) -> str:
        """발주계획통합번호, "" where there was none."""
        return self.number("DD") if self.trait.plan else ""

    @property
    def request_number(self) -> str:
        """조달요청번호, "" where the buyer buys on its own."""
        return self.number("PE") if self.trait.request else ""

    @property
    def contract_number(self) -> str:
        """통합계약번호, "" where there is none."""
        return self.number("TA") if self.trait.contract else ""

    @property
    def business(self) -> str:
        """물품, 용역, 공사, 외자 or 기타."""
        return BUSINESS[self.source]

    @cached_property
    def buyer(self) -> Institution:
        """수요기관."""
        return institution(self.seed, 1 + self.draws[0] % (INSTITUTIONS - 1))

    @property
    def procurer(self) -> Institution:
        """공고기관: the central procurer where it was asked, else the buyer itself."""
        return institution(self.seed, 0) if self.trait.request else self.buyer

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """What is bought."""
        count = self.trait.items
        first = self.draws[1]
        items = [pick(first + 7 * at, CLASSES) for at in range(count)]
        return tuple(Line(item, max(1, round(self.budget / count / item.price)), item.price) for item in items)

    @cached_property
    def title(self) -> str:
        """The name all its stages bear."""
        if self.business == "용역":
            what = pick(self.draws[1], SERVICES)
        elif self.business == "공사":
            what = pick(self.draws[1], WORKS)
        else:
            item = pick(self.draws[1], CLASSES)
            what = f"{item.name} 구매" if self.business != "외자" else f"{item.name}({item.english}) 외자구매"
        return f"{self.buyer.name} {what}"

    @cached_property
    def budget(self) -> int:
        """배정예산: from about three million to twenty billion won."""
        return int(10 ** (3.5 + 3.8 * share(self.draws[2]) ** 1.6)) * 1_000

    @property
    def estimated_price(self) -> int:
        """추정가격, without 부가가치세."""
        return round(self.budget / 1.1)

    @property
    def method(self) -> str:
        """계약체결방법."""
        return pick(self.draws[3], METHODS)

    @property
    def floor(self) -> float:
        """낙찰하한율 in percent."""
        return pick(self.draws[3] // 16, FLOORS)

    def reserve_price(self, number: int) -> int:
        """One of the fifteen 복수예비가격, within two percent of the basis amount."""
        spread = (self.draws[4] // number + number * 7_919) % 4001 / 100_000
        return round(self.budget * (0.98 + spread))

    @cached_property
    def drawn(self) -> tuple[int, ...]:
        """The four reserve prices that were drawn."""
        first = self.draws[5] % 15
        return tuple(sorted((first + step) % 15 + 1 for step in (0, 4, 7, 11)))

    @cached_property
    def planned_price(self) -> int:
        """예정가격: the mean of the four drawn, or the basis amount where none are drawn."""
        if not self.trait.reserve_prices:
            return self.budget
        return sum(map(self.reserve_price, self.drawn)) // 4

    @cached_property
    def bids(self) -> tuple[Bid, ...]:
        """Every offer, the winner first, those below the floor last."""
        offers = []
        for place in range(self.trait.bidders):
            who = (self.draws[6] + place * 4_447) % COMPANIES
            rate = round(self.floor + (self.draws[7] // (place + 1) % 900) / 100, 3)
            below = place and place % 5 == 4
            offers.append((round(rate - 10, 3) if below else rate, who, below))
        ranked = sorted(offers, key=lambda offer: (offer[2], offer[0]))
        return tuple(
            Bid(company(self.seed, who), round(self.planned_price * rate / 100), rate, 0 if below else place + 1)
            for place, (rate, who, below) in enumerate(ranked)
        )

    @property
    def winner(self) -> Bid | None:
        """The first, where the bid was awarded."""
        return self.bids[0] if self.trait.award else None

    @property
    def contract_amount(self) -> int:
        """What was signed: the winning amount, to the ten won."""
        return self.bids[0].amount // 10 * 10
