"""A payment gateway (PG) that answers by rule: the same seed, operation and key always give the same answer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from dari.services.payments.ports import GatewayError, GatewayReply

_SPAN: Final = 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayConfig:
    """Shares of failures (0..1) and ranges of seconds, as the original's mock has them."""

    auth_failures: float = 0.0001
    work_failures: float = 0.05
    auth_seconds: tuple[float, float] = (0.005, 0.015)
    work_seconds: tuple[float, float] = (1.0, 3.0)


LOADTEST: Final = GatewayConfig(work_failures=0.0001)
"""The original's load-test mode."""


class RuleGateway:
    """The PG of the sandbox. `down` makes it silent, `slow` adds seconds to every answer."""

    def __init__(self, seed: int, config: GatewayConfig | None = None) -> None:
        self.config = config or GatewayConfig()
        self.down = False
        self.slow = 0.0
        self._seed = seed

    def _draws(self, operation: str, key: str) -> tuple[float, float, str]:
        digest = hashlib.sha256(f"{self._seed}|{operation}|{key}".encode()).digest()
        first, second = (int.from_bytes(digest[at : at + 8], "big") / _SPAN for at in (0, 8))
        return first, second, digest[16:20].hex().upper()

    def _answer(self, operation: str, key: str, share: float, seconds: tuple[float, float]) -> GatewayReply:
        if self.down:
            raise GatewayError(f"the payment gateway does not answer ({operation})")
        luck, pace, mark = self._draws(operation, key)
        took = seconds[0] + pace * (seconds[1] - seconds[0]) + self.slow
        if luck < share:
            return GatewayReply(False, "DECLINED", "Declined by the issuer", f"TXN{mark}", took)  # noqa: FBT003 — the field's name is in the type
        return GatewayReply(True, "0000", "Approved", f"TXN{mark}", took)  # noqa: FBT003 — as above

    def authorize(self, key: str, amount: int) -> GatewayReply:
        return self._answer("authorize", f"{key}|{amount}", self.config.auth_failures, self.config.auth_seconds)

    def settle(self, payment_id: int, amount: int, attempt: int) -> GatewayReply:
        key = f"{payment_id}|{amount}|{attempt}"
        return self._answer("settle", key, self.config.work_failures, self.config.work_seconds)

    def refund(self, payment_id: int, amount: int, attempt: int) -> GatewayReply:
        key = f"{payment_id}|{amount}|{attempt}"
        return self._answer("refund", key, self.config.work_failures, self.config.work_seconds)
