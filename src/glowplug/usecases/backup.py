"""Backups of an installation: made while it runs, restored while it does not.

A backup is read straight from the database, beside the process that uses it: its pepper and its key ring are in it, and
those leave through no API.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from glowplug import __version__
from glowplug.config.managed import ManagedFile
from glowplug.errors import StoreError
from glowplug.files import write_private
from glowplug.paths import Paths
from glowplug.store import archive
from glowplug.store.archive import Manifest
from glowplug.store.migrate import CURRENT, Schema, known, migrate, revision
from glowplug.store.places import Place, SqliteFile

SUFFIX = ".glowplug"
_NAMED = re.compile(rf"glowplug-\d{{8}}T\d{{6}}Z\{SUFFIX}")
"""What `name_for` makes."""


@dataclass(frozen=True)
class Contents:
    """What a backup would hold now."""

    revision: str
    tables: dict[str, int]
    """Rows by table."""
    files: tuple[str, ...]


@dataclass(frozen=True)
class Restored:
    """What was, or would be, restored."""

    manifest: Manifest
    into: str = ""
    """Where to, in words; empty when nothing was done."""
    kept: tuple[Path, ...] = ()
    """What was there before: a backup of it, or the files themselves."""


def name_for(now: float) -> str:
    """The name of a backup that was given none."""
    return f"glowplug-{_stamp(now)}{SUFFIX}"


def surplus(folder: Path, keep: int) -> tuple[Path, ...]:
    """The backups in a folder that are older than the `keep` newest, by the moment in their names.

    Only files that were named by `name_for` count: whatever got a name of its own was meant to stay.
    """
    made = sorted(file for file in folder.iterdir() if _NAMED.fullmatch(file.name))
    return tuple(made[: max(0, len(made) - keep)])


def backup(place: Place, paths: Paths, target: Path, now: float) -> Manifest:
    """Write one verified backup of what the database holds at one moment.  Raises StoreError."""
    files = {}
    for file in _kinds(paths):
        with contextlib.suppress(FileNotFoundError):
            files[file.name] = file.read_bytes()
    with _translated(place), _connected(place.reader()) as connection:
        return archive.write(connection, target, __version__, _revision(place, connection), now, files)


def contents(place: Place, paths: Paths) -> Contents:
    """What `backup` would write.  Raises StoreError."""
    with _translated(place), _connected(place.reader()) as connection:
        files = tuple(file.name for file in _kinds(paths) if file.exists())
        return Contents(_revision(place, connection), archive.sizes(connection), files)


def _revision(place: Place, connection: Connection) -> str:
    current = revision(connection)
    if current is None:
        raise StoreError(f"{place.name} is empty", hint="`glowplug up` fills it")
    return current


def check(file: Path) -> Manifest:
    """A backup that can be restored here.  Raises StoreError for one that is damaged, or of a newer release."""
    manifest = archive.verify(file)
    if manifest.revision not in known(CURRENT):
        raise StoreError(
            f"the backup {file} is of schema revision {manifest.revision} (Glowplug {manifest.version} wrote it), and "
            f"this release, {__version__}, knows revisions up to {CURRENT.head}",
            hint="run `pip install --upgrade glowplug`",
        )
    return manifest


def restore(place: Place, paths: Paths, file: Path, now: float) -> Restored:
    """Put a backup in the place of what is there, which is kept.  The caller holds the lock of the installation.

    All or nothing: a SQLite file is made beside the old one, on a server it is one transaction.  Raises StoreError.
    """
    manifest = check(file)
    stamp = _stamp(now)
    data = {name: archive.content(file, manifest, name) for name in manifest.files}
    kept: list[Path] = []
    with _translated(place):
        if place.file is not None:
            fresh = place.file.with_name(f"{place.file.name}.restoring")
            _discard(fresh)
            try:
                with _connected(SqliteFile(fresh).engine()) as connection:
                    _fill(connection, file, manifest)
                kept += _files(paths, data, stamp)
                kept += _aside(place.file, stamp)
                fresh.replace(place.file)
            finally:
                _discard(fresh)
        else:
            with _connected(place.engine()) as connection:
                current = revision(connection)
                if current is not None:
                    before = paths.state / f"before-restore-{stamp}.glowplug"
                    archive.write(connection, before, __version__, current, now, {})
                    kept.append(before)
                    archive.drop_all(connection)
                _fill(connection, file, manifest)
                kept += _files(paths, data, stamp)
    return Restored(manifest, place.name, tuple(kept))


def _fill(connection: Connection, file: Path, manifest: Manifest) -> None:
    migrate(connection, Schema(CURRENT.directory, manifest.revision), None)
    archive.fill(connection, file, manifest)
    migrate(connection, CURRENT, None)


def _files(paths: Paths, data: dict[str, bytes], stamp: str) -> list[Path]:
    """Put the files of a backup where they belong; what was there is kept beside them."""
    kept = []
    for path in _kinds(paths):
        if path.name not in data:
            continue
        if path.exists() and path.read_bytes() != data[path.name]:
            before = path.with_name(f"{path.name}.before-restore-{stamp}")
            write_private(before, path.read_bytes())
            kept.append(before)
        write_private(path, data[path.name])
        good = ManagedFile(path).good
        if path == paths.managed and good.exists():
            # It would serve in the place of a restored file that cannot be read, and is of another time.
            before = good.with_name(f"{good.name}.before-restore-{stamp}")
            good.replace(before)
            kept.append(before)
    return kept


def _kinds(paths: Paths) -> tuple[Path, ...]:
    """The files of an installation that belong to what its database holds."""
    return paths.pepper, paths.keyring, paths.managed


def _aside(file: Path, stamp: str) -> list[Path]:
    """Move a SQLite file away, with the log that belongs to it."""
    moved = []
    for suffix in ("-wal", "-shm", ""):
        old = file.with_name(file.name + suffix)
        if old.exists():
            new = file.with_name(f"{file.name}.before-restore-{stamp}{suffix}")
            old.replace(new)
            moved.append(new)
    return moved[-1:]


def _discard(file: Path) -> None:
    for suffix in ("-wal", "-shm", ""):
        file.with_name(file.name + suffix).unlink(missing_ok=True)


@contextlib.contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    """One transaction, and nothing open behind it."""
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


@contextlib.contextmanager
def _translated(place: Place) -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise StoreError(f"{place.name} could not be used: {place.cause(cause)}", hint=place.hint) from error
    except OSError as error:
        raise StoreError(f"{error.filename} cannot be used: {error.strerror}", hint="check its disk") from error


def _stamp(now: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
