"""Attacks through file names and addresses in arguments, on every tool that takes one: nothing outside is touched."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dari.serving.callers import Caller
from dari.serving.dispatch import Dispatch
from tests.support import Asker, simulated

OUTSIDE = [
    "../../../../etc/passwd", "/etc/passwd", "..\\..\\windows\\system.ini", "C:\\secret.txt", "~/secret",
    "a/../../secret", "file:///etc/passwd", "....//....//etc/passwd",
    "ok\x00.csv", "/proc/self/environ", "link/secret.csv",
]  # fmt: skip
FILE_ARGUMENTS = [
    ("save_results", "filename", {"products": [{"a": 1}]}),
    ("save_results", "directory", {"products": [{"a": 1}], "filename": "x.json"}),
    ("list_saved_json", "directory", {}),
    ("list_saved_json", "pattern", {}),
    ("convert_json_to_parquet", "json_path", {"output_parquet": "x.parquet"}),
    ("convert_json_to_parquet", "output_parquet", {"json_path": "in.json"}),
    ("merge_csv_files", "input_pattern", {"output_csv": "x.csv"}),
    ("merge_csv_files", "output_csv", {"input_pattern": "*.csv"}),
    ("summarize_csv", "csv_path", {}),
    ("crawl_to_csv", "output_csv", {"category": "데스크톱컴퓨터", "total_days": 1}),
    ("export_store", "output", {"operation": "getBidPblancListInfoThng"}),
]
ADDRESSES = [
    "file:///etc/passwd", "http://127.0.0.1:9/x", "http://169.254.169.254/latest/meta-data", "http://[::1]/x",
    "ftp://x/y", "http://g2b.go.kr.evil.example/x", "http://www.g2b.go.kr@evil.example/x", "gopher://127.0.0.1/x",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("files")


@pytest.fixture
async def asker(folder: Path) -> AsyncIterator[Asker]:
    output = folder / "output"
    output.mkdir(exist_ok=True)
    outside = folder / "outside"
    outside.mkdir(exist_ok=True)
    (outside / "secret.csv").write_text("canary\nof-the-outside\n")
    (output / "in.json").write_text('{"products": [{"a": 1}]}')
    (output / "in.csv").write_text("a\n1\n")
    if not (output / "link").is_symlink():
        (output / "link").symlink_to(outside)
    async with simulated("naramarket", folder, OUTPUT_DIR=str(output), DARI_REACH="commit") as one:
        yield one


def beyond(folder: Path) -> dict[str, bytes]:
    """Everything outside the output folder and Dari's own home."""
    kept = [one for one in folder.rglob("*") if one.is_file() and "output" not in one.parts and "home" not in one.parts]
    return {str(one.relative_to(folder)): one.read_bytes() for one in kept}


@pytest.mark.parametrize(("tool", "argument", "rest"), FILE_ARGUMENTS)
async def test_path_traversal(asker: Asker, folder: Path, tool: str, argument: str, rest: dict[str, Any]) -> None:
    before = beyond(folder)
    for name in OUTSIDE:
        outcome = await asker.outcome(tool, **{**rest, argument: name})
        told = str(outcome.structured) + outcome.text
        assert "root:" not in told, name
        assert "of-the-outside" not in told, name
        if argument not in {"pattern", "input_pattern"} and not name.startswith(("....", "file:")):
            assert outcome.error in {"invalid_input", "not_found"}, (name, outcome.text)
    assert beyond(folder) == before
    refused = await asker.outcome(tool, **{**rest, argument: OUTSIDE[0]})
    assert "inside the output folder" in refused.text  # for the name, and not for anything else


async def test_every_file_tool_is_asked(asker: Asker) -> None:
    """A tool that takes a file name and is not in the table above fails here."""
    words = ("path", "file", "directory", "csv", "parquet", "pattern", "output")
    dispatch: Dispatch = asker.dispatch
    found = {
        (name, argument)
        for name, offered in dispatch.offered.items()
        for argument, kind in offered.tool.query.model_fields.items()
        if any(word in argument for word in words) and kind.annotation in {str, str | None}
    }
    assert found <= {(tool, argument) for tool, argument, _ in FILE_ARGUMENTS}


@pytest.mark.parametrize("url", ADDRESSES)
async def test_ssrf_by_an_attachments_address(asker: Asker, url: str) -> None:
    outcome = await asker.outcome("read_attachment", url=url)
    assert outcome.error in {"invalid_input", "not_allowed", "not_found"}, outcome.text
    assert "root:" not in outcome.text


@pytest.mark.parametrize(
    "uri", ["kis://../../etc/passwd", "file:///etc/passwd", "kis-api://../x", "http://127.0.0.1/x"]
)
async def test_resources_are_only_those_of_the_shelf(tmp_path: Path, uri: str) -> None:
    from dari.app.servers import server  # noqa: PLC0415 -- only here
    from dari.core.errors import CallerError  # noqa: PLC0415 -- only here

    del tmp_path
    with pytest.raises(CallerError):
        await server("kis-code").shelf().read(uri)


async def test_a_tool_name_is_no_path(asker: Asker) -> None:
    for name in ("../health", "health/../server_info", "", "__class__", "health\x00"):
        assert (await asker.dispatch.call(name, {}, Caller())).error == "not_found"
