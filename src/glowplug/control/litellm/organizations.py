"""`/organization/*`: an organisation of LiteLLM's is a tag `org:ID` here, with its budget.  To look at only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import people, spent
from glowplug.control.litellm.shapes import dollars, iso, shaped, text
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.budget import Scope
from glowplug.errors import NotFound
from glowplug.moving.identity import organisation_tag
from glowplug.usecases.budgets import BudgetView

_PREFIX: Final = organisation_tag("")
_FIRST: Final = "2000-01-01"


class Organizations:
    """What the endpoints do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def _names(self) -> list[str]:
        """All that a key, a budget or a limit names; the ledger alone makes none, because anybody may say a tag."""
        limits = self._services.limits.every() if self._services.limits else ()
        tags = {tag for key in self._services.keys.every() if key.revoked_at is None for tag in key.tags}
        tags |= {view.name for view in spent.views(self._services) if view.scope is Scope.TAG}
        tags |= {one.name for one in limits if one.scope is Scope.TAG}
        return sorted(tag.removeprefix(_PREFIX) for tag in tags if tag.startswith(_PREFIX) and tag != _PREFIX)

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
        if name not in self._names():
            raise NotFound(f"there is no organisation {name[:80]!r}", hint="GET /organization/list has those there are")
        (row,) = await self._rows([name])
        return answer(row)

    async def list(self, _request: Request) -> Response:
        return answer(await self._rows(self._names()))


def routes(services: Services) -> tuple[Endpoint, ...]:
    organizations = Organizations(services)
    admin = Policy.ADMIN
    return shaped(
        (
            Endpoint("GET", "/organization/info", organizations.info, "LiteLLM: an organisation", admin),
            Endpoint("GET", "/organization/list", organizations.list, "LiteLLM: organisations", admin),
        )
    )
