"""What a reply means: Kiwoom says no inside HTTP 200, and hides the code in the message (`[8005:...]`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

from dari.core.errors import (
    DariError,
    GrantStale,
    Hint,
    InvalidInput,
    NotFound,
    RateLimited,
    Refused,
    SignInRefused,
    Unreachable,
    WrongMode,
)
from dari.providers.kiwoom.spec import REFUSALS, REFUSALS_OF_FRAMES, Refusal, named_in

TOO_FAST: Final = 5
NO_AUTHORITY: Final = 3
"""`return_code` of a refused sign-in or token, where the message carries no code."""
WAIT_SECONDS: Final = 1.1
"""After a 1700: the window is a second, and the upstream's clock is not ours."""

IP_HINT: Final = Hint(
    "openapi.kiwoom.com에서 이 PC의 IP(지정단말기)를 등록하세요. 토큰 문제가 아닙니다.",
    "Register this machine's IP at openapi.kiwoom.com; the token is not at fault.",
)
KEY_HINT: Final = Hint(
    "KIWOOM_APP_KEY와 KIWOOM_SECRET_KEY를 확인하세요: dari doctor",
    "Check KIWOOM_APP_KEY and KIWOOM_SECRET_KEY: dari doctor",
)
MODE_HINT: Final = Hint(
    "앱키가 다른 투자구분(실전/모의)의 것입니다. KIWOOM_MODE와 키를 맞추세요.",
    "The key belongs to the other mode (real or mock): make KIWOOM_MODE and the key agree.",
)
MOCK_HINT: Final = Hint(
    "모의투자에서 제공하지 않는 API입니다. 실전 키와 KIWOOM_MODE=real이 필요합니다.",
    "Mock trading does not offer it: it needs a real key and KIWOOM_MODE=real.",
)
INPUT_HINT: Final = Hint("인자를 확인하세요: describe_endpoint", "Check the arguments: describe_endpoint")
SPLIT_HINT: Final = Hint("종목 수를 나누어 조회하세요.", "Ask for fewer codes in one call.")

Make = tuple[type[DariError], Mapping[str, Any]]
_KINDS: Final[Mapping[str, Make]] = MappingProxyType(
    {
        "batch_limit": (Refused, {"hint": SPLIT_HINT}),
        "rate": (RateLimited, {"retry_after": WAIT_SECONDS}),
        "token": (SignInRefused, {"hint": KEY_HINT}),
        "auth": (SignInRefused, {}),
        "credentials": (SignInRefused, {"hint": KEY_HINT}),
        "mode_mismatch": (WrongMode, {"hint": MODE_HINT}),
        "ip": (SignInRefused, {"hint": IP_HINT}),
        "device": (SignInRefused, {"hint": IP_HINT}),
        "request": (Refused, {}),
        "input": (InvalidInput, {"hint": INPUT_HINT}),
        "not_found": (NotFound, {"hint": Hint("종목코드와 거래소를 확인하세요.", "Check the code and the venue.")}),
        "mock_unsupported": (WrongMode, {"hint": MOCK_HINT}),
        "corporate_unsupported": (Refused, {}),
        "server": (Unreachable, {"executed": None}),
        "recursion": (Refused, {}),
        "condition": (RateLimited, {"retry_after": WAIT_SECONDS}),
        "subscription": (Refused, {}),
        "session": (Refused, {}),
    }
)


def refusal_of(said: str, code: str | None = None) -> Refusal | None:
    """The row of the code a message carries, or of a frame's own code."""
    hidden = named_in(said)
    for one in (hidden, code):
        if one is not None and (found := REFUSALS.get(one) or REFUSALS_OF_FRAMES.get(one)):
            return found
    return None


def error_of(
    return_code: str,
    said: str,
    *,
    status: int = HTTPStatus.OK,
    signing_in: bool = False,
    read: bool = True,
    frame: str | None = None,
) -> DariError:
    """The error a reply stands for. The code in the message decides: 1634 and 1700 share everything else.

    `signing_in`: a dead token cannot be the cause then, so nothing is asked again. `read` tells whether an answer
    that never came may have done something. `frame` is the code of a websocket frame.
    """
    known = refusal_of(said, frame)
    if known is None:
        return _unnamed(return_code, said, status, signing_in=signing_in, read=read)
    kind, more = _KINDS[known.kind]
    if known.retry == "after_token":
        # One new token, one more try; if that fails as well, this is what the caller sees, so the hint stays.
        kind = SignInRefused if signing_in else GrantStale
    rest = dict(more)
    if kind is Unreachable:
        rest["executed"] = False if read else None
    return kind(f"Kiwoom: {known.meaning} ({known.code})", upstream_code=known.code, upstream_text=said, **rest)


def _unnamed(return_code: str, said: str, status: int, *, signing_in: bool, read: bool) -> DariError:
    told = f"Kiwoom: return code {return_code}" if return_code else f"Kiwoom: HTTP {status}"
    make: Callable[..., DariError] = Refused
    rest: dict[str, Any] = {}
    if status == HTTPStatus.TOO_MANY_REQUESTS or return_code == str(TOO_FAST):
        make, rest = RateLimited, {"retry_after": WAIT_SECONDS}
    elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        make, rest = Unreachable, {"executed": False if read else None}
    elif status == HTTPStatus.UNAUTHORIZED or return_code == str(NO_AUTHORITY):
        make, rest = (SignInRefused if signing_in else GrantStale), {"hint": KEY_HINT}
    return make(told, upstream_code=return_code or None, upstream_text=said or None, **rest)
