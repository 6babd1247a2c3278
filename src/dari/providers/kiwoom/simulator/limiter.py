"""How many calls an app key may make of one api-id: a bucket that is refilled steadily, per mode."""

from __future__ import annotations

from dataclasses import dataclass, field

from dari.core.clock import Clock
from dari.providers.kiwoom.simulator.refusals import too_many


@dataclass(slots=True, kw_only=True)
class Quota:
    """`per_second` and `burst` of a mode; `told` whether a refusal tells them (유량=N).

    `lifts_to`: from the first refusal of an api-id on, that many a second are permitted, and that is what it tells.
    """

    per_second: float
    burst: float
    told: bool
    lifts_to: int | None = None


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float
    lifted: bool = False


@dataclass(slots=True)
class Limiter:
    """Counts calls per (app key, api-id); api-ids do not disturb each other."""

    clock: Clock
    quotas: dict[str, Quota] = field(
        default_factory=lambda: {
            "mock": Quota(per_second=1, burst=2, told=False),
            "real": Quota(per_second=5, burst=5, told=True),
        },
    )
    off: bool = False
    _buckets: dict[tuple[str, str], _Bucket] = field(default_factory=dict)

    def take(self, app_key: str, api_id: str, mode: str) -> None:
        """Let one call pass. Refuses 1700 with HTTP 429."""
        if self.off:
            return
        quota = self.quotas[mode]
        now = self.clock.monotonic()
        bucket = self._buckets.setdefault((app_key, api_id), _Bucket(quota.burst, now))
        lifted = quota.lifts_to if bucket.lifted else None
        rate = lifted or quota.per_second
        bucket.level = min(lifted or quota.burst, bucket.level + (now - bucket.at) * rate)
        bucket.at = now
        if bucket.level >= 1 - 1e-9:
            bucket.level -= 1
            return
        if quota.lifts_to and not bucket.lifted:
            bucket.lifted = True
        raise too_many(api_id, int(quota.lifts_to or quota.per_second), told=quota.told)

    def reset(self) -> None:
        """Forget what was counted."""
        self._buckets.clear()
