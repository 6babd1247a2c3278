"""The payment system, put together: where its monitoring service is, or one in this process where that was asked."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from dari.app.parts import OPERATE, Parts
from dari.core.acts import holder_name
from dari.providers.payments.dialect import MonitoringDialect
from dari.providers.payments.spec import SPEC
from dari.upstream.client import Client, Rules
from dari.upstream.retry import RetryRules
from dari.upstream.wire import Wire

SIMULATED_ORIGIN = "http://localhost:8082"
PATIENCE = 15.0
"""The service answers a diagnosis within seconds even when every part hangs."""
PLANNED_ONLY = (
    *("clear_rate_limit", "run_load_test", "stop_load_test"),
    *("plan_dlq_replay", "plan_outbox_republish", "plan_breaker_reset"),
)


def assemble(parts: Parts) -> Client:
    """The client of the monitoring service: nothing is kept, a read is tried twice."""
    settings = parts.settings
    base = SIMULATED_ORIGIN if parts.simulated else parts.origin("API_BASE_URL")
    wire = _simulated(parts) if parts.simulated else parts.wire(timeout=PATIENCE)
    armed = settings.text("DARI_PAYMENTS_OPERATE")
    policy: dict[str, Any] = {
        "reach": settings.text("DARI_REACH").lower(),
        "armed": bool(armed) and holder_name(armed) == holder_name(base.partition("//")[2]),
        "arming": OPERATE.ko,
        "acts": list(PLANNED_ONLY),
        "acts_per_minute": settings.whole("DARI_PAYMENTS_ACTS_PER_MINUTE"),
    }
    dialect = MonitoringDialect(
        send=wire.send,
        clock=parts.clock,
        base=base,
        token=settings.text("DARI_PAYMENTS_OPERATOR_TOKEN"),
        policy=MappingProxyType(policy),
    )
    rules = Rules(retry=RetryRules(attempts=2, first=0.2, longest=0.2))
    return parts.client(SPEC, dialect, origin=base, default_mode=lambda _: "real", rules=rules)


def _simulated(parts: Parts) -> Wire:
    from dari.app.payment_world import LivingSystem  # noqa: PLC0415 -- only who asks for it pays for it

    system = LivingSystem(parts.clock, parts.seed, parts.settings.text("DARI_PAYMENTS_OPERATOR_TOKEN"))
    parts.closing.push_async_callback(system.close)
    return parts.wire(app=system)
