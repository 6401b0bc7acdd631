"""Ollama's own API as its clients see it: how their bodies are looked into, and the lines and errors they are told.

An answer that streams is lines of JSON, one object each (`application/x-ndjson`), the last with `done: true`; an error
is `{"error": "a text"}`, in a stream as well.  Read in Ollama's docs/api.md and server/routes.go as of version 0.33.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from glowplug.errors import GlowplugError, RequestError
from glowplug.wire import openai
from glowplug.wire.openai import Body, error_text

VERSION: Final = "0.33.2"
"""What `GET /api/version` says: whose API is spoken here, not who speaks it.  Copilot wants 0.6.4 at least."""
MEDIA: Final = b"content-type: application/x-ndjson\r\n"
LATEST: Final = ":latest"
_encode = msgspec.json.Encoder().encode


class _Streams(msgspec.Struct):
    stream: bool | None = None


class Named(msgspec.Struct):
    """A body that names a model, in the member of today or that of old clients."""

    model: str = ""
    name: str = ""
    stream: bool | None = None

    @property
    def wanted(self) -> str:
        return self.model or self.name

    @property
    def streams(self) -> bool:
        return self.stream is not False


_streams = msgspec.json.Decoder(_Streams).decode
_named = msgspec.json.Decoder(Named).decode
_BROKEN: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def peek(data: bytes) -> Body:
    """Look into a request that streams unless it says that it does not.  Raises RequestError."""
    body = openai.peek_as_is(data)
    if not body.stream and _says_nothing(data):
        body.stream = body.wants_usage = True
    return body


def _says_nothing(data: bytes) -> bool:
    """Whether a body that could be looked into says nothing of streams."""
    try:
        return _streams(data).stream is None
    except _BROKEN as error:
        raise RequestError(f"The request body cannot be used: {error}", code="invalid_body") from None


def peek_whole(data: bytes) -> Body:
    """Look into a request that never streams.  Raises RequestError."""
    body = openai.peek_as_is(data)
    body.stream = body.wants_usage = False
    return body


def read_named(data: bytes) -> Named:
    """What `/api/show` and `/api/pull` are asked.  Raises RequestError."""
    try:
        asked = _named(data)
    except _BROKEN as error:
        raise RequestError(f"The request body cannot be used: {error}", code="invalid_body") from None
    if not asked.wanted:
        raise RequestError("model is required", code="invalid_body")
    return asked


# ---- names


def other_spelling(name: str) -> str:
    """The same model's other name: `mistral` and `mistral:latest` are one."""
    if name.endswith(LATEST):
        return name.removesuffix(LATEST)
    return name if is_tagged(name) else name + LATEST


def is_tagged(name: str) -> bool:
    """Whether a name ends in a tag."""
    return ":" in name.rpartition("/")[2]


def tagged(name: str) -> str:
    """A name with its tag.  Open WebUI takes a name without one for another model than the one it was listed as."""
    return name if is_tagged(name) else name + LATEST


# ---- what is said


def rfc3339(seconds: float) -> str:
    """A moment (unix seconds) as Ollama writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def line(value: dict[str, Any]) -> bytes:
    """One object of a stream."""
    return _encode(value) + b"\n"


def error_object(message: str) -> bytes:
    """An error as Ollama's clients expect it."""
    return _encode({"error": message})


def error_body(error: GlowplugError, request_id: str) -> bytes:
    """A whole answer that says what went wrong; the request's id is in its header only."""
    return error_object(error_text(error))


def error_event(error: GlowplugError, request_id: str) -> bytes:
    """The same in a stream."""
    return error_body(error, request_id) + b"\n"


def answer_event(status: int, body: bytes) -> bytes:
    """A whole upstream answer inside a stream that was promised before it came."""
    return b" ".join(body.splitlines()) + b"\n"


def chat_waiting(model: str, now: float) -> bytes:
    """What a waiting chat hears: nothing was said yet.  There are no comments in lines of JSON."""
    message = {"role": "assistant", "content": ""}
    return line({"model": model, "created_at": rfc3339(now), "message": message, "done": False})


def generate_waiting(model: str, now: float) -> bytes:
    """The same for a completion."""
    return line({"model": model, "created_at": rfc3339(now), "response": "", "done": False})
