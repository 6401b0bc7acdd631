"""API keys: find, create, list, revoke.  The only place that knows whether a key is good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from hmac import compare_digest

import msgspec

from glowplug.clock import Clock
from glowplug.domain.access import ApiKey, Rights, Role
from glowplug.domain.budget import Scope
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.ids import new_api_key, short_id
from glowplug.secret import Secret, key_digest
from glowplug.store import keys
from glowplug.store.database import Database
from glowplug.usecases.budgets import BudgetBook, NewBudget, checked_name
from glowplug.usecases.limits import checked_amounts
from glowplug.usecases.page import MOST, Page, page

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
    cached: bool = False
    """Its answers may come from, and go into, the response cache."""
    log_bodies: bool = False
    """Its requests and answers are kept whole for a time."""
    """Its requests say who is asking, for the records only."""
    budget: str = ""
    """What it may spend, as `20/month`; more can be given to it later."""


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """A stored key for people: everything but its hash."""

    id: str
    name: str
    display: str
    role: Role
    models: tuple[str, ...]
    rpm: int | None
    rights: Rights
    priority: int
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    last_used_at: float | None
    user: str
    team: str
    tags: tuple[str, ...]
    tpm: int | None
    concurrency: int | None
    end_users: bool
    cached: bool
    log_bodies: bool
    key: str | None = None
    """The key itself, in the answer to its creation and never again."""
    dry_run: bool = False


def view(key: ApiKey, secret: Secret | None = None, dry_run: bool = False) -> KeyView:
    """A key for people."""
    return KeyView(
        id=key.id,
        name=key.name,
        display=key.display,
        role=key.role,
        models=key.models,
        rpm=key.rpm,
        rights=key.rights,
        priority=key.priority,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        last_used_at=key.last_used_at,
        user=key.user,
        team=key.team,
        tags=key.tags,
        tpm=key.tpm,
        concurrency=key.concurrency,
        end_users=key.end_users,
        cached=key.cached,
        log_bodies=key.log_bodies,
        key=secret.reveal() if secret else None,
        dry_run=dry_run,
    )


def mint(wanted: NewKey, pepper: bytes, now: float) -> tuple[ApiKey, Secret]:
    """A new key and the row that is stored for it.  Raises RequestError for values that make no sense."""
    name = wanted.name.strip()
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise RequestError(f"the name has {len(name)} characters", hint=f"use at most {_LONGEST_NAME} printable ones")
    checked_amounts(rpm=wanted.rpm, tpm=wanted.tpm, concurrency=wanted.concurrency)
    if abs(wanted.priority) > _MOST_PRIORITY:
        raise RequestError(
            f"priority is {wanted.priority}", hint=f"give a whole number from -{_MOST_PRIORITY} to {_MOST_PRIORITY}"
        )
    if wanted.expires_in is not None and not 0 < wanted.expires_in < float("inf"):
        raise RequestError(f"expires_in is {wanted.expires_in}", hint="give seconds from now, or leave it out")
    token = new_api_key()
    key = ApiKey(
        id=short_id("key"),
        name=name,
        display=f"{token[:10]}…{token[-4:]}",
        role=wanted.role,
        models=wanted.models,
        rpm=wanted.rpm,
        rights=wanted.rights,
        priority=wanted.priority,
        created_at=now,
        expires_at=None if wanted.expires_in is None else now + wanted.expires_in,
        digest=key_digest(pepper, token.encode()),
        user=checked_name("user", wanted.user),
        team=checked_name("team", wanted.team),
        tags=tuple(dict.fromkeys(tag for name in wanted.tags if (tag := checked_name("tag", name)))),
        tpm=wanted.tpm,
        concurrency=wanted.concurrency,
        end_users=wanted.end_users,
        cached=wanted.cached,
        log_bodies=wanted.log_bodies,
    )
    return key, Secret(token)


def _known(name: str, names: frozenset[str]) -> bool:
    """Whether a model or alias has this name, or one that a `*` at the end of either stands for."""
    if name in names or any(other.endswith("*") and name.startswith(other[:-1]) for other in names):
        return True
    return name.endswith("*") and any(other.startswith(name[:-1]) for other in names)


def usable(key: ApiKey, now: float) -> bool:
    """Neither revoked nor expired."""
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
        self._change = asyncio.Lock()

    async def load(self) -> None:
        """Read all keys from the database.  Raises StoreError."""
        self._set({key.id: key for key in await self._database.run(keys.every)})

    async def reload(self) -> None:
        """Read them again, because something else has changed them."""
        async with self._change:
            await self.load()
        self._changed()

    def find(self, token: str) -> ApiKey | None:
        """The key with this text, revoked and expired ones too, or None."""
        digest = key_digest(self._pepper, token.encode("utf-8", "surrogateescape"))
        key = self._by_digest.get(digest)
        return key if key is not None and compare_digest(key.digest, digest) else None

    def usable(self) -> tuple[ApiKey, ...]:
        """Keys that may be used now, oldest first."""
        now = self._clock.unix()
        return tuple(key for key in self._keys.values() if usable(key, now))

    def list(self, limit: int = MOST, after: str = "") -> Page[KeyView]:
        """Keys for people, oldest first, revoked ones too."""
        return page([view(key) for key in self._keys.values()], lambda key: key.id, limit, after)

    async def create(self, wanted: NewKey, known: frozenset[str], dry_run: bool = False) -> KeyView:
        """Make a key; its text is in the answer and nowhere else.  `known` are the names of models and aliases."""
        unknown = [name for name in wanted.models if not _known(name, known)]
        if unknown:
            raise RequestError(
                f"there is no model or alias {unknown[0]!r}",
                hint=f"there are {', '.join(sorted(known)[:20]) or 'none'}",
            )
        key, secret = mint(wanted, self._pepper, self._clock.unix())
        if wanted.budget:
            await self._give_budget(key, wanted.budget, dry_run)
        if dry_run:
            return view(key, dry_run=True)
        async with self._change:
            await self._database.run(lambda c: keys.add(c, key))
            self._set({**self._keys, key.id: key})
        self._changed()
        return view(key, secret)

    async def _give_budget(self, key: ApiKey, budget: str, dry_run: bool) -> None:
        """Before the key is there, so that it never is without."""
        if self._budgets is None:
            raise RequestError("there are no budgets here", hint="leave the budget out")
        names = {Scope.KEY: frozenset((key.id,))}
        await self._budgets.create(NewBudget(budget=budget, scope=Scope.KEY, name=key.id), names, dry_run)

    async def revoke(self, key_id: str, dry_run: bool = False) -> KeyView:
        """Stop a key for good.  Revoking it again changes nothing.

        Raises NotFound, and Conflict for the last admin key that works.
        """
        async with self._change:
            key = self._keys.get(key_id)
            if key is None:
                raise NotFound(f"there is no API key {key_id!r}", hint="glowplug keys list shows the ids")
            if key.revoked_at is not None:
                return view(key, dry_run=dry_run)
            if key.role is Role.ADMIN and not any(k.role is Role.ADMIN and k.id != key_id for k in self.usable()):
                raise Conflict(
                    f"{key_id} is the last admin key that works", hint="create another with --role admin first"
                )
            key = msgspec.structs.replace(key, revoked_at=self._clock.unix())
            if dry_run:
                return view(key, dry_run=True)
            at = key.revoked_at or 0.0
            await self._database.run(lambda c: keys.revoke(c, key_id, at))
            self._set({**self._keys, key_id: key})
        self._changed()
        return view(key)

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

    def _set(self, every: dict[str, ApiKey]) -> None:
        self._keys = every
        self._by_digest = {key.digest: key for key in every.values()}
