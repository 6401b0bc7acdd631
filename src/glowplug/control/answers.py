"""Answers: JSON of any value, and errors in OpenAI's shape with the hint and the request id beside."""

from __future__ import annotations

import math

import msgspec
from starlette.responses import Response

from glowplug.errors import ConfigError, EngineFailed, GlowplugError, Loading, Problem, Unauthenticated
from glowplug.usecases.config import problem_views

_json = msgspec.json.Encoder()

_UNPROCESSABLE = 422


def answer(value: object, status: int = 200) -> Response:
    """A JSON response.  An infinite number becomes null."""
    return Response(_json.encode(value), status, media_type="application/json")


def error_answer(error: GlowplugError, request_id: str) -> Response:
    """`{"error": {"message", "type", "param", "code", "hint", "request_id", …}}` with the headers that go with it."""
    status = _UNPROCESSABLE if isinstance(error, ConfigError) else error.status
    response = answer({"error": error_object(error, request_id)}, status)
    if error.retry_after is not None:
        response.headers["retry-after"] = str(max(0, math.ceil(error.retry_after)))
    if isinstance(error, Unauthenticated):
        response.headers["www-authenticate"] = "Bearer"
    return response


def error_object(error: GlowplugError, request_id: str) -> dict[str, object]:
    """The members of the error object."""
    members: dict[str, object] = {
        "message": str(error),
        "type": error.type,
        "param": None,
        "code": error.code,
        "hint": error.hint,
        "request_id": request_id,
    }
    if isinstance(error, Loading):
        members["loading"] = error.loading
    if isinstance(error, EngineFailed):
        members["reason"] = error.reason
        members["log_tail"] = error.log_tail
    if isinstance(error, ConfigError):
        problems: tuple[Problem, ...] = error.problems
        members["problems"] = problem_views(problems)
    return members
