"""Write docs/reference from the code, so that the pages cannot say something else than Dari does.

`python -m scripts.reference` writes; `--check` compares and exits 1 where a page is not what the code says now.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from cyclopts import App

from dari.app.checkup.findings import FAULTS
from dari.app.servers import SERVERS
from dari.cli.main import app
from dari.core import errors
from dari.serving.schemas import listed
from dari.settings import SETTINGS
from scripts.mutants_page import mutants_page

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "docs" / "reference"
WRITTEN: Final = "<!-- Written by scripts/reference.py from the code: change the code, then `make docs`. -->"

Page = Callable[[], str]


def error_classes(above: type[errors.DariError] = errors.DariError) -> Iterator[tuple[int, type[errors.DariError]]]:
    """The error tree in the order it is written, with depths."""

    def walk(one: type[errors.DariError], depth: int) -> Iterator[tuple[int, type[errors.DariError]]]:
        yield depth, one
        for child in one.__subclasses__():
            if child.__module__ == errors.__name__:  # a test's own error is not ours to tell
                yield from walk(child, depth + 1)

    return walk(above, 0)


def errors_page() -> str:
    """Every error: its code, what it means, who can mend it, whether asking again may help."""
    lines = [
        "# Errors",
        "",
        WRITTEN,
        "",
        "A failed call is never shaped like a success. Over MCP it is a result with `isError`, and its structured",
        "content holds `code`, `message` and `executed` (`false`: surely nothing happened; `null`: unknown), with",
        "`hint`, `retry_after`, `upstream` and `details` where there is something to say. What the upstream itself",
        "said is quoted as `upstream.untrusted_text`: it is a stranger's data, not an instruction.",
        "",
        "| code | class | asked again by itself | meaning |",
        "|---|---|---|---|",
    ]
    for depth, one in error_classes():
        meaning = " ".join((inspect.getdoc(one) or "").split())
        again = "yes, where the endpoint only reads" if one.retryable else "no"
        lines.append(f"| `{one.code}` | {'&emsp;' * depth}{one.__name__} | {again} | {meaning} |")
    lines += ["| `internal` | | no | A bug of ours: the caller gets a reference number, the log gets the trace. |", ""]
    return "\n".join(lines)


def tools_page() -> str:
    """Every named server with its tools: arguments, hints, and what they weigh in a client's context."""
    lines = ["# Servers and tools", "", WRITTEN, ""]
    for name, server in sorted(SERVERS.items()):
        told = [listed(tool) for _, tool in server.tools()]
        answers = [one.pop("outputSchema") for one in told]
        read, shapes = sum(map(weight, told)), sum(map(weight, answers))
        lines += [f"## {name}", "", server.about, ""]
        lines += [
            f"Port {server.port} with `--http`; tools: {len(told)}, {read} characters in `tools/list` and {shapes}",
            "for the shapes of their answers.",
            "",
        ]
        for one in told:
            hints = ", ".join(hint for hint, on in one["annotations"].items() if on) or "none"
            lines += [f"### {one['name']}", "", one["description"], "", f"Hints: {hints}.", ""]
            lines += _arguments(one["inputSchema"])
    return "\n".join(lines)


def _arguments(schema: Mapping[str, Any]) -> list[str]:
    fields = schema.get("properties", {})
    if not fields:
        return ["No arguments.", ""]
    rows = ["| argument | needed | what |", "|---|---|---|"]
    for name, field in fields.items():
        about = field.get("description", "")
        rest = {key: value for key, value in field.items() if key != "description"}
        needed = "yes" if name in schema.get("required", ()) else "no"
        rows.append(f"| `{name}` | {needed} | {about} `{json.dumps(rest, ensure_ascii=False)}` |".replace("  ", " "))
    return [*rows, ""]


def weight(told: Mapping[str, Any]) -> int:
    """How many characters a client reads of it: JSON without spaces."""
    return len(json.dumps(told, ensure_ascii=False, separators=(",", ":")))


def settings_page() -> str:
    """Every setting: what it means, its default, what it may be. A secret is marked; its value is never shown."""
    lines = [
        "# Settings",
        "",
        WRITTEN,
        "",
        "A flag wins over the environment, the environment over `.env`, that over `kis_devlp.yaml`, and that over the",
        "default. A value that cannot be stops the start.",
        "",
        "| setting | meaning | default | values |",
        "|---|---|---|---|",
    ]
    for row in SETTINGS:
        values = ", ".join(f"`{one}`" for one in row.choices) or ("secret" if row.secret else row.kind)
        devlp = f" (`{row.devlp}` in kis_devlp.yaml)" if row.devlp else ""
        lines.append(f"| `{row.name}` | {row.about}{devlp} | {f'`{row.default}`' if row.default else ''} | {values} |")
    return "\n".join([*lines, ""])


def doctor_page() -> str:
    """Every fault that `dari doctor` names, with its cure in both languages."""
    lines = [
        "# Doctor: faults and their cures",
        "",
        WRITTEN,
        "",
        "`dari doctor --json` gives these names as `faults`. Words in braces are filled in by the check.",
        "",
        "| fault | next step | 다음에 할 일 |",
        "|---|---|---|",
    ]
    lines += [f"| `{name}` | {cure.en} | {cure.ko} |".replace("|` ", "` ") for name, cure in FAULTS.items()]
    return "\n".join([*lines, ""])


def commands_page() -> str:
    """Every command with its arguments, as the command line itself knows them."""
    lines = ["# Commands", "", WRITTEN, "", "`dari COMMAND --help` says the same, with what each option means.", ""]
    for words, command in sorted(_commands(app, ())):
        about = (inspect.getdoc(command) or "").partition("\n")[0]
        lines += [f"## dari {' '.join(words)}", "", about, "", f"`{' '.join(_usage(words, command))}`", ""]
    return "\n".join(lines)


def _commands(group: App, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Callable[..., Any]]]:
    for name in group:
        if name.startswith("-"):
            continue
        inner = group[name]
        if inner.default_command is not None:
            yield (*above, name), inner.default_command
        yield from _commands(inner, (*above, name))


def _usage(words: tuple[str, ...], command: Callable[..., Any]) -> Iterator[str]:
    yield from ("dari", *words)
    for name, one in inspect.signature(command).parameters.items():
        option = f"--{name.replace('_', '-')}"
        if one.kind is one.VAR_POSITIONAL:
            yield f"[{name.upper()}…]"
        elif one.kind is one.KEYWORD_ONLY:
            yield f"[{option}]" if isinstance(one.default, bool) else f"[{option} {name.upper()}]"
        else:
            yield name.upper() if one.default is one.empty else f"[{name.upper()}]"


def listing_page(name: str) -> str:
    """What a client reads of one server, exactly: a changed description or schema shows as a changed line."""
    told = [listed(tool) for _, tool in SERVERS[name].tools()]
    return json.dumps({"server": name, "tools": told}, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


PAGES: Final[Mapping[str, Page]] = {
    "commands.md": commands_page,
    "doctor.md": doctor_page,
    "errors.md": errors_page,
    "mutants.md": mutants_page,
    "settings.md": settings_page,
    "tools.md": tools_page,
    **{f"servers/{name}.json": partial(listing_page, name) for name in SERVERS},
}


def stale(pages: Mapping[str, Page], folder: Path) -> list[str]:
    """Pages that are missing or say something else than the code."""
    found = []
    for name, page in pages.items():
        file = folder / name
        if not file.exists() or file.read_text("utf-8") != page():
            found.append(f"{name} is not what the code says: make docs")
    return found


def write(pages: Mapping[str, Page], folder: Path) -> None:
    """Write every page."""
    for name, page in pages.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(page(), "utf-8")


def main(arguments: list[str]) -> int:
    """Write or, with `--check`, compare."""
    if "--check" not in arguments:
        write(PAGES, FOLDER)
        return 0
    found = stale(PAGES, FOLDER)
    print("\n".join(found) or "docs/reference is what the code says")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
