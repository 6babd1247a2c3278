"""What the simulated upstream says when it says no."""

from __future__ import annotations

from typing import Any, Final

from dari.providers.kiwoom.spec import REFUSALS

HEADS: Final = {
    1: "요청이 올바르지 않습니다",
    2: "입력 값 오류입니다",
    3: "인증에 실패했습니다",
    5: "허용된 요청 개수를 초과하였습니다",
    20: "업무 처리가 거부되었습니다",
}
"""The general wording of a return code; the particular code stands in brackets behind it."""
TOO_MANY_REQUESTS: Final = 429


class Refused(Exception):
    """The upstream's no: HTTP status, `return_code` and message, and the particular code for the counters."""

    def __init__(self, code: str, detail: str = "", *, status: int = 200) -> None:
        known = REFUSALS.get(code)
        self.code = code
        self.status = status
        self.return_code = known.return_code if known else 20
        korean = known.korean if known else code
        head = HEADS[self.return_code]
        tail = f" {detail}" if detail else ""
        self.message = f"{head}[{code}:{korean}.{tail}]" if known else f"{korean}{tail}"
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """The envelope."""
        return {"return_code": self.return_code, "return_msg": self.message}


def business(message: str) -> Refused:
    """A no of the order desk, which has no documented code: return_code 20 and words."""
    return Refused(message)


def too_many(api_id: str, quota: int, *, told: bool) -> Refused:
    """1700. On real the message tells the quota (유량=N); on mock it has no bracket at all."""
    refusal = Refused("1700", f"유량={quota}, API ID={api_id}", status=TOO_MANY_REQUESTS)
    if not told:
        refusal.message = HEADS[5]
    return refusal


def too_long(api_id: str) -> Refused:
    """1634: the same status, return code and words as 1700; only the bracket differs."""
    return Refused("1634", f"API ID={api_id}", status=TOO_MANY_REQUESTS)
