"""One database, one thread: every statement runs in a transaction on a thread of its own.

SQLite has one writer at a time anyway; a single thread makes that a queue instead of a lock error, and keeps the event
loop free.  What is particular to SQLite and PostgreSQL is in `glowplug.store.places`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from glowplug import __version__
from glowplug.errors import STORE_AWAY, StoreError
from glowplug.store import meta
from glowplug.store.migrate import CURRENT, WRITTEN_BY, Schema, migrate
from glowplug.store.places import Place, SqliteFile
from glowplug.threads import step_aside

T = TypeVar("T")


class Database:
    """`run(fn)` awaits, `call(fn)` waits; `fn` gets a Connection in a transaction that commits when it returns.

    Raises StoreError for whatever the database refuses (disk full, locked, damaged).
    """

    def __init__(self, place: Path | Place, schema: Schema = CURRENT) -> None:
        """`place`: a SQLite file, or one of `glowplug.store.places`."""
        self._place: Place = SqliteFile(place) if isinstance(place, Path) else place
        self._schema = schema
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="glowplug-db", initializer=step_aside)
        self._engine: Engine | None = None
        self.backup: Path | None = None
        """The copy made before an upgrade by `open`, if there was one."""

    @property
    def place(self) -> Place:
        """Where it is, for who reads it beside this thread."""
        return self._place

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            raise StoreError(f"{self._place.name} is not open")
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
        self._thread.submit(self._sync).result()

    def close(self) -> None:
        """Finish what is queued, then close.  May be called twice."""
        if self._engine is not None:
            self._thread.submit(self._engine.dispose).result()
            self._engine = None
        self._thread.shutdown()

    def _open(self) -> None:
        engine = self._place.engine()
        try:
            with engine.begin() as connection:
                self.backup = migrate(connection, self._schema, self._place.file, self._place.backups)
                if self._schema == CURRENT:
                    _sign(connection)
        except StoreError:
            engine.dispose()
            raise
        except SQLAlchemyError as error:
            engine.dispose()
            raise self._store_error(error) from error
        self._engine = engine

    def _transact(self, fn: Callable[[Connection], T]) -> T:
        engine = self.engine
        try:
            self._place.still_there(engine)
            with engine.begin() as connection:
                return fn(connection)
        except DBAPIError as error:
            raise self._store_error(error) from error

    def _sync(self) -> None:
        try:
            self._place.sync(self.engine)
        except DBAPIError as error:
            raise self._store_error(error) from error

    def _store_error(self, error: SQLAlchemyError) -> StoreError:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        place = self._place
        code = STORE_AWAY if place.away(cause) else ""
        return StoreError(f"{place.name} could not be used: {place.cause(cause)}", hint=place.hint, code=code)


def _sign(connection: Connection) -> None:
    """Say which release uses it, for one that does not know its schema."""
    if meta.get(connection, WRITTEN_BY) != __version__:
        meta.put(connection, WRITTEN_BY, __version__)
