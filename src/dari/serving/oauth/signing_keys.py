"""The keys that sign access tokens: made at first need, rotated in time, told as a JWKS, encrypted where they lie."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from dari.core.clock import Clock
from dari.serving.oauth.records import Kept, Records
from dari.serving.oauth.vault import Vault

ALGORITHM: Final = "ES256"
TYPE: Final = "at+jwt"
ROTATED_AFTER: Final = 30 * 86_400.0
KEPT_AFTER: Final = 2 * 86_400.0
"""How long an old key still verifies: no access token lives longer."""
LEEWAY: Final = 5
LOOK_AGAIN_SECONDS: Final = 1.0
"""A token of an unknown key (a replica may just have rotated) makes us look again, at most so often."""


class SigningKeys:
    """Blocking, except `verified`, which looks into the database only for a key it has not seen."""

    def __init__(self, records: Records, vault: Vault, clock: Clock) -> None:
        self._records, self._vault, self._clock = records, vault, clock
        self._keys: dict[str, ECKey] = {}
        self._current: str | None = None
        self._rotates = 0.0
        self._looked = float("-inf")

    def rotate(self) -> str:
        """Make a new key the one that signs; older ones verify until their tokens are over. Returns its id."""
        now = self._clock.now().timestamp()
        for old in self._records.find("key"):
            if old.ends is None or old.ends > now + KEPT_AFTER:
                self._records.put(Kept("key", old.id, old.body, ends=now + KEPT_AFTER))
        kid = f"{int(now)}-{secrets.token_hex(4)}"
        key = ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": ALGORITHM}, private=True)
        private = json.dumps(key.as_dict(private=True))
        body = {"private": self._vault.locked(private), "made": now}
        self._records.put(Kept("key", kid, body, ends=now + ROTATED_AFTER + KEPT_AFTER))
        self._load()
        return kid

    def _load(self) -> None:
        now = self._clock.now().timestamp()
        self._looked = self._clock.monotonic()
        found = [one for one in self._records.find("key") if one.ends is None or one.ends > now]
        self._keys = {one.id: ECKey.import_key(json.loads(self._vault.opened(one.body["private"]))) for one in found}
        newest = max(found, key=lambda one: one.body["made"], default=None)
        self._current = newest.id if newest else None
        self._rotates = newest.body["made"] + ROTATED_AFTER if newest else 0.0

    def _signing(self) -> ECKey:
        if self._current is None or self._clock.monotonic() - self._looked > 60.0:  # noqa: PLR2004 -- a minute: a replica or a person may have rotated
            self._load()
        if self._current is None or self._clock.now().timestamp() > self._rotates:
            self.rotate()
        assert self._current is not None  # just made
        return self._keys[self._current]

    def signed(self, claims: Mapping[str, Any]) -> str:
        """An access token (RFC 9068)."""
        key = self._signing()
        return jwt.encode({"alg": ALGORITHM, "typ": TYPE, "kid": key.kid}, dict(claims), key, algorithms=[ALGORITHM])

    def jwks(self) -> dict[str, Any]:
        """The public keys, for whoever verifies."""
        self._signing()
        return {"keys": [key.as_dict(private=False) for key in self._keys.values()]}

    def verified(self, token: str, issuer: str) -> dict[str, Any] | None:
        """The claims of a token of ours that is not over, or None: one algorithm, one type, our own keys only."""
        kid = _kid(token)
        if kid not in self._keys and self._clock.monotonic() - self._looked >= LOOK_AGAIN_SECONDS:
            self._load()
        key = self._keys.get(kid)
        if key is None:
            return None
        try:
            found = jwt.decode(token, KeySet([key]), algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            return None
        now, claims = self._clock.now().timestamp(), found.claims
        if found.header.get("typ") != TYPE or claims.get("iss") != issuer:
            return None
        ends, starts = claims.get("exp"), claims.get("iat")
        if not isinstance(ends, int) or not isinstance(starts, int) or now >= ends or now < starts - LEEWAY:
            return None
        return dict(claims)


def _kid(token: str) -> str:
    """The key id a token names; nothing else of it is believed yet."""
    from joserfc.jws import extract_compact  # noqa: PLC0415 -- only tokens that came from outside are taken apart

    try:
        return str(extract_compact(token.encode()).headers().get("kid", ""))
    except (JoseError, ValueError):
        return ""
