"""Answers of the control process: JSON of any value, and errors in OpenAI's shape with their headers."""

from __future__ import annotations

import math

import msgspec
from starlette.responses import Response

from glowplug.errors import ConfigError, GlowplugError, Unauthenticated
from glowplug.wire.openai import error_body

_json = msgspec.json.Encoder()

_UNPROCESSABLE = 422


def answer(value: object, status: int = 200) -> Response:
    """A JSON response.  An infinite number becomes null."""
    return Response(_json.encode(value), status, media_type="application/json")


def error_answer(error: GlowplugError, request_id: str) -> Response:
    """The error as OpenAI clients read it (`glowplug.wire.openai.error_body`), with the headers that go with it."""
    status = _UNPROCESSABLE if isinstance(error, ConfigError) else error.status
    response = Response(error_body(error, request_id), status, media_type="application/json")
    if error.retry_after is not None:
        response.headers["retry-after"] = str(max(0, math.ceil(error.retry_after)))
    if isinstance(error, Unauthenticated):
        response.headers["www-authenticate"] = "Bearer"
    return response
