from __future__ import annotations

import pytest

from glowplug.domain.access import Rights, Role
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.secret import Secret
from glowplug.store import keys
from glowplug.store.database import Database
from glowplug.usecases.keys import KeyBook, NewKey
from tests.still_clock import StillClock

PEPPER = b"p" * 32


class Book:
    """A key book and what it told."""

    def __init__(self, database: Database) -> None:
        self.clock = StillClock()
        self.told = 0
        self.keys = KeyBook(database, PEPPER, self.clock, self.tell)

    def tell(self) -> None:
        self.told += 1


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database)


async def test_a_key_is_shown_once_and_found_by_its_text(book: Book, database: Database) -> None:
    made = await book.keys.create(NewKey(name=" laptop ", models=("a",), rpm=5, expires_in=60.0), frozenset("a"))
    assert made.key is not None
    assert (made.name, made.rpm, made.expires_at) == ("laptop", 5, book.clock.now + 60)
    assert made.display.startswith("sk-gp-")
    assert made.display.endswith(made.key[-4:])
    assert len(made.display) < 16
    assert book.told == 1
    found = book.keys.find(made.key)
    assert found is not None
    assert found.id == made.id
    assert [row.key for row in book.keys.list().data] == [None]
    again = KeyBook(database, PEPPER, book.clock, lambda: None)
    await again.load()
    assert again.find(made.key) == found
    assert KeyBook(database, b"q" * 32, book.clock, lambda: None).find(made.key) is None


@pytest.mark.parametrize("token", ["", "sk-gp-", "x" * 10_000, "ümläut", "\udcff"])
async def test_other_text_finds_nothing(book: Book, token: str) -> None:
    await book.keys.create(NewKey(), frozenset())
    assert book.keys.find(token) is None


async def test_expiry_and_revocation_end_a_key(book: Book) -> None:
    made = await book.keys.create(NewKey(expires_in=60.0), frozenset())
    other = await book.keys.create(NewKey(), frozenset())
    assert len(book.keys.usable()) == 2
    book.clock.now += 60
    assert [key.id for key in book.keys.usable()] == [other.id]
    revoked = await book.keys.revoke(other.id)
    assert revoked.revoked_at == book.clock.now
    assert book.keys.usable() == ()
    assert book.told == 3
    book.clock.now += 1
    assert (await book.keys.revoke(other.id)).revoked_at == revoked.revoked_at
    assert book.told == 3
    assert made.key is not None
    assert book.keys.find(made.key) is not None, "so that the error can say why"


async def test_a_dry_run_changes_nothing(book: Book, database: Database) -> None:
    tried = await book.keys.create(NewKey(name="x"), frozenset(), dry_run=True)
    assert (tried.key, tried.dry_run, tried.name) == (None, True, "x")
    made = await book.keys.create(NewKey(), frozenset())
    assert (await book.keys.revoke(made.id, dry_run=True)).revoked_at is not None
    assert len(book.keys.usable()) == await database.run(keys.count) == 1
    assert book.told == 1


async def test_the_last_admin_key_cannot_be_revoked(book: Book) -> None:
    first = await book.keys.create(NewKey(role=Role.ADMIN), frozenset())
    await book.keys.create(NewKey(role=Role.ADMIN, expires_in=10.0), frozenset())
    await book.keys.revoke(first.id, dry_run=True)
    book.clock.now += 10
    with pytest.raises(Conflict, match="last admin key"):
        await book.keys.revoke(first.id)


async def test_last_use_is_kept(book: Book, database: Database) -> None:
    made = await book.keys.create(NewKey(), frozenset())
    await book.keys.used({made.id: 5.0, "nobody": 6.0})
    await book.keys.used({made.id: 4.0})
    assert book.keys.list().data[0].last_used_at == 5.0
    assert (await database.run(keys.every))[0].last_used_at == 5.0
    assert book.told == 1, "workers need not know"


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (NewKey(name="x" * 201), "201 characters"),
        (NewKey(name="a\nb"), "printable"),
        (NewKey(rpm=0), "rpm is 0"),
        (NewKey(priority=101), "priority is 101"),
        (NewKey(priority=-101), "from -100 to 100"),
        (NewKey(expires_in=0.0), "expires_in"),
        (NewKey(expires_in=float("inf")), "expires_in"),
        (NewKey(models=("chat",)), "no model or alias 'chat'"),
    ],
)
async def test_values_that_make_no_sense_are_refused(book: Book, wanted: NewKey, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        await book.keys.create(wanted, frozenset({"other"}))
    assert book.keys.usable() == ()


async def test_rights_and_priority_are_kept_and_shown(book: Book, database: Database) -> None:
    made = await book.keys.create(NewKey(rights=Rights.START, priority=-100), frozenset())
    plain = await book.keys.create(NewKey(), frozenset())
    assert (made.rights, made.priority) == (Rights.START, -100)
    assert [(row.rights, row.priority) for row in book.keys.list().data] == [(Rights.START, -100), (Rights.EVICT, 0)]
    assert {key.id: key.rights for key in await database.run(keys.every)} == {
        made.id: Rights.START, plain.id: Rights.EVICT,
    }  # fmt: skip
    assert [key.priority for key in book.keys.usable()] == [-100, 0]


async def test_revoking_an_unknown_key(book: Book) -> None:
    with pytest.raises(NotFound, match="keys list"):
        await book.keys.revoke("key_0")


async def test_what_is_kept_of_a_keys_answers_is_asked_for(book: Book) -> None:
    plain = await book.keys.create(NewKey(), frozenset())
    asked = await book.keys.create(NewKey(cached=True, log_bodies=True), frozenset())
    assert (plain.cached, plain.log_bodies) == (False, False)
    assert (asked.cached, asked.log_bodies) == (True, True)
    assert [(key.cached, key.log_bodies) for key in book.keys.usable()] == [(False, False), (True, True)]


async def test_a_guest_is_an_admin_until_another_comes(book: Book, database: Database) -> None:
    made = await book.keys.create(NewKey(name="own"), frozenset())
    book.keys.welcome(Secret("sk-of-theirs"))
    guest = book.keys.find("sk-of-theirs")
    assert guest is not None
    assert guest.role is Role.ADMIN
    assert guest in book.keys.usable()
    assert [key.id for key in book.keys.list().data] == [made.id]
    book.keys.welcome(Secret("sk-new"))
    assert book.keys.find("sk-of-theirs") is None
    assert book.keys.find("sk-new") is not None
    book.keys.welcome(Secret(made.key or ""))
    assert book.keys.find(made.key or "") not in (None, guest)
    book.keys.welcome(None)
    assert [key.id for key in book.keys.usable()] == [made.id]
    again = KeyBook(database, PEPPER, book.clock, lambda: None)
    await again.load()
    assert again.find("sk-new") is None
