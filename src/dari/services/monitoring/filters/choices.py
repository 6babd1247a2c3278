"""Statuses, identifiers, order and count: the parts of a filter that are chosen, not measured."""

from __future__ import annotations

import re
from typing import Any, Final

from dari.services.monitoring.filters import statuses
from dari.services.monitoring.filters.marks import Unclear, Words, kind, past, said, whole

Found = tuple[int, dict[str, Any]]
_NOT_MERCHANT: Final = re.compile(
    r"^(idem|key|order|pay|payment|txn?|req|k6|event|evt|trace|user|card)(?=[_\-\d]|$)", re.IGNORECASE
)
_MERCHANT_SHAPE: Final = re.compile(r"^[A-Z][A-Z0-9]*([_\-][A-Z0-9]+)+$")
_ROWS: Final = frozenset(
    {
        "payments",
        "transactions",
        "rows",
        "records",
        "results",
        "items",
        "txns",
        "entries",
        "payment",
        "transaction",
        "row",
        "record",
        "result",
        "item",
    }
)
_PAYMENTS: Final = frozenset({"결제", "거래", "건", "payments", "transactions", "ones"})
_AMOUNT: Final = frozenset({"금액", "금액이", "amount", "amounts", "결제금액", "결제액"})
_WHEN: Final = frozenset({"시간", "날짜", "일시", "time", "date", "created_at", "requested_at"})


def status(words: Words, index: int) -> Found | None:
    """One status or several joined by or / 또는 / a comma. Raises Unclear for 요청 or pending of nothing."""
    first = _one(words, index)
    if first is None:
        return None
    after, found, shape = first
    shapes = [shape]
    while True:
        link = _link(words, after)
        nxt = _one(words, link) if link else None
        if nxt is None:
            break
        if (shapes[-1] == "noun" and nxt[2] == "pair") or (shapes[-1] == "led" and nxt[2] == "noun"):
            # 매입 또는 환불 실패 · failed captures or refunds: does 실패 belong to both?
            raise Unclear(
                "statuses", words[index : nxt[0]], "상태를 하나씩 적어 주세요.", "Name each status by itself."
            )
        if nxt[2] == "quality" and shapes[-1] in {"pair", "led"} and said(words, link) not in _CANCELS:
            raise Unclear("statuses", words[index : nxt[0]], "무엇의 실패인지 적어 주세요.", "Say what failed.")
        after, found = nxt[0], found | nxt[1]
        shapes.append(nxt[2])
    return after, {"statuses": statuses.in_order(found)}


_SETTLED: Final = frozenset({"REFUNDED", "CAPTURED", "AUTHORIZED", "PARTIAL_REFUNDED"})
_CANCELS: Final = frozenset(statuses.QUALITIES["cancel"])


def _link(words: Words, index: int) -> int:
    """The index after or / 와 / a comma, or 0."""
    at = past(words, index)
    if said(words, at) in _PAYMENTS and kind(words, past(words, at + 1)) == "OR":  # 실패한 결제 또는 취소된 결제
        at = past(words, at + 1)
    if kind(words, at) not in {"OR", "AND", "SLASH"}:
        return 0
    if kind(words, at) == "SLASH" and kind(words, past(words, at + 1)) in {"OR", "AND"}:
        at = past(words, at + 1)
    at += 1
    while said(words, at) in {"결제", "거래", "the"}:
        at += 1
    return at


def _one(words: Words, index: int) -> tuple[int, set[str], str] | None:
    """One status: (next index, codes, how it was said: code, noun, pair, led or quality)."""
    here = kind(words, index)
    if here == "MADE":
        after = index + 1
        if words[index].value in _SETTLED and kind(words, after) == "QUALITY" and words[after].value == "done":
            after += 1  # 부분환불 완료, 환불된 … 처리된
        return after, {words[index].value}, "code"
    if here == "UPPER":
        return index + 1, {words[index].value}, "code"
    if here == "NOUN":
        return _noun(words, index)
    if here == "QUALITY":
        return _quality(words, index)
    return None


def _noun(words: Words, index: int) -> tuple[int, set[str], str]:
    noun = words[index].value
    after = past(words, index + 1)
    if said(words, after) in {"처리", "has", "was"} and kind(words, after + 1) == "QUALITY":
        after += 1
    if noun == "auth" and kind(words, after) == "MADE" and words[after].value == "AUTH_FAILED":  # 승인 거절
        return after + 1, {"AUTH_FAILED"}, "code"
    if kind(words, after) == "QUALITY":
        quality = words[after].value
        told = statuses.pair(noun, quality)
        if told is None:
            raise Unclear("statuses", words[index : after + 1], "그런 상태가 없습니다.", "There is no such status.")
        after += 1
        if quality != "done" and kind(words, after) == "QUALITY" and words[after].text in {"처리된", "중인"}:
            after += 1
        return after, set(told), "pair"
    told = statuses.alone(noun)
    return index + 1, set(told or ()), "noun"


def _quality(words: Words, index: int) -> tuple[int, set[str], str]:
    quality = words[index].value
    after = index + 1
    if kind(words, after) == "NOUN":
        told = statuses.pair(words[after].value, quality)
        if told is None:
            raise Unclear("statuses", words[index : after + 1], "그런 상태가 없습니다.", "There is no such status.")
        return after + 1, set(told), "led"
    if kind(words, after) == "MADE" and quality == "partial" and words[after].value == "REFUNDED":
        return after + 1, {"PARTIAL_REFUNDED"}, "code"
    told = statuses.alone(quality)
    if told is None:
        raise Unclear(
            "statuses",
            words[index : index + 1],
            "무엇의 상태인지 적어 주세요(매입 요청, 환불 완료 …).",
            "Say of what: capture requested, refund completed, …",
        )
    return after, set(told), "quality"


def identifier(words: Words, index: int) -> Found | None:
    """Merchant X · X 가맹점 · payment #1 · 1번 결제 · idempotency key K."""
    at = index
    if kind(words, at) in {"FROM_EN", "BY"} and kind(words, at + 1) in {"MERCHANT", "ID"}:
        at += 1
    here = kind(words, at)
    if here in {"MERCHANT", "PAYMENT", "IDEMPOTENCY"}:
        name = {"MERCHANT": "merchant_id", "PAYMENT": "payment_id", "IDEMPOTENCY": "idempotency_key"}[here]
        value = words[at].value
        if here == "PAYMENT" and not 0 < value < 2**63:
            raise Unclear("payment_id", words[at : at + 1], "없는 결제 번호입니다.", "There is no such payment id.")
        if isinstance(value, str) and len(value) > (32 if here == "MERCHANT" else 64):
            raise Unclear(name, words[at : at + 1], "너무 긴 값입니다.", "The value is too long.")
        after = at + 1
        if kind(words, after) == "NTH":
            after += 1
        return _after_place(words, after), {name: value}
    if here == "ID":
        return _merchant_by_shape(words, at)
    return _payment_by_number(words, index)


def _merchant_by_shape(words: Words, at: int) -> Found | None:
    text = words[at].value
    worded = kind(words, past(words, at + 1)) == "MERCHANT_WORD"
    if len(text) > 32:
        return None
    if worded:
        return _after_place(words, past(words, at + 1) + 1), {"merchant_id": text}
    if _MERCHANT_SHAPE.match(text) and not _NOT_MERCHANT.match(text):
        return _after_place(words, at + 1), {"merchant_id": text}
    return None


def _after_place(words: Words, index: int) -> int:
    """…에서: a merchant as the place."""
    at = past(words, index)
    return at + 1 if kind(words, at) == "EOSEO" else index


def _payment_by_number(words: Words, index: int) -> Found | None:
    """결제 12345 · payment 12345 · 결제 12345번 · 12345번 결제: a plain figure, no unit."""
    named = said(words, index) in {"결제", "payment", "거래"}
    at = index + 1 if named else index
    if kind(words, at) != "NUM" or not words[at].text.isdigit():
        return None
    nth = kind(words, at + 1) == "NTH"
    if not named and not (nth and said(words, past(words, at + 2)) in {"결제", "거래", "payment"}):
        return None
    follows = kind(words, past(words, at + 1))
    if not nth and follows in {
        "WON",
        "CMP",
        "UNIT",
        "COUNT",
        "FOREIGN",
        "RANGE",
        "BAND",
        "THAN",
        "OCLOCK",
        "MONTH_KO",
        "FROM",
        "UPTO",
        "EOSEO",
        "SCALE",
        "EACH",
        "NUM",
        "QUARTER",
        "AM",
        "PM",
        "MONTH",
        "ORDER",
        "MOST",
    }:
        return None
    if not nth and (said(words, at + 1) in {"건", "건만", "%"} or said(words, index) == "거래"):
        return None
    value = int(words[at].text)
    if not 0 < value < 2**63:
        return None
    return at + 1 + nth, {"payment_id": value}


def order(words: Words, index: int) -> Found | None:
    """최신순 · 금액 큰 순 · newest first · by amount desc. Raises Unclear for 금액순 without a direction."""
    at = index
    while kind(words, at) == "SORT" or said(words, at) in {"by", "in"}:
        at += 1
    field = ""
    if said(words, at) in _AMOUNT or said(words, at) in _WHEN:
        field = "amount" if said(words, at) in _AMOUNT else "time"
        at = past(words, at + 1)
    if kind(words, at) == "MOST" and kind(words, at + 1) == "BIGGER":
        return _tail(words, at + 2, index, {"gt": "largest", "lt": "smallest"}[words[at + 1].value])
    if kind(words, at) == "BIGGER":
        nxt = past(words, at + 1, "금액")
        if kind(words, nxt) == "ROW":
            return _tail(words, nxt + 1, index, {"gt": "largest", "lt": "smallest"}[words[at].value])
        return None
    sided = "ROW" if kind(words, at) == "ROW" else ""
    at = past(words, at + 1) if sided else at
    if kind(words, at) in {"DESC", "ASC"}:
        if not field:
            raise Unclear("order", words[index : at + 1], "무엇의 순서인지 적어 주세요.", "Say by what.")
        down = kind(words, at) == "DESC"
        return _tail(
            words,
            at + 1,
            index,
            ("largest" if down else "smallest") if field == "amount" else ("newest" if down else "oldest"),
        )
    if kind(words, at) == "ORDER":
        value = words[at].value
        nxt = at + 1
        while said(words, nxt) in _AMOUNT | {"first"}:
            nxt += 1
        return _tail(words, nxt, index, value)
    ranked = said(words, index) == "by" and any(word.kind == "TOP" for word in words[:index])
    if ranked and field == "amount":  # top 3 refunds by amount
        return at, {"order": "largest"}
    if (sided or (field and (kind(words, index) == "SORT" or said(words, index) == "by"))) and field:
        raise Unclear("order", words[index:at], "큰 순인지 작은 순인지 적어 주세요.", "Say ascending or descending.")
    if kind(words, index) == "ROLL" and said(words, index) == "최근":
        return index + 1, {"order": "newest"}
    return None


def _tail(words: Words, after: int, index: int, value: str) -> Found:
    del index
    while kind(words, after) in {"SORT", "ROW"}:
        after += 1
    return after, {"order": value}


def limit(words: Words, index: int) -> Found | None:
    """10건 · top 5 · 최근 5건 · last 10 payments · limit 20 · 최대 5건."""
    at, told = index, {}
    led = kind(words, at)
    if led in {"LIMIT", "TOP"}:
        told = {"order": "largest"} if led == "TOP" and said(words, at - 1) in _AMOUNT else {}
        at += 1
        at += said(words, at) in {"=", ":", "to"}
    elif (
        led == "ORDER" or (led == "ROLL" and said(words, at) == "최근") or (led == "LAST" and said(words, at) == "last")
    ):
        told = {"order": words[at].value if led == "ORDER" else "newest"}
        at += 1
    elif led == "FIRST" or (led == "CMP" and words[at].value == "le"):
        at += 1
    else:
        led = ""
    figure = whole(words, at) if kind(words, at) != "FILL" else None
    if (
        figure is None
        or kind(words, at) == "ORDINAL"
        or (kind(words, at) not in {"NUM", "ENGNUM"} and not _counted(words, figure[0]))
        or "," in said(words, at)
    ):
        return None
    after, count = figure
    counted = _counted(words, after)
    if kind(words, after) in {"UNIT", "WON", "FOREIGN", "NTH", "SCALE", "OCLOCK", "MONTH_KO", "MONTH", "BAND", "NUM"}:
        return None
    if led == "FIRST" and said(words, after) not in {"rows", "results", "row", "result", "records", "items", "entries"}:
        return None
    if led == "CMP" and not counted:
        return None
    listed = led == "" and (said(words, at).isdigit() or kind(words, at) == "ENGNUM") and _qualified(words, after)
    if (
        led == ""
        and 1900 <= count <= 2100
        and kind(words, after) != "COUNT"
        and said(words, after) not in {"건", "건만"}
    ):
        return None
    if not (counted or listed or (led in {"LIMIT", "TOP", "ORDER"}) or (led == "LAST" and _qualified(words, after))):
        return None
    if not 0 < count <= 1_000_000:
        raise Unclear("limit", words[index:after], "건수는 1 이상입니다.", "A limit is at least 1.")
    if listed and kind(words, after) == "ORDER":
        told = {"order": words[after].value}
        after += 1
    elif listed and kind(words, after) == "MOST":
        return None
    elif counted and (kind(words, after) == "COUNT" or said(words, after) in {"건", "건만"}):
        after += 1
        if kind(words, past(words, after)) == "CMP":
            raise Unclear(
                "limit", words[index : after + 1], "건수의 이상·이하는 조건이 아닙니다.", "A count is no bound."
            )
    return after, {**told, "limit": count}


def _counted(words: Words, after: int) -> bool:
    return kind(words, after) == "COUNT" or said(words, after) in {"건", "건만"} or said(words, after) in _ROWS


def _qualified(words: Words, after: int) -> bool:
    """5 failed payments, 5 largest …: English puts the kind between the figure and the noun."""
    return kind(words, after) in {"QUALITY", "NOUN", "MADE", "ORDER", "MOST"} and said(words, after).isascii()
