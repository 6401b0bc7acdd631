"""Teams and who is in them: find, create, change, block, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from msgspec import UNSET, UnsetType

from glowplug.clock import Clock
from glowplug.domain.budget import Scope
from glowplug.domain.change import Actor
from glowplug.domain.people import Member, Team
from glowplug.errors import Conflict, NotFound
from glowplug.ids import short_id
from glowplug.store import teams
from glowplug.store.changes import noted
from glowplug.store.database import Database
from glowplug.usecases.catalog import checked_models
from glowplug.usecases.changes import gone, made, updated
from glowplug.usecases.keys import KeyBook
from glowplug.usecases.page import MOST, Page, page
from glowplug.usecases.users import UserBook, action_of, check_way, checked_id, checked_title, since


class NewTeam(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a new team is asked to be; the body of `POST /admin/teams`."""

    id: str = ""
    """What its keys, budgets and limits call it; one is made where none is given."""
    name: str = ""
    models: tuple[str, ...] = ()
    """Models and aliases that its keys may use at most; empty means all."""


class TeamChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be another at a team; the body of `PATCH /admin/teams/{id}`.  What is left out stays."""

    name: str | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    blocked: bool | UnsetType = UNSET


class NewMember(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody in a team; the body of `PUT /admin/teams/{id}/members`."""

    user: str
    manager: bool = False
    """May add people to the team and make keys for it."""


class TeamView(msgspec.Struct, frozen=True, kw_only=True):
    """A team for people."""

    id: str
    name: str
    models: tuple[str, ...]
    created_at: float
    blocked_at: float | None
    keys: int
    """How many it has that are not revoked."""
    members: int
    dry_run: bool = False


class MemberView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in a team, for people."""

    team: str
    user: str
    name: str
    """Of the user."""
    manager: bool
    since: float
    dry_run: bool = False


class TeamBook:
    """All teams in memory, the database behind them.  `changed` is called after every change that workers must know."""

    def __init__(
        self, database: Database, clock: Clock, changed: Callable[[], None], keys: KeyBook, users: UserBook
    ) -> None:
        self._database = database
        self._clock = clock
        self._changed = changed
        self._keys = keys
        self._users = users
        self._teams: dict[str, Team] = {}
        self._members: dict[tuple[str, str], Member] = {}
        self._change = asyncio.Lock()
        users.on_end(self._ended)

    async def load(self) -> None:
        """Read all teams from the database.  Raises StoreError."""
        self._teams = {team.id: team for team in await self._database.run(teams.every)}
        self._members = {(one.team, one.user): one for one in await self._database.run(teams.every_member)}

    def find(self, team_id: str) -> Team | None:
        """The team with this id, blocked ones too, or None."""
        return self._teams.get(team_id)

    def get(self, team_id: str) -> Team:
        """Raises NotFound."""
        team = self._teams.get(team_id)
        if team is None:
            raise NotFound(f"there is no team {team_id[:100]!r}", hint="glowplug teams list shows the ids")
        return team

    def every(self) -> tuple[Team, ...]:
        """All of them, oldest first."""
        return tuple(self._teams.values())

    def member(self, team_id: str, user_id: str) -> Member | None:
        """Somebody in a team, or None when they are not in it."""
        return self._members.get((team_id, user_id))

    def teams_of(self, user_id: str) -> tuple[Member, ...]:
        """Where a user is a member."""
        return tuple(one for one in self._members.values() if one.user == user_id)

    def view(self, team: Team, dry_run: bool = False) -> TeamView:
        """A team for people."""
        return TeamView(
            **msgspec.structs.asdict(team),
            keys=len(self._keys.of(team=team.id)),
            members=sum(one.team == team.id for one in self._members.values()),
            dry_run=dry_run,
        )

    def list(self, limit: int = MOST, after: str = "") -> Page[TeamView]:
        """Teams for people, oldest first."""
        chosen = page(self.every(), lambda team: team.id, limit, after)
        return Page(tuple(self.view(team) for team in chosen.data), chosen.has_more, chosen.next)

    async def create(self, wanted: NewTeam, known: frozenset[str], dry_run: bool = False, *, actor: Actor) -> TeamView:
        """Make a team; keys that were made for this id before are its.  `known` are the names of models and aliases.
        Raises RequestError, Conflict."""
        team = Team(
            id=checked_id(Scope.TEAM, wanted.id) or short_id("team"),
            name=checked_title(wanted.name),
            models=checked_models(wanted.models, known),
            created_at=self._clock.unix(),
        )
        async with self._change:
            if team.id in self._teams:
                raise Conflict(f"there is a team {team.id!r} already", hint="choose another id, or change that team")
            if not dry_run:
                line = made(actor, team.created_at, "team", team.id, team)
                await self._database.run(noted(lambda c: teams.add(c, team), line))
                self._teams = {**self._teams, team.id: team}
        if not dry_run:
            self._changed()
        return self.view(team, dry_run)

    async def update(
        self, team_id: str, wanted: TeamChange, known: frozenset[str], dry_run: bool = False, *, actor: Actor
    ) -> TeamView:
        """Change a team.  Raises RequestError, NotFound, and Conflict where the last admin key that works is its."""
        async with self._change:
            old, now = self.get(team_id), self._clock.unix()
            new = msgspec.structs.replace(
                old,
                name=old.name if wanted.name is UNSET else checked_title(wanted.name),
                models=old.models if wanted.models is UNSET else checked_models(wanted.models, known),
                blocked_at=since(wanted.blocked, old.blocked_at, now),
            )
            if new == old:
                return self.view(old, dry_run)
            if new.blocked_at is not None and old.blocked_at is None:
                its = [key.id for key in self._keys.of(team=team_id)]
                self._keys.check_admin_left(its, f"the last admin key that works is of the team {team_id!r}")
            if not dry_run:
                line = updated(actor, now, "team", team_id, old, new, action_of(wanted.blocked, old.blocked_at))
                await self._database.run(noted(lambda c: teams.put(c, new), line))
                self._teams = {**self._teams, team_id: new}
        if not dry_run:
            self._changed()
        return self.view(new, dry_run)

    async def delete(self, team_id: str, dry_run: bool = False, *, with_keys: bool = False, actor: Actor) -> TeamView:
        """Forget a team and who was in it; its budgets and limits go on for what has the id next.

        Raises NotFound, and Conflict that names its keys, unless those are to be revoked, too.
        """
        async with self._change:
            team = self.get(team_id)
            its = self._keys.of(team=team_id)
            check_way(f"the team {team_id!r}", [key.name or key.id for key in its], with_keys)
            last = f"the last admin key that works is of the team {team_id!r}"
            self._keys.check_admin_left([key.id for key in its], last)
            shown = self.view(team, dry_run)
            if dry_run:
                return shown
            await self._keys.revoke_all(its, actor=actor)
            line = gone(actor, self._clock.unix(), "team", team_id, team)
            await self._database.run(noted(lambda c: teams.remove(c, team_id), line))
            self._teams = {name: one for name, one in self._teams.items() if name != team_id}
            self._members = {which: one for which, one in self._members.items() if one.team != team_id}
        self._changed()
        return shown

    # ---- who is in them

    def members(self, team_id: str, limit: int = MOST, after: str = "") -> Page[MemberView]:
        """Who is in a team.  Raises NotFound."""
        self.get(team_id)
        rows = [self._view(one) for one in self._members.values() if one.team == team_id]
        return page(rows, lambda row: row.user, limit, after)

    async def put_member(self, team_id: str, wanted: NewMember, dry_run: bool = False, *, actor: Actor) -> MemberView:
        """Put a user into a team, or say anew whether they manage it.  Raises NotFound."""
        async with self._change:
            self.get(team_id)
            user = self._users.get(wanted.user)
            old, now = self.member(team_id, user.id), self._clock.unix()
            member = Member(team=team_id, user=user.id, manager=wanted.manager, since=old.since if old else now)
            if not dry_run and member != old:
                subject = _subject(member)
                line = made(actor, now, "member", subject, member)
                if old is not None:
                    line = updated(actor, now, "member", subject, old, member)
                await self._database.run(noted(lambda c: teams.put_member(c, member), line))
                self._members = {**self._members, (team_id, user.id): member}
        return self._view(member, dry_run)

    async def remove_member(self, team_id: str, user_id: str, dry_run: bool = False, *, actor: Actor) -> MemberView:
        """Take a user out of a team; keys of theirs that are the team's stay and count towards it.  Raises NotFound."""
        async with self._change:
            self.get(team_id)
            member = self.member(team_id, user_id)
            if member is None:
                raise NotFound(
                    f"{user_id[:100]!r} is not in the team {team_id!r}",
                    hint=f"glowplug teams members {team_id} shows who is",
                )
            if not dry_run:
                line = gone(actor, self._clock.unix(), "member", _subject(member), member)
                await self._database.run(noted(lambda c: teams.remove_member(c, team_id, user_id), line))
                self._members = {which: one for which, one in self._members.items() if which != (team_id, user_id)}
        return self._view(member, dry_run)

    def _view(self, member: Member, dry_run: bool = False) -> MemberView:
        user = self._users.find(member.user)
        return MemberView(**msgspec.structs.asdict(member), name=user.name if user else "", dry_run=dry_run)

    def _ended(self, user_id: str) -> None:
        if self._users.find(user_id) is None:
            self._members = {which: one for which, one in self._members.items() if one.user != user_id}


def _subject(member: Member) -> str:
    """What a line of the audit log calls it."""
    return f"{member.team} {member.user}"
