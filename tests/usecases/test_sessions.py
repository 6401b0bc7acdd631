from __future__ import annotations

import pytest

from glowplug.domain.access import Role
from glowplug.domain.people import User, UserRole
from glowplug.errors import Forbidden, Unauthenticated
from glowplug.store import logins
from glowplug.store.database import Database
from glowplug.usecases.sessions import IDLE, Sessions
from tests.still_clock import StillClock


@pytest.mark.parametrize(
    ("role", "may"), [(UserRole.ADMIN, Role.ADMIN), (UserRole.VIEWER, Role.VIEWER), (UserRole.MEMBER, Role.USER)]
)
async def test_what_a_session_may(database: Database, role: UserRole, may: Role) -> None:
    sessions = Sessions(database, b"p" * 32, StillClock())
    user = User(id="u1", role=role)
    await database.run(lambda c: logins.add_user(c, user))
    opened, other = sessions.new(user, "a\0gent" * 100), sessions.new(user, "")
    for one in (opened, other):
        await database.run(lambda c, s=one.session: logins.add_session(c, s))
    token = opened.token.reveal()
    caller = await sessions.resume(token, opened.csrf)
    assert (caller.role, caller.by, caller.through) == (may, "u1", opened.session.id)
    assert len(opened.session.agent) == 255 and "\0" not in opened.session.agent
    for wrong in ("", other.csrf, opened.csrf[:-1], "\udcff"):
        with pytest.raises(Forbidden):
            await sessions.resume(token, wrong)
    with pytest.raises(Unauthenticated):
        await sessions.resume(opened.session.id, None)
    with pytest.raises(Unauthenticated):
        await Sessions(database, b"q" * 32, StillClock()).resume(token, None)


async def test_use_keeps_it_and_silence_ends_it(database: Database) -> None:
    clock = StillClock()
    sessions = Sessions(database, b"p" * 32, clock)
    await database.run(lambda c: logins.add_user(c, User(id="u1")))
    opened = sessions.new(User(id="u1"), "")
    await database.run(lambda c: logins.add_session(c, opened.session))
    for _ in range(3):
        clock.now += IDLE - 1
        await sessions.resume(opened.token.reveal(), None)
    clock.now += IDLE
    assert await sessions.list() == ()
    with pytest.raises(Unauthenticated):
        await sessions.resume(opened.token.reveal(), None)
    with pytest.raises(Unauthenticated):
        await sessions.resume(opened.token.reveal(), None)
