"""Which key is meant: by itself, by the SHA-256 of itself that LiteLLM's database has, or by our id.

The hash of a key that came from LiteLLM stays with it (`ApiKey.imported`), also when its first use has made a keyed
hash of it, so that it goes on naming it.  Keys of ours are not stored under a hash that anybody else could compute:
they are `token` by their id.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from glowplug.domain.access import ApiKey
from glowplug.errors import NotFound
from glowplug.usecases.keys import KeyBook

_HASH: Final = re.compile(r"[0-9a-f]{64}")


def token(key: ApiKey) -> str:
    """What stands in `token` and `api_key`: the hash where there is one, else our id."""
    return key.imported.hex() or key.id


def find(keys: KeyBook, name: str) -> ApiKey | None:
    """The key of this name that is not revoked, or None."""
    if name.startswith("sk-"):
        found = keys.find(name)
        if found is not None:
            return found if found.revoked_at is None else None
        name = sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    hashed = bytes.fromhex(name) if _HASH.fullmatch(name) else b""
    for key in keys.every():
        if key.revoked_at is None and (key.id == name or (hashed and key.imported == hashed)):
            return key
    return None


def named(keys: KeyBook, name: str) -> ApiKey:
    """The key of this name.  Raises NotFound, which does not repeat a key."""
    found = find(keys, name)
    if found is None:
        shown = "of that text" if name.startswith("sk-") else f"{name[:80]!r}"
        raise NotFound(f"there is no API key {shown}", hint="GET /key/list has those there are")
    return found
