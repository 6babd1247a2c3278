"""Keys, tokens and account numbers planted everywhere are found nowhere: not in logs, errors, answers or audit."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from pathlib import Path

import pytest

from dari.app.runtime import Runtime
from dari.providers.kis.simulator.app import Simulator
from dari.providers.kis.simulator.keys import PAPER, REAL
from tests.support import Asker, simulated

PLANTED = {REAL.appkey, REAL.appsecret, PAPER.appkey, PAPER.appsecret, *(account for account, _ in REAL.accounts)}


def simulator_of(runtime: Runtime) -> Simulator:
    app = runtime.client_of("kis").dialect.send.__self__._transport.app  # type: ignore[attr-defined]  # the wire in this process
    assert isinstance(app, Simulator)
    return app


async def said(asker: Asker) -> Iterable[str]:
    """Everything a caller is told while the upstream behaves in every way it can."""
    told = []
    troubles: list[dict[str, object]] = [
        {}, {"html_502": -1}, {"reset": -1}, {"rate": -1}, {"server_error": -1}, {"token_refusals": -1},
    ]  # fmt: skip
    for trouble in troubles:
        simulator = simulator_of(asker.runtime)
        simulator.faults.clear()
        simulator.faults.set(trouble)
        simulator.keyring.spoil_all()
        asker.clock.advance(400.0)
        for arguments in ({"count": 2}, {"count": 99}, {"appkey": REAL.appkey}, {REAL.appsecret: 1}):
            outcome = await asker.outcome("get_volume_ranking", **arguments)
            if not {"appkey", REAL.appsecret} & set(arguments):  # what a caller says itself may come back to it
                told.append(f"{outcome.text} {json.dumps(outcome.structured, ensure_ascii=False)}")
    return told


async def test_no_secret_is_found_anywhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with simulated("volume-ranking", tmp_path) as asker:
            answers = await said(asker)
            simulator = simulator_of(asker.runtime)
            tokens = set(simulator.keyring._tokens)
            printed = f"{asker.runtime.client_of('kis').dialect!r} {asker.runtime.settings._found!r}"
            asker.runtime.audit.flush()
    assert tokens, "the run signed in"
    audit = "".join(path.read_text() for path in (tmp_path / "home" / "state" / "audit").glob("*.jsonl"))
    places = {"answers": " ".join(answers), "logs": caplog.text, "audit": audit, "reprs": printed}
    names = " ".join(path.name for path in (tmp_path / "home").rglob("*"))
    for place, text in {**places, "file names": names}.items():
        found = [secret for secret in PLANTED | tokens if secret in text or (len(secret) > 30 and secret[:20] in text)]
        assert not found, f"{len(found)} secrets in {place}"
    assert audit.count("\n") >= 20


async def test_the_canary_can_sing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A planted leak is found: the search above is not blind."""
    with caplog.at_level(logging.DEBUG):
        async with simulated("volume-ranking", tmp_path):
            logging.getLogger("dari").warning("signing in with %s", REAL.appsecret)
    assert any(secret in caplog.text for secret in PLANTED)
