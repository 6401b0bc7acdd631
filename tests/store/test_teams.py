from __future__ import annotations

from glowplug.domain.people import Member, Team
from glowplug.store import teams
from glowplug.store.database import Database


async def test_teams_and_members(database: Database) -> None:
    web = Team(id="web", name="Web", models=("x",), created_at=1.0)
    await database.run(lambda c: teams.add(c, web))
    await database.run(lambda c: teams.add(c, Team(id="ops", created_at=2.0)))
    blocked = Team(id="web", created_at=1.0, blocked_at=5.0)
    await database.run(lambda c: teams.put(c, blocked))
    assert await database.run(teams.every) == (blocked, Team(id="ops", created_at=2.0))
    ann, bob = Member(team="web", user="ann", since=2.0), Member(team="web", user="bob", since=1.0)
    other = Member(team="ops", user="ann", since=3.0)
    for one in (ann, bob, other):
        await database.run(lambda c, one=one: teams.put_member(c, one))
    manager = Member(team="web", user="ann", manager=True, since=2.0)
    await database.run(lambda c: teams.put_member(c, manager))
    assert await database.run(teams.every_member) == (other, bob, manager)
    assert await database.run(lambda c: teams.remove_member(c, "web", "bob"))
    assert not await database.run(lambda c: teams.remove_member(c, "web", "bob"))
    assert await database.run(lambda c: teams.remove(c, "web"))
    assert not await database.run(lambda c: teams.remove(c, "web"))
    assert await database.run(teams.every_member) == (other,)
    await database.run(lambda c: teams.remove_user(c, "ann"))
    assert await database.run(teams.every_member) == ()
