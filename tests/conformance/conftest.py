"""The fixture server over HTTP, once for a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.conformance.suite import PYTHONPATH, ROOT, SERVER


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    places = os.environ | {"PYTHONPATH": PYTHONPATH}
    command = [sys.executable, *SERVER, "http"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=places, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout
    told = process.stdout.readline().strip()
    assert told.startswith("http://127.0.0.1:"), f"the fixture server did not start: {told}"
    yield told
    process.terminate()
    process.wait(20)
    process.stdout.close()
