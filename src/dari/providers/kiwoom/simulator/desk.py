"""The order desk of one account: takes orders, fills them against the world's book, keeps the books balanced.

Filling: an order that the book would meet now is met now, level by level; what is left rests and is looked at again in
every later second in which somebody asks. Costs are the simulator's own: see the constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Final

from dari.core.clock import Clock
from dari.core.krx import Venue
from dari.providers.kiwoom.simulator.ledger import Execution, Holding, Order, Side
from dari.providers.kiwoom.simulator.pricing import Price, Pricing
from dari.providers.kiwoom.simulator.refusals import business

COMMISSION: Final = {"mock": Decimal("0.0035"), "real": Decimal("0.00015")}
TAX: Final = Decimal("0.0020")
"""On sales of shares; gold bears none."""
MARKET_KINDS: Final = frozenset({"3", "13", "23", "6", "16", "26", "7"})
"""시장가, 최유리, 최우선 and their IOC and FOK: no price of their own."""
NO_PRICE: Final = frozenset({"3", "13", "23"})
AT_ONCE: Final = frozenset({"10", "13", "16", "30"})
ALL_OR_NOTHING: Final = frozenset({"20", "23", "26", "31"})
STOP: Final = "28"
OUT_OF_HOURS: Final = frozenset({"61", "62", "81"})
MIDPOINT: Final = frozenset({"29", "30", "31"})

Listener = Callable[[str, Order, Execution | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An order as it was asked for."""

    code: str
    side: Side
    kind: str
    quantity: int
    price: int
    stop: int
    venue: Venue
    credit: bool = False


class Desk:
    """One account's orders. `number` is the account number, `cash` what was settled when the day began."""

    def __init__(
        self, number: str, mode: str, pricing: Pricing, world: Clock, *, cash: int, taxed: bool = True
    ) -> None:
        self.number, self.mode, self.pricing, self.world = number, mode, pricing, world
        self.cash = cash
        self.taxed = taxed
        self.orders: dict[str, Order] = {}
        self.executions: list[Execution] = []
        self.holdings: dict[str, Holding] = {}
        self.listeners: list[Listener] = []
        self.opened = world.now()
        self._last = 0

    # ── money ──

    def commission(self, amount: int) -> int:
        """수수료, cut to won."""
        return int((amount * COMMISSION[self.mode]).quantize(Decimal(1), ROUND_DOWN))

    def tax(self, amount: int) -> int:
        """거래세 of a sale, cut to won."""
        return int((amount * TAX).quantize(Decimal(1), ROUND_DOWN)) if self.taxed else 0

    def traded(self, side: Side) -> tuple[int, int, int]:
        """(amount, commissions, taxes) of everything executed on one side."""
        rows = [one for one in self.executions if one.side == side]
        return sum(one.amount for one in rows), sum(one.commission for one in rows), sum(one.tax for one in rows)

    @property
    def cash_after(self) -> int:
        """D+2 추정예수금: the cash once everything executed has settled."""
        bought, buy_fees, _ = self.traded("buy")
        sold, sell_fees, taxes = self.traded("sell")
        borrowed = sum(holding.loan for holding in self.holdings.values())
        return self.cash - bought - buy_fees + sold - sell_fees - taxes + borrowed

    @property
    def reserved(self) -> int:
        """What resting purchases would cost at most."""
        total = 0
        for order in self.orders.values():
            if order.open and order.side == "buy" and not order.credit:
                amount = order.left * (order.price or self.price(order.code, order.venue).high_limit)
                total += amount + self.commission(amount)
        return total

    @property
    def orderable(self) -> int:
        """주문가능금액."""
        return max(0, self.cash_after - self.reserved)

    def sellable(self, code: str) -> int:
        """매매가능수량: held and not in a resting sale."""
        held = self.holdings.get(code)
        resting = sum(one.left for one in self.orders.values() if one.open and one.side == "sell" and one.code == code)
        return (held.quantity if held else 0) - resting

    # ── orders ──

    def price(self, code: str, venue: Venue = "KRX") -> Price:
        """A code now."""
        return self.pricing.at(code, self.world.now(), venue)

    def _number(self) -> str:
        self._last += 1
        return f"{self._last:07d}"

    def _check_price(self, wish: Wish, price: Price) -> None:
        if wish.kind in NO_PRICE:
            if wish.price:
                raise business("시장가 주문에는 주문단가를 넣을 수 없습니다")
            return
        if wish.kind in MARKET_KINDS or wish.kind in MIDPOINT:
            return
        if not wish.price:
            raise business("주문단가를 입력하지 않았습니다")
        if wish.kind == STOP and not wish.stop:
            raise business("스톱지정가 주문에는 조건단가가 필요합니다")
        for amount in filter(None, (wish.price, wish.stop)):
            if not self.pricing.on_tick(wish.code, amount):
                raise business("호가단위에 맞지 않는 가격입니다")
            if not price.low_limit <= amount <= price.high_limit:
                raise business("상하한가를 벗어난 가격입니다")

    def _check(self, wish: Wish, price: Price) -> None:
        if not price.live or wish.kind in OUT_OF_HOURS:
            raise business("주문할 수 있는 시간이 아닙니다")
        if price.halted:
            raise business("거래가 정지된 종목입니다")
        if wish.quantity <= 0:
            raise business("주문수량이 올바르지 않습니다")
        self._check_price(wish, price)

    def place(self, wish: Wish) -> Order:
        """Take an order. Refuses with words (return_code 20) whatever the desk would refuse."""
        self.settle()
        price = self.price(wish.code, wish.venue)
        self._check(wish, price)
        if wish.side == "buy" and not wish.credit:
            amount = wish.quantity * (wish.price or price.high_limit)
            if amount + self.commission(amount) > self.orderable:
                raise business("주문가능금액을 초과하였습니다")
        if wish.side == "sell" and wish.quantity > self.sellable(wish.code):
            raise business("주문가능수량을 초과하였습니다")
        return self._enter(wish, price, root="", original="")

    def _enter(self, wish: Wish, price: Price, *, root: str, original: str) -> Order:
        number = self._number()
        order = Order(
            number=number,
            root=root or number,
            original=original,
            code=wish.code,
            name=price.name,
            side=wish.side,
            kind=wish.kind,
            quantity=wish.quantity,
            price=wish.price,
            stop=wish.stop,
            venue=wish.venue,
            placed=self.world.now(),
            credit=wish.credit,
            change="amended" if original else "",
            left=wish.quantity,
            triggered=wish.kind != STOP,
        )
        self.orders[number] = order
        self._tell("accepted", order, None)
        self._try(order, price)
        return order

    def _open_order(self, number: str, code: str) -> Order:
        order = self.orders.get(number.zfill(7))
        if order is None or order.code != code:
            raise business("원주문번호가 올바르지 않습니다")
        if not order.open:
            raise business("정정 또는 취소할 수량이 없습니다")
        return order

    def amend(self, number: str, code: str, quantity: int, price: int, stop: int) -> Order:
        """Replace (part of) a resting order by one at another price."""
        self.settle()
        order = self._open_order(number, code)
        now = self.price(code, order.venue)
        if not 0 < quantity <= order.left:
            raise business("정정수량이 미체결수량을 초과하였습니다")
        wish = Wish(
            code=code,
            side=order.side,
            kind=order.kind,
            quantity=quantity,
            price=price,
            stop=stop,
            venue=order.venue,
            credit=order.credit,
        )
        self._check(wish, now)
        more = quantity * (price - order.price)
        if order.side == "buy" and not order.credit and more > 0 and more + self.commission(more) > self.orderable:
            raise business("주문가능금액을 초과하였습니다")
        order.left -= quantity
        order.confirmed += quantity
        self._tell("amended", order, None)
        return self._enter(wish, now, root=order.root, original=order.number)

    def cancel(self, number: str, code: str, quantity: int) -> Order:
        """Take back a resting order, or part of it; 0 means all that rests."""
        self.settle()
        order = self._open_order(number, code)
        wanted = quantity or order.left
        if wanted > order.left:
            raise business("취소수량이 미체결수량을 초과하였습니다")
        order.left -= wanted
        order.confirmed += wanted
        row = Order(
            number=self._number(),
            root=order.root,
            original=order.number,
            code=code,
            name=order.name,
            side=order.side,
            kind=order.kind,
            quantity=wanted,
            price=0,
            stop=0,
            venue=order.venue,
            placed=self.world.now(),
            credit=order.credit,
            change="cancelled",
            confirmed=wanted,
        )
        self.orders[row.number] = row
        self._tell("cancelled", row, None)
        return row

    # ── filling ──

    def settle(self) -> None:
        """Look at every resting order again."""
        for order in list(self.orders.values()):
            if order.open:
                self._try(order, self.price(order.code, order.venue))

    def _limit(self, order: Order, price: Price) -> int | None:
        """The worst price an order accepts; None for any."""
        if order.kind in NO_PRICE:
            return None
        if order.kind in ("6", "16", "26"):
            levels = price.asks if order.side == "buy" else price.bids
            return levels[0][0] if levels else 0
        if order.kind == "7":
            levels = price.bids if order.side == "buy" else price.asks
            return levels[0][0] if levels else 0
        if order.kind in MIDPOINT:
            return (price.asks[0][0] + price.bids[0][0]) // 2 if price.asks and price.bids else 0
        return order.price

    def _try(self, order: Order, price: Price) -> None:
        stamp = f"{self.world.now():%Y%m%d%H%M%S}"
        if not price.live or order.tried == stamp:
            return
        order.tried = stamp
        if not order.triggered:
            reached = price.last >= order.stop if order.side == "buy" else price.last <= order.stop
            if not reached:
                return
            order.triggered = True
        limit = self._limit(order, price)
        levels = price.asks if order.side == "buy" else price.bids
        sign = 1 if order.side == "buy" else -1
        open_to = [level for level in levels if limit is None or sign * level[0] <= sign * limit]
        if order.kind in ALL_OR_NOTHING and sum(quantity for _, quantity in open_to) < order.left:
            order.confirmed, order.left = order.confirmed + order.left, 0
            return
        for level, quantity in open_to:
            if not order.left:
                break
            self._fill(order, level, min(order.left, quantity))
        if order.left and order.kind in AT_ONCE:
            order.confirmed, order.left = order.confirmed + order.left, 0

    def _fill(self, order: Order, price: int, quantity: int) -> None:
        amount = price * quantity
        holding = self.holdings.setdefault(order.code, Holding(code=order.code))
        commission, tax, profit, cost = self.commission(amount), 0, 0, 0
        if order.side == "buy":
            holding.quantity += quantity
            holding.cost += amount
            holding.bought_today += quantity
            if order.credit:
                holding.loan += amount
        else:
            tax = self.tax(amount)
            cost = holding.average
            share = holding.cost * quantity // holding.quantity
            paid_back = holding.loan * quantity // holding.quantity
            profit = amount - share - commission - tax
            holding.quantity -= quantity
            holding.cost -= share
            holding.loan -= paid_back
            holding.sold_today += quantity
        execution = Execution(
            number=len(self.executions) + 1,
            order_no=order.number,
            code=order.code,
            side=order.side,
            time=self.world.now(),
            price=price,
            quantity=quantity,
            commission=commission,
            tax=tax,
            profit=profit,
            cost=cost,
        )
        order.left -= quantity
        order.fills.append(execution)
        self.executions.append(execution)
        self._tell("filled", order, execution)

    def _tell(self, what: str, order: Order, execution: Execution | None) -> None:
        for listener in list(self.listeners):
            listener(what, order, execution)

    def held(self) -> list[Holding]:
        """Holdings that are not empty, in code order."""
        return [self.holdings[code] for code in sorted(self.holdings) if self.holdings[code].quantity]


def opened_with(desk: Desk, code: str, quantity: int, price: int) -> None:
    """Give a new account something it bought long ago."""
    desk.holdings[code] = Holding(code=code, quantity=quantity, cost=quantity * price)
