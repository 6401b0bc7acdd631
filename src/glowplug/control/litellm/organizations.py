"""`/organization/*`: an organisation of LiteLLM's is a tag `org:ID` on keys here, with its budget and its limits.

So it is there as long as a budget, a limit or a key has it, and it has no members: who may do what is said by teams.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import people, spent
from glowplug.control.litellm.budgets import BudgetFields
from glowplug.control.litellm.key_fields import ALL_MODELS
from glowplug.control.litellm.shapes import NotHere, converted, dollars, iso, refuse, shaped, text, tree
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.domain.budget import Scope
from glowplug.errors import Conflict, NotFound, RequestError
from glowplug.moving.identity import organisation_tag
from glowplug.usecases.budgets import BudgetView

_PREFIX: Final = organisation_tag("")
_FIRST: Final = "2000-01-01"
_LIMITS: Final = ("max_budget", "tpm_limit", "rpm_limit", "max_parallel_requests")
_NOTHING: Final[dict[str, Any]] = dict.fromkeys(_LIMITS, None)


class OrganizationFields(BudgetFields, frozen=True, kw_only=True):
    """What is read of a body that describes one, its budget among it."""

    organization_id: str = ""
    organization_alias: str = ""
    models: tuple[str, ...] = ()
    model_max_budget: dict[str, Any] = msgspec.field(default_factory=dict)
    model_rpm_limit: dict[str, Any] = msgspec.field(default_factory=dict)
    model_tpm_limit: dict[str, Any] = msgspec.field(default_factory=dict)


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    organization_ids: tuple[str, ...] = ()


def names(services: Services) -> list[str]:
    """All that a key, a budget or a limit names; the ledger alone makes none, because anybody may say a tag."""
    limits = services.limits.every() if services.limits else ()
    tags = {tag for key in services.keys.every() if key.revoked_at is None for tag in key.tags}
    tags |= {view.name for view in spent.views(services) if view.scope is Scope.TAG}
    tags |= {one.name for one in limits if one.scope is Scope.TAG}
    return sorted(tag.removeprefix(_PREFIX) for tag in tags if tag.startswith(_PREFIX) and tag != _PREFIX)


def check(services: Services, name: str) -> None:
    """Raises NotFound for an organisation that nobody made: without a budget it would limit nothing."""
    if name and name not in names(services):
        raise _unknown(name)


def of_team(services: Services, team: str) -> tuple[str, ...]:
    """The tags of the organisations that the keys of a team are of."""
    keys = services.keys.of(team=team) if team else ()
    return tuple(dict.fromkeys(tag for key in keys for tag in key.tags if tag.startswith(_PREFIX)))


class Organizations:
    """What the endpoints do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def _rows(self, names: list[str]) -> list[dict[str, Any]]:
        budgets = {one.name: one for one in reversed(spent.views(self._services)) if one.scope is Scope.TAG}
        today = datetime.fromtimestamp(self._services.clock.unix(), UTC).date().isoformat()
        used: dict[str, int] = {}
        for row in await self._services.usage.days(Scope.TAG, _FIRST, today):
            used[row.name] = used.get(row.name, 0) + row.nano
        return [self._row(name, budgets.get(organisation_tag(name)), used) for name in names]

    def _row(self, name: str, own: BudgetView | None, used: dict[str, int]) -> dict[str, Any]:
        tag = organisation_tag(name)
        limit = people.limit_of(self._services, Scope.TAG, tag)
        keys = [key for key in self._services.keys.every() if key.revoked_at is None and tag in key.tags]
        table = {"budget_id": own.id if own else None, **people.allowance(own, limit)}
        nano = used.get(tag, 0) if own is None or own.spent is None else own.spent
        return {
            "organization_id": name,
            "organization_alias": name,
            "budget_id": own.id if own else None,
            "spend": dollars(nano),
            "metadata": {},
            "models": [],
            "created_at": iso(own.created_at) if own else None,
            "litellm_budget_table": table if own or limit else None,
            "teams": [{"team_id": team} for team in sorted({key.team for key in keys if key.team})],
            "members": [],
        }

    async def info(self, request: Request) -> Response:
        name = text(request, "organization_id")
        if name not in names(self._services):
            raise _unknown(name)
        (row,) = await self._rows([name])
        return answer(row)

    async def list(self, _request: Request) -> Response:
        return answer(await self._rows(names(self._services)))

    async def new(self, request: Request) -> Response:
        """Known by its alias where no id is sent: nothing but the id is kept."""
        sent, wanted = await _described(request)
        name = wanted.organization_id or wanted.organization_alias
        if not name:
            raise RequestError("no organisation is named", hint="send organization_alias")
        if name in names(self._services):
            raise Conflict(
                f"there is an organisation {name[:80]!r} already", hint="PATCH /organization/update changes one"
            )
        if all(sent.get(limit) is None for limit in _LIMITS):
            raise RequestError(
                "an organisation without a budget and without limits is nothing here", hint="send max_budget"
            )
        return await self._allow(request, name, sent)

    async def update(self, request: Request) -> Response:
        sent, wanted = await _described(request)
        if wanted.organization_id not in names(self._services):
            raise _unknown(wanted.organization_id)
        return await self._allow(request, wanted.organization_id, sent)

    async def _allow(self, request: Request, name: str, sent: dict[str, Any]) -> Response:
        await people.allow(self._services, Scope.TAG, organisation_tag(name), sent, actor(request))
        (row,) = await self._rows([name])
        return answer(row)

    async def delete(self, request: Request) -> Response:
        """Its keys are revoked, as LiteLLM's end: without the organisation they would be limited by less."""
        gone = tuple(dict.fromkeys(converted(await tree(request), Chosen).organization_ids))
        if not gone:
            raise RequestError("no organisation is named", hint="send organization_ids")
        for name in gone:
            check(self._services, name)
        rows = await self._rows(list(gone))
        tags = {organisation_tag(name) for name in gone}
        keys = [key for key in self._services.keys.every() if key.revoked_at is None and not tags.isdisjoint(key.tags)]
        await self._services.keys.revoke_all(keys, actor=actor(request))
        for name in gone:
            await people.allow(self._services, Scope.TAG, organisation_tag(name), _NOTHING, actor(request))
        return answer(rows)

    async def members(self, request: Request) -> Response:
        await tree(request)
        raise NotHere(
            "an organisation has no members here: it is a tag on keys with a budget",
            hint="put people into teams with POST /team/member_add, and send organization_id with their keys",
        )


async def _described(request: Request) -> tuple[dict[str, Any], OrganizationFields]:
    """What was sent, and as it is read.  Raises RequestError."""
    sent = await tree(request)
    wanted = converted(sent, OrganizationFields)
    refuse({"models": set(wanted.models) - ALL_MODELS}, "what may be used is said by keys and teams")
    refuse({"budget_id": wanted.budget_id}, "an organisation has a budget of its own: send max_budget")
    single = ("model_max_budget", "model_rpm_limit", "model_tpm_limit")
    refuse({name: getattr(wanted, name) for name in single}, "limit the model itself, or the organisation as a whole")
    return sent, wanted


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no organisation {name[:80]!r}", hint="GET /organization/list has those there are")


def routes(services: Services) -> tuple[Endpoint, ...]:
    organizations = Organizations(services)
    admin = Policy.ADMIN
    return shaped(
        (
            Endpoint("GET", "/organization/info", organizations.info, "LiteLLM: an organisation", admin),
            Endpoint("GET", "/organization/list", organizations.list, "LiteLLM: organisations", admin),
            Endpoint("POST", "/organization/new", organizations.new, "LiteLLM: make an organisation", admin),
            Endpoint("PATCH", "/organization/update", organizations.update, "LiteLLM: change an organisation", admin),
            Endpoint("DELETE", "/organization/delete", organizations.delete, "LiteLLM: forget organisations", admin),
            *(
                Endpoint(method, f"/organization/member_{verb}", organizations.members, "LiteLLM: not here", admin)
                for method, verb in (("POST", "add"), ("PATCH", "update"), ("DELETE", "delete"))
            ),
        )
    )
