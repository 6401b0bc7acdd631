"""Keys that another gateway made: known by their SHA-256 until they are used here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hmac import compare_digest

from glowplug.domain.access import ApiKey
from glowplug.secret import foreign_digest, unused_digest


def unused(key: ApiKey, pepper: bytes) -> bool:
    """Whether a key came from elsewhere and was not used here yet."""
    return bool(key.imported) and compare_digest(key.digest, unused_digest(pepper, key.imported))


def by_foreign_digest(keys: Iterable[ApiKey], pepper: bytes) -> Mapping[bytes, ApiKey]:
    """The unused ones by their SHA-256."""
    return {key.imported: key for key in keys if unused(key, pepper)}


def find_unused(unused_keys: Mapping[bytes, ApiKey], token: bytes) -> ApiKey | None:
    """The unused key with this text, or None."""
    if not unused_keys:
        return None
    foreign = foreign_digest(token)
    key = unused_keys.get(foreign)
    return key if key is not None and compare_digest(key.imported, foreign) else None
