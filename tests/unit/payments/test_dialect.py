"""What the service's replies mean, and what is said where it is not there or is not Dari's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dari.app.runtime import Runtime
from dari.core.clock import SystemClock
from dari.core.endpoint import Effect
from dari.core.errors import (
    DariError,
    InvalidInput,
    Malformed,
    NotAllowed,
    NotFound,
    PlanRefused,
    SetupError,
    Unreachable,
)
from dari.core.exchange import Call
from dari.core.provider import Request, Response
from dari.providers.payments.dialect import MonitoringDialect
from dari.providers.payments.models import fitted, snake, untrusted, weight
from dari.providers.payments.spec import SPEC
from dari.settings import resolve
from tests.support import settings


class Answering:
    """A service that gives one answer and remembers what it was asked."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        self.asked: list[Request] = []
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._response = Response(status, headers or {}, content)

    async def send(self, request: Request) -> Response:
        self.asked.append(request)
        return self._response


def dialect(service: Any) -> MonitoringDialect:
    return MonitoringDialect(send=service.send, clock=SystemClock(), base="http://localhost:8082", token="t0k")


async def ask(service: Any, endpoint: str, **parameters: str) -> Mapping[str, Any]:
    return (await dialect(service)(Call(SPEC.endpoint(endpoint), parameters))).body


@pytest.mark.parametrize(
    ("endpoint", "status", "body", "kind"),
    [
        ("kafka.topics", 404, {"detail": "토픽 없음"}, NotFound),
        ("kafka.triage", 404, {"detail": "Not Found"}, SetupError),
        ("kafka.topics", 404, b"<html>", SetupError),
        ("kafka.topics", 200, b"<html>", Malformed),
        ("kafka.topics", 200, [1], Malformed),
        ("kafka.topics", 422, {"detail": [{"msg": "no"}]}, InvalidInput),
        ("kafka.topics", 400, {"message": "no"}, InvalidInput),
        ("kafka.topics", 500, b"oh", Unreachable),
        ("kafka.topics", 500, {"message": "oh"}, Unreachable),
        ("operator.reset_breaker", 403, {"detail": "no"}, NotAllowed),
        ("operator.reset_breaker", 409, {"detail": "is OPEN"}, PlanRefused),
        ("operator.reset_breaker", 502, {"detail": "the platform"}, Unreachable),
    ],
)
async def test_what_a_reply_means(endpoint: str, status: int, body: Any, kind: type[DariError]) -> None:
    with pytest.raises(kind) as raised:
        await ask(Answering(status, body), endpoint)
    read = SPEC.endpoint(endpoint).effect is Effect.READ
    if isinstance(raised.value, Unreachable):
        assert raised.value.executed is (False if read else None)


async def test_a_failed_probe_is_a_reply_of_a_read_and_an_open_end_of_an_act() -> None:
    away = {"error": True, "component": "kafka", "errorClass": "_TRANSPORT"}
    assert await ask(Answering(503, away), "kafka.topics") == away
    with pytest.raises(Unreachable) as raised:
        await ask(Answering(503, away), "operator.reset_breaker")
    assert raised.value.executed is None


async def test_spelling() -> None:
    service = Answering(200, {})
    await ask(service, "database.payments", status="CAPTURED,REFUNDED", since="2026-11-20T00:00:00+09:00")
    assert service.asked[0].url.endswith("status=CAPTURED&status=REFUNDED&since=2026-11-20T00%3A00%3A00%2B09%3A00")
    assert "authorization" not in service.asked[0].headers
    await ask(service, "operator.republish_events", actId="a" * 16, eventIds="[1, 2]")
    assert service.asked[1].payload == {"actId": "a" * 16, "eventIds": [1, 2]}
    assert service.asked[1].headers["authorization"] == "Bearer t0k"
    assert "t0k" not in repr(dialect(service))


async def test_a_sandbox_says_so() -> None:
    reply = await dialect(Answering(200, {}, {"x-dari-simulator": "payments"}))(Call(SPEC.endpoint("kafka.topics"), {}))
    assert reply.simulated


@pytest.mark.parametrize("name", ["payment-database", "payment-redis", "payment-kafka", "payment-system-health"])
async def test_without_the_service_the_command_is_named(name: str, tmp_path: Path) -> None:
    found = resolve(environment=settings(tmp_path, API_BASE_URL="http://127.0.0.1:9"), home=tmp_path)
    async with Runtime(found) as runtime:
        _, dispatch = runtime.server(name)
        tool = {"payment-database": "payment_statistics", "payment-redis": "cache_stats"}.get(
            name, "check_kafka_health"
        )
        tool = "check_all_services" if name == "payment-system-health" else tool
        outcome = await dispatch.call(tool, {}, runtime.caller())
    assert outcome.error == "setup_error"
    assert outcome.structured["status"] == "unknown"
    assert "dari service monitoring" in outcome.text
    assert "API_BASE_URL" in outcome.text


async def test_rows_of_a_service_that_does_not_say_what_it_understood_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dari.upstream.wire import Wire  # noqa: PLC0415 -- only here

    original = Answering(200, {"count": 1, "filter": "x", "payments": [{"payment_id": 1}]})
    monkeypatch.setattr(Wire, "send", lambda _, request: original.send(request))
    async with Runtime(resolve(environment=settings(tmp_path), home=tmp_path)) as runtime:
        _, dispatch = runtime.server("payment-database")
        outcome = await dispatch.call("query_payments", {"filter": "실패한 결제"}, runtime.caller())
    assert outcome.error == "malformed"
    assert "payments" not in outcome.structured


def test_every_page_is_one_the_service_serves() -> None:
    from dari.services.monitoring.api.shared import Service  # noqa: PLC0415 -- the other side of the wire
    from dari.services.monitoring.app import create_app  # noqa: PLC0415 -- as above
    from dari.services.monitoring.monitor import Monitor  # noqa: PLC0415 -- as above
    from dari.services.monitoring.ports import Ports  # noqa: PLC0415 -- as above

    nobody: Any = object()
    ports = Ports(database=nobody, redis=nobody, kafka=nobody, platform=nobody)
    served = create_app(Service(monitor=Monitor(ports, SystemClock())), beat=False).openapi()["paths"]
    for name in SPEC.ids():
        row = SPEC.endpoint(name)
        told = served[row.path][row.method.lower()]
        if row.method == "GET":
            known = {one["name"]: one for one in told.get("parameters", [])}
            assert {one.name for one in row.parameters} <= set(known), name
            assert {one.name for one in row.parameters if one.required} == {
                one for one, said in known.items() if said["required"]
            }, name


def test_names_become_ours_and_data_stays() -> None:
    names = {"totalLag": "total_lag", "avgTTLSeconds": "avg_ttl_seconds", "p95Ms": "p95_ms", "payment.captured": "",
             "MERCHANT-1": "", "partition-0": "", "merchant_id": "", "others429": ""}  # fmt: skip
    assert {name: snake(name) for name in names} == {name: ours or name for name, ours in names.items()}


def test_what_identifies_a_person_is_hidden() -> None:
    said = untrusted("홍길동 900101-1234567 4111-1111-1111-1111 010-1234-5678 a.b@c.kr\x1b[31m 5000원")
    assert said == "홍길동 [주민번호] [카드번호] [전화번호] [이메일] [31m 5000원"
    assert len(untrusted("가" * 5_000)) == 400


def test_an_answer_is_cut_where_it_is_heavy_and_says_so() -> None:
    data = fitted({"count": 500, "rows": [{"n": n, "text": "x" * 50} for n in range(500)], "few": [1, 2]})
    assert weight(data) <= 8_200
    assert data["truncated"] is True
    assert data["cut"] == {"rows": 500}
    assert data["few"] == [1, 2]
    assert fitted({"rows": [1]}) == {"rows": [1]}


def test_what_is_heavy_inside_a_row_is_cut_too() -> None:
    evidence = {"times": [{"at": "2026-11-20T10:00:00+09:00", "n": n} for n in range(400)], "lag": 7}
    data = fitted({"causes": [{"id": "X", "evidence": evidence}]})
    assert weight(data) <= 8_200
    assert data["cut"] == {"causes.0.evidence.times": 400}
    assert data["causes"][0]["evidence"]["lag"] == 7
