"""Who may ask the simulator: app keys, their mode and rate, and the tokens issued to them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from dari.core.clock import KST, Clock

Mode = Literal["real", "paper"]

_TOKEN_LIFE: Final = timedelta(hours=24)
_SAME_TOKEN: Final = timedelta(hours=6)
_ISSUE_EVERY: Final = 60.0


def _secret_of(appkey: str) -> str:
    return hashlib.shake_256(appkey.encode()).hexdigest(90)


@dataclass(frozen=True, slots=True)
class Key:
    """One app key of the simulator. `per_second` is its gateway limit; `accounts` are (CANO, ACNT_PRDT_CD)."""

    appkey: str
    mode: Mode
    per_second: int
    accounts: tuple[tuple[str, str], ...]
    appsecret: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if not self.appsecret:
            object.__setattr__(self, "appsecret", _secret_of(self.appkey))


REAL: Final = Key(
    "PSsimulatedRealKey000000000000000001",
    "real",
    18,
    (("50001234", "01"), ("50001234", "03"), ("50001234", "08"), ("50001234", "29")),
)
PAPER: Final = Key("PSsimulatedPaperKey00000000000000001", "paper", 1, (("60005678", "01"), ("60005678", "03")))
NEWCOMER: Final = Key("PSsimulatedNewcomer00000000000000001", "real", 3, (("50009999", "01"),))
"""A real key in its first three days."""

STANDARD_KEYS: Final = (REAL, PAPER, NEWCOMER)


@dataclass(slots=True)
class Token:
    """One access token. `spoiled`: expired before its time, by a fault switch."""

    text: str
    key: Key
    issued: datetime
    expires: datetime
    revoked: bool = False
    spoiled: bool = False


class Keyring:
    """The keys, the tokens, and the rules of issuing: one a minute, the same within six hours, alive for a day."""

    def __init__(self, keys: Iterable[Key], clock: Clock) -> None:
        self.keys = {key.appkey: key for key in keys}
        self.clock = clock
        self.issued: dict[str, int] = dict.fromkeys(self.keys, 0)
        self._tokens: dict[str, Token] = {}
        self._current: dict[str, Token] = {}
        self._asked: dict[str, float] = {}

    def issue(self, key: Key) -> Token | None:
        """A token for `key`: the current one while it is young, a new one after; None when asked twice in a minute."""
        moment = self.clock.monotonic()
        asked = self._asked.get(key.appkey)
        if asked is not None and moment - asked < _ISSUE_EVERY:
            return None
        self._asked[key.appkey] = moment
        now = self.clock.now().astimezone(KST).replace(microsecond=0)
        current = self._current.get(key.appkey)
        if current and not current.revoked and not current.spoiled and now - current.issued < _SAME_TOKEN:
            return current
        self.issued[key.appkey] += 1
        text = "sim." + hashlib.shake_256(f"{key.appkey}/{self.issued[key.appkey]}/{now}".encode()).hexdigest(120)
        token = Token(text, key, now, now + _TOKEN_LIFE)
        self._tokens[text] = self._current[key.appkey] = token
        return token

    def find(self, text: str) -> Token | None:
        """The token, alive or not."""
        return self._tokens.get(text)

    def expired(self, token: Token) -> bool:
        """Whether the token's day is over."""
        return token.spoiled or self.clock.now() >= token.expires

    def spoil_all(self) -> int:
        """Let every token expire now. Asking for a new one is allowed at once. Returns how many were alive."""
        alive = [token for token in self._tokens.values() if not token.spoiled and not token.revoked]
        for token in alive:
            token.spoiled = True
        self._asked.clear()
        return len(alive)
