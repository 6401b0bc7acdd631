from __future__ import annotations

import pytest

from glowplug.domain.people import User, UserRole
from glowplug.errors import StoreError
from glowplug.store import users
from glowplug.store.database import Database


async def test_add_put_remove(database: Database) -> None:
    ann = User(id="ann", name="Ann", email="a@b", role=UserRole.VIEWER, models=("x",), created_at=1.0, blocked_at=2.0)
    bob = User(id="bob", created_at=2.0)
    for user in (bob, ann, User(id="eve", created_at=3.0)):
        await database.run(lambda c, user=user: users.add(c, user))
    assert (await database.run(users.every))[:2] == (ann, bob)
    new = User(id="bob", name="B", models=("y",), created_at=2.0)
    await database.run(lambda c: users.put(c, new))
    assert (await database.run(users.every))[1] == new
    assert await database.run(lambda c: users.remove(c, "bob"))
    assert not await database.run(lambda c: users.remove(c, "bob"))
    with pytest.raises(StoreError):
        await database.run(lambda c: users.add(c, User(id="other", email="a@b")))
