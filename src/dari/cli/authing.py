"""What `dari auth` does: administrators, tenants, users, programs, key profiles and sessions in the house's records."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from getpass import getpass
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values

from dari.app.guarding import House
from dari.app.setting_up import settings_of
from dari.app.tenancy import Profile, Profiles, bound
from dari.cli.printing import document, line
from dari.core.clock import KST, SystemClock
from dari.core.errors import Hint, InvalidInput, NotAllowed, NotFound
from dari.core.exchange import DEFAULT_PROFILE
from dari.serving.oauth.clients import OAuthClient
from dari.serving.oauth.people import Person, Tenant
from dari.serving.oauth.sessions import Session, Sessions
from dari.serving.oauth.signing_keys import SigningKeys

ADMIN: Final = "admin"
FIRST_TENANT: Final = "default"


@contextmanager
def _house() -> Iterator[House]:
    house = House.of(settings_of(), SystemClock())
    try:
        yield house
    finally:
        house.records.close()


def _password() -> str:
    """Asked for twice at a terminal, else the first line of stdin: never an argument, which others could see."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    told = getpass("비밀번호 Password: ")
    if told != getpass("다시 Again: "):
        raise InvalidInput("the two are not the same")
    return told


def _told(what: Any, *, as_json: bool, text: str) -> None:
    if as_json:
        document(what)
    else:
        line(text)


def admin(name: str) -> None:
    """Make the first administrator, with the tenant `default`, whose keys are those of the settings."""
    with _house() as house:
        if any(ADMIN in one.roles for one in house.people.persons()):
            hint = Hint("dari auth user NAME --role admin 을 쓰세요.", "Use dari auth user NAME --role admin.")
            raise NotAllowed("there is an administrator already", hint=hint)
        if FIRST_TENANT not in house.people.tenants():
            house.people.keep_tenant(Tenant(name=FIRST_TENANT, profiles=(DEFAULT_PROFILE,)))
        house.people.add(Person(name=name, tenant=FIRST_TENANT, roles=(ADMIN,)), _password())
        line(f"{name}: {ADMIN}, {FIRST_TENANT}")


def user(
    name: str,
    *,
    tenant: str | None,
    roles: tuple[str, ...],
    scope: str | None,
    password: bool,
    disabled: bool | None,
    remove: bool,
) -> None:
    """Make a user, or change one. What a change takes away holds for tokens that are out already."""
    with _house() as house:
        found = next((one for one in house.people.persons() if one.name == name), None)
        if remove:
            if not house.records.drop("user", name):
                raise NotFound(f"there is no user {name[:60]!r}")
            Sessions(house.records, house.clock).revoke_of(name)
            return
        if found is None:
            made = Person(name=name, tenant=tenant or FIRST_TENANT, roles=roles or ("viewer",), scope=scope or "")
            house.people.add(made, _password())
        else:
            changed = replace(
                found,
                tenant=tenant or found.tenant,
                roles=roles or found.roles,
                scope=found.scope if scope is None else scope,
                disabled=found.disabled if disabled is None else disabled,
            )
            house.people.change(changed, _password() if password else None)
            if password or changed.disabled or changed.tenant != found.tenant:
                Sessions(house.records, house.clock).revoke_of(name)


def users(*, as_json: bool) -> None:
    """List them."""
    with _house() as house:
        found = [asdict(one) for one in house.people.persons()]
    rows = (
        f"{one['name']:20} {one['tenant']:16} {','.join(one['roles'])} {one['scope']}"
        f"{' (disabled)' if one['disabled'] else ''}"
        for one in found
    )
    _told({"users": found}, as_json=as_json, text="\n".join(rows))


def tenant(
    name: str, *, profiles: tuple[str, ...], roles: tuple[str, ...], per_minute: int | None, **lists: Any
) -> None:
    """Make a tenant, or change what is given. A list that is given replaces the one there was; `none` empties it."""
    with _house() as house:
        known = house.people.tenants()
        found = house.people.tenant(name) if name in known else Tenant(name=name)
        told: dict[str, Any] = {
            what: () if given == ("none",) else given
            for what, given in {**lists, "profiles": profiles}.items()
            if given
        }
        if roles:
            pairs = [one.partition("=") for one in roles if one != "none"]
            told["roles"] = tuple((role, scope) for role, _, scope in pairs)
        if per_minute is not None:
            told["per_minute"] = per_minute
        made = replace(found, **told)
        bound(made.profiles, name, {one: house.people.tenant(one).profiles for one in known})
        house.people.keep_tenant(made)


def tenants(*, as_json: bool) -> None:
    """List them."""
    with _house() as house:
        found = [asdict(house.people.tenant(one)) for one in house.people.tenants()]
    _told({"tenants": found}, as_json=as_json, text="\n".join(f"{one['name']:20} {one['profiles']}" for one in found))


def client(
    client_id: str, *, redirects: tuple[str, ...], machine: str | None, scope: str, introspects: bool, remove: bool
) -> None:
    """Register a program; a secret is told this once. `machine` is the tenant it acts for by client credentials."""
    with _house() as house:
        if remove:
            if not house.clients.remove(client_id):
                raise NotFound(f"there is no client {client_id[:60]!r}")
            return
        grants = ("client_credentials",) if machine else ("authorization_code", "refresh_token")
        if machine:
            house.people.tenant(machine)
        made = OAuthClient(
            client_id=client_id,
            redirect_uris=redirects,
            grants=grants,
            method="client_secret_basic" if machine or introspects else "none",
            scope=scope,
            tenant=machine or "",
            introspects=introspects,
        )
        secret = house.clients.add(made)
    if secret:
        line(secret)


def clients(*, as_json: bool) -> None:
    """List them."""
    with _house() as house:
        found = [asdict(replace(one, secret_hash="")) for one in house.clients.listed()]
    rows = (f"{one['client_id']:30} {one['source']:10} {','.join(one['grants'])} {one['scope']}" for one in found)
    _told({"clients": found}, as_json=as_json, text="\n".join(rows))


def profile(name: str, *, file: Path | None, shared: bool | None, remove: bool) -> None:
    """Keep a key profile, encrypted, from a file such as .env; `shared` lets others read the market with it."""
    with _house() as house:
        profiles = Profiles(house.records, house.vault, house.settings, house.clock)
        found = profiles.all().get(name)
        if remove:
            if not profiles.remove(name):
                raise NotFound(f"there is no profile {name[:60]!r}")
            return
        if file is not None and not file.is_file():
            raise InvalidInput(f"there is no file {file.name}")
        values = {key: value for key, value in dotenv_values(file, interpolate=False).items() if value} if file else {}
        kept = values if file else dict(found.values) if found else {}
        profiles.keep(Profile(name, kept, bool(found and found.shared) if shared is None else shared))


def profiles(*, as_json: bool) -> None:
    """List them: the names of their settings, never the values."""
    with _house() as house:
        kept = Profiles(house.records, house.vault, house.settings, house.clock).all().values()
        found = [{"name": one.name, "settings": sorted(one.values), "shared": one.shared} for one in kept]
    rows = (f"{one['name']:20} {'shared' if one['shared'] else ''} {one['settings']}" for one in found)
    _told({"profiles": found}, as_json=as_json, text="\n".join(rows))


def sessions(*, of: str | None, as_json: bool) -> None:
    """List what is signed in."""
    with _house() as house:
        found = [_session(one) for one in Sessions(house.records, house.clock).active(of)]
    rows = (
        f"{one['id']}  {one['user'] or one['client_id']:20} {one['client_id']:20} {one['scope']}  ~{one['ends']}"
        for one in found
    )
    _told({"sessions": found}, as_json=as_json, text="\n".join(rows))


def _session(one: Session) -> dict[str, Any]:
    moments = {
        name: datetime.fromtimestamp(getattr(one, name), KST).isoformat("T", "seconds") for name in ("made", "ends")
    }
    return {**asdict(one), **moments}


def revoke(session: str | None, *, of: str | None, everybody: bool) -> None:
    """Take back one session, those of a user or client, or all. It holds within a second everywhere."""
    with _house() as house:
        kept = Sessions(house.records, house.clock)
        if everybody:
            count = sum(kept.revoke(one.id) for one in kept.active())
        elif of:
            count = kept.revoke_of(of)
        elif session:
            count = int(kept.revoke(session))
        else:
            raise InvalidInput("name a session, or --of a user or client, or --everybody")
    if not count:
        raise NotFound("there is nothing to take back")
    line(f"{count}")


def rotate_keys() -> None:
    """Sign with a new key from now on; tokens of the old one hold until they are over."""
    with _house() as house:
        line(SigningKeys(house.records, house.vault, house.clock).rotate())


def unlock(name: str) -> None:
    """Forget a name's failed attempts."""
    with _house() as house:
        if not house.people.unlock(name):
            raise NotFound(f"{name[:60]!r} is not locked")
