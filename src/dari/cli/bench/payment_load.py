"""How many payments a second the platform authorizes with every part in its process, beside a bare FastAPI answer."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dari.cli.bench.shared import Connection, Measured, child, p95, used
from dari.core.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

ROLE: Final = "dari.cli.bench.children"
PATH: Final = "/payments/authorize"
JSON: Final = {"content-type": "application/json"}
LINES: Final = 32
"""The bank of the sandbox takes 5 to 15 ms an authorization, so that few lines would measure the bank."""
ROUNDS: Final = 4
SECONDS: Final = 2.0
RATE: Final = 200
"""Authorizations a second that the original's documents promise, at this p95 (ms) and this share of approvals."""
P95_MILLISECONDS: Final = 85.0
APPROVED: Final = 0.998
OK: Final = 200
DECLINED: Final = 402


async def measure(*, long: bool) -> list[Measured]:
    """As fast as answers come, then at the promised rate; ours and the bare one take turns."""
    rounds = 4 * ROUNDS if long else ROUNDS
    fast: tuple[Told, Told] = Told(), Told()
    paced: tuple[Told, Told] = Told(), Told()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = await stack.enter_async_context(child(ROLE, "payments", DARI_HOME=str(folder)))
        line = await Connection.to(ours)
        _, reply = await line.request("POST", PATH, JSON, body("first", 0))
        line.close()
        answer = folder / "answer.json"
        answer.write_bytes(reply)
        bare = await stack.enter_async_context(child(ROLE, "bare-payments", str(answer)))
        for turn in range(rounds + 1):
            for at, address in enumerate((ours, bare)):
                told, slow = Told(), Told()
                await asked(told, address, f"fast{turn}", rate=None)
                await asked(slow, address, f"paced{turn}", rate=RATE)
                if turn:  # the first round warms up
                    fast[at].add(told)
                    paced[at].add(slow)
    return [_rate(*fast), _p95(*paced)]


def _rate(ours: Told, bare: Told) -> Measured:
    rate, floor = ours.rate(), bare.rate()
    return Measured(
        name="payment-load rate",
        figure=round(rate, 1),
        unit="authorizations/s",
        floor=round(floor, 1),
        ratio=round(rate / floor, 4),
        limit=float(RATE),
        rising=True,
        within=rate >= RATE and ours.approved() >= APPROVED,
        more={
            "what": "SQLite in memory, its workers in the same process; on real parts: acceptance",
            "cpu_ms_each": round(1000 * ours.busy / len(ours.times), 2),
            "approved": round(ours.approved(), 4),
            "lines": LINES,
        },
    )


def _p95(ours: Told, bare: Told) -> Measured:
    late, floor = 1000 * p95(ours.times), 1000 * p95(bare.times)
    return Measured(
        name="payment-load p95",
        figure=round(late, 1),
        unit="ms",
        floor=round(floor, 1),
        ratio=round(late / floor, 3),
        limit=P95_MILLISECONDS,
        within=late <= P95_MILLISECONDS and ours.approved() >= APPROVED,
        more={"what": f"at {RATE} authorizations a second, from the time each was due", "sent": len(ours.times)},
    )


@dataclass(slots=True)
class Told:
    """What came of some rounds: seconds each answer took, how many were approved, and what the server spent."""

    times: list[float] = field(default_factory=list)
    good: int = 0
    busy: float = 0.0
    lasted: float = 0.0

    def add(self, other: Told) -> None:
        """These rounds and those."""
        self.times += other.times
        self.good += other.good
        self.busy += other.busy
        self.lasted += other.lasted

    def rate(self) -> float:
        """Answers a second."""
        return len(self.times) / self.lasted

    def approved(self) -> float:
        """The share that was approved."""
        return self.good / len(self.times)


def body(name: str, number: int) -> bytes:
    """One order that nobody has sent before."""
    order = {"merchantId": f"MERCHANT-{number % 97}", "amount": 1000 + number, "currency": "KRW"}
    return json.dumps({**order, "idempotencyKey": f"bench-{name}-{number}"}).encode()


async def asked(told: Told, address: str, name: str, *, rate: int | None) -> None:
    """Ask for SECONDS over LINES lines: at their due times where there is a rate, else one after the other.

    Raises Malformed for an answer that is neither an approval nor the bank's refusal.
    """
    numbers, before, began = count(), await used(address), time.perf_counter()

    async def asking() -> None:
        line = await Connection.to(address)
        while True:
            number = next(numbers)
            due = began + number / rate if rate else time.perf_counter()
            if due - began >= SECONDS:
                break
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            status, reply = await line.request("POST", PATH, JSON, body(name, number))
            if status not in (OK, DECLINED):
                raise Malformed(f"the platform answered {status}", upstream_text=reply[:200].decode())
            told.times.append(time.perf_counter() - due)
            told.good += status == OK
        line.close()

    await asyncio.gather(*(asking() for _ in range(LINES)))
    told.lasted += time.perf_counter() - began
    told.busy += await used(address) - before


@asynccontextmanager
async def platform() -> AsyncIterator[Any]:
    """The platform's app with every part in this process, its workers running."""
    from dari.app.payment_services import service  # noqa: PLC0415 -- only the child pays for it
    from dari.app.setting_up import settings_of  # noqa: PLC0415 -- as above

    async with service("payments", settings_of(), seed=1, switches=False) as app:
        yield app


def bare(answer: bytes) -> Any:
    """The least that could give this answer: FastAPI, the same checked body, ready bytes."""
    from fastapi import FastAPI, Response  # noqa: PLC0415 -- an extra

    from dari.services.payments.replies import AuthorizeRequest  # noqa: PLC0415 -- as above

    app = FastAPI(openapi_url=None)

    def authorized(request: AuthorizeRequest) -> Response:
        del request
        return Response(answer, media_type="application/json")

    async def directly(request: AuthorizeRequest) -> Response:
        return authorized(request)

    directly.__annotations__ = {"request": AuthorizeRequest, "return": Response}  # names of this function, not of ours
    app.post(PATH, response_model=None)(directly)
    return app
