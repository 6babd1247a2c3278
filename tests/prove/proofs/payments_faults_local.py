"""The diagnosis on MariaDB and Redis with brokers that speak Kafka's protocol from this process."""

from __future__ import annotations

from functools import partial

from tests.prove.proof import Proof
from tests.prove.proofs.payments_faults import prove

PROOF = Proof(
    name="payments-faults-local",
    title=(
        "Sixteen faults, done to MariaDB, Redis and simulated Kafka brokers on the wire, are named with every figure; "
        "none on controls."
    ),
    rooms=("src/dari/services/monitoring", "src/dari/services/payments", "src/dari/services/stack"),
    short=partial(prove, "F04", pace=0.3, profile="local"),
    long=partial(prove, profile="local"),
    serial=True,
)
