"""The commands and what they have in common; what a command does stands in its own module, loaded when it is called."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from dari import __version__
from dari.cli.auth_commands import auth
from dari.cli.crawl_commands import crawl
from dari.cli.observing_commands import audit, logs, status
from dari.cli.options import Json, Seed, Simulated, Toolsets
from dari.cli.printing import fail
from dari.cli.running import missing_extra, prepare, run
from dari.cli.stack_commands import stack
from dari.core.errors import DariError

app = App(
    name="dari",
    version=__version__,
    help="Dari (다리): MCP servers for Korean brokers, public procurement and payment operations.",
)

app.command(auth)
app.command(crawl)
app.command(stack)
app.command(audit)
app.command(status)
app.command(logs)


@app.command
def serve(
    *names: str,
    http: Annotated[bool, Parameter(negative="", help="Listen on HTTP instead of stdio.")] = False,
    host: str = "127.0.0.1",
    port: int | None = None,
    toolsets: Toolsets = None,
    simulated: Simulated = False,
    seed: Seed = 1,
) -> None:
    """Serve named servers to MCP clients: one on stdio, or any number (`all`) on one HTTP address."""
    from dari.cli import serving  # noqa: PLC0415 -- each command pays for its own imports

    run(serving.serve(names, http=http, host=host, port=port, toolsets=toolsets, simulated=simulated, seed=seed))


@app.command
def worker() -> None:
    """Do the long works (crawls) that others have put in Redis, until stopped; DARI_JOBS=workers leaves them to it."""
    from dari.cli import serving  # noqa: PLC0415

    run(serving.work())


@app.command
def tools(name: str, *, toolsets: Toolsets = None, json: Json = False) -> None:
    """Show the tools of a server: names, hints, schemas, and how many characters a client reads."""
    from dari.cli import calling  # noqa: PLC0415

    calling.tools(name, toolsets=toolsets, as_json=json)


@app.command
def call(
    name: str, tool: str, *arguments: str, json: Json = False, simulated: Simulated = False, seed: Seed = 1
) -> None:
    """Call one tool with key=value arguments, on the same path as an MCP client."""
    from dari.cli import calling  # noqa: PLC0415

    run(calling.call(name, tool, arguments, as_json=json, simulated=simulated, seed=seed), as_json=json)


@app.command
def watch(
    name: str,
    *items: str,
    kind: Annotated[str, Parameter(help="trade, book, notice, or the upstream's own name of a stream.")] = "trade",
    alert: Annotated[
        list[str] | None, Parameter(help="price>=70000, 005930:change<=-3, volume>1000000, or own; may be repeated.")
    ] = None,
    webhook: Annotated[str | None, Parameter(help="Where alerts are posted as JSON (or DARI_ALERT_WEBHOOK).")] = None,
    seconds: Annotated[float, Parameter(help="So long; 0 is until Ctrl-C.")] = 0,
    json: Annotated[bool, Parameter(name="--json", negative="", help="One JSON document a line.")] = False,
    simulated: Simulated = False,
    seed: Seed = 1,
) -> None:
    """Watch pushed prices, books and own executions of kis-trade or kiwoom, with alerts; Ctrl-C ends it."""
    from dari.cli import watching  # noqa: PLC0415

    run(
        watching.watch(
            name,
            items,
            kind=kind,
            alerts=tuple(alert or ()),
            webhook=webhook,
            seconds=seconds,
            as_json=json,
            simulated=simulated,
            seed=seed,
        ),
        as_json=json,
    )


@app.command
def simulate(provider: str, *, port: int = 0, seed: Seed = 1, now: str | None = None, speed: float = 1.0) -> None:
    """Serve the simulator of an upstream on loopback, over the world of --seed, from the time --now on."""
    from dari.cli import serving  # noqa: PLC0415

    run(serving.simulate(provider, port=port, seed=seed, now=now, speed=speed))


@app.command
def service(
    name: Annotated[str, Parameter(help="monitoring (8082) or payments (8090)")],
    *,
    port: int | None = None,
    seed: Seed = 1,
    faults: Annotated[bool, Parameter(negative="", help="payments: add POST /__faults__/… that break it.")] = False,
    role: Annotated[str, Parameter(help="payments on real parts: api and workers as two processes, or all.")] = "all",
) -> None:
    """Serve the payment platform or its monitoring service on loopback."""
    from dari.cli import operating  # noqa: PLC0415

    run(operating.serve(name, port=port, seed=seed, faults=faults, role=role), quick=True)


faults = App(name="faults", help="Try the diagnosis on faults that are really injected.")
app.command(faults)


@faults.command(name="run")
def run_faults(
    *names: str,
    json: Json = False,
    seed: Seed = 0,
    healthy: Annotated[int, Parameter(help="So many random healthy runs besides, in which nothing may be found.")] = 0,
    pairs: Annotated[int, Parameter(help="So many pairs of faults at once, chosen by the seed.")] = 0,
    profile: Annotated[
        str, Parameter(help="sim (virtual time), local (MariaDB, Redis; Kafka's protocol) or real (and Apache Kafka).")
    ] = "sim",
) -> None:
    """Play the named faults (F01 … F16, F03+F10, C1, a root cause), or all with the healthy controls, and count."""
    from dari.cli import operating  # noqa: PLC0415

    run(
        operating.run_faults(names, seed=seed, as_json=json, healthy=healthy, pairs=pairs, profile=profile),
        as_json=json,
    )


@app.command
def demo(*, once: Annotated[bool, Parameter(negative="", help="Stop after the tour.")] = False, seed: Seed = 1) -> None:
    """Start simulators and gateway, ask one question of each server through a real MCP client, keep serving."""
    from dari.cli import touring  # noqa: PLC0415

    run(touring.demo(once=once, seed=seed))


@app.command
def doctor(
    subject: Annotated[str | None, Parameter(help="A provider (kis …) or an MCP client (claude-desktop …).")] = None,
    *,
    file: Annotated[Path | None, Parameter(help="The client's configuration file, if it is another.")] = None,
    fresh_token: Annotated[bool, Parameter(negative="", help="Let KIS revoke the token, and take a new one.")] = False,
    json: Json = False,
) -> None:
    """Look at machine, files, settings, keys, clock, sign-in and one read of each upstream; or at one MCP client."""
    from dari.cli import examining  # noqa: PLC0415

    run(examining.doctor(subject, as_json=json, file=file, fresh_token=fresh_token), as_json=json)


@app.command
def cache(
    provider: str = "kis",
    *,
    clear: Annotated[str | None, Parameter(help="Forget what matches, such as '*'.")] = None,
    json: Json = False,
) -> None:
    """Show what is kept of a provider's replies and how often it was told again; --clear PATTERN forgets."""
    from dari.cli import examining  # noqa: PLC0415

    run(examining.cache(provider, clear=clear, as_json=json), as_json=json)


@app.command
def setup(
    provider: Annotated[str | None, Parameter(help="kis, kiwoom or naramarket; asked for if left out.")] = None,
    *,
    mode: Annotated[Literal["paper", "real"] | None, Parameter(help="Asked for if left out.")] = None,
    keep: Annotated[
        Literal["keyring", "file"] | None, Parameter(help="The system's keyring, or a file only you can read.")
    ] = None,
    json: Json = False,
) -> None:
    """Set up a provider, question by question: the way to its keys, then where they are kept."""
    from dari.cli import guiding  # noqa: PLC0415

    run(guiding.setup(provider, mode=mode, how=keep, ask=None, as_json=json), as_json=json)


@app.command
def install(
    client: Annotated[
        str, Parameter(help="claude-desktop, claude-code, cursor, vscode, gemini-cli, windsurf, mcp-json")
    ],
    *names: str,
    remove: Annotated[bool, Parameter(negative="", help="Take the servers out again.")] = False,
    simulated: Simulated = False,
    uvx: Annotated[bool, Parameter(negative="", help="Write uvx instead of the program's path.")] = False,
    dry_run: Annotated[bool, Parameter(negative="", help="Show the change only.")] = False,
    link: Annotated[bool, Parameter(negative="", help="Print a one-click link instead (cursor, vscode).")] = False,
    file: Annotated[Path | None, Parameter(help="Another configuration file, such as a project's .mcp.json.")] = None,
    json: Json = False,
) -> None:
    """Write named servers into an MCP client's configuration: shown, with a backup, without secrets."""
    from dari.cli import installing  # noqa: PLC0415

    asked = installing.Asked(remove=remove, simulated=simulated, uvx=uvx, dry_run=dry_run, link=link, file=file)
    run(installing.install(client, names, asked, as_json=json), as_json=json)


days = App(name="days", help="The day store: whole-market days that the rankings read.")
app.command(days)


@days.command(name="fill")
def fill_days(
    *,
    source: Annotated[str, Parameter(name="--from", help="krx (two calls a day) or kis (one call a stock).")] = "krx",
    days: Annotated[int, Parameter(help="Trading days back from the newest published one.")] = 60,
    json: Json = False,
    simulated: Simulated = False,
    seed: Seed = 1,
) -> None:
    """Take missing days into the day store; Ctrl-C loses nothing, and no day is fetched twice."""
    from dari.cli import keeping  # noqa: PLC0415

    run(keeping.fill(source=source, days=days, as_json=json, simulated=simulated, seed=seed), as_json=json)


@days.command(name="status")
def status_of_days(*, json: Json = False, simulated: Simulated = False, seed: Seed = 1) -> None:
    """Show which days are kept, and whether the newest published one is among them."""
    from dari.cli import keeping  # noqa: PLC0415

    run(keeping.status(as_json=json, simulated=simulated, seed=seed), as_json=json)


@app.command
def bench(
    name: str,
    *,
    json: Json = False,
    long: Annotated[bool, Parameter(negative="")] = False,
    questions: Path | None = None,
    write: Annotated[bool, Parameter(negative="", help="all: write docs/reference/performance.md.")] = False,
    compare: Annotated[bool, Parameter(negative="", help="Fail for what is worse than there by a tenth.")] = False,
) -> None:
    """Measure one thing, or all, beside its floor in the same run: overhead, pacing, crawl, memory, and others."""
    from dari.cli import measuring  # noqa: PLC0415

    told = measuring.bench(name, as_json=json, long=long, questions=questions, write=write, compare=compare)
    run(told, as_json=json)


def main() -> None:
    """Parse the command line and run the command."""
    prepare()
    try:
        app()
    except DariError as error:
        raise SystemExit(fail(error, as_json="--json" in sys.argv)) from None
    except ModuleNotFoundError as error:
        raise SystemExit(fail(missing_extra(error), as_json="--json" in sys.argv)) from None
