"""Logging in with a password, and out again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec
from sqlalchemy import Connection

from glowplug.clock import Clock
from glowplug.domain.access import ApiKey
from glowplug.domain.caller import Caller
from glowplug.domain.people import User, UserRole
from glowplug.errors import Forbidden, LimitReached, NotFound, Unauthenticated
from glowplug.secret import Secret
from glowplug.store import logins
from glowplug.store.database import Database
from glowplug.usecases.invitations import Invitations, nobody_asks
from glowplug.usecases.passwords import LONGEST, Passwords, checked_password
from glowplug.usecases.sessions import Opened, Sessions
from glowplug.usecases.tries import Tries

_WINDOW = 900.0
"""Seconds."""
_PER_ADDRESS = 30
_PER_USER = 10
"""Failed logins within the window."""
_KEY_NAME = "admin"
"""Whom a login with a key counts for."""


class Login(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /auth/login`."""

    user: str
    """E-mail address or id."""
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user!r}, ***)"


class NewPassword(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /admin/me/password`."""

    current: str
    password: str
    """The new one."""

    def __repr__(self) -> str:
        return "NewPassword(***)"


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """Who is logged in."""

    id: str
    name: str
    email: str
    role: UserRole
    session: str
    expires_at: float | None = None
    csrf: str
    """For the header `x-glowplug-csrf` of every request that changes something."""


def me(opened: Opened) -> Me:
    """Who just got in."""
    user = opened.user
    return Me(
        id=user.id, name=user.name, email=user.email, role=user.role, session=opened.session.id,
        expires_at=opened.session.expires_at, csrf=opened.csrf,
    )  # fmt: skip


class LoginBook:
    """Everything about getting in.  `joined` is awaited when there may be a new user, or one with another role."""

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        clock: Clock,
        passwords: Passwords | None = None,
        joined: Callable[[], Awaitable[None]] = nobody_asks,
    ) -> None:
        self.joined = joined
        self._database = database
        self._clock = clock
        self._passwords = passwords or Passwords()
        self._addresses = Tries(_PER_ADDRESS, _WINDOW)
        self._users = Tries(_PER_USER, _WINDOW)
        self.sessions = Sessions(database, pepper, clock)
        self.invitations = Invitations(database, pepper, clock, self._passwords, self.sessions, joined)

    async def login(self, asked: Login, address: str, agent: str) -> Opened:
        """A new session.  Raises Unauthenticated, and LimitReached after too many failures of a user or an address.

        An unknown user is answered in the same words, in the same time.
        """
        name = asked.user.strip()

        def called(connection: Connection) -> User | None:
            return logins.called(connection, name) if name else None

        password = Secret(asked.password)
        user, stored = await self._prove(name, called, password, address, "the user or the password is wrong")
        hashed = await self._passwords.hash(password) if self._passwords.outdated(stored) else None
        return await self.open(user, agent, "password", stored, hashed)

    async def login_with_key(self, key: ApiKey, address: str, agent: str) -> Opened:
        """A new session of the admin whose admin key somebody has, which is good.  It counts as a try like any other.

        Raises Forbidden for a key that is no admin's: a session is a person's, and there is none without a name.
        Raises LimitReached.
        """
        network = source(address)
        self._may_try(_KEY_NAME, network)
        user = await self._database.run(lambda c: logins.user(c, key.user)) if key.user else None
        self._users.forgive(_KEY_NAME)
        self._addresses.forgive(network)
        if user is None or user.blocked_at is not None or user.role is not UserRole.ADMIN:
            raise Forbidden(
                f"the API key {key.display} belongs to no admin, and a session is a person's",
                hint=f"give it to one: glowplug keys update {key.id} --user USER; or log in by an invitation: glowplug "
                "invitations create NAME --role admin",
                code="key_of_nobody",
            )
        return await self.open(user, agent, "key")

    async def open(
        self, user: User, agent: str, how: str, stored: str | None = None, hashed: str | None = None
    ) -> Opened:
        """A new session of somebody who proved who they are.  `stored` is the hash it was proved with, `hashed` what
        takes its place.  Raises Unauthenticated when either changed meanwhile."""
        now = self._clock.unix()

        def work(connection: Connection) -> Opened:
            there = logins.user(connection, user.id)
            changed = stored is not None and logins.password(connection, user.id) != stored
            if there is None or there.blocked_at is not None or changed:
                raise Unauthenticated("the user or the password is wrong", hint="try again", code="wrong_password")
            if hashed is not None:
                logins.set_password(connection, user.id, hashed, now)
            opened = self.sessions.new(there, agent)
            logins.add_session(connection, opened.session)
            logins.note(
                connection, at=now, by=user.id, through=opened.session.id, action="login", noun="user",
                subject=user.id, after={"how": how},
            )  # fmt: skip
            return opened

        return await self._database.run(work)

    async def me(self, user_id: str, session: str, csrf: str) -> Me:
        """Who has this session.  Raises NotFound when they were deleted this moment."""
        user = await self._database.run(lambda c: logins.user(c, user_id))
        if user is None:
            raise NotFound("this user is gone", hint="log in again")
        return Me(id=user.id, name=user.name, email=user.email, role=user.role, session=session, csrf=csrf)

    async def change_password(self, caller: Caller, asked: NewPassword, address: str) -> None:
        """Another password for whoever asks and knows theirs; all their other sessions end.

        Raises RequestError for a new one that is too short or long, Unauthenticated for a wrong current one or a caller
        without a password, and LimitReached as `login` does.
        """
        new = checked_password(Secret(asked.password))
        user_id, current = caller.user, Secret(asked.current)
        _, stored = await self._prove(
            user_id, lambda c: logins.user(c, user_id), current, address, "the current password is wrong"
        )
        hashed, now = await self._passwords.hash(new), self._clock.unix()

        def work(connection: Connection) -> None:
            if logins.password(connection, user_id) != stored:
                raise Unauthenticated("the current password is wrong", hint="try again", code="wrong_password")
            logins.set_password(connection, user_id, hashed, now)
            logins.end_sessions(connection, user_id, caller.session)
            logins.note(
                connection, at=now, by=caller.by, through=caller.through, action="password", noun="user",
                subject=user_id,
            )  # fmt: skip

        await self._database.run(work)

    async def _prove(
        self, name: str, find: Callable[[Connection], User | None], password: Secret, address: str, wrong: str
    ) -> tuple[User, str]:
        """The user whose password this is, with its hash; a try of `name` and of the address.

        Raises LimitReached, and Unauthenticated with `wrong`, after the same time whether there is such a user or not.
        """
        name, network = name.lower()[:255], source(address)
        self._may_try(name, network)
        if len(password.reveal()) > LONGEST:
            password = Secret("")

        def look(connection: Connection) -> tuple[User | None, str | None]:
            user = find(connection)
            return user, None if user is None else logins.password(connection, user.id)

        user, stored = await self._database.run(look)
        good = await self._passwords.check(password, stored)
        if user is None or not good or user.blocked_at is not None or stored is None:
            await self._failed(user, address)
            raise Unauthenticated(wrong, hint="try again", code="wrong_password")
        self._users.forgive(name)
        self._addresses.forgive(network)
        return user, stored

    def _may_try(self, name: str, network: str) -> None:
        now = self._clock.monotonic()
        wait = max(self._addresses.wait(network, now), self._users.wait(name, now))
        if wait > 0:
            raise LimitReached(
                "too many logins failed", hint=f"try again in {wait:.0f} seconds", code="login_limit", retry_after=wait
            )
        self._addresses.begin(network, now)
        self._users.begin(name, now)

    async def _failed(self, user: User | None, address: str) -> None:
        """What was typed is not written down: people type passwords into the wrong field."""
        now = self._clock.unix()
        subject = "" if user is None else user.id
        await self._database.run(
            lambda c: logins.note(
                c,
                at=now,
                by="",
                through="",
                action="login_failed",
                noun="user",
                subject=subject,
                after={"address": address},
            )
        )


def source(address: str) -> str:
    """What an address is limited as: itself, or the network of 64 bits that one IPv6 subscriber has."""
    if ":" not in address:
        return address
    from ipaddress import IPv6Address, ip_network

    try:
        found = IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))
