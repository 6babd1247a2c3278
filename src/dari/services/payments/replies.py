"""The bodies of the payment API, in the original's spelling, and the reply that carries one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dari.services.payments.moves import spelled

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_SHAPE: Final = ConfigDict(extra="ignore", strict=True, frozen=True)


class AuthorizeRequest(BaseModel):
    """POST /payments/authorize; `amount` in whole won."""

    model_config = _SHAPE
    merchantId: Annotated[Text, Field(max_length=32)]  # noqa: N815 — the wire's spelling
    amount: Annotated[int, Field(ge=1, le=2**63 - 1)]
    currency: Annotated[Text, Field(max_length=3)]
    idempotencyKey: Annotated[Text, Field(max_length=64)]  # noqa: N815 — the wire's spelling


class CaptureRequest(BaseModel):
    """POST /payments/capture/{paymentId}."""

    model_config = _SHAPE
    merchantId: Annotated[Text, Field(max_length=32)]  # noqa: N815 — the wire's spelling


class RefundRequest(BaseModel):
    """POST /payments/refund/{paymentId}."""

    model_config = _SHAPE
    merchantId: Annotated[Text, Field(max_length=32)]  # noqa: N815 — the wire's spelling
    reason: Annotated[Text, Field(max_length=128)]


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: status, the JSON text as it is sent, and headers."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)


def payment_body(
    payment_id: int, *, status: str, amount: int, currency: str, created_at: str, message: str
) -> dict[str, Any]:
    """PaymentResponse; `ledgerEntries` is always empty, as in the original."""
    return {
        "paymentId": payment_id,
        "status": status,
        "amount": amount,
        "currency": currency,
        "createdAt": created_at,
        "ledgerEntries": [],
        "message": message,
    }


def refusal(
    status: int, code: str, message: str, *, payment_id: int | None = None, retry_after: float | None = None
) -> Reply:
    """ErrorResponse `{code, message, paymentId}`; `retry_after` seconds become the header, rounded up."""
    headers = {} if retry_after is None else {"Retry-After": str(max(1, math.ceil(retry_after)))}
    return Reply(status, spelled({"code": code, "message": message, "paymentId": payment_id}), headers)
