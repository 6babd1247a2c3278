"""Authorize, capture and refund: idempotent, limited, and written with their events in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from dari.core.clock import Clock
from dari.services.payments.adapters.sql import Database
from dari.services.payments.authorizations import (
    Attempt,
    Authorizations,
    Stored,
    request_hash,
)
from dari.services.payments.batching import Batch
from dari.services.payments.breaker import Breaker
from dari.services.payments.captures import Captures
from dari.services.payments.metrics import Metrics
from dari.services.payments.names import idem_key, rate_key
from dari.services.payments.ports import (
    Gateway,
    GatewayError,
    GatewayReply,
    KeyValue,
    KeyValueError,
    StoreConflict,
    StoreError,
)
from dari.services.payments.replies import AuthorizeRequest, CaptureRequest, RefundRequest, Reply, refusal
from dari.services.payments.settings import PlatformSettings

REPLAYED: Final = {"Idempotent-Replayed": "true"}
BURNED: Final = (
    "Idempotency key already used with a different body; nothing was charged for this request. "
    "Repeat the first body to read its answer, or use a new key to pay."
)
DECLINED: Final = "Payment declined by the issuer; the idempotency key stays free, the same request may be sent again."
AWAY: Final = 5.0
"""Seconds after which a part that does not answer is worth asking again."""


async def _again(work: Callable[[], Awaitable[Reply]], tries: int = 3) -> Reply:
    """Do it, and once more where another transaction was faster: what it left decides then."""
    for _ in range(tries - 1):
        try:
            return await work()
        except StoreConflict:
            continue
    return await work()


class _Refused(Exception):
    """A reply that ends the request early."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body)
        self.reply = reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the API works with."""

    settings: PlatformSettings
    clock: Clock
    database: Database
    keys: KeyValue
    gateway: Gateway
    pg_breaker: Breaker
    metrics: Metrics


class Ingest:
    """The three calls of the API. Each returns a Reply; none raises for what the outside did."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.settings = parts.settings
        """Limits and answers; an operator may change them while it runs."""
        self._store = Authorizations(parts.database)
        self._captures = Captures(parts.database, parts.settings, parts.clock)
        self._lookups: Batch[tuple[str, str], Stored | None] = Batch(self._store.find, gather=parts.settings.gather)
        self._writes: Batch[Attempt, Stored] = Batch(self._store.write, gather=parts.settings.gather)
        self._flying: dict[tuple[str, str], asyncio.Future[None]] = {}

    async def authorize(self, request: AuthorizeRequest) -> Reply:
        """200 with the payment; the same again for the same key; 422, 402, 429, 503 as the facts say."""
        return await self._timed("/payments/authorize", lambda: self._authorize(request))

    async def capture(self, payment_id: int, request: CaptureRequest) -> Reply:
        """200 CAPTURED; 404, 409, 402, 429, 503."""

        async def work() -> Reply:
            await self._limit("capture", request.merchantId)
            ready = await self._captures.ready(payment_id, request.merchantId)
            if isinstance(ready, Reply):
                return ready
            said = await self._ask(
                "settle",
                lambda: self._parts.gateway.settle(payment_id, ready.amount, ready.attempt),
                # The worker's own wait: the capture is a confirmation of what PG already has in hand.
                wait=False,
            )
            if not said.approved:
                return refusal(402, "PAYMENT_DECLINED", f"Capture declined: {said.code}", payment_id=payment_id)
            return await _again(lambda: self._captures.write(payment_id, request.merchantId, said))

        return await self._timed("/payments/capture/{paymentId}", work)

    async def refund(self, payment_id: int, request: RefundRequest) -> Reply:
        """200 REFUND_REQUESTED; 404, 409, 429, 503."""

        async def work() -> Reply:
            await self._limit("refund", request.merchantId)
            return await _again(lambda: self._captures.refund(payment_id, request.merchantId, request.reason))

        return await self._timed("/payments/refund/{paymentId}", work)

    async def _timed(self, uri: str, work: Callable[[], Awaitable[Reply]]) -> Reply:
        clock = self._parts.clock
        start = clock.monotonic()
        try:
            reply = await work()
        except _Refused as refused:
            reply = refused.reply
        except StoreError as error:
            reply = refusal(
                503, "DATABASE_UNAVAILABLE", f"The payment store did not answer: {error.kind}", retry_after=AWAY
            )
        seen = self._parts.metrics.http.labels("POST", uri, str(reply.status))
        seen.observe(max(0.0, clock.monotonic() - start))
        return reply

    async def _authorize(self, request: AuthorizeRequest) -> Reply:
        name = (request.merchantId, request.idempotencyKey)
        while (flying := self._flying.get(name)) is not None:
            # The same key is being paid right now: its answer will be ours.
            await asyncio.wait([flying])
        landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flying[name] = landed
        try:
            return await self._authorize_alone(request)
        finally:
            del self._flying[name]
            landed.set_result(None)

    async def _authorize_alone(self, request: AuthorizeRequest) -> Reply:
        parts = self._parts
        known = await self._find(request)
        if known is not None:
            return await self._again(known, request)
        await self._limit("authorize", request.merchantId)
        name = f"{request.merchantId}|{request.idempotencyKey}"
        said = await self._ask("authorize", lambda: parts.gateway.authorize(name, request.amount))
        if not said.approved:
            if self.settings.compat:
                raise _Refused(refusal(409, "DUPLICATE_REQUEST", "Idempotency key already used"))
            return refusal(402, "PAYMENT_DECLINED", DECLINED)
        try:
            stored = await self._writes.submit(Attempt(request, said, parts.clock.now()))
        except StoreConflict:
            # Another process wrote this key first.
            other = await self._lookups.submit((request.merchantId, request.idempotencyKey))
            if other is None:
                raise
            return await self._again(other, request)
        await self._keep(request, stored.body)
        return Reply(200, stored.body)

    async def _find(self, request: AuthorizeRequest) -> Stored | None:
        """The kept answer of this key: Redis, else the database (which also stands in when Redis is away)."""
        parts = self._parts
        try:
            kept = await parts.keys.get(idem_key(request.merchantId, request.idempotencyKey))
        except KeyValueError:
            kept = None
        if kept is not None:
            parts.metrics.lookups.labels("redis").inc()
            return Stored.from_body(request.merchantId, kept)
        stored = await self._lookups.submit((request.merchantId, request.idempotencyKey))
        parts.metrics.lookups.labels("none" if stored is None else "db").inc()
        if stored is not None:
            await self._keep(request, stored.body)
        return stored

    async def _keep(self, request: AuthorizeRequest, body: str) -> None:
        key = idem_key(request.merchantId, request.idempotencyKey)
        try:
            await self._parts.keys.put(key, body, self.settings.idempotency_ttl)
        except KeyValueError:
            return  # the database holds it too

    async def _again(self, stored: Stored, request: AuthorizeRequest) -> Reply:
        parts = self._parts
        digest = request_hash(request.merchantId, request.amount, request.currency)
        if stored.request_hash != digest:
            parts.metrics.conflicts.labels(request.merchantId, "body_mismatch").inc()
            await self._store.conflict(request, digest, parts.clock.now())
            if not self.settings.compat:
                return refusal(422, "IDEMPOTENCY_KEY_REUSED", BURNED, payment_id=stored.payment_id)
        if self.settings.compat:
            return refusal(409, "DUPLICATE_REQUEST", "Idempotency key already used", payment_id=stored.payment_id)
        return Reply(200, stored.body, REPLAYED)

    async def _limit(self, action: str, merchant_id: str) -> None:
        parts, window = self._parts, self.settings.rate_window
        try:
            count, left = await parts.keys.count(rate_key(action, merchant_id), window)
        except KeyValueError:
            parts.metrics.fail_open.labels(action).inc()
            return
        if count > self.settings.rate_limits[action]:
            parts.metrics.rejected.labels(merchant_id, action).inc()
            wait = left if left > 0 else window
            text = f"Rate limit exceeded for {action} requests. Try again in {wait} seconds."
            retry_after = None if self.settings.compat else wait
            raise _Refused(refusal(429, "RATE_LIMIT_EXCEEDED", text, retry_after=retry_after))

    async def _ask(self, operation: str, call: Callable[[], GatewayReply], *, wait: bool = True) -> GatewayReply:
        """Ask the gateway through its breaker. A gateway that is away is a 503 (409 in compat), never a duplicate."""
        parts, breaker = self._parts, self._parts.pg_breaker
        if not breaker.permit():
            parts.metrics.pg_calls.labels(operation, "error").inc()
            raise _Refused(self._away("The payment gateway's circuit is open"))
        start = parts.clock.monotonic()
        try:
            said = call()
        except GatewayError as error:
            breaker.failed(parts.clock.monotonic() - start, "GatewayError")
            parts.metrics.pg_calls.labels(operation, "error").inc()
            raise _Refused(self._away(str(error))) from error
        if wait:
            await parts.clock.sleep(said.seconds)
        breaker.succeeded(parts.clock.monotonic() - start)
        parts.metrics.pg_calls.labels(operation, "ok" if said.approved else "declined").inc()
        parts.metrics.pg_seconds.labels(operation).observe(said.seconds)
        return said

    def _away(self, text: str) -> Reply:
        if self.settings.compat:
            return refusal(409, "DUPLICATE_REQUEST", "Idempotency key already used")
        return refusal(503, "GATEWAY_UNAVAILABLE", f"{text}; the idempotency key stays free.", retry_after=AWAY)
