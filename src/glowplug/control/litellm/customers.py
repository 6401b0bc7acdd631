"""`/customer/*` and `/end_user/*`: whom clients say they ask for.

Nothing is stored for one but a budget and limits, ours of the user `end:NAME`.  They hold for keys with `end_users`:
what requests of other keys say limits nothing, because a client could say another name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import people, spent
from glowplug.control.litellm.shapes import converted, dollars, refuse, shaped, text, tree
from glowplug.control.litellm.spent import Sheet
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.domain.budget import Scope
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.store.usage import By
from glowplug.wire.end_user import PREFIX, prefixed

_BLOCK: Final = "max_parallel_requests"
"""The limit that is 0 for whoever is blocked."""
_NOTHING: Final[dict[str, Any]] = dict.fromkeys(("max_budget", "tpm_limit", "rpm_limit", "max_parallel_requests"), None)


class CustomerFields(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a body that describes one."""

    user_id: str = ""
    max_budget: float | str | None = None
    budget_duration: str | None = None
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    max_parallel_requests: int | None = None
    budget_id: str | None = None
    default_model: str | None = None
    allowed_model_region: str | None = None
    blocked: bool | None = None


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    user_ids: tuple[str, ...] = ()


class Customers:
    """What the endpoints do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def _sheet(self) -> Sheet:
        """With those whom requests named beside the user of a key: there they are tags."""
        found = await spent.sheet(self._services, By.USER, By.TAG)
        users = dict(found.sums[By.USER])
        for name, cost in found.sums[By.TAG].items():
            if name.startswith(PREFIX):
                users[name] = users.get(name, 0) + cost
        return replace(found, sums={By.USER: users})

    def _limited(self, sheet: Sheet) -> set[str]:
        """Those who have a budget or limits."""
        limits = self._services.limits.every() if self._services.limits else ()
        found = {*sheet.views, *((one.scope, one.name) for one in limits)}
        return {name.removeprefix(PREFIX) for scope, name in found if scope is Scope.USER and name.startswith(PREFIX)}

    def _names(self, sheet: Sheet) -> list[str]:
        """These, and those whom requests named."""
        said = {name.removeprefix(PREFIX) for name in sheet.sums[By.USER] if name.startswith(PREFIX)}
        return sorted(said | self._limited(sheet))

    def _row(self, name: str, sheet: Sheet) -> dict[str, Any]:
        kept = PREFIX + name
        own = sheet.budget(Scope.USER, kept)
        limit = people.limit_of(self._services, Scope.USER, kept)
        table = {"budget_id": own.id if own else None, **people.allowance(own, limit)} if own or limit else None
        return {
            "user_id": name,
            "alias": None,
            "blocked": self._is_blocked(name),
            "spend": dollars(sheet.spent(By.USER, kept)),
            "allowed_model_region": None,
            "default_model": None,
            "budget_id": own.id if own else None,
            "litellm_budget_table": table,
        }

    def _is_blocked(self, name: str) -> bool:
        limit = people.limit_of(self._services, Scope.USER, PREFIX + name)
        return limit is not None and limit.concurrency == 0

    async def new(self, request: Request) -> Response:
        sent, name = await _described(request)
        if name in self._limited(await self._sheet()):
            raise Conflict(f"there is a customer {name[:80]!r} already", hint="POST /customer/update changes one")
        return await self._allow(request, name, sent)

    async def update(self, request: Request) -> Response:
        """Somebody who has no row can be limited too: requests name whom they will."""
        sent, name = await _described(request)
        return await self._allow(request, name, sent)

    async def _allow(self, request: Request, name: str, sent: dict[str, Any]) -> Response:
        if sent.get("blocked"):
            sent = {**sent, _BLOCK: 0}
        elif sent.get("blocked") is False and self._is_blocked(name):
            sent = {_BLOCK: None, **sent}
        await people.allow(self._services, Scope.USER, PREFIX + name, sent, actor(request))
        return answer(self._row(name, await self._sheet()))

    async def delete(self, request: Request) -> Response:
        """Their budgets and limits go.  What they used stays."""
        gone = converted(await tree(request), Chosen).user_ids
        there = self._names(await self._sheet())
        for name in gone:
            if name not in there:
                raise _unknown(name)
        for name in gone:
            await people.allow(self._services, Scope.USER, PREFIX + name, _NOTHING, actor(request))
        return answer({"deleted_customers": len(gone), "message": f"deleted {', '.join(gone)}"})

    async def block(self, request: Request) -> Response:
        """Blocked is who may ask nothing at the same time; somebody who never asked, too."""
        return await self._put(request, True)

    async def unblock(self, request: Request) -> Response:
        return await self._put(request, False)

    async def _put(self, request: Request, blocked: bool) -> Response:
        names = [_checked(name) for name in converted(await tree(request), Chosen).user_ids]
        for name in names:
            if self._is_blocked(name) is not blocked:
                most = {_BLOCK: 0 if blocked else None}
                await people.allow(self._services, Scope.USER, PREFIX + name, most, actor(request))
        sheet = await self._sheet()
        return answer({"blocked_users": [row for name in names if (row := self._row(name, sheet))["blocked"]]})

    async def info(self, request: Request) -> Response:
        name = text(request, "end_user_id")
        sheet = await self._sheet()
        if name not in self._names(sheet):
            raise _unknown(name)
        return answer(self._row(name, sheet))

    async def list(self, _request: Request) -> Response:
        sheet = await self._sheet()
        return answer([self._row(name, sheet) for name in self._names(sheet)])


async def _described(request: Request) -> tuple[dict[str, Any], str]:
    """What was sent and whom it names.  Raises RequestError."""
    sent = await tree(request)
    wanted = converted(sent, CustomerFields)
    refuse({"budget_id": wanted.budget_id}, "a customer has a budget of their own: send max_budget and budget_duration")
    refuse(
        {"default_model": wanted.default_model, "allowed_model_region": wanted.allowed_model_region},
        "what a request may use is said by its key",
    )
    return sent, _checked(wanted.user_id)


def _checked(name: str) -> str:
    """As requests name them.  Raises RequestError."""
    kept = prefixed(name).removeprefix(PREFIX)
    if not kept:
        raise RequestError("no customer is named", hint="send user_id")
    return kept


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no customer {name[:80]!r}", hint="GET /customer/list has those there are")


def routes(services: Services) -> tuple[Endpoint, ...]:
    customers = Customers(services)
    admin = Policy.ADMIN
    return shaped(
        endpoint
        for noun in ("/customer", "/end_user")
        for endpoint in (
            Endpoint("GET", f"{noun}/info", customers.info, "LiteLLM: somebody whom requests name", admin),
            Endpoint("GET", f"{noun}/list", customers.list, "LiteLLM: whom requests name", admin),
            Endpoint("POST", f"{noun}/new", customers.new, "LiteLLM: limit somebody whom requests name", admin),
            Endpoint("POST", f"{noun}/update", customers.update, "LiteLLM: change a customer's limits", admin),
            Endpoint("POST", f"{noun}/delete", customers.delete, "LiteLLM: take customers' limits away", admin),
            Endpoint("POST", f"{noun}/block", customers.block, "LiteLLM: block customers", admin),
            Endpoint("POST", f"{noun}/unblock", customers.unblock, "LiteLLM: let customers in again", admin),
        )
    )
