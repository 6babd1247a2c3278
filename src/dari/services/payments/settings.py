"""What the platform is told when it starts: limits, times, sizes, and whether it answers as the original did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

COMPOSE_CAPACITY: Final = 24_000
"""Requests a minute and merchant, as the original's docker-compose sets them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSettings:
    """Seconds, counts and switches; the defaults are the original's deployment where it works."""

    instance: str = "ingest-1"
    compat: bool = False
    """Answer as the original: 409 for a repeated key and for a decline, no Retry-After."""
    gather: float = 0.0
    """Seconds between two transactions that requests share: less work for the database, a little later under load."""
    rate_window: int = 60
    rate_limits: Mapping[str, int] = field(
        default_factory=lambda: dict.fromkeys(("authorize", "capture", "refund"), COMPOSE_CAPACITY),
    )
    idempotency_ttl: int = 600
    poll_interval: float = 0.05
    poll_batch: int = 1000
    poll_lease: float = 30.0
    publish_backoff: float = 1.0
    publish_backoff_most: float = 30.0
    consume_interval: float = 0.1
    consume_batch: int = 500
    work_batch: int = 500
    work_interval: float = 0.25
    work_inflight: int = 2000
    retry_after: float = 30.0
    retry_limit: int = 10
    patience: float = 60.0
    """How long a refund event waits for its capture's entry before it is called bad."""


def for_load(role: str) -> PlatformSettings:
    """Of a process that is `api` or `workers` alone: larger batches, each of them a little later."""
    return PlatformSettings(
        instance=f"ingest-{role}",
        gather=0.01 if role == "api" else 0.0,
        poll_interval=0.2,
        consume_interval=0.2,
        work_interval=0.3,
    )
