"""The part of the response cache that all workers share and that a restart keeps: one SQLite file.

Every call runs on a thread of its own, so that a slow disk delays nobody but who waits for this answer.  A cache that
cannot be used is no cache: errors are counted and logged once, and requests go on.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from glowplug.gateway.cache import Entry, fresh

T = TypeVar("T")

_BUSY_MS = 200
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    name BLOB PRIMARY KEY, media BLOB NOT NULL, model TEXT NOT NULL, stream INTEGER NOT NULL, body BLOB NOT NULL,
    stored REAL NOT NULL, size INTEGER NOT NULL
) WITHOUT ROWID
"""
_PRUNE_EVERY = 32
"""Answers that are stored between two looks at the size of the file."""

log = logging.getLogger("glowplug.worker")


class DiskCache:
    """`get` and `put` return at once; what `get` gives is done when the answer is known."""

    def __init__(self, file: Path, most: int, ttl: float) -> None:
        self._file = file
        self._most = most
        self._ttl = ttl
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="glowplug-cache")
        self._local = threading.local()
        self._stored = 0
        self.failures = 0
        """Calls that the file did not take."""

    def get(self, name: bytes, now: float) -> Future[Entry | None]:
        """The answer kept under this name, or None (`now` in Unix seconds)."""
        return self._thread.submit(self._safely, lambda db: self._get(db, name, now), None)

    def put(self, name: bytes, entry: Entry) -> Future[None]:
        """Keep an answer; the oldest make room."""
        return self._thread.submit(self._safely, lambda db: self._put(db, name, entry), None)

    def resize(self, most: int, ttl: float) -> None:
        """New settings; they hold from the next call on."""
        self._most, self._ttl = most, ttl

    def close(self) -> None:
        """Finish what is queued."""
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _get(self, db: sqlite3.Connection, name: bytes, now: float) -> Entry | None:
        row = db.execute("SELECT media, model, stream, body, stored FROM answers WHERE name = ?", (name,)).fetchone()
        if row is None:
            return None
        entry = Entry(row[0], row[1], bool(row[2]), row[3], row[4])
        return entry if fresh(entry, self._ttl, now) else None

    def _put(self, db: sqlite3.Connection, name: bytes, entry: Entry) -> None:
        row = (name, entry.media, entry.model, entry.stream, entry.body, entry.stored, entry.size)
        db.execute("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        if self._stored % _PRUNE_EVERY == 0:
            self._prune(db, entry.stored)
        self._stored += 1

    def _prune(self, db: sqlite3.Connection, now: float) -> None:
        db.execute("DELETE FROM answers WHERE stored < ?", (now - self._ttl,))
        (size,) = db.execute("SELECT COALESCE(SUM(size), 0) FROM answers").fetchone()
        if size <= self._most:
            return
        for name, one in db.execute("SELECT name, size FROM answers ORDER BY stored").fetchall():
            db.execute("DELETE FROM answers WHERE name = ?", (name,))
            size -= one
            if size <= self._most:
                return

    def _safely(self, work: Callable[[sqlite3.Connection], T], instead: T) -> T:
        try:
            with self._connection() as db:
                return work(db)
        except sqlite3.Error as error:
            if not self.failures:
                log.error("the response cache %s cannot be used: %s; requests go on without it", self._file, error)
            self.failures += 1
            return instead

    def _connection(self) -> sqlite3.Connection:
        db: sqlite3.Connection | None = getattr(self._local, "db", None)
        if db is None:
            self._file.touch(mode=0o600)
            db = sqlite3.connect(self._file)
            db.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=OFF")  # what a power cut takes is answered anew
            db.execute(_SCHEMA)
            self._local.db = db
        return db

    def _close(self) -> None:
        db = getattr(self._local, "db", None)
        if db is not None:
            db.close()
            self._local.db = None
