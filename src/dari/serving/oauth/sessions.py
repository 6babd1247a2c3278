"""What has been granted and still is: one session a sign-in, its rotating refresh tokens, and how it is taken back."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from dari.core.clock import Clock
from dari.serving.oauth.clients import hashed
from dari.serving.oauth.records import Kept, Records

SESSION_SECONDS: Final = 30 * 86_400.0
"""After this a person signs in again, however often the token was refreshed."""
CODE_SECONDS: Final = 60.0
SWEPT_SECONDS: Final = 3600.0
"""What is over is forgotten so often, by whoever then signs in."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A grant: who (a user, or "" for a client of its own) lets which client reach what, at which resources."""

    id: str
    client_id: str
    user: str
    tenant: str
    scope: str
    resources: tuple[str, ...]
    grant: str
    made: float
    ends: float
    revoked: bool = False


@dataclass(frozen=True, kw_only=True)
class Code:
    """An authorization code as authlib reads one. It becomes the session named in it."""

    id: str
    client_id: str
    user: str
    redirect_uri: str
    scope: str
    resources: tuple[str, ...]
    code_challenge: str
    session: str
    code_challenge_method: str = "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass(frozen=True, kw_only=True)
class Refresh:
    """A refresh token as authlib reads one."""

    id: str
    session: Session
    over: bool

    def check_client(self, client: Any) -> bool:
        return bool(self.session.client_id == client.client_id)

    def get_scope(self) -> str:
        return self.session.scope

    def is_expired(self) -> bool:
        return self.over

    def is_revoked(self) -> bool:
        return self.session.revoked


class Sessions:
    """Sessions, codes and refresh tokens. Blocking: called in a thread."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock
        self._swept = float("-inf")

    def _now(self) -> float:
        return self._clock.now().timestamp()

    # --- codes ---

    def new_code(self, code: str, told: Mapping[str, Any]) -> None:
        """Keep a code for a minute, with the id of the session it may become."""
        body = {**told, "session": secrets.token_hex(12)}
        self._records.put(Kept("code", hashed(code), body, ends=self._now() + CODE_SECONDS))

    def code(self, code: str, client_id: str) -> Code | None:
        """The code, if it is this client's and not over. A spent one takes back what it became, and is none."""
        kept = self._records.get("code", hashed(code))
        if kept is None or kept.body["client_id"] != client_id:
            return None
        if kept.used:
            self.revoke(kept.body["session"])
            return None
        if kept.ends is not None and kept.ends <= self._now():
            return None
        return Code(id=kept.id, **{**kept.body, "resources": tuple(kept.body["resources"])})

    def spend_code(self, code: Code) -> bool:
        """Spend it; False where another did so first, and then both lose."""
        if self._records.spend("code", code.id):
            return True
        self.revoke(code.session)
        return False

    # --- sessions ---

    def begin(self, *, session: str = "", seconds: float = SESSION_SECONDS, **told: Any) -> Session:
        """A new session."""
        now = self._now()
        if now - self._swept > SWEPT_SECONDS:
            self._swept = now
            self._records.sweep(now)
        one = Session(id=session or secrets.token_hex(12), made=now, ends=now + seconds, **told)
        body = {
            "client_id": one.client_id, "user": one.user, "tenant": one.tenant, "scope": one.scope, "grant": one.grant,
            "resources": list(one.resources), "made": one.made,
        }  # fmt: skip
        self._records.put(Kept("session", one.id, body, parent=one.user or one.client_id, ends=one.ends))
        return one

    def get(self, session: str) -> Session | None:
        """The session, if it is neither over nor taken back."""
        kept = self._records.get("session", session)
        if kept is None or kept.used or kept.ends is None or kept.ends <= self._now():
            return None
        return _session(kept)

    def active(self, who: str | None = None) -> list[Session]:
        """Every session that still is, of everybody, or of a user or client."""
        kept = self._records.find("session", parent=who)
        return [_session(one) for one in kept if not one.used and one.ends is not None and one.ends > self._now()]

    def revoke(self, session: str) -> bool:
        """Take a session back, with every token of it."""
        return self._records.spend("session", session)

    def revoke_of(self, who: str) -> int:
        """Take back every session of a user or client."""
        return sum(self.revoke(one.id) for one in self.active(who))

    # --- refresh tokens ---

    def new_refresh(self, session: Session) -> str:
        """The next refresh token of a session."""
        token = f"dr_{secrets.token_urlsafe(32)}"
        self._records.put(Kept("refresh", hashed(token), {}, parent=session.id, ends=session.ends))
        return token

    def refresh(self, token: str) -> Refresh | None:
        """The refresh token, if it may be used. A spent one is a stolen one: its session is taken back (RFC 9700)."""
        kept = self._records.get("refresh", hashed(token))
        if kept is None or kept.parent is None:
            return None
        if kept.used:
            self.revoke(kept.parent)
            return None
        session = self.get(kept.parent)
        if session is None:
            return None
        return Refresh(id=kept.id, session=session, over=kept.ends is not None and kept.ends <= self._now())

    def spend_refresh(self, refresh: Refresh) -> bool:
        """Spend it; False where another did so first, and then both lose."""
        if self._records.spend("refresh", refresh.id):
            return True
        self.revoke(refresh.session.id)
        return False

    # --- single access tokens ---

    def revoke_token(self, jti: str, ends: float) -> None:
        """Take one access token back."""
        self._records.put(Kept("revoked", jti[:64], {}, ends=ends))

    def is_revoked(self, jti: str) -> bool:
        """Whether one was taken back by itself."""
        return self._records.get("revoked", jti[:64]) is not None


def _session(kept: Kept) -> Session:
    told = {**kept.body, "resources": tuple(kept.body["resources"])}
    return Session(id=kept.id, ends=kept.ends or 0.0, revoked=kept.used, **told)
