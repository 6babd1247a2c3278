"""Payment statuses as people say them: a noun (승인 매입 환불), what became of it (요청 완료 실패), or the code."""

from __future__ import annotations

from typing import Final

from dari.services.monitoring.filters.reading import FAILED, REFUNDS, STATUSES

_ENDINGS: Final = ("된", "됨", "되", "됐", "됐던", "되었", "되었던", "한", "했", "했던", "함")


def _happened(*stems: str, more: str) -> tuple[str, ...]:
    """실패 + 된, 했던, 됨 …: a stem with every ending that says it has happened, and `more` words."""
    return (*(stem + ending for stem in stems for ending in _ENDINGS), *more.split())


NOUNS: Final = {
    "refund": ("환불", "리펀드", "refund", "refunds"),
    "capture": ("매입", "캡처", "캡쳐", "capture", "captures"),
    "auth": ("승인", "인증", "오소라이즈", "auth", "authorization", "authorizations", "authorisation"),
}
QUALITIES: Final = {
    "fail": _happened(
        "실패",
        more="실패 실패건 실패하는 실패하 실패난 실패났던 실패인 "
        "실패했어 실패했어요 실패했나 실패했나요 실패했니 failed failing failure failures fail fails",
    ),
    "request": _happened(
        "요청",
        "신청",
        more="요청 요청중 요청중인 신청 대기 대기중 대기중인 진행중 진행중인 중인 처리중 처리중인 "
        "request requests requested pending",
    ),
    "done": _happened("완료", "성공", more="완료 완료건 성공 처리된 completed complete succeeded successful"),
    "cancel": _happened("취소", more="취소 취소건 cancelled canceled cancellation cancellations cancel"),
    "partial": ("부분", "일부", "partial", "partially"),
}
MADE: Final = {
    "REFUNDED": _happened("환불", "환불완료", more="환불받은 환불완료 refunded"),
    "CAPTURED": _happened("매입", "캡처", "캡쳐", "매입완료", more="매입완료 캡처완료 캡쳐완료 captured"),
    "AUTHORIZED": _happened("승인", "승인완료", more="승인났던 승인난 승인완료 authorized authorised"),
    "AUTH_FAILED": _happened("거절", "거부", "승인실패", more="거절 거절당한 거부 거부당한 declined 승인실패 인증실패"),
    "CAPTURE_FAILED": _happened("매입실패", "캡처실패", "캡쳐실패", more="매입실패 캡처실패 캡쳐실패"),
    "REFUND_FAILED": _happened("환불실패", more="환불실패"),
    "REFUND_REQUESTED": _happened("환불요청", more="환불요청 환불대기 환불중 환불중인 환불진행중 환불신청"),
    "CAPTURE_REQUESTED": _happened("매입요청", "캡처요청", more="매입요청 캡처요청 매입대기 캡처대기"),
    "PARTIAL_REFUNDED": _happened("부분환불", more="부분환불 일부환불"),
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
