"""The machine and the installation that are examined: the one way in which checks see them.

Checks ask a site and nothing else, so an examination of a folder that only looks like a machine is an examination too:
paths are taken below `root`, commands go through `run`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from glowplug.clock import Clock, SystemClock
from glowplug.errors import StoreError
from glowplug.paths import Paths
from glowplug.secret import Secret

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from glowplug.config.load import Loaded
    from glowplug.moving.litellm.source import Source

MOST_BYTES = 4 << 20
"""Of a file that is read as text: configuration, units, environment files are far shorter."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str = ""


class CouldNotLook(Exception):
    """The check cannot look, because …: no permission, no database, no such program.  The others go on."""


class NothingToLookAt(Exception):
    """There is nothing here that the check is about, because …"""


class NoSuchProgram(Exception):
    """It is not installed; the message names it."""


def run_for_real(argv: Sequence[str], seconds: float) -> Ran:
    """Run a program without a shell, in the C locale.  Raises NoSuchProgram, TimeoutError."""
    env = {**os.environ, "LC_ALL": "C", "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}
    try:
        done = subprocess.run(
            list(argv), capture_output=True, text=True, errors="replace", timeout=seconds, check=False, env=env,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError:
        raise NoSuchProgram(argv[0]) from None
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{argv[0]} did not end within {seconds:.0f} s") from None
    return Ran(code=done.returncode, out=done.stdout, err=done.stderr)


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A LiteLLM installation to be examined; it need not run."""

    database: Secret | None = None
    """`postgresql://…`"""
    config: Path | None = None
    keys: tuple[Secret, ...] = ()
    """What its values may be sealed with: the salt key, the master key, earlier ones."""
    url: str | None = None
    """Where it runs, to be asked over its own port: `http://…`"""
    url_key: Secret | None = None
    """An admin's key there."""


def _stamp(path: Path) -> tuple[int, ...]:
    """What changes when somebody writes a file; nothing where none is."""
    try:
        info = path.stat()
    except OSError:
        return ()
    return info.st_mtime_ns, info.st_size, info.st_ino


@dataclass(kw_only=True)
class Site:
    """What is examined.  Reading through it changes nothing."""

    paths: Paths
    """Of the installation, as the machine has them (see `real`); nothing need be there."""
    config: Path | None = None
    """Its configuration file, likewise; None: it has none."""
    root: Path = Path("/")
    home: Path = field(default_factory=Path.home)
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    clock: Clock = field(default_factory=SystemClock)
    litellm: Foreign | None = None
    index: str = ""
    """The package index that is asked for newer releases, `https://…/simple/`; empty: nobody is asked."""
    run: Callable[[Sequence[str], float], Ran] = run_for_real
    """Runs a program that only reads, for at most so many seconds.  Raises NoSuchProgram, TimeoutError."""
    statvfs: Callable[[str], os.statvfs_result] = os.statvfs
    """Says how full a file system is."""
    _read: tuple[tuple[object, ...], Loaded] | None = field(default=None, init=False, repr=False)

    def real(self, path: str | Path) -> Path:
        """Where an absolute path of the machine is."""
        return self.root / str(path).lstrip("/") if self.root != Path("/") else Path(path)

    def shown(self, path: Path) -> str:
        """The other way round, for people."""
        return str(path) if self.root == Path("/") else "/" + str(path.relative_to(self.root))

    def text(self, path: str | Path) -> str:
        """A text file, its beginning when it is very long; what is no UTF-8 is replaced.  Raises OSError."""
        with self.real(path).open("rb") as file:
            return file.read(MOST_BYTES).decode(errors="replace")

    def glob(self, folder: str | Path, pattern: str) -> list[Path]:
        """Paths as the machine has them, sorted; nothing when the folder is not there.  Raises PermissionError."""
        return sorted(Path(self.shown(found)) for found in self.real(folder).glob(pattern))

    @property
    def loaded(self) -> Loaded:
        """The configuration, read once for as long as nobody changes its files.  Raises ConfigError."""
        stamps = tuple(_stamp(self.real(path)) for path in (self.config, self.paths.managed) if path is not None)
        if self._read is None or self._read[0] != stamps:
            self._read = (stamps, self._load())
        return self._read[1]

    def _load(self) -> Loaded:
        from glowplug.config.load import load
        from glowplug.config.managed import ManagedFile
        from glowplug.engines.catalogue import Catalogue
        from glowplug.providers.catalogue import PROVIDERS

        path = None if self.config is None else self.real(self.config)
        layer = ManagedFile(self.real(self.paths.managed))
        return load(path, env=self.env, engines=Catalogue(), providers=PROVIDERS, managed=layer)

    @contextmanager
    def store(self) -> Iterator[Connection]:
        """The installation's own database, to be read only.  Raises ConfigError, StoreError, and NothingToLookAt where
        none is yet."""
        from glowplug.store.places import place_of
        from glowplug.store.reading import reading

        place = place_of(self.loaded.server.database, self.real(self.paths.database))
        if place.file is not None and not place.file.exists():
            raise NothingToLookAt("there is no database yet")
        with reading(place) as connection:
            yield connection

    @contextmanager
    def foreign(self) -> Iterator[Source]:
        """LiteLLM's database, one moment of it, to be read only.  Raises StoreError, also where none was named."""
        from glowplug.moving.litellm.source import open_source

        if self.litellm is None or self.litellm.database is None:
            raise StoreError("no LiteLLM database was named", hint="--litellm names it")
        with open_source(self.litellm.database) as source:
            yield source
