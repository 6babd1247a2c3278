"""What must not lie open on disk: encrypted with one key of this installation, kept beside the configuration."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from dari.core.errors import BadSetting, Hint
from dari.core.shared_state import private_folder, write_private


class Vault:
    """Locks and opens text. Several keys: the first locks, all open (so that a key can be changed)."""

    def __init__(self, keys: list[str]) -> None:
        try:
            self._fernet = MultiFernet([Fernet(one) for one in keys])
        except ValueError:
            raise BadSetting(
                "DARI_VAULT_KEY must be keys as `dari auth vault-key` makes them, with commas",
                hint=Hint("dari auth vault-key 로 만드세요.", "Make one with dari auth vault-key."),
            ) from None

    @classmethod
    def of(cls, folder: Path, keys: str = "") -> Vault:
        """With the configured keys, or with one made at first need in a private file of `folder`."""
        if keys:
            return cls([one.strip() for one in keys.split(",") if one.strip()])
        path = private_folder(folder) / "vault.key"
        if not path.exists():
            fresh = path.with_name(f".vault.{secrets.token_hex(4)}")
            write_private(fresh, new_key().encode("ascii"), durable=True)
            with suppress(FileExistsError):  # of several processes that make one, the first has made it
                path.hardlink_to(fresh)
            fresh.unlink()
        return cls([path.read_text("ascii").strip()])

    def locked(self, text: str) -> str:
        """The text, encrypted and signed."""
        return self._fernet.encrypt(text.encode()).decode("ascii")

    def opened(self, locked: str) -> str:
        """The text again. Raises BadSetting where it was locked with another key."""
        try:
            return self._fernet.decrypt(locked.encode("ascii")).decode()
        except InvalidToken:
            raise BadSetting(
                "what is kept was encrypted with another key",
                hint=Hint("DARI_VAULT_KEY를 확인하세요.", "Check DARI_VAULT_KEY."),
            ) from None


def new_key() -> str:
    """A new key."""
    return Fernet.generate_key().decode("ascii")
