"""One database, one thread: every statement runs in a transaction on a thread of its own.

SQLite has one writer at a time anyway; a single thread makes that a queue instead of a lock error, and keeps the event
loop free.  Nothing but `_configure_sqlite` knows the dialect, so that PostgreSQL can follow.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from glowplug.errors import StoreError
from glowplug.store.migrate import CURRENT, Schema, migrate

T = TypeVar("T")

_BUSY_MS = 5000


class Database:
    """`run(fn)` awaits, `call(fn)` waits; `fn` gets a Connection in a transaction that commits when it returns.

    Raises StoreError for whatever the database refuses (disk full, locked, damaged).
    """

    def __init__(self, file: Path, schema: Schema = CURRENT) -> None:
        self._file = file
        self._schema = schema
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="glowplug-db")
        self._engine: Engine | None = None
        self.backup: Path | None = None
        """The copy made before an upgrade by `open`, if there was one."""

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            raise StoreError(f"{self._file} is not open")
        return self._engine

    def open(self) -> None:
        """Create or upgrade the file as needed.  Raises StoreError that names both revisions when it cannot."""
        self._thread.submit(self._open).result()

    async def open_async(self) -> None:
        await asyncio.wrap_future(self._thread.submit(self._open))

    def call(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` in a transaction and wait for it; never from the event loop's thread."""
        return self._thread.submit(self._transact, fn).result()

    async def run(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn` in a transaction on the database's thread."""
        return await asyncio.wrap_future(self._thread.submit(self._transact, fn))

    def sync(self) -> None:
        """Wait until everything that was committed is on the disk; commits alone do not wait for that."""
        self._thread.submit(self._checkpoint).result()

    def close(self) -> None:
        """Finish what is queued, then close.  May be called twice."""
        if self._engine is not None:
            self._thread.submit(self._engine.dispose).result()
            self._engine = None
        self._thread.shutdown()

    def _open(self) -> None:
        # The file must never be readable by others, and SQLite would create it with the process's umask.
        self._file.touch(mode=0o600)
        url = URL.create("sqlite", database=str(self._file))
        engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
        _configure_sqlite(engine)
        try:
            with engine.begin() as connection:
                self.backup = migrate(connection, self._schema, self._file)
        except StoreError:
            engine.dispose()
            raise
        except SQLAlchemyError as error:
            engine.dispose()
            raise _store_error(self._file, error) from error
        self._engine = engine

    def _transact(self, fn: Callable[[Connection], T]) -> T:
        try:
            with self.engine.begin() as connection:
                return fn(connection)
        except DBAPIError as error:
            raise _store_error(self._file, error) from error

    def _checkpoint(self) -> None:
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            # Outside of a transaction, where alone it works: syncs the log, then the file (sqlite.org/wal.html).
            cursor.execute("PRAGMA wal_checkpoint(FULL)")
            cursor.fetchall()
            cursor.close()
        except sqlite3.Error as error:
            raise StoreError(f"the database {self._file} could not be synced: {error}") from error
        finally:
            connection.close()


def _store_error(file: Path, error: SQLAlchemyError) -> StoreError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return StoreError(
        f"the database {file} could not be used: {cause}",
        hint="check that its disk has room and that it is a Glowplug database; copies are beside it (*.bak-*)",
    )


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
