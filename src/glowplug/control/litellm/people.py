"""`/user/*` and `/team/*`: who keys belong to, and what they may spend."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import key_fields, spent
from glowplug.control.litellm.durations import written
from glowplug.control.litellm.shapes import NotHere, cut, dollars, iso, number, shaped, text
from glowplug.control.litellm.spent import Sheet
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.access import ApiKey, Role
from glowplug.domain.budget import Scope
from glowplug.errors import Forbidden, NotFound
from glowplug.store.usage import By

_MOST = 1000
_USUAL = 25


class People:
    """What the endpoints do.  Users and teams are those that keys, budgets and limits name."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def _keys(self, by: By, name: str) -> list[ApiKey]:
        return [key for key in self._services.keys.every() if key.revoked_at is None and getattr(key, by.value) == name]

    def _names(self, by: By, sheet: Sheet) -> list[str]:
        """Everybody that anything names."""
        limits = self._services.limits.every() if self._services.limits else ()
        found = {getattr(key, by.value) for key in self._services.keys.every()}
        found |= {name for scope, name in sheet.views if scope.value == by.value}
        found |= {one.name for one in limits if one.scope.value == by.value}
        found |= {name for name in sheet.sums[by] if not name.startswith("end:")}
        return sorted(found - {""})

    def _row(self, by: By, name: str, sheet: Sheet) -> dict[str, Any]:
        """What the rows of users and of teams have in common."""
        own = sheet.views.get((Scope(by.value), name))
        limits = self._services.limits.every() if self._services.limits else ()
        limit = next((one for one in limits if (one.scope.value, one.name) == (by.value, name)), None)
        return {
            "spend": dollars(sheet.spent(by, name)),
            "max_budget": dollars(own.amount) if own else None,
            "budget_duration": written(own) if own else None,
            "budget_reset_at": iso(own.ends_at) if own else None,
            "tpm_limit": limit.tpm if limit else None,
            "rpm_limit": limit.rpm if limit else None,
            "max_parallel_requests": limit.concurrency if limit else None,
            "models": [],
            "metadata": {},
            "organization_id": None,
        }

    def _user(self, name: str, sheet: Sheet) -> dict[str, Any]:
        keys = self._keys(By.USER, name)
        admin = any(key.role is Role.ADMIN for key in keys)
        return {
            "user_id": name,
            "user_alias": None,
            "user_email": None,
            "user_role": "proxy_admin" if admin else "internal_user",
            "teams": sorted({key.team for key in keys if key.team}),
            "key_count": len(keys),
            **self._row(By.USER, name, sheet),
        }

    def _team(self, name: str, sheet: Sheet) -> dict[str, Any]:
        users = sorted({key.user for key in self._keys(By.TEAM, name) if key.user})
        return {
            "team_id": name,
            "team_alias": name,
            "admins": [],
            "members": users,
            "members_with_roles": [{"user_id": user, "user_email": None, "role": "user"} for user in users],
            "blocked": False,
            **self._row(By.TEAM, name, sheet),
        }

    async def user_info(self, request: Request) -> Response:
        own: ApiKey = request.state.key
        name = text(request, "user_id", own.user)
        if own.role is not Role.ADMIN and (not own.user or name != own.user):
            raise Forbidden("a key that is not an admin's may ask for its own user only", hint="leave user_id out")
        sheet = await spent.sheet(self._services, By.USER, By.KEY)
        if name and name not in self._names(By.USER, sheet):
            raise NotFound(f"there is no user {name[:80]!r}", hint="GET /user/list has those there are")
        user = self._user(name, sheet)
        keys = [key_fields.row(sheet, key) for key in self._keys(By.USER, name)] if name else []
        return answer(
            {"user_id": name or None, "user_info": user if name else None, "keys": keys, "teams": user["teams"]}
        )

    async def user_list(self, request: Request) -> Response:
        sheet = await spent.sheet(self._services, By.USER)
        wanted = frozenset(name for name in text(request, "user_ids").split(",") if name)
        names = [name for name in self._names(By.USER, sheet) if not wanted or name in wanted]
        page, size = number(request, "page", 1, 10**6), number(request, "page_size", _USUAL, _MOST)
        shown, pages = cut(names, page, size)
        users = [self._user(name, sheet) for name in shown]
        return answer({"users": users, "total": len(names), "page": page, "page_size": size, "total_pages": pages})

    async def team_info(self, request: Request) -> Response:
        own: ApiKey = request.state.key
        name = text(request, "team_id", own.team)
        if own.role is not Role.ADMIN and (not own.team or name != own.team):
            raise Forbidden("a key that is not an admin's may ask for its own team only", hint="leave team_id out")
        sheet = await spent.sheet(self._services, By.TEAM, By.KEY)
        if name not in self._names(By.TEAM, sheet):
            raise NotFound(f"there is no team {name[:80]!r}", hint="GET /team/list has those there are")
        keys = [key_fields.row(sheet, key) for key in self._keys(By.TEAM, name)]
        return answer({"team_id": name, "team_info": self._team(name, sheet), "keys": keys, "team_memberships": []})

    async def team_list(self, _request: Request) -> Response:
        sheet = await spent.sheet(self._services, By.TEAM)
        return answer([self._team(name, sheet) for name in self._names(By.TEAM, sheet)])

    async def team_pages(self, request: Request) -> Response:
        sheet = await spent.sheet(self._services, By.TEAM)
        wanted = text(request, "team_id")
        names = [name for name in self._names(By.TEAM, sheet) if wanted in ("", name)]
        page, size = number(request, "page", 1, 10**6), number(request, "page_size", _USUAL, _MOST)
        shown, pages = cut(names, page, size)
        teams = [self._team(name, sheet) for name in shown]
        return answer({"teams": teams, "total": len(names), "page": page, "page_size": size, "total_pages": pages})


async def written_elsewhere(_request: Request) -> Response:
    raise NotHere(
        "users and teams cannot be changed through this API yet",
        hint="a user or a team is there as soon as a key names it: send user_id or team_id to /key/generate",
    )


_WRITES = (
    "/user/new", "/user/update", "/user/delete", "/team/new", "/team/update", "/team/delete", "/team/member_add",
    "/team/member_update", "/team/member_delete", "/team/block", "/team/unblock",
)  # fmt: skip


def routes(services: Services) -> tuple[Endpoint, ...]:
    people = People(services)
    key, admin = Policy.KEY, Policy.ADMIN
    writes = (Endpoint("POST", path, written_elsewhere, "LiteLLM: users and teams", admin) for path in _WRITES)
    return shaped(
        (
            Endpoint("GET", "/user/info", people.user_info, "LiteLLM: a user, or the caller's own", key),
            Endpoint("GET", "/user/list", people.user_list, "LiteLLM: users", admin),
            Endpoint("GET", "/team/info", people.team_info, "LiteLLM: a team, or the caller's own", key),
            Endpoint("GET", "/team/list", people.team_list, "LiteLLM: teams", admin),
            Endpoint("GET", "/v2/team/list", people.team_pages, "LiteLLM: teams, in pages", admin),
            *writes,
        )
    )
