"""Values that must not be printed, and the keyed hash that API keys are stored under."""

from __future__ import annotations

from hashlib import blake2b, sha256
from hmac import compare_digest


class Secret:
    """A string that shows as `***` wherever it is printed, logged or formatted; `reveal()` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)


def key_digest(pepper: bytes, token: bytes) -> bytes:
    """Keyed hash (BLAKE2b-256, RFC 7693) of an API key.  The key has 256 random bits, so a slow hash would buy nothing.

    `pepper` is 16 to 64 random bytes that live outside the database.
    """
    return blake2b(token, digest_size=32, key=pepper, person=b"glowplug-apikey").digest()


def foreign_digest(token: bytes) -> bytes:
    """SHA-256 of an API key, as LiteLLM stores it."""
    return sha256(token).digest()


def unused_digest(pepper: bytes, foreign: bytes) -> bytes:
    """What stands for the keyed hash of a key of which only the SHA-256 is known.

    Another use of the same hash function (its personalisation differs), so that it is no key's keyed hash, and nobody
    who knows the SHA-256 can make a key of it.
    """
    return blake2b(foreign, digest_size=32, key=pepper, person=b"glowplug-unused").digest()


def value_digest(pepper: bytes, value: bytes) -> bytes:
    """Keyed hash of a secret, to know whether it is still the same."""
    return blake2b(value, digest_size=32, key=pepper, person=b"glowplug-value").digest()
