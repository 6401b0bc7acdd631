from __future__ import annotations

import pytest

from glowplug.domain.access import Role
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.store.database import Database
from glowplug.usecases.keys import NewKey
from glowplug.usecases.teams import NewMember, NewTeam, TeamChange
from glowplug.usecases.users import NewUser
from tests.usecases.people import KNOWN, ROOT, People


@pytest.fixture
async def people(database: Database) -> People:
    people = People(database)
    await people.users.create(NewUser(id="ann", name="Ann"), KNOWN, actor=ROOT)
    return people


async def test_create_change_delete(people: People) -> None:
    await people.teams.create(NewTeam(id="web", models=("a",)), KNOWN, actor=ROOT)
    with pytest.raises(Conflict, match="already"):
        await people.teams.create(NewTeam(id="web"), KNOWN, actor=ROOT)
    with pytest.raises(RequestError, match="no model or alias"):
        await people.teams.update("web", TeamChange(models=("zz",)), KNOWN, actor=ROOT)
    changed = await people.teams.update("web", TeamChange(models=(), blocked=True), KNOWN, actor=ROOT)
    assert (changed.models, changed.blocked_at) == ((), people.clock.now)
    key = await people.keys.create(NewKey(team="web"), KNOWN)
    with pytest.raises(Conflict, match=key.id):
        await people.teams.delete("web", actor=ROOT)
    await people.teams.put_member("web", NewMember(user="ann"), actor=ROOT)
    await people.teams.delete("web", with_keys=True, actor=ROOT)
    assert people.teams.every() == people.teams.teams_of("ann") == ()
    assert [line for line in await people.actions() if "team" in line] == [
        "create team web",
        "block team web",
        "delete team web",
    ]
    with pytest.raises(NotFound):
        await people.teams.delete("web", actor=ROOT)


async def test_members(people: People, database: Database) -> None:
    await people.teams.create(NewTeam(id="web"), KNOWN, actor=ROOT)
    with pytest.raises(NotFound, match="no user"):
        await people.teams.put_member("web", NewMember(user="bob"), actor=ROOT)
    joined = await people.teams.put_member("web", NewMember(user="ann"), actor=ROOT)
    people.clock.now += 9
    manager = await people.teams.put_member("web", NewMember(user="ann", manager=True), actor=ROOT)
    assert (manager.name, manager.manager, manager.since) == ("Ann", True, joined.since)
    assert [row.user for row in people.teams.members("web").data] == ["ann"]
    again = People(database)
    await again.users.load()
    await again.teams.load()
    assert again.teams.teams_of("ann") == people.teams.teams_of("ann") != ()
    assert again.teams.view(again.teams.get("web")).members == 1
    await people.teams.remove_member("web", "ann", dry_run=True, actor=ROOT)
    await people.teams.remove_member("web", "ann", actor=ROOT)
    with pytest.raises(NotFound, match="is not in the team"):
        await people.teams.remove_member("web", "ann", actor=ROOT)
    assert [line for line in await people.actions() if "member" in line] == [
        "create member web ann",
        "update member web ann",
        "delete member web ann",
    ]


async def test_whoever_is_deleted_is_in_no_team_and_comes_back_into_none(people: People, database: Database) -> None:
    await people.teams.create(NewTeam(id="web"), KNOWN, actor=ROOT)
    await people.teams.put_member("web", NewMember(user="ann"), actor=ROOT)
    await people.users.delete("ann", actor=ROOT)
    await people.users.create(NewUser(id="ann"), KNOWN, actor=ROOT)
    assert people.teams.teams_of("ann") == ()
    again = People(database)
    await again.teams.load()
    assert again.teams.teams_of("ann") == ()


async def test_the_last_admin_stays(people: People) -> None:
    await people.teams.create(NewTeam(id="web"), KNOWN, actor=ROOT)
    await people.keys.create(NewKey(role=Role.ADMIN, team="web"), KNOWN)
    with pytest.raises(Conflict, match="last admin key"):
        await people.teams.update("web", TeamChange(blocked=True), KNOWN, actor=ROOT)
    with pytest.raises(Conflict, match="last admin key"):
        await people.teams.delete("web", with_keys=True, actor=ROOT)
