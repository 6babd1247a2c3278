"""Whatever goes wrong, an order is executed once or not at all, and what is said of it is true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dari.providers.kis.simulator import create_app
from tests.prove.order_desk import Desk, safety
from tests.prove.proof import Proof
from tests.support import Asker
from tests.unit.kis_trade.trading import FREE


class KisDesk(Desk):
    """The desk of KIS: the real mode's simulator."""

    SERVER, PROVIDER, NUMBER = "kis-trade", "kis", "order_number"
    SETTINGS = FREE | {"KIS_MODE": "real", "DARI_ORDER_ACCOUNT": "50001234-01"}

    def made(self) -> Any:
        return create_app(self.market, clock=self.clock, world=self.clock)

    def numbers(self) -> list[str]:
        return [one.number for account in self.app.ledger.accounts.values() for one in account.orders.values()]

    def arm(self, fault: str) -> None:
        if fault == "token_expired":
            self.app.keyring.spoil_all()
        elif fault == "ledger_rate":
            self.app.faults.set({"ledger_rate": 1, "only": "order-cash"})
        elif fault == "order_delay_after":
            self.app.faults.set({"order_delay_after": 1, "hang_seconds": 0.3})
        else:
            self.app.faults.set({fault: 1})

    def calm(self) -> None:
        self.app.faults.clear()

    async def plan(self, server: Asker, *, at_market: bool) -> Mapping[str, Any]:
        price = {} if at_market else {"price": 60_000}
        return await server.answer("plan_order", side="buy", symbol="005930", quantity=1, **price)


PROOF = Proof(
    name="order-safety",
    title="Every planned order is executed once or not at all, every reply is true, and what is unknown is resolved.",
    rooms=(
        "src/dari/core/acts.py",
        "src/dari/serving/plans",
        "src/dari/providers/kis/dialect",
        "src/dari/providers/kis/tools/trade/hand.py",
        "src/dari/providers/kis/tools/trade/ledger.py",
        "src/dari/providers/kis/models/orders.py",
    ),
    short=lambda: safety(KisDesk, 60, 1),
    long=lambda: safety(KisDesk, 2_000, 2),
)
