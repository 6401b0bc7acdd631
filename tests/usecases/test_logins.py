from __future__ import annotations

import asyncio

import pytest

from glowplug.domain.people import User
from glowplug.errors import Unauthenticated
from glowplug.secret import Secret
from glowplug.store import logins
from glowplug.store.database import Database
from glowplug.usecases.logins import Login, LoginBook, source
from glowplug.usecases.passwords import Cost, Passwords
from tests.still_clock import StillClock

PEPPER = b"p" * 32


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("local", "local"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("no:address", "no:address"),
    ],
)
def test_what_is_limited_together(address: str, name: str) -> None:
    assert source(address) == name


async def book_of(database: Database) -> tuple[LoginBook, Passwords]:
    passwords = Passwords(Cost(memory=64, passes=1, lanes=1))
    await database.run(lambda c: logins.add_user(c, User(id="u1", email="ann@x")))
    stored = await passwords.hash(Secret("a few good words"))
    await database.run(lambda c: logins.set_password(c, "u1", stored, 1.0))
    return LoginBook(database, PEPPER, StillClock(), passwords), passwords


async def test_many_at_once_cannot_pass_the_limit_together(database: Database) -> None:
    book, _ = await book_of(database)
    wrong = Login(user="ann@x", password="wrong")
    asked = await asyncio.gather(*(book.login(wrong, f"10.0.0.{n}", "") for n in range(40)), return_exceptions=True)
    assert sum(isinstance(one, Unauthenticated) for one in asked) <= 10
    assert all(isinstance(one, Exception) for one in asked)


async def test_a_password_that_changed_meanwhile_opens_nothing(database: Database) -> None:
    book, _ = await book_of(database)
    user = await database.run(lambda c: logins.user(c, "u1"))
    assert user is not None
    with pytest.raises(Unauthenticated):
        await book.open(user, "", "password", stored="another hash")
    assert await database.run(logins.sessions_of) == ()


def test_a_login_does_not_show_its_password() -> None:
    assert "words" not in repr(Login(user="a", password="a few good words"))
