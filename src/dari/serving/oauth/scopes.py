"""What a scope says (`read`, `kis-trade:change`, `kis-trade/plans:commit`), and what two of them have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from dari.core.endpoint import Effect
from dari.core.errors import InvalidInput
from dari.serving.callers import Permit

SCOPE: Final = re.compile(r"(?:([a-z][a-z0-9-]{0,39})(?:/([a-z][a-z0-9_]{0,63}))?:)?(read|change|commit)")
EVERYWHERE: Final = ("read", "change", "commit")
LONGEST: Final = 2000

ROLES: Final = {
    "viewer": "read",
    "operator": "change",
    "trader": "commit",
    "admin": "commit",
}
"""Roles every tenant has; others are kept as records."""


def permit(scope: str) -> Permit:
    """The permit a scope asks for. Raises InvalidInput."""
    found = SCOPE.fullmatch(scope)
    if found is None:
        raise InvalidInput(f"{scope[:60]!r} is not a scope: write read, kis-trade:change or kis-trade/plans:commit")
    server, name, reach = found.groups()
    return Permit(Effect[reach.upper()], server or "*", name or "*")


def permits(scope: str | None) -> tuple[Permit, ...]:
    """The permits of scopes with spaces between. Raises InvalidInput."""
    told = scope or ""
    if len(told) > LONGEST:
        raise InvalidInput("that is more scope than anybody has")
    return tuple(dict.fromkeys(permit(one) for one in told.split()))


def spelled(what: Iterable[Permit]) -> str:
    """Permits as scopes, each said once, in order."""
    return " ".join(dict.fromkeys(_spelled(one) for one in sorted(what, key=_order)))


def _spelled(one: Permit) -> str:
    reach = one.reach.name.lower()
    if one.server == "*":
        return reach
    return f"{one.server}:{reach}" if one.name == "*" else f"{one.server}/{one.name}:{reach}"


def _order(one: Permit) -> tuple[str, str, int]:
    return one.server, one.name, one.reach


def within(asked: Iterable[Permit], owned: Iterable[Permit]) -> tuple[Permit, ...]:
    """What of `asked` is owned: each met with each, the narrower place and the shorter reach."""
    owned = tuple(owned)
    met = {both for one in asked for other in owned if (both := _met(one, other)) is not None}
    return tuple(sorted((one for one in met if not _said(one, met)), key=_order))


def _met(one: Permit, other: Permit) -> Permit | None:
    server, name = _narrower(one.server, other.server), _narrower(one.name, other.name)
    if server is None or name is None:
        return None
    return Permit(min(one.reach, other.reach), server, name)


def _narrower(one: str, other: str) -> str | None:
    if one in {"*", other}:
        return other
    return one if other == "*" else None


def _said(one: Permit, met: Iterable[Permit]) -> bool:
    """Whether another permit says as much and more."""
    return any(
        other != one
        and other.reach >= one.reach
        and other.server in {"*", one.server}
        and other.name in {"*", one.name}
        for other in met
    )


def of_roles(roles: Iterable[str], own: dict[str, str] | None = None) -> tuple[Permit, ...]:
    """The permits of roles; an unknown role gives none."""
    known = {**ROLES, **(own or {})}
    return tuple(dict.fromkeys(one for role in roles for one in permits(known.get(role))))
