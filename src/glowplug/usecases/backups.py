"""Backups that the admin API asks for: made beside the database, in a folder of the state directory, and never sent.

The pepper and the key ring are in a backup, and those leave through no API.  So an answer says where it is and what is
in it, and who may read the state directory has it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from glowplug import __version__
from glowplug.clock import Clock
from glowplug.domain.change import Actor
from glowplug.errors import Conflict, RequestError, StoreError
from glowplug.paths import Paths
from glowplug.store import archive
from glowplug.store.archive import Manifest
from glowplug.store.database import Database
from glowplug.usecases.backup import SUFFIX, backup, contents, name_for, surplus
from glowplug.usecases.changes import ChangeLog
from glowplug.usecases.page import MOST, Page, page


class NewBackup(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of one."""

    keep: int | None = None
    """How many of those with names of their moments stay, this one among them; all when None."""


class BackupView(msgspec.Struct, frozen=True, kw_only=True):
    """One backup: where it is and what is in it."""

    name: str
    file: str
    """Its path on the machine of the server."""
    bytes: int | None = None
    """None while it is not made."""
    made_at: float = 0.0
    """Unix time; 0 where it cannot be read."""
    version: str = ""
    """The Glowplug that wrote it."""
    revision: str = ""
    """Of the schema of its tables."""
    rows: int = 0
    tables: dict[str, int] = {}
    """Rows by table."""
    files: tuple[str, ...] = ()
    """Files of the installation in it."""
    problem: str = ""
    """Why it cannot be read, where it cannot."""


class MadeBackup(msgspec.Struct, frozen=True, kw_only=True):
    """What was made, or would be."""

    backup: BackupView
    removed: tuple[str, ...] = ()
    """Names of older ones."""
    dry_run: bool = False


class Backups:
    """`fold` brings the journal into the ledger, so that a backup has all that was used; it waits for files."""

    def __init__(
        self, database: Database, paths: Paths, fold: Callable[[], object], clock: Clock, log: ChangeLog
    ) -> None:
        self._database = database
        self._paths = paths
        self._fold = fold
        self._clock = clock
        self._log = log
        self._busy = threading.Lock()

    async def make(self, wanted: NewBackup, dry_run: bool = False, *, actor: Actor) -> MadeBackup:
        """Make one that is read back before it has its name; older ones go only then.

        Raises RequestError, Conflict while another is made, StoreError where the disk or the database says no.
        """
        if wanted.keep is not None and wanted.keep < 1:
            raise RequestError(f"keep is {wanted.keep}", hint="keep at least the one that is made")
        now = self._clock.unix()
        target = self._paths.backups / name_for(now)
        if dry_run:
            return await asyncio.to_thread(self._would, target, now, wanted)
        made = await asyncio.to_thread(self._make, target, now)
        # Noted before older ones go: the line says which.
        old = await asyncio.to_thread(self._surplus, wanted)
        old = tuple(file for file in old if file != target)  # a clock that was set back makes it an old one
        names = tuple(file.name for file in old)
        after = {"file": made.file, "bytes": made.bytes, "rows": made.rows, "removed": list(names)}
        await self._log.note(self._log.line(actor, "create", "backup", made.name, after))
        await asyncio.to_thread(_remove, old)
        return MadeBackup(backup=made, removed=names)

    async def every(self, limit: int = MOST, after: str = "") -> Page[BackupView]:
        """Those that are there, the newest name first.  Raises RequestError, StoreError."""
        names = await asyncio.to_thread(self._there)
        found = page(names, lambda file: file.name, limit, after)
        shown = await asyncio.to_thread(lambda: tuple(_read(file) for file in found.data))
        return Page(shown, found.has_more, found.next)

    def _there(self) -> list[Path]:
        folder = self._paths.backups
        try:
            return sorted((one for one in folder.iterdir() if one.name.endswith(SUFFIX)), reverse=True)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unusable(folder, error) from None

    def _make(self, target: Path, now: float) -> BackupView:
        if not self._busy.acquire(blocking=False):
            raise Conflict("a backup is being made", hint="wait until it is there: GET /admin/backup")
        try:
            try:
                target.parent.mkdir(mode=0o700, exist_ok=True)
            except OSError as error:
                raise _unusable(target.parent, error) from None
            if target.exists():
                raise Conflict(f"{target.name} is there already", hint="ask again in a second")
            self._fold()
            manifest = backup(self._database.place, self._paths, target, now)
            return _view(target, manifest)
        finally:
            self._busy.release()

    def _would(self, target: Path, now: float, wanted: NewBackup) -> MadeBackup:
        """What `make` would do: with one more there, one more of the old would go."""
        there = contents(self._database.place, self._paths)
        view = BackupView(
            name=target.name, file=str(target), made_at=now, version=__version__, revision=there.revision,
            rows=sum(there.tables.values()), tables=there.tables, files=there.files,
        )  # fmt: skip
        gone = self._surplus(wanted, 1)
        return MadeBackup(backup=view, removed=tuple(file.name for file in gone), dry_run=True)

    def _surplus(self, wanted: NewBackup, more: int = 0) -> tuple[Path, ...]:
        """Those that go; `more` are to be made first."""
        if wanted.keep is None or not self._paths.backups.is_dir():
            return ()
        return surplus(self._paths.backups, wanted.keep - more)


def _read(file: Path) -> BackupView:
    try:
        return _view(file, archive.manifest(file))
    except (StoreError, FileNotFoundError) as error:
        size = file.stat().st_size if file.exists() else None
        return BackupView(name=file.name, file=str(file), bytes=size, problem=str(error))


def _view(file: Path, manifest: Manifest) -> BackupView:
    return BackupView(
        name=file.name, file=str(file), bytes=file.stat().st_size, made_at=manifest.made_at, version=manifest.version,
        revision=manifest.revision, rows=manifest.rows, tables={one.name: one.rows for one in manifest.tables},
        files=tuple(manifest.files),
    )  # fmt: skip


def _remove(files: tuple[Path, ...]) -> None:
    for file in files:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable(file, error) from None


def _unusable(what: Path, error: OSError) -> StoreError:
    return StoreError(f"{what} cannot be used: {error.strerror}", hint="check its disk and whose it is")
