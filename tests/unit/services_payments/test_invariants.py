from __future__ import annotations

import pytest

from dari.services.payments.faults.mutants import mutant
from dari.services.payments.faults.tampering import WAYS, tamper
from dari.services.payments.invariants import check_all, check_state
from dari.services.payments.sandbox import Sandbox


@pytest.mark.parametrize("invariant", [f"I{number}" for number in range(1, 21)])
async def test_each_mutant_trips_its_own_invariant_and_no_other(invariant: str) -> None:
    async with mutant(invariant) as sandbox:
        violations = await check_all(sandbox)
    assert {violation.invariant for violation in violations} == {invariant}


async def test_a_sound_platform_holds_all_twenty() -> None:
    async with mutant("none") as sandbox:
        assert await check_all(sandbox) == []
        # And still after the experiments themselves.
        assert await check_state(sandbox) == []


@pytest.mark.parametrize("name", sorted(WAYS))
async def test_every_tampering_breaks_an_invariant_and_names_its_rows(name: str) -> None:
    async with Sandbox(11) as sandbox:
        sandbox.traffic(2, refunds=0.4)
        await sandbox.run(10)
        sandbox.schedule.cancel("traffic")
        assert await sandbox.settle()
        assert await check_state(sandbox) == []
        done = await tamper(sandbox, name, seed=5)
        violations = await check_state(sandbox)
    assert violations
    assert done.rows


def test_there_are_enough_ways_to_tamper() -> None:
    assert len(WAYS) >= 24
    assert {name.split()[0] for name in WAYS} >= {"ledger", "payment", "outbox", "topic", "settlement", "refund"}


async def test_the_database_refuses_what_the_tamperer_had_to_force() -> None:
    async with mutant("none") as sandbox:
        for statement in (
            "UPDATE ledger_entry SET amount = 1",
            "DELETE FROM ledger_line",
            "DELETE FROM payment_history",
        ):
            with pytest.raises(Exception, match="append-only"):
                await sandbox.database.rows(statement)
        assert await check_state(sandbox) == []
