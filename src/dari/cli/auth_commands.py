"""The commands of `dari auth`; what they do stands in `authing`, loaded when one is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from dari.cli.options import Json
from dari.core.errors import Hint, MissingExtra

auth = App(name="auth", help="Who may ask this server over HTTP: users, tenants, programs, keys and sessions.")

Remove = Annotated[bool, Parameter(name="--remove", negative="", help="Forget it.")]


def _authing() -> Any:
    try:
        from dari.cli import authing  # noqa: PLC0415 -- each command pays for its own imports
    except ImportError as error:
        hint = Hint("pip install 'dari[http]'", "pip install 'dari[http]'")
        raise MissingExtra(f"dari auth needs the extra dari[http] ({error.name} is missing)", hint=hint) from None
    return authing


@auth.command
def admin(name: str) -> None:
    """Make the first administrator; the password is asked for (or the first line of stdin)."""
    _authing().admin(name)


@auth.command
def user(
    name: str,
    *,
    tenant: str | None = None,
    role: Annotated[tuple[str, ...], Parameter(help="viewer, operator, trader, admin or a tenant's own.")] = (),
    scope: Annotated[str | None, Parameter(help="More, such as 'kis-trade/plans:commit'.")] = None,
    password: Annotated[bool, Parameter(negative="", help="Ask for a new password.")] = False,
    disabled: bool | None = None,
    remove: Remove = False,
) -> None:
    """Make a user, or change what is given."""
    _authing().user(name, tenant=tenant, roles=role, scope=scope, password=password, disabled=disabled, remove=remove)


@auth.command
def users(*, json: Json = False) -> None:
    """List users."""
    _authing().users(as_json=json)


@auth.command
def tenant(
    name: str,
    *,
    profile: Annotated[tuple[str, ...], Parameter(help="Key profiles of this tenant alone.")] = (),
    allow: Annotated[tuple[str, ...], Parameter(help="Patterns of server/tool; nothing else is allowed then.")] = (),
    deny: Annotated[tuple[str, ...], Parameter(help="Patterns of server/tool; wins over allow.")] = (),
    ip: Annotated[tuple[str, ...], Parameter(help="Addresses or networks its callers come from.")] = (),
    per_minute: Annotated[
        int | None, Parameter(help="Calls of one tool by one caller in a minute; 0: no limit.")
    ] = None,
    role: Annotated[tuple[str, ...], Parameter(help="Roles of its own: name=scopes.")] = (),
) -> None:
    """Make a tenant, or change what is given (a list replaces the one there was; 'none' empties it)."""
    _authing().tenant(name, profiles=profile, allow=allow, deny=deny, addresses=ip, per_minute=per_minute, roles=role)


@auth.command
def tenants(*, json: Json = False) -> None:
    """List tenants."""
    _authing().tenants(as_json=json)


@auth.command
def client(
    client_id: str,
    *,
    redirect: Annotated[tuple[str, ...], Parameter(help="Where a browser is sent back to.")] = (),
    machine: Annotated[str | None, Parameter(help="The tenant it acts for, by client credentials.")] = None,
    scope: str = "read change commit",
    introspects: Annotated[bool, Parameter(negative="", help="May ask about tokens of others.")] = False,
    remove: Remove = False,
) -> None:
    """Register a program; its secret is told this once."""
    _authing().client(
        client_id, redirects=redirect, machine=machine, scope=scope, introspects=introspects, remove=remove
    )


@auth.command
def clients(*, json: Json = False) -> None:
    """List programs."""
    _authing().clients(as_json=json)


@auth.command
def profile(
    name: str,
    *,
    file: Annotated[Path | None, Parameter(help="A file such as .env with the profile's keys.")] = None,
    shared: Annotated[bool | None, Parameter(help="Others may read the market with it (never orders).")] = None,
    remove: Remove = False,
) -> None:
    """Keep a key profile, encrypted. 'default' is the settings' own; it can be marked shared."""
    _authing().profile(name, file=file, shared=shared, remove=remove)


@auth.command
def profiles(*, json: Json = False) -> None:
    """List key profiles, without their values."""
    _authing().profiles(as_json=json)


@auth.command
def sessions(*, of: str | None = None, json: Json = False) -> None:
    """List what is signed in, of everybody or of one user or client."""
    _authing().sessions(of=of, as_json=json)


@auth.command
def revoke(session: str | None = None, *, of: str | None = None, everybody: bool = False) -> None:
    """Take back a session, those of a user or client, or all."""
    _authing().revoke(session, of=of, everybody=everybody)


@auth.command
def rotate_keys() -> None:
    """Sign with a new key from now on."""
    _authing().rotate_keys()


@auth.command
def unlock(name: str) -> None:
    """Forget a name's failed attempts."""
    _authing().unlock(name)


@auth.command
def vault_key() -> None:
    """Print a new key for DARI_VAULT_KEY or DARI_STORE_KEY."""
    from dari.cli.printing import line  # noqa: PLC0415 -- each command pays for its own imports
    from dari.serving.oauth.vault import new_key  # noqa: PLC0415 -- as above

    line(new_key())
