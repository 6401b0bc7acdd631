"""The keys that secrets in the database are sealed with, and sealing itself.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce.  What is sealed is bound to its place, so a value that is
copied into another row, column or table cannot be opened there.  Every value names the key it was sealed with, so keys
can be exchanged while everything runs, and a lost key is noticed as that and nothing else.

    1 byte   format, 1
    8 bytes  id of the key, ASCII
    12 bytes nonce
    the rest ciphertext and its 16-byte tag

`cryptography` is imported when the first value is sealed or opened: most installations have none.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from glowplug.errors import StoreError
from glowplug.secret import Secret

_FORMAT: Final = b"\x01"
_ID: Final = 8
_NONCE: Final = 12
_TAG: Final = 16
_KEY: Final = 32


@dataclass(frozen=True)
class Place:
    """Where a sealed value is stored."""

    table: str
    row: str
    column: str

    def bound(self) -> bytes:
        """What the seal is bound to: the three names, each with its length."""
        return msgspec.msgpack.encode([str(part) for part in (self.table, self.row, self.column)])

    def __str__(self) -> str:
        return f"{self.table}[{self.row}].{self.column}"


class Unopenable(StoreError):
    """A sealed value that cannot be opened.  Whatever needs it does without; it is never used as it is."""

    default_code = "sealed_value_unopenable"


class KeyRing:
    """Keys by id, one of which seals."""

    def __init__(self, keys: Mapping[str, bytes], active: str) -> None:
        """Raises ValueError for keys that are none, or when the active one is not there."""
        if active not in keys:
            raise ValueError(f"the active key {active!r} is not in the ring")
        for name, key in keys.items():
            if len(name) != _ID or not name.isascii() or len(key) != _KEY:
                raise ValueError(f"{name!r} is no key of {_KEY} bytes with an id of {_ID} characters")
        self._keys = dict(keys)
        self.active = active

    @classmethod
    def new(cls) -> KeyRing:
        """A ring with one new key."""
        name = _new_id()
        return cls({name: secrets.token_bytes(_KEY)}, name)

    @classmethod
    def decode(cls, data: bytes) -> KeyRing:
        """The ring in the bytes of its file.  Raises ValueError."""
        try:
            document = json.loads(data)
            keys = {name: b64decode(text, validate=True) for name, text in document["keys"].items()}
            return cls(keys, document["active"])
        except (KeyError, TypeError, AttributeError, UnicodeDecodeError, BadBase64) as error:
            raise ValueError(f"not a key ring: {error}") from None

    def encode(self) -> bytes:
        """The bytes of its file."""
        keys = {name: b64encode(key).decode() for name, key in self._keys.items()}
        return json.dumps({"active": self.active, "keys": keys}, indent=1).encode() + b"\n"

    @property
    def names(self) -> frozenset[str]:
        return frozenset(self._keys)

    def turned(self) -> KeyRing:
        """A ring with one more key, which is the active one."""
        name = _new_id()
        return KeyRing({**self._keys, name: secrets.token_bytes(_KEY)}, name)

    def only(self, names: frozenset[str]) -> KeyRing:
        """A ring of the active key and those of `names`."""
        return KeyRing({n: key for n, key in self._keys.items() if n in names or n == self.active}, self.active)

    def seal(self, text: str, place: Place) -> bytes:
        """`text` sealed with the active key for one place."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(self._keys[self.active]).encrypt(nonce, text.encode(), place.bound())
        return b"".join((_FORMAT, self.active.encode(), nonce, sealed))

    def open(self, sealed: bytes, place: Place) -> Secret:
        """What was sealed for this place.  Raises Unopenable that names the place and what is wrong."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        name = sealed_with(sealed)
        if not name or len(sealed) < len(_FORMAT) + _ID + _NONCE + _TAG:
            raise Unopenable(f"{place} is not a sealed value", hint="set it anew")
        key = self._keys.get(name)
        if key is None:
            raise Unopenable(
                f"{place} is sealed with the key {name}, which is not in the key ring",
                hint="put the key ring back from a backup, or set the value anew",
            )
        start = len(_FORMAT) + _ID
        try:
            text = AESGCM(key).decrypt(sealed[start : start + _NONCE], sealed[start + _NONCE :], place.bound())
        except InvalidTag:
            raise Unopenable(
                f"{place} cannot be opened: it was changed, or was made for another place", hint="set it anew"
            ) from None
        return Secret(text.decode())


def sealed_with(sealed: bytes) -> str:
    """The id of the key a value was sealed with; empty for what is not sealed."""
    name = sealed[len(_FORMAT) : len(_FORMAT) + _ID]
    return name.decode() if sealed[:1] == _FORMAT and len(name) == _ID and name.isascii() else ""


def _new_id() -> str:
    return secrets.token_hex(_ID // 2)
