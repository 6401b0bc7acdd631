from __future__ import annotations

from glowplug.clock import SystemClock
from glowplug.config.load import load
from glowplug.config.managed import ManagedFile
from glowplug.control.configuration import Configuration
from glowplug.control.events import Broadcaster
from glowplug.control.renaming import renaming
from glowplug.engines.catalogue import Catalogue
from glowplug.paths import state_paths
from glowplug.store.database import Database
from glowplug.usecases.rename import NewName


class Book:
    read = 0

    async def reload(self) -> None:
        self.read += 1


async def test_every_book_is_read_again(database: Database, tmp_path) -> None:  # type: ignore[no-untyped-def]
    paths = state_paths(tmp_path / "state")
    paths.prepare()
    paths.managed.write_text(
        "providers: {p: {base_url: 'http://127.0.0.1:9/v1'}}\nmodels:\n  a: {provider: p, id: i}\n"
    )
    loaded = load(None, env={}, engines=Catalogue(), managed=ManagedFile(paths.managed))
    configuration = Configuration(
        loaded, workers=1, env={}, engines=Catalogue(), events=Broadcaster(), clock=SystemClock(), managed=paths.managed
    )
    book = Book()
    await renaming(paths, configuration, database, SystemClock(), (book, book)).rename(NewName(old="a", new="b"))
    assert book.read == 2
    assert configuration.former() == {"a": "b"}
