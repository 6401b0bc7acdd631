"""One kind of things, carried over and followed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select

from glowplug.config.readers.foreign import Note
from glowplug.domain.access import ApiKey, Role
from glowplug.domain.people import Member, User
from glowplug.moving.apply import counted, store_people
from glowplug.moving.plan import Plan
from glowplug.moving.report import Count
from glowplug.store import keys, tables, teams, users
from glowplug.store.database import Database
from tests.support.sqlite import opened

ALL = frozenset(("users", "members", "keys"))


def key(number: int, **more: object) -> ApiKey:
    made = ApiKey(id=f"key_{number}", name=f"k{number}", display="sk-…", role=Role.USER, created_at=1.0,
                  digest=bytes([number]))  # fmt: skip
    return msgspec.structs.replace(made, **more)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return opened(tmp_path / "glowplug.db")


def carry(database: Database, now: float = 9.0, **plan: object) -> tuple[dict[str, Count], list[Note]]:
    """What a plan does, which is what looking said it would."""
    made = Plan(origin="s", ends=ALL, **plan)  # type: ignore[arg-type]
    seen: list[Note] = []
    looked = database.call(lambda c: counted(made, c, seen, now))
    notes: list[Note] = []
    counts = store_people(made, database, notes, now)
    assert (counts, notes) == (looked, seen)
    return {one.noun: one for one in counts if one.changed}, notes


def test_a_key_that_is_gone_there_is_revoked_and_it_is_in_the_audit_log(database: Database) -> None:
    carry(database, keys=(key(1), key(2)))
    counts, notes = carry(database, keys=(key(1),))
    assert counts == {"keys": Count(noun="keys", found=1, here=1, ended=1)}
    assert [str(note.outcome) for note in notes] == ["updated"]
    assert {one.id: one.revoked_at for one in database.call(keys.every)} == {"key_1": None, "key_2": 9.0}
    (line,) = database.call(lambda c: c.execute(select(tables.changes)).mappings().all())
    assert (line["action"], line["noun"], line["subject"], line["through"]) == ("revoke", "key", "key_2", "import")
    assert carry(database, keys=(key(1),)) == ({}, [])


def test_the_last_key_for_admins_stays(database: Database) -> None:
    carry(database, keys=(key(1, role=Role.ADMIN), key(2)))
    counts, notes = carry(database, keys=(key(3),))
    assert counts["keys"].ended == 1
    assert "last for admins" in str(notes)
    assert {one.id for one in database.call(keys.every) if one.revoked_at} == {"key_2"}


def test_a_key_that_has_ended_anyway_is_not_spoken_of(database: Database) -> None:
    carry(database, keys=(key(1, expires_at=5.0), key(2), key(3)))
    database.call(lambda c: keys.revoke(c, "key_2", 8.0))
    assert carry(database, keys=(key(3),)) == ({}, [])


def test_a_person_who_is_gone_there_stays_and_is_named_once(database: Database) -> None:
    carry(database, users=(User(id="ann", name="Ann"), User(id="bob")))
    counts, notes = carry(database, users=(User(id="bob"),))
    assert counts == {}
    assert [note.hint for note in notes] == ["glowplug users delete ann"]
    assert {one.id for one in database.call(users.every)} == {"ann", "bob"}
    assert carry(database, users=(User(id="bob"),)) == ({}, [])


def test_who_leaves_a_team_leaves_it_here(database: Database) -> None:
    both = Member(team="t", user="ann"), Member(team="t", user="bob", manager=True)
    carry(database, members=both)
    counts, _ = carry(database, members=(Member(team="t", user="ann", manager=True),))
    assert (counts["members"].updated, counts["members"].ended) == (1, 1)
    assert [(one.user, one.manager) for one in database.call(teams.every_member)] == [("ann", True)]


def test_addresses_that_change_places(database: Database) -> None:
    ann, bob = User(id="ann", email="a@x"), User(id="bob", email="b@x")
    carry(database, users=(ann, bob))
    counts, _ = carry(database, users=(User(id="ann", email="b@x"), User(id="bob", email="a@x")))
    assert counts["users"].updated == 2
    assert {one.id: one.email for one in database.call(users.every)} == {"ann": "b@x", "bob": "a@x"}


def test_nobody_is_given_the_address_of_another(database: Database) -> None:
    carry(database, users=(User(id="ann", email="a@x"),))
    database.call(lambda c: users.add(c, User(id="here", email="h@x")))
    counts, notes = carry(database, users=(User(id="ann", email="h@x"), User(id="new", email="h@x")))
    assert (counts["users"].new, counts["users"].updated) == (1, 0)
    assert len(notes) == 2
    assert {one.id: one.email for one in database.call(users.every)} == {"ann": "a@x", "here": "h@x", "new": ""}


def test_what_was_changed_here_and_there_is_said_with_both(database: Database) -> None:
    carry(database, keys=(key(1, rpm=10, models=("a",)),))
    mine = next(one for one in database.call(keys.every))
    database.call(lambda c: c.execute(tables.api_keys.update().values(rpm=5)))
    counts, notes = carry(database, keys=(key(1, rpm=20, models=("a", "b"), blocked_at=3.0),))
    assert counts["keys"].updated == 1
    assert [f"{note.what}: {note.why}" for note in notes] == [
        'models of the key \'k1\': ["a"] → ["a","b"]',
        "blocked of the key 'k1': false → true",
        "rpm of the key 'k1': 20 there; 5, which is here, stays",
    ]
    (now,) = database.call(keys.every)
    assert (now.rpm, now.models, now.blocked_at) == (5, ("a", "b"), 9.0)
    assert (now.digest, now.rights, now.created_at) == (mine.digest, mine.rights, mine.created_at)
