from __future__ import annotations

import msgspec
import pytest

from glowplug.domain.login import Identity, Invitation, Session
from glowplug.domain.people import User, UserRole
from glowplug.errors import StoreError
from glowplug.store import logins
from glowplug.store.database import Database

ANN = User(id="u1", name="Ann", email="ann@x", role=UserRole.ADMIN, models=("a",), created_at=1.0)


def session(number: int, user: str = "u1") -> Session:
    at = float(number)
    return Session(id=f"s{number}", user=user, created_at=at, last_seen=at, expires_at=at + 1000.0)


def test_users_are_found_by_address_before_id(database: Database) -> None:
    impostor = User(id="ann@x", email="bob@x")
    database.call(lambda c: logins.add_user(c, ANN))
    database.call(lambda c: logins.add_user(c, impostor))
    assert database.call(lambda c: logins.called(c, "ANN@x")) == ANN
    assert database.call(lambda c: logins.called(c, "u1")) == ANN
    assert database.call(lambda c: logins.called(c, "")) is None
    assert database.call(lambda c: logins.user(c, "u2")) is None
    assert database.call(logins.admins) == 1


def test_users_without_an_address_are_not_found_by_none(database: Database) -> None:
    database.call(lambda c: logins.add_user(c, User(id="u3")))
    assert database.call(lambda c: logins.called(c, "")) is None


def test_passwords(database: Database) -> None:
    assert database.call(lambda c: logins.password(c, "u1")) is None
    for hashed in ("a", "b"):
        database.call(lambda c, h=hashed: logins.set_password(c, "u1", h, 1.0))
        assert database.call(lambda c: logins.password(c, "u1")) == hashed


def test_sessions_need_their_user(database: Database) -> None:
    database.call(lambda c: logins.add_session(c, session(1)))
    assert database.call(lambda c: logins.session(c, "s1")) is None
    database.call(lambda c: logins.add_user(c, ANN))
    database.call(lambda c: logins.seen(c, "s1", 5.0))
    found = database.call(lambda c: logins.session(c, "s1"))
    assert found == (msgspec.structs.replace(session(1), last_seen=5.0), ANN)
    assert not database.call(lambda c: logins.end_session(c, "s1", "u2"))
    assert database.call(lambda c: logins.end_session(c, "s1", "u1"))
    assert database.call(lambda c: logins.session(c, "s1")) is None


def test_a_user_has_so_many_sessions_and_old_ones_go(database: Database) -> None:
    database.call(lambda c: logins.add_session(c, session(1, "other")))
    for number in range(2, 60):
        database.call(lambda c, n=number: logins.add_session(c, session(n)))
    mine = database.call(lambda c: logins.sessions_of(c, "u1"))
    assert [one.id for one in mine] == [f"s{n}" for n in range(59, 9, -1)]
    database.call(lambda c: logins.add_session(c, session(1030)))
    assert [one.id for one in database.call(logins.sessions_of)] == ["s1030"] + [f"s{n}" for n in range(59, 30, -1)]
    assert database.call(lambda c: logins.end_sessions(c, "u1")) == 30


def test_an_invitation_is_used_once_and_in_time(database: Database) -> None:
    made = Invitation(id="i1", digest=b"d" * 32, role=UserRole.VIEWER, created_at=1.0, expires_at=10.0)
    database.call(lambda c: logins.add_invitation(c, made))
    assert database.call(lambda c: logins.invitation(c, b"d" * 32)) == made
    assert not database.call(lambda c: logins.use_invitation(c, "i1", 10.0))
    assert database.call(lambda c: logins.use_invitation(c, "i1", 9.0))
    assert not database.call(lambda c: logins.use_invitation(c, "i1", 9.0))
    assert database.call(lambda c: logins.remove_invitation(c, "i1"))
    assert database.call(logins.invitations_there) == ()


def test_a_second_reset_takes_the_place_of_the_first(database: Database) -> None:
    for number in (1, 2):
        made = Invitation(id=f"i{number}", digest=bytes([number]) * 32, user="u1", expires_at=10.0)
        database.call(lambda c, m=made: logins.add_invitation(c, m))
    assert [one.id for one in database.call(logins.invitations_there)] == ["i2"]


def test_identities(database: Database) -> None:
    mine = Identity(issuer="https://i", subject="1", user="u1", since=1.0)
    database.call(lambda c: logins.add_identity(c, mine))
    assert database.call(lambda c: logins.identity(c, "https://i", "1")) is None, "the user is gone"
    database.call(lambda c: logins.add_user(c, ANN))
    assert database.call(lambda c: logins.identity(c, "https://i", "1")) == ANN
    assert database.call(lambda c: logins.identity(c, "https://j", "1")) is None
    database.call(lambda c: logins.forget(c, "u1"))
    assert database.call(lambda c: logins.identity(c, "https://i", "1")) is None


def test_what_fails_takes_its_line_of_the_log_along(database: Database) -> None:
    def work(connection) -> None:  # type: ignore[no-untyped-def]
        logins.note(connection, at=1.0, by="u1", through="s1", action="x", noun="user", subject="u1")
        logins.add_user(connection, ANN)
        logins.add_user(connection, ANN)

    with pytest.raises(StoreError):
        database.call(work)
    assert database.call(lambda c: c.exec_driver_sql("select count(*) from changes").scalar()) == 0
