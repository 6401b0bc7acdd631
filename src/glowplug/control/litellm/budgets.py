"""`/budget/*`: a budget of LiteLLM's is a budget on the tag that keys with its `budget_id` have."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import spent
from glowplug.control.litellm.durations import budget_text, written
from glowplug.control.litellm.key_fields import BUDGET_TAG
from glowplug.control.litellm.shapes import body, converted, dollars, iso, nano, shaped, tree
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.domain.budget import Scope
from glowplug.domain.change import Actor
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.ids import short_id
from glowplug.usecases.budgets import BudgetView
from glowplug.usecases.limits import NewLimit


class BudgetFields(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a body that describes a budget."""

    budget_id: str = ""
    max_budget: float | str | None = None
    budget_duration: str = ""
    tpm_limit: int | None = None
    rpm_limit: int | None = None
    max_parallel_requests: int | None = None


class Named(msgspec.Struct, frozen=True, kw_only=True):
    """Which budgets are meant."""

    id: str = ""
    budgets: tuple[str, ...] = ()


class Budgets:
    """What `/budget/*` does."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def _id(self, view: BudgetView) -> str:
        ours = view.scope is Scope.TAG and view.name.startswith(BUDGET_TAG)
        return view.name.removeprefix(BUDGET_TAG) if ours else view.id

    def _row(self, view: BudgetView) -> dict[str, Any]:
        limits = self._services.limits.every() if self._services.limits else ()
        limit = next((one for one in limits if (one.scope, one.name) == (view.scope, view.name)), None)
        return {
            "budget_id": self._id(view),
            "max_budget": dollars(view.amount),
            "soft_budget": None,
            "budget_duration": written(view),
            "budget_reset_at": iso(view.ends_at),
            "tpm_limit": limit.tpm if limit else None,
            "rpm_limit": limit.rpm if limit else None,
            "max_parallel_requests": limit.concurrency if limit else None,
            "model_max_budget": {},
            "created_at": iso(view.created_at),
            "updated_at": iso(view.created_at),
            "spend": None if view.spent is None else dollars(view.spent),
            "scope": view.scope.value,
            "name": view.name,
        }

    def _find(self, name: str) -> BudgetView | None:
        return next((view for view in spent.views(self._services) if name and self._id(view) == name), None)

    def _named(self, name: str) -> BudgetView:
        found = self._find(name)
        if found is None:
            raise NotFound(f"there is no budget {name[:80]!r}", hint="GET /budget/list has those there are")
        return found

    async def new(self, request: Request) -> Response:
        wanted = await body(request, BudgetFields)
        name = wanted.budget_id or short_id("budget")
        if self._find(name) is not None:
            raise Conflict(f"there is a budget {name[:80]!r}", hint="POST /budget/update changes it")
        if wanted.max_budget is None:
            raise RequestError("max_budget is needed", hint="send dollars")
        text = budget_text(nano("max_budget", wanted.max_budget), wanted.budget_duration)
        await spent.give(self._services, Scope.TAG, BUDGET_TAG + name, text, actor(request))
        await self._limit(wanted, BUDGET_TAG + name, actor(request))
        return answer(self._row(self._named(name)))

    async def _limit(self, wanted: BudgetFields, tag: str, who: Actor) -> None:
        limits = self._services.limits
        if limits is None or wanted.tpm_limit is wanted.rpm_limit is wanted.max_parallel_requests is None:
            return
        new = NewLimit(
            scope=Scope.TAG,
            name=tag,
            rpm=wanted.rpm_limit,
            tpm=wanted.tpm_limit,
            concurrency=wanted.max_parallel_requests,
        )
        await limits.put(new, {}, actor=who)

    async def update(self, request: Request) -> Response:
        sent = await tree(request)
        wanted = converted(sent, BudgetFields)
        view = self._named(wanted.budget_id)
        if "max_budget" in sent and sent["max_budget"] is None:
            raise RequestError("max_budget is null", hint="POST /budget/delete takes a budget away")
        if "max_budget" in sent or "budget_duration" in sent:
            await spent.set_budget(
                self._services, view.scope, view.name, sent, wanted.max_budget, wanted.budget_duration, actor(request)
            )
        if view.scope is Scope.TAG:
            await self._limit(wanted, view.name, actor(request))
        now = next(v for v in spent.views(self._services) if (v.scope, v.name) == (view.scope, view.name))
        return answer(self._row(now))

    async def info(self, request: Request) -> Response:
        wanted = await body(request, Named)
        return answer([self._row(self._named(name)) for name in wanted.budgets])

    async def list(self, _request: Request) -> Response:
        return answer([self._row(view) for view in spent.views(self._services)])

    async def delete(self, request: Request) -> Response:
        view = self._named((await body(request, Named)).id)
        row = self._row(view)
        await spent.budget_book(self._services).delete(view.id, actor=actor(request))
        limits = self._services.limits
        if (
            limits is not None
            and view.scope is Scope.TAG
            and (Scope.TAG, view.name) in {(one.scope, one.name) for one in limits.every()}
        ):
            await limits.delete(Scope.TAG, view.name, actor=actor(request))
        return answer(row)


def routes(services: Services) -> tuple[Endpoint, ...]:
    if services.budgets is None:
        return ()
    budgets = Budgets(services)
    admin = Policy.ADMIN
    return shaped(
        (
            Endpoint("POST", "/budget/new", budgets.new, "LiteLLM: make a budget", admin),
            Endpoint("POST", "/budget/update", budgets.update, "LiteLLM: change a budget", admin),
            Endpoint("POST", "/budget/info", budgets.info, "LiteLLM: budgets by id", Policy.READ),
            Endpoint("GET", "/budget/list", budgets.list, "LiteLLM: budgets", admin),
            Endpoint("POST", "/budget/delete", budgets.delete, "LiteLLM: take a budget away", admin),
        )
    )
