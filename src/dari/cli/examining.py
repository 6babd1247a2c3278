"""`dari doctor` and `dari cache`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from dari.app import doctoring
from dari.app.checkup.clients import client_checks
from dari.app.checkup.files import file_checks, writable
from dari.app.checkup.findings import Check, faulty
from dari.app.checkup.installation import installation_checks
from dari.app.clients import ALIASES as CLIENT_ALIASES
from dari.app.clients import CLIENTS, client
from dari.app.clients.machine import Machine
from dari.app.places import Places
from dari.app.runtime import Runtime
from dari.app.setting_up import settings_of
from dari.cli.printing import FAULT, OK, document, line
from dari.core.errors import BadSetting, DariError, Hint, InvalidInput, NotFound

MARKS: Final = {"ok": "✓", "warning": "!", "wrong": "✗", "absent": "·"}


def _known(provider: str) -> None:
    if provider not in doctoring.READS:
        names = ", ".join((*doctoring.READS, *CLIENTS))
        raise NotFound(f"there is nothing called {provider[:40]!r}", hint=Hint(f"목록: {names}", f"There are: {names}"))


async def doctor(subject: str | None, *, as_json: bool, file: Path | None = None, fresh_token: bool = False) -> int:
    """Examine a provider, a client or all there is, and print; exit code 1 when something is wrong.

    `fresh_token`: have KIS revoke the token and take a new one first. Raises InvalidInput for another subject.
    """
    if fresh_token and subject != "kis":
        hint = Hint("dari doctor kis --fresh-token", "dari doctor kis --fresh-token")
        raise InvalidInput("only a token of KIS is revoked", hint=hint)
    known = subject is None or subject in doctoring.READS
    chosen = client(subject) if subject and not known and (subject in CLIENTS or subject in CLIENT_ALIASES) else None
    if subject and chosen is None:
        _known(subject)
    machine = Machine.this()
    checks: list[Check] = []
    language = machine.environment.get("DARI_LANG", "ko").lower()
    if chosen is not None:
        from dari.serving.mcp_door.asking import count_tools  # noqa: PLC0415 -- a client of MCP, for this alone

        checks += [one async for one in client_checks(chosen, machine, count_tools, file)]
    else:
        if subject is None:
            checks += [one async for one in installation_checks()]
        if subject in {None, "kis"}:
            checks += file_checks(machine.environment, machine.home, platform=machine.platform)
        checks += await _upstreams(subject, renewed=fresh_token)
    told = doctoring.verdict(checks)
    if as_json:
        document(told | {"checks": [one.as_dict(language) for one in checks]})
    else:
        _shown(checks, language)
    return OK if told["ok"] else FAULT


async def _upstreams(subject: str | None, *, renewed: bool) -> list[Check]:
    """The checks that need settings; what keeps the settings from being read is one itself."""
    try:
        settings = settings_of()
    except DariError as error:
        fault = "bad_setting" if isinstance(error, BadSetting) else ""
        if fault and any(word in error.message for word in ("UTF-8",)):
            return []  # the look at the files has named it
        what = error.hint.said_in("en") or error.message
        return [faulty("bad_setting", subject="settings", what="values", found=error.message, said=what)]
    kept = writable(Places.of(settings.text("DARI_HOME")).state)
    if kept.state != "ok":
        return [kept]  # nothing can be asked that has to be signed in, paced and audited
    async with Runtime(settings) as runtime:
        return ([kept] if subject is None else []) + await doctoring.examined(runtime, subject, renewed=renewed)


def _shown(checks: list[Check], language: str) -> None:
    for one in checks:
        expected = f" (expected {one.expected})" if one.expected and one.state != "ok" else ""
        line(f"{MARKS[one.state]} {one.subject}: {one.what}: {one.found}{expected}")
        if one.next_step:
            name = f"[{one.fault}] " if one.fault else ""
            line(f"  → {name}{one.next_step.said_in(language)}")


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
                        "fetched_at": value.get("fetched_at", "sealed"),
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
