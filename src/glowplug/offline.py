"""What is done to an installation without its server: imports, secrets, backup and restore, the doctor.

Imports of the parts are inside the functions, as in `glowplug.runtime`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from glowplug.claim import claim
from glowplug.paths import Paths, default_config_path, state_paths
from glowplug.runtime import read_configuration

if TYPE_CHECKING:
    from glowplug.doctor.doctor import Doctor
    from glowplug.doctor.site import Foreign
    from glowplug.moving.run import Here, Store
    from glowplug.secret import Secret
    from glowplug.store.archive import Manifest
    from glowplug.store.database import Database
    from glowplug.store.places import Place
    from glowplug.usecases.backup import Restored


def store_secrets(state_dir: Path | None, values: Mapping[str, Secret]) -> dict[str, str]:
    """Seal secrets into the database of an installation that nobody runs on: name → `added`, `same` or `conflict`.

    One that is there with another value stays as it is.  Raises Conflict when somebody runs on it, StoreError.
    """
    from glowplug.clock import SystemClock
    from glowplug.store.database import Database
    from glowplug.usecases.credentials import CredentialBook, NewCredential

    paths = state_paths(state_dir)

    async def store(database: Database) -> dict[str, str]:
        book = CredentialBook(database, paths.keyring, SystemClock())
        await book.load()
        known = book.names()
        did = {}
        for name, value in values.items():
            if name in known:
                did[name] = "same" if book.secret(name) == value else "conflict"
                continue
            await book.put(NewCredential(name=name, value=value.reveal()))
            did[name] = "added"
        return did

    with claim(paths):
        database = Database(place_of_installation(paths, None))
        database.open()
        try:
            return asyncio.run(store(database))
        finally:
            database.close()


@contextmanager
def look(state_dir: Path | None, config: Path | None = None) -> Iterator[Here | None]:
    """The installation of this state directory, whether something runs there or not, to be read only; None where none
    is yet.  Raises ConfigError, StoreError, also for one that another release left."""
    from glowplug.moving.run import Here
    from glowplug.store.reading import reading

    paths = state_paths(state_dir)
    place = place_of_installation(paths, config)
    if not paths.pepper.exists() or (place.file is not None and not place.file.exists()):
        yield None
        return
    pepper = paths.pepper.read_bytes()
    with reading(place) as connection:
        yield Here(connection, pepper)


@contextmanager
def offline(state_dir: Path | None, config: Path | None = None) -> Iterator[Store]:
    """The installation of this state directory while no server runs on it, made if it is not there yet.

    `config`: its configuration file, which may name another database; else the default one.  Raises Conflict when a
    server runs, ConfigError, StoreError.
    """
    from glowplug.clock import SystemClock
    from glowplug.moving.run import Store
    from glowplug.store.database import Database
    from glowplug.usecases.first import first_start

    paths = state_paths(state_dir)
    with claim(paths):
        database = Database(place_of_installation(paths, config))
        database.open()
        try:
            start = asyncio.run(first_start(database, paths, SystemClock()))
            yield Store(database, paths, start.pepper, start.admin_key)
        finally:
            database.close()


def place_of_installation(paths: Paths, config: Path | None) -> Place:
    """The database of an installation, as its configuration says.  Raises ConfigError, StoreError."""
    from glowplug.store.places import place_of

    path = config or default_config_path()
    loaded = read_configuration(path if config or path.exists() else None)
    return place_of(loaded.server.database, paths.database)


def backup(config: Path | None, state_dir: Path | None, target: Path) -> Manifest:
    """Write a backup, whether something runs there or not.  Raises ConfigError, StoreError."""
    from glowplug.usecases.backup import backup as write

    paths = state_paths(state_dir)
    return write(place_of_installation(paths, config), paths, target, time.time())


def restore(config: Path | None, state_dir: Path | None, file: Path) -> Restored:
    """Put a backup in the place of what is there.  Raises Conflict while something runs, ConfigError, StoreError."""
    from glowplug.usecases.backup import restore as put_back

    paths = state_paths(state_dir)
    with claim(paths):
        return put_back(place_of_installation(paths, config), paths, file, time.time())


def first_key(state_dir: Path | None, config: Path | None, base_url: str) -> list[str]:
    """What the first start of an installation shows, where it was not started yet: lines with its admin key.

    For a server whose output goes to a log, where no key belongs.  Empty for one that was started before.  Raises
    Conflict when somebody runs on it, ConfigError, StoreError.
    """
    from glowplug.runtime import first_lines

    paths, path = state_paths(state_dir), config or default_config_path()
    loaded = read_configuration(path if config or path.exists() else None)
    with claim(paths):
        return first_lines(paths, loaded.server.database, base_url)


def doctor(state_dir: Path | None, config: Path | None, litellm: Foreign | None = None, index: str = "") -> Doctor:
    """The doctor of this machine and this installation, whether something runs there or not.

    `index`: the package index that it asks for newer releases; empty: nobody is asked.
    """
    from glowplug.doctor.doctor import Doctor
    from glowplug.doctor.site import Site

    paths, file = state_paths(state_dir), config or default_config_path()
    used = file if config or file.exists() else None
    return Doctor(lambda: Site(paths=paths, config=used, litellm=litellm, index=index))
