"""Amounts in won: bounds that include or exclude, ranges, bands (30만원대), exact sums; other money is refused."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from dari.services.monitoring.filters import numerals
from dari.services.monitoring.filters.marks import Unclear, Words, kind, past, said

LARGEST: Final = 10**18
"""Above any BIGINT amount a payment can have."""
_PIECES: Final = frozenset(["건", "건만", "건을", "개", "개만", "번", "회", "명", "times"])
_ROWS: Final = frozenset(
    ["payments", "transactions", "rows", "records", "results", "items", "failures", "refunds", "captures"]
)
_MONEYED: Final = frozenset(
    [
        "payment",
        "payments",
        "transaction",
        "transactions",
        "refunds",
        "amount",
        "amounts",
        "of",
        "worth",
        "금액",
        "금액이",
    ]
)
"""Beside these an English figure is money: payments over 50000 captured today."""
_LEADING: Final = frozenset(["최소", "최소한", "적어도", "최대", "최대한", "많아야"])
_EITHER_SIDE: Final = frozenset({"minimum", "maximum", "max", "at least", "at most"})
_MAN: Final = 10_000
_SMALL: Final = 1_000
"""A bare range below it may as well be hours or pieces: between 2 and 3."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Inclusive bounds in won; None leaves a side open."""

    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Money:
    """A figure with what stood beside it: `unit` is the multiplier its text ends in, `won` says the currency stood."""

    value: Decimal
    unit: int
    won: bool

    def whole(self, words: Words) -> int:
        """Won have no fraction. Raises Unclear."""
        if self.value != self.value.to_integral_value() or not 0 <= self.value < LARGEST:
            raise Unclear("amount", words, "원 단위 정수로 적어 주세요.", "Give a whole number of won.")
        return int(self.value)


def money(words: Words, index: int) -> tuple[int, Money] | None:
    """One figure at `index`: ₩1,000 · 30만 원 · 1억 5천만원 · 1 million won. Raises Unclear for other money."""
    at = index
    won = kind(words, at) == "WON"
    if kind(words, at) == "FOREIGN" and kind(words, at + 1) == "NUM":
        raise _foreign(words[at : at + 2])
    at += won
    if kind(words, at) != "NUM":
        return None
    value, unit, text = Decimal(0), 0, ""
    while kind(words, at) == "NUM":
        more, raw = words[at].value
        step = numerals.unit_of(raw)
        if text and not (unit > 1 and more < unit):
            break
        if unit > _MAN > step > 1:  # 1억 2천: said of 120,000,000 and written of 100,002,000
            raise Unclear("amount", words[index : at + 1], "만 단위까지 적어 주세요.", "Say of which unit.")
        value, unit, text, at = value + more, _scale(raw, step), raw, at + 1
        if unit == 1:
            break
    if kind(words, at) == "SCALE":
        value, unit, at = value * words[at].value, words[at].value, at + 1
    if kind(words, at) == "WON":
        won, at = True, at + 1
    elif won and said(words, at) in _PIECES:
        return None  # KRW 5건: the figure counts rows
    elif kind(words, at) == "FOREIGN":
        raise _foreign(words[index : at + 1])
    return at, Money(value, unit, won)


def _scale(raw: str, step: int) -> int:
    if raw.endswith("k"):
        return 1_000
    return 1_000_000 if raw.endswith("mil") else step


def _foreign(words: Words) -> Unclear:
    return Unclear("currency", words, "원화(KRW)만 조회합니다.", "Only KRW can be filtered.")


def amount(words: Words, index: int) -> tuple[int, Bounds] | None:
    """The bounds told at `index`, with the next index, or None. Raises Unclear."""
    lead = _lead(words, index)
    if lead in {"BETWEEN", "FROM_EN"}:
        return _between(words, index)
    if lead == "EXACTLY":
        found = money(words, past(words, index + 1))
        return (found[0], _exact(words[index : found[0]], found[1])) if found else None
    if lead:
        return _led(words, index, lead)
    return _trailing(words, index)


def _lead(words: Words, index: int) -> str:
    here = kind(words, index)
    if here == "CMP":
        return str(words[index].value) if _leads(said(words, index)) else ""
    if said(words, index) == "min" and kind(words, index + 1) in {"NUM", "WON"}:
        return "ge"
    return here if here in {"BETWEEN", "FROM_EN", "EXACTLY"} else ""


def _leads(word: str) -> bool:
    """Over, > and 최소 stand before their figure; 이상 and "or more" do not: 이상 30만원 says something else."""
    return not (_korean(word) or word.startswith(("or ", "and "))) or word in _LEADING


def _follows(word: str) -> bool:
    """5만원 이상, 5,000 won or more; never 5만원 >=, which turns the bound around."""
    return (not _leads(word)) or word in _EITHER_SIDE


def _korean(word: str) -> bool:
    return "가" <= word[:1] <= "힣"


def _led(words: Words, index: int, side: str) -> tuple[int, Bounds] | None:
    """Over 5,000 · 최소 3만원 (이상) · ≤ 10000."""
    found = money(words, past(words, index + 1, "krw-none"))
    if found is None:
        return None
    after, figure = found
    if not figure.won and (_not_money(words, after, prefix=True) or _counting(words, index, figure)):
        return None
    nxt = past(words, after)
    if kind(words, nxt) == "CMP" and _follows(said(words, nxt)):
        if words[nxt].value != side:
            raise Unclear(
                "amount", words[index : nxt + 1], "이상·초과·이하·미만 중 하나로 적어 주세요.", "Say one bound."
            )
        after = nxt + 1
    return after, _bound(words[index:after], figure, side)


def _between(words: Words, index: int) -> tuple[int, Bounds] | None:
    first = money(words, index + 1)
    if first is None or kind(words, first[0]) not in {"AND", "TO", "RANGE"}:
        return None
    second = money(words, first[0] + 1)
    if second is None or not _priced(words, first[1], second[1], second[0], prefix=True):
        return None
    return second[0], _range(words[index : second[0]], first[1], second[1])


def _trailing(words: Words, index: int) -> tuple[int, Bounds] | None:
    """3만원 이상 · 3만원보다 큰 · 3~5만원 · 30만원대 · 5천원부터 만원까지 · 3만원짜리 · 3만원."""
    found = money(words, index)
    if found is None:
        return None
    after, figure = found
    sure = figure.won or figure.unit >= 1_000
    link = kind(words, after)
    if link in {"RANGE", "EOSEO", "FROM", "TO", "AND"}:
        ranged = _ranged(words, index, after, figure)
        if ranged:
            return ranged
    if link == "THAN" and kind(words, past(words, after + 1, "더")) == "BIGGER":
        at = past(words, after + 1, "더")
        return at + 1, _bound(words[index : at + 1], figure, words[at].value)
    at = past(words, after)
    if kind(words, at) == "CMP" and _follows(said(words, at)):
        return at + 1, _bound(words[index : at + 1], figure, words[at].value)
    if link == "BAND" and sure:
        if kind(words, after + 1) in {"CMP", "FROM", "UPTO"}:
            raise Unclear(
                "amount",
                words[index : after + 2],
                "금액대와 이상·이하는 함께 쓸 수 없습니다.",
                "A band has no further bound.",
            )
        low, high = _band(words[index : after + 1], figure)
        return after + 1, Bounds(low, high)
    if not sure:
        return None
    if link == "FROM":
        return after + 1, _bound(words[index : after + 1], figure, "ge")
    if link == "UPTO":
        return after + 1, _bound(words[index : after + 1], figure, "le")
    if link == "EACH" or figure.won:
        return after + (link == "EACH"), _exact(words[index:after], figure)
    return None


def _ranged(words: Words, index: int, after: int, figure: Money) -> tuple[int, Bounds] | None:
    link = kind(words, after)
    second = money(words, after + 1)
    if second is None:
        return None
    at, other = second
    if not _priced(words, figure, other, at, prefix=False):
        return None
    if kind(words, at) == "BAND" and link == "RANGE":
        other = Money(Decimal(_band(words[index : at + 1], other)[1]), other.unit, won=True)
        return at + 1, _range(words[index : at + 1], figure, other, band=True)
    closing = kind(words, at) in {"UPTO", "BETWEEN_KO"}
    if kind(words, at) == "BETWEEN_KO" or (link != "AND" and (closing or link in {"RANGE", "TO"})):
        return at + closing, _range(words[index : at + closing], figure, other)
    return None


def _range(words: Words, first: Money, second: Money, *, band: bool = False) -> Bounds:
    """Both ends included; "10~50만원" lends its unit to the first figure."""
    if not first.won and first.unit == 1 and second.unit > 1 and first.value * second.unit <= second.value:
        first = Money(first.value * second.unit, second.unit, first.won)
    low, high = first.whole(words), second.value if band else second.whole(words)
    if low > high:
        raise Unclear("empty", words, "최소가 최대보다 큽니다.", "The least is above the most.")
    return Bounds(low, int(high))


def _band(words: Words, figure: Money) -> tuple[int, int]:
    """30만원대 = 300,000–399,999: one step of the last figure that is not zero."""
    low = figure.whole(words)
    if low == 0:
        raise Unclear("amount", words, "0원대는 없습니다.", "There is no band of 0.")
    step = 1
    while low % (step * 10) == 0:
        step *= 10
    return low, low + step - 1


def _exact(words: Words, figure: Money) -> Bounds:
    value = figure.whole(words)
    return Bounds(value, value)


def _bound(words: Words, figure: Money, side: str) -> Bounds:
    value = figure.whole(words)
    if side in {"gt", "ge"}:
        return Bounds(value + (side == "gt"), None)
    high = value - (side == "lt")
    if high < 0:
        raise Unclear("empty", words, "0원보다 작은 금액은 없습니다.", "No amount is below 0.")
    return Bounds(None, high)


def _not_money(words: Words, after: int, *, prefix: bool) -> bool:
    """The figure counts something else: 3 hours, 5건, at least 3 payments."""
    here = kind(words, after)
    if said(words, after) in _PIECES:
        return True
    return here in {"UNIT", "COUNT", "OCLOCK", "MONTH_KO", "MONTH", "QUARTER", "NTH"} or (
        prefix and said(words, after) in _ROWS
    )


def _priced(words: Words, first: Money, second: Money, after: int, *, prefix: bool) -> bool:
    """The two ends of a range are money: won stands beside one, or a unit, or they are large and count nothing."""
    if first.won or second.won or second.unit >= _SMALL:
        return True
    return second.value >= _SMALL and not _not_money(words, after, prefix=prefix)


def _counting(words: Words, index: int, figure: Money) -> bool:
    """More than 5 failed payments, max 5: a small bare figure counts rows unless it stands beside a word for money."""
    return figure.unit < _SMALL and figure.value < _SMALL and said(words, index - 1) not in _MONEYED
