"""`/fallback`: who answers instead, as LiteLLM's three kinds."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.config.schema import Alias
from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm.models import served
from glowplug.control.litellm.shapes import body, shaped, text
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.errors import ConfigError, NotFound, RequestError
from glowplug.usecases.managed import ManagedBook

KINDS = {"general": "fallback", "context_window": "on_context", "content_policy": "on_content"}
"""Their word → ours."""


def routes(services: Services) -> tuple[Endpoint, ...]:
    async def show(request: Request) -> Response:
        name, kind = request.path_params["model"], text(request, "fallback_type", "general")
        setting = ours(kind)
        alias = next((alias for alias in served(services)[1] if alias.name == name), None)
        found: tuple[str, ...] = getattr(alias, setting) if alias is not None else ()
        if not found:
            raise NotFound(f"{name[:80]!r} has no {kind} fallbacks", hint="glowplug models shows models and aliases")
        return answer({"model": name, "fallback_models": list(found), "fallback_type": kind})

    async def every(_request: Request) -> Response:
        rows = [
            {"model": alias.name, "fallback_models": list(found), "fallback_type": kind}
            for alias in served(services)[1]
            for kind, setting in KINDS.items()
            if (found := getattr(alias, setting))
        ]
        return answer({"fallbacks": rows})

    admin = Policy.ADMIN
    every_one = shaped(
        (
            Endpoint("GET", "/fallback", every, "LiteLLM: all fallbacks", admin),
            Endpoint("GET", "/fallback/{model:path}", show, "LiteLLM: fallbacks of a model", admin),
        )
    )
    return (*every_one, *_writing(services.managed))


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a body."""

    model: str = ""
    fallback_models: list[str] = []
    fallback_type: str = "general"


def _writing(book: ManagedBook | None) -> tuple[Endpoint, ...]:
    if book is None:
        return ()

    async def put(request: Request) -> Response:
        wanted = await body(request, Sent)
        kind, others = ours(wanted.fallback_type), wanted.fallback_models
        if not wanted.model:
            raise RequestError("model is missing", hint="say whose fallbacks they are")
        if not others or len(set(others)) != len(others) or "" in others or wanted.model in others:
            raise RequestError(
                "fallback_models are not other models, each once",
                hint=f"DELETE /fallback/{wanted.model} takes them away",
            )
        _alias(book, wanted.model)
        try:
            await book.change("aliases", wanted.model, {kind: others}, actor=actor(request))
        except ConfigError as error:
            raise RequestError(f"fallback_models: {error}", hint=error.hint) from None
        told = {"model": wanted.model, "fallback_models": others, "fallback_type": wanted.fallback_type}
        return answer({**told, "message": "Fallback configuration created successfully"})

    async def delete(request: Request) -> Response:
        name, word = request.path_params["model"], text(request, "fallback_type", "general")
        kind = ours(word)
        if not getattr(_alias(book, name), kind):
            raise NotFound(f"{name[:80]!r} has no {word} fallbacks of its own", hint="GET /fallback has all of them")
        await book.change("aliases", name, {kind: None}, actor=actor(request))
        return answer({"model": name, "fallback_type": word, "message": "Fallback configuration deleted successfully"})

    admin = Policy.ADMIN
    return shaped(
        (
            Endpoint("POST", "/fallback", put, "LiteLLM: set fallbacks", admin),
            Endpoint("DELETE", "/fallback/{model:path}", delete, "LiteLLM: take fallbacks away", admin),
        )
    )


def _alias(book: ManagedBook, name: str) -> Alias:
    """The alias as it is written.  Raises NotFound, and RequestError for a model, which has no fallbacks."""
    config = book.loaded().config
    if name in config.models and name not in config.aliases:
        raise RequestError(
            f"model: {name[:80]!r} is a model, and only aliases have fallbacks", hint="POST /admin/aliases makes one"
        )
    alias = config.aliases.get(name)
    if alias is None:
        raise NotFound(f"there is no model {name[:80]!r}", hint="GET /model/info has those there are")
    return alias


def ours(word: str) -> str:
    """Our setting of one of their kinds.  Raises RequestError."""
    if word not in KINDS:
        raise RequestError(f"fallback_type is {word[:40]!r}", hint=f"write {', '.join(KINDS)}")
    return KINDS[word]
