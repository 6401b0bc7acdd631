"""Invitations: links that are good once, for a new user or a new password.  The first one makes the first admin."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from hashlib import blake2b

import msgspec
from sqlalchemy import Connection

from glowplug.clock import Clock
from glowplug.domain.caller import Caller
from glowplug.domain.login import Invitation
from glowplug.domain.people import User, UserRole
from glowplug.errors import Conflict, Forbidden, NotFound, RequestError
from glowplug.ids import short_id
from glowplug.secret import Secret
from glowplug.store import logins
from glowplug.store.database import Database
from glowplug.usecases.passwords import Passwords, checked_password
from glowplug.usecases.sessions import Opened, Sessions

LASTS = 86_400.0
"""Seconds."""
_LONGEST = 7 * 86_400.0
PATH = "/ui/welcome#"
"""What a link has before its token, which stays in the browser: fragments are not sent."""


class NewInvitation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /admin/invitations`."""

    name: str = ""
    """Of the new user."""
    role: UserRole = UserRole.MEMBER
    user: str = ""
    """Id or e-mail address of a user who gets a new password instead."""
    expires_in: float = LASTS
    """Seconds."""


class InvitationView(msgspec.Struct, frozen=True, kw_only=True):
    """An invitation for people: everything but its hash."""

    id: str
    user: str
    name: str
    role: UserRole
    by: str
    created_at: float
    expires_at: float
    used_at: float | None
    link: str | None = None
    """Path and token, in the answer to its creation and never again."""


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /auth/claim`.  Name and address matter for a new user only."""

    token: str
    password: str
    name: str = ""
    email: str = ""

    def __repr__(self) -> str:
        return "Claim(***)"


def digest(pepper: bytes, token: str) -> bytes:
    """The keyed hash that an invitation is found by."""
    data = token.encode("utf-8", "surrogateescape")
    return blake2b(data, digest_size=32, key=pepper, person=b"glowplug-invite").digest()


def invitation(wanted: NewInvitation, by: str, pepper: bytes, now: float) -> tuple[Invitation, Secret]:
    """A new invitation and its token; the caller stores it.  Raises RequestError."""
    name = wanted.name.strip()
    if len(name) > 200 or not name.isprintable():
        raise RequestError(f"the name has {len(name)} characters", hint="use at most 200 printable ones")
    if not 0 < wanted.expires_in <= _LONGEST:
        raise RequestError(f"expires_in is {wanted.expires_in}", hint=f"give at most {_LONGEST:.0f} seconds")
    token = secrets.token_urlsafe(32)
    made = Invitation(
        id=short_id("invitation"),
        digest=digest(pepper, token),
        user=wanted.user,
        name=name,
        role=wanted.role,
        by=by,
        created_at=now,
        expires_at=now + wanted.expires_in,
    )
    return made, Secret(token)


def checked_email(email: str) -> str:
    """An address in lower case.  Raises RequestError for what cannot be one; whether it is theirs nobody knows."""
    found = email.strip().lower()
    local, at, domain = found.rpartition("@")
    if not (local and at and domain) or len(found) > 254 or not found.isprintable() or " " in found:
        raise RequestError("this is no e-mail address", hint="it is what you log in with; nothing is sent to it")
    return found


async def nobody_asks() -> None:
    """Nobody has users in memory."""


class Invitations:
    """Make, list, take back and claim invitations.  `joined` is awaited when somebody has used one."""

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        clock: Clock,
        passwords: Passwords,
        sessions: Sessions,
        joined: Callable[[], Awaitable[None]] = nobody_asks,
    ) -> None:
        self._joined = joined
        self._database = database
        self._pepper = pepper
        self._clock = clock
        self._passwords = passwords
        self._sessions = sessions

    async def create(self, wanted: NewInvitation, by: Caller, dry_run: bool = False) -> InvitationView:
        """Raises RequestError, NotFound."""
        if wanted.user:
            found = await self._database.run(lambda c: logins.called(c, wanted.user))
            if found is None:
                raise NotFound(f"there is no user {wanted.user!r}", hint="give their id or e-mail address")
            wanted = NewInvitation(user=found.id, name=found.name, role=found.role, expires_in=wanted.expires_in)
        made, token = invitation(wanted, by.by, self._pepper, self._clock.unix())
        if dry_run:
            return view(made)

        def work(connection: Connection) -> None:
            logins.add_invitation(connection, made)
            shown = {"name": made.name, "role": made.role.value, "user": made.user}
            logins.note(
                connection, at=made.created_at, by=by.by, through=by.through, action="create", noun="invitation",
                subject=made.id, after=shown,
            )  # fmt: skip

        await self._database.run(work)
        return view(made, token)

    async def list(self) -> tuple[InvitationView, ...]:
        """All of them, used ones too, the newest first."""
        return tuple(view(one) for one in await self._database.run(logins.invitations_there))

    async def revoke(self, invitation_id: str, by: Caller, dry_run: bool = False) -> None:
        """Take an invitation back.  Raises NotFound."""
        now = self._clock.unix()

        def work(connection: Connection) -> bool:
            if dry_run:
                return any(one.id == invitation_id for one in logins.invitations_there(connection))
            done = logins.remove_invitation(connection, invitation_id)
            if done:
                logins.note(
                    connection, at=now, by=by.by, through=by.through, action="delete", noun="invitation",
                    subject=invitation_id,
                )  # fmt: skip
            return done

        if not await self._database.run(work):
            raise NotFound(f"there is no invitation {invitation_id!r}", hint="glowplug invitations list shows them")

    async def claim(self, claim: Claim, agent: str) -> Opened:
        """Use an invitation: a new user, or a new password and the end of their sessions.

        Raises Forbidden for a token that is not good, RequestError, Conflict for an address somebody has.
        """
        now = self._clock.unix()
        found = await self._database.run(lambda c: logins.invitation(c, digest(self._pepper, claim.token)))
        # Looked at before the password is hashed, so that nobody without a good token can make us hash.
        if found is None or found.used_at is not None or found.expires_at <= now:
            raise _not_good()
        password = checked_password(Secret(claim.password))
        email = "" if found.user else checked_email(claim.email)
        hashed = await self._passwords.hash(password)
        name = claim.name.strip()[:200] or found.name
        new = User(id=short_id("user"), name=name, email=email, role=found.role, created_at=now)

        def work(connection: Connection) -> Opened:
            if not logins.use_invitation(connection, found.id, now):
                raise _not_good()
            user = logins.user(connection, found.user) if found.user else new
            if user is None or user.blocked_at is not None:
                raise _not_good()
            if not found.user:
                if logins.called(connection, user.email) is not None:
                    raise Conflict(
                        "somebody has this e-mail address", hint="use another, or ask an admin for a new password"
                    )
                logins.add_user(connection, user)
            logins.end_sessions(connection, user.id)
            logins.set_password(connection, user.id, hashed, now)
            opened = self._sessions.new(user, agent)
            logins.add_session(connection, opened.session)
            logins.note(
                connection, at=now, by=user.id, through=opened.session.id, action="claim", noun="invitation",
                subject=found.id, after={"user": user.id, "role": user.role.value},
            )  # fmt: skip
            return opened

        opened = await self._database.run(work)
        await self._joined()
        return opened


def view(made: Invitation, token: Secret | None = None) -> InvitationView:
    """An invitation for people."""
    return InvitationView(
        id=made.id,
        user=made.user,
        name=made.name,
        role=made.role,
        by=made.by,
        created_at=made.created_at,
        expires_at=made.expires_at,
        used_at=made.used_at,
        link=None if token is None else PATH + token.reveal(),
    )


def _not_good() -> Forbidden:
    return Forbidden(
        "this link is not good: it was used, has expired, or was taken back",
        hint="ask an admin for another; glowplug invitations create makes one",
        code="invalid_invitation",
    )
