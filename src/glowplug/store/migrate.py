"""Brings a database to the schema this release expects, or says which command to run.  Never half.

A database at the expected revision costs one SELECT; Alembic is imported only when something has to change.  An older
one is copied beside itself first (`glowplug.db.bak-<revision>-<UTC time>`) and upgraded in one transaction.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from glowplug import __version__
from glowplug.errors import StoreError

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory


@dataclass(frozen=True)
class Schema:
    """The migrations of one release: where they are and the revision they lead to."""

    directory: Path
    head: str


WRITTEN_BY = "written_by"
"""Name of the version in `meta` that used a database last."""
CURRENT = Schema(Path(__file__).parent / "migrations", "0014")


def revision(connection: Connection) -> str | None:
    """The revision a database is at, or None for an empty one.  Raises StoreError for a database of somebody else."""
    tables = set(inspect(connection).get_table_names())
    if "alembic_version" in tables:
        rows = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        if len(rows) == 1:
            return str(rows[0])
        raise StoreError(
            f"the database names {len(rows)} schema revisions instead of one", hint="restore it from a backup"
        )
    if tables:
        raise StoreError(
            f"the database holds tables that are not Glowplug's ({', '.join(sorted(tables)[:4])})",
            hint="choose another --state-dir, or move that file away"
            if connection.dialect.name == "sqlite"
            else "give Glowplug a database of its own in server.database",
        )
    return None


def known(schema: Schema) -> frozenset[str]:
    """The revisions that this release knows."""
    return frozenset(script.revision for script in _scripts(schema).walk_revisions())


def writer(connection: Connection) -> str:
    """` (Glowplug 1.2 wrote it)` where a database says so, else nothing."""
    if "meta" not in inspect(connection).get_table_names():
        return ""
    found = connection.execute(text("SELECT value FROM meta WHERE name = :name"), {"name": WRITTEN_BY}).scalar()
    return f" (Glowplug {found} wrote it)" if found else ""


def migrate(connection: Connection, schema: Schema, file: Path | None, backups: Path | None = None) -> Path | None:
    """Upgrade to `schema.head` inside the caller's transaction; returns the backup that was made, if any.

    `file` is the SQLite file to copy first, or None where there is none; `backups` is then the directory for a backup
    (`glowplug.store.archive`) that is made instead.  Raises StoreError when the revision is
    unknown here (a newer release wrote it) and when a migration fails; the caller's roll-back leaves all as it was.
    """
    current = revision(connection)
    if current == schema.head:
        return None
    scripts = _scripts(schema)
    if current is not None and current not in known(schema):
        raise StoreError(
            f"the database is at schema revision {current}{writer(connection)}, and this release, {__version__}, "
            f"knows revisions up to {schema.head}",
            hint=_newer_hint(file),
        )
    backup = None
    if current is not None and file is not None:
        backup = _backup(file, current)
    elif current is not None and backups is not None:
        backup = _portable(connection, backups, current)
    try:
        _upgrade(connection, scripts, schema)
    except SQLAlchemyError as error:
        kept = f"nothing was changed; a copy is at {backup}" if backup else "nothing was changed"
        raise StoreError(
            f"the database could not be brought from schema revision {current} to {schema.head}: {error}", hint=kept
        ) from error
    return backup


def _newer_hint(file: Path | None) -> str:
    upgrade = "run `pip install --upgrade glowplug`"
    if file is None:
        return upgrade
    backups = sorted(file.parent.glob(f"{file.name}.bak-*"))
    return f"{upgrade}, or go back with `cp {backups[-1]} {file}`" if backups else upgrade


def _backup(file: Path, current: str) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    target = file.with_name(f"{file.name}.bak-{current}-{stamp}")
    source = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
    try:
        copy = sqlite3.connect(target)
        try:
            source.backup(copy)
        finally:
            copy.close()
    except (sqlite3.Error, OSError) as error:
        target.unlink(missing_ok=True)
        raise StoreError(
            f"no copy of {file} could be made before its upgrade: {error}", hint="make room beside it and start again"
        ) from error
    finally:
        source.close()
    target.chmod(0o600)
    return target


def _portable(connection: Connection, directory: Path, current: str) -> Path:
    from glowplug.store import archive

    now = time.time()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    target = directory / f"before-{current}-{stamp}.glowplug"
    archive.write(connection, target, __version__, current, now, {})
    return target


def _scripts(schema: Schema) -> ScriptDirectory:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(schema.directory).replace("%", "%%"))
    return ScriptDirectory.from_config(config)


def _upgrade(connection: Connection, scripts: ScriptDirectory, schema: Schema) -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    def steps(current: object, _context: object) -> list[object]:
        return list(scripts._upgrade_revs(schema.head, current))  # type: ignore[arg-type]

    context = MigrationContext.configure(connection, opts={"fn": steps, "script": scripts})
    with Operations.context(context):
        context.run_migrations()
