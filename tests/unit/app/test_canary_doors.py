"""Secrets and personal data planted everywhere reach no log, error, trace, metric or audit line of the HTTP doors."""

from __future__ import annotations

import json
from pathlib import Path

import httpx2
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dari.app.exporting import exporter
from dari.app.runtime import Runtime
from dari.cli.gateway import gateway
from dari.core import tracing
from dari.providers.kis.simulator.keys import PAPER, REAL
from dari.serving.mcp_door import listening
from dari.settings import resolve
from tests.support import MORNING, StillClock, settings
from tests.unit.app.test_canary import simulator_of

PERSON = ("hong.gildong@example.com", "010-9876-5432", "900101-1234567", "87654321-01", "1234-5678-1234-5678")
BEARER = "eyJhbGciOiJub25lIn0.canary.canarycanary"
BEARING = {"authorization": f"Bearer {BEARER}"}
KEYS = {REAL.appkey, REAL.appsecret, PAPER.appkey, PAPER.appsecret, *(account for account, _ in REAL.accounts)}
TROUBLES: tuple[dict[str, int], ...] = (
    {},
    {"html_502": -1},
    {"rate": -1},
    {"server_error": -1},
    {"token_refusals": -1},
)


async def test_nothing_planted_comes_out(tmp_path: Path) -> None:
    clock = StillClock(MORNING)
    clock.at = MORNING
    clock.advance(1.0)
    more = {"DARI_LOG_DIR": str(tmp_path / "logs"), "DARI_REACH": "change", "LOG_LEVEL": "DEBUG"}
    found = resolve(environment=settings(tmp_path, DARI_DEADLINE_SECONDS="300", **more), home=tmp_path)
    kept, answers = InMemorySpanExporter(), []
    hook, close = exporter("http://127.0.0.1:9/v1/traces", to=kept)
    async with Runtime(found, simulated=True, clock=clock) as runtime:
        app = gateway(runtime, ["volume-ranking", "naramarket"])
        with tracing.heard_by(hook):
            async with (
                listening.serving(app) as address,
                httpx2.AsyncClient(
                    base_url=address, timeout=30, headers={"authorization": f"Bearer {BEARER}"}
                ) as client,
            ):
                simulator = simulator_of(runtime)
                for trouble in TROUBLES:
                    simulator.faults.clear()
                    simulator.faults.set(trouble)
                    simulator.keyring.spoil_all()
                    clock.advance(400.0)
                    for accept in ("application/json", "text/event-stream"):
                        reply = await client.post(
                            "/api/v1/volume-ranking/get_volume_ranking", json={"count": 2}, headers={"accept": accept}
                        )
                        answers.append(reply.text)
                rows = [{"note": word, "password": REAL.appsecret} for word in PERSON]
                saved = await client.post("/api/v1/files/save", json={"products": rows, "filename": "p.json"})
                assert saved.status_code == 200, saved.text
                for word in (*PERSON, REAL.appsecret):  # as an argument nobody knows, and in a path
                    await client.post("/api/v1/naramarket/save_results", json={"products": [], word: word})
                    await client.post(f"/api/v1/naramarket/{word}", json={})
                metrics = (await client.get("/metrics")).text
        tokens = set(simulator.keyring._tokens)
        runtime.audit.flush()
    close()
    assert tokens
    audit = [path.read_text() for path in (tmp_path / "home" / "state" / "audit").glob("*.jsonl")]
    places = {
        "log": (tmp_path / "logs" / "dari.log").read_text(),
        "metrics": metrics,
        "traces": json.dumps([json.loads(one.to_json()) for one in kept.get_finished_spans()]),
        "audit": "".join(audit),
        "answers": "".join(answers),
    }
    for place, text in places.items():
        assert text, place
        leaked = [word for word in (*KEYS, *tokens, *PERSON, BEARER) if word in text]
        assert not leaked, f"{len(leaked)} planted words in {place}: {leaked[0][:6]}…"
