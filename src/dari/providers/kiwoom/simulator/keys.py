"""Who may sign in, and the tokens that stand: one key is one account of one mode."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from dari.core.clock import Clock
from dari.providers.kiwoom.simulator.refusals import Refused

Mode = Literal["mock", "real"]
LIFETIME: Final = timedelta(hours=24)
GRANT_TYPE: Final = "client_credentials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One app key with its secret and the account it is bound to."""

    app_key: str
    secret_key: str = field(repr=False)
    mode: Mode
    account: str


MOCK_KEY: Final = Key(
    app_key="simulated-mock-app-key",
    secret_key="simulated-mock-secret",  # noqa: S106 - opens a simulator only
    mode="mock",
    account="8100000011",
)
REAL_KEY: Final = Key(
    app_key="simulated-real-app-key",
    secret_key="simulated-real-secret",  # noqa: S106 - opens a simulator only
    mode="real",
    account="5100000011",
)
DEFAULT_KEYS: Final = (MOCK_KEY, REAL_KEY)


@dataclass(frozen=True, slots=True)
class Grant:
    """A token that was issued."""

    token: str = field(repr=False)
    key: Key
    expires: datetime
    asked_from: str


class KeyRing:
    """Issues, checks and revokes tokens.

    `reissue` says which of two probed behaviours is shown: "same" (inside the lifetime the same token comes back) or
    "replace" (a new token comes, and the old one is refused with 8005, as when another process signs in).
    """

    def __init__(self, keys: tuple[Key, ...], clock: Clock) -> None:
        self._keys = {key.app_key: key for key in keys}
        self._clock = clock
        self._grants: dict[str, Grant] = {}
        self._issued = 0
        self.reissue: Literal["same", "replace"] = "same"

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every key known."""
        return tuple(self._keys.values())

    def add(self, key: Key) -> None:
        """Let another key in."""
        self._keys[key.app_key] = key

    def _standing(self, app_key: str) -> Grant | None:
        now = self._clock.now()
        return next((one for one in self._grants.values() if one.key.app_key == app_key and one.expires > now), None)

    def _known(self, body: dict[str, str], mode: Mode) -> Key:
        app_key, secret = body.get("appkey", ""), body.get("secretkey", "")
        if not app_key or not secret:
            raise Refused("8020")
        key = self._keys.get(app_key)
        if key is None:
            raise Refused("8001")
        if key.secret_key != secret:
            raise Refused("8002")
        if key.mode != mode:
            raise Refused("8030")
        return key

    def issue(self, body: dict[str, str], mode: Mode, asked_from: str) -> Grant:
        """au10001. Refuses 8011, 8012 (grant type), 8020 (keys missing), 8001, 8002 (wrong) and 8030 (other mode)."""
        if not body.get("grant_type"):
            raise Refused("8011")
        if body["grant_type"] != GRANT_TYPE:
            raise Refused("8012")
        key = self._known(body, mode)
        standing = self._standing(key.app_key)
        if standing is not None:
            if self.reissue == "same":
                return standing
            del self._grants[standing.token]
        self._issued += 1
        now = self._clock.now().replace(microsecond=0)
        seed = f"{key.app_key}/{self._issued}/{now.isoformat()}"
        token = hashlib.blake2b(seed.encode(), digest_size=43).hexdigest()
        grant = Grant(token, key, now + LIFETIME, asked_from)
        self._grants[token] = grant
        return grant

    def revoke(self, body: dict[str, str], mode: Mode) -> None:
        """au10002. Refuses 8016 (no token) and 8015 (not one of this key's)."""
        key = self._known(body, mode)
        token = body.get("token", "")
        if not token:
            raise Refused("8016")
        grant = self._grants.get(token)
        if grant is None or grant.key != key:
            raise Refused("8015")
        del self._grants[token]

    def holder(self, token: str, mode: Mode) -> Key:
        """Whose token it is. Refuses 8005 (unknown, replaced, revoked or expired) and 8031 (of the other mode)."""
        grant = self._grants.get(token)
        if grant is None or grant.expires <= self._clock.now():
            raise Refused("8005")
        if grant.key.mode != mode:
            raise Refused("8031")
        return grant.key

    def forget(self, app_key: str) -> int:
        """End every token of a key, as another process's sign-in does. Returns how many ended."""
        ended = [token for token, grant in self._grants.items() if grant.key.app_key == app_key]
        for token in ended:
            del self._grants[token]
        return len(ended)
