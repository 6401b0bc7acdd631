"""API keys: find, create, list, revoke.  The only place that knows whether a key is good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from hmac import compare_digest

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection

from glowplug.clock import Clock
from glowplug.domain.access import ApiKey, Rights, Role
from glowplug.domain.budget import Scope
from glowplug.domain.change import OURSELVES, Actor
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.ids import new_api_key, short_id
from glowplug.secret import Secret, key_digest
from glowplug.store import keys
from glowplug.store.changes import noted
from glowplug.store.database import Database
from glowplug.usecases.budgets import BudgetBook, NewBudget, checked_name
from glowplug.usecases.catalog import checked_models
from glowplug.usecases.changes import made, updated
from glowplug.usecases.imported import by_foreign_digest, find_unused, unused
from glowplug.usecases.key_changes import (
    KeyChange,
    Rotation,
    changed,
    checked_routes,
    checked_time,
    guest,
    replacement,
    shortened,
)
from glowplug.usecases.key_view import KeyView, view
from glowplug.usecases.limits import checked_amounts
from glowplug.usecases.page import MOST, Page, page
from glowplug.usecases.standing import Standing, standing

_LONGEST_NAME = 200
_MOST_PRIORITY = 100


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new key is asked to be; the body of `POST /admin/keys`."""

    name: str = ""
    role: Role = Role.USER
    models: tuple[str, ...] = ()
    """Models and aliases it may use; empty means all."""
    rpm: int | None = None
    """Requests a minute."""
    rights: Rights = Rights.EVICT
    priority: int = 0
    """Of its requests when models queue for memory, -100 to 100; higher goes first."""
    expires_in: float | None = None
    """Seconds from now."""
    user: str = ""
    """Whom it belongs to."""
    team: str = ""
    tags: tuple[str, ...] = ()
    tpm: int | None = None
    """Tokens a minute."""
    concurrency: int | None = None
    """Requests at the same time."""
    end_users: bool = False
    """Its requests say who is asking, for the records only."""
    cached: bool = False
    """Its answers may come from, and go into, the response cache."""
    log_bodies: bool = False
    """Its requests and answers are kept whole for a time."""
    routes: tuple[str, ...] = ()
    """Endpoints it may use (`/v1/chat/completions`, `/v1/audio/*`); empty means all."""
    budget: str = ""
    """What it may spend, as `20/month`; more can be given to it later."""


def mint(wanted: NewKey, pepper: bytes, now: float) -> tuple[ApiKey, Secret]:
    """A new key and the row that is stored for it.  Raises RequestError for values that make no sense."""
    token = new_api_key()
    key = ApiKey(
        id=short_id("key"),
        name=wanted.name,
        display=shortened(token),
        role=wanted.role,
        models=wanted.models,
        rpm=wanted.rpm,
        rights=wanted.rights,
        priority=wanted.priority,
        created_at=now,
        expires_at=None if wanted.expires_in is None else now + checked_time(wanted.expires_in),
        digest=key_digest(pepper, token.encode()),
        user=wanted.user,
        team=wanted.team,
        tags=wanted.tags,
        tpm=wanted.tpm,
        concurrency=wanted.concurrency,
        end_users=wanted.end_users,
        cached=wanted.cached,
        log_bodies=wanted.log_bodies,
        routes=wanted.routes,
    )
    return checked(key), Secret(token)


def checked(key: ApiKey) -> ApiKey:
    """A key with its values as they are stored.  Raises RequestError for values that make no sense."""
    name = key.name.strip()
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise RequestError(f"the name has {len(name)} characters", hint=f"use at most {_LONGEST_NAME} printable ones")
    checked_amounts(rpm=key.rpm, tpm=key.tpm, concurrency=key.concurrency)
    if abs(key.priority) > _MOST_PRIORITY:
        raise RequestError(
            f"priority is {key.priority}", hint=f"give a whole number from -{_MOST_PRIORITY} to {_MOST_PRIORITY}"
        )
    return msgspec.structs.replace(
        key,
        name=name,
        user=checked_name("user", key.user),
        team=checked_name("team", key.team),
        tags=tuple(dict.fromkeys(tag for name in key.tags if (tag := checked_name("tag", name)))),
        routes=checked_routes(key.routes),
    )


def usable(key: ApiKey, now: float) -> bool:
    """Neither revoked nor expired nor blocked itself; its user and its team are another question."""
    return present(key, now) and key.blocked_at is None


def present(key: ApiKey, now: float) -> bool:
    """Neither revoked nor expired; it may be blocked."""
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)


class KeyBook:
    """All keys in memory, the database behind them.  `changed` is called after every change that workers must know."""

    def __init__(
        self,
        database: Database,
        pepper: bytes,
        clock: Clock,
        changed: Callable[[], None],
        budgets: BudgetBook | None = None,
    ) -> None:
        self._budgets = budgets
        self._database = database
        self._pepper = pepper
        self._clock = clock
        self._changed = changed
        self._keys: dict[str, ApiKey] = {}
        self._by_digest: dict[bytes, ApiKey] = {}
        self._standing: Callable[[ApiKey], Standing] = standing
        self._unused: Mapping[bytes, ApiKey] = {}
        """Keys from elsewhere that were not used yet, by their SHA-256."""
        self.first_used: Callable[[str, bytes], None] = lambda _key, _digest: None
        """Is told which of those was used, and its keyed hash; to give it to `rehash`."""
        self._guest: ApiKey | None = None
        self._change = asyncio.Lock()

    def connect(self, standing: Callable[[ApiKey], Standing]) -> None:
        """Who knows the people and teams that keys belong to."""
        self._standing = standing

    async def load(self) -> None:
        """Read all keys from the database.  Raises StoreError."""
        self._set({key.id: key for key in await self._database.run(keys.every)})

    async def reload(self) -> None:
        """Read them again, because something else has changed them."""
        async with self._change:
            await self.load()
        self._changed()

    def find(self, token: str) -> ApiKey | None:
        """The key with this text, also one that is not good any more, or None."""
        text = token.encode("utf-8", "surrogateescape")
        digest = key_digest(self._pepper, text)
        key = self._by_digest.get(digest)
        if key is None and self._guest is not None and compare_digest(self._guest.digest, digest):
            return self._guest
        if key is None and (key := find_unused(self._unused, text)) is not None:
            self.first_used(key.id, digest)
            return key
        return key if key is not None and compare_digest(key.digest, digest) else None

    def get(self, key_id: str) -> ApiKey:
        """The key with this id.  Raises NotFound."""
        key = self._keys.get(key_id)
        if key is None:
            raise NotFound(f"there is no API key {key_id!r}", hint="glowplug keys list shows the ids")
        return key

    def standing(self, key: ApiKey) -> Standing:
        """What its user and its team make of a key, and whose budgets and usage it goes on with."""
        return self._standing(key)._replace(identity=self.identity(key.id))

    def identity(self, key_id: str) -> str:
        """The id that budgets, limits and usage of a key go by: that of the first key it replaces, else its own."""
        seen = {key_id}
        while (key := self._keys.get(key_id)) is not None and key.replaces and key.replaces not in seen:
            key_id = key.replaces
            seen.add(key_id)
        return key_id

    def every(self) -> tuple[ApiKey, ...]:
        """All of them, oldest first, revoked ones too."""
        return tuple(self._keys.values())

    def usable(self) -> tuple[ApiKey, ...]:
        """Keys that may be used now, oldest first."""
        now = self._clock.unix()
        stored = tuple(key for key in self._keys.values() if usable(key, now) and not self._standing(key).blocked)
        return stored if self._guest is None else (*stored, self._guest)

    def present(self) -> tuple[ApiKey, ...]:
        """Keys that workers know: those that may be used, and those that are blocked, so that the error can say so."""
        now = self._clock.unix()
        stored = tuple(key for key in self._keys.values() if present(key, now))
        return stored if self._guest is None else (*stored, self._guest)

    def of(self, *, user: str = "", team: str = "") -> tuple[ApiKey, ...]:
        """Keys of a user, of a team, or of a user in a team, that are not revoked, oldest first."""
        return tuple(
            key
            for key in self._keys.values()
            if key.revoked_at is None and (not user or key.user == user) and (not team or key.team == team)
        )

    def check_admin_left(self, without: Iterable[str], what: str) -> None:
        """Raises Conflict when no admin key would work any more `without` these ids."""
        gone = frozenset(without)
        admins = [key.id for key in self.usable() if key.role is Role.ADMIN]
        if not gone.isdisjoint(admins) and gone.issuperset(admins):
            raise Conflict(what, hint="create another with --role admin first")

    def welcome(self, secret: Secret | None) -> None:
        """Take an admin key that is not ours for as long as this process runs, in place of the one before.

        Only its keyed hash is kept, in memory.  `changed` is not called.
        """
        digest = key_digest(self._pepper, secret.reveal().encode("utf-8", "surrogateescape")) if secret else b""
        if not digest or digest in self._by_digest:
            self._guest = None
        elif self._guest is None or self._guest.digest != digest:
            self._guest = guest(digest, self._clock.unix())

    def list(self, limit: int = MOST, after: str = "") -> Page[KeyView]:
        """Keys for people, oldest first, revoked ones too."""
        return page([view(key) for key in self._keys.values()], lambda key: key.id, limit, after)

    async def create(
        self, wanted: NewKey, known: frozenset[str], dry_run: bool = False, *, actor: Actor = OURSELVES
    ) -> KeyView:
        """Make a key; its text is in the answer and nowhere else.  `known` are the names of models and aliases."""
        checked_models(wanted.models, known)
        key, secret = mint(wanted, self._pepper, self._clock.unix())
        if wanted.budget:
            await self._give_budget(key, wanted.budget, dry_run, actor)
        if dry_run:
            return view(key, dry_run=True)
        line = made(actor, key.created_at, "key", key.id, key)
        async with self._change:
            await self._database.run(noted(lambda c: keys.add(c, key), line))
            self._set({**self._keys, key.id: key})
        self._changed()
        return view(key, secret)

    async def _give_budget(self, key: ApiKey, budget: str, dry_run: bool, actor: Actor) -> None:
        """Before the key is there, so that it never is without."""
        if self._budgets is None:
            raise RequestError("there are no budgets here", hint="leave the budget out")
        names = {Scope.KEY: frozenset((key.id,))}
        wanted = NewBudget(budget=budget, scope=Scope.KEY, name=key.id)
        await self._budgets.create(wanted, names, dry_run, actor=actor)

    async def update(
        self, key_id: str, wanted: KeyChange, known: frozenset[str], dry_run: bool = False, *, actor: Actor
    ) -> KeyView:
        """Change a key.  Raises RequestError, NotFound, and Conflict where no admin key would work any more."""
        async with self._change:
            old, now = self.get(key_id), self._clock.unix()
            if wanted.models is not UNSET:
                checked_models(wanted.models, known)
            new = checked(changed(old, wanted, now))
            if new.blocked_at is not None:
                self.check_admin_left((key_id,), f"{key_id} is the last admin key that works")
            if dry_run or new == old:
                return view(new, dry_run=dry_run)
            action = "update" if (old.blocked_at is None) == (new.blocked_at is None) else "unblock"
            line = updated(actor, now, "key", key_id, old, new, "block" if new.blocked_at == now else action)
            await self._database.run(noted(lambda c: keys.put(c, new), line))
            self._set({**self._keys, key_id: new})
        self._changed()
        return view(new)

    async def rotate(self, key_id: str, wanted: Rotation, dry_run: bool = False, *, actor: Actor) -> KeyView:
        """Put a new key in the place of one, which is good for a while yet.  Both count towards the same budgets and
        limits, and their usage is one.  Raises RequestError, NotFound, Conflict."""
        async with self._change:
            old, now = self.get(key_id), self._clock.unix()
            by = [key.id for key in self._keys.values() if key.replaces == key_id and key.revoked_at is None]
            if by:
                raise Conflict(f"{key_id} is being replaced by {by[0]} already", hint=f"rotate or revoke {by[0]}")
            new, secret, ending = replacement(old, self._pepper, now, wanted.overlap)
            if dry_run:
                return view(new, dry_run=True)
            lines = (
                made(actor, now, "key", new.id, new, "rotate"),
                updated(actor, now, "key", old.id, old, ending, "rotate"),
            )

            def write(connection: Connection) -> None:
                keys.add(connection, new)
                keys.put(connection, ending)

            await self._database.run(noted(write, *lines))
            self._set({**self._keys, old.id: ending, new.id: new})
        self._changed()
        return view(new, secret)

    async def revoke(self, key_id: str, dry_run: bool = False, *, actor: Actor = OURSELVES) -> KeyView:
        """Stop a key for good.  Revoking it again changes nothing.

        Raises NotFound, and Conflict for the last admin key that works.
        """
        async with self._change:
            key = self.get(key_id)
            if key.revoked_at is not None:
                return view(key, dry_run=dry_run)
            self.check_admin_left((key_id,), f"{key_id} is the last admin key that works")
            (key,) = await self._revoke((key,), dry_run, actor)
        if not dry_run:
            self._changed()
        return view(key, dry_run=dry_run)

    async def revoke_all(self, gone: Iterable[ApiKey], *, actor: Actor) -> None:
        """Stop several keys for good, all at once.  Raises Conflict when no admin key would be left that works."""
        async with self._change:
            going = tuple(now for key in gone if (now := self.get(key.id)).revoked_at is None)
            self.check_admin_left([key.id for key in going], "these are the last admin keys that work")
            await self._revoke(going, False, actor)
        if going:
            self._changed()

    async def _revoke(self, going: tuple[ApiKey, ...], dry_run: bool, actor: Actor) -> tuple[ApiKey, ...]:
        at = self._clock.unix()
        revoked = tuple(msgspec.structs.replace(key, revoked_at=at) for key in going)
        if dry_run or not going:
            return revoked
        lines = [updated(actor, at, "key", old.id, old, new, "revoke") for old, new in zip(going, revoked, strict=True)]

        def write(connection: Connection) -> None:
            for key in going:
                keys.revoke(connection, key.id, at)

        await self._database.run(noted(write, *lines))
        self._set({**self._keys, **{key.id: key for key in revoked}})
        return revoked

    async def used(self, times: Mapping[str, float]) -> None:
        """Note when keys were last used (Unix seconds); ids nobody knows are ignored."""
        async with self._change:
            news = {
                key_id: at
                for key_id, at in times.items()
                if (key := self._keys.get(key_id)) is not None and at > (key.last_used_at or 0.0)
            }
            if not news:
                return
            await self._database.run(lambda c: keys.used(c, news))
            self._set(
                {
                    k: msgspec.structs.replace(key, last_used_at=news[k]) if k in news else key
                    for k, key in self._keys.items()
                }
            )

    async def rehash(self, digests: Mapping[str, bytes]) -> None:
        """Give keys from elsewhere that were used their keyed hashes, by id; others are ignored.  Raises StoreError."""
        async with self._change:
            news = {
                key_id: msgspec.structs.replace(key, digest=digest)
                for key_id, digest in digests.items()
                if (key := self._keys.get(key_id)) is not None and unused(key, self._pepper)
            }
            if not news:
                return
            await self._database.run(lambda c: keys.rehash(c, {key.id: key.digest for key in news.values()}))
            self._set({**self._keys, **news})

    def _set(self, every: dict[str, ApiKey]) -> None:
        self._keys = every
        self._by_digest = {key.digest: key for key in every.values()}
        self._unused = by_foreign_digest(every.values(), self._pepper)
