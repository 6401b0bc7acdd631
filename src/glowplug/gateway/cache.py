"""Answers that are given again to the same request of the same key: exact match, for keys that ask for it.

An entry belongs to one API key, so nobody is ever shown what somebody else was told.  Only complete good answers go in.
The memory of a worker is tried first; behind it there may be a file that all workers share (`gateway.cache_disk`).
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import NamedTuple

NO_CACHE = (b"no-cache", b"no-store")
"""Members of a request's `cache-control` that make it pass the cache by."""


class Entry(NamedTuple):
    """One answer."""

    media: bytes
    """Header lines that say what it is."""
    model: str
    """Who gave it."""
    stream: bool
    body: bytes
    stored: float
    """Unix seconds."""

    @property
    def size(self) -> int:
        """Bytes it is counted with; the constant is about what Python itself takes."""
        return len(self.body) + len(self.media) + 512


class Cache:
    """The most recently used answers, up to `most` bytes and `ttl` seconds of age."""

    def __init__(self, most: int, ttl: float) -> None:
        self.most = most
        self.ttl = ttl
        self.size = 0
        """Bytes in use."""
        self._entries: OrderedDict[bytes, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, name: bytes, now: float) -> Entry | None:
        """The answer kept under this name, unless it is too old (`now` in Unix seconds)."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if not fresh(entry, self.ttl, now):
            self._drop(name)
            return None
        self._entries.move_to_end(name)
        return entry

    def put(self, name: bytes, entry: Entry) -> None:
        """Keep an answer; the least recently used ones make room.  One that is larger than everything is not kept."""
        self._drop(name)
        if entry.size > self.most:
            return
        self._entries[name] = entry
        self.size += entry.size
        while self.size > self.most:
            self._drop(next(iter(self._entries)))

    def resize(self, most: int, ttl: float) -> None:
        """New settings; what is too much for them goes."""
        self.most, self.ttl = most, ttl
        while self.size > most:
            self._drop(next(iter(self._entries)))

    def _drop(self, name: bytes) -> None:
        entry = self._entries.pop(name, None)
        if entry is not None:
            self.size -= entry.size


def fresh(entry: Entry, ttl: float, now: float) -> bool:
    """Whether an answer may still be given.  One from the future (a clock that was set back) may not."""
    return 0.0 <= now - entry.stored <= ttl


def name_of(key: str, kind: str, path: str, body: bytes) -> bytes:
    """What an answer is kept under: whose it is, what was asked, and every byte of how."""
    digest = blake2b(digest_size=32, person=b"glowplug-cache")
    for part in (key.encode(), kind.encode(), path.encode()):
        digest.update(len(part).to_bytes(4, "big") + part)
    digest.update(body)
    return digest.digest()


def passes_by(control: bytes | None) -> bool:
    """Whether a request's `cache-control` header wants no answer from here (RFC 9111 §5.2.1)."""
    if not control:
        return False
    wishes = {part.strip().lower() for part in control.split(b",")}
    return any(wish in wishes for wish in NO_CACHE) or b"max-age=0" in wishes
