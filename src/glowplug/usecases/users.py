"""People: find, create, change, block, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import Connection

from glowplug.clock import Clock
from glowplug.domain.budget import Scope
from glowplug.domain.change import Actor
from glowplug.domain.people import User, UserRole
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.ids import short_id
from glowplug.store import logins, teams, users
from glowplug.store.changes import noted
from glowplug.store.database import Database
from glowplug.usecases.budgets import checked_name
from glowplug.usecases.catalog import checked_models
from glowplug.usecases.changes import gone, made, updated
from glowplug.usecases.keys import KeyBook
from glowplug.usecases.page import MOST, Page, page

_LONGEST = 200
_SHOWN = 5
"""Keys that are named when they are in the way."""


class NewUser(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new user is asked to be; the body of `POST /admin/users`."""

    id: str = ""
    """What their keys, budgets and limits call them; one is made where none is given."""
    name: str = ""
    email: str = ""
    role: UserRole = UserRole.MEMBER
    models: tuple[str, ...] = ()
    """Models and aliases that their keys may use at most; empty means all."""


class UserChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be another at a user; the body of `PATCH /admin/users/{id}`.  What is left out stays."""

    name: str | UnsetType = UNSET
    email: str | UnsetType = UNSET
    role: UserRole | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    blocked: bool | UnsetType = UNSET


class UserView(msgspec.Struct, frozen=True, kw_only=True):
    """A user for people."""

    id: str
    name: str
    email: str
    role: UserRole
    models: tuple[str, ...]
    created_at: float
    blocked_at: float | None
    keys: int
    """How many they have that are not revoked."""
    dry_run: bool = False


class UserBook:
    """All users in memory, the database behind them.  `changed` is called after every change that workers must know."""

    def __init__(self, database: Database, clock: Clock, changed: Callable[[], None], keys: KeyBook) -> None:
        self._database = database
        self._clock = clock
        self._changed = changed
        self._keys = keys
        self._users: dict[str, User] = {}
        self._by_email: dict[str, User] = {}
        self._left: list[Callable[[str], None]] = []
        self._change = asyncio.Lock()

    def on_end(self, ended: Callable[[str], None]) -> None:
        """Call this with the id of every user who is blocked or deleted from now on."""
        self._left.append(ended)

    async def load(self) -> None:
        """Read all users from the database.  Raises StoreError."""
        self._set({user.id: user for user in await self._database.run(users.every)})

    async def reload(self) -> None:
        """Read them again, because somebody may have come in by an invitation or an identity provider."""
        async with self._change:
            before = self._users
            await self.load()
            same = before == self._users
        if not same:
            self._changed()

    def find(self, user_id: str) -> User | None:
        """The user with this id, blocked ones too, or None."""
        return self._users.get(user_id)

    def by_email(self, email: str) -> User | None:
        """The user with this address, however it is spelled, blocked ones too, or None."""
        return self._by_email.get(email.strip().lower()) if email.strip() else None

    def get(self, user_id: str) -> User:
        """Raises NotFound."""
        user = self._users.get(user_id)
        if user is None:
            raise NotFound(f"there is no user {user_id[:100]!r}", hint="glowplug users list shows the ids")
        return user

    def every(self) -> tuple[User, ...]:
        """All of them, oldest first."""
        return tuple(self._users.values())

    def view(self, user: User, dry_run: bool = False) -> UserView:
        """A user for people."""
        return UserView(**msgspec.structs.asdict(user), keys=len(self._keys.of(user=user.id)), dry_run=dry_run)

    def list(self, limit: int = MOST, after: str = "") -> Page[UserView]:
        """Users for people, oldest first."""
        chosen = page(self.every(), lambda user: user.id, limit, after)
        return Page(tuple(self.view(user) for user in chosen.data), chosen.has_more, chosen.next)

    async def create(self, wanted: NewUser, known: frozenset[str], dry_run: bool = False, *, actor: Actor) -> UserView:
        """Make a user; keys that were made for this id before are theirs.  `known` are the names of models and aliases.
        Raises RequestError, Conflict."""
        user = User(
            id=checked_id(Scope.USER, wanted.id) or short_id("user"),
            name=checked_title(wanted.name),
            email=_checked_email(wanted.email),
            role=wanted.role,
            models=checked_models(wanted.models, known),
            created_at=self._clock.unix(),
        )
        async with self._change:
            if user.id in self._users:
                raise Conflict(f"there is a user {user.id!r} already", hint="choose another id, or change that user")
            self._check_email(user)
            if not dry_run:
                line = made(actor, user.created_at, "user", user.id, user)
                await self._database.run(noted(lambda c: users.add(c, user), line))
                self._set({**self._users, user.id: user})
        if not dry_run:
            self._changed()
        return self.view(user, dry_run)

    async def update(
        self, user_id: str, wanted: UserChange, known: frozenset[str], dry_run: bool = False, *, actor: Actor
    ) -> UserView:
        """Change a user; blocking ends their sessions.  Raises RequestError, NotFound, and Conflict where the last
        admin key that works is theirs."""
        async with self._change:
            old, now = self.get(user_id), self._clock.unix()
            new = _changed(old, wanted, known, now)
            if new == old:
                return self.view(old, dry_run)
            self._check_email(new)
            blocks = new.blocked_at is not None and old.blocked_at is None
            if blocks:
                theirs = [key.id for key in self._keys.of(user=user_id)]
                self._keys.check_admin_left(theirs, f"the last admin key that works is of the user {user_id!r}")
            if not dry_run:
                line = updated(actor, now, "user", user_id, old, new, action_of(wanted.blocked, old.blocked_at))

                def write(connection: Connection) -> None:
                    users.put(connection, new)
                    if blocks:  # so that none of them is good again when the user is let in again
                        logins.end_sessions(connection, user_id)

                await self._database.run(noted(write, line))
                self._set({**self._users, user_id: new})
        if not dry_run:
            self._tell(user_id if blocks else None)
        return self.view(new, dry_run)

    async def delete(self, user_id: str, dry_run: bool = False, *, with_keys: bool = False, actor: Actor) -> UserView:
        """Forget a user, their teams, their sessions and whatever else lets them in; their budgets and limits go on for
        whoever has the id next.

        Raises NotFound, and Conflict that names their keys, unless those are to be revoked, too.
        """
        async with self._change:
            user = self.get(user_id)
            theirs = self._keys.of(user=user_id)
            check_way(f"the user {user_id!r}", [key.name or key.id for key in theirs], with_keys)
            self._keys.check_admin_left(
                [key.id for key in theirs], f"the last admin key that works is of the user {user_id!r}"
            )
            shown = self.view(user, dry_run)
            if dry_run:
                return shown
            await self._keys.revoke_all(theirs, actor=actor)

            def write(connection: Connection) -> None:
                teams.remove_user(connection, user_id)
                logins.forget(connection, user_id)
                users.remove(connection, user_id)

            await self._database.run(noted(write, gone(actor, self._clock.unix(), "user", user_id, user)))
            self._set({name: one for name, one in self._users.items() if name != user_id})
        self._tell(user_id)
        return shown

    def _tell(self, ended: str | None) -> None:
        if ended is not None:
            for tell in self._left:
                tell(ended)
        self._changed()

    def _check_email(self, user: User) -> None:
        other = self._by_email.get(user.email) if user.email else None
        if other is not None and other.id != user.id:
            raise Conflict(f"{user.email} is the address of {other.id!r}", hint="two users cannot share one")

    def _set(self, every: dict[str, User]) -> None:
        self._users = every
        self._by_email = {user.email: user for user in every.values() if user.email}


def checked_id(scope: Scope, text: str) -> str:
    """The id of a user or a team as it is stored, or empty.  Raises RequestError."""
    name = checked_name(scope, text)
    if "/" in name:
        raise RequestError(f"the {scope} {name[:40]!r} cannot be used", hint="leave the slash out")
    return name


def checked_title(text: str) -> str:
    """What people read as the name.  Raises RequestError."""
    text = text.strip()
    if len(text) > _LONGEST or not text.isprintable():
        raise RequestError(f"the name has {len(text)} characters", hint=f"use at most {_LONGEST} printable ones")
    return text


def action_of(blocked: bool | UnsetType, blocked_at: float | None) -> str:
    """What the audit log calls a change: `block` and `unblock` where it is one."""
    if blocked is UNSET or blocked == (blocked_at is not None):
        return "update"
    return "block" if blocked else "unblock"


def since(blocked: bool | UnsetType, blocked_at: float | None, now: float) -> float | None:
    """Since when something is blocked after it was asked to be, or not to be."""
    if blocked is UNSET:
        return blocked_at
    return (now if blocked_at is None else blocked_at) if blocked else None


def check_way(what: str, names: list[str], with_keys: bool) -> None:
    """Raises Conflict when there are keys and they are not to go with their owner."""
    if not names or with_keys:
        return
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    keys = "key" if len(names) == 1 else "keys"
    raise Conflict(
        f"{what} has {len(names)} API {keys}: {', '.join(names[:_SHOWN])}{more}",
        hint="revoke them or give them to somebody else first, or delete with_keys (--with-keys), which revokes them",
        code="has_keys",
    )


def _changed(old: User, wanted: UserChange, known: frozenset[str], now: float) -> User:
    return msgspec.structs.replace(
        old,
        name=old.name if wanted.name is UNSET else checked_title(wanted.name),
        email=old.email if wanted.email is UNSET else _checked_email(wanted.email),
        role=old.role if wanted.role is UNSET else wanted.role,
        models=old.models if wanted.models is UNSET else checked_models(wanted.models, known),
        blocked_at=since(wanted.blocked, old.blocked_at, now),
    )


def _checked_email(text: str) -> str:
    email = text.strip().lower()
    name, at, host = email.rpartition("@")
    if email and (not name or not at or not host or len(email) > _LONGEST or not email.isprintable() or " " in email):
        raise RequestError(f"{text[:60]!r} is not an address", hint="write it as ann@example.org, or leave it out")
    return email
