"""Who may sign in: tenants, users with their passwords (argon2id), and the lock after too many failures."""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from dari.core.clock import Clock
from dari.core.errors import Hint, InvalidInput, NotAllowed, NotFound
from dari.serving.callers import Permit
from dari.serving.oauth.records import Kept, Records
from dari.serving.oauth.scopes import of_roles, permits

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,62}")
LEAST_PASSWORD: Final = 12
MOST_PASSWORD: Final = 256
FAILURES: Final = 5
"""So many wrong passwords in a row lock a name, first for `LOCKED_SECONDS`, then twice as long each time."""
LOCKED_SECONDS: Final = 60.0
LONGEST_LOCK: Final = 3600.0
BETWEEN_LOCKS: Final = 86_400.0
ADDRESS_PER_MINUTE: Final = 30
"""Failures of one address in a minute, whatever names it tries: passwords are not sprayed over many names either."""
MOST_ADDRESSES: Final = 10_000
MINUTE: Final = 60.0
AT_ONCE: Final = threading.BoundedSemaphore(2)
"""A password takes 64 MiB and a core for a while: a flood of attempts waits, the rest of the process goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Whom keys, files, plans and quotas belong to.

    `profiles` are the credential profiles its callers may use; `addresses` the networks they may come from (all if
    empty); `allow` and `deny` patterns of `server/tool`; `per_minute` the calls of a tool by one caller (0: no limit).
    """

    name: str
    profiles: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    per_minute: int = 0
    roles: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One user."""

    name: str
    tenant: str
    roles: tuple[str, ...]
    scope: str = ""
    disabled: bool = False

    def get_user_id(self) -> str:
        """The name tokens carry (authlib's word for it)."""
        return self.name


class TooOften(NotAllowed):
    """A name or an address has tried too often; `retry_after` says for how long."""


class People:
    """Tenants and users. Blocking: called in a thread."""

    def __init__(self, records: Records, clock: Clock, hasher: PasswordHasher | None = None) -> None:
        self._records, self._clock = records, clock
        self._hasher = hasher or PasswordHasher()
        self._nobody: str | None = None
        self._failed: dict[str, list[float]] = {}

    # --- tenants ---

    def tenant(self, name: str) -> Tenant:
        """The tenant. Raises NotFound."""
        kept = self._records.get("tenant", name)
        if kept is None:
            raise NotFound(f"there is no tenant {name[:60]!r}")
        body = kept.body
        return Tenant(
            name=name,
            profiles=tuple(body["profiles"]),
            addresses=tuple(body["addresses"]),
            allow=tuple(body["allow"]),
            deny=tuple(body["deny"]),
            per_minute=body["per_minute"],
            roles=tuple((role, scope) for role, scope in body["roles"]),
        )

    def keep_tenant(self, tenant: Tenant) -> None:
        """Make or change a tenant. Raises InvalidInput for a name or scope that is none."""
        _named("tenant", tenant.name)
        for _, scope in tenant.roles:
            permits(scope)
        body = {
            "profiles": list(tenant.profiles), "addresses": list(tenant.addresses), "allow": list(tenant.allow),
            "deny": list(tenant.deny), "per_minute": tenant.per_minute, "roles": [list(one) for one in tenant.roles],
        }  # fmt: skip
        self._records.put(Kept("tenant", tenant.name, body))

    def tenants(self) -> list[str]:
        """Their names."""
        return [one.id for one in self._records.find("tenant")]

    # --- users ---

    def add(self, person: Person, password: str) -> None:
        """Make a user. Raises InvalidInput for a bad name or password, NotAllowed where the name is taken."""
        _named("user", person.name)
        permits(person.scope)
        self.tenant(person.tenant)
        if not self._records.add(self._kept(person, self._hashed(person.name, password))):
            raise NotAllowed(f"there is a user {person.name!r} already")

    def change(self, person: Person, password: str | None = None) -> None:
        """Change a user's tenant, roles or password. Raises NotFound."""
        kept = self._records.get("user", person.name)
        if kept is None:
            raise NotFound(f"there is no user {person.name[:60]!r}")
        hashed = self._hashed(person.name, password) if password is not None else kept.body["password"]
        self._records.put(self._kept(person, hashed))

    def person(self, name: str) -> Person | None:
        """The user, or None where there is none or it was disabled."""
        kept = self._records.get("user", name)
        if kept is None or kept.body["disabled"]:
            return None
        return _person(kept)

    def persons(self) -> list[Person]:
        """Every user, also disabled ones."""
        return [_person(one) for one in self._records.find("user")]

    def owned(self, person: Person) -> tuple[Permit, ...]:
        """Everything a user's tokens may say."""
        tenant = self.tenant(person.tenant)
        return (*of_roles(person.roles, dict(tenant.roles)), *permits(person.scope))

    # --- signing in ---

    def signed_in(self, name: str, password: str, address: str = "") -> Person | None:
        """The user whose password that is, or None. Raises TooOften.

        An unknown name takes as long as a wrong password, and is locked like one: neither tells which names exist.
        """
        self._slowed(address)
        name, now = name.strip().lower()[:63], self._clock.now().timestamp()
        lock = self._records.get("lock", name)
        failures = int(lock.body["failures"]) if lock else 0
        if lock and now < lock.body["until"]:
            raise _too_often(lock.body["until"] - now)
        kept = self._records.get("user", name)
        with AT_ONCE:
            hashed = kept.body["password"] if kept else self._dummy()
            right = len(password) <= MOST_PASSWORD and self._fits(hashed, password)
        if kept is None or not right or kept.body["disabled"]:
            self._failing(address)
            failures += 1
            times = failures // FAILURES
            until = now + min(LOCKED_SECONDS * 2 ** (times - 1), LONGEST_LOCK) if failures % FAILURES == 0 else 0.0
            self._records.put(Kept("lock", name, {"failures": failures, "until": until}, ends=now + BETWEEN_LOCKS))
            return None
        if lock:
            self._records.drop("lock", name)
        if self._hasher.check_needs_rehash(hashed):
            self._records.put(self._kept(_person(kept), self._hashed(name, password)))
        return _person(kept)

    def _slowed(self, address: str) -> None:
        failed = self._lately(address)
        if len(failed) >= ADDRESS_PER_MINUTE:
            raise _too_often(MINUTE - (self._clock.monotonic() - failed[0]))

    def _lately(self, address: str) -> list[float]:
        now = self._clock.monotonic()
        return [at for at in self._failed.get(address, []) if now - at < MINUTE]

    def _failing(self, address: str) -> None:
        if len(self._failed) >= MOST_ADDRESSES:  # addresses are an attacker's to choose
            self._failed = {one: times for one in self._failed if (times := self._lately(one))}
        self._failed[address] = [*self._lately(address), self._clock.monotonic()]

    def unlock(self, name: str) -> bool:
        """Forget a name's failures."""
        return self._records.drop("lock", name)

    def _fits(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    def _dummy(self) -> str:
        if self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_hex(16))
        return self._nobody

    def _hashed(self, name: str, password: str) -> str:
        if not LEAST_PASSWORD <= len(password) <= MOST_PASSWORD or name in password.lower():
            raise InvalidInput(
                f"a password has {LEAST_PASSWORD} to {MOST_PASSWORD} characters and not the name in it",
                hint=Hint("더 긴 문장을 쓰세요.", "Use a longer phrase."),
            )
        return self._hasher.hash(password)

    @staticmethod
    def _kept(person: Person, hashed: str) -> Kept:
        body = {
            "password": hashed, "roles": list(person.roles), "scope": person.scope, "disabled": person.disabled,
            "tenant": person.tenant,
        }  # fmt: skip
        return Kept("user", person.name, body, parent=person.tenant)


def _person(kept: Kept) -> Person:
    body = kept.body
    return Person(
        name=kept.id, tenant=body["tenant"], roles=tuple(body["roles"]), scope=body["scope"], disabled=body["disabled"]
    )


def _named(what: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise InvalidInput(f"a {what}'s name has small letters, digits and . _ @ -, not {name[:60]!r}")


def _too_often(seconds: float) -> TooOften:
    return TooOften(
        "too many failed attempts",
        retry_after=max(1.0, seconds),
        hint=Hint("잠시 후 다시 시도하세요.", "Wait, then try again."),
    )
