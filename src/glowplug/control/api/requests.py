"""`/admin/requests`, and `/admin/speeds`, which is read from them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import PAGED, Param, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.store.request_search import OUTCOMES, Wanted
from glowplug.store.requests import RequestView
from glowplug.store.speeds import Speed
from glowplug.usecases.changes import done
from glowplug.usecases.page import MOST, Rows
from glowplug.usecases.requests import LEAST_ID, RequestPage

_USUAL = 50
_LATELY = 300.0
_LONGEST = 86_400.0
"""Seconds behind us that speeds are asked for."""
_HIGHEST_STATUS = 599
_TEXTS = ("key", "user", "team", "asked", "model", "tag", "outcome", "id")
_SPAN = Param("seconds", "How far back is looked, as 300 or 1h; left out: 5 minutes, at most a day.")
_SEARCH = (
    *PAGED,
    Param("newer", "Only those that began after the request with this id."),
    Param("since", "Only those from this moment on: Unix seconds, 2026-01-31 or 2026-01-31T12:00:00Z."),
    Param("until", "Only those before this moment, written in the same way."),
    Param(
        "status",
        "Only those whose last attempt had this HTTP status.",
        Annotated[int, msgspec.Meta(ge=0, le=_HIGHEST_STATUS)],
    ),
    Param("key", "Only those with this API key: its id."),
    Param("user", "Only those of this user: its id."),
    Param("team", "Only those of this team: its id."),
    Param("asked", "Only those that asked for this model or alias."),
    Param("model", "Only those of which an attempt went to this model."),
    Param("tag", "Only those with this tag."),
    Param("outcome", "Only those whose last attempt ended so; `failed` is any but a good end.", Literal[OUTCOMES]),
    Param("id", f"Only those whose id begins so: {LEAST_ID} characters or more."),
)


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """What a cancellation did."""

    request: str
    calls: int
    """How many were in flight under this id; clients may give ids, so there can be several."""


def routes(services: Services) -> tuple[Endpoint, ...]:
    requests = services.requests
    if requests is None:
        return ()

    @contract(RequestPage, query=_SEARCH)
    async def newest(request: Request) -> Response:
        query = Query(request, ("limit", "after", "newer", "since", "until", "status", *_TEXTS))
        wanted = Wanted(
            since=query.moment("since"),
            until=query.moment("until"),
            status=query.number("status", 0, _HIGHEST_STATUS) if query.text("status") else None,
            key=query.text("key"),
            user=query.text("user"),
            team=query.text("team"),
            asked=query.text("asked"),
            model=query.text("model"),
            tag=query.text("tag"),
            outcome=query.text("outcome"),
            id=query.text("id"),
        )
        limit = query.number("limit", _USUAL, MOST)
        return answer(await requests.newest(limit, query.text("after"), wanted, query.text("newer")))

    @contract(RequestView)
    async def show(request: Request) -> Response:
        Query(request, ())
        return answer(await requests.show(request.path_params["id"]))

    @contract(Rows[Speed], query=(_SPAN,))
    async def speeds(request: Request) -> Response:
        seconds = Query(request, ("seconds",)).seconds("seconds", _LATELY, _LONGEST)
        return answer({"data": await requests.speeds(services.clock.unix() - seconds)})

    @contract(Cancelled)
    async def cancel(request: Request) -> Response:
        Query(request, ())
        name = request.path_params["id"]
        assert services.cancel is not None
        cancelled = Cancelled(request=name, calls=await services.cancel(name))
        if services.changes is not None:
            line = done(actor(request), services.clock.unix(), "cancel", "request", name, {"calls": cancelled.calls})
            await services.changes.note(line)
        return answer(cancelled)

    ends = Endpoint("POST", "/admin/requests/{id}/cancel", cancel, "end a request that is in flight", Policy.ADMIN)
    return (
        Endpoint("GET", "/admin/speeds", speeds, "how quickly models answered lately", Policy.ADMIN),
        Endpoint("GET", "/admin/requests", newest, "requests, the newest first", Policy.ADMIN),
        Endpoint("GET", "/admin/requests/{id}", show, "a request with all its attempts", Policy.ADMIN),
        *((ends,) if services.cancel is not None else ()),
    )
