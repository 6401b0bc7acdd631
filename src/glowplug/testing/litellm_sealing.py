"""Encrypts as LiteLLM does and did, for databases that tests are made with.  The same seed gives the same bytes."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count

from glowplug.secret import Secret

SALT = Secret("sk-salt-key-of-the-seed")
MASTER = Secret("sk-master-key-of-the-seed")
OLDER = Secret("sk-key-before-the-last-rotation")
LOST = Secret("sk-nobody-has-this-key-any-more")
KEYS: Sequence[Secret] = (SALT, MASTER, OLDER)
"""Those an operator still has."""

LAYOUTS: Mapping[str, Sequence[tuple[Secret, str]]] = {
    "one key": ((SALT, "url-safe"),),
    "old alphabet": ((SALT, "standard"),),
    "aes": ((SALT, "gcm"),),
    "salt key after master key": ((MASTER, "standard"), (SALT, "url-safe")),
    "everything": ((OLDER, "standard"), (MASTER, "url-safe"), (SALT, "gcm"), (SALT, "url-safe")),
}
"""Name → with which key and encoding rows are written, in turns."""


@dataclass
class Sealer:
    """Encrypts rows one after the other by one of the LAYOUTS."""

    layout: str = "one key"
    _nonces: count[int] = field(default_factory=lambda: count(1))
    _rows: count[int] = field(default_factory=count)
    key: Secret = SALT
    encoding: str = "url-safe"

    def next_row(self) -> Sealer:
        """From here on with the next key and encoding of the layout."""
        ways = LAYOUTS[self.layout]
        self.key, self.encoding = ways[next(self._rows) % len(ways)]
        return self

    def seal(self, text: str, *, key: Secret | None = None, encoding: str = "", layers: int = 1) -> str:
        """Ciphertext of `text`; with more layers, of that again."""
        for _ in range(layers):
            text = seal(text, key or self.key, encoding or self.encoding, next(self._nonces))
        return text

    def row(self, values: Mapping[str, object], *, layers: int = 1) -> dict[str, object]:
        """A row as LiteLLM writes it: strings encrypted, everything else as it is."""
        self.next_row()
        return {
            name: self.seal(value, layers=layers) if isinstance(value, str) else value for name, value in values.items()
        }


def seal(text: str, key: Secret, encoding: str, nonce: int) -> str:
    """`url-safe` and `standard` are SecretBox in one of the alphabets of base64, `gcm` is AES-256-GCM."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from nacl.secret import SecretBox

    derived = sha256(key.reveal().encode()).digest()
    random = sha256(f"nonce {nonce}".encode()).digest()
    if encoding == "gcm":
        sealed = AESGCM(derived).encrypt(random[:12], text.encode(), None)
        return "v2:gcm:" + urlsafe_b64encode(random[:12] + sealed).decode()
    box = bytes(SecretBox(derived).encrypt(text.encode(), random[:24]))
    return (b64encode if encoding == "standard" else urlsafe_b64encode)(box).decode()
