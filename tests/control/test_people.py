from __future__ import annotations

import pytest

from glowplug.control.people import RETENTION, open_people
from glowplug.control.snapshots import build_snapshot
from glowplug.domain.change import Actor
from glowplug.domain.snapshot import NO_MODEL
from glowplug.errors import StoreError
from glowplug.store.database import Database
from glowplug.usecases.changes import done
from glowplug.usecases.config import Reloaded
from glowplug.usecases.keys import KeyBook, NewKey
from glowplug.usecases.users import NewUser, UserChange
from tests.still_clock import StillClock
from tests.usecases.managers import CATALOG

ROOT = Actor(by="root")


async def test_workers_are_told_what_users_make_of_their_keys(database: Database) -> None:
    told: list[int] = []
    clock = StillClock()
    keys = KeyBook(database, b"p" * 32, clock, lambda: told.append(1))
    people = await open_people(database, clock, lambda: told.append(2), keys)
    await people.users.create(NewUser(id="ann", models=("cloud",)), frozenset(("cloud",)), actor=ROOT)
    await keys.create(NewKey(user="ann"), frozenset())
    await keys.create(NewKey(user="ann", models=("other",)), frozenset(("other",)))
    await keys.create(NewKey(models=("other",)), frozenset(("other",)))

    def routes() -> list[tuple[tuple[str, ...], str]]:
        snapshot = build_snapshot(CATALOG, keys.present(), b"", 1, keys.standing)
        return [(key.models, key.blocked) for key in snapshot.keys]

    assert routes() == [(("cloud",), ""), ((NO_MODEL,), ""), (("other",), "")]
    told.clear()
    await people.users.update("ann", UserChange(blocked=True), frozenset(), actor=ROOT)
    assert told == [2]
    assert ["ann" in why for _, why in routes()] == [True, True, False]
    assert len(keys.usable()) == 1


async def test_old_lines_of_the_audit_log_go_at_the_start(database: Database) -> None:
    clock = StillClock()
    keys = KeyBook(database, b"p" * 32, clock, lambda: None)
    people = await open_people(database, clock, lambda: None, keys)
    await people.changes.note(done(ROOT, clock.now - RETENTION - 1, "x", "y", "old"))
    await people.changes.note(done(ROOT, clock.now - RETENTION + 1, "x", "y", "new"))
    again = await open_people(database, clock, lambda: None, keys)
    assert await again.changes.forget() == 0
    assert [line.subject for line in (await again.changes.newest()).data] == ["new"]


async def test_a_saved_file_is_a_line_of_the_audit_log(database: Database) -> None:
    clock = StillClock()
    people = await open_people(database, clock, lambda: None, KeyBook(database, b"p" * 32, clock, lambda: None))
    await people.saved(Reloaded(changed=("a", "login.oidc"), revision=8, before=7))
    (line,) = (await people.changes.newest()).data
    assert (line.by, line.through, line.action, line.noun) == ("glowplug", "file", "reload", "config")
    assert (line.before, line.after) == ({"revision": 7}, {"changed": ["a", "login.oidc"], "revision": 8})


async def test_so_is_a_signal(database: Database) -> None:
    clock = StillClock()
    people = await open_people(database, clock, lambda: None, KeyBook(database, b"p" * 32, clock, lambda: None))
    await people.signalled(Reloaded(revision=7, before=7))
    (line,) = (await people.changes.newest()).data
    assert (line.by, line.through, line.action) == ("glowplug", "SIGHUP", "reload")
    assert (line.before, line.after) == ({"revision": 7}, {"changed": [], "revision": 7})


async def test_a_line_that_cannot_be_stored_ends_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = StillClock()
    people = await open_people(database, clock, lambda: None, KeyBook(database, b"p" * 32, clock, lambda: None))

    async def full(_line: object) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(people.changes, "note", full)
    await people.saved(Reloaded(changed=("a",)))
    assert "lacks a reload of a" in caplog.text
