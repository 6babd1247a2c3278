"""Whose keys a call is made with: named profiles, encrypted where they are kept, each bound to one tenant."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from dari.core.clock import Clock
from dari.core.errors import InvalidInput, NotAllowed
from dari.core.exchange import DEFAULT_PROFILE
from dari.core.provider import Credential
from dari.settings import SETTINGS, Found, Settings

if TYPE_CHECKING:
    from dari.serving.oauth.records import Records
    from dari.serving.oauth.vault import Vault

OF_A_PROFILE: Final = frozenset(
    row.name
    for row in SETTINGS
    if row.name.startswith(("KOREA_INVESTMENT_", "DARI_ORDER_"))
    or row.name in {"KIWOOM_APP_KEY", "KIWOOM_SECRET_KEY", "NARAMARKET_SERVICE_KEY"}
)
"""The settings a profile has for itself; of these it never takes the process's own."""
KEPT_SECONDS: Final = 2.0

KeysOf = Callable[[Settings], list[Credential]]


@dataclass(frozen=True, slots=True)
class Profile:
    """One named key set. `shared`: others may read the market (nothing else) with it."""

    name: str
    values: Mapping[str, str]
    shared: bool

    def __repr__(self) -> str:
        return f"Profile({self.name!r}, {sorted(self.values)}, shared={self.shared})"


class Profiles:
    """The profiles as kept. Small and seldom read: what was read is believed for two seconds."""

    def __init__(self, records: Records, vault: Vault, settings: Settings, clock: Clock) -> None:
        self._records, self._vault, self._settings, self._clock = records, vault, settings, clock
        self._kept: dict[str, Profile] = {}
        self._read = float("-inf")

    def keep(self, profile: Profile) -> None:
        """Make or change one. Raises InvalidInput for a setting that is not a profile's own."""
        from dari.serving.oauth.records import Kept  # noqa: PLC0415 -- only who keeps profiles has a database

        unknown = sorted(set(profile.values) - OF_A_PROFILE)
        if unknown:
            raise InvalidInput(f"a profile does not hold {', '.join(unknown)[:200]}")
        if profile.name == DEFAULT_PROFILE and profile.values:
            raise InvalidInput("the profile default has the keys of the settings, and no others")
        body = {"values": self._vault.locked(json.dumps(dict(profile.values))), "shared": profile.shared}
        self._records.put(Kept("profile", profile.name, body))
        self._read = float("-inf")

    def remove(self, name: str) -> bool:
        """Forget one."""
        self._read = float("-inf")
        return self._records.drop("profile", name)

    def all(self) -> Mapping[str, Profile]:
        """Every profile by name."""
        now = self._clock.monotonic()
        if now - self._read >= KEPT_SECONDS:
            self._kept = {
                one.id: Profile(one.id, json.loads(self._vault.opened(one.body["values"])), one.body["shared"])
                for one in self._records.find("profile")
            }
            self._read = now
        return self._kept

    def settings_of(self, name: str) -> Settings:
        """The settings as this profile has them: its own keys or none, everything else as the process."""
        if name == DEFAULT_PROFILE:
            return self._settings
        profile = self.all().get(name)
        values = profile.values if profile else {}
        return Settings(
            {
                row.name: Found(values.get(row.name, row.default), "profile") if row.name in OF_A_PROFILE else found
                for row, found in self._settings
            }
        )


class Wallet(Mapping[tuple[str, str], Credential]):
    """A provider's key sets by (profile, mode): the settings' own, and those of the profiles."""

    def __init__(self, own: list[Credential], keys_of: KeysOf, tenancy: Tenancy) -> None:
        self._own = {(one.profile, one.mode): one for one in own}
        self._keys_of, self._tenancy = keys_of, tenancy

    def __getitem__(self, key: tuple[str, str]) -> Credential:
        name, mode = key
        if name == DEFAULT_PROFILE or self._tenancy.profiles is None:
            return self._own[key]
        for one in self._keys_of(self._tenancy.profiles.settings_of(name)):
            if one.mode == mode:
                return replace(one, profile=name)
        raise KeyError(key)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)


class Tenancy:
    """The profiles of a process: none on stdio, those of the house once an address is guarded."""

    profiles: Profiles | None = None

    def wallet(self, own: list[Credential], keys_of: KeysOf) -> Wallet:
        """A provider's key sets."""
        return Wallet(own, keys_of, self)

    def borrower(self, wallet: Mapping[tuple[str, str], Credential]) -> Callable[[str, str], str]:
        """Whose keys a market read of a profile is asked with: its own, else those of a profile marked shared."""

        def borrowed(profile: str, mode: str) -> str:
            if self.profiles is None or profile == DEFAULT_PROFILE or (profile, mode) in wallet:
                return profile
            shared = (one.name for one in self.profiles.all().values() if one.shared)
            return next((one for one in shared if (one, mode) in wallet), profile)

        return borrowed

    def settings_of(self, profile: str, settings: Settings) -> Settings:
        """The settings as a profile has them."""
        return settings if self.profiles is None else self.profiles.settings_of(profile)


def bound(profiles: tuple[str, ...], tenant: str, others: Mapping[str, tuple[str, ...]]) -> None:
    """Raise NotAllowed where a profile is another tenant's: files, plans and quotas follow the profile."""
    for owner, theirs in others.items():
        taken = set(profiles) & set(theirs)
        if owner != tenant and taken:
            raise NotAllowed(f"the profile {min(taken)} belongs to the tenant {owner}")
