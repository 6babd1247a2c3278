"""The journal: what is kept of a call, whose it is, and who hears of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dari.core.clock import KST
from dari.serving.journal import BACKLOG, KEPT, Journal

AT = datetime(2026, 11, 20, 10, 30, tzinfo=KST)


def wrote(journal: Journal, tool: str = "get", *, tenant: str = "", error: str | None = None, **told: Any) -> None:
    journal.wrote(
        at=AT, server="s", tool=tool, caller="kim", tenant=tenant, seconds=0.5, error=error,
        arguments=told.pop("arguments", {}), structured=told,
    )  # fmt: skip


def test_what_is_kept_of_a_call() -> None:
    journal = Journal()
    fresh, kept = {"provider": "kis", "calls": 3}, {"provider": "kis", "cached": "l1", "calls": 2}
    wrote(journal, arguments={"secret": "x", "a": 1}, provenance=[fresh, kept, "nonsense"], gaps=[{"field": "per"}])
    wrote(journal, provenance=[kept], simulated=True)
    wrote(journal, error="unreachable", provenance="nonsense")
    failed, again, first = journal.last("")
    assert (first.arguments, first.calls, first.kept) == (("a", "secret"), 3, False)
    assert (first.sources, first.gaps) == ((fresh, kept), ({"field": "per"},))
    assert (again.calls, again.kept, again.simulated) == (0, True, True)
    assert (failed.error, failed.sources, failed.kept) == ("unreachable", (), False)
    sums = journal.sums("")
    assert (sums.calls, sums.seconds, sums.asked, sums.kept) == (3, 1.5, 2, 1)
    assert (sums.by_server["s"], sums.errors["s"]) == (3, 1)


def test_a_tenant_sees_its_own() -> None:
    journal = Journal()
    wrote(journal, "theirs", tenant="acme")
    wrote(journal, "mine")
    assert [one.tool for one in journal.last("acme")] == ["theirs"]
    assert journal.entry("", 1) is None
    found = journal.entry("acme", 1)
    assert found
    assert found.tool == "theirs"
    assert journal.sums("beta").calls == 0


def test_the_list_is_filtered_and_bounded() -> None:
    journal = Journal()
    for number in range(KEPT + 5):
        wrote(journal, f"tool{number % 2}", error="refused" if number % 5 == 0 else None)
    assert journal.entry("", 1) is None
    assert len(journal.last("", KEPT * 2)) == KEPT
    assert {one.tool for one in journal.last("", 10, tool="s/tool1")} == {"tool1"}
    assert {one.error for one in journal.last("", 10, errors=True)} == {"refused"}
    assert journal.sums("").calls == KEPT + 5


async def test_who_listens_hears_its_tenant_and_a_slow_one_misses() -> None:
    journal = Journal()
    with journal.listening("acme") as queue:
        for _ in range(BACKLOG + 3):
            wrote(journal, tenant="acme")
        wrote(journal, "other", tenant="beta")
        assert queue.qsize() == BACKLOG
    wrote(journal, tenant="acme")
    assert queue.qsize() == BACKLOG
