from __future__ import annotations

import pytest
from sqlalchemy import Connection

from glowplug.domain.change import Change
from glowplug.store import changes, meta
from glowplug.store.database import Database


def line(number: int, at: float = 0.0, **fields: str) -> Change:
    given = {
        "by": "ann",
        "through": "key_1",
        "action": "create",
        "noun": "user",
        "subject": "bob",
        "request": "",
        **fields,
    }
    return Change(id=f"change_{number}", at=at or float(number), before=None, after={"a": [1, None]}, **given)


async def test_lines_come_back_newest_first_and_by_page(database: Database) -> None:
    lines = [line(1), line(2, at=5.0), line(3, at=5.0), line(4, by="eve")]
    for one in lines:
        await database.run(lambda c, one=one: changes.add(c, one))
    every = await database.run(lambda c: changes.newest(c, 10))
    assert [one.id for one in every] == ["change_3", "change_2", "change_4", "change_1"]
    assert every[0] == lines[2]
    behind = await database.run(lambda c: changes.newest(c, 10, every[0]))
    assert behind == every[1:]
    assert await database.run(lambda c: changes.newest(c, 10, only={"by": "eve"})) == (lines[3],)
    assert await database.run(lambda c: changes.find(c, "change_9")) is None
    assert await database.run(lambda c: changes.forget(c, 5.0)) == 2
    assert len(await database.run(lambda c: changes.newest(c, 10))) == 2


async def test_a_change_that_fails_leaves_no_line(database: Database) -> None:
    def broken(connection: Connection) -> None:
        meta.put(connection, "a", "b")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.run(changes.noted(broken, line(1)))
    assert await database.run(changes.noted(lambda c: 7, line(2))) == 7
    assert [one.id for one in await database.run(lambda c: changes.newest(c, 10))] == ["change_2"]
