"""`/fallback`: who answers instead, as LiteLLM's three kinds."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm.models import served
from glowplug.control.litellm.shapes import NotHere, shaped, text
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.errors import NotFound, RequestError

KINDS = {"general": "fallback", "context_window": "on_context", "content_policy": "on_content"}
"""Their word → ours."""


def routes(services: Services) -> tuple[Endpoint, ...]:
    async def show(request: Request) -> Response:
        name, kind = request.path_params["model"], text(request, "fallback_type", "general")
        if kind not in KINDS:
            raise RequestError(f"fallback_type is {kind[:40]!r}", hint=f"write {', '.join(KINDS)}")
        alias = next((alias for alias in served(services)[1] if alias.name == name), None)
        found: tuple[str, ...] = getattr(alias, KINDS[kind]) if alias is not None else ()
        if not found:
            raise NotFound(f"{name[:80]!r} has no {kind} fallbacks", hint="glowplug models shows models and aliases")
        return answer({"model": name, "fallback_models": list(found), "fallback_type": kind})

    async def every(_request: Request) -> Response:
        rows = [
            {"model": alias.name, "fallback_models": list(found), "fallback_type": kind}
            for alias in served(services)[1]
            for kind, ours in KINDS.items()
            if (found := getattr(alias, ours))
        ]
        return answer({"fallbacks": rows})

    async def written(_request: Request) -> Response:
        raise NotHere(
            "fallbacks cannot be changed through this API yet",
            hint="write fallback, on_context or on_content of the alias into the configuration file",
        )

    admin = Policy.ADMIN
    return shaped(
        (
            Endpoint("GET", "/fallback", every, "LiteLLM: all fallbacks", admin),
            Endpoint("POST", "/fallback", written, "LiteLLM: set fallbacks", admin),
            Endpoint("GET", "/fallback/{model:path}", show, "LiteLLM: fallbacks of a model", admin),
            Endpoint("DELETE", "/fallback/{model:path}", written, "LiteLLM: take fallbacks away", admin),
        )
    )
