"""Where a database is and what is particular to it: a SQLite file of our own, or a PostgreSQL database of somebody's.

Everything else in `glowplug.store` is the same for both.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import StaticPool

from glowplug.errors import StoreError
from glowplug.secret import Secret

_log = logging.getLogger(__name__)

_BUSY_MS = 5000
_LOCK = 0x676C6F77706C7567
"""The advisory lock of whoever uses a PostgreSQL database: "glowplug" in ASCII."""
_LOCKED_WITHIN = 5.0
"""Seconds until the server has noticed that a process that was killed is gone."""
_PATIENCE = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""libpq's options (seconds, the last one milliseconds), which the URL may say otherwise: a server whose machine is gone
says nothing, and without these the store's thread would wait for it for a quarter of an hour."""
_AWAY = ("08", "57P0", "53300")
"""SQLSTATEs of a server that is not there, stops or starts, or has no connection left (appendix A of its manual)."""
SCHEMES = ("postgresql", "postgres")


class Place(Protocol):
    """Where the tables are."""

    @property
    def file(self) -> Path | None:
        """The file to copy before an upgrade, where there is one."""

    @property
    def backups(self) -> Path | None:
        """Where a backup goes that is made before an upgrade of what is no file."""

    @property
    def name(self) -> str:
        """For people; without a password."""

    @property
    def hint(self) -> str:
        """What to look at when it cannot be used."""

    def engine(self) -> Engine:
        """An engine of one connection, in whose transactions schema changes roll back too.  Raises StoreError."""

    def reader(self) -> Engine:
        """An engine whose transactions see one moment and write nothing, beside whoever uses the database.  Raises
        StoreError."""

    def still_there(self, engine: Engine) -> None:
        """Before a transaction: see that what would be written is where the next start looks.  Raises StoreError."""

    def sync(self, engine: Engine) -> None:
        """Wait until what was committed is on the disk.  Raises StoreError, SQLAlchemyError."""

    def cause(self, error: BaseException) -> str:
        """What the driver says, fit to be shown."""

    def away(self, error: BaseException) -> bool:
        """Whether it says that nobody can be reached there now, so that trying again makes sense."""


class SqliteFile:
    """One file, made private to this user; nobody else writes to it."""

    def __init__(self, file: Path) -> None:
        self.file: Path | None = file
        self.backups: Path | None = None
        self._path = file
        self._identity = (0, 0)
        self.name = f"the database {file}"
        self.hint = "check that its disk has room and that it is a Glowplug database; copies are beside it (*.bak-*)"

    def engine(self) -> Engine:
        # The file must never be readable by others, and SQLite would create it with the process's umask.
        self._path.touch(mode=0o600)
        self._identity = _identity(self._path)
        url = URL.create("sqlite", database=str(self._path))
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
        _configure_sqlite(engine)
        return engine

    def reader(self) -> Engine:
        if not self._path.exists():
            raise StoreError(f"{self.name} is not there", hint="name the installation with --state-dir")
        query = {"mode": "ro", "uri": "true"}
        url = URL.create("sqlite", database=self._path.absolute().as_uri(), query=query)
        engine = create_engine(url, poolclass=StaticPool)

        @event.listens_for(engine, "begin")
        def on_begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")

        return engine

    def still_there(self, engine: Engine) -> None:
        """A file that is deleted while it is open goes on to exist for whoever has it open, and for nobody else: so it
        is written back from there, before anything more is lost with it."""
        try:
            info = self._path.stat()
        except FileNotFoundError:
            self._write_back(engine)
            return
        except OSError as error:
            raise StoreError(f"{self.name} cannot be looked at: {error.strerror}", hint=self.hint) from None
        if (info.st_dev, info.st_ino) != self._identity:
            raise StoreError(
                f"{self.name} was put in the place of the one that is in use",
                hint="start Glowplug again to use it; stop Glowplug before a file is exchanged",
            )

    def _write_back(self, engine: Engine) -> None:
        new = self._path.with_name(f"{self._path.name}.back")
        connection = engine.raw_connection()
        try:
            new.unlink(missing_ok=True)
            new.touch(mode=0o600)
            copy = sqlite3.connect(new)
            try:
                driver = connection.driver_connection
                assert isinstance(driver, sqlite3.Connection)
                driver.backup(copy)
            finally:
                copy.close()
            # The logs of the old one have its name, and must not be taken for those of the new one.
            for suffix in ("-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            new.replace(self._path)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"{self.name} was deleted while it was in use, and could not be written back: {error}",
                hint="do not stop Glowplug, which still has it; make room where it was",
            ) from error
        finally:
            connection.close()
        engine.dispose()  # the next transaction opens the new one
        self._identity = _identity(self._path)
        _log.error("%s was deleted while it was in use; it was written back and nothing is lost", self.name)

    def sync(self, engine: Engine) -> None:
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            # Outside of a transaction, where alone it works: syncs the log, then the file (sqlite.org/wal.html).
            cursor.execute("PRAGMA wal_checkpoint(FULL)")
            cursor.fetchall()
            cursor.close()
        except sqlite3.Error as error:
            raise StoreError(f"{self.name} could not be synced: {error}") from error
        finally:
            connection.close()

    def cause(self, error: BaseException) -> str:
        return str(error)

    def away(self, error: BaseException) -> bool:
        return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def place_of(url: Secret | None, file: Path) -> Place:
    """The database that a configuration names, or the file.  Raises StoreError for what is no URL of a database."""
    return PostgresDatabase(url, file.parent) if url else SqliteFile(file)


class PostgresDatabase:
    """A database on a server, by its URL: `postgresql://USER:PASSWORD@HOST/NAME`, with libpq's options behind a `?`.

    Raises StoreError for what is no such URL.
    """

    file = None

    def __init__(self, url: Secret, backups: Path | None = None) -> None:
        self.backups = backups
        try:
            parsed = make_url(url.reveal())
        except (ArgumentError, ValueError):
            raise StoreError("the URL of the database cannot be read", hint=_FORM) from None
        if parsed.drivername not in SCHEMES:
            raise StoreError("the URL of the database is not one of PostgreSQL", hint=_FORM)
        self._url = parsed.set(drivername="postgresql+psycopg")
        self._secrets = tuple(
            str(value)
            for value in (parsed.password, parsed.query.get("password"), parsed.query.get("sslpassword"))
            if value
        )
        where = parsed.host or parsed.query.get("host") or "this machine"
        self.name = f"the database {parsed.database or parsed.username or ''} on {where}"
        self.hint = "check server.database, and that the server runs and lets us in"

    def engine(self) -> Engine:
        engine = self._engine()
        event.listen(engine, "connect", self._lock)
        return engine

    def reader(self) -> Engine:
        return self._engine().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def _engine(self) -> Engine:
        options = {name: value for name, value in _PATIENCE.items() if name not in self._url.query}
        try:
            # One connection, that of the store's one thread; looked at before use, because a server may restart.
            return create_engine(
                self._url, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args=options, hide_parameters=True
            )
        except (ImportError, NoSuchModuleError):
            raise StoreError(
                "PostgreSQL needs the package psycopg, which is not installed",
                hint="run `pip install 'glowplug[postgres]'`",
            ) from None

    def _lock(self, connection: object, _record: object) -> None:
        """Only one installation uses a database: what one knows in memory, another would not hear of."""
        deadline = time.monotonic() + _LOCKED_WITHIN
        connection.autocommit = True  # type: ignore[attr-defined]
        while True:
            row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()  # type: ignore[attr-defined]
            if row[0]:
                break
            if time.monotonic() > deadline:
                connection.close()  # type: ignore[attr-defined]
                raise StoreError(
                    f"{self.name} is in use by another Glowplug", hint="give each installation a database of its own"
                )
            time.sleep(0.05)
        connection.autocommit = False  # type: ignore[attr-defined]

    def still_there(self, engine: Engine) -> None:
        """The server says so itself."""

    def sync(self, engine: Engine) -> None:
        """A server may be set to say that something is committed before it is on the disk; this commit is not."""
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL synchronous_commit TO on"))
            # Puts a record of a few bytes into the log, or there would be nothing to wait for.
            connection.execute(text("SELECT pg_logical_emit_message(true, 'glowplug', 'sync')"))

    def cause(self, error: BaseException) -> str:
        # The first line alone: the others show values of the rows.
        primary = getattr(getattr(error, "diag", None), "message_primary", None)
        said = " ".join(str(primary or error).split())
        for secret in self._secrets:
            said = said.replace(secret, "***")
        return said

    def away(self, error: BaseException) -> bool:
        # Without a state the driver itself says it: refused, lost, timed out.
        state = getattr(error, "sqlstate", "") or ""
        return state.startswith(_AWAY) if state else type(error).__name__ == "OperationalError"


_FORM = "it is written postgresql://USER:PASSWORD@HOST/NAME"


def _identity(path: Path) -> tuple[int, int]:
    """Which file it is, whatever it is called."""
    info = path.stat()
    return info.st_dev, info.st_ino


def _configure_sqlite(engine: Engine) -> None:
    """WAL, and transactions that begin where SQLAlchemy says: the driver's own would leave DDL outside of them."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        # IMMEDIATE: a transaction that reads and then writes must not find out half-way that another process wrote.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
