from __future__ import annotations

import pytest

from glowplug.domain.access import Role
from glowplug.domain.login import Identity, Session
from glowplug.domain.people import User, UserRole
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.store import logins
from glowplug.store.database import Database
from glowplug.usecases.keys import NewKey
from glowplug.usecases.users import NewUser, UserChange
from glowplug.wire.end_user import PREFIX
from tests.usecases.people import KNOWN, ROOT, People


@pytest.fixture
def people(database: Database) -> People:
    return People(database)


async def test_create_change_and_come_back(people: People, database: Database) -> None:
    made = await people.users.create(NewUser(id="ann", email=" Ann@X.org", models=("a",)), KNOWN, actor=ROOT)
    assert (made.email, made.role, made.keys) == ("ann@x.org", UserRole.MEMBER, 0)
    assert people.users.by_email("ANN@x.org ") == people.users.get("ann")
    assert people.users.by_email("") is None
    other = await people.users.create(NewUser(), KNOWN, actor=ROOT)
    assert other.id.startswith("user_")
    people.clock.now += 5
    changed = await people.users.update("ann", UserChange(name="Ann", blocked=True), KNOWN, actor=ROOT)
    assert (changed.name, changed.blocked_at, changed.models) == ("Ann", people.clock.now, ("a",))
    assert people.told == 3
    same = await people.users.update("ann", UserChange(blocked=True), KNOWN, actor=ROOT)
    assert (same.blocked_at, people.told) == (changed.blocked_at, 3)
    again = People(database)
    await again.users.load()
    assert again.users.every() == people.users.every()
    let_in = await people.users.update("ann", UserChange(blocked=False, email=""), KNOWN, actor=ROOT)
    assert (let_in.blocked_at, let_in.email) == (None, "")
    lines = await people.lines()
    assert [line.action for line in lines if line.subject == "ann"] == ["create", "block", "unblock"]
    block = next(line for line in lines if line.action == "block")
    assert (block.by, block.through, block.request) == ("root", "key_root", "req_1")
    assert block.before == {"name": "", "blocked_at": None}
    assert block.after == {"name": "Ann", "blocked_at": changed.blocked_at}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (NewUser(id="a/b"), "slash"),
        (NewUser(id="x" * 129), "cannot be used"),
        (NewUser(id=f"{PREFIX}x"), "cannot be used"),
        (NewUser(name="\n x \0"), "name has"),
        (NewUser(email="ann"), "not an address"),
        (NewUser(email="a b@c"), "not an address"),
        (NewUser(models=("zz",)), "no model or alias 'zz'"),
    ],
)
async def test_what_is_refused(people: People, wanted: NewUser, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        await people.users.create(wanted, KNOWN, actor=ROOT)
    assert people.users.every() == ()


async def test_two_cannot_be_one(people: People) -> None:
    await people.users.create(NewUser(id="ann", email="a@x.org"), KNOWN, actor=ROOT)
    await people.users.create(NewUser(id="bob"), KNOWN, actor=ROOT)
    with pytest.raises(Conflict, match="already"):
        await people.users.create(NewUser(id="ann"), KNOWN, actor=ROOT)
    for attempt in (
        people.users.create(NewUser(id="eve", email="A@X.ORG"), KNOWN, actor=ROOT),
        people.users.update("bob", UserChange(email="a@x.org"), KNOWN, actor=ROOT),
    ):
        with pytest.raises(Conflict, match="address of 'ann'"):
            await attempt
    await people.users.update("ann", UserChange(email="a@x.org", name="A"), KNOWN, actor=ROOT)
    with pytest.raises(NotFound, match="no user 'nobody'"):
        await people.users.update("nobody", UserChange(), KNOWN, actor=ROOT)


async def test_keys_are_in_the_way_of_a_deletion(people: People) -> None:
    ended: list[str] = []
    people.users.on_end(ended.append)
    await people.users.create(NewUser(id="ann"), KNOWN, actor=ROOT)
    key = await people.keys.create(NewKey(name="laptop", user="ann"), KNOWN)
    with pytest.raises(Conflict, match="1 API key: laptop"):
        await people.users.delete("ann", actor=ROOT)
    before = await people.actions()
    assert (await people.users.delete("ann", dry_run=True, with_keys=True, actor=ROOT)).keys == 1
    assert await people.actions() == before
    await people.users.delete("ann", with_keys=True, actor=ROOT)
    assert people.users.find("ann") is None
    assert people.keys.get(key.id).revoked_at is not None
    assert (await people.actions())[-2:] == [f"revoke key {key.id}", "delete user ann"]
    assert ended == ["ann"]


async def test_the_last_admin_stays(people: People) -> None:
    await people.users.create(NewUser(id="ann"), KNOWN, actor=ROOT)
    await people.keys.create(NewKey(role=Role.ADMIN, user="ann"), KNOWN)
    for attempt in (
        people.users.update("ann", UserChange(blocked=True), KNOWN, actor=ROOT),
        people.users.delete("ann", with_keys=True, actor=ROOT),
    ):
        with pytest.raises(Conflict, match="last admin key"):
            await attempt
    await people.keys.create(NewKey(role=Role.ADMIN), KNOWN)
    await people.users.update("ann", UserChange(blocked=True), KNOWN, actor=ROOT)
    assert len(people.keys.usable()) == 1
    assert len(people.keys.present()) == 2


async def let_in(people: People, user: str) -> None:
    """A session, a password and an identity for somebody."""
    now = people.clock.now
    session = Session(id=f"s-{user}", user=user, created_at=now, last_seen=now, expires_at=now + 100.0)
    there = Identity(issuer="https://id.example", subject=user, user=user, since=now)
    await people.database.run(lambda c: logins.add_session(c, session))
    await people.database.run(lambda c: logins.set_password(c, user, "hash", now))
    await people.database.run(lambda c: logins.add_identity(c, there))


async def ways_in(people: People, user: str) -> tuple[int, bool, bool]:
    """Sessions, whether there is a password, whether there is an identity."""
    sessions = await people.database.run(lambda c: logins.sessions_of(c, user))
    password = await people.database.run(lambda c: logins.password(c, user))
    identity = await people.database.run(lambda c: logins.identity(c, "https://id.example", user))
    return len(sessions), password is not None, identity is not None


async def test_whoever_is_blocked_has_no_session_and_logs_in_again_afterwards(people: People) -> None:
    for name in ("ann", "bob"):
        await people.users.create(NewUser(id=name), KNOWN, actor=ROOT)
        await let_in(people, name)
    await people.users.update("ann", UserChange(name="Ann"), KNOWN, actor=ROOT)
    await people.users.update("ann", UserChange(blocked=True), KNOWN, True, actor=ROOT)
    assert await ways_in(people, "ann") == (1, True, True)
    await people.users.update("ann", UserChange(blocked=True), KNOWN, actor=ROOT)
    await people.users.update("ann", UserChange(blocked=False), KNOWN, actor=ROOT)
    assert await ways_in(people, "ann") == (0, True, True)
    assert await ways_in(people, "bob") == (1, True, True)


async def test_nothing_that_let_a_user_in_is_left_for_who_has_the_id_next(people: People) -> None:
    for name in ("ann", "bob"):
        await people.users.create(NewUser(id=name), KNOWN, actor=ROOT)
        await let_in(people, name)
    await people.users.delete("ann", dry_run=True, actor=ROOT)
    assert await ways_in(people, "ann") == (1, True, True)
    await people.users.delete("ann", actor=ROOT)
    await people.users.create(NewUser(id="ann"), KNOWN, actor=ROOT)
    assert await ways_in(people, "ann") == (0, False, False)
    assert await ways_in(people, "bob") == (1, True, True)


async def test_who_came_in_by_themselves_is_known_and_can_be_blocked(people: People) -> None:
    await people.users.create(NewUser(id="ann"), KNOWN, actor=ROOT)
    told = people.told
    await people.users.reload()
    assert people.told == told, "nobody came"
    await people.database.run(lambda c: logins.add_user(c, User(id="eve", email="e@x.org")))
    await people.users.reload()
    assert people.told == told + 1
    assert people.users.by_email("e@x.org") == people.users.get("eve")
    await people.users.update("eve", UserChange(blocked=True), KNOWN, actor=ROOT)
