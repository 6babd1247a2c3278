"""What registries and one-click installers read: `server.json`, and a `.mcpb` bundle of each server that asks for keys.

`python -m scripts.bundle` writes server.json; `--out FOLDER` writes the bundles too (it builds the wheel they carry);
`--check` exits 1 where server.json is not what the code says.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any, Final

from dari import __version__
from dari.app.clients.entries import settings_of
from dari.app.servers import SERVERS, Server
from dari.settings import Setting

ROOT: Final = Path(__file__).parents[1]
REGISTRY_FILE: Final = ROOT / "server.json"
BUNDLED: Final = ("volume-ranking", "kis-trade", "kis-code", "kiwoom", "naramarket")
"""Servers that a person runs alone; the payment servers need a monitoring service beside them."""

TITLE: Final = "Dari (다리)"
START: Final = """\"\"\"Start the bundled server.\"\"\"

import sys

from dari.__main__ import main

sys.argv[1:] = ["serve", "NAME"]
main()
"""


def project() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def asked(server: Server) -> list[Setting]:
    """What a person is asked for before a server can work: keys and accounts, and the mode they belong to."""
    return [row for row in settings_of(server) if _personal(row)]


def _personal(row: Setting) -> bool:
    return (row.secret and not row.name.startswith("DARI_")) or row.name in {"KIS_MODE", "KIWOOM_MODE", "OUTPUT_DIR"}


def manifest(server: Server) -> dict[str, Any]:
    """The bundle's manifest, version 0.4: a uv server, whose secrets the client keeps."""
    settings = asked(server)
    return {
        "manifest_version": "0.4",
        "name": f"dari-{server.name}",
        "display_name": f"{TITLE}: {server.name}",
        "version": __version__,
        "description": server.about.partition(". ")[0].rstrip(".") + ".",
        "long_description": server.about,
        "author": {"name": "Dari contributors"},
        "license": project()["project"]["license"],
        "keywords": project()["project"]["keywords"],
        "server": {
            "type": "uv",
            "entry_point": "server.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--no-dev", "--directory", "${__dirname}", "server.py"],
                "env": {row.name: f"${{user_config.{row.name.lower()}}}" for row in settings},
            },
        },
        "tools": [
            {"name": tool.name, "description": tool.description.partition(". ")[0]} for _, tool in server.tools()
        ],
        "compatibility": {
            "platforms": ["darwin", "win32", "linux"],
            "runtimes": {"python": project()["project"]["requires-python"]},
        },
        "user_config": {row.name.lower(): _question(row) for row in settings},
    }


def _question(row: Setting) -> dict[str, Any]:
    told: dict[str, Any] = {"type": "string", "title": row.name, "description": row.about, "required": False}
    return told | {"default": row.default, "sensitive": row.secret}


def registry_entry() -> dict[str, Any]:
    """server.json: one package, whose first argument names the server."""
    rows = {row.name: row for name in BUNDLED for row in asked(SERVERS[name])}
    return {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": project()["tool"]["dari"]["registry-name"],
        "title": TITLE,
        "description": "Korean brokers (KIS, Kiwoom), public procurement and payment operations",
        "version": __version__,
        "packages": [
            {
                "registryType": "pypi",
                "identifier": "dari",
                "version": __version__,
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "packageArguments": [
                    {"type": "positional", "value": "serve"},
                    {
                        "type": "positional",
                        "valueHint": "server",
                        "description": "Which server",
                        "choices": list(SERVERS),
                        "default": "volume-ranking",
                        "isRequired": True,
                    },
                ],
                "environmentVariables": [
                    {"name": row.name, "description": row.about, "isSecret": row.secret}
                    | ({"choices": list(row.choices)} if row.choices else {})
                    | ({"default": row.default} if row.default else {})
                    for row in rows.values()
                ],
            }
        ],
    }


def bundle(server: Server, wheel: Path, folder: Path) -> Path:
    """Write the bundle of a server; it carries the wheel, and uv brings the rest."""
    file = folder / f"dari-{server.name}-{__version__}.mcpb"
    lines = ["[project]", f'name = "dari-{server.name}-bundle"', f'version = "{__version__}"']
    lines += [f'requires-python = "{project()["project"]["requires-python"]}"', 'dependencies = ["dari"]', ""]
    lines += ["[tool.uv.sources]", f'dari = {{ path = "wheels/{wheel.name}" }}', ""]
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("manifest.json", json.dumps(manifest(server), ensure_ascii=False, indent=2) + "\n")
        made.writestr("pyproject.toml", "\n".join(lines))
        made.writestr("server.py", START.replace("NAME", server.name))
        made.write(wheel, f"wheels/{wheel.name}")
    return file


def written() -> str:
    """server.json as text."""
    return json.dumps(registry_entry(), ensure_ascii=False, indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """Write, or with `--check` compare."""
    if "--check" in arguments:
        right = REGISTRY_FILE.exists() and REGISTRY_FILE.read_text("utf-8") == written()
        print("server.json is what the code says" if right else "server.json is stale: python -m scripts.bundle")
        return 0 if right else 1
    REGISTRY_FILE.write_text(written(), "utf-8")
    if "--out" in arguments:
        folder = Path(arguments[arguments.index("--out") + 1])
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "uv", "build", "-q", "--wheel", "-o", str(folder)], cwd=ROOT, check=True)
        (wheel,) = folder.glob(f"dari-{__version__}-*.whl")
        for name in BUNDLED:
            print(bundle(SERVERS[name], wheel, folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
