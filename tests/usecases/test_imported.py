"""Keys that another gateway made, on the admin API and in the store."""

from __future__ import annotations

from hashlib import sha256

import pytest

from glowplug.domain.access import ApiKey
from glowplug.secret import key_digest, unused_digest
from glowplug.store import keys
from glowplug.store.database import Database
from glowplug.usecases.imported import unused
from glowplug.usecases.keys import KeyBook
from tests.still_clock import StillClock

PEPPER = b"p" * 32
TOKENS = ("sk-1234", "sk-" + "Zz_-" * 40, "sk-ключ ☃", "sk-x")


def imported(token: str, **more: object) -> ApiKey:
    foreign = sha256(token.encode()).digest()
    known: dict[str, object] = {
        "id": f"key_{foreign.hex()[:32]}",
        "name": token,
        "display": "sk-…",
        "imported": foreign,
    }
    return ApiKey(**{**known, "digest": unused_digest(PEPPER, foreign), **more})  # type: ignore[arg-type]


async def book_of(database: Database, *found: ApiKey) -> KeyBook:
    for key in found:
        await database.run(lambda c, key=key: keys.add(c, key))
    book = KeyBook(database, PEPPER, StillClock(), lambda: None)
    await book.load()
    return book


@pytest.mark.parametrize("token", TOKENS)
async def test_the_first_use_gives_it_a_keyed_hash(database: Database, token: str) -> None:
    key = imported(token)
    book = await book_of(database, key)
    noted: dict[str, bytes] = {}
    book.first_used = noted.__setitem__
    found = book.find(token)
    assert found is not None
    assert found.id == key.id
    digest = key_digest(PEPPER, token.encode())
    assert noted == {key.id: digest}
    await book.rehash(noted)
    again = await book_of(database)
    after = again.find(token)
    assert after is not None
    assert after.digest == digest
    assert after.imported == key.imported
    assert not unused(after, PEPPER)
    noted.clear()
    assert book.find(token) == after
    assert noted == {}


async def test_neither_the_hash_nor_its_stand_in_is_a_key(database: Database) -> None:
    key = imported("sk-1234")
    book = await book_of(database, key)
    for text in (key.imported.hex(), "sk-12345", "imported:" + key.imported.decode("utf-8", "surrogateescape")):
        assert book.find(text) is None


async def test_a_key_that_has_a_hash_keeps_it(database: Database) -> None:
    book = await book_of(database, imported("sk-1234", digest=b"d" * 32))
    key = next(iter(book.usable()))
    await book.rehash({key.id: b"e" * 32, "key_nobody": b"f" * 32})
    assert next(iter(book.usable())).digest == b"d" * 32
    assert book.find("sk-1234") is None


async def test_blocked_keys_are_not_usable(database: Database) -> None:
    book = await book_of(database, imported("sk-1", blocked_at=5.0), imported("sk-2"))
    assert [key.name for key in book.usable()] == ["sk-2"]
