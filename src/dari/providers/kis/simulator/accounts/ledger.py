"""The ledger (원장): accounts, orders, executions, positions and cash; every change is kept and can be counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any, Final, Literal

Product = Literal["stock", "overseas", "bond", "future", "overseas_future"]
Side = Literal["buy", "sell"]
BRANCH: Final = "91252"
"""KRX_FWDG_ORD_ORGNO: the branch an order went through; a change or cancellation must name it."""
MARGINED: Final[frozenset[Product]] = frozenset({"future", "overseas_future"})
"""Products that may be sold before they are bought, and cost margin instead of their price."""
ZERO: Final = Decimal(0)
MARGIN: Final = Decimal("0.1")
"""What a contract holds back of its value (증거금). KIS's rates differ by product and day; this world has one."""


@dataclass(frozen=True, slots=True)
class Thing:
    """What an order is about. `unit` is the money one piece at price 1 costs (a multiplier)."""

    product: Product
    symbol: str
    name: str
    currency: str
    exchange: str
    unit: Decimal = Decimal(1)
    etp: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution (체결)."""

    number: int
    at: datetime
    quantity: int
    price: Decimal


@dataclass(slots=True)
class Order:
    """One order as accepted. `price` 0 is a market order. `kind` is the upstream's order division."""

    number: str
    account: str
    thing: Thing
    side: Side
    kind: str
    quantity: int
    price: Decimal
    at: datetime
    tr_id: str
    venue: str = "KRX"
    action: Literal["new", "amend", "cancel"] = "new"
    original: str = ""
    cancelled: int = 0
    fills: list[Fill] = field(default_factory=list)

    @property
    def filled(self) -> int:
        """Executed quantity."""
        return sum(one.quantity for one in self.fills)

    @property
    def open(self) -> int:
        """What may still be executed."""
        return 0 if self.action == "cancel" else self.quantity - self.filled - self.cancelled

    @property
    def amount(self) -> Decimal:
        """Executed money, in the thing's currency."""
        return sum((one.price * one.quantity for one in self.fills), ZERO) * self.thing.unit

    @property
    def average(self) -> Decimal:
        """Average executed price; 0 without executions."""
        done = self.filled
        return sum((one.price * one.quantity for one in self.fills), ZERO) / done if done else ZERO


@dataclass(slots=True)
class Position:
    """What an account holds of a thing; negative where it is short."""

    thing: Thing
    quantity: int = 0
    average: Decimal = ZERO
    bought: int = 0
    sold: int = 0
    realized: Decimal = ZERO

    def trade(self, side: Side, quantity: int, price: Decimal) -> Decimal:
        """Book an execution; returns what it realized, in the thing's currency."""
        signed = quantity if side == "buy" else -quantity
        if side == "buy":
            self.bought += quantity
        else:
            self.sold += quantity
        closing = min(quantity, abs(self.quantity)) if self.quantity * signed < 0 else 0
        realized = (price - self.average) * closing * (1 if self.quantity > 0 else -1) * self.thing.unit
        opening = quantity - closing
        before = abs(self.quantity) - closing
        self.quantity += signed
        if opening:
            self.average = (self.average * before + price * opening) / (before + opening)
        self.realized += realized
        return realized


@dataclass(slots=True)
class Reservation:
    """One reserved order (예약주문), waiting for its day; `order` is the number it went out under."""

    number: str
    account: str
    thing: Thing
    side: Side
    kind: str
    quantity: int
    price: Decimal
    at: datetime
    ends: str
    cancelled: bool = False
    order: str = ""


class Account:
    """One account number with its products: cash by currency, positions, orders."""

    def __init__(self, number: str, cash: Mapping[str, Decimal]) -> None:
        self.number = number
        self.cash = dict(cash)
        self.positions: dict[tuple[Product, str], Position] = {}
        self.orders: dict[str, Order] = {}
        self.reservations: dict[str, Reservation] = {}

    def position(self, thing: Thing) -> Position:
        """The position in a thing, empty if there never was one."""
        return self.positions.setdefault((thing.product, thing.symbol), Position(thing))

    def open_orders(self, *products: Product) -> Iterator[Order]:
        """Orders that may still execute."""
        return (one for one in self.orders.values() if one.open and (not products or one.thing.product in products))

    def reserved_cash(self, currency: str) -> Decimal:
        """Money that open purchases hold back."""
        return sum(
            (
                one.price * one.open * one.thing.unit
                for one in self.open_orders()
                if one.side == "buy" and one.thing.currency == currency and one.thing.product not in MARGINED
            ),
            ZERO,
        )

    def free_cash(self, currency: str) -> Decimal:
        """Money that may be spent (주문가능현금)."""
        return self.cash.get(currency, ZERO) - self.reserved_cash(currency)

    def free_quantity(self, thing: Thing) -> int:
        """What may be sold (주문가능수량): held, less what open sales hold back."""
        held = self.position(thing).quantity
        waiting = sum(
            one.open
            for one in self.open_orders(thing.product)
            if one.side == "sell" and one.thing.symbol == thing.symbol
        )
        return held - waiting

    def margin_held(self, currency: str) -> Decimal:
        """Money that contracts, held or ordered, hold back."""
        held = (
            one.average * abs(one.quantity) * one.thing.unit
            for one in self.positions.values()
            if one.thing.product in MARGINED and one.thing.currency == currency
        )
        ordered = (
            one.price * one.open * one.thing.unit
            for one in self.open_orders(*MARGINED)
            if one.thing.currency == currency
        )
        return (sum(held, ZERO) + sum(ordered, ZERO)) * MARGIN

    def orderable(self, thing: Thing, side: Side, price: Decimal) -> tuple[int, int]:
        """Contracts that may be (opened anew, closed) by an order at a price."""
        held = self.position(thing).quantity
        margin = price * thing.unit * MARGIN
        free = self.free_cash(thing.currency) - self.margin_held(thing.currency)
        return max(int(free / margin), 0) if margin > 0 else 0, max(held if side == "sell" else -held, 0)


Listener = Callable[[str, Order, Fill | None], None]
"""(what happened: "accepted", "filled", "amended" or "cancelled"; the order; the execution)."""


class Ledger:
    """All accounts of a simulator. Its numbers never repeat."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.listeners: list[Listener] = []
        self._numbers = count(11_701)
        self._fills = count(1)
        self._reservations = count(3_001)

    def tell(self, what: str, order: Order, fill: Fill | None = None) -> None:
        """Tell the listeners."""
        for listener in self.listeners:
            listener(what, order, fill)

    def accept(self, account: Account, **facts: Any) -> Order:
        """Take an order in under a new number: ten digits, of a contract abroad eight (the length of its ODNO)."""
        width = 8 if facts["thing"].product == "overseas_future" else 10
        order = Order(number=f"{next(self._numbers):0{width}d}", account=account.number, **facts)
        account.orders[order.number] = order
        self.tell("accepted" if order.action == "new" else "amended" if order.action == "amend" else "cancelled", order)
        return order

    def reserve(self, account: Account, **facts: Any) -> Reservation:
        """Keep a reserved order under a new number."""
        number = next(self._reservations)
        abroad = facts["thing"].product == "overseas"  # ten digits abroad (0030138295), a bare count at home (39607)
        told = f"{number:010d}" if abroad else str(number)
        reservation = Reservation(number=told, account=account.number, **facts)
        account.reservations[reservation.number] = reservation
        return reservation

    def execute(self, account: Account, order: Order, quantity: int, price: Decimal, at: datetime) -> Fill:
        """Execute part of an order: cash, position and order change together."""
        fill = Fill(next(self._fills), at, quantity, price)
        order.fills.append(fill)
        thing = order.thing
        realized = account.position(thing).trade(order.side, quantity, price)
        money = price * quantity * thing.unit
        change = realized if thing.product in MARGINED else money if order.side == "sell" else -money
        account.cash[thing.currency] = account.cash.get(thing.currency, ZERO) + change
        self.tell("filled", order, fill)
        return fill

    def told(self, number: str | None = None) -> dict[str, Any]:
        """Everything, for those who check: accounts with orders, executions, positions and cash."""
        chosen = [one for one in self.accounts.values() if number in (None, one.number)]
        orders = [order for account in chosen for order in account.orders.values()]
        return {
            "orders_accepted": sum(1 for one in orders if one.action == "new"),
            "changes_accepted": sum(1 for one in orders if one.action != "new"),
            "orders_executed": sum(1 for one in orders if one.fills),
            "executions": sum(len(one.fills) for one in orders),
            "reservations": sum(
                1 for account in chosen for one in account.reservations.values() if not one.cancelled and not one.order
            ),
            "accounts": [_account_told(account) for account in chosen],
        }


def _account_told(account: Account) -> dict[str, Any]:
    return {
        "account": account.number,
        "cash": {currency: str(amount) for currency, amount in account.cash.items()},
        "positions": [
            {
                "product": one.thing.product,
                "symbol": one.thing.symbol,
                "quantity": one.quantity,
                "average": str(one.average),
                "realized": str(one.realized),
            }
            for one in account.positions.values()
            if one.quantity or one.realized
        ],
        "orders": [
            {
                "number": one.number,
                "original": one.original,
                "action": one.action,
                "product": one.thing.product,
                "symbol": one.thing.symbol,
                "side": one.side,
                "kind": one.kind,
                "quantity": one.quantity,
                "price": str(one.price),
                "filled": one.filled,
                "cancelled": one.cancelled,
                "open": one.open,
                "at": one.at.isoformat(),
                "tr_id": one.tr_id,
                "venue": one.venue,
                "fills": [{"quantity": fill.quantity, "price": str(fill.price)} for fill in one.fills],
            }
            for one in account.orders.values()
        ],
    }
