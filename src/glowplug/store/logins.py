"""Passwords, sessions, invitations and identities in the database.  Functions of one connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.engine import RowMapping

from glowplug.domain.login import Identity, Invitation, Session
from glowplug.domain.people import User, UserRole
from glowplug.ids import short_id
from glowplug.store.tables import changes, identities, invitations, passwords, sessions, users

_MOST_SESSIONS = 50
"""Of one user; the one that was used longest ago makes room."""

# ---- people


def user(connection: Connection, user_id: str) -> User | None:
    row = connection.execute(select(users).where(users.c.id == user_id)).mappings().first()
    return None if row is None else _user(row)


def called(connection: Connection, name: str) -> User | None:
    """The user with this e-mail address (in lower case), else with this id."""
    rows = connection.execute(
        select(users).where(or_(users.c.id == name, users.c.email == name.lower()) if name else users.c.id == "")
    ).mappings()
    found = [_user(row) for row in rows]
    by_email = [one for one in found if one.email == name.lower()]
    found = by_email or found
    return found[0] if found else None


def add_user(connection: Connection, new: User) -> None:
    values = msgspec.structs.asdict(new) | {"role": new.role.value, "models": list(new.models)}
    connection.execute(insert(users).values(values))


def set_role(connection: Connection, user_id: str, role: UserRole) -> None:
    connection.execute(update(users).where(users.c.id == user_id).values(role=role.value))


def admins(connection: Connection) -> int:
    """How many users are admins and not blocked."""
    query = select(func.count()).select_from(users)
    wanted = query.where(users.c.role == UserRole.ADMIN.value, users.c.blocked_at.is_(None))
    return int(connection.execute(wanted).scalar_one())


# ---- passwords


def password(connection: Connection, user_id: str) -> str | None:
    """The hash of a user's password, or None."""
    found: str | None = connection.execute(
        select(passwords.c.hash).where(passwords.c.user == user_id)
    ).scalar_one_or_none()
    return found


def set_password(connection: Connection, user_id: str, hashed: str, at: float) -> None:
    changed = connection.execute(
        update(passwords).where(passwords.c.user == user_id).values(hash=hashed, changed_at=at)
    )
    if changed.rowcount == 0:
        connection.execute(insert(passwords).values(user=user_id, hash=hashed, changed_at=at))


# ---- sessions


def add_session(connection: Connection, new: Session) -> None:
    """Store a session, and forget those that ended and what one user has too many of."""
    connection.execute(delete(sessions).where(sessions.c.expires_at <= new.created_at))
    connection.execute(insert(sessions).values(msgspec.structs.asdict(new)))
    kept = (
        select(sessions.c.id)
        .where(sessions.c.user == new.user)
        .order_by(sessions.c.last_seen.desc(), sessions.c.id)
        .limit(_MOST_SESSIONS)
        .scalar_subquery()
    )
    connection.execute(delete(sessions).where(sessions.c.user == new.user, sessions.c.id.not_in(kept)))


def session(connection: Connection, session_id: str) -> tuple[Session, User] | None:
    """A session with its user; None when either is gone."""
    row = connection.execute(select(sessions).where(sessions.c.id == session_id)).mappings().first()
    if row is None:
        return None
    found = Session(**dict(row))
    owner = user(connection, found.user)
    return None if owner is None else (found, owner)


def seen(connection: Connection, session_id: str, at: float) -> None:
    connection.execute(update(sessions).where(sessions.c.id == session_id).values(last_seen=at))


def sessions_of(connection: Connection, user_id: str = "") -> tuple[Session, ...]:
    """The sessions of a user, or of everybody, the newest first."""
    query = select(sessions)
    if user_id:
        query = query.where(sessions.c.user == user_id)
    rows = connection.execute(query.order_by(sessions.c.created_at.desc(), sessions.c.id)).mappings()
    return tuple(Session(**dict(row)) for row in rows)


def end_session(connection: Connection, session_id: str, user_id: str = "") -> bool:
    """End a session; with a user only if it is theirs.  False when there is none."""
    query = delete(sessions).where(sessions.c.id == session_id)
    if user_id:
        query = query.where(sessions.c.user == user_id)
    return connection.execute(query).rowcount == 1


def end_sessions(connection: Connection, user_id: str, but: str = "") -> int:
    """End all sessions of a user, except for the one with the id `but`; says how many."""
    return connection.execute(delete(sessions).where(sessions.c.user == user_id, sessions.c.id != but)).rowcount


def forget(connection: Connection, user_id: str) -> None:
    """Everything that lets a user in.  For whoever deletes one."""
    for table in (sessions, passwords, identities, invitations):
        connection.execute(delete(table).where(table.c.user == user_id))


# ---- invitations


def add_invitation(connection: Connection, new: Invitation) -> None:
    """Store an invitation, in place of an unused one that was to reset the same user's password."""
    if new.user:
        connection.execute(delete(invitations).where(invitations.c.user == new.user, invitations.c.used_at.is_(None)))
    connection.execute(insert(invitations).values(msgspec.structs.asdict(new) | {"role": new.role.value}))


def invitation(connection: Connection, digest: bytes) -> Invitation | None:
    row = connection.execute(select(invitations).where(invitations.c.digest == digest)).mappings().first()
    return None if row is None else _invitation(row)


def invitations_there(connection: Connection) -> tuple[Invitation, ...]:
    """All of them, the newest first."""
    order = invitations.c.created_at.desc(), invitations.c.id
    return tuple(_invitation(row) for row in connection.execute(select(invitations).order_by(*order)).mappings())


def use_invitation(connection: Connection, invitation_id: str, at: float) -> bool:
    """Mark it used.  False when it was used before, is gone, or has expired: whoever gets True is the only one."""
    row = invitations.c
    done = connection.execute(
        update(invitations)
        .where(row.id == invitation_id, row.used_at.is_(None), row.expires_at > at)
        .values(used_at=at)
    )
    return done.rowcount == 1


def remove_invitation(connection: Connection, invitation_id: str) -> bool:
    return connection.execute(delete(invitations).where(invitations.c.id == invitation_id)).rowcount == 1


# ---- identities


def identity(connection: Connection, issuer: str, subject: str) -> User | None:
    """Whom an issuer means."""
    row = connection.execute(
        select(identities.c.user).where(identities.c.issuer == issuer, identities.c.subject == subject)
    ).scalar_one_or_none()
    return None if row is None else user(connection, row)


def add_identity(connection: Connection, new: Identity) -> None:
    """Tie a user to an identity; one that was left by a user who is gone gives way."""
    row = identities.c
    connection.execute(delete(identities).where(row.issuer == new.issuer, row.subject == new.subject))
    connection.execute(insert(identities).values(msgspec.structs.asdict(new)))


# ---- the audit log


def note(
    connection: Connection,
    *,
    at: float,
    by: str,
    through: str,
    action: str,
    noun: str,
    subject: str,
    after: Mapping[str, Any] | None = None,
) -> None:
    """One line of the audit log."""
    connection.execute(
        insert(changes).values(
            id=short_id("change"), at=at, by=by[:255], through=through[:64], action=action, noun=noun,
            subject=subject[:255], before=None, after=None if after is None else dict(after), request="",
        )
    )  # fmt: skip


def _user(row: RowMapping) -> User:
    return User(**{**row, "role": UserRole(row["role"]), "models": tuple(row["models"])})


def _invitation(row: RowMapping) -> Invitation:
    return Invitation(**{**row, "role": UserRole(row["role"]), "digest": bytes(row["digest"])})
