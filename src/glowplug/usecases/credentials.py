"""Secrets of providers: list, set, delete, and turning the key they are sealed with.

Write-only: nothing here gives a value back, except to the configuration that names it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from glowplug.clock import Clock
from glowplug.domain.change import OURSELVES, Actor
from glowplug.domain.credential import Credential
from glowplug.errors import Conflict, NotFound, RequestError, StoreError
from glowplug.files import keep_private, write_private
from glowplug.keyring import KeyRing, Unopenable
from glowplug.secret import Secret
from glowplug.store import credentials
from glowplug.store.changes import noted
from glowplug.store.database import Database
from glowplug.store.sealed import Resealed, keys_in_use, reseal
from glowplug.store.tables import metadata
from glowplug.usecases.changes import done
from glowplug.usecases.page import MOST, Page, page

_NAME = re.compile(r"[A-Za-z0-9._/@-]{1,200}")
_LONGEST = 65_536

Uses = Callable[[], Mapping[str, tuple[str, ...]]]
"""Name of a secret → the settings of the configuration that have it."""


class NewCredential(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A secret and its name; the body of `PUT /admin/credentials`."""

    name: str
    value: str

    def __repr__(self) -> str:
        return f"NewCredential({self.name!r}, ***)"


class CredentialView(msgspec.Struct, frozen=True, kw_only=True):
    """A secret for people: everything but its value."""

    name: str
    created_at: float
    updated_at: float
    sealed_with: str
    """Id of the key of the ring."""
    problem: str = ""
    """Why it cannot be opened; empty when it can."""
    used_by: tuple[str, ...] = ()
    """Settings of the configuration that have it."""
    dry_run: bool = False


class Rotated(msgspec.Struct, frozen=True, kw_only=True):
    """What turning the key did."""

    key: str
    """Id of the key that seals from now on."""
    resealed: int
    problems: tuple[str, ...] = ()
    """One sentence for each value that could not be opened; they are left as they were."""
    forgotten: tuple[str, ...] = ()
    """Ids of keys that nothing was sealed with any more and that are gone from the ring."""
    dry_run: bool = False


class CredentialBook:
    """All secrets in memory, the database behind them."""

    def __init__(self, database: Database, ring_file: Path, clock: Clock) -> None:
        self._database = database
        self._file = ring_file
        self._clock = clock
        self._changed: Callable[[], Awaitable[None]] = _nobody
        self._uses: Uses = dict
        self._ring: KeyRing | None = None
        self._rows: dict[str, Credential] = {}
        self._values: dict[str, Secret | Unopenable] = {}
        self._change = asyncio.Lock()

    def connect(self, changed: Callable[[], Awaitable[None]], uses: Uses) -> None:
        """The configuration, which has the secrets: `changed` is awaited after every change."""
        self._changed = changed
        self._uses = uses

    async def load(self) -> None:
        """Read the key ring and all secrets.  Raises StoreError; a secret that cannot be opened is no error here."""
        self._ring = read_ring(self._file)
        rows = await self._database.run(credentials.every)
        self._rows = {row.name: row for row, _ in rows}
        self._values = {row.name: self._opened(row.name, sealed) for row, sealed in rows}

    def secret(self, name: str) -> Secret | str:
        """The value of a secret for the configuration, or why it cannot be had."""
        value = self._values.get(name)
        if isinstance(value, Unopenable):
            return value.message
        return value if value is not None else f"there is no secret {name!r}; `glowplug secrets set {name}` stores it"

    def list(self, limit: int = MOST, after: str = "") -> Page[CredentialView]:
        """Secrets for people, by name."""
        uses = self._uses()
        rows = [self._view(self._rows[name], uses) for name in sorted(self._rows)]
        return page(rows, lambda row: row.name, limit, after)

    async def put(self, wanted: NewCredential, dry_run: bool = False, *, actor: Actor = OURSELVES) -> CredentialView:
        """Store a secret, in place of the one of that name.  Raises RequestError, StoreError."""
        name, value = wanted.name, wanted.value
        if not _NAME.fullmatch(name):
            raise RequestError(f"{name[:60]!r} cannot be a name", hint="use letters, digits and . _ / @ -")
        if not value or len(value) > _LONGEST or "\0" in value:
            raise RequestError("the value is empty, too long or has a zero byte in it", hint="give the key as it is")
        async with self._change:
            now = self._clock.unix()
            ring = self._ring if dry_run else self._sure()
            old = self._rows.get(name)
            new = Credential(
                name=name,
                created_at=old.created_at if old else now,
                updated_at=now,
                key=ring.active if ring else "",
            )
            if not dry_run and ring:
                secret = Secret(value)
                action = "update" if old else "create"
                line = done(actor, now, action, "credential", name)
                await self._database.run(noted(lambda c: credentials.put(c, name, secret, ring, now), line))
                self._rows = {**self._rows, name: new}
                self._values = {**self._values, name: secret}
        if not dry_run:
            await self._changed()
        return self._view(new, self._uses(), dry_run)

    async def delete(self, name: str, dry_run: bool = False, *, actor: Actor = OURSELVES) -> CredentialView:
        """Forget a secret.  Raises NotFound, and Conflict while the configuration has it."""
        async with self._change:
            row = self._rows.get(name)
            if row is None:
                raise NotFound(f"there is no secret {name!r}", hint="glowplug secrets list shows those there are")
            uses = self._uses()
            if uses.get(name):
                raise Conflict(
                    f"the secret {name!r} is in use by {', '.join(uses[name])}",
                    hint="take it out of the configuration first, or set another value",
                )
            gone = self._view(row, uses, dry_run)
            if not dry_run:
                line = done(actor, self._clock.unix(), "delete", "credential", name)
                await self._database.run(noted(lambda c: credentials.remove(c, name), line))
                self._rows = {n: row for n, row in self._rows.items() if n != name}
                self._values = {n: value for n, value in self._values.items() if n != name}
        return gone

    async def rotate(self, dry_run: bool = False, *, actor: Actor = OURSELVES) -> Rotated:
        """Make a new key and seal everything with it.

        The ring with both keys is on the disk before anything is sealed with the new one, and a key leaves the ring
        when nothing in the database needs it any more: killed at any point, everything can still be opened.
        """
        async with self._change:
            old = self._ring
            if old is None:
                raise NotFound("there is no key ring yet", hint="glowplug secrets set NAME makes it")
            ring = old.turned()
            if dry_run:
                problems = tuple(str(v.message) for v in self._values.values() if isinstance(v, Unopenable))
                resealed = len(self._values) - len(problems)
                return Rotated(key=ring.active, resealed=resealed, problems=problems, dry_run=True)
            write_private(self._file, ring.encode())
            self._ring = ring
            line = done(actor, self._clock.unix(), "rotate", "credential", "", {"sealed_with": ring.active})
            sealed = await self._database.run(noted(lambda c: reseal(c, metadata, ring), line))
            needed = await self._database.run(lambda c: keys_in_use(c, metadata))
            kept = ring.only(needed)
            write_private(self._file, kept.encode())
            self._ring = kept
        await self.load()
        return _rotated(ring, kept, sealed)

    def _opened(self, name: str, sealed: bytes) -> Secret | Unopenable:
        if self._ring is None:
            return Unopenable(
                f"the secret {name!r} cannot be opened: the key ring {self._file} is missing",
                hint="put it back from a backup, or set the secret anew",
            )
        try:
            return self._ring.open(sealed, credentials.place(name))
        except Unopenable as error:
            return error

    def _sure(self) -> KeyRing:
        """The ring; the first secret makes it."""
        if self._ring is None:
            ring = KeyRing.new()
            write_private(self._file, ring.encode())
            self._ring = ring
        return self._ring

    def _view(self, row: Credential, uses: Mapping[str, tuple[str, ...]], dry_run: bool = False) -> CredentialView:
        value = self._values.get(row.name)
        return CredentialView(
            name=row.name,
            created_at=row.created_at,
            updated_at=row.updated_at,
            sealed_with=row.key,
            problem=value.message if isinstance(value, Unopenable) and not dry_run else "",
            used_by=uses.get(row.name, ()),
            dry_run=dry_run,
        )


async def _nobody() -> None:
    """There is no configuration yet."""


def _rotated(ring: KeyRing, kept: KeyRing, sealed: list[Resealed]) -> Rotated:
    problems = tuple(one.problem for one in sealed if one.problem)
    return Rotated(
        key=ring.active,
        resealed=len(sealed) - len(problems),
        problems=problems,
        forgotten=tuple(sorted(ring.names - kept.names)),
    )


def read_ring(file: Path) -> KeyRing | None:
    """The key ring in a file, or None when there is no file.  Raises StoreError for a file that is none."""
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}", hint="check its owner and mode") from None
    keep_private(file)
    try:
        return KeyRing.decode(data)
    except ValueError as error:
        raise StoreError(f"{file} is damaged: {error}", hint="restore that file from a backup") from None
