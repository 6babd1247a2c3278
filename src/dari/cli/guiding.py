"""`dari setup`: the guided first run, question by question, or by options for scripts."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path

from rich.console import Console
from rich.prompt import Prompt

from dari.app.checkup.files import file_checks
from dari.app.keeping import WAYS, Keep, Way, fitting, keep, way
from dari.app.setting_up import own_file_of, settings_of
from dari.cli.printing import OK, document
from dari.core.errors import BadSetting, InvalidInput

Ask = Callable[[str], str]
"""Ask for a value by its name; what is typed for a setting (its name is in capitals) is not shown."""


async def setup(provider: str | None, *, mode: str | None, how: Keep | None, ask: Ask | None, as_json: bool) -> int:
    """Show the way to the keys, take them, keep them, and look at what came of it."""
    console = Console(file=sys.stderr if as_json else sys.stdout, highlight=False, soft_wrap=True)
    asking = ask or _typed
    guide = _guides_file(console)
    chosen = provider or asking(f"provider ({', '.join(WAYS)})") or "kis"
    path = way(chosen)
    language = os.environ.get("DARI_LANG", "ko").lower()
    console.print(f"[bold]{path.title}[/bold]")
    for number, step in enumerate(path.steps, 1):
        console.print(f"  {number}. {step.said_in(language)}")
    here = _mode(path, mode, asking)
    names = [name for name in path.asked[here] if not (guide and _known(name))]
    values: dict[str, str] = {}
    for name in names:
        values[name] = _one(name, asking, console)
    if path.mode is not None:
        values[path.mode[0]] = path.mode[1][here]
    given = {name: value for name, value in values.items() if value}
    where = own_file_of()
    chosen_how: Keep = how or ("keyring" if _keyring_works() else "file")
    keep(where, given, chosen_how)
    told = {"provider": chosen, "mode": here, "kept": sorted(given), "how": chosen_how, "file": str(where)}
    if as_json:
        document(told)
    else:
        console.print(f"kept {len(given)} settings ({chosen_how}): {where}")
        console.print(f"→ dari doctor {chosen}")
    return OK


def _guides_file(console: Console) -> bool:
    """Whether kis_devlp.yaml is there; what is wrong with it is said at once."""
    found = list(file_checks(os.environ, Path.home(), platform=sys.platform))
    for one in found:
        if one.state != "ok":
            console.print(f"! {one.what}: {one.found} → {one.next_step.said_in('ko')}", markup=False)
    return bool(found)


def _known(name: str) -> bool:
    try:
        return bool(settings_of().text(name))
    except BadSetting:
        return False


def _mode(path: Way, mode: str | None, asking: Ask) -> str:
    modes = tuple(path.asked)
    if len(modes) == 1:
        return modes[0]
    here = mode or asking("paper or real (모의투자는 paper)") or "paper"
    if here not in modes:
        raise InvalidInput(f"the mode is one of {', '.join(modes)}")
    return here


def _one(name: str, asking: Ask, console: Console) -> str:
    while True:
        try:
            return fitting(name, asking(name))
        except InvalidInput as error:
            if not sys.stdin.isatty() and asking is _typed:
                raise
            console.print(f"! {error.message}", markup=False)


def _typed(name: str) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    return getpass(f"{name}: ") if name.isupper() else Prompt.ask(name)


def _keyring_works() -> bool:
    """Whether the system has a keyring that opens without a question (a headless Linux has none)."""
    try:
        import keyring  # noqa: PLC0415 -- an extra

        return keyring.get_keyring().priority >= 1
    except (ImportError, RuntimeError):
        return False
