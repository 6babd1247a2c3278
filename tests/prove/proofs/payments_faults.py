"""The diagnosis on real parts: faults done to MariaDB, Redis and three Kafka brokers, named with their figures."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dari.app.payment_trial import real_trial
from dari.settings import resolve
from scripts.provision import JARS
from tests.prove.proof import Outcome, Proof

BROKERS = {"real": "three brokers of Apache Kafka", "local": "three simulated brokers"}


async def prove(*names: str, pace: float = 1.0, profile: str = "real") -> Outcome:
    with tempfile.TemporaryDirectory(prefix="dari-prove-") as home:
        cache = Path(home) / "cache"
        cache.mkdir()
        (cache / "stack").symlink_to(JARS)
        found = resolve(environment={"DARI_HOME": home}, home=Path(home))
        said = await real_trial(names, found, seed=0, pace=pace, profile=profile)
    missed = [case for case in said["scenarios"] if not case["passed"]]
    return Outcome(
        holds=not missed and not said["false_alarms"],
        figures={"named": said["passed"], "faults": said["total"], "false_alarms": said["false_alarms"]},
        seed=str(said["seed"]),
        load=f"{', '.join(names) or 'all faults and controls'} on MariaDB, Redis and {BROKERS[profile]}",
        why="; ".join(f"{case['scenario']}: {case['found']} {case['missing']}" for case in missed),
    )


PROOF = Proof(
    name="payments-faults-real",
    title="Sixteen faults, really done to MariaDB, Redis and Kafka, are named with every figure; none on controls.",
    rooms=("src/dari/services/monitoring", "src/dari/services/payments", "src/dari/services/stack"),
    short=lambda: prove("F04", pace=0.3),
    long=prove,
)
