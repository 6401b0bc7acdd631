"""The control process's HTTP side: `build_app(services)`, served by uvicorn on the control socket."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.api import bodies, config, events, keys, leases, memory, metrics, models, plan, status, usage
from glowplug.control.auth import Policy
from glowplug.control.routes import Endpoint, Gate, mount
from glowplug.control.services import Services
from glowplug.errors import NotFound

_SERVED_BY_WORKERS = (
    "POST /v1/chat/completions",
    "POST /v1/completions",
    "POST /v1/embeddings",
    "GET /v1/models",
)


def endpoints(services: Services) -> tuple[Endpoint, ...]:
    """Every route, one noun after the other."""
    nouns = (status, models, plan, memory, leases, keys, usage, config, events, metrics, bodies)
    return tuple(endpoint for noun in nouns for endpoint in noun.routes(services))


def build_app(services: Services, more: Iterable[Endpoint] = ()) -> Starlette:
    """The application.  Raises InternalError when a route does not say who may call it."""
    every = (*endpoints(services), *more)

    async def nothing(request: Request) -> Response:
        path = request.url.path
        hint = "there is " + ", ".join(nearest(path, every))
        raise NotFound(f"there is nothing at {request.method} {path}", hint=hint, code="unknown_url")

    gate = Gate(services.keys.find, services.clock.unix, services.catalog)
    fallback = Endpoint("*", "/{path:path}", nothing, "everything else", Policy.KEY)
    app = Starlette(routes=mount((*every, fallback), gate))
    app.router.redirect_slashes = False
    return app


def nearest(path: str, every: Iterable[Endpoint]) -> list[str]:
    """What is there under the same first part of the path; else what clients use."""
    first = path.strip("/").partition("/")[0]
    below = [f"{e.method} {e.path}" for e in every if e.path.strip("/").partition("/")[0] == first]
    return below or list(_SERVED_BY_WORKERS)
