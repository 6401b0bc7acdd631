"""`/utils/token_counter`: an estimate, because counting exactly would load the model."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.litellm.shapes import body, shaped
from glowplug.control.litellm.spend import find
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.errors import RequestError
from glowplug.translate.estimate import estimated_tokens


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be counted."""

    model: str = ""
    prompt: str = ""
    messages: list[Any] = []
    contents: list[Any] = []


def routes(services: Services) -> tuple[Endpoint, ...]:
    async def count(request: Request) -> Response:
        wanted = await body(request, Counted)
        if not (wanted.prompt or wanted.messages):
            raise RequestError("there is nothing to count", hint="send prompt or messages")
        model = find(services, wanted.model)
        tokens = estimated_tokens(msgspec.json.encode({"messages": wanted.messages, "system": wanted.prompt}))
        return answer(
            {
                "total_tokens": tokens,
                "request_model": wanted.model,
                "model_used": model.upstream_model or model.name,
                "tokenizer_type": "estimate",
            }
        )

    return shaped((Endpoint("POST", "/utils/token_counter", count, "LiteLLM: tokens of a prompt", Policy.OWN),))
