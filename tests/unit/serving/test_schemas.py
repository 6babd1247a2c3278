from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from dari.serving.schemas import output_schema


class Row(BaseModel):
    code: str
    per: float | None
    pbr: float | None
    eps: float | None
    cap: float | None


class Table(BaseModel):
    rows: list[Row]
    total: int | None


def test_what_may_be_null_is_said_once() -> None:
    schema = output_schema(Table)
    assert schema["$defs"] == {"n0": {"anyOf": [{"type": "number"}, {"type": "null"}]}}
    fields = schema["properties"]["rows"]["items"]["properties"]
    assert [fields[name] for name in ("per", "pbr", "eps", "cap")] == [{"$ref": "#/$defs/n0"}] * 4
    assert schema["properties"]["total"] == {"anyOf": [{"type": "integer"}, {"type": "null"}]}
    assert '"type": [' not in json.dumps(schema)


ROW: dict[str, Any] = {"code": "005930", "per": None, "pbr": 1.5, "eps": 1, "cap": None}


@pytest.mark.parametrize(("field", "value"), [("per", "12"), ("cap", [1]), ("code", None)])
def test_it_still_means_the_same(field: str, value: Any) -> None:
    schema = output_schema(Table)
    jsonschema.validate({"rows": [ROW], "total": None, "gaps": []}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"rows": [{**ROW, field: value}]}, schema)


def test_an_error_passes_it_too() -> None:
    jsonschema.validate({"code": "invalid_input", "message": "no", "executed": False}, output_schema(Table))
    given = {"type": "object", "properties": {"a": {"type": ["number", "null"]}}}
    assert output_schema(given)["properties"]["a"] == {"anyOf": [{"type": "number"}, {"type": "null"}]}
