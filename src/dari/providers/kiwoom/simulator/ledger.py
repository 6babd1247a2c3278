"""What an account holds and owes: orders, executions, holdings and cash, as plain records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from dari.core.krx import Venue

Side = Literal["buy", "sell"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One fill. Won and shares (grams for gold)."""

    number: int
    order_no: str
    code: str
    side: Side
    time: datetime
    price: int
    quantity: int
    commission: int
    tax: int
    profit: int = 0
    """What a sale earned against the average price, after costs."""
    cost: int = 0
    """The average price paid for what was sold."""

    @property
    def amount(self) -> int:
        """Price × quantity."""
        return self.price * self.quantity


@dataclass(slots=True, kw_only=True)
class Order:
    """One order. `left` is what still rests; `confirmed` what an amendment or cancellation took away."""

    number: str
    root: str
    original: str
    code: str
    name: str
    side: Side
    kind: str
    quantity: int
    price: int
    stop: int
    venue: Venue
    placed: datetime
    credit: bool = False
    change: Literal["", "amended", "cancelled"] = ""
    """Whether this row itself is an amendment or a cancellation."""
    left: int = 0
    confirmed: int = 0
    triggered: bool = True
    tried: str = ""
    fills: list[Execution] = field(default_factory=list)

    @property
    def filled(self) -> int:
        """Executed so far."""
        return sum(one.quantity for one in self.fills)

    @property
    def filled_amount(self) -> int:
        """Won executed so far."""
        return sum(one.amount for one in self.fills)

    @property
    def average(self) -> int:
        """The average execution price, cut to won."""
        return self.filled_amount // self.filled if self.filled else 0

    @property
    def open(self) -> bool:
        """Whether something still rests."""
        return self.left > 0


@dataclass(slots=True, kw_only=True)
class Holding:
    """What is held of one code. `cost` is the won paid for all of it; `loan` of it was borrowed."""

    code: str
    quantity: int = 0
    cost: int = 0
    bought_today: int = 0
    sold_today: int = 0
    loan: int = 0

    @property
    def average(self) -> int:
        """매입단가, cut to won."""
        return self.cost // self.quantity if self.quantity else 0
