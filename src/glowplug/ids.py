"""Identifiers: request ids, API keys, random names.  All from the operating system's random source."""

from __future__ import annotations

import os
import secrets
from binascii import crc32, hexlify
from typing import Final

KEY_PREFIX = "sk-gp-"
_LAST: Final = tuple(f"{number:02x}" for number in range(256))
"""The last two digits of a count."""


class RequestIds:
    """Makes request ids: `req_`, 16 random hexadecimal digits of this object, 8 that count.

    Unique, and cheap enough for every request; they are no secrets.
    """

    __slots__ = ("_count", "_front", "_prefix")

    def __init__(self) -> None:
        self._prefix = "req_" + hexlify(os.urandom(8)).decode()
        self._front = ""
        self._count = 0

    def next(self) -> str:
        count = self._count = self._count + 1
        last = count & 255
        if last == 0 or count == 1:  # to format each would cost as much as looking its key up
            self._front = f"{self._prefix}{count >> 8:06x}"
        return self._front + _LAST[last]


def request_id() -> str:
    """One request id: `req_` and 24 hexadecimal digits (96 random bits)."""
    return "req_" + hexlify(os.urandom(12)).decode()


def short_id(prefix: str) -> str:
    """A new id for a stored thing: prefix, underscore, 16 hexadecimal digits."""
    return f"{prefix}_{hexlify(os.urandom(8)).decode()}"


def new_api_key() -> str:
    """A new API key: 256 random bits in hexadecimal and a CRC-32, so that scanners find leaks and typos are seen.

    Shape: `sk-gp-` + 64 hexadecimal digits + 8 hexadecimal digits of CRC-32 over the part before.
    """
    body = secrets.token_hex(32)
    return f"{KEY_PREFIX}{body}{crc32(body.encode()):08x}"


def engine_key() -> str:
    """A random key for one launch of one engine."""
    return secrets.token_hex(24)
