"""`/customer/*` and `/end_user/*`: whom clients say they ask for.

Nothing is stored for them, and what a request says of itself limits nothing: a client could say another name.  So
they can be looked at, and whoever would limit one is told to give them a key.
"""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm import spent
from glowplug.control.litellm.durations import written
from glowplug.control.litellm.shapes import NotHere, dollars, iso, shaped, text
from glowplug.control.litellm.spent import Sheet
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.budget import Scope
from glowplug.errors import NotFound
from glowplug.store.usage import By
from glowplug.wire.end_user import PREFIX

_CHANGES: Final = ("new", "update", "delete", "block", "unblock")


class Customers:
    """What the endpoints do."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def _names(self, sheet: Sheet) -> list[str]:
        """Those whom requests named, and those of no user here who have a budget: an import makes them of end users."""
        users = self._services.users
        said = {name.removeprefix(PREFIX) for name in sheet.sums[By.USER] if name.startswith(PREFIX)}
        budgets = {name for scope, name in sheet.views if scope is Scope.USER}
        return sorted(said | {name for name in budgets if users is None or users.find(name) is None})

    def _row(self, name: str, sheet: Sheet) -> dict[str, Any]:
        users = self._services.users
        # The budget of a user of that name is the user's, and so is what their keys used.
        alone = users is None or users.find(name) is None
        own = sheet.budget(Scope.USER, name) if alone else None
        used = sheet.sums[By.USER].get(PREFIX + name, 0) + (sheet.spent(By.USER, name) if alone else 0)
        table = own and {
            "budget_id": own.id,
            "max_budget": dollars(own.amount),
            "budget_duration": written(own),
            "budget_reset_at": iso(own.ends_at),
        }
        return {
            "user_id": name,
            "alias": None,
            "blocked": False,
            "spend": dollars(used),
            "allowed_model_region": None,
            "default_model": None,
            "budget_id": own.id if own else None,
            "litellm_budget_table": table,
        }

    async def info(self, request: Request) -> Response:
        name = text(request, "end_user_id")
        sheet = await spent.sheet(self._services, By.USER)
        if name not in self._names(sheet):
            raise NotFound(f"there is no customer {name[:80]!r}", hint="GET /customer/list has those there are")
        return answer(self._row(name, sheet))

    async def list(self, _request: Request) -> Response:
        sheet = await spent.sheet(self._services, By.USER)
        return answer([self._row(name, sheet) for name in self._names(sheet)])


async def _change(_request: Request) -> Response:
    raise NotHere(
        "customers cannot be made, limited or blocked: what a request says of itself limits nothing",
        hint="POST /key/generate with user_id gives a customer a key, and POST /user/new a budget for their keys",
    )


def routes(services: Services) -> tuple[Endpoint, ...]:
    customers = Customers(services)
    admin = Policy.ADMIN
    return shaped(
        endpoint
        for noun in ("/customer", "/end_user")
        for endpoint in (
            Endpoint("GET", f"{noun}/info", customers.info, "LiteLLM: somebody whom requests name", admin),
            Endpoint("GET", f"{noun}/list", customers.list, "LiteLLM: whom requests name", admin),
            *(Endpoint("POST", f"{noun}/{verb}", _change, "LiteLLM: change a customer", admin) for verb in _CHANGES),
        )
    )
