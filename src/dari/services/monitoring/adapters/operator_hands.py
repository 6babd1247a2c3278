"""The platform's operator pages over HTTP, and a load generator with an open arrival schedule."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Mapping
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


async def run_load(client: httpx2.AsyncClient, load: Load, file: Path, going: Going, *, seed: int = 0) -> None:
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
        task = asyncio.create_task(_payment(client, load, order, due, tally))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    seconds = time.monotonic() - start
    await asyncio.to_thread(_write, file, tally.summary(seconds))
    tally.tell(going)


def _write(file: Path, summary: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(summary), encoding="utf-8")


async def _payment(client: httpx2.AsyncClient, load: Load, order: Mapping[str, Any], due: float, tally: Tally) -> None:
    tally.payments += 1
    said = await _ask(client, load, "/payments/authorize", order, due, tally)
    number = (said or {}).get("paymentId")
    mine = {"merchantId": order["merchantId"]}
    if number is None or not load.capture:
        return
    await asyncio.sleep(STEP)
    await _ask(client, load, f"/payments/capture/{number}", mine, time.monotonic(), tally)
    if load.refund:
        await asyncio.sleep(STEP)
        body = {**mine, "reason": "load test"}
        await _ask(client, load, f"/payments/refund/{number}", body, time.monotonic(), tally)


async def _ask(  # noqa: PLR0917 — one private call
    client: httpx2.AsyncClient, load: Load, path: str, body: Mapping[str, Any], due: float, tally: Tally
) -> dict[str, Any] | None:
    try:
        reply = await client.post(load.target + path, json=dict(body))
        status = reply.status_code
        said: dict[str, Any] | None = reply.json() if status == httpx2.codes.OK else None
    except (httpx2.HTTPError, ValueError):
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


def runners_of(client: httpx2.AsyncClient, k6: str | None) -> dict[str, Run]:
    """The load generators there are, the preferred one first; `k6` is its program, None where there is none."""

    async def builtin(load: Load, file: Path, going: Going) -> None:
        await run_load(client, load, file, going)

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
