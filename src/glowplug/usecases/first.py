"""The first start: the pepper, the first admin key and the key of this user's command line.

Also every later start, which finds all three and changes nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from glowplug.clock import Clock
from glowplug.domain.access import Role
from glowplug.domain.change import OURSELVES
from glowplug.errors import StoreError
from glowplug.files import keep_private, write_private
from glowplug.paths import Paths
from glowplug.secret import Secret, key_digest
from glowplug.store import keys
from glowplug.store.changes import noted
from glowplug.store.database import Database
from glowplug.usecases.changes import made
from glowplug.usecases.keys import NewKey, mint, usable

_PEPPER_BYTES = 32


@dataclass(frozen=True)
class Start:
    """What a start needs to know and to show."""

    pepper: bytes
    admin_key: Secret | None
    """The first admin key, to be shown once; None when there were keys already."""


async def first_start(database: Database, paths: Paths, clock: Clock) -> Start:
    """Make what is missing.  Raises StoreError when the pepper is lost or unusable while keys depend on it."""
    count = await database.run(keys.count)
    pepper = _pepper(paths.pepper, count)
    admin: Secret | None = None
    if count == 0:
        key, admin = mint(NewKey(name="admin", role=Role.ADMIN), pepper, clock.unix())
        await database.run(noted(lambda c: keys.add(c, key), made(OURSELVES, key.created_at, "key", key.id, key)))
    await _command_line_key(database, paths.cli_key, pepper, clock)
    return Start(pepper, admin)


def _pepper(path: Path, count: int) -> bytes:
    try:
        pepper = path.read_bytes()
    except FileNotFoundError:
        if count:
            raise StoreError(
                f"{path} is missing, and without it none of the {count} API keys in the database can be checked",
                hint=f"restore that file, or move {path.with_name('glowplug.db')} away to begin with new keys",
            ) from None
        pepper = secrets.token_bytes(_PEPPER_BYTES)
        write_private(path, pepper)
        return pepper
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}", hint="check its owner and mode") from None
    if len(pepper) != _PEPPER_BYTES:
        raise StoreError(
            f"{path} has {len(pepper)} bytes instead of {_PEPPER_BYTES}", hint="restore that file from a backup"
        )
    keep_private(path)
    return pepper


async def _command_line_key(database: Database, path: Path, pepper: bytes, clock: Clock) -> None:
    token = _token(path)
    if token:
        digest, now = key_digest(pepper, token), clock.unix()
        stored = await database.run(keys.every)
        if any(key.digest == digest and key.role is Role.ADMIN and usable(key, now) for key in stored):
            keep_private(path)
            return
    key, secret = mint(NewKey(name="command line", role=Role.ADMIN), pepper, clock.unix())
    # The file first: killed in between, it holds a key nobody knows, and the next start makes another.
    write_private(path, secret.reveal().encode() + b"\n")
    await database.run(noted(lambda c: keys.add(c, key), made(OURSELVES, key.created_at, "key", key.id, key)))


def _token(path: Path) -> bytes:
    try:
        return path.read_bytes().strip()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}", hint="check its owner and mode") from None
