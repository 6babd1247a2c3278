"""What a result code means for whoever asked: each class of codes is one kind of error with its next step."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus

from dari.core.clock import midnight_after
from dari.core.endpoint import Endpoint
from dari.core.errors import DariError, Hint, QuotaSpent, RateLimited, Refused, SignInRefused, Unreachable
from dari.providers.naramarket.dialect.envelopes import Read
from dari.providers.naramarket.spec import SPEC, error_codes

KEY_HINTS = {
    "20": Hint(
        "이 서비스의 활용신청이 필요합니다. 같은 키라도 서비스마다 따로 신청합니다.",
        "Apply for this service on data.go.kr: one key serves all, but each service is applied for on its own.",
    ),
    "30": Hint(
        "NARAMARKET_SERVICE_KEY에 발급받은 키(Encoding·Decoding 모두 가능)를 그대로 넣고 활용신청 승인을 확인하세요.",
        "Put the key of data.go.kr into NARAMARKET_SERVICE_KEY as it is, and check that this service was granted.",
    ),
    "31": Hint(
        "활용기간이 끝났습니다. 공공데이터포털에서 연장하세요.", "The key has expired: extend it on data.go.kr."
    ),
}
ADDRESS_HINT = Hint("등록되지 않은 주소에서 부르고 있습니다.", "Called from an address that is not registered.")
WINDOW_HINT = Hint(
    "조회 기간이 이 오퍼레이션의 한도를 넘었습니다. 기간을 나누세요.",
    "The period is wider than this operation permits: split it.",
)
REQUEST_HINT = Hint(
    "describe_operation으로 필수 인자와 날짜 형식을 확인하세요.", "describe_operation tells what is required and how."
)


def error_of(told: Read, row: Endpoint, now: datetime, *, said: str, retry_after: float | None) -> DariError:
    """The DariError that a code stands for. `said` is the upstream's text, already free of the key."""
    known = error_codes().get(told.code)
    kind = known.kind if known else ""
    label = known.label if known else told.code
    what = f"{row.id}: {label}"
    if told.code.startswith("http"):
        return _of_status(told.code, row, said, retry_after)
    if told.code == "23":
        return RateLimited(what, upstream_code="23", upstream_text=said, retry_after=retry_after)
    if kind == "retry":
        return Unreachable(what, upstream_code=told.code, upstream_text=said)
    if kind == "quota":
        again = midnight_after(now)
        return QuotaSpent(
            f"{row.id}: the calls of today are spent",
            upstream_code=told.code,
            upstream_text=said,
            retry_after=(again - now).total_seconds(),
            details={"resume_not_before": again.isoformat(), "documented_calls_a_day": row.wire["quota"]},
            hint=Hint(
                f"{again:%m월 %d일} 0시(KST) 이후 이어서 하세요. 다른 오퍼레이션의 호출량은 따로 셉니다.",
                f"Go on after {again:%Y-%m-%d} 00:00 KST; other operations count on their own.",
            ),
        )
    if kind == "key":
        return SignInRefused(
            f"{what} ({row.wire['service']})",
            upstream_code=told.code,
            upstream_text=said,
            hint=KEY_HINTS.get(told.code, ADDRESS_HINT),
            details={"service": row.wire["service"], "portal": _portal(row)},
        )
    hint = {"window": WINDOW_HINT, "request": REQUEST_HINT}.get(kind, Hint("", ""))
    return Refused(what, upstream_code=told.code or None, upstream_text=said, hint=hint)


def _portal(row: Endpoint) -> str:
    portal = SPEC.services()[row.wire["service"]].portal
    return f"https://www.data.go.kr/data/{portal}/openapi.do" if portal else "https://www.data.go.kr"


def _of_status(code: str, row: Endpoint, said: str, retry_after: float | None) -> DariError:
    status = int(code.removeprefix("http"))
    what = f"{row.id}: HTTP {status}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(what, upstream_code=code, upstream_text=said, retry_after=retry_after)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return SignInRefused(what, upstream_code=code, upstream_text=said, hint=KEY_HINTS["30"])
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        return Unreachable(what, upstream_code=code, upstream_text=said)
    return Refused(what, upstream_code=code, upstream_text=said)
