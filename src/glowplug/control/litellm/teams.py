"""`/team/*`.  A role `admin` in a team is our manager."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import key_fields, people, spent
from glowplug.control.litellm.shapes import body, converted, cut, iso, number, refuse, shaped, text, tree
from glowplug.control.litellm.spent import Sheet
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.domain.access import ApiKey, Role
from glowplug.domain.budget import Scope
from glowplug.errors import Forbidden, NotFound, RequestError
from glowplug.store.usage import By
from glowplug.usecases.teams import MemberView, NewMember, NewTeam, TeamBook, TeamChange
from glowplug.usecases.users import UserBook

_MOST = 1000
_USUAL = 25


class MemberFields(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in a team, by id or by address."""

    role: str = "user"
    user_id: str = ""
    user_email: str = ""


class TeamFields(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a body that describes a team."""

    team_id: str = ""
    team_alias: str = ""
    models: tuple[str, ...] = ()
    members_with_roles: tuple[MemberFields, ...] = ()
    blocked: bool = False
    organization_id: str = ""
    model_aliases: dict[str, Any] = {}
    model_max_budget: dict[str, Any] = {}


class TeamMember(msgspec.Struct, frozen=True, kw_only=True):
    """Who is to be put into a team, or taken out of it."""

    team_id: str = ""
    member: MemberFields | tuple[MemberFields, ...] = ()
    user_id: str = ""
    user_email: str = ""
    role: str = ""
    max_budget_in_team: float | str | None = None


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    team_id: str = ""
    team_ids: tuple[str, ...] = ()


class Teams:
    """What the endpoints do."""

    def __init__(self, services: Services, book: TeamBook, users: UserBook) -> None:
        self._services = services
        self._book = book
        self._users = users

    def _members(self, name: str) -> list[MemberView]:
        rows: list[MemberView] = []
        while self._book.find(name) is not None:
            page = self._book.members(name, after=rows[-1].user if rows else "")
            rows += page.data
            if not page.has_more:
                break
        return rows

    def _row(self, name: str, sheet: Sheet) -> dict[str, Any]:
        team, members = self._book.find(name), self._members(name)
        return {
            "team_id": name,
            "team_alias": (team.name if team else "") or name,
            "admins": [one.user for one in members if one.manager],
            "members": [one.user for one in members],
            "members_with_roles": [self._member(one) for one in members],
            "models": list(team.models) if team else [],
            "blocked": team is not None and team.blocked_at is not None,
            "created_at": iso(team.created_at) if team else None,
            **people.row(self._services, By.TEAM, name, sheet),
            "organization_id": next(iter(self._organisations(name)), None),
        }

    def _member(self, member: MemberView) -> dict[str, Any]:
        user = self._users.find(member.user)
        email = (user.email or None) if user else None
        return {"user_id": member.user, "user_email": email, "role": "admin" if member.manager else "user"}

    async def _told(self, name: str) -> dict[str, Any]:
        return self._row(name, await spent.sheet(self._services, By.TEAM))

    def _names(self, sheet: Sheet) -> list[str]:
        return people.names(self._services, By.TEAM, sheet, (team.id for team in self._book.every()))

    def _check_organisation(self, team: str, wanted: TeamFields) -> None:
        """Keys have an organisation, and their team by them.  Raises RequestError for another than they have."""
        if wanted.organization_id not in ("", *self._organisations(team)):
            raise RequestError(
                "organization_id cannot be had here", hint="an organisation is of keys: send it to /key/generate"
            )

    def _organisations(self, team: str) -> list[str]:
        keys = people.keys_of(self._services, By.TEAM, team) if team else []
        return sorted({name for key in keys if (name := key_fields.organisation(key))})

    def _known(self) -> frozenset[str]:
        return frozenset(self._services.catalog().names())

    async def new(self, request: Request) -> Response:
        sent = await tree(request)
        wanted = converted(sent, TeamFields)
        _check(wanted)
        self._check_organisation("", wanted)
        members = [self._new_member(one) for one in wanted.members_with_roles]
        fresh = NewTeam(id=wanted.team_id, name=wanted.team_alias, models=key_fields.models(wanted.models))
        made = await self._book.create(fresh, self._known(), actor=actor(request))
        for member in members:
            await self._book.put_member(made.id, member, actor=actor(request))
        if wanted.blocked:
            await self._book.update(made.id, TeamChange(blocked=True), self._known(), actor=actor(request))
        await people.allow(self._services, Scope.TEAM, made.id, sent, actor(request))
        return answer(await self._told(made.id))

    async def update(self, request: Request) -> Response:
        sent = await tree(request)
        wanted = converted(sent, TeamFields)
        _check(wanted)
        self._check_organisation(wanted.team_id, wanted)
        change = TeamChange(
            name=wanted.team_alias if "team_alias" in sent else UNSET,
            models=key_fields.models(wanted.models) if "models" in sent else UNSET,
            blocked=wanted.blocked if "blocked" in sent else UNSET,
        )
        await self._book.update(wanted.team_id, change, self._known(), actor=actor(request))
        await people.allow(self._services, Scope.TEAM, wanted.team_id, sent, actor(request))
        return answer({"team_id": wanted.team_id, "data": await self._told(wanted.team_id)})

    async def delete(self, request: Request) -> Response:
        """Its keys go with it, as LiteLLM does it."""
        gone = [self._book.get(name) for name in (await body(request, Chosen)).team_ids]
        if not gone:
            raise RequestError("no team is named", hint="send team_ids")
        for team in gone:
            await self._book.delete(team.id, with_keys=True, actor=actor(request))
        return answer({"deleted_teams": [team.id for team in gone]})

    async def block(self, request: Request) -> Response:
        return await self._block(request, True)

    async def unblock(self, request: Request) -> Response:
        return await self._block(request, False)

    async def _block(self, request: Request, blocked: bool) -> Response:
        name = (await body(request, Chosen)).team_id
        await self._book.update(name, TeamChange(blocked=blocked), self._known(), actor=actor(request))
        return answer(await self._told(name))

    # ---- members

    def _user(self, user_id: str, email: str) -> str:
        """The id of a user by id or address.  Raises NotFound."""
        found = self._users.by_email(email) if not user_id else self._users.find(user_id)
        if found is None:
            raise NotFound(f"there is no user {(user_id or email)[:80]!r}", hint="POST /user/new makes one")
        return found.id

    def _new_member(self, one: MemberFields) -> NewMember:
        return NewMember(user=self._user(one.user_id, one.user_email), manager=_manages(one.role))

    async def member_add(self, request: Request) -> Response:
        wanted = await body(request, TeamMember)
        _check_budget(wanted)
        given = wanted.member if isinstance(wanted.member, tuple) else (wanted.member,)
        if not given:
            raise RequestError("nobody is named", hint='send member, for example {"role": "user", "user_id": "ann"}')
        self._book.get(wanted.team_id)
        for member in [self._new_member(one) for one in given]:
            await self._book.put_member(wanted.team_id, member, actor=actor(request))
        told = await self._told(wanted.team_id)
        return answer({**told, "updated_users": [], "updated_team_memberships": []})

    async def member_update(self, request: Request) -> Response:
        wanted = await body(request, TeamMember)
        _check_budget(wanted)
        user = self._user(wanted.user_id, wanted.user_email)
        old = self._book.member(self._book.get(wanted.team_id).id, user)
        if old is None:
            raise NotFound(f"{user!r} is not in the team", hint="POST /team/member_add puts people into one")
        manager = _manages(wanted.role) if wanted.role else old.manager
        await self._book.put_member(wanted.team_id, NewMember(user=user, manager=manager), actor=actor(request))
        return answer({"team_id": wanted.team_id, "user_id": user, "user_email": None, "max_budget_in_team": None})

    async def member_delete(self, request: Request) -> Response:
        wanted = await body(request, TeamMember)
        user = self._user(wanted.user_id, wanted.user_email)
        await self._book.remove_member(wanted.team_id, user, actor=actor(request))
        return answer(await self._told(wanted.team_id))

    # ---- reading

    async def info(self, request: Request) -> Response:
        own: ApiKey = request.state.key
        name = text(request, "team_id", own.team)
        if own.role is Role.USER and (not own.team or name != own.team):
            raise Forbidden("a key that is not an admin's may ask for its own team only", hint="leave team_id out")
        sheet = await spent.sheet(self._services, By.TEAM, By.KEY)
        if name not in self._names(sheet):
            raise NotFound(f"there is no team {name[:80]!r}", hint="GET /team/list has those there are")
        keys = [key_fields.row(sheet, key) for key in people.keys_of(self._services, By.TEAM, name)]
        memberships = [
            {"user_id": one.user, "team_id": name, "budget_id": None, "litellm_budget_table": None}
            for one in self._members(name)
        ]
        team = self._row(name, sheet)
        return answer({"team_id": name, "team_info": team, "keys": keys, "team_memberships": memberships})

    async def list(self, _request: Request) -> Response:
        sheet = await spent.sheet(self._services, By.TEAM)
        return answer([self._row(name, sheet) for name in self._names(sheet)])

    async def paged(self, request: Request) -> Response:
        sheet = await spent.sheet(self._services, By.TEAM)
        wanted = text(request, "team_id")
        names = [name for name in self._names(sheet) if wanted in ("", name)]
        page, size = number(request, "page", 1, 10**6), number(request, "page_size", _USUAL, _MOST)
        shown, pages = cut(names, page, size)
        teams = [self._row(name, sheet) for name in shown]
        return answer({"teams": teams, "total": len(names), "page": page, "page_size": size, "total_pages": pages})


def _manages(role: str) -> bool:
    if role not in ("admin", "user"):
        raise RequestError(f"role is {role[:40]!r}", hint="write admin or user")
    return role == "admin"


def _check(wanted: TeamFields) -> None:
    refuse({"model_aliases": wanted.model_aliases}, "aliases are for everybody; write one into the configuration")
    refuse({"model_max_budget": wanted.model_max_budget}, "give the team a budget as a whole")


def _check_budget(wanted: TeamMember) -> None:
    if wanted.max_budget_in_team is not None:
        raise RequestError(
            "max_budget_in_team cannot be had here", hint="give the keys of that member a budget of their own"
        )


def routes(services: Services) -> tuple[Endpoint, ...]:
    if services.teams is None or services.users is None:
        return ()
    teams = Teams(services, services.teams, services.users)
    admin = Policy.ADMIN
    return shaped(
        (
            Endpoint("POST", "/team/new", teams.new, "LiteLLM: make a team", admin),
            Endpoint("POST", "/team/update", teams.update, "LiteLLM: change a team", admin),
            Endpoint("POST", "/team/delete", teams.delete, "LiteLLM: forget teams", admin),
            Endpoint("POST", "/team/block", teams.block, "LiteLLM: block a team", admin),
            Endpoint("POST", "/team/unblock", teams.unblock, "LiteLLM: let a team in again", admin),
            Endpoint("POST", "/team/member_add", teams.member_add, "LiteLLM: put people into a team", admin),
            Endpoint("POST", "/team/member_update", teams.member_update, "LiteLLM: change a member", admin),
            Endpoint("POST", "/team/member_delete", teams.member_delete, "LiteLLM: take a member out", admin),
            Endpoint("GET", "/team/info", teams.info, "LiteLLM: a team, or the caller's own", Policy.OWN),
            Endpoint("GET", "/team/list", teams.list, "LiteLLM: teams", admin),
            Endpoint("GET", "/v2/team/list", teams.paged, "LiteLLM: teams, in pages", admin),
        )
    )
