"""What an upstream has told, sealed where it is kept: AES-256-GCM under keys of the settings; off without a key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence
from typing import Final

from dari.core.errors import BadSetting, Hint

SETTING: Final = "DARI_STORE_KEY"
KEY_BYTES: Final = 32
MAGIC: Final = b"dari\x01"
"""What is sealed begins with it, then the key's id, the nonce, and the text with its tag."""
ID_BYTES: Final = 4
NONCE_BYTES: Final = 12
_HEAD: Final = len(MAGIC) + ID_BYTES
FORGET: Final = Hint(
    "지우고 다시 받으세요: 캐시는 dari cache 제공자 --clear '*', 저장된 것은 데이터 폴더의 days와 naramarket.",
    "Forget it, fetch it again: dari cache PROVIDER --clear '*' for the cache; days and naramarket of the data folder.",
)


class Sealing:
    """Seals and opens bytes. The first key seals, all open, so that a key can be changed; an id tells which it was.

    `about` says what the bytes are (their name): sealed bytes that were put in another's place do not open.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 -- only who seals pays for it

        self.keys = tuple(keys)
        self._ciphers = {key_id(one): AESGCM(one) for one in keys}
        self._first = key_id(keys[0])

    @classmethod
    def of(cls, written: str) -> Sealing | None:
        """From the setting's text: keys with commas, each 32 bytes in base64; None where there is none.

        Raises BadSetting, without telling the key.
        """
        keys = [_key(one.strip()) for one in written.split(",") if one.strip()]
        return cls(keys) if keys else None

    def __repr__(self) -> str:
        return f"Sealing({len(self.keys)} keys)"

    def sealed(self, plain: bytes, about: str) -> bytes:
        """The bytes, encrypted and signed."""
        nonce = os.urandom(NONCE_BYTES)
        return MAGIC + self._first + nonce + self._ciphers[self._first].encrypt(nonce, plain, about.encode())

    def opened(self, sealed: bytes, about: str) -> bytes:
        """The bytes again. Raises BadSetting for another key's, and for what was changed or moved."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 -- as above

        name = sealed[len(MAGIC) : _HEAD]
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise unopened(name.hex())
        nonce, rest = sealed[_HEAD : _HEAD + NONCE_BYTES], sealed[_HEAD + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, rest, about.encode())
        except (InvalidTag, ValueError):  # cut off, too
            raise BadSetting("what is kept was changed after it was sealed", hint=FORGET) from None

    def current(self, sealed: bytes) -> bool:
        """Whether the first key has sealed it."""
        return sealed.startswith(MAGIC + self._first)


def unopened(key: str = "") -> BadSetting:
    """What is raised for something sealed whose key is not there; `key` is the id of the key that sealed it."""
    told = f"the key {key}" if key else "a key"
    return BadSetting(
        f"what is kept was sealed with {told} that {SETTING} does not hold",
        hint=Hint(
            f"{SETTING}에 그때의 키를 더하세요(쉼표로, 새 키 뒤에). 키를 잃었다면 {FORGET.ko}",
            f"Add that key to {SETTING} (after a comma, behind the new one). If it is lost: {FORGET.en}",
        ),
    )


def opened(sealing: Sealing | None, kept: bytes, about: str) -> bytes:
    """What a store kept, whether it was sealed or not (it may be older than the key). Raises BadSetting."""
    if not kept.startswith(MAGIC):
        return kept
    if sealing is None:
        raise unopened(kept[len(MAGIC) : _HEAD].hex())
    return sealing.opened(kept, about)


def key_id(key: bytes) -> bytes:
    """A name of the key that tells nothing of it."""
    return hashlib.sha256(b"dari store key" + key).digest()[:ID_BYTES]


def _key(written: str) -> bytes:
    try:
        key = base64.b64decode(written.replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise BadSetting(
            f"{SETTING} must be keys of {KEY_BYTES} bytes in base64, with commas",
            hint=Hint("dari auth vault-key 로 만드세요.", "Make one with dari auth vault-key."),
        )
    return key
