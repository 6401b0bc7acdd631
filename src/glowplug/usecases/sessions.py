"""Sessions of people who logged in: on the server, so that ending one ends it.

The token in a cookie has 256 random bits and is kept as a keyed hash.  The CSRF token of a session is derived from its
token, so that it needs no place of its own and is good for no other session.
"""

from __future__ import annotations

import secrets
from hashlib import blake2b
from hmac import compare_digest

import msgspec
from sqlalchemy import Connection

from glowplug.clock import Clock
from glowplug.domain.access import Role
from glowplug.domain.caller import Caller
from glowplug.domain.login import Session
from glowplug.domain.people import User, UserRole
from glowplug.errors import Forbidden, NotFound, Unauthenticated
from glowplug.secret import Secret
from glowplug.store import logins
from glowplug.store.database import Database

IDLE = 86_400.0
"""Seconds without a request after which a session ends."""
LIFETIME = 7 * 86_400.0
"""Seconds after which it ends in any case."""
_NOTED_EVERY = 60.0
"""Seconds; how exactly `last_seen` is kept."""
_ROLES = {UserRole.ADMIN: Role.ADMIN, UserRole.VIEWER: Role.VIEWER, UserRole.MEMBER: Role.USER}


class SessionView(msgspec.Struct, frozen=True, kw_only=True):
    """A session for people."""

    id: str
    user: str
    created_at: float
    last_seen: float
    expires_at: float
    agent: str
    current: bool = False
    """It is the one that asks."""
    dry_run: bool = False


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """What became of several sessions of one user."""

    user: str
    sessions: tuple[SessionView, ...]
    dry_run: bool = False


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody got in."""

    user: User
    session: Session
    token: Secret
    csrf: str


class Sessions:
    """Begin, resume, list and end sessions."""

    def __init__(self, database: Database, pepper: bytes, clock: Clock) -> None:
        self._database = database
        self._pepper = pepper
        self._clock = clock

    def new(self, user: User, agent: str) -> Opened:
        """A session that begins now; the caller stores it."""
        now = self._clock.unix()
        token = secrets.token_urlsafe(32)
        session = Session(
            id=self._hash(b"glowplug-session", token),
            user=user.id,
            created_at=now,
            last_seen=now,
            expires_at=now + LIFETIME,
            agent="".join(char for char in agent if char.isprintable())[:255],
        )
        return Opened(user=user, session=session, token=Secret(token), csrf=self.csrf(token))

    def csrf(self, token: str) -> str:
        """What every request that changes something has to bring beside the cookie with this token."""
        return self._hash(b"glowplug-csrf", token)

    async def resume(self, token: str, csrf: str | None) -> Caller:
        """Whose session this is.  `csrf`: what the request brings; None where it changes nothing.

        Raises Unauthenticated for a session that is no more, Forbidden for a wrong CSRF token.
        """
        now = self._clock.unix()
        session_id = self._hash(b"glowplug-session", token)

        def work(connection: Connection) -> tuple[Session, User] | None:
            found = logins.session(connection, session_id)
            if found is not None and _good(*found, now) and now - found[0].last_seen >= _NOTED_EVERY:
                logins.seen(connection, session_id, now)
            return found

        found = await self._database.run(work)
        if found is None or not _good(*found, now):
            raise Unauthenticated("this session has ended", hint="log in again", code="session_ended")
        if csrf is not None and not compare_digest(csrf.encode("utf-8", "replace"), self.csrf(token).encode()):
            raise Forbidden(
                "the request lacks this session's token",
                hint="send the header x-glowplug-csrf with what GET /auth/me says",
                code="csrf",
            )
        session, user = found
        return Caller(role=_ROLES[user.role], user=user.id, session=session.id)

    async def list(self, user: str = "", current: str = "") -> tuple[SessionView, ...]:
        """The sessions of a user, or of everybody, that are good now; the newest first."""
        now = self._clock.unix()
        rows = await self._database.run(lambda c: logins.sessions_of(c, user))
        return tuple(_view(row, current) for row in rows if _lasts(row, now))

    async def end(self, session_id: str, by: Caller, user: str = "", dry_run: bool = False) -> SessionView:
        """End a session; with `user` only if it is theirs.  Raises NotFound."""
        now = self._clock.unix()

        def work(connection: Connection) -> Session | None:
            found = logins.session(connection, session_id)
            if found is None or (user and found[0].user != user):
                return None
            if not dry_run:
                _end(connection, found[0], by, now)
            return found[0]

        ended = await self._database.run(work)
        if ended is None:
            raise NotFound("there is no such session", hint="glowplug sessions list shows which there are")
        return _view(ended, by.session, dry_run)

    async def end_all(self, user: str, by: Caller, dry_run: bool = False) -> Ended:
        """End all sessions of a user but the one that asks."""
        now = self._clock.unix()

        def work(connection: Connection) -> list[Session]:
            ending = [one for one in logins.sessions_of(connection, user) if _lasts(one, now) and one.id != by.session]
            for one in ending if not dry_run else ():
                _end(connection, one, by, now)
            return ending

        ended = await self._database.run(work) if user else []
        return Ended(user=user, sessions=tuple(_view(one, by.session) for one in ended), dry_run=dry_run)

    def _hash(self, purpose: bytes, token: str) -> str:
        data = token.encode("utf-8", "surrogateescape")
        return blake2b(data, digest_size=32, key=self._pepper, person=purpose).hexdigest()


def _view(session: Session, current: str, dry_run: bool = False) -> SessionView:
    return SessionView(**msgspec.structs.asdict(session), current=session.id == current, dry_run=dry_run)


def _end(connection: Connection, session: Session, by: Caller, now: float) -> None:
    logins.end_session(connection, session.id)
    logins.note(
        connection, at=now, by=by.by, through=by.through, action="logout", noun="session", subject=session.id,
    )  # fmt: skip


def _lasts(session: Session, now: float) -> bool:
    return now < session.expires_at and now - session.last_seen < IDLE


def _good(session: Session, user: User, now: float) -> bool:
    return _lasts(session, now) and user.blocked_at is None
