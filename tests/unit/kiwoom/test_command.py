"""`dari call kiwoom get_stock_price stock_code=005930`: in mock mode, with the upstream down, with samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dari.cli.main import app
from tests.support import settings

CALL = ("call", "kiwoom", "get_stock_price", "stock_code=005930", "--json")
KEYS = {"KIWOOM_APP_KEY": "k" * 43, "KIWOOM_SECRET_KEY": "s" * 43, "KIWOOM_MODE": "mock"}
NOBODY = {"DARI_KIWOOM_URL": "http://127.0.0.1:9", "KIWOOM_RETRY_FIRST_SECONDS": "0.01"}


def called(
    folder: Path, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *more: str, **environment: str
) -> tuple[int, dict[str, Any]]:
    for name, value in settings(folder, **environment).items():
        patch.setenv(name, value)
    with pytest.raises(SystemExit) as left:
        app([*CALL, *more])
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return int(left.value.code or 0), told


def test_against_the_simulator_in_mock_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = called(tmp_path, monkeypatch, capsys, "--simulated", KIWOOM_MODE="mock")
    assert (code, told["success"], told["simulated"]) == (0, True, True)
    (source,) = told["provenance"]
    assert (source["provider"], source["mode"], source["venue"]) == ("kiwoom", "paper", "KRX")
    assert source["endpoint"].startswith("ka")
    assert source["fetched_at"].endswith("+09:00")
    assert "is_sample" not in told
    assert told["data"]["price"] > 0


def test_with_the_upstream_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = called(tmp_path, monkeypatch, capsys, **KEYS, **NOBODY)
    assert (code, told["success"], told["code"], told["executed"]) == (1, False, "unreachable", False)
    assert "data" not in told
    code, told = called(tmp_path, monkeypatch, capsys, **KEYS, **NOBODY, KIWOOM_SAMPLE_FALLBACK="1")
    assert (code, told["is_sample"], told["source"]) == (0, True, "sample")
    assert told["message"].startswith("[샘플]")
    assert told["data"]["is_sample"] is True
    assert told["provenance"] == []
