"""Whether the REST door ever answers what its own OpenAPI document does not say, or with a fault of ours."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.generation import GenerationMode

from dari.app.runtime import Runtime
from dari.app.servers import SERVERS
from dari.cli.gateway import gateway
from dari.serving.mcp_door import listening
from dari.settings import resolve
from tests.prove.proof import Outcome, Proof
from tests.support import MORNING, StillClock

ASKED = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance",
)  # fmt: skip
"""What is checked of every answer. Whether wrong arguments are refused is asked of every tool elsewhere."""

SHORT_PATHS = (
    "/api/v1/health", "/api/v1/volume-ranking/get_volume_ranking", "/api/v1/kis-code/find_api",
    "/api/v1/naramarket/search_operations", "/api/v1/naramarket/save_results", "/api/v1/files/list",
    "/api/v1/files/csv/{path}/summary", "/api/v1/crawl/csv/stream", "/api/v1/jobs/{job}", "/api/v1/jobs/{job}/events",
    "/api/v1/payment-redis/", "/api/v1/kiwoom/get_stock_price",
)  # fmt: skip


@contextmanager
def served(names: list[str]) -> Iterator[str]:
    """The gateway over simulated upstreams, in a thread with a loop of its own; waiting costs no time there."""
    ready, stop = threading.Event(), asyncio.Event()
    told: dict[str, str] = {}
    loops: list[asyncio.AbstractEventLoop] = []

    async def main(folder: Path) -> None:
        loops.append(asyncio.get_running_loop())
        clock = StillClock(MORNING)
        clock.at = MORNING
        clock.advance(1.0)
        environment = {
            "DARI_HOME": str(folder), "DARI_DOTENV": str(folder / "no.env"), "DARI_REACH": "commit",
            "DARI_DEADLINE_SECONDS": "300",
        }  # fmt: skip
        found = resolve(environment=environment, home=folder)
        async with (
            Runtime(found, simulated=True, clock=clock) as runtime,
            listening.serving(gateway(runtime, names)) as address,
        ):
            told["address"] = address
            ready.set()
            await stop.wait()

    with tempfile.TemporaryDirectory() as folder:
        thread = threading.Thread(target=lambda: asyncio.run(main(Path(folder))))
        thread.start()
        if not ready.wait(60):
            raise TimeoutError
        try:
            yield told["address"]
        finally:
            loops[0].call_soon_threadsafe(stop.set)
            thread.join()


@contextmanager
def quiet() -> Iterator[None]:
    """Faults of the wrong requests are not told; what comes after in this process is."""
    log = logging.getLogger("dari")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


def contract(names: list[str], examples: int, paths: tuple[str, ...] = ()) -> Outcome:
    """Ask every operation (of those whose path begins so) with right and with wrong arguments."""
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    load_all_checks()
    checks: list[Any] = [CHECKS.get_one(name) for name in ASKED]
    operations = 0
    with quiet(), served(names) as address:
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
        for result in schema.get_all_operations():
            operation: Any = result.ok()  # type: ignore[union-attr]  # a schema of ours that is not one ends the proof
            if paths and not operation.path.startswith(paths):
                continue
            operations += 1
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

                @settings(
                    max_examples=examples, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                    suppress_health_check=list(HealthCheck),
                )  # fmt: skip
                @given(operation.as_strategy(generation_mode=mode))
                def ask(case: schemathesis.Case[Any]) -> None:
                    reply = case.call(timeout=120)
                    statuses[reply.status_code] += 1
                    try:
                        case.validate_response(reply, checks=checks)
                    except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 -- every way it fails is a finding
                        wrong.append(f"{case.method} {case.path} {reply.status_code}: {str(error)[:300]}")

                try:
                    ask()
                except Unsatisfiable:  # there is nothing wrong to send to an operation without arguments
                    continue
                except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 -- a reply that cannot even be read
                    wrong.append(f"{operation.label}: {type(error).__name__} {str(error)[:300]}")
    asked = sum(statuses.values())
    return Outcome(
        holds=not wrong and asked > 0,
        figures={
            "operations": operations,
            "requests": asked,
            "server_errors": sum(count for status, count in statuses.items() if status >= 500),
            "undocumented_answers": len(wrong),
            "statuses": ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items())),
        },
        seed="derandomised",
        load=f"Schemathesis {schemathesis.__version__}, {examples} right and {examples} wrong requests an operation",
        why="; ".join(wrong[:20]),
    )


PROOF = Proof(
    name="rest-contract",
    title="The REST door answers nothing its OpenAPI document does not say, and never with a fault of its own.",
    rooms=("src/dari/serving/rest_door", "src/dari/serving/schemas.py", "src/dari/serving/dispatch.py"),
    short=lambda: contract(
        ["volume-ranking", "kis-code", "kiwoom", "naramarket", "payment-redis"], examples=2, paths=SHORT_PATHS
    ),
    long=lambda: contract(list(SERVERS), examples=25),
)
