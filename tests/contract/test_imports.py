"""The import contracts hold, and each of them would notice a breach: an import is planted for every line."""

from __future__ import annotations

import os
import subprocess
import sys
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest
from importlinter.application.use_cases import read_user_options
from importlinter.configuration import configure
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract

from scripts.import_contracts import OnlyIn

ROOT = Path(__file__).parents[2]
KINDS: dict[str, Any] = {
    "acyclic_siblings": AcyclicSiblingsContract,
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
    "only_in": OnlyIn,
}
ROOMS = (
    "cli",
    "app",
    "settings",
    "core.locks",
    "core.shared_state",
    "upstream.wire",
    "upstream.cache",
    "serving.mcp_door",
    "serving.rest_door",
    "serving.dispatch",
    "providers.kis.spec",
    "providers.kis.dialect",
    "providers.kis.models",
    "providers.kis.tools.ranking",
    "providers.kis.simulator",
    "providers.kiwoom.models",
    "worlds.market",
    "services.monitoring.adapters.sql",
    "services.monitoring.checks",
    "services.payments.demo",
    "services.payments.ledger",
)

BREACHES = {
    "Direction: cli, app, the strangers, worlds, core": [
        ("core.locks", "upstream.cache"),
        ("upstream.cache", "serving.dispatch"),
        ("serving.dispatch", "providers.kis.tools"),
        ("providers.kis.dialect", "upstream.wire"),
        ("services.payments.ledger", "providers.kis.models"),
        ("upstream.cache", "settings"),
        ("worlds.market", "providers.kis.spec"),
        ("providers.kis.tools", "app"),
        ("app", "cli"),
    ],
    "No provider imports another": [("providers.kis.tools", "providers.kiwoom.models")],
    "Inside a provider: spec knows core only": [
        ("providers.kis.spec", f"providers.kis.{room}") for room in ("dialect", "models", "tools", "simulator")
    ],
    "Inside a provider: models know core only": [
        ("providers.kis.models", f"providers.kis.{room}") for room in ("spec", "dialect", "tools", "simulator")
    ],
    "Inside a provider: the dialect knows core and spec": [
        ("providers.kis.dialect", f"providers.kis.{room}") for room in ("models", "tools", "simulator")
    ],
    "Inside a provider: tools know core, models and spec": [
        ("providers.kis.tools.ranking", f"providers.kis.{room}") for room in ("dialect", "simulator")
    ],
    "The simulator knows facts only": [
        ("providers.kis.simulator", f"providers.kis.{room}") for room in ("dialect", "models", "tools")
    ],
    "Worlds are told by simulators and by the demo of a service": [
        ("providers.kis.tools.ranking", "worlds.market"),
        ("app", "worlds.market"),
        ("services.payments.ledger", "worlds.market"),
    ],
    "Settings are read by app only": [("cli", "settings")],
    "No circles between siblings": [],  # two imports make a circle: planted in its own test
}


@cache
def contracts() -> dict[str, dict[str, Any]]:
    configure()
    options = read_user_options(str(ROOT / "pyproject.toml"))
    return {one["name"]: one for one in options.contracts_options}


@cache
def real_graph() -> grimp.ImportGraph:
    return grimp.build_graph("dari", include_external_packages=True, cache_dir=None)


def bare_graph() -> grimp.ImportGraph:
    """A house in which every room of the plan stands empty."""
    graph = grimp.ImportGraph()
    for room in ("core", *ROOMS):
        parts = f"dari.{room}".split(".")
        for depth in range(1, len(parts) + 1):
            graph.add_module(".".join(parts[:depth]))
    return graph


def kept(name: str, graph: grimp.ImportGraph) -> bool:
    options = contracts()[name]
    session = {"root_packages": ["dari"], "include_external_packages": "true"}
    kind = KINDS[options["type"]]
    rest = {key: value for key, value in options.items() if key not in {"name", "type"}}
    contract = kind(name=name, session_options=session, contract_options=rest)
    return bool(contract.check(deepcopy(graph), verbose=False).kept)


def planted(graph: grimp.ImportGraph, importer: str, imported: str) -> grimp.ImportGraph:
    if not imported.startswith("dari."):
        graph.add_module(imported, is_squashed=True)
    graph.add_import(importer=importer, imported=imported, line_number=1, line_contents="planted")
    return graph


def only_in_lines() -> list[tuple[str, str]]:
    lines = [
        (name, module)
        for name, one in contracts().items()
        if one["type"] == "only_in"
        for module in one["protected_modules"]
        if not module.startswith("dari.")
    ]
    assert len(lines) > 20
    return lines


@pytest.mark.parametrize("name", contracts())
def test_the_house_keeps(name: str) -> None:
    assert kept(name, real_graph()), f"broken: {name}; `lint-imports` shows where"


@pytest.mark.parametrize("name", contracts())
def test_empty_rooms_break_nothing(name: str) -> None:
    assert kept(name, bare_graph())


@pytest.mark.parametrize(
    ("name", "importer", "imported"),
    [(name, importer, imported) for name, pairs in BREACHES.items() for importer, imported in pairs],
)
def test_a_planted_breach_is_seen(name: str, importer: str, imported: str) -> None:
    assert not kept(name, planted(bare_graph(), f"dari.{importer}", f"dari.{imported}"))


@pytest.mark.parametrize(("name", "module"), only_in_lines())
def test_a_stranger_is_kept_out_and_a_room_let_in(name: str, module: str) -> None:
    assert not kept(name, planted(bare_graph(), "dari.serving.dispatch", module))
    for room in contracts()[name]["allowed_importers"]:
        allowed = room.replace("*", "monitoring")
        assert kept(name, planted(bare_graph(), allowed, module)), allowed


def test_simulators_and_demos_may_tell_a_world() -> None:
    name = "Worlds are told by simulators and by the demo of a service"
    for importer in ("dari.providers.kis.simulator", "dari.services.payments.demo"):
        assert kept(name, planted(bare_graph(), importer, "dari.worlds.market"))


def test_a_circle_is_seen() -> None:
    graph = planted(bare_graph(), "dari.upstream.cache", "dari.upstream.wire")
    assert kept("No circles between siblings", graph)
    planted(graph, "dari.upstream.wire", "dari.upstream.cache")
    assert not kept("No circles between siblings", graph)


def test_an_unplanned_room_is_seen() -> None:
    graph = bare_graph()
    graph.add_module("dari.utilities")
    assert not kept("Direction: cli, app, the strangers, worlds, core", graph)


def test_every_contract_has_a_breach() -> None:
    told = {name for name, one in contracts().items() if one["type"] != "only_in"}
    assert told <= set(BREACHES)


def test_the_command_fails_on_a_breach(tmp_path: Path) -> None:
    for room in ("dari", "dari/core", "dari/upstream"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text("")
    (tmp_path / "dari/core/words.py").write_text("import dari.upstream\n")
    start = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-c", start, "--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    places = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))}
    run = subprocess.run(command, cwd=tmp_path, env=places, capture_output=True, text=True, check=False)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "Direction: cli, app, the strangers, worlds, core BROKEN" in run.stdout
