"""The sixteen scenarios with their root causes, and the four healthy controls."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from dari.services.payments.faults import misuse, outages
from dari.services.payments.faults.stage import Scenario, Stage
from dari.services.payments.sandbox import SIM

SMALL_LIMITS: Final = replace(SIM, rate_limits=dict.fromkeys(("authorize", "capture", "refund"), 600))
"""A limit that one merchant can reach in a small sandbox."""
SLOW_CONSUMER: Final = replace(SIM, consume_batch=20)
"""A consumer that posts twenty events a second: enough for every day, not for ten times that."""
ALL_DOWN: Final = ("KAFKA_UNREACHABLE", "KAFKA_SLOW", "UNDER_MIN_ISR", "TOPIC_MISSING")
STORES: Final = ("DB_UNREACHABLE", "REDIS_UNREACHABLE")


async def _outage_long_over(stage: Stage) -> None:
    """C3: the brokers were away for a minute; five minutes ago they came back."""
    await outages.brokers_down(stage)
    await stage.sandbox.run(60)
    await outages.brokers_up(stage)
    await stage.sandbox.run(240)


async def _old_letters(stage: Stage) -> None:
    """C4: seven dead letters from two hours ago."""
    await misuse.poison(stage)
    await stage.sandbox.run(5)
    stage.sandbox.schedule.skip(7200)


SCENARIOS: Final[dict[str, Scenario]] = {
    scenario.key: scenario
    for scenario in (
        Scenario(
            key="F01",
            root_cause="KAFKA_UNREACHABLE",
            inject=outages.brokers_down,
            heal=outages.brokers_up,
            measure=outages.kafka_unreachable,
            spares=(*STORES, "OUTBOX_STUCK"),
        ),
        Scenario(
            key="F02",
            root_cause="KAFKA_SLOW",
            inject=outages.brokers_slow,
            heal=outages.brokers_quick,
            measure=outages.kafka_slow,
            spares=(*STORES, "KAFKA_UNREACHABLE", "OUTBOX_STUCK"),
        ),
        Scenario(
            key="F03",
            root_cause="CONSUMER_STOPPED",
            inject=outages.consumer_stopped,
            heal=outages.consumer_started,
            measure=outages.consumer_gone,
            spares=(*STORES, *ALL_DOWN, "POISON_MESSAGE", "TRAFFIC_SURGE"),
        ),
        Scenario(
            key="F04",
            root_cause="POISON_MESSAGE",
            inject=misuse.poison,
            measure=misuse.poison_found,
            spares=(*STORES, *ALL_DOWN, "CONSUMER_STOPPED"),
        ),
        Scenario(
            key="F05",
            root_cause="REDIS_FLUSHED",
            inject=misuse.flush,
            measure=misuse.flushed,
            spares=(*STORES, *ALL_DOWN),
            lasts=30.0,
        ),
        Scenario(
            key="F06",
            root_cause="REDIS_UNREACHABLE",
            inject=outages.redis_down,
            heal=outages.redis_up,
            measure=outages.redis_unreachable,
            spares=("DB_UNREACHABLE", *ALL_DOWN, "REDIS_FLUSHED"),
        ),
        Scenario(
            key="F07",
            root_cause="RATE_LIMITED_MERCHANT",
            inject=misuse.hot_merchant,
            heal=misuse.cool_down,
            measure=misuse.limited,
            spares=(*STORES, *ALL_DOWN, "TRAFFIC_SURGE"),
            settings=SMALL_LIMITS,
            # Not a whole window: the count is looked at in the middle of one.
            lasts=50.0,
        ),
        Scenario(
            key="F08",
            root_cause="DB_UNREACHABLE",
            inject=outages.database_down,
            heal=outages.database_up,
            measure=outages.database_unreachable,
            spares=("REDIS_UNREACHABLE", *ALL_DOWN, "LEDGER_TAMPERED", "OUTBOX_STUCK", "CONSUMER_STOPPED"),
        ),
        Scenario(
            key="F09",
            root_cause="LEDGER_TAMPERED",
            inject=misuse.falsify,
            measure=misuse.falsified,
            spares=(*STORES, *ALL_DOWN, "OUTBOX_STUCK"),
            lasts=30.0,
        ),
        Scenario(
            key="F10",
            root_cause="OUTBOX_STUCK",
            inject=outages.poller_stopped,
            heal=outages.poller_started,
            measure=outages.outbox_stuck,
            spares=(*STORES, *ALL_DOWN, "CONSUMER_STOPPED"),
        ),
        Scenario(
            key="F11",
            root_cause="IDEMPOTENCY_MISUSE",
            inject=misuse.reuse_keys,
            measure=misuse.keys_misused,
            spares=(*STORES, *ALL_DOWN),
        ),
        Scenario(
            key="F12",
            root_cause="CLOCK_SKEW",
            inject=misuse.clock_ahead,
            heal=misuse.clock_right,
            measure=misuse.skewed,
            spares=(*STORES, *ALL_DOWN, "OUTBOX_STUCK"),
            lasts=60.0,
        ),
        Scenario(
            key="F13",
            root_cause="BREAKER_FLAPPING",
            inject=misuse.flaky_partitions,
            heal=misuse.steady_partitions,
            measure=misuse.flapping,
            spares=(*STORES, "KAFKA_UNREACHABLE", "OUTBOX_STUCK"),
            lasts=180.0,
        ),
        Scenario(
            key="F14",
            root_cause="TRAFFIC_SURGE",
            inject=misuse.surge,
            heal=misuse.surge_over,
            measure=misuse.surged,
            spares=(*STORES, *ALL_DOWN, "CONSUMER_STOPPED", "RATE_LIMITED_MERCHANT"),
            settings=SLOW_CONSUMER,
        ),
        Scenario(
            key="F15",
            root_cause="TOPIC_MISSING",
            inject=outages.topic_deleted,
            heal=outages.topic_made_again,
            measure=outages.topic_missing,
            spares=(*STORES, "KAFKA_UNREACHABLE", "KAFKA_SLOW", "OUTBOX_STUCK", "CONSUMER_STOPPED"),
        ),
        Scenario(
            key="F16",
            root_cause="UNDER_MIN_ISR",
            inject=outages.replicas_lost,
            heal=outages.brokers_up,
            measure=outages.under_min_isr,
            spares=(*STORES, "KAFKA_UNREACHABLE", "OUTBOX_STUCK"),
        ),
    )
}
CONTROLS: Final[dict[str, Scenario]] = {
    control.key: control
    for control in (
        Scenario(key="C1", root_cause=None, rate=0.0),
        Scenario(key="C2", root_cause=None, rate=200.0, healthy=15.0, lasts=45.0),
        Scenario(key="C3", root_cause=None, inject=_outage_long_over, rate=3.0),
        Scenario(key="C4", root_cause=None, inject=_old_letters),
    )
}
"""C1 idle · C2 200 payments a second · C3 five minutes after a recovery · C4 old letters in the DLQ."""
EVERYTHING: Final = {**SCENARIOS, **CONTROLS}
