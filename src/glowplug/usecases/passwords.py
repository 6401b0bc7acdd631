"""Passwords: the rule for new ones, hashing and checking.

Argon2id (RFC 9106) by `cryptography`, kept as PHC strings, so that a hash says with which costs it was made.  Hashing
takes a core and tens of MiB for a tenth of a second: it runs on a thread of its own, one at a time, and a bounded
number may wait.
"""

from __future__ import annotations

import asyncio
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from glowplug.errors import LimitReached, RequestError
from glowplug.secret import Secret

A = TypeVar("A")
R = TypeVar("R")

SHORTEST = 12
"""Characters."""
LONGEST = 1024
"""Bytes of UTF-8."""
_MOST_WAITING = 8


@dataclass(frozen=True)
class Cost:
    """What hashing costs."""

    memory: int
    """KiB."""
    passes: int
    lanes: int

    @property
    def prefix(self) -> str:
        """How hashes of this cost begin."""
        return f"$argon2id$v=19$m={self.memory},t={self.passes},p={self.lanes}$"


COST = Cost(memory=65_536, passes=3, lanes=4)
"""The second recommended option of RFC 9106, section 4; more than OWASP's minimum (19 MiB, 2 passes, 1 lane)."""


def checked_password(password: Secret) -> Secret:
    """A new password that is long enough.  Raises RequestError.  What is in it is free: length is what counts."""
    text = password.reveal()
    if len(text) < SHORTEST:
        raise RequestError(
            f"the password has {len(text)} characters", hint=f"use at least {SHORTEST}; a few words are good"
        )
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST:
        raise RequestError("the password is too long", hint=f"use at most {LONGEST} bytes")
    return password


class Passwords:
    """Hashes and checks, one at a time."""

    def __init__(self, cost: Cost = COST) -> None:
        self._cost = cost
        self._thread: ThreadPoolExecutor | None = None
        self._waiting = 0
        self._nobody: str = ""

    async def hash(self, password: Secret) -> str:
        """The PHC string of a password.  Raises LimitReached when too many wait."""
        return await self._run(_hash, password, self._cost)

    async def check(self, password: Secret, stored: str | None) -> bool:
        """Whether this is the password.  Without a stored one it takes as long and is false.  Raises LimitReached."""
        if stored is None:
            await self.prepare()
            await self._run(_matches, password, self._nobody)
            return False
        return await self._run(_matches, password, stored)

    async def prepare(self) -> None:
        """Make the hash that unknown users are checked against, so that the first of them takes no longer."""
        if not self._nobody:
            self._nobody = await self.hash(Secret(secrets.token_hex(16)))

    def outdated(self, stored: str) -> bool:
        """Whether it was hashed with other costs than today's."""
        return not stored.startswith(self._cost.prefix)

    async def _run(self, work: Callable[[Secret, A], R], password: Secret, other: A) -> R:
        if self._waiting >= _MOST_WAITING:
            raise LimitReached("too many logins at the same time", hint="try again in a moment", retry_after=2.0)
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="glowplug-password")
        self._waiting += 1
        try:
            return await asyncio.wrap_future(self._thread.submit(work, password, other))
        finally:
            self._waiting -= 1


def _bytes(password: Secret) -> bytes:
    """As the same keys on any keyboard make it: composed and decomposed accents are one password."""
    return unicodedata.normalize("NFKC", password.reveal()).encode("utf-8", "surrogatepass")


def _hash(password: Secret, cost: Cost) -> str:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # OpenSSL: only where somebody logs in

    made = Argon2id(
        salt=secrets.token_bytes(16), length=32, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory
    )
    return made.derive_phc_encoded(_bytes(password))


def _matches(password: Secret, stored: str) -> bool:
    from cryptography.exceptions import InvalidKey
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        Argon2id.verify_phc_encoded(_bytes(password), stored)
    except InvalidKey:
        return False
    return True
