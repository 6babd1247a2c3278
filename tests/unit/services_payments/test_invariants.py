from __future__ import annotations

import asyncio
import copy
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from dari.services.payments.faults.mutants import mutant
from dari.services.payments.faults.tampering import WAYS, tamper
from dari.services.payments.invariants import check_all, check_state
from dari.services.payments.memory_log import MemoryLog
from dari.services.payments.sandbox import Sandbox


@dataclass(frozen=True)
class Template:
    """A quiet platform on disk, to be copied for each falsification."""

    file: Path
    log: MemoryLog

    def copy(self, folder: Path) -> Sandbox:
        shutil.copy(self.file, folder / "copy.db")
        sandbox = Sandbox(11, database_url=f"sqlite+aiosqlite:///{folder / 'copy.db'}")
        sandbox.log.topics = copy.deepcopy(self.log.topics)
        sandbox.log.groups = copy.deepcopy(self.log.groups)
        return sandbox


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    file = tmp_path_factory.mktemp("book") / "quiet.db"

    async def fill() -> Sandbox:
        async with Sandbox(11, database_url=f"sqlite+aiosqlite:///{file}") as sandbox:
            sandbox.traffic(2, refunds=0.4)
            await sandbox.run(20)
            sandbox.schedule.cancel("traffic")
            assert await sandbox.settle()
            assert await check_state(sandbox) == []
        return sandbox

    log = asyncio.run(fill()).log
    # Leaving closed the groups' members; what they had committed stays.
    return Template(file, log)


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
async def test_every_tampering_breaks_an_invariant_and_names_its_rows(
    name: str, template: Template, tmp_path: Path
) -> None:
    async with template.copy(tmp_path) as sandbox:
        assert await check_state(sandbox) == []
        done = await tamper(sandbox, name, seed=5)
        violations = await check_state(sandbox)
    assert violations
    named = {row for violation in violations for row in violation.rows}
    payments = {f"payment:{number}" for number in done.payments}
    aggregates = {"settlement_request", "refund_request", "ledger_head:1"}
    assert named & (set(done.rows) | payments | aggregates)


def test_there_are_enough_ways_to_tamper() -> None:
    assert len(WAYS) >= 24
    assert {name.split()[0] for name in WAYS} >= {"ledger", "payment", "outbox", "topic", "settlement", "refund"}


async def test_the_database_refuses_what_the_tamperer_had_to_force(template: Template, tmp_path: Path) -> None:
    async with template.copy(tmp_path) as sandbox:
        for statement in (
            "UPDATE ledger_entry SET amount = 1",
            "DELETE FROM ledger_line",
            "DELETE FROM payment_history",
        ):
            with pytest.raises(Exception, match="append-only"):
                await sandbox.database.do(statement)
        await tamper(sandbox, "ledger amount_changed")
        with pytest.raises(Exception, match="append-only"):
            await sandbox.database.do("UPDATE ledger_entry SET amount = 1")
