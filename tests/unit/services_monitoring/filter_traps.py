"""Words that stop any sentence: outside the fields, negations, two readings, or nothing that exists."""

from __future__ import annotations

WORDS = (
    "서울", "카드", "vip", "이유", "합계", "아닌", "except", "not", "usd", "달러", "정도", "around", "or", "또는",
    "everything", "정산", "제외", "없이", "쯤", "사유별", "고객", "미만의것", "because", "why", "제일큰손",
    "by status", "!captured",
)  # fmt: skip
TIMES = (
    "월요일", "monday", "last monday", "monday of last week", "오후 3시", "3시 이후", "3시부터 4시까지", "자정부터",
    "last day",
    "어제 이전", "2월 30일", "2026-02-30", "12/25", "12월 25일", "december 25", "5분기", "오전 13시 이후",
    "25시 이후", "새벽 9시 이후",
    "어제 10:75부터", "between yesterday", "between 9am and", "from 2pm to", "11월 3일 ~", "지난 1시간 전",
    "어제와 오늘", "한 주 전",
    "어제 오전 9시 이후 오전 11시 이전", "오늘부터 어제까지", "지난 0시간", "지난 1.5개월", "last 99999999999 days",
    "지난 999999999999일",
    "20260일", "monday of october", "9999년 13월", "어제, between 9am and", "오늘 after the",
)  # fmt: skip
AMOUNTS = (
    "10달러 이상", "$5 이상", "0원대", "30만원대 이상", "30만원 이상 초과", "최소 30만원 이하", "1.5원 이상",
    "0원 미만", "50만원에서 30만원까지",
    "5만원 >=", "이상 5만원", "more than 5 failed payments", "between 2 and 3", "between 9000 and 5000 won",
    "3~5건", "5천5천원 이상",
    "1,00원 이상", "3만5만원 이상", "99999999999999999999원 이상", "2천3천만 이상", "삼사원 이상",
    "1억2천 이상", "1억 2천원 이하",
)  # fmt: skip
CHOICES = (
    "요청", "매입 또는 환불 실패", "failed captures or refunds", "매입 취소", "cancelled refund",
    "환불 실패 또는 실패", "#0",
    "결제 번호 0", "payment_id=99999999999999999999", f"merchant_id={'A' * 33}", f"멱등키={'k' * 65}", "금액순",
    "내림차순",
    "limit 0", "5건 이상", "결제 5건 초과", "first 3 payments", "3rd payment", "어제 오늘", "5건 7건",
    "A-1 B-2 가맹점",
    "10만원 이상 5만원 이하", "order-77", "sorted by amount", "거래 12345",
)  # fmt: skip
TRAPS = (*WORDS, *TIMES, *AMOUNTS, *CHOICES)
