"""The commands of `dari crawl`; what they do stands in `crawling` and `saved_searches`, loaded when one is called."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from dari.cli.options import Json, Seed, Simulated
from dari.cli.running import run

crawl = App(name="crawl", help="Take whole periods of a procurement operation into the store; watch saved searches.")


@crawl.default
def crawl_period(
    operation: str | None = None,
    *filters: str,
    start: Annotated[str | None, Parameter(help="First day, YYYY-MM-DD; 30 days in all if left out.")] = None,
    end: Annotated[str | None, Parameter(help="Last day; today if left out.")] = None,
    by: Annotated[str | None, Parameter(help="One of the operation's ways: posted, opened, registered …")] = None,
    resume: Annotated[str | None, Parameter(help="Go on with a crawl by its id.")] = None,
    json: Json = False,
    simulated: Simulated = False,
    seed: Seed = 1,
) -> None:
    """Take a whole period of a procurement operation into the store; Ctrl-C loses nothing. Filters are name=value."""
    from dari.cli import crawling  # noqa: PLC0415 -- each command pays for its own imports

    given = dict(one.partition("=")[::2] for one in filters)
    run(
        crawling.crawl(
            operation,
            start=start,
            end=end,
            by=by,
            resume=resume,
            filters=given,
            as_json=json,
            simulated=simulated,
            seed=seed,
        ),
        as_json=json,
    )


@crawl.command(name="watch")
def watch_searches(
    name: str | None = None,
    operation: str | None = None,
    *filters: str,
    by: Annotated[str | None, Parameter(help="One of the operation's ways.")] = None,
    days: Annotated[int, Parameter(help="How many days each round reads again.")] = 7,
    calls: Annotated[int, Parameter(help="Most calls of one round.")] = 20,
    every: Annotated[float, Parameter(help="Minutes between rounds; more where the quota would not last.")] = 30.0,
    once: Annotated[bool, Parameter(negative="", help="One round of each, then stop.")] = False,
    remove: Annotated[bool, Parameter(negative="", help="Forget the search and what it has found.")] = False,
    json: Json = False,
    simulated: Simulated = False,
    seed: Seed = 1,
) -> None:
    """Save a search (NAME OPERATION name=value …), then tell what is new or changed; without NAME, of all saved."""
    from dari.cli import saved_searches  # noqa: PLC0415

    given = dict(one.partition("=")[::2] for one in filters)
    run(
        saved_searches.watch(
            name,
            operation,
            given,
            by=by,
            days=days,
            calls=calls,
            every=every,
            once=once or json,
            remove=remove,
            as_json=json,
            simulated=simulated,
            seed=seed,
        ),
        as_json=json,
    )
