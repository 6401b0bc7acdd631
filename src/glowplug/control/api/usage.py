"""`/admin/usage`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import BY, PAGED, SINCE, UNTIL, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.store.usage_sum import UsageSum
from glowplug.usecases.page import MOST, Page
from glowplug.usecases.usage import groups


def routes(services: Services) -> tuple[Endpoint, ...]:
    @contract(Page[UsageSum], query=(BY, SINCE, UNTIL, *PAGED))
    async def show(request: Request) -> Response:
        query = Query(request, ("by", "since", "until", "limit", "after"))
        found = await services.usage.sums(
            groups(query.text("by", "model,key,day")),
            query.text("since"),
            query.text("until"),
            query.number("limit", MOST, MOST),
            query.text("after"),
        )
        return answer(found)

    return (
        Endpoint(
            "GET",
            "/admin/usage",
            show,
            "what was used and what it cost, by model, key, user, team and day",
            Policy.ADMIN,
        ),
    )
