"""What managers of a team may see and do there: who is in it, its keys, its usage; and nothing else.

A key that a manager makes belongs to the team, and to nobody, to the manager, or to another member.  Whoever has a key
with a user's name is that user here, so one for another member is for models only (`FOR_MODELS`): with all endpoints it
would make its maker them.
"""

from __future__ import annotations

import msgspec

from glowplug.clock import Clock
from glowplug.domain.access import FOR_MODELS, ApiKey, Rights, Role
from glowplug.domain.budget import Scope
from glowplug.domain.caller import Caller
from glowplug.domain.change import Actor
from glowplug.domain.people import Team
from glowplug.errors import Conflict, Forbidden, NotFound, RequestError
from glowplug.store.usage import By, UsageSum
from glowplug.usecases.budgets import BudgetBook, BudgetView
from glowplug.usecases.key_changes import KeyChange, Rotation
from glowplug.usecases.key_view import KeyView, view
from glowplug.usecases.keys import KeyBook, NewKey
from glowplug.usecases.page import MOST, Page
from glowplug.usecases.standing import covers
from glowplug.usecases.teams import MemberView, NewMember, TeamBook, TeamView
from glowplug.usecases.usage import Usage

MOST_KEYS = 500
"""Keys that a team may have at a time and its managers still make one."""


class TeamKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /admin/me/teams/{id}/keys`: what a key of the team is asked to be."""

    name: str = ""
    mine: bool = False
    """It belongs to whoever asks, too; otherwise to the team alone, or to `user`."""
    user: str = ""
    """A member whom it belongs to, too; unless that is who asks, it may use models and nothing else."""
    models: tuple[str, ...] = ()
    """At most those of the team; empty: all of those."""
    rpm: int | None = None
    tpm: int | None = None
    concurrency: int | None = None
    expires_in: float | None = None
    """Seconds from now; where a key asks that ends, it ends then at the latest."""
    budget: str = ""
    """What it may spend, as `20/month`, within what the team may."""


class TeamKeyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `PATCH /admin/me/teams/{id}/keys/{key}`."""

    blocked: bool


class ManagedTeam(msgspec.Struct, frozen=True, kw_only=True):
    """A team for those who manage it."""

    team: TeamView
    members: tuple[MemberView, ...]
    keys: tuple[KeyView, ...]
    """Those that are not revoked."""
    budgets: tuple[BudgetView, ...]


class Managing:
    """Works with the books for one caller at a time; whoever does not manage the team is refused by each of them."""

    def __init__(self, keys: KeyBook, teams: TeamBook, budgets: BudgetBook | None, usage: Usage, clock: Clock) -> None:
        self._clock = clock
        self._keys = keys
        self._teams = teams
        self._budgets = budgets
        self._usage = usage

    def check(self, caller: Caller, team_id: str) -> None:
        """Whether they manage it at all, to be asked before anything is read of them.  Raises Forbidden."""
        self._managed(caller, team_id)

    def show(self, caller: Caller, team_id: str) -> ManagedTeam:
        """Raises Forbidden."""
        team = self._managed(caller, team_id)
        budgets = () if self._budgets is None else self._budgets.list().data
        return ManagedTeam(
            team=self._teams.view(team),
            members=self._teams.members(team.id).data,
            keys=tuple(view(key) for key in self._keys.of(team=team.id)),
            budgets=tuple(one for one in budgets if (one.scope, one.name) == (Scope.TEAM, team.id)),
        )

    async def usage(
        self, caller: Caller, team_id: str, by: tuple[By, ...], since: str = "", until: str = "",
        limit: int = MOST, after: str = "",
    ) -> Page[UsageSum]:  # fmt: skip
        """What the team used.  Raises Forbidden, RequestError for what is not a day."""
        team = self._managed(caller, team_id)
        return await self._usage.sums(by, since, until, limit, after, only={"team": team.id})

    # ---- who is in it

    async def put_member(
        self, caller: Caller, team_id: str, wanted: NewMember, dry_run: bool = False, *, actor: Actor
    ) -> MemberView:
        """Put a user into the team, or say anew whether they manage it.  Raises Forbidden, NotFound."""
        team = self._changeable(caller, team_id)
        return await self._teams.put_member(team.id, wanted, dry_run, actor=actor)

    async def remove_member(
        self, caller: Caller, team_id: str, user_id: str, dry_run: bool = False, *, actor: Actor
    ) -> MemberView:
        """Take a user out of the team.  Raises Forbidden, NotFound."""
        team = self._changeable(caller, team_id)
        return await self._teams.remove_member(team.id, user_id, dry_run, actor=actor)

    # ---- its keys

    async def create(
        self, caller: Caller, team_id: str, wanted: TeamKey, dry_run: bool = False, *, actor: Actor
    ) -> KeyView:
        """Make a key of the team, with the rights to memory that keys have by default; asked by a key, with that one's,
        and it ends with it.

        Raises Forbidden, also for a model that the team has not, NotFound for a user who is no member, RequestError,
        Conflict.
        """
        team = self._changeable(caller, team_id)
        user = self._owner(caller, team, wanted)
        if len(self._keys.of(team=team.id)) >= MOST_KEYS:
            raise Conflict(f"the team {team.id!r} has {MOST_KEYS} keys already", hint="revoke one first")
        for name in wanted.models:
            if team.models and not covers(team.models, name):
                raise Forbidden(
                    f"the team {team.id!r} may not use {name!r}", hint="its list of models is an admin's to change"
                )
        own = caller.key
        left = None if own is None or own.expires_at is None else max(own.expires_at - self._clock.unix(), 1.0)
        ends = [seconds for seconds in (left, wanted.expires_in) if seconds is not None]
        new = NewKey(
            name=wanted.name,
            models=wanted.models,
            rpm=wanted.rpm,
            tpm=wanted.tpm,
            concurrency=wanted.concurrency,
            expires_in=min(ends) if ends else None,
            rights=Rights.EVICT if own is None else own.rights,
            priority=0 if own is None else min(own.priority, 0),
            user=user,
            team=team.id,
            tags=self._tags(team, user),
            routes=FOR_MODELS if user not in ("", caller.user) else (),
            budget=wanted.budget,
        )
        return await self._keys.create(new, frozenset(wanted.models), dry_run, actor=actor)

    async def block(
        self, caller: Caller, team_id: str, key_id: str, wanted: TeamKeyChange, dry_run: bool = False, *, actor: Actor
    ) -> KeyView:
        """Refuse a key of the team, or let it in again.  Raises Forbidden, NotFound."""
        key = self._key(self._changeable(caller, team_id), key_id)
        change = KeyChange(blocked=wanted.blocked)
        return await self._keys.update(key.id, change, frozenset(), dry_run, actor=actor)

    async def rotate(
        self, caller: Caller, team_id: str, key_id: str, wanted: Rotation, dry_run: bool = False, *, actor: Actor
    ) -> KeyView:
        """Put a new key in the place of one of the team's.  Raises Forbidden for one that belongs to somebody else,
        NotFound, RequestError, Conflict."""
        key = self._key(self._changeable(caller, team_id), key_id)
        if key.user not in ("", caller.user) and key.routes != FOR_MODELS:
            raise Forbidden(
                f"{key.id} belongs to the user {key.user!r}, and whoever has its text is that user here",
                hint="block or revoke it; an admin can replace it",
            )
        return await self._keys.rotate(key.id, wanted, dry_run, actor=actor)

    async def revoke(
        self, caller: Caller, team_id: str, key_id: str, dry_run: bool = False, *, actor: Actor
    ) -> KeyView:
        """Stop a key of the team for good.  Raises Forbidden, NotFound."""
        key = self._key(self._changeable(caller, team_id), key_id)
        return await self._keys.revoke(key.id, dry_run, actor=actor)

    # ---- who may

    def _managed(self, caller: Caller, team_id: str) -> Team:
        """The team, for one who manages it.  Others are not told whether there is one.  Raises Forbidden."""
        team, member = self._teams.find(team_id), self._teams.member(team_id, caller.user) if caller.user else None
        if team is None or member is None or not member.manager:
            raise Forbidden(
                f"you do not manage a team {team_id[:100]!r}",
                hint="an admin names managers: glowplug teams add TEAM USER --manager",
                code="not_manager",
            )
        if caller.key is not None and (why := self._narrow(caller.key, team)):
            raise Forbidden(
                f"the API key {caller.key.display} {why}, so it does not act for whoever manages {team.id!r}",
                hint="log in, or use a key of yours without limits",
                code="not_manager",
            )
        return team

    def _changeable(self, caller: Caller, team_id: str) -> Team:
        team = self._managed(caller, team_id)
        if caller.role is Role.VIEWER:
            raise Forbidden("you may look and change nothing", hint="ask an admin for another role")
        if team.blocked_at is not None:
            raise Forbidden(f"the team {team.id!r} is blocked", hint="an admin can let it in again", code="blocked")
        return team

    def _narrow(self, key: ApiKey, team: Team) -> str:
        """What a key was not given of what its person may do; empty when nothing narrows it."""
        if key.team not in ("", team.id):
            return f"is of the team {key.team!r}"
        identity = self._keys.identity(key.id)
        budgets = () if self._budgets is None else self._budgets.every()
        limited = key.models or key.routes or key.rpm or key.tpm or key.concurrency
        if limited or any(one.scope is Scope.KEY and one.name == identity for one in budgets):
            return "has limits of its own"
        return ""

    def _key(self, team: Team, key_id: str) -> ApiKey:
        """A key of the team that can do no more than use models.  Raises NotFound."""
        for key in self._keys.of(team=team.id):
            if key.id == key_id and key.role is Role.USER:
                return key
        raise NotFound(
            f"the team {team.id!r} has no API key {key_id[:100]!r} for using models",
            hint=f"GET /admin/me/teams/{team.id} shows which there are",
        )

    def _owner(self, caller: Caller, team: Team, wanted: TeamKey) -> str:
        """Whom a new key belongs to; empty for nobody.  Raises RequestError, NotFound."""
        if not wanted.mine:
            user = wanted.user
        elif wanted.user in ("", caller.user):
            user = caller.user
        else:
            raise RequestError(f"it cannot be yours and {wanted.user!r}'s", hint="leave one of the two out")
        if user and self._teams.member(team.id, user) is None:
            raise NotFound(
                f"the team {team.id!r} has no member {user[:100]!r}",
                hint=f"put them into it: glowplug manage add {team.id} USER",
            )
        return user

    def _tags(self, team: Team, user: str) -> tuple[str, ...]:
        """Tags with which a new key counts towards what the team's other keys, and those of its user, count towards."""
        found = [tag for key in self._keys.of(team=team.id) for tag in key.tags if tag.startswith("org:")]
        member = f"member:{team.id}/{user}"
        budgets = () if self._budgets is None else self._budgets.every()
        if user and any(one.scope is Scope.TAG and one.name == member for one in budgets):
            found.append(member)
        return tuple(dict.fromkeys(found))
