"""Keyed hashes of keys from elsewhere, stored when they are used."""

from __future__ import annotations

from glowplug.control.rehashing import rehash_on_use
from glowplug.store.database import Database
from tests.usecases.test_imported import TOKENS, book_of, imported


async def test_many_at_once_are_stored(database: Database) -> None:
    book = await book_of(database, *map(imported, TOKENS))
    rehashing = rehash_on_use(book)
    for token in TOKENS:
        assert book.find(token) is not None
    await rehashing.settled()
    for token in TOKENS:
        key = book.find(token)
        assert key is not None
        assert key.digest != imported(token).digest


async def test_a_database_that_fails_leaves_the_key_as_it_is(database: Database) -> None:
    book = await book_of(database, imported("sk-1"))
    rehashing = rehash_on_use(book)
    database.call(lambda c: c.exec_driver_sql("DROP TABLE api_keys"))
    assert book.find("sk-1") is not None
    await rehashing.settled()
    assert book.find("sk-1") is not None
