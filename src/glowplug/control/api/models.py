"""`/admin/models`, `/admin/instances` and the logs of engines."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, PAGED, TEXT, Param, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.instance import InstanceView
from glowplug.domain.plan import RunView
from glowplug.usecases.logs import MOST_LINES, follow, tail
from glowplug.usecases.models import ModelView
from glowplug.usecases.page import MOST, Page, Rows

_LONGEST_WAIT = 3600.0
_LINES = 200
_WAIT = Param("wait", "How long to wait until it is ready, as 30s; left out: not at all.")
_LAST = Param("lines", "How many of the last lines.", Annotated[int, msgspec.Meta(ge=0, le=MOST_LINES)])
_TEXT = "text/plain; charset=utf-8"


def routes(services: Services) -> tuple[Endpoint, ...]:
    plans = services.plans

    @contract(Page[InstanceView], query=PAGED)
    async def instances(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        return answer(services.models.instances(query.number("limit", MOST, MOST), query.text("after")))

    @contract(Page[ModelView], query=PAGED)
    async def models(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        return answer(services.models.list(query.number("limit", MOST, MOST), query.text("after")))

    @contract(InstanceView, query=(_WAIT, DRY_RUN))
    async def start(request: Request) -> Response:
        query = Query(request, ("wait", "dry_run"))
        wait = query.seconds("wait", 0.0, _LONGEST_WAIT)
        return answer(await services.models.start(request.path_params["name"], wait, query.flag("dry_run")))

    @contract(InstanceView, query=(Param("force", "Also where requests are under way. 1 or 0.", bool), DRY_RUN))
    async def stop(request: Request) -> Response:
        query = Query(request, ("force", "dry_run"))
        name = request.path_params["name"]
        return answer(await services.models.stop(name, query.flag("force"), query.flag("dry_run")))

    @contract(media=TEXT, query=(_LAST, Param("follow", "Go on with what is written from now. 1 or 0.", bool)))
    async def logs(request: Request) -> Response:
        query = Query(request, ("lines", "follow"))
        lines = query.number("lines", _LINES, MOST_LINES)
        path = services.log_file(services.models.local(request.path_params["name"]))
        if query.flag("follow"):
            return StreamingResponse(follow(path, lines), media_type=_TEXT)
        data, _ = await asyncio.to_thread(tail, path, lines)
        return Response(data, media_type=_TEXT)

    @contract(Rows[RunView])
    async def runs(request: Request) -> Response:
        Query(request, ())
        assert plans is not None
        return answer({"data": plans.runs(request.path_params["name"])})

    measured = Endpoint("GET", "/admin/models/{name:path}/runs", runs, "what loads of it really took", Policy.ADMIN)
    return (
        Endpoint("GET", "/admin/instances", instances, "one row a local model", Policy.ADMIN),
        Endpoint("GET", "/admin/models", models, "models and aliases with their problems", Policy.ADMIN),
        Endpoint("POST", "/admin/models/{name:path}/start", start, "make a local model ready", Policy.ADMIN),
        Endpoint("POST", "/admin/models/{name:path}/stop", stop, "stop a local model", Policy.ADMIN),
        Endpoint("GET", "/admin/models/{name:path}/logs", logs, "an engine's log", Policy.ADMIN),
        *((measured,) if plans is not None else ()),
    )
