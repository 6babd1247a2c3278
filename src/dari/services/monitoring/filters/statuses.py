"""Payment statuses as people say them: a noun (승인 매입 환불), what became of it (요청 완료 실패), or the code."""

from __future__ import annotations

from typing import Final

from dari.services.monitoring.filters.reading import FAILED, REFUNDS, STATUSES

NOUNS: Final = {
    "refund": ("환불", "리펀드", "refund", "refunds"),
    "capture": ("매입", "캡처", "캡쳐", "capture", "captures"),
    "auth": ("승인", "인증", "오소라이즈", "auth", "authorization", "authorizations", "authorisation"),
}
QUALITIES: Final = {
    "fail": (
        "실패",
        "실패건",
        "실패한",
        "실패된",
        "실패했던",
        "실패하는",
        "실패했",
        "실패했어",
        "실패했어요",
        "실패했나",
        "실패했나요",
        "실패했니",
        "실패난",
        "실패났던",
        "실패하",
        "실패인",
        "실패함",
        "failed",
        "failing",
        "failure",
        "failures",
        "fail",
        "fails",
    ),
    "request": (
        "요청",
        "요청된",
        "요청한",
        "요청됨",
        "요청했던",
        "요청중",
        "요청중인",
        "대기",
        "대기중",
        "대기중인",
        "진행중",
        "진행중인",
        "중인",
        "처리중",
        "처리중인",
        "신청",
        "신청된",
        "신청한",
        "request",
        "requests",
        "requested",
        "pending",
    ),
    "done": (
        "완료",
        "완료된",
        "완료한",
        "완료됨",
        "완료건",
        "처리된",
        "성공",
        "성공한",
        "성공된",
        "completed",
        "complete",
        "succeeded",
        "successful",
    ),
    "cancel": (
        "취소",
        "취소된",
        "취소한",
        "취소됨",
        "취소했던",
        "취소했",
        "취소되",
        "취소됐",
        "취소됐던",
        "취소건",
        "취소되었던",
        "cancelled",
        "canceled",
        "cancellation",
        "cancellations",
        "cancel",
    ),
    "partial": ("부분", "일부", "partial", "partially"),
}
MADE: Final = {
    "REFUNDED": (
        "환불된",
        "환불됨",
        "환불한",
        "환불했던",
        "환불되었던",
        "환불되",
        "환불됐",
        "환불됐던",
        "환불받은",
        "환불완료",
        "환불완료된",
        "refunded",
    ),
    "CAPTURED": (
        "매입된",
        "매입됨",
        "매입한",
        "매입되",
        "매입됐",
        "캡처되",
        "캡처됐",
        "캡처된",
        "캡처됨",
        "캡처한",
        "캡쳐된",
        "캡쳐한",
        "매입완료",
        "매입완료된",
        "캡처완료",
        "captured",
    ),
    "AUTHORIZED": (
        "승인된",
        "승인됨",
        "승인한",
        "승인되",
        "승인됐",
        "승인났던",
        "승인난",
        "승인완료",
        "승인완료된",
        "authorized",
        "authorised",
    ),
    "AUTH_FAILED": (
        "거절",
        "거절된",
        "거절됨",
        "거절당한",
        "거절한",
        "거부",
        "거부된",
        "거부당한",
        "declined",
        "승인실패",
        "승인실패한",
        "인증실패",
    ),
    "CAPTURE_FAILED": ("매입실패", "매입실패한", "캡처실패", "캡처실패한", "캡쳐실패"),
    "REFUND_FAILED": ("환불실패", "환불실패한", "환불실패된"),
    "REFUND_REQUESTED": (
        "환불요청",
        "환불요청된",
        "환불요청한",
        "환불대기",
        "환불중",
        "환불중인",
        "환불진행중",
        "환불신청",
    ),
    "CAPTURE_REQUESTED": ("매입요청", "매입요청된", "캡처요청", "캡처요청된", "매입대기", "캡처대기"),
    "PARTIAL_REFUNDED": ("부분환불", "부분환불된", "부분환불한", "일부환불"),
    "READY": ("준비", "준비중", "준비중인", "준비된", "ready"),
}

_PAIRS: Final = {
    ("refund", "fail"): ("REFUND_FAILED",),
    ("refund", "request"): ("REFUND_REQUESTED",),
    ("refund", "done"): ("REFUNDED",),
    ("refund", "partial"): ("PARTIAL_REFUNDED",),
    ("capture", "fail"): ("CAPTURE_FAILED",),
    ("capture", "request"): ("CAPTURE_REQUESTED",),
    ("capture", "done"): ("CAPTURED",),
    ("auth", "fail"): ("AUTH_FAILED",),
    ("auth", "done"): ("AUTHORIZED",),
}
_ALONE: Final = {
    "refund": REFUNDS,
    "capture": ("CAPTURED",),
    "auth": ("AUTHORIZED",),
    "fail": FAILED,
    "cancel": ("CANCELLED",),
}


def pair(noun: str, quality: str) -> tuple[str, ...] | None:
    """The statuses of a noun with what became of it; None when the two say nothing together."""
    return _PAIRS.get((noun, quality))


def alone(word: str) -> tuple[str, ...] | None:
    """The statuses of one noun or quality by itself; None when it needs another word (요청, 완료, pending)."""
    return _ALONE.get(word)


def in_order(statuses: set[str]) -> tuple[str, ...]:
    """Each status once, in the order of a payment's life."""
    return tuple(status for status in STATUSES if status in statuses)
