"""The platform's operator pages over HTTP, and a load generator with an open arrival schedule."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from dari.services.monitoring.adapters.k6_runner import finished, run_k6
from dari.services.monitoring.load_shapes import due as due_times
from dari.services.monitoring.operating import Going, Load, Run
from dari.services.monitoring.ports import Page, ProbeFailed

IN_FLIGHT: Final = 500
"""Payments under way at once; one more is not sent and is told as dropped."""
STEP: Final = 0.1
"""Seconds between the steps of one payment, as the original's script waits."""
MERCHANTS: Final = 1000
PATIENCE: Final = 30.0
"""Seconds an answer may take."""


class PlatformHands:
    """POST to the platform."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client

    async def post(self, path: str, body: Mapping[str, Any]) -> Page:
        """One reply. Raises ProbeFailed."""
        try:
            reply = await self._client.post(path, json=dict(body))
        except httpx2.TimeoutException as error:
            raise ProbeFailed("app", "Timeout", str(error)) from error
        except httpx2.HTTPError as error:
            raise ProbeFailed("app", type(error).__name__, str(error)) from error
        return Page(reply.status_code, dict(reply.headers), reply.text)


@dataclass(slots=True)
class Tally:
    """What happened: milliseconds of every request from its due time, refusals apart from failures."""

    milliseconds: list[float] = field(default_factory=list)
    failed: int = 0
    conflicts: int = 0
    limited: int = 0
    dropped: int = 0
    payments: int = 0

    def tell(self, going: Going) -> None:
        """Say how far it is: once a second, since the times are sorted for it."""
        times = sorted(self.milliseconds)
        going.begun, going.answered, going.failed = self.payments + self.dropped, len(times), self.failed
        going.p95_ms = times[min(len(times) - 1, int(0.95 * len(times)))] if times else None

    def summary(self, seconds: float) -> dict[str, Any]:
        """The flat shape of k6's --summary-export, with 409 and 429 told apart."""
        times = sorted(self.milliseconds)
        count = len(times)

        def at(share: float) -> float:
            return round(times[min(count - 1, int(share * count))], 3)

        duration = {} if not times else {"avg": round(sum(times) / count, 3), "min": times[0], "max": times[-1]}
        if times:
            duration |= {"med": at(0.5), "p(90)": at(0.9), "p(95)": at(0.95), "p(99)": at(0.99)}
        share = self.failed / count if count else 0.0
        return {
            "generator": "dari",
            "metrics": {
                "http_req_duration": duration,
                "http_req_failed": {"value": share, "passes": self.failed, "fails": count - self.failed},
                "http_reqs": {"count": count, "rate": round(count / seconds, 3) if seconds else 0.0},
                "iterations": {"count": self.payments, "rate": round(self.payments / seconds, 3) if seconds else 0.0},
                "dropped_iterations": {"count": self.dropped},
                "conflicts_409": {"count": self.conflicts},
                "rate_limited_429": {"count": self.limited},
            },
        }


Post = Callable[[str, Mapping[str, Any]], Awaitable[tuple[int, bytes]]]
"""Sends a body to an address: the answer's status (0: there was none) and text."""


@asynccontextmanager
async def over_sockets() -> AsyncIterator[Post]:
    """By aiohttp: httpx2 itself is what is measured from some hundred requests a second on."""
    from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector  # noqa: PLC0415 — only for load

    lines, headers = TCPConnector(limit=0), {"Content-Type": "application/json"}
    async with ClientSession(connector=lines, timeout=ClientTimeout(total=PATIENCE), headers=headers) as session:

        async def post(address: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
            try:
                async with session.post(address, data=json.dumps(body)) as reply:
                    return reply.status, await reply.read()
            except (ClientError, TimeoutError, OSError):
                return 0, b""

        yield post


@asynccontextmanager
async def inside(client: httpx2.AsyncClient) -> AsyncIterator[Post]:
    """By a client whose platform is an ASGI app of this process."""

    async def post(address: str, body: Mapping[str, Any]) -> tuple[int, bytes]:
        try:
            reply = await client.post(address, json=dict(body))
        except httpx2.HTTPError:
            return 0, b""
        return reply.status_code, reply.content

    yield post


async def run_load(post: Post, load: Load, file: Path, going: Going, *, seed: int = 0) -> None:
    """Send payments at their due times whatever the answers do, until `going.stop`; then write the summary."""
    dice = random.Random(f"{seed}|{file.name}")  # noqa: S311 — made-up payments, not a secret
    tally, tasks, start = Tally(), set[asyncio.Task[None]](), time.monotonic()
    told = start
    for number, after in enumerate(due_times(load.scenario, load.rate, load.seconds)):
        due = start + after
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        if going.stop:
            break
        if due - told >= 1.0:
            tally.tell(going)
            told = due
        if len(tasks) >= IN_FLIGHT:
            tally.dropped += 1
            continue
        order = {
            "merchantId": f"MERCHANT-{dice.randint(1, MERCHANTS)}",
            "amount": 1000 * dice.randint(1, 50),
            "currency": "KRW",
            "idempotencyKey": f"load-{file.stem}-{number}",
        }
        task = asyncio.create_task(_payment(post, load, order, due, tally))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    seconds = time.monotonic() - start
    await asyncio.to_thread(_write, file, tally.summary(seconds))
    tally.tell(going)


def _write(file: Path, summary: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(summary), encoding="utf-8")


async def _payment(post: Post, load: Load, order: Mapping[str, Any], due: float, tally: Tally) -> None:
    tally.payments += 1
    said = await _ask(post, load, "/payments/authorize", order, due, tally)
    number = (said or {}).get("paymentId")
    mine = {"merchantId": order["merchantId"]}
    if number is None or not load.capture:
        return
    await asyncio.sleep(STEP)
    await _ask(post, load, f"/payments/capture/{number}", mine, time.monotonic(), tally)
    if load.refund:
        await asyncio.sleep(STEP)
        body = {**mine, "reason": "load test"}
        await _ask(post, load, f"/payments/refund/{number}", body, time.monotonic(), tally)


async def _ask(  # noqa: PLR0917 — one private call
    post: Post, load: Load, path: str, body: Mapping[str, Any], due: float, tally: Tally
) -> dict[str, Any] | None:
    status, text = await post(load.target + path, body)
    try:
        said: dict[str, Any] | None = json.loads(text) if status == httpx2.codes.OK else None
    except ValueError:
        status, said = 0, None
    tally.milliseconds.append(round((time.monotonic() - due) * 1000, 3))
    tally.conflicts += status == httpx2.codes.CONFLICT
    tally.limited += status == httpx2.codes.TOO_MANY_REQUESTS
    # A capture that the worker was quicker with is a conflict, not a failure; any other refusal is one.
    tally.failed += status not in (httpx2.codes.OK, httpx2.codes.CONFLICT)
    return said


def hands_of(client: httpx2.AsyncClient) -> PlatformHands:
    """What posts to the platform."""
    return PlatformHands(client)


def runners_of(k6: str | None, client: httpx2.AsyncClient | None = None) -> dict[str, Run]:
    """The load generators there are, the preferred one first; `k6` is its program, None where there is none.

    `client` reaches a platform of this process; without one the targets are reached over sockets.
    """

    async def builtin(load: Load, file: Path, going: Going) -> None:
        async with over_sockets() if client is None else inside(client) as post:
            await run_load(post, load, file, going)

    if k6 is None:
        return {"builtin": builtin}

    async def outside(load: Load, file: Path, going: Going) -> None:
        await run_k6(k6, load, file, going)
        await asyncio.to_thread(finished, going, file)

    return {"k6": outside, "builtin": builtin}


def operator_client(base: str, *, app: Any = None, timeout: float = 10.0) -> httpx2.AsyncClient:
    """A client of the platform at `base`, or of its ASGI app in this process."""
    if app is not None:
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=base, timeout=timeout)
    return httpx2.AsyncClient(base_url=base, timeout=timeout)
