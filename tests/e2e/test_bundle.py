"""The bundles are what Claude Desktop's own tool takes, and start; server.json is what the registry takes."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from dari.app.servers import SERVERS
from scripts import bundle
from scripts.provision import node_tools
from tests.e2e.installed import ROOT, UV, Installed

MCPB = ROOT / "tests" / "conformance" / "node_modules" / "@anthropic-ai" / "mcpb"
TEXT = {"type": "string", "minLength": 1}
REGISTRY_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["$schema", "name", "description", "version", "packages"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"const": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"},
        "name": {"type": "string", "pattern": r"^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$", "maxLength": 200},
        "title": {**TEXT, "maxLength": 100},
        "description": {**TEXT, "maxLength": 100},
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"},
        "packages": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["registryType", "identifier", "version", "transport"],
                "properties": {
                    "registryType": {"enum": ["pypi"]},
                    "version": {"not": {"const": "latest"}},
                    "transport": {"properties": {"type": {"enum": ["stdio"]}}, "required": ["type"]},
                    "packageArguments": {
                        "items": {"anyOf": [{"required": ["type", "value"]}, {"required": ["type", "valueHint"]}]}
                    },
                    "environmentVariables": {"items": {"required": ["name"]}},
                },
            },
        },
    },
}
"""What the registry's schema of 2025-12-11 asks of a server on PyPI, and a little more (modelcontextprotocol.io)."""


def test_server_json_is_current_and_fits_its_schema() -> None:
    told = json.loads(bundle.REGISTRY_FILE.read_text("utf-8"))
    jsonschema.validate(told, REGISTRY_SCHEMA)
    assert bundle.main(["--check"]) == 0
    (package,) = told["packages"]
    for row in package["environmentVariables"]:
        assert row["isSecret"] or not row["name"].endswith(("KEY", "SECRET", "ACCOUNT"))
    assert f"mcp-name: {told['name']}" in (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def made(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    return bundle.bundle(SERVERS["kis-code"], installed.wheel, folder)


@pytest.mark.needs("node")
@pytest.mark.parametrize("name", bundle.BUNDLED)
def test_every_manifest_fits_the_schema_of_its_makers(name: str) -> None:
    schema = json.loads((MCPB / "schemas" / "mcpb-manifest-v0.4.schema.json").read_text("utf-8"))
    told = bundle.manifest(SERVERS[name])
    jsonschema.validate(told, schema)
    for row in told["user_config"].values():
        assert row["sensitive"] or not row["title"].endswith(("KEY", "SECRET", "ACCOUNT"))


@pytest.mark.needs("node")
def test_the_makers_own_tool_takes_the_bundle(made: Path) -> None:
    node = node_tools()
    assert node is not None
    folder = made.with_suffix("")
    with zipfile.ZipFile(made) as packed:
        packed.extractall(folder)
    command = [str(node[0]), str(MCPB / "dist" / "cli" / "cli.js"), "validate", str(folder / "manifest.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_a_bundle_starts_as_its_manifest_says(installed: Installed, made: Path, tmp_path: Path) -> None:
    folder = tmp_path / "확장 프로그램"
    with zipfile.ZipFile(made) as packed:
        packed.extractall(folder)
        told = json.loads(packed.read("manifest.json"))["server"]["mcp_config"]
    words = [word.replace("${__dirname}", str(folder)) for word in told["args"]]
    words.insert(1, "--no-sync")  # what uv would install is installed: the index is not asked by a test
    environment = {
        **os.environ, **told["env"], "UV_PROJECT_ENVIRONMENT": str(installed.environment), "DARI_HOME": str(tmp_path),
    }  # fmt: skip
    assert told["command"] == "uv"  # the host's own; here the one that the lock brings
    start = StdioServerParameters(command=UV[0], args=[*UV[1:], *words], env=environment)
    async with Client(stdio_client(start)) as asking:
        result = await asking.call_tool("find_api", {"question": "국내주식 현재가", "limit": 1})
    assert not result.is_error
