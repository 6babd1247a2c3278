"""All 237 operations, each of their ways, are called from their sheets; what comes back is values, not strings."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

import pytest

from dari.core.endpoint import Effect
from dari.providers.naramarket.models import HIDDEN, Reader
from dari.providers.naramarket.spec import SPEC
from tests.unit.naramarket.conftest import Sim
from tests.unit.naramarket_simulator.test_operations import WAYS
from tests.unit.naramarket_simulator.test_operations import told as filled

TYPES = {
    "amount": (int, Decimal),
    "number": (int, Decimal),
    "rate": (int, Decimal),
    "date": (date,),
    "datetime": (datetime,),
    "month": (date,),
    "flag": (bool,),
    "packed": (list,),
}


def asked(sim: Sim, name: str, way: str) -> dict[str, str]:
    """A query for this way, with real numbers, and months where another way's edge is required too."""
    endpoint = SPEC.endpoint(name)
    ways: Mapping[str, Mapping[str, str]] = endpoint.wire["by"]
    edges = {one[edge] for one in ways.values() if "from" in one for edge in ("from", "to")}
    query = filled(sim.world, endpoint, way)
    return {field: "202609" if field in edges and len(value) < 6 else value for field, value in query.items()}


def test_there_are_237() -> None:
    assert len(SPEC.ids()) == 237
    assert all(SPEC.endpoint(name).effect is Effect.READ for name in SPEC.ids())


@pytest.mark.parametrize("name", SPEC.ids())
def test_no_two_fields_of_an_operation_have_one_name(name: str) -> None:
    english = list(SPEC.endpoint(name).wire["english"].values())
    assert len(set(english)) == len(english)


@pytest.mark.parametrize(("name", "way"), WAYS)
async def test_an_operation_is_called_from_its_sheet_and_its_rows_are_values(sim: Sim, name: str, way: str) -> None:
    endpoint = SPEC.endpoint(name)
    reply = await sim.ask(name, {**asked(sim, name, way), "numOfRows": "20"})
    assert reply.simulated
    rows = reply.body["rows"]
    assert len(rows) == min(reply.body["total"], 20)
    assert (reply.cursor is not None) == (reply.body["total"] > 20)
    typed = Reader(endpoint).read(rows)
    assert not typed.unread
    assert not typed.unknown
    assert not typed.missing
    english, kinds = endpoint.wire["english"], endpoint.wire["kinds"]
    for raw, row in zip(rows, typed.rows, strict=True):
        for field, kind in kinds.items():
            value = row[english[field]]
            if value is None:
                assert not raw[field].strip()
            elif field in endpoint.wire["pii"]:
                assert value == HIDDEN
            else:
                assert type(value) in TYPES.get(kind, (str,)), (field, kind, value)
