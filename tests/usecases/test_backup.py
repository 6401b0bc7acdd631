from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from glowplug.clock import SystemClock
from glowplug.errors import StoreError
from glowplug.keyring import KeyRing
from glowplug.paths import Paths, state_paths
from glowplug.secret import Secret
from glowplug.store import archive, credentials
from glowplug.store.database import Database
from glowplug.store.migrate import CURRENT, Schema
from glowplug.store.places import Place, PostgresDatabase, SqliteFile
from glowplug.usecases import backup as backups
from glowplug.usecases.first import first_start
from tests.store.filled import fill, read
from tests.support.sqlite import put

NOW = 1_800_000_000.0


class Here:
    """An installation that was started once."""

    def __init__(self, paths: Paths, place: Place) -> None:
        self.paths, self.place = paths, place
        paths.prepare()

    def begin(self) -> None:
        if self.place.file is not None:
            put(self.place.file)
        database = Database(self.place)
        database.open()
        asyncio.run(first_start(database, self.paths, SystemClock()))
        database.close()

    def rows(self) -> dict[str, list[dict[str, object]]]:
        database = Database(self.place)
        database.open()
        found = database.call(read)
        database.close()
        return found


@pytest.fixture(params=["sqlite", "postgresql"])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Here]:
    paths = state_paths(tmp_path / "here")
    if request.param == "sqlite":
        yield Here(paths, SqliteFile(paths.database))
        return
    server = request.getfixturevalue("postgres_server")
    name = server.create()
    yield Here(paths, PostgresDatabase(server.url(name), paths.state))
    server.drop(name)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Here:
    paths = state_paths(tmp_path / "elsewhere")
    return Here(paths, SqliteFile(paths.database))


def test_another_machine_becomes_what_this_one_was(here: Here, elsewhere: Here, tmp_path: Path) -> None:
    here.begin()
    ring = KeyRing.new()
    here.paths.keyring.write_bytes(ring.encode())
    database = Database(here.place)
    database.open()
    database.call(lambda c: credentials.put(c, "openai", Secret("sk-cloud"), ring, 1.0))
    # Made beside whoever uses the database.
    made = backups.backup(here.place, here.paths, tmp_path / "b.glowplug", NOW)
    database.close()
    assert set(made.files) == {"pepper.key", "keyring.json"}
    done = backups.restore(elsewhere.place, elsewhere.paths, tmp_path / "b.glowplug", NOW)
    assert done.kept == ()
    assert elsewhere.rows() == here.rows()
    assert elsewhere.paths.pepper.read_bytes() == here.paths.pepper.read_bytes()
    database = Database(elsewhere.place)
    database.open()
    ((_, value),) = database.call(credentials.every)
    database.close()
    opened = KeyRing.decode(elsewhere.paths.keyring.read_bytes()).open(value, credentials.place("openai"))
    assert opened == Secret("sk-cloud")


def test_what_was_added_at_run_time_comes_back_and_what_it_replaces_is_kept(here: Here, tmp_path: Path) -> None:
    here.begin()
    managed, file = here.paths.managed, tmp_path / "b.glowplug"
    managed.write_text("aliases: {}\n")
    made = backups.backup(here.place, here.paths, file, NOW)
    assert "managed.yaml" in made.files
    managed.write_text("models: {}\n")
    good = managed.with_name("managed.yaml.good")
    good.write_text("groups: {}\n")
    done = backups.restore(here.place, here.paths, file, NOW)
    assert managed.read_text() == "aliases: {}\n"
    assert managed.stat().st_mode & 0o777 == 0o600
    assert not good.exists()
    kept = {path.read_text() for path in done.kept if path.name.startswith("managed.yaml")}
    assert kept == {"models: {}\n", "groups: {}\n"}


def test_a_backup_without_a_managed_file_leaves_the_one_that_is_there(here: Here, tmp_path: Path) -> None:
    here.begin()
    file = tmp_path / "b.glowplug"
    assert "managed.yaml" not in backups.backup(here.place, here.paths, file, NOW).files
    here.paths.managed.write_text("models: {}\n")
    backups.restore(here.place, here.paths, file, NOW)
    assert here.paths.managed.read_text() == "models: {}\n"


def test_what_was_there_is_kept_and_can_be_restored_in_turn(here: Here, tmp_path: Path) -> None:
    here.begin()
    first = here.rows()
    backups.backup(here.place, here.paths, tmp_path / "b.glowplug", NOW)
    database = Database(here.place)
    database.open()
    database.call(fill)
    database.close()
    filled = here.rows()
    done = backups.restore(here.place, here.paths, tmp_path / "b.glowplug", NOW)
    assert here.rows() == first
    (kept,) = done.kept
    if here.place.file is None:
        backups.restore(here.place, here.paths, kept, NOW + 1)
        assert here.rows() == filled
    else:
        database = Database(kept)
        database.open()
        assert database.call(read) == filled
        database.close()


def test_nothing_is_touched_by_a_backup_that_cannot_be_restored(here: Here, tmp_path: Path) -> None:
    here.begin()
    before, pepper = here.rows(), here.paths.pepper.read_bytes()
    file = tmp_path / "b.glowplug"
    backups.backup(here.place, here.paths, file, NOW)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="cannot be read"):
        backups.restore(here.place, here.paths, file, NOW)
    assert (here.rows(), here.paths.pepper.read_bytes()) == (before, pepper)


def test_a_restore_that_fails_half_way_changes_nothing(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.begin()
    before = here.rows()
    backups.backup(here.place, here.paths, tmp_path / "b.glowplug", NOW)
    lines = archive._lines

    def wrong(*given: object) -> Iterator[bytes]:
        yield from lines(*given)  # type: ignore[arg-type]
        yield b"one too many\n"

    def fail(connection: object, file: Path, manifest: archive.Manifest) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(archive, "_lines", wrong)
            filled(connection, file, manifest)  # type: ignore[arg-type]

    filled = archive.fill
    monkeypatch.setattr(archive, "fill", fail)
    with pytest.raises(StoreError, match="did not become what the backup has"):
        backups.restore(here.place, here.paths, tmp_path / "b.glowplug", NOW)
    assert here.rows() == before
    assert not list(here.paths.state.glob("*restoring*"))


def test_a_backup_of_an_older_schema_is_restored_and_upgraded(here: Here, elsewhere: Here, tmp_path: Path) -> None:
    old = Database(here.place, Schema(CURRENT.directory, "0003"))
    old.open()
    rows = old.call(fill)
    old.close()
    made = backups.backup(here.place, here.paths, tmp_path / "b.glowplug", NOW)
    assert (made.revision, made.files) == ("0003", {})
    backups.restore(elsewhere.place, elsewhere.paths, tmp_path / "b.glowplug", NOW)
    after = elsewhere.rows()
    assert [row["digest"] for row in after["api_keys"]] == [row["digest"] for row in rows["api_keys"]]
    assert "users" in after


def test_a_backup_of_a_newer_schema_names_who_wrote_it(here: Here, tmp_path: Path) -> None:
    here.begin()
    file = tmp_path / "b.glowplug"
    engine = here.place.reader()
    with engine.begin() as connection:
        archive.write(connection, file, "7.8.9", "9999", NOW, {})
    engine.dispose()
    with pytest.raises(StoreError, match=r"schema revision 9999 \(Glowplug 7\.8\.9 wrote it\)"):
        backups.check(file)


def test_there_must_be_something_to_write(here: Here, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"is empty|is not there"):
        backups.backup(here.place, here.paths, tmp_path / "b.glowplug", NOW)
    assert not list(tmp_path.glob("b.glowplug*"))


def test_a_name_says_when() -> None:
    assert backups.name_for(NOW) == "glowplug-20270115T080000Z.glowplug"


def test_the_oldest_beyond_the_last_few_are_surplus(tmp_path: Path) -> None:
    made = [tmp_path / backups.name_for(NOW + day * 86_400) for day in range(4)]
    for file in (*made, tmp_path / "glowplug-before-upgrade.glowplug", tmp_path / "other"):
        file.touch()
    assert backups.surplus(tmp_path, 2) == tuple(made[:2])
    assert backups.surplus(tmp_path, 4) == backups.surplus(tmp_path, 9) == ()
