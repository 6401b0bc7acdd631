"""`/user/*`."""

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
from glowplug.domain.people import UserRole
from glowplug.errors import Forbidden, NotFound, RequestError
from glowplug.store.usage import By
from glowplug.usecases.keys import NewKey
from glowplug.usecases.users import NewUser, UserBook, UserChange

_MOST = 1000
_USUAL = 25
_ROLES = {
    "proxy_admin": UserRole.ADMIN,
    "proxy_admin_viewer": UserRole.VIEWER,
    "internal_user": UserRole.MEMBER,
    "internal_user_viewer": UserRole.MEMBER,
}
ROLES = {UserRole.ADMIN: "proxy_admin", UserRole.VIEWER: "proxy_admin_viewer", UserRole.MEMBER: "internal_user"}
"""Our role → theirs."""


class UserFields(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a body that describes a user."""

    user_id: str = ""
    user_alias: str = ""
    user_email: str = ""
    user_role: str = ""
    models: tuple[str, ...] = ()
    max_budget: float | str | None = None
    budget_duration: str = ""
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    max_parallel_requests: int | None = None
    auto_create_key: bool = True
    key_alias: str = ""
    duration: str = ""
    model_max_budget: dict[str, Any] = {}


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    user_ids: tuple[str, ...] = ()


class Users:
    """What the endpoints do."""

    def __init__(self, services: Services, book: UserBook) -> None:
        self._services = services
        self._book = book

    def _names(self, sheet: Sheet) -> list[str]:
        return people.names(self._services, By.USER, sheet, (user.id for user in self._book.every()))

    def _row(self, name: str, sheet: Sheet) -> dict[str, Any]:
        user = self._book.find(name)
        keys = people.keys_of(self._services, By.USER, name)
        joined = [one.team for one in self._services.teams.teams_of(name)] if self._services.teams else []
        return {
            "user_id": name,
            "user_alias": (user.name or None) if user else None,
            "user_email": (user.email or None) if user else None,
            "user_role": ROLES[user.role] if user else "internal_user",
            "teams": sorted({*joined, *(key.team for key in keys if key.team)}),
            "models": list(user.models) if user else [],
            "key_count": len(keys),
            "created_at": iso(user.created_at) if user else None,
            **people.row(self._services, By.USER, name, sheet),
        }

    def _known(self) -> frozenset[str]:
        return frozenset(self._services.catalog().names())

    async def new(self, request: Request) -> Response:
        sent = await tree(request)
        wanted = converted(sent, UserFields)
        refuse({"model_max_budget": wanted.model_max_budget}, "give the user a budget as a whole")
        fresh = NewUser(
            id=wanted.user_id,
            name=wanted.user_alias,
            email=wanted.user_email,
            role=role(wanted.user_role),
            models=key_fields.models(wanted.models),
        )
        expires = key_fields.lasts(wanted.duration)
        made = await self._book.create(fresh, self._known(), actor=actor(request))
        await people.allow(self._services, Scope.USER, made.id, sent, actor(request))
        told: dict[str, Any] = {}
        if wanted.auto_create_key:
            new = NewKey(name=wanted.key_alias, user=made.id, expires_in=expires)
            key = await self._services.keys.create(new, self._known(), actor=actor(request))
            told = {"key": key.key, "token": key.id, "expires": iso(key.expires_at)}
        return answer({**self._row(made.id, await spent.sheet(self._services, By.USER)), **told})

    async def update(self, request: Request) -> Response:
        sent = await tree(request)
        wanted = converted(sent, UserFields)
        by_email = self._book.by_email(wanted.user_email) if not wanted.user_id else None
        name = wanted.user_id or (by_email.id if by_email else "")
        change = UserChange(
            name=wanted.user_alias if "user_alias" in sent else UNSET,
            email=wanted.user_email if "user_email" in sent else UNSET,
            role=role(wanted.user_role) if wanted.user_role else UNSET,
            models=key_fields.models(wanted.models) if "models" in sent else UNSET,
        )
        await self._book.update(name, change, self._known(), actor=actor(request))
        await people.allow(self._services, Scope.USER, name, sent, actor(request))
        row = self._row(name, await spent.sheet(self._services, By.USER))
        return answer({"user_id": name, "data": row})

    async def delete(self, request: Request) -> Response:
        """Their keys go with them, as LiteLLM does it."""
        gone = [self._book.get(name) for name in (await body(request, Chosen)).user_ids]
        if not gone:
            raise RequestError("no user is named", hint="send user_ids")
        for user in gone:
            await self._book.delete(user.id, with_keys=True, actor=actor(request))
        return answer(len(gone))

    async def info(self, request: Request) -> Response:
        own: ApiKey = request.state.key
        name = text(request, "user_id", own.user)
        if own.role is Role.USER and (not own.user or name != own.user):
            raise Forbidden("a key that is not an admin's may ask for its own user only", hint="leave user_id out")
        sheet = await spent.sheet(self._services, By.USER, By.KEY)
        if not name:
            return answer({"user_id": None, "user_info": None, "keys": [], "teams": []})
        if name not in self._names(sheet):
            raise NotFound(f"there is no user {name[:80]!r}", hint="GET /user/list has those there are")
        row = self._row(name, sheet)
        keys = [key_fields.row(sheet, key) for key in people.keys_of(self._services, By.USER, name)]
        return answer({"user_id": name, "user_info": row, "keys": keys, "teams": row["teams"]})

    async def list(self, request: Request) -> Response:
        sheet = await spent.sheet(self._services, By.USER)
        wanted = frozenset(name for name in text(request, "user_ids").split(",") if name)
        names = [name for name in self._names(sheet) if not wanted or name in wanted]
        page, size = number(request, "page", 1, 10**6), number(request, "page_size", _USUAL, _MOST)
        shown, pages = cut(names, page, size)
        users = [self._row(name, sheet) for name in shown]
        return answer({"users": users, "total": len(names), "page": page, "page_size": size, "total_pages": pages})


def role(text: str) -> UserRole:
    """Our role for theirs.  Raises RequestError."""
    if text and text not in _ROLES:
        raise RequestError(f"user_role is {text[:40]!r}", hint=f"write {', '.join(_ROLES)}")
    return _ROLES.get(text, UserRole.MEMBER)


def routes(services: Services) -> tuple[Endpoint, ...]:
    if services.users is None:
        return ()
    users = Users(services, services.users)
    admin = Policy.ADMIN
    return shaped(
        (
            Endpoint("POST", "/user/new", users.new, "LiteLLM: make a user", admin),
            Endpoint("POST", "/user/update", users.update, "LiteLLM: change a user", admin),
            Endpoint("POST", "/user/delete", users.delete, "LiteLLM: forget users", admin),
            Endpoint("GET", "/user/info", users.info, "LiteLLM: a user, or the caller's own", Policy.OWN),
            Endpoint("GET", "/user/list", users.list, "LiteLLM: users", admin),
        )
    )
