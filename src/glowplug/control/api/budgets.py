"""`/admin/budgets`."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, PAGED, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.domain.budget import Scope
from glowplug.usecases.budgets import BudgetView, NewBudget, ResetBudget
from glowplug.usecases.page import MOST, Page


def routes(services: Services) -> tuple[Endpoint, ...]:
    budgets = services.budgets
    if budgets is None:
        return ()

    @contract(Page[BudgetView], query=PAGED)
    async def show(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        return answer(budgets.list(query.number("limit", MOST, MOST), query.text("after")))

    @contract(BudgetView, body=NewBudget, query=(DRY_RUN,), status=201)
    async def create(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, NewBudget)
        if wanted.scope is Scope.KEY:
            wanted = msgspec.structs.replace(wanted, name=services.keys.identity(wanted.name))
        return answer(
            await budgets.create(wanted, names(services), dry_run, actor=actor(request)), 200 if dry_run else 201
        )

    @contract(BudgetView, query=(DRY_RUN,))
    async def delete(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        return answer(await budgets.delete(request.path_params["id"], dry_run, actor=actor(request)))

    @contract(BudgetView, body=ResetBudget, query=(DRY_RUN,))
    async def reset(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, ResetBudget)
        return answer(await budgets.reset(request.path_params["id"], wanted, dry_run, actor=actor(request)))

    return (
        Endpoint("GET", "/admin/budgets", show, "budgets, and what is left of them", Policy.ADMIN),
        Endpoint("POST", "/admin/budgets", create, "make a budget", Policy.ADMIN),
        Endpoint("POST", "/admin/budgets/{id}/reset", reset, "let a budget begin again in its window", Policy.ADMIN),
        Endpoint("DELETE", "/admin/budgets/{id}", delete, "take a budget away", Policy.ADMIN),
    )


def names(services: Services) -> dict[Scope, frozenset[str]]:
    """The names in those scopes where only some can be meant."""
    return {
        Scope.KEY: frozenset(services.keys.identity(key.id) for key in services.keys.usable()),
        Scope.MODEL: frozenset(model.name for model in services.catalog().models),
    }
