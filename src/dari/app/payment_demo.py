"""The demo's payment system: the platform and its monitoring started for real, paid at, and broken on purpose."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from dari.app.payment_services import service
from dari.core.errors import Malformed
from dari.core.provider import Request
from dari.settings import resolve
from dari.upstream.wire import Wire

Serving = Callable[[Any], AbstractAsyncContextManager[str]]
"""Serves an ASGI app on a free port; yields its address."""

BEFORE: Final = 12
"""Payments before anything breaks."""
CAPTURED_WITHIN: Final = 15.0
SEEN_WITHIN: Final = 45.0
"""Seconds until publishes have failed and the monitor, which looks every five, has seen it."""

QUESTIONS: Final[Mapping[str, tuple[str, str, dict[str, Any]]]] = MappingProxyType(
    {
        "payment-circuit-breaker": ("Kafka 정상이야?", "check_kafka_health", {}),
        "payment-database": (
            "최근 1시간 5만원 미만 결제",
            "query_payments",
            {"filter": "최근 1시간 5만원 미만 결제 5건"},
        ),
        "payment-redis": ("Redis 메모리 사용량은?", "cache_stats", {}),
        "payment-kafka": ("Consumer Lag 확인해줘", "check_consumer_lag", {"group_id": "payment-consumer"}),
        "payment-loadtest": ("부하 테스트 시나리오", "list_scenarios", {}),
        "payment-system-health": ("전체 시스템 상태 확인", "check_all_services", {}),
    }
)
WHY: Final = "왜 캡처가 안 됐어?"


@dataclass(frozen=True, slots=True)
class PaymentSystem:
    """The addresses of both services, and a customer and a saboteur over HTTP."""

    platform: str
    monitoring: str
    wire: Wire

    async def pay(self, number: int, amount: int = 39_000) -> int:
        """Pay once; the payment's id. Raises Malformed where it was not authorized."""
        order = {
            "merchantId": f"MERCHANT-{number % 5 + 1}",
            "amount": amount,
            "currency": "KRW",
            "idempotencyKey": f"demo-{number}",
        }
        said = await self._post("/payments/authorize", order)
        if "paymentId" not in said:
            raise Malformed("the platform did not authorize the payment", upstream_text=json.dumps(said))
        return int(said["paymentId"])

    async def pay_several(self) -> None:
        """A dozen customers, and the time their payments take to be captured."""
        for number in range(BEFORE):
            await self.pay(number, 10_000 + 3_000 * number)
        await self._until(
            "/monitoring/database/stats",
            CAPTURED_WITHIN,
            lambda said: not said["paymentsByStatus"].get("CAPTURE_REQUESTED"),
        )

    async def kafka(self, state: str) -> None:
        """Take the brokers down or bring them up."""
        await self._post(f"/__faults__/kafka/{state}", {})

    def faults(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """What a person may break and mend, by name; somebody pays while it is broken, so that it shows."""

        async def down() -> None:
            await self.kafka("down")
            await self.pay(time.time_ns())

        return {"kafka-down": down, "kafka-up": partial(self.kafka, "up")}

    async def seen(self) -> None:
        """Wait until the monitor knows a cause."""
        await self._until("/monitoring/system/diagnose", SEEN_WITHIN, lambda said: said["causes"])

    async def _until(self, page: str, longest: float, true: Callable[[Mapping[str, Any]], Any]) -> None:
        for _ in range(round(longest)):
            reply = await self.wire.send(Request("GET", self.monitoring + page))
            if true(json.loads(reply.content)):
                return
            await asyncio.sleep(1.0)

    async def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        reply = await self.wire.send(Request("POST", self.platform + path, payload=dict(body)))
        said: dict[str, Any] = json.loads(reply.content)
        return said


@asynccontextmanager
async def payment_system(serving: Serving, *, seed: int, home: str) -> AsyncIterator[PaymentSystem]:
    """Both services on free ports, while the block runs."""
    wire, told = Wire(), {"DARI_HOME": home}
    async with (
        service("payments", resolve(flags=told), seed=seed, switches=True) as platform,
        serving(platform) as platform_at,
    ):
        told |= {"DARI_PAYMENTS_URL": platform_at, "DARI_PAYMENTS_LOADTEST_TARGETS": platform_at}
        async with (
            service("monitoring", resolve(flags=told), seed=seed, switches=False) as watching,
            serving(watching) as monitoring_at,
        ):
            try:
                yield PaymentSystem(platform_at, monitoring_at, wire)
            finally:
                await wire.close()
