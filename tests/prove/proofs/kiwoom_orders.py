"""The same faults and the same laws for Kiwoom's orders: executed once or not at all, and what is said is true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from dari.providers.kiwoom.simulator import MOCK_KEY, create_app
from tests.prove.order_desk import Desk, safety
from tests.prove.proof import Proof
from tests.support import Asker

BUY = "kt10000"
FAULTS: Mapping[str, dict[str, Any]] = {
    "order_drop_after": {"kind": "drop"},
    "order_error_after": {"kind": "error_after"},
    "order_error_before": {"kind": "error_before"},
    "order_delay_after": {"kind": "delay", "seconds": 0.3},
    "ledger_rate": {"kind": "refuse", "code": "1700"},
}


class KiwoomDesk(Desk):
    """The desk of Kiwoom: its mock mode, which takes every order."""

    SERVER, PROVIDER, NUMBER = "kiwoom", "kiwoom", "order_no"
    SETTINGS: ClassVar[Mapping[str, str]] = {
        "KIWOOM_MODE": "mock",
        "DARI_REACH": "commit",
        "DARI_ORDER_ACCOUNT": MOCK_KEY.account,
        "DARI_ORDER_MAX_KRW": "10000000",
        "DARI_ORDER_MAX_DAY_KRW": "100000000000",
        "DARI_ORDER_PER_MINUTE": "10000",
    }

    def made(self) -> Any:
        return create_app(self.market, clock=self.clock, world=self.clock)

    def numbers(self) -> list[str]:
        return [number for account in self.app.service.accounts.values() for number in account.stock.orders]

    def arm(self, fault: str) -> None:
        if fault == "token_expired":
            self.app.service.ring.forget(MOCK_KEY.app_key)
        else:
            self.app.service.faults.plan({"api_id": BUY, **FAULTS[fault]})

    def calm(self) -> None:
        self.app.service.faults.clear()

    async def plan(self, server: Asker, *, at_market: bool) -> Mapping[str, Any]:
        price: dict[str, Any] = {"order_type": "market"} if at_market else {"price": 60_000}
        told = await server.answer("plan_order", action="buy", stock_code="005930", quantity=1, **price)
        plan: Mapping[str, Any] = told["data"]
        return plan


PROOF = Proof(
    name="kiwoom-orders",
    title="Every planned order at Kiwoom is executed once or not at all, and every reply is true: the suite of KIS.",
    rooms=(
        "src/dari/core/acts.py",
        "src/dari/serving/plans",
        "src/dari/providers/kiwoom/dialect",
        "src/dari/providers/kiwoom/tools/orders.py",
    ),
    short=lambda: safety(KiwoomDesk, 40, 1),
    long=lambda: safety(KiwoomDesk, 2_000, 2),
)
