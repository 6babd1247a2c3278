"""`dari doctor` and `dari cache`."""

from __future__ import annotations

from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dari.app import doctoring
from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.cli.printing import FAULT, OK, document
from dari.core.errors import Hint, NotFound

MARKS: Final = {"ok": "[green]✓[/green]", "warning": "[yellow]![/yellow]", "wrong": "[red]✗[/red]", "absent": "·"}


def _known(provider: str) -> None:
    if provider not in doctoring.READS:
        names = ", ".join(doctoring.READS)
        raise NotFound(f"there is no upstream {provider[:40]!r}", hint=Hint(f"목록: {names}", f"There are: {names}"))


async def doctor(provider: str | None, *, as_json: bool) -> int:
    """Examine and print; exit code 1 when something is wrong."""
    if provider is not None:
        _known(provider)
    async with Runtime(settings_of()) as runtime:
        language = runtime.caller().language
        checks = await doctoring.examined(runtime, provider)
    told = doctoring.verdict(checks)
    if as_json:
        document(told | {"checks": [one.as_dict(language) for one in checks]})
    else:
        table = Table("", "", "", "")
        for one in checks:
            next_step = f"\n→ {one.next_step.said_in(language)}" if one.next_step else ""
            table.add_row(MARKS[one.state], one.subject, one.what, f"{one.found}{next_step}")
        Console().print(table)
    return OK if told["ok"] else FAULT


async def cache(provider: str, *, clear: str | None, as_json: bool) -> int:
    """What is kept in the state that processes share, its age, and the counts that ended processes left."""
    _known(provider)
    async with Runtime(settings_of()) as runtime:
        client = runtime.client_of(provider)
        if clear is not None:
            await client.cache.clear(clear)
        now = runtime.clock.now().timestamp()
        kept = await client.state.names("reply *")
        counts: dict[str, int] = {}
        for name in await client.state.names(f"counts {provider} *"):
            for what, number in (await client.state.get(name) or {}).items():
                counts[what] = counts.get(what, 0) + int(number)
        entries = []
        for name in sorted(kept):
            value = await client.state.get(name)
            if value is not None:
                ends = kept[name]
                entries.append(
                    {
                        "name": name.removeprefix("reply "),
                        "fetched_at": value["fetched_at"],
                        "seconds_left": None if ends is None else round(ends - now, 1),
                    }
                )
    told: dict[str, Any] = {"provider": provider, "entries": entries, "counts": counts}
    if as_json:
        document(told)
        return OK
    table = Table("reply", "fetched at", "seconds left")
    for one in entries:
        table.add_row(str(one["name"]), str(one["fetched_at"]), str(one["seconds_left"]))
    console = Console()
    console.print(table)
    console.print(
        " · ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "no process has ended yet"
    )
    return OK
