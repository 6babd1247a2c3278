"""Every generated REST example runs in an interpreter of its own, as who copies it would run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Final

from dari.core.endpoint import Effect
from dari.providers.kis.examples import build
from dari.providers.kis.spec import SPEC
from tests.prove.proof import Outcome, Proof
from tests.unit.kis_code.serving import Served, served

TODAY: Final = date(2026, 11, 20)
SHORT: Final = 8
NO_SUCH_ORDER: Final = "APBK0918"
"""KIS's refusal of a change of an order that is not there: the request itself was right."""
NOTHING_TO_SELL: Final = "APBK1234"
LAST: Final = ("auth.auth_token", "auth.revokep")
"""What takes or ends the token of the others comes after them, each with a simulator of its own."""


def _run(kis: Served, name: str, folder: Path) -> str:
    """What was wrong, or nothing."""
    example = build(name, {}, TODAY, "python", "httpx2")
    file = folder / example.file
    file.write_text(example.code, encoding="utf-8")
    environment = os.environ | kis.environment(example.recipe.mode)
    done = subprocess.run(
        [sys.executable, str(file)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    said = done.stderr.strip().splitlines()[-1:] or [""]
    row = SPEC.endpoint(name)
    if row.effect is Effect.COMMIT and (NO_SUCH_ORDER in said[0] or NOTHING_TO_SELL in said[0]):
        return ""
    try:
        lines = [json.loads(line) for line in done.stdout.splitlines()]
    except ValueError:
        return f"{name}: what it printed is no JSON"
    if done.returncode or not all(isinstance(one, dict) for one in lines):
        return f"{name}: {said[0][:200]}"
    return ""


def _outcome(names: list[str]) -> Outcome:
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        with served() as kis:
            wrong += [fault for name in names if name not in LAST and (fault := _run(kis, name, Path(folder)))]
        for name in (one for one in LAST if one in names):
            with served() as kis:
                if name == LAST[0]:
                    kis.simulator.keyring.spoil_all()
                if fault := _run(kis, name, Path(folder)):
                    wrong.append(fault)
    return Outcome(
        holds=not wrong,
        figures={"examples": len(names), "wrong": len(wrong)},
        load="each in a fresh Python interpreter, one after the other, against the simulator over loopback",
        why="; ".join(wrong[:5]),
    )


def _names() -> list[str]:
    return [row.id for row in SPEC if row.transport == "rest" or row.wire["rest"]]


def short() -> Outcome:
    """A few over all categories."""
    names = _names()
    return _outcome([names[place * len(names) // SHORT] for place in range(SHORT)])


PROOF = Proof(
    name="code-examples",
    title="Every REST example that the code assistant hands out runs in a fresh interpreter and brings decoded rows.",
    rooms=("src/dari/providers/kis/examples", "src/dari/providers/kis/spec"),
    short=short,
    long=lambda: _outcome(_names()),
)
