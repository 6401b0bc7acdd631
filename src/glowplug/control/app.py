"""The control process's HTTP side: `build_app(services)`, served by uvicorn on the control socket."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.api import (
    backups,
    bodies,
    budgets,
    changes,
    clients,
    config,
    config_file,
    credentials,
    discover,
    doctor,
    events,
    footprint,
    invitations,
    keys,
    leases,
    ledger,
    limits,
    logins,
    managed,
    managing,
    me,
    memory,
    metrics,
    models,
    names,
    oidc,
    openapi,
    pages,
    plan,
    requests,
    responses,
    route,
    sessions,
    status,
    teams,
    usage,
    users,
)
from glowplug.control.auth import Policy
from glowplug.control.litellm.mounted import litellm_routes
from glowplug.control.routes import Endpoint, Gate, mount
from glowplug.control.services import Services
from glowplug.domain.access import ApiKey
from glowplug.errors import NotFound

_SERVED_BY_WORKERS = (
    "POST /v1/chat/completions",
    "POST /v1/completions",
    "POST /v1/embeddings",
    "POST /v1/responses",
    "GET /v1/models",
)
_WORKERS = "v1"
"""Nearly everything below this is served by workers."""


def endpoints(services: Services) -> tuple[Endpoint, ...]:
    """Every route, one noun after the other."""
    nouns = (
        status, models, plan, managed, names, route, memory, leases, keys, budgets, limits, credentials, backups, usage,
        clients, discover, config, config_file, events, metrics, responses, requests, bodies, ledger, users, teams,
        changes, me, managing, logins, sessions, invitations, oidc, doctor, footprint, pages,
    )  # fmt: skip
    ours = tuple(endpoint for noun in nouns for endpoint in noun.routes(services))
    every = (*ours, *litellm_routes(services))
    return (*every, openapi.route(every))


def build_app(services: Services, more: Iterable[Endpoint] = ()) -> Starlette:
    """The application.  Raises InternalError when a route does not say who may call it."""
    every = (*endpoints(services), *more)

    async def nothing(request: Request) -> Response:
        path = request.url.path
        hint = "there is " + ", ".join(nearest(path, every))
        raise NotFound(f"there is nothing at {request.method} {path}", hint=hint, code="unknown_url")

    def blocked(key: ApiKey) -> str:
        return services.keys.standing(key).blocked

    resume = None if services.logins is None else services.logins.sessions.resume
    gate = Gate(services.keys.find, services.clock.unix, services.catalog, blocked, resume)
    fallback = Endpoint("*", "/{path:path}", nothing, "everything else", Policy.OWN)
    app = Starlette(routes=mount((*every, fallback), gate))
    app.router.redirect_slashes = False
    return app


def nearest(path: str, every: Iterable[Endpoint]) -> list[str]:
    """What is there under the same first part of the path; else what clients use."""
    first = path.strip("/").partition("/")[0]
    below = [f"{e.method} {e.path}" for e in every if e.path.strip("/").partition("/")[0] == first]
    return below if below and first != _WORKERS else list(_SERVED_BY_WORKERS)
