"""What whoever asks may see and do for themselves."""

from __future__ import annotations

import msgspec

from glowplug.clock import Clock
from glowplug.domain.access import ApiKey, Role
from glowplug.domain.budget import Scope
from glowplug.domain.caller import Caller
from glowplug.domain.change import Actor
from glowplug.domain.people import Member
from glowplug.errors import Conflict, Forbidden, NotFound
from glowplug.store.usage import By, UsageSum
from glowplug.usecases.budgets import BudgetBook, BudgetView
from glowplug.usecases.key_view import KeyView, view
from glowplug.usecases.keys import KeyBook, NewKey
from glowplug.usecases.standing import covers
from glowplug.usecases.teams import TeamBook
from glowplug.usecases.usage import Usage
from glowplug.usecases.users import UserBook, UserView

MOST_KEYS = 50
"""Keys that somebody may have at a time and still make one for themselves."""


class MyKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /admin/me/keys`: what a key of one's own is asked to be.  The rest is the caller's key's."""

    name: str = ""
    models: tuple[str, ...] | None = None
    """At most those of the caller's key; None: the same."""
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    expires_in: float | None = None
    """Seconds from now; where the caller's key ends, it ends then at the latest."""


class Mine(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asking, and what is theirs."""

    key: KeyView | None
    """The one that asks; None where a session does."""
    role: Role
    """What whoever asks may do here."""
    user: UserView | None
    """None where the key belongs to nobody who is known here."""
    teams: tuple[Member, ...]
    keys: tuple[KeyView, ...]
    """All of the user's that are not revoked; the one that asks where it belongs to nobody."""
    budgets: tuple[BudgetView, ...]
    """Of the user, of the key, and of the key's team; for a session of the user and of all their teams."""
    usage: tuple[UsageSum, ...]
    """By model, of the user, or of the key where it belongs to nobody."""


class Me:
    """Works with the books for one caller at a time; whoever changes something is given as their key."""

    def __init__(
        self,
        keys: KeyBook,
        users: UserBook,
        teams: TeamBook,
        budgets: BudgetBook | None,
        usage: Usage,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._keys = keys
        self._users = users
        self._teams = teams
        self._budgets = budgets
        self._usage = usage

    async def show(self, caller: Caller, since: str = "", until: str = "") -> Mine:
        """Raises RequestError for what is not a day."""
        user, key = self._users.find(caller.user) if caller.user else None, caller.key
        teams = self._teams.teams_of(user.id) if user is not None else ()
        mine = {(Scope.USER, caller.user)}
        only = {"user": caller.user}
        if key is not None:
            identity = self._keys.identity(key.id)
            mine |= {(Scope.KEY, identity), (Scope.TEAM, key.team)}
            only = only if caller.user else {"key": identity}
        else:
            mine |= {(Scope.TEAM, one.team) for one in teams}
        budgets = () if self._budgets is None else self._budgets.list().data
        keys = self._own(key) if key is not None else self._keys.of(user=caller.user)
        return Mine(
            key=None if key is None else view(key),
            role=caller.role,
            user=None if user is None else self._users.view(user),
            teams=teams,
            keys=tuple(view(one) for one in keys),
            budgets=tuple(one for one in budgets if one.name and (one.scope, one.name) in mine),
            usage=(await self._usage.sums((By.MODEL,), since, until, only=only)).data,
        )

    async def create(self, caller: ApiKey, wanted: MyKey, dry_run: bool = False, *, actor: Actor) -> KeyView:
        """Make a key like the caller's, and no wider.  Raises RequestError, Forbidden, Conflict."""
        self._check_may(caller)
        if caller.rpm or caller.tpm or caller.concurrency or self._has_budget(caller):
            raise Forbidden(
                f"the API key {caller.display} has limits of its own, and each further key would have them again",
                hint="ask an admin for a key, or to limit the user instead of the key",
            )
        if len(self._own(caller)) >= MOST_KEYS:
            raise Conflict(f"there are {MOST_KEYS} keys of yours already", hint="revoke one first")
        allowed = self._keys.standing(caller).models
        models = allowed if not wanted.models else wanted.models
        for name in models:
            if allowed and not covers(allowed, name):
                raise Forbidden(f"the API key {caller.display} may not use {name!r}", hint="GET /v1/models lists more")
        left = None if caller.expires_at is None else max(caller.expires_at - self._clock.unix(), 1.0)
        ends = [seconds for seconds in (left, wanted.expires_in) if seconds is not None]
        new = NewKey(
            name=wanted.name,
            role=Role.USER,
            models=models,
            rpm=wanted.rpm,
            tpm=wanted.tpm,
            concurrency=wanted.concurrency,
            expires_in=min(ends) if ends else None,
            rights=caller.rights,
            priority=caller.priority,
            user=caller.user,
            team=caller.team,
            tags=caller.tags,
            routes=caller.routes,
            cached=caller.cached,
            log_bodies=caller.log_bodies,
            end_users=caller.end_users,
        )
        return await self._keys.create(new, frozenset(models), dry_run, actor=actor)

    async def revoke(self, caller: ApiKey, key_id: str, dry_run: bool = False, *, actor: Actor) -> KeyView:
        """Stop a key of one's own.  Raises NotFound for everybody else's, Forbidden."""
        self._check_may(caller)
        if all(key.id != key_id or key.role is not Role.USER for key in self._own(caller)):
            raise NotFound(f"there is no API key {key_id[:100]!r} of yours", hint="GET /admin/me shows which there are")
        return await self._keys.revoke(key_id, dry_run, actor=actor)

    def _own(self, caller: ApiKey) -> tuple[ApiKey, ...]:
        return self._keys.of(user=caller.user) if caller.user else (caller,)

    def _has_budget(self, caller: ApiKey) -> bool:
        identity = self._keys.identity(caller.id)
        every = () if self._budgets is None else self._budgets.every()
        return any(one.scope is Scope.KEY and one.name == identity for one in every)

    def _check_may(self, caller: ApiKey) -> None:
        if caller.role is Role.VIEWER:
            raise Forbidden(f"the API key {caller.display} may look and change nothing", hint="use another key")
        if not caller.user or self._users.find(caller.user) is None:
            raise Forbidden(
                f"the API key {caller.display} belongs to nobody who is known here",
                hint="an admin adds a person: glowplug users create",
            )
