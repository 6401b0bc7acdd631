from __future__ import annotations

import pytest

from glowplug.control.snapshots import build_snapshot
from glowplug.domain.access import Role
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.store.database import Database
from glowplug.usecases.key_changes import MOST_OVERLAP, KeyChange, Rotation, checked_routes, guest
from glowplug.usecases.keys import NewKey
from tests.usecases.managers import CATALOG
from tests.usecases.people import KNOWN, ROOT, People


@pytest.fixture
def people(database: Database) -> People:
    return People(database)


async def test_a_key_is_changed_and_stays_so(people: People, database: Database) -> None:
    made = await people.keys.create(NewKey(name="x", rpm=5, tags=("a",), expires_in=60.0), KNOWN)
    wanted = KeyChange(
        name=" y ", models=("a",), routes=("/v1/*", "/v1/*"), rpm=None, tpm=7, expires_in=None, user="ann", blocked=True
    )
    tried = await people.keys.update(made.id, wanted, KNOWN, dry_run=True, actor=ROOT)
    assert (tried.name, people.keys.get(made.id).name) == ("y", "x")
    now = await people.keys.update(made.id, wanted, KNOWN, actor=ROOT)
    assert (now.name, now.models, now.routes, now.rpm, now.tpm) == ("y", ("a",), ("/v1/*",), None, 7)
    assert (now.expires_at, now.user, now.tags, now.blocked_at) == (None, "ann", ("a",), people.clock.now)
    assert people.keys.usable() == ()
    again = People(database)
    await again.keys.load()
    assert again.keys.get(made.id) == people.keys.get(made.id)
    assert again.keys.find(made.key or "") is not None
    await people.keys.update(made.id, KeyChange(blocked=False), KNOWN, actor=ROOT)
    told = people.told
    await people.keys.update(made.id, KeyChange(blocked=False), KNOWN, actor=ROOT)
    assert people.told == told, "nothing has changed"
    assert [line.action for line in await people.lines()] == ["create", "block", "unblock"]


@pytest.mark.parametrize(
    "wanted",
    [
        KeyChange(rpm=0), KeyChange(models=("zz",)), KeyChange(priority=101), KeyChange(routes=("v1",)),
        KeyChange(expires_in=0.0), KeyChange(name="\0"), KeyChange(user="x" * 200),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_changes_nothing(people: People, wanted: KeyChange) -> None:
    made = await people.keys.create(NewKey(), KNOWN)
    before = people.keys.get(made.id)
    with pytest.raises(RequestError):
        await people.keys.update(made.id, wanted, KNOWN, actor=ROOT)
    assert people.keys.get(made.id) == before


async def test_the_last_admin_key_is_not_blocked(people: People) -> None:
    made = await people.keys.create(NewKey(role=Role.ADMIN), KNOWN)
    with pytest.raises(Conflict, match="last admin key"):
        await people.keys.update(made.id, KeyChange(blocked=True), KNOWN, actor=ROOT)
    with pytest.raises(NotFound):
        await people.keys.update("key_0", KeyChange(), KNOWN, actor=ROOT)


async def test_a_new_key_goes_on_for_the_old_one(people: People) -> None:
    old = await people.keys.create(NewKey(name="app", models=("a",), rpm=5, user="ann", routes=("/v1/*",)), KNOWN)
    assert (await people.keys.rotate(old.id, Rotation(), dry_run=True, actor=ROOT)).key is None
    new = await people.keys.rotate(old.id, Rotation(overlap=60.0), actor=ROOT)
    assert new.key not in (None, old.key)
    assert (new.name, new.models, new.rpm, new.user, new.routes) == ("app", ("a",), 5, "ann", ("/v1/*",))
    assert (new.replaces, new.expires_at) == (old.id, None)
    snapshot = build_snapshot(CATALOG, people.keys.present(), b"", 1, people.keys.standing)
    assert [(key.id, key.row) for key in snapshot.keys] == [(old.id, ""), (old.id, new.id)], "one for budgets and usage"
    assert len({key.digest for key in snapshot.keys}) == 2
    with pytest.raises(Conflict, match=f"replaced by {new.id}"):
        await people.keys.rotate(old.id, Rotation(), actor=ROOT)
    people.clock.now += 60
    assert [key.id for key in people.keys.usable()] == [new.id]
    third = await people.keys.rotate(new.id, Rotation(), actor=ROOT)
    assert people.keys.identity(third.id) == people.keys.identity(new.id) == old.id
    assert people.keys.identity("key_0") == "key_0"
    assert [line.action for line in await people.lines()] == ["create", *["rotate"] * 4]
    assert (third.key or "?") not in str(await people.lines())


async def test_what_cannot_be_rotated(people: People) -> None:
    soon = await people.keys.create(NewKey(expires_in=60.0), KNOWN)
    for overlap in (-1.0, MOST_OVERLAP + 1, float("nan")):
        with pytest.raises(RequestError, match="overlap"):
            await people.keys.rotate(soon.id, Rotation(overlap=overlap), actor=ROOT)
    await people.keys.rotate(soon.id, Rotation(overlap=3600.0), actor=ROOT)
    assert people.keys.get(soon.id).expires_at == soon.expires_at, "an overlap makes no key live longer"
    blocked = await people.keys.create(NewKey(), KNOWN)
    await people.keys.update(blocked.id, KeyChange(blocked=True), KNOWN, actor=ROOT)
    gone = await people.keys.create(NewKey(), KNOWN)
    await people.keys.revoke(gone.id)
    for key in (blocked, gone):
        with pytest.raises(Conflict):
            await people.keys.rotate(key.id, Rotation(), actor=ROOT)


@pytest.mark.parametrize("route", ["", "v1", "*", "/a*b", "/ü", "/a b", "/a\n"])
def test_what_is_no_route(route: str) -> None:
    with pytest.raises(RequestError, match="not a route"):
        checked_routes((route,))


def test_a_guest_is_an_admin_that_is_in_no_table() -> None:
    found = guest(b"d" * 32, 5.0)
    assert (found.role, found.digest, found.created_at, found.imported) == (Role.ADMIN, b"d" * 32, 5.0, b"")
