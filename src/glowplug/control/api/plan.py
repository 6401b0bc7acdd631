"""`/admin/plan`, and whether a model would fit with other options."""

from __future__ import annotations

from contextlib import suppress

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import Param, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.fit import FitView, OptionValue
from glowplug.domain.plan import PlanView
from glowplug.errors import NotFound, RequestError
from glowplug.usecases.plan import AliasPlan

_OPTIONS = Param("options", 'Numbers and choices to suppose beside its own, as a JSON object: {"ctx_size": 8192}.')


def routes(services: Services) -> tuple[Endpoint, ...]:
    plans = services.plans
    if plans is None:
        return ()

    @contract(PlanView, AliasPlan)
    async def plan(request: Request) -> Response:
        Query(request, ())
        return answer(plans.plan(request.path_params["name"]))

    @contract(FitView, query=(_OPTIONS,))
    async def fit(request: Request) -> Response:
        options = _options(Query(request, ("options",)).text("options"))
        name = request.path_params["name"]
        plans.check(name)
        written: dict[str, object] = {}
        with suppress(NotFound):  # the configuration was read anew meanwhile
            written = {} if services.managed is None else services.managed.entry("models", name).settings
        return answer(await plans.fit(name, options, written))

    return (
        Endpoint("GET", "/admin/plan/{name:path}", plan, "what loading a model would do", Policy.ADMIN),
        Endpoint(
            "GET", "/admin/models/{name:path}/fit", fit, "whether it fits with other options, and its command",
            Policy.ADMIN,
        ),
    )  # fmt: skip


def _options(text: str) -> dict[str, OptionValue]:
    """Raises RequestError."""
    if not text:
        return {}
    try:
        return msgspec.json.decode(text, type=dict[str, OptionValue])
    except msgspec.MsgspecError as error:
        raise RequestError(f"options are no JSON object of plain values: {error}") from None
